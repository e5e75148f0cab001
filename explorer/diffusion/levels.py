"""One noise level, and what every schedule of them answers. All numbers are floats; nothing here needs torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["RHO", "Level", "Schedule", "karras_sigmas"]

RHO: Final = 7.0  # Karras et al. 2022, table 1


@dataclass(frozen=True, slots=True)
class Level:
    """One noise level: x = alpha x_0 + sigma eps. ``time`` is what the network is told, in a unit of its own.

    ``is_end`` marks the end of a run which its schedule leaves with a little noise.
    """

    time: float
    alpha: float
    sigma: float
    is_end: bool = False

    @property
    def snr(self) -> float:
        """Power of the signal over power of the noise; infinite without noise."""
        return (self.alpha / self.sigma) ** 2 if self.sigma > 0 else math.inf

    @property
    def log_snr(self) -> float:
        """lambda = log(alpha / sigma), half the logarithm of ``snr``: -inf is pure noise, inf is no noise."""
        if self.sigma <= 0:
            return math.inf
        return math.log(self.alpha) - math.log(self.sigma) if self.alpha > 0 else -math.inf

    @property
    def ratio(self) -> float:
        """sigma / alpha: the noise of a picture whose signal is scaled to 1; infinite without signal."""
        return self.sigma / self.alpha if self.alpha > 0 else math.inf


class Schedule(Protocol):
    """What all schedules answer. ``kind`` is "vp" (alpha^2 + sigma^2 = 1), "ve" (alpha = 1) or "flow" (alpha + sigma =
    1)."""

    @property
    def kind(self) -> str: ...

    @property
    def start_scale(self) -> float:
        """A run starts from this times a draw from the standard normal."""
        ...

    @property
    def time_range(self) -> tuple[float, float]:
        """The times of the most and of the least noise that the network knows."""
        ...

    def level(self, time: float) -> Level:
        """The level at a time, which is kept in ``time_range``; log alpha/sigma is a straight line between entries."""
        ...

    def level_of_sigma(self, ratio: float) -> Level:
        """The level at which sigma / alpha is ``ratio``, or the nearest one."""
        ...

    def levels(self, steps: int, spacing: str = "") -> tuple[Level, ...]:
        """The ``steps`` + 1 levels of a run, the noisiest first, the last one without noise (see ``Level.is_end``).

        ``spacing`` "" is the schedule's own, "uniform" divides the time evenly, "karras" is Karras et al. 2022, eq. 5.
        """
        ...


def karras_sigmas(steps: int, smallest: float, largest: float, rho: float = RHO) -> tuple[float, ...]:
    """``steps`` noise levels from the largest to the smallest (Karras et al. 2022, eq. 5, without the 0 at its end)."""
    high, low = largest ** (1 / rho), smallest ** (1 / rho)
    return tuple((high + i / max(steps - 1, 1) * (low - high)) ** rho for i in range(steps))
