"""How crowded a map is, as an image, and the levels at which contours tell something."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Floats

__all__ = ["density", "levels"]

LARGEST_REACH: Final = 4.0  # standard deviations that a Gaussian is followed to


def density(
    positions: Floats, rect: tuple[float, float, float, float], size: tuple[int, int], width: float | None = None
) -> Floats:
    """How crowded each cell of ``rect`` (left, top, right, bottom) is: float32 (h, w), the densest is 1.

    A histogram of ``size`` (w, h) cells blurred by a Gaussian: a binned kernel density estimate. Points outside count
    at the edges as far as the Gaussian reaches. ``width`` is its standard deviation in units of the map; by default
    that of Silverman 1986, equation 4.14, for the middle half of the points, and at least a cell.
    """
    left, top, right, bottom = rect
    columns, rows = size
    assert columns > 0 and rows > 0 and right > left and bottom > top, "a rect of some size"
    across, down = columns / (right - left), rows / (bottom - top)
    spread = _silverman(positions) if width is None else width
    sigmas = max(spread * across, 1.0), max(spread * down, 1.0)
    margins = [min(int(np.ceil(LARGEST_REACH * sigma)), 4 * max(size)) for sigma in sigmas]
    x = (positions[:, 0].astype(np.float64) - left) * across + margins[0]
    y = (positions[:, 1].astype(np.float64) - top) * down + margins[1]
    wide, high = columns + 2 * margins[0], rows + 2 * margins[1]
    seen = (x >= 0) & (x < wide) & (y >= 0) & (y < high)
    cells = y[seen].astype(np.int64) * wide + x[seen].astype(np.int64)
    counts = np.bincount(cells, minlength=wide * high).reshape(high, wide).astype(np.float64)
    image = _blurred(_blurred(counts, sigmas[1]).T, sigmas[0]).T
    image = image[margins[1] : margins[1] + rows, margins[0] : margins[0] + columns]
    peak = float(image.max())
    return (image / peak if peak > 0 else image).astype(np.float32)


def levels(image: Floats, shares: tuple[float, ...] = (0.9, 0.75, 0.5, 0.25)) -> tuple[float, ...]:
    """The values of a density ``image`` whose contours hold these shares of all points, ascending (Hyndman 1996)."""
    ordered = np.sort(image.ravel().astype(np.float64))[::-1]
    total = np.cumsum(ordered)
    if not len(total) or total[-1] <= 0:
        return ()
    places = np.searchsorted(total, np.array(sorted(shares, reverse=True)) * total[-1])
    return tuple(float(ordered[min(place, len(ordered) - 1)]) for place in places)


def _silverman(positions: Floats) -> float:
    """A width for all points: n^(-1/6) of their spread, measured so that islands far apart do not count."""
    if len(positions) < 2:
        return 0.0
    quarters = np.quantile(positions[:: max(1, len(positions) // 50_000)], (0.25, 0.75), axis=0)
    spread = float(np.min(quarters[1] - quarters[0])) / 1.349
    return float(spread * len(positions) ** (-1 / 6) / 2)


def _blurred(image: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    """Columns convolved with a Gaussian, by the Fourier transform, with room so that nothing comes round."""
    count = len(image)
    reach = int(np.ceil(LARGEST_REACH * sigma))
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    length = 1 << (count + 2 * reach).bit_length()
    spectrum = np.fft.rfft(image, length, axis=0) * np.fft.rfft(kernel / kernel.sum(), length)[:, None]
    return np.maximum(np.fft.irfft(spectrum, length, axis=0)[reach : reach + count], 0)
