"""Codes on a plane: PCA at once, UMAP when it has settled, and further codes among those that lie there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Floats, Neighbours

__all__ = ["FEWEST_NEIGHBOURS", "Layout", "MapSettings", "pca_map", "umap_map"]

Report: TypeAlias = Callable[..., object]

FEWEST_NEIGHBOURS: Final = 2
SMALL: Final = 10_000  # rows up to which a layout settles for longer
FITTED: Final = 20_000  # rows that are enough to find the two main axes
WIDE: Final = 600  # dimensions from which on axes are searched instead of solved for
ITERATIONS: Final = 6
BLOCK: Final = 8192
SIZE: Final = 10.0  # of a layout at its start
JITTER: Final = 1e-4  # so that equal codes come apart
PLACING_EPOCHS: Final = 60


@dataclass(frozen=True, slots=True)
class MapSettings:
    """How a UMAP is laid out.

    Attributes:
        neighbours: how many belong to the surroundings of a picture, itself included, from 2; few show detail, many
            the whole.
        min_dist: how near pictures may come, in [0, 1]; the layout as a whole is some 10 to 20 wide.
        density: keep crowded places crowded and sparse ones sparse (densMAP, Narayan et al. 2021); takes about twice
            as long.
        seed: lay out the same way every time, on one processor core; None uses all cores and is never the same.
        epochs: rounds of the layout; None for 500 up to 10,000 pictures and 200 above, and 200 more for densities.
    """

    neighbours: int = 15
    min_dist: float = 0.1
    density: bool = False
    seed: int | None = None
    epochs: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where pictures lie: ``positions`` float32 (m, 2)."""

    positions: Floats
    settings: MapSettings
    _codes: Floats = field(repr=False)

    def place(self, codes: Floats) -> Floats:
        """Where further codes (q, d) belong among those laid out, float32 (q, 2); nothing else moves.

        Each starts at the mean of its neighbours, by how much they belong to its surroundings, and settles among
        them. The same codes get the same places. A code that is on the map gets its own place.
        """
        from explorer.atlas.neighbours import nearest
        from explorer.atlas.umap_run import Graph, memberships, settle

        count = min(max(self.settings.neighbours - 1, FEWEST_NEIGHBOURS), len(self._codes))
        found = nearest(self._codes, codes, count)
        weights = memberships(found.distances, _silent)
        shares = weights / weights.sum(1, keepdims=True)
        start = np.einsum("qk,qkc->qc", shares, self.positions[found.indices]).astype(np.float32)
        heads = np.repeat(np.arange(len(codes), dtype=np.int32), count)
        graph = Graph(heads, found.indices.ravel(), weights.ravel())
        placed = settle(
            graph, start, PLACING_EPOCHS, self.settings.min_dist, 0, _silent, fixed=self.positions, rate=0.25
        )
        known = found.distances[:, 0] == 0
        placed[known] = self.positions[found.indices[known, 0]]
        return placed


def pca_map(codes: Floats) -> Floats:
    """Codes (m, d) along their two directions of largest variance, float32 (m, 2), in the units of the codes.

    The signs are such that the largest part of a direction is positive. From more than ``FITTED`` rows every so manyth
    decides the directions.
    """
    count = len(codes)
    fitted = np.asarray(codes[:: max(1, count // FITTED)], np.float32)
    mean = fitted.mean(0, dtype=np.float64).astype(np.float32)
    axes = _axes(fitted - mean)
    positions = np.zeros((count, 2), np.float32)
    for start in range(0, count, BLOCK):
        block = (codes[start : start + BLOCK] - mean) @ axes
        positions[start : start + BLOCK, : axes.shape[1]] = block
    return positions


def umap_map(
    codes: Floats,
    neighbours: Neighbours,
    settings: MapSettings,
    report: Report,
    show: Callable[[Floats], object] | None = None,
    start: Floats | None = None,
) -> Layout:
    """Codes (m, d) laid out by UMAP from ``start`` (m, 2), by PCA where there is none.

    Other settings need no other ``neighbours``, as long as there are enough; a map cannot have more. ``show`` gets
    positions while they settle, on this thread. ``report`` is told of epochs at least every 100 ms for 1,000,000
    pictures and may raise to stop.
    """
    from explorer.atlas.umap_run import memberships, settle, union

    count = len(codes)
    assert len(neighbours.indices) == count, "neighbours of every code"
    k = min(max(settings.neighbours, FEWEST_NEIGHBOURS) - 1, neighbours.indices.shape[1])
    indices, distances = neighbours.indices[:, :k], np.ascontiguousarray(neighbours.distances[:, :k])
    graph = union(indices, memberships(distances, report), report)
    original = _lengths(codes, graph.heads, graph.tails, report) if settings.density else None
    epochs = settings.epochs or (500 if count <= SMALL else 200) + (200 if settings.density else 0)
    begin = _scaled(pca_map(codes) if start is None else start, settings.seed)
    positions = settle(graph, begin, epochs, settings.min_dist, settings.seed, report, show, original)
    return Layout(positions, settings, codes)


def _axes(centred: Floats) -> Floats:
    """The two main directions (d, 2) of centred rows; fewer where there are not as many dimensions."""
    dimensions = centred.shape[1]
    if dimensions <= WIDE:
        _, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred.astype(np.float64))
        axes = vectors[:, ::-1][:, :2]
    else:  # subspace iteration: Halko, Martinsson and Tropp 2011, algorithm 4.4
        axes = np.random.default_rng(0).standard_normal((dimensions, 8)).astype(np.float32)
        for _ in range(ITERATIONS):
            axes, _ = np.linalg.qr(centred.T @ (centred @ axes))
        small = centred @ axes
        _, vectors = np.linalg.eigh(small.T.astype(np.float64) @ small.astype(np.float64))
        axes = axes @ vectors[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(0)
    signs = np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1, 1)
    return (axes * signs).astype(np.float32)


def _scaled(start: Floats, seed: int | None) -> Floats:
    """A start ``SIZE`` wide on both axes, with a little noise."""
    low, high = start.min(0), start.max(0)
    scaled = SIZE * (start - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    noise = np.random.default_rng(seed).normal(scale=SIZE * JITTER, size=start.shape)
    jittered: Floats = (scaled + noise).astype(np.float32)
    return jittered


def _lengths(codes: Floats, heads: npt.NDArray[np.int32], tails: npt.NDArray[np.int32], report: Report) -> Floats:
    """The distance between the codes at the two ends of every edge."""
    lengths = np.empty(len(heads), np.float32)
    for start in range(0, len(heads), BLOCK):
        report(start, len(heads), "measuring densities")
        part = slice(start, start + BLOCK)
        lengths[part] = np.sqrt(np.square(codes[heads[part]] - codes[tails[part]], dtype=np.float64).sum(1))
    return lengths


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
