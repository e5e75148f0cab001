"""What lies below the points of a map: pictures the model draws there, and lines of equal density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Ground", "Rect", "contours"]

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Rect = tuple[float, float, float, float]  # left, top, width and height, in positions of the map

# Which edges of a square a line joins, by which of its corners are above the level: 8 for the left top one, 4 for the
# right top, 2 for the right bottom, 1 for the left bottom. Lorensen and Cline 1987, in two dimensions.
TOP, RIGHT, BOTTOM, LEFT = range(4)
JOINED: Final = {
    (LEFT, BOTTOM): (1, 14, 10),
    (BOTTOM, RIGHT): (2, 13, 5),
    (LEFT, RIGHT): (3, 12),
    (TOP, RIGHT): (4, 11, 10),
    (TOP, BOTTOM): (6, 9),
    (LEFT, TOP): (7, 8, 5),
}


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """An image (h, w, c), uint8, over a rectangle of the map, and density (h, w) over another; None for none."""

    pixels: Pixels | None = None
    rect: Rect = (0.0, 0.0, 1.0, 1.0)
    density: Floats | None = None
    density_rect: Rect = (0.0, 0.0, 1.0, 1.0)


def contours(density: Floats, rect: Rect, levels: Sequence[float]) -> npt.NDArray[np.float64]:
    """Pieces of lines (k, 2, 2) where the density has one of the values ``levels``.

    A piece goes from one position of the map to another. Values are those in the middles of the cells of ``rect``.
    """
    if min(density.shape) < 2 or not len(levels):
        return np.zeros((0, 2, 2))
    pieces = np.concatenate([_level(density.astype(np.float64), level) for level in levels])
    cells = np.array((density.shape[1], density.shape[0]), np.float64)
    made: npt.NDArray[np.float64] = np.array(rect[:2]) + (pieces + 0.5) / cells * rect[2:]
    return made


def _level(field: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.float64]:
    """Pieces (k, 2, 2) of the line where a field (h, w) has a value, in columns and rows."""
    above = field >= level
    code = 8 * above[:-1, :-1] + 4 * above[:-1, 1:] + 2 * above[1:, 1:] + above[1:, :-1]
    rows, columns = np.nonzero((code > 0) & (code < 15))
    codes = code[rows, columns]
    corners = field[rows, columns], field[rows, columns + 1], field[rows + 1, columns + 1], field[rows + 1, columns]
    left_top, right_top, right_bottom, left_bottom = corners
    with np.errstate(divide="ignore", invalid="ignore"):  # edges that the line does not cross are not used
        across = (level - left_top) / (right_top - left_top), (level - left_bottom) / (right_bottom - left_bottom)
        down = (level - left_top) / (left_bottom - left_top), (level - right_top) / (right_bottom - right_top)
    places = {
        TOP: np.stack([columns + across[0], rows], -1),
        BOTTOM: np.stack([columns + across[1], rows + 1], -1),
        LEFT: np.stack([columns, rows + down[0]], -1),
        RIGHT: np.stack([columns + 1, rows + down[1]], -1),
    }
    found = []
    for (start, end), cases in JOINED.items():
        crossed = np.isin(codes, cases)
        found.append(np.stack([places[start][crossed], places[end][crossed]], 1))
    return np.concatenate(found)
