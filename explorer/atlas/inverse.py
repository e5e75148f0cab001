"""Back from the map: codes for any place on it, a ground of tiles, ways between pictures, and what a model reaches."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.splat import View
from explorer.atlas.values import Bools, Floats, Ints, Neighbours

__all__ = ["Coverage", "PlaceFinder", "coverage", "path", "tiles"]

NEAREST: Final = 8


class PlaceFinder:
    """Finds codes for places on a map: a mean of the codes of the nearest points, those nearer counting more.

    Holds an index of the positions, so make one for each layout and ask it often. Any thread, one at a time.
    """

    def __init__(self, positions: Floats, codes: Floats, k: int = NEAREST) -> None:
        from scipy.spatial import cKDTree  # type: ignore[import-untyped]  # it has no types

        assert len(positions) == len(codes), "a code for every position"
        self._codes = codes
        self._k = min(k, len(codes))
        self._tree = cKDTree(positions.astype(np.float64))
        sample = positions[:: max(1, len(positions) // 2000)].astype(np.float64)
        far, _ = self._tree.query(sample, min(2, len(positions)))
        self._usual = max(float(np.median(np.asarray(far).reshape(len(sample), -1)[:, -1])), 1e-12)

    def code_at(self, points: npt.NDArray[np.floating]) -> tuple[Floats, Floats]:
        """Codes (q, d) for ``points`` (q, 2), and how far from the data each is (q,).

        Weights fall with the squared distance (Shepard 1968): at a point itself its own code results. The distance is
        to the nearest point, in multiples of the usual distance between neighbours on this map.
        """
        places = np.asarray(points, np.float64).reshape(-1, 2)
        far, rows = self._tree.query(places, self._k)
        far, rows = np.asarray(far).reshape(len(places), -1), np.asarray(rows).reshape(len(places), -1)
        weights = 1 / np.maximum(np.square(far), (1e-6 * self._usual) ** 2)
        weights /= weights.sum(1, keepdims=True)
        codes = np.einsum("qk,qkd->qd", weights, self._codes[rows].astype(np.float64))
        return codes.astype(np.float32), (far[:, 0] / self._usual).astype(np.float32)

    def nearest(self, points: npt.NDArray[np.floating]) -> Ints:
        """The row whose point is nearest to each of ``points`` (q, 2)."""
        return np.asarray(self._tree.query(np.asarray(points, np.float64).reshape(-1, 2))[1], np.int64)


def tiles(view: View, size: tuple[int, int], columns: int, rows: int) -> npt.NDArray[np.float64]:
    """The middles (rows * columns, 2), line by line, of even tiles over a view of so many pixels, in map units."""
    x = view.left + (np.arange(columns) + 0.5) * size[0] / columns / view.scale
    y = view.top + (np.arange(rows) + 0.5) * size[1] / rows / view.scale
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def path(
    codes: Floats, from_row: int, to_row: int, steps: int, neighbours: Neighbours | None = None
) -> tuple[Floats, Ints]:
    """Codes (steps, d) on a walk between two rows, both included, and the rows it goes by.

    With ``neighbours`` it goes from picture to picture along the shortest way in squared distances, which prefers many
    short steps through crowded places; even in length. Where there is no such way, or without, straight.
    """
    assert steps >= 2, "a walk has two ends"
    rows = [from_row, to_row] if neighbours is None else _shortest(neighbours, from_row, to_row)
    corners = codes[rows].astype(np.float64)
    lengths = np.sqrt(np.square(np.diff(corners, axis=0)).sum(1))
    at = np.concatenate(([0.0], np.cumsum(lengths)))
    wanted = np.linspace(0, at[-1], steps)
    which = np.clip(np.searchsorted(at, wanted, side="right") - 1, 0, len(lengths) - 1)
    share = (wanted - at[which]) / np.maximum(lengths[which], 1e-30)
    walked = corners[which] * (1 - share[:, None]) + corners[which + 1] * share[:, None]
    walked[0], walked[-1] = corners[0], corners[-1]
    return walked.astype(np.float32), np.array(rows, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How a model's own samples lie among real codes.

    Attributes:
        unreached: bool (m,), real rows that no sample is a neighbour of.
        unlike: bool (s,), samples that are no neighbour of any real row.
    """

    unreached: Bools
    unlike: Bools

    @property
    def precision(self) -> float:
        """The share of samples that look real."""
        return float(1 - self.unlike.mean())

    @property
    def recall(self) -> float:
        """The share of real rows that the model reaches."""
        return float(1 - self.unreached.mean())


def coverage(codes: Floats, samples: Floats, k: int = 3) -> Coverage:
    """Which real codes (m, d) the samples (s, d) never reach, and which samples have no real neighbour.

    Kynkäänniemi et al. 2019, equations 1 and 2: a point is reached by a set if it lies within the distance from some
    member of that set to the member's k-th neighbour in the same set.
    """
    from explorer.atlas.neighbours import find, within

    real, made = (find(each, min(k, len(each) - 1)).distances[:, -1] for each in (codes, samples))
    return Coverage(~within(samples, made, codes), ~within(codes, real, samples))


def _shortest(neighbours: Neighbours, first: int, last: int) -> list[int]:
    """Rows on the way of the least sum of squared distances (Dijkstra 1959); both ends alone where there is none."""
    costs, done = {first: 0.0}, set()
    before: dict[int, int] = {}
    queue = [(0.0, first)]
    while queue:
        cost, row = heapq.heappop(queue)
        if row == last:
            way = [last]
            while way[-1] != first:
                way.append(before[way[-1]])
            return way[::-1]
        if row in done:
            continue
        done.add(row)
        for other, far in zip(neighbours.indices[row].tolist(), neighbours.distances[row].tolist(), strict=True):
            longer = cost + far * far
            if longer < costs.get(other, np.inf):
                costs[other], before[other] = longer, row
                heapq.heappush(queue, (longer, other))
    return [first, last]
