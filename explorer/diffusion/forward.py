"""The way from a picture into noise."""

from __future__ import annotations

import math

from torch import Tensor

from explorer.diffusion.levels import Level

__all__ = ["decibels", "noised"]


def noised(clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Pictures with noise of a level: alpha x_0 + sigma eps (Ho et al. 2020, eq. 4, for all schedules)."""
    return level.alpha * clean + level.sigma * noise


def decibels(level: Level) -> float:
    """The signal-to-noise ratio of a level in decibels: 0 is as much signal as noise."""
    return 20 / math.log(10) * level.log_snr
