"""Which points of a map are within an outline, a box, or what is seen."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import beside, plain, shares
from explorer.atlas.splat import View
from explorer.atlas.values import Bools, Floats, Ints

__all__ = ["box", "inside", "visible", "warm_up"]

BANDS: Final = 256  # and as many columns
MIXED: Final = np.uint8(2)
SLACK: Final = 0.01  # of a cell
MANY: Final = 50_000  # points that are worth a thread


def inside(positions: Floats, polygon: npt.NDArray[np.floating]) -> Bools:
    """Which of the positions (m, 2) are within a polygon (k, 2), bool (m,), by the even-odd rule.

    The polygon closes itself; fewer than three corners hold nothing. Any thread; the first call compiles.
    """
    from explorer.atlas import lasso_kernels as kernels

    result = np.zeros(len(positions), np.bool_)
    corners = np.array(polygon, np.float64, order="C").reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        return result
    low, high = corners.min(0), corners.max(0)
    if (low == high).any():
        return result
    starts, sides = _banded(corners[:, 1], float(low[1]), float(high[1]))
    points, bounds = plain(positions), np.array([*low, *high])
    cells = np.full((BANDS, BANDS), MIXED)
    if len(points) > MANY:
        middles = low + (np.stack(np.meshgrid(np.arange(BANDS), np.arange(BANDS)), -1) + 0.5) * (high - low) / BANDS
        centres = middles.reshape(-1, 2).astype(np.float32)
        within = np.zeros(len(centres), np.bool_)
        kernels.crossings(centres, corners, starts, sides, bounds, cells, within)
        cells = np.where(_touched(corners, starts, sides), MIXED, within.reshape(BANDS, BANDS).astype(np.uint8))

    def mark(first: int, last: int) -> None:
        kernels.crossings(points[first:last], corners, starts, sides, bounds, cells, result[first:last])

    beside(mark, list(itertools.pairwise(shares(len(points), MANY))))
    return result


def box(positions: Floats, rect: tuple[float, float, float, float]) -> Bools:
    """Which of the positions (m, 2) are within the box (x, y, x, y) of two opposite corners, edges included."""
    left, right = sorted((rect[0], rect[2]))
    top, bottom = sorted((rect[1], rect[3]))
    x, y = positions[:, 0], positions[:, 1]
    mask: Bools = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    return mask


def visible(positions: Floats, view: View, size: tuple[int, int]) -> Ints:
    """The rows whose points are seen in a view of so many pixels, in order."""
    right, bottom = view.left + size[0] / view.scale, view.top + size[1] / view.scale
    return np.flatnonzero(box(positions, (view.left, view.top, right, bottom)))


def warm_up() -> None:
    """Compile the loop, or read it from the disk."""
    inside(np.zeros((1, 2), np.float32), np.array([[0, 0], [1, 0], [0, 1]]))


def _touched(corners: npt.NDArray[np.float64], starts: Ints, sides: Ints) -> Bools:
    """Which cells (BANDS, BANDS) of a polygon's rectangle a side touches, or nearly."""
    low, high = corners.min(0), corners.max(0)
    places = (corners - low) * BANDS / (high - low)
    bands = np.repeat(np.arange(BANDS), np.diff(starts))
    (x1, y1), (x2, y2) = places[sides].T, np.roll(places, -1, 0)[sides].T
    slope = (x2 - x1) / np.where(y1 == y2, 1, y2 - y1)
    ends = [np.clip(edge, np.minimum(y1, y2), np.maximum(y1, y2)) for edge in (bands - SLACK, bands + 1 + SLACK)]
    first, last = (np.where(y1 == y2, x, x1 + (end - y1) * slope) for end, x in zip(ends, (x1, x2), strict=True))
    left = np.clip(np.floor(np.minimum(first, last) - SLACK), 0, BANDS - 1).astype(np.int64)
    right = np.clip(np.floor(np.maximum(first, last) + SLACK), 0, BANDS - 1).astype(np.int64)
    changes = np.zeros((BANDS, BANDS + 1), np.int64)
    np.add.at(changes, (bands, left), 1)
    np.add.at(changes, (bands, right + 1), -1)
    return np.asarray(changes.cumsum(1)[:, :BANDS] > 0)


def _banded(y: npt.NDArray[np.float64], low: float, high: float) -> tuple[Ints, Ints]:
    """For each of ``BANDS`` bands of a polygon's height: where its sides start, (BANDS + 1,), and all sides by band."""
    following = np.roll(y, -1)
    scale = BANDS / (high - low)
    first = np.clip(np.floor((np.minimum(y, following) - low) * scale - 1e-6), 0, BANDS - 1).astype(np.int64)
    last = np.clip(np.floor((np.maximum(y, following) - low) * scale + 1e-6), 0, BANDS - 1).astype(np.int64)
    counts = last - first + 1
    owners = np.repeat(np.arange(len(y)), counts)
    bands = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts) + first[owners]
    order = np.argsort(bands, kind="stable")
    starts = np.zeros(BANDS + 1, np.int64)
    np.cumsum(np.bincount(bands, minlength=BANDS), out=starts[1:])
    return starts, owners[order]
