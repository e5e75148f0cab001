"""UMAP from neighbours that are already known: McInnes, Healy and Melville 2018, with a graph that can be kept.

Written for a window: the layout can be shown while it settles and stopped between slices of an epoch, compiled loops
let go of the interpreter lock, and nothing but the layout itself is compiled. Its graph, curve and schedule are those
of umap-learn, whose loops hold the lock for an epoch and are compiled anew at every start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import plain
from explorer.atlas.values import Floats

__all__ = ["Graph", "curve", "memberships", "settle", "union"]

Report: TypeAlias = Callable[..., object]

SLICE: Final = 150_000  # edges between two reports: some tens of milliseconds
SHOW_SECONDS: Final = 0.15
MOST_THREADS: Final = 4
HALVINGS: Final = 40
LEAST_SCALE: Final = 1e-3  # of sigma, as a share of the mean distance
# Of the density objective, as in Narayan et al. 2021: its weight, its share of the epochs, a guard of the variance.
DENSITY_WEIGHT: Final = 2.0
DENSITY_SHARE: Final = 0.3
VARIANCE_GUARD: Final = 0.1
TINY: Final = 1e-8
JOINING: Final = "joining neighbourhoods"
ENTRIES: Final = 500_000  # of neighbours, between two reports


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Weighted edges between rows: ``heads`` and ``tails`` int32 (e,), ``weights`` float32 (e,) in (0, 1].

    Sorted by head; an edge between two rows of the same set is there in both directions.
    """

    heads: npt.NDArray[np.int32]
    tails: npt.NDArray[np.int32]
    weights: Floats


def memberships(distances: Floats, report: Report) -> Floats:
    """How much each of the k nearest (m, k) belongs to the surroundings of its row, in [0, 1].

    exp(-max(0, d - rho) / sigma), where rho is the least distance above zero and sigma makes the sum log2(k + 1):
    algorithm 3, in which a row counts as the first of its own neighbours.
    """
    result = np.empty_like(distances)
    target = np.log2(distances.shape[1] + 1)
    floor = LEAST_SCALE * float(distances.mean(dtype=np.float64))
    size = max(1, 1_000_000 // distances.shape[1])
    for start in range(0, len(distances), size):
        report(start, len(distances), "weighing neighbours")
        far = distances[start : start + size].astype(np.float64)
        rho = np.where(far > 0, far, np.inf).min(1)
        excess = np.maximum(far - np.where(np.isfinite(rho), rho, 0)[:, None], 0)
        low, high = np.zeros(len(far)), np.full(len(far), excess.max() * 4 + TINY)
        for _ in range(HALVINGS):
            sigma = (low + high) / 2
            too_wide = np.exp(-excess / sigma[:, None]).sum(1) > target
            high, low = np.where(too_wide, sigma, high), np.where(too_wide, low, sigma)
        sigma = np.maximum((low + high) / 2, np.maximum(LEAST_SCALE * far.mean(1), floor if floor > 0 else TINY))
        result[start : start + size] = np.exp(-excess / sigma[:, None])
    return result


def union(indices: npt.NDArray[np.int32], weights: Floats, report: Report) -> Graph:
    """The edges of all rows (m, k) in both directions, by the probabilistic sum w + v - w v: algorithm 1."""
    from explorer.atlas import layout_kernels as kernels

    count, k = indices.shape
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(indices.ravel(), minlength=count), out=starts[1:])
    free, others, other_weights = starts[:-1].copy(), np.empty(count * k, np.int32), np.empty(count * k, np.float32)
    own, own_weights = np.empty((count, k), np.int32), np.empty((count, k), np.float32)
    size = max(1, ENTRIES // k)
    for first in range(0, count, size):
        report(first, 2 * count, JOINING)
        part = slice(first, min(first + size, count))
        order = np.argsort(indices[part], 1)
        own[part] = np.take_along_axis(indices[part], order, 1)
        own_weights[part] = np.take_along_axis(weights[part], order, 1)
        kernels.turn_round(part.start, part.stop, own, own_weights, free, others, other_weights)
    parts = []
    for first in range(0, count, size):
        report(count + first, 2 * count, JOINING)
        last = min(first + size, count)
        most = (last - first) * k + int(starts[last] - starts[first])
        heads, tails, joined = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
        number = kernels.join(first, last, own, own_weights, starts, others, other_weights, heads, tails, joined)
        parts.append((heads[:number], tails[:number], joined[:number]))
    return Graph(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def curve(min_dist: float) -> tuple[float, float]:
    """The a and b with which 1 / (1 + a x^2b) is nearest to 1 up to ``min_dist`` and exp(min_dist - x) from there on.

    Least squares over x in [0, 3] by the method of Levenberg and Marquardt.
    """
    x = np.linspace(0, 3, 300)[1:]
    wanted = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist)))

    def residual(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(wanted - 1 / (1 + np.exp(at[0]) * x ** (2 * at[1])))

    at, damping = np.array([0.0, 1.0]), 1e-2  # log a, b
    for _ in range(200):
        phi = 1 / (1 + np.exp(at[0]) * x ** (2 * at[1]))
        by_a = phi * (1 - phi)
        slopes = np.stack([by_a, by_a * 2 * np.log(x)], 1)  # of the residual
        square = slopes.T @ slopes
        step = np.linalg.solve(square + damping * np.diag(np.diag(square)), -slopes.T @ residual(at))
        if np.square(residual(at + step)).sum() < np.square(residual(at)).sum():
            at, damping = at + step, damping / 3
        else:
            damping *= 4
        if damping > 1e12 or np.abs(step).max() < 1e-10:
            break
    return float(np.exp(at[0])), float(at[1])


def settle(
    graph: Graph,
    start: Floats,
    epochs: int,
    min_dist: float,
    seed: int | None,
    report: Report,
    show: Callable[[Floats], object] | None = None,
    original: Floats | None = None,
    fixed: Floats | None = None,
    rate: float = 1.0,
) -> Floats:
    """Positions (m, 2) after ``epochs`` of descent from ``start``.

    With a ``seed`` one thread works and the result is always the same; without, all cores do and it never is.

    Args:
        report: told of epochs; may raise to stop.
        show: gets a copy of the positions now and then.
        original: float32 (e,), the distances along edges between codes, for a layout that keeps densities (densMAP).
        fixed: positions that heads are laid out among, for tails of another set, which do not move.
        rate: of learning, at the first epoch; it falls to 0.
    """
    from explorer.atlas import layout_kernels as kernels

    positions = plain(start.astype(np.float32))
    others = positions if fixed is None else plain(fixed)
    strongest = float(graph.weights.max())
    kept = graph.weights >= strongest / epochs  # the others' turn would never come
    heads, tails = plain(graph.heads[kept]), plain(graph.tails[kept])
    weights = graph.weights[kept]
    periods = plain((strongest / weights).astype(np.float32))
    due = periods.copy()
    a, b = (np.float32(number) for number in curve(min_dist))
    density = None if original is None else _Density(heads, tails, weights, original[kept], len(positions), a, b)
    threads = 1 if seed is not None else max(1, min(os.cpu_count() or 1, MOST_THREADS, len(heads) // SLICE + 1))
    states = np.random.default_rng(seed).integers(1, 2**63, (threads, 1)).astype(np.uint64)
    rounds = max(1, -(-len(heads) // (SLICE * threads)))
    edges = np.linspace(0, len(heads), threads * rounds + 1).astype(int).tolist()
    shown = time.monotonic()
    report(0, epochs, "preparing the layout")
    with ThreadPoolExecutor(threads) as pool:
        for epoch in range(epochs):
            pace = np.float32(rate * (1 - epoch / epochs))
            is_dense = density is not None and epoch >= epochs * (1 - DENSITY_SHARE)
            pressure = density.at(positions) if density is not None and is_dense else _none()
            common = epoch, pace, positions, others, heads, tails, periods, due, a, b
            for turn in range(rounds):
                report(epoch, epochs, f"epoch {epoch + 1} of {epochs}")
                works = []
                for thread in range(threads):
                    part = thread * rounds + turn
                    given = edges[part], edges[part + 1], *common, states[thread], fixed is None, *pressure
                    works.append(partial(kernels.settle, *given))
                _beside(pool, works)
            if show is not None and time.monotonic() - shown > SHOW_SECONDS:
                show(positions.copy())
                shown = time.monotonic()
    report(epochs, epochs, "laid out")
    return positions


class _Density:
    """The density objective: how well radii in the layout go with radii among the codes, as a force on edges."""

    def __init__(
        self,
        heads: npt.NDArray[np.int32],
        tails: npt.NDArray[np.int32],
        weights: Floats,
        original: Floats,
        count: int,
        a: np.float32,
        b: np.float32,
    ) -> None:
        self._heads, self._tails, self._count, self._a, self._b = heads, tails, count, a, b
        mass, spread = np.zeros(count), np.zeros(count)
        for ends in (heads, tails):
            mass += np.bincount(ends, weights, count)
            spread += np.bincount(ends, weights * np.square(original, dtype=np.float64), count)
        radii = np.log(TINY + spread / np.maximum(mass, TINY))
        self._wanted = (radii - radii.mean()) / max(float(radii.std()), TINY)
        self._pulls = DENSITY_WEIGHT * float(mass.sum()) / 2 / weights.astype(np.float64)

    def at(self, positions: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """What the loops need of it for this layout: pulls (e,), weights, sums and spreads (m,)."""
        from explorer.atlas import layout_kernels as kernels

        sums, spreads = np.full(self._count, TINY, np.float32), np.full(self._count, TINY, np.float32)
        kernels.densities(positions, self._heads, self._tails, self._a, self._b, sums, spreads)
        radii = np.log(TINY + spreads.astype(np.float64) / sums)
        variance = float(radii.var()) + VARIANCE_GUARD
        covariance = float(radii @ self._wanted) / (self._count - 1)
        weights = self._wanted - covariance * (radii - radii.mean()) / variance
        pulls = self._pulls / (np.sqrt(variance) * self._count)
        return pulls.astype(np.float32), weights.astype(np.float32), sums, spreads


def _beside(pool: ThreadPoolExecutor, works: list[partial[None]]) -> None:
    """Do all of it at the same time, the first on this thread."""
    others = [pool.submit(work) for work in works[1:]]
    works[0]()
    for other in others:
        other.result()


def _none() -> tuple[Floats, Floats, Floats, Floats]:
    return np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32)
