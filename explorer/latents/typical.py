"""Where draws of a standard normal lie: in a thin shell, the thinner (relative to its radius) the more dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Shell", "typical_shell"]


@dataclass(frozen=True, slots=True)
class Shell:
    """The norms of draws from N(0, 1) in ``dimensions`` dimensions: a chi distribution."""

    dimensions: int
    mean: float
    deviation: float

    def distance(self, norm: float) -> float:
        """How many standard deviations ``norm`` lies outside (positive) or inside (negative) the shell's middle."""
        return (norm - self.mean) / self.deviation


def typical_shell(dimensions: int) -> Shell:
    """Mean sqrt(2) Gamma((d+1)/2) / Gamma(d/2) and standard deviation sqrt(d - mean^2) of the chi distribution."""
    mean = math.sqrt(2.0) * math.exp(math.lgamma((dimensions + 1) / 2) - math.lgamma(dimensions / 2))
    return Shell(dimensions, mean, math.sqrt(max(dimensions - mean * mean, 1e-12)))
