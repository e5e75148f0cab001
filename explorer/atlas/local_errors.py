"""Where a picture differs from its copy more than pictures usually do there: the local z of error maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Floats

__all__ = ["LocalErrors", "blurred_squares", "fit_local_errors", "hottest_mean"]

SIGMA: Final = 1.0  # of the blur, in cells
LEAST_DEVIATION: Final = 0.02  # of a difference, values in [0, 1]: where pictures never differ, little counts little
LEAST_BLURRED: Final = 0.05  # and of a blurred z
HOT_SHARE: Final = 100  # one cell of so many is hot
MOST: Final = 5_000  # maps that are fitted
BLOCK: Final = 2_048  # maps at a time


@dataclass(frozen=True, slots=True, eq=False)
class LocalErrors:
    """How error maps (rows, columns) usually are: per cell the median, the deviation, and that of the blurred z."""

    median: Floats
    deviation: Floats
    blurred: Floats

    def maps(self, residuals: npt.NDArray[Any]) -> Floats:
        """z of error maps (n, rows, columns), blurred and squared; about 1 is usual."""
        squares: Floats = np.square(_blur((residuals - self.median) / self.deviation) / self.blurred)
        return squares

    def top(self, residuals: npt.NDArray[Any], report: Callable[..., object] | None = None) -> Floats:
        """The mean of the hottest hundredth of each map, float32 (n,)."""
        found = np.empty(len(residuals), np.float32)
        for start in range(0, len(residuals), BLOCK):
            part = np.asarray(residuals[start : start + BLOCK], np.float32)
            found[start : start + len(part)] = hottest_mean(self.maps(part))
            if report is not None:
                report(start + len(part), len(residuals))
        return found


def fit_local_errors(residuals: npt.NDArray[Any]) -> LocalErrors:
    """How error maps (n, rows, columns) are: anomaly scores divide by it."""
    some = residuals[:: max(1, math.ceil(len(residuals) / MOST))]
    some = np.asarray(some, np.float32)
    median = np.median(some, axis=0).astype(np.float32)
    deviation = np.sqrt(np.square(some - median).mean(0) + LEAST_DEVIATION**2)
    blurred = _blur((some - median) / deviation).std(0) + LEAST_BLURRED
    return LocalErrors(median, deviation, blurred)


def blurred_squares(residuals: npt.NDArray[Any]) -> Floats:
    """The squares of error maps (n, rows, columns), blurred: what a heat map shows."""
    return _blur(np.square(np.asarray(residuals, np.float32)))


def hottest_mean(maps: Floats) -> Floats:
    """The mean of the largest hundredth of the cells of maps (n, rows, columns), (n,)."""
    cells = maps.reshape(len(maps), -1)
    count = max(1, math.ceil(cells.shape[1] / HOT_SHARE))
    hottest: Floats = np.partition(cells, cells.shape[1] - count, axis=1)[:, -count:].mean(1)
    return hottest


def _blur(maps: Floats) -> Floats:
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]  # it has no stubs

    blurred: Floats = gaussian_filter(maps, (0, SIGMA, SIGMA), truncate=3.0)
    return blurred
