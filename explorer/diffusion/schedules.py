"""Noise levels: how much signal and how much noise a picture has at every time of a diffusion process.

Every model is described by x_t = alpha x_0 + sigma eps. A schedule knows alpha and sigma at the times its network was
trained with, and which of them a run visits. All numbers are floats; nothing here needs torch.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace
from typing import Final

from explorer.diffusion.levels import RHO, Level, Schedule, karras_sigmas
from explorer.errors import SceneError

__all__ = ["CosineSchedule", "DiscreteSchedule", "FlowSchedule", "KarrasSchedule"]

NOISIEST_KARRAS: Final = 80.0  # sigma_max of Karras et al. 2022, table 1; steps from more noise are wasted


@dataclass(frozen=True, slots=True)
class DiscreteSchedule:
    """A variance-preserving table: alpha = sqrt(abar_t), sigma = sqrt(1 - abar_t) at the times 0 to T - 1.

    ``timestep_spacing`` and ``steps_offset`` choose the times of a run like the schedulers of diffusers (Lin et al.
    2023, table 2), except that a single step starts from the noisiest level, where "leading" and "linspace" would have
    it start at time 0. "lcm" takes them from the ``original_steps`` that a latent consistency model was distilled with.
    Without ``set_alpha_to_one`` a run ends at the level of time 0, which has a little noise, for DDIM; the other
    samplers end without noise all the same.
    """

    alphas_cumprod: tuple[float, ...]
    timestep_spacing: str = "leading"
    steps_offset: int = 0
    set_alpha_to_one: bool = True
    original_steps: int = 50

    @property
    def kind(self) -> str:
        return "vp"

    @property
    def start_scale(self) -> float:
        return 1.0

    @property
    def time_range(self) -> tuple[float, float]:
        return float(len(self.alphas_cumprod) - 1), 0.0

    def level(self, time: float) -> Level:
        time = min(max(time, 0.0), self.time_range[0])
        low = int(time)
        if time == low:
            share = self.alphas_cumprod[low]
            return Level(time, math.sqrt(share), math.sqrt(1 - share))
        before, after, part = self.level(low), self.level(low + 1), time - low
        if math.isinf(after.log_snr):  # no line leads to minus infinity, but one of the angles to a right one
            angle = (1 - part) * math.atan(before.ratio) + part * math.pi / 2
            return Level(time, math.cos(angle), math.sin(angle))
        return _vp_level(time, math.exp(-((1 - part) * before.log_snr + part * after.log_snr)))

    def level_of_sigma(self, ratio: float) -> Level:
        share = 1 / (1 + ratio**2)
        high = bisect.bisect_left(self.alphas_cumprod, -share, key=lambda entry: -entry)  # the first with more noise
        if high == 0 or high == len(self.alphas_cumprod):
            return self.level(float(min(high, len(self.alphas_cumprod) - 1)))
        before, after = self.level(high - 1), self.level(high)
        if math.isinf(after.log_snr):
            angle = math.atan(before.ratio)
            return _vp_level(high - 1 + (math.atan(ratio) - angle) / (math.pi / 2 - angle), ratio)
        part = (before.log_snr + math.log(ratio)) / (before.log_snr - after.log_snr)
        return _vp_level(high - 1 + part, ratio)

    def levels(self, steps: int, spacing: str = "") -> tuple[Level, ...]:
        if spacing == "karras":
            return (*_karras_levels(self, steps), Level(0.0, 1.0, 0.0))
        last = Level(0.0, 1.0, 0.0) if self.set_alpha_to_one else replace(self.level(0.0), is_end=True)
        return (*(self.level(float(time)) for time in self.times(steps, spacing)), last)

    def times(self, steps: int, spacing: str = "") -> tuple[int, ...]:
        """The times of a run, the noisiest first. Raises SceneError where there are fewer than steps."""
        count = len(self.alphas_cumprod)
        chosen = {"": self.timestep_spacing, "uniform": "trailing"}.get(spacing, spacing)
        most = self.original_steps if chosen == "lcm" else count
        if not 1 <= steps <= most:
            raise SceneError(f"This model cannot be run in {steps} steps.", f"Choose 1 to {most} steps.")
        if chosen == "lcm":  # Luo et al. 2023, section 4.3
            stride = count // self.original_steps
            return tuple((self.original_steps - i * self.original_steps // steps) * stride - 1 for i in range(steps))
        if chosen == "trailing":
            return tuple(round(count - i * (count / steps)) - 1 for i in range(steps))
        if steps == 1:
            return (count - 1,)
        if chosen == "leading":
            times = (i * (count // steps) + self.steps_offset for i in reversed(range(steps)))
            return tuple(min(time, count - 1) for time in times)
        assert chosen == "linspace", f"unknown spacing {chosen!r}"
        return tuple(round(i * ((count - 1) / (steps - 1))) for i in reversed(range(steps)))


@dataclass(frozen=True, slots=True)
class CosineSchedule:
    """The continuous cosine: alpha = cos(pi t / 2), sigma = sin(pi t / 2), t from 1 to 0 (Salimans and Ho 2022)."""

    smallest: float = 1e-3  # the last time that the network is told

    @property
    def kind(self) -> str:
        return "vp"

    @property
    def start_scale(self) -> float:
        return 1.0

    @property
    def time_range(self) -> tuple[float, float]:
        return 1.0, self.smallest

    def level(self, time: float) -> Level:
        if time >= 1:
            return Level(1.0, 0.0, 1.0)
        time = max(time, self.smallest)
        return Level(time, math.cos(math.pi / 2 * time), math.sin(math.pi / 2 * time))

    def level_of_sigma(self, ratio: float) -> Level:
        return self.level(math.atan(ratio) * 2 / math.pi)

    def levels(self, steps: int, spacing: str = "") -> tuple[Level, ...]:
        last = Level(0.0, 1.0, 0.0)
        if spacing == "karras":
            return (*_karras_levels(self, steps), last)
        return (*(self.level(1 - i / steps) for i in range(steps)), last)


@dataclass(frozen=True, slots=True)
class KarrasSchedule:
    """Variance-exploding levels: alpha = 1, sigma from ``sigma_max`` to ``sigma_min`` (Karras et al. 2022, table 1).

    ``time`` names what the network is told: "quarter_log" is log(sigma) / 4, "scaled_quarter_log" a thousand times
    that (consistency models), "log_half" is log(sigma / 2) (VE networks of Song et al. 2021), "sigma" is sigma itself.
    With ``train_steps`` a run takes every n-th of that many levels, as consistency models do; "uniform" is even in
    log(sigma).
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = RHO
    sigma_data: float = 0.5
    time: str = "quarter_log"
    train_steps: int = 0

    @property
    def kind(self) -> str:
        return "ve"

    @property
    def start_scale(self) -> float:
        return self.sigma_max

    @property
    def time_range(self) -> tuple[float, float]:
        return self._time(self.sigma_max), self._time(self.sigma_min)

    def level(self, time: float) -> Level:
        sigma = {
            "quarter_log": lambda: math.exp(4 * time),
            "scaled_quarter_log": lambda: math.exp(time / 250),
            "log_half": lambda: 2 * math.exp(time),
            "sigma": lambda: time,
        }[self.time]()
        return self.level_of_sigma(sigma)

    def level_of_sigma(self, ratio: float) -> Level:
        sigma = min(max(ratio, self.sigma_min), self.sigma_max)
        return Level(self._time(sigma), 1.0, sigma)

    def levels(self, steps: int, spacing: str = "") -> tuple[Level, ...]:
        if spacing == "uniform":
            span = math.log(self.sigma_min / self.sigma_max) / max(steps - 1, 1)
            sigmas = tuple(self.sigma_max * math.exp(span * i) for i in range(steps))
        elif self.train_steps and not spacing:
            if steps > self.train_steps:
                raise SceneError(
                    f"This model cannot be run in {steps} steps.", f"Choose 1 to {self.train_steps} steps."
                )
            stride = self.train_steps // steps  # Song et al. 2023, as in their multistep sampling
            every = karras_sigmas(self.train_steps, self.sigma_min, self.sigma_max, self.rho)
            sigmas = tuple(every[i * stride] for i in range(steps))
        else:
            sigmas = karras_sigmas(steps, self.sigma_min, self.sigma_max, self.rho)
        return (*map(self.level_of_sigma, sigmas), Level(self._time(self.sigma_min), 1.0, 0.0))

    def _time(self, sigma: float) -> float:
        return {
            "quarter_log": math.log(sigma) / 4,
            "scaled_quarter_log": 250 * math.log(sigma),
            "log_half": math.log(sigma / 2),
            "sigma": sigma,
        }[self.time]


@dataclass(frozen=True, slots=True)
class FlowSchedule:
    """The straight path of flow matching: alpha = 1 - t, sigma = t, and the network is told t times ``train_steps``.

    ``shift`` moves the times of a run towards the noise, t' = s t / (1 + (s - 1) t) (Esser et al. 2024, eq. 23). They
    are those of diffusers, which shifts the last one twice; "uniform" shifts none.
    """

    shift: float = 1.0
    train_steps: int = 1000

    @property
    def kind(self) -> str:
        return "flow"

    @property
    def start_scale(self) -> float:
        return 1.0

    @property
    def time_range(self) -> tuple[float, float]:
        return float(self.train_steps), 1.0

    def level(self, time: float) -> Level:
        t = min(max(time, 1.0), float(self.train_steps)) / self.train_steps
        return Level(t * self.train_steps, 1 - t, t)

    def level_of_sigma(self, ratio: float) -> Level:
        return self.level(self.train_steps * (ratio / (1 + ratio) if math.isfinite(ratio) else 1.0))

    def levels(self, steps: int, spacing: str = "") -> tuple[Level, ...]:
        last = Level(0.0, 1.0, 0.0)
        if spacing == "karras":
            return (*_karras_levels(self, steps), last)
        if spacing == "uniform":
            return (*(self.level(self.train_steps * (1 - i / steps)) for i in range(steps)), last)
        smallest = self._shifted(1 / self.train_steps)
        times = (self._shifted(1 + i / max(steps - 1, 1) * (smallest - 1)) for i in range(steps))
        return (*(Level(t * self.train_steps, 1 - t, t) for t in times), last)

    def _shifted(self, t: float) -> float:
        return self.shift * t / (1 + (self.shift - 1) * t)


def _karras_levels(schedule: Schedule, steps: int) -> tuple[Level, ...]:
    """The levels of eq. 5 down to the least noise that the schedule has, after the most, which may be without end."""
    first, last = (schedule.level(time) for time in schedule.time_range)
    ratios = karras_sigmas(steps, last.ratio, min(first.ratio, NOISIEST_KARRAS))
    return (first, *(schedule.level_of_sigma(ratio) for ratio in ratios[1:]))


def _vp_level(time: float, ratio: float) -> Level:
    alpha = 1 / math.hypot(1, ratio)
    return Level(time, alpha, ratio * alpha if alpha > 0 else 1.0)
