"""Numbers counted into bins of equal width, fast enough to do while a person drags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bins", "binned", "counted", "heights"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Which bin every number is in, int16 (m,), -1 for what is no number; the bins divide ``low`` to ``high``."""

    places: npt.NDArray[np.int16]
    low: float
    high: float
    count: int

    def edge(self, place: float) -> float:
        """The number at an edge of a bin: 0 gives ``low``, ``count`` gives ``high``."""
        return self.low + (self.high - self.low) * place / self.count


def binned(values: npt.NDArray[np.generic], count: int) -> Bins:
    """Sort numbers (m,) into ``count`` bins from the smallest to the largest."""
    numbers = np.asarray(values, np.float32)
    known = np.isfinite(numbers)
    is_whole = bool(known.all())
    some = numbers if is_whole else numbers[known]
    low, high = (float(some.min()), float(some.max())) if len(some) else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    places = (numbers - np.float32(low)) * np.float32(count / (high - low))
    if not is_whole:
        places = np.where(known, places, -1)
    return Bins(np.minimum(places, count - 1).astype(np.int16), low, high, count)


def counted(bins: Bins, mask: npt.NDArray[np.bool_] | None = None) -> Ints:
    """How many numbers are in every bin, (count,); of those in the mask, where one is given."""
    places = bins.places if mask is None else bins.places[mask]
    return np.bincount(places[places >= 0] if places.min(initial=0) < 0 else places, minlength=bins.count)


def heights(counts: Ints, top: int) -> npt.NDArray[np.float64]:
    """Heights of bars in [0, 1] on a logarithmic scale on which one is seen and ``top`` reaches the end."""
    return np.log1p(counts) / np.log1p(max(top, 1)) if top > 0 else np.zeros(len(counts))
