"""The inner loop of a lasso, compiled. See ``explorer.atlas.lasso``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import compiled

__all__ = ["crossings"]


@compiled
def crossings(
    positions: npt.NDArray[np.float32],
    corners: npt.NDArray[np.float64],
    starts: npt.NDArray[np.int64],
    sides: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.float64],
    cells: npt.NDArray[np.uint8],
    inside: npt.NDArray[np.bool_],
) -> None:
    """Mark points that a ray to the right leaves the polygon from: it crosses an odd number of sides.

    The polygon's height is cut into bands; ``sides[starts[b] : starts[b + 1]]`` are the sides that reach band b.
    ``cells`` (bands, columns) says of cells that no side touches whether they are inside, 0 or 1; others are 2.
    """
    left, top, right, bottom = bounds[0], bounds[1], bounds[2], bounds[3]
    bands = starts.shape[0] - 1
    number, columns = corners.shape[0], cells.shape[1]
    for i in range(positions.shape[0]):
        x, y = np.float64(positions[i, 0]), np.float64(positions[i, 1])
        if not (left <= x <= right and top <= y <= bottom):
            continue
        band = min(int((y - top) / (bottom - top) * bands), bands - 1)
        cell = cells[band, min(int((x - left) / (right - left) * columns), columns - 1)]
        if cell < 2:
            inside[i] = cell == 1
            continue
        odd = False
        for j in range(starts[band], starts[band + 1]):
            side = sides[j]
            following = side + 1 if side + 1 < number else 0
            x1, y1, x2, y2 = corners[side, 0], corners[side, 1], corners[following, 0], corners[following, 1]
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                odd = not odd
        inside[i] = odd
