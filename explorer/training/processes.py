"""What a diffusion model learns to undo: how pictures are drowned in noise, what is predicted, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from explorer.training.folders import library

__all__ = ["TRAIN_STEPS", "Flow", "Process", "VariancePreserving", "walk"]

TRAIN_STEPS: Final = 1000  # the unit of the time that networks are told

Predict = Callable[[Tensor, Tensor], Tensor]  # noisy (n, c, h, w), time (n,) -> what the network says


class Process(Protocol):
    """x_t = alpha clean + sigma noise, from t = 0 (clean) to 1 (noise)."""

    def noised(self, clean: Tensor, noise: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Noisy pictures at ``moments`` (n,) in [0, 1), the times (n,) to tell, and what should be predicted."""

    def split(self, said: Tensor, noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """The clean picture and the noise of which a prediction says that ``noisy`` is made."""

    def mixed(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """alpha clean + sigma noise at ``time`` (n,); negative times are clean."""

    def times(self, steps: int) -> tuple[float, ...]:
        """The times of so many steps, noisiest first, and after the last one a negative number: clean."""

    def scheduler(self) -> Any:
        """The scheduler of diffusers that undoes it."""


@dataclass(frozen=True, slots=True, eq=False)
class VariancePreserving:
    """The cosine schedule in 1000 steps (Nichol and Dhariwal 2021, eq. 17), v predicted (Salimans and Ho 2022)."""

    cumulative: Tensor  # alpha^2 of every step

    @staticmethod
    def cosine() -> VariancePreserving:
        return VariancePreserving(library().DDIMScheduler(**_COSINE).alphas_cumprod)

    def noised(self, clean: Tensor, noise: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        time = (moments * TRAIN_STEPS).floor().clamp(0, TRAIN_STEPS - 1)
        alpha, sigma = self._scales(time)
        return alpha * clean + sigma * noise, time, alpha * noise - sigma * clean

    def split(self, said: Tensor, noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self._scales(time)
        return alpha * noisy - sigma * said, sigma * noisy + alpha * said

    def mixed(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        alpha, sigma = self._scales(time)
        return alpha * clean + sigma * noise

    def times(self, steps: int) -> tuple[float, ...]:
        """Spaced "trailing" (Lin et al. 2024, table 2): the first is pure noise."""
        return (*(round(TRAIN_STEPS - i * TRAIN_STEPS / steps) - 1.0 for i in range(steps)), -1.0)

    def scheduler(self) -> Any:
        return library().DDIMScheduler(**_COSINE)

    def _scales(self, time: Tensor) -> tuple[Tensor, Tensor]:
        squared = self.cumulative.to(time.device)[time.long().clamp(min=0)]
        squared = torch.where(time < 0, 1.0, squared).reshape(-1, 1, 1, 1)
        return squared.sqrt(), (1 - squared).sqrt()


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A straight line from a picture to noise, its velocity predicted (Lipman et al. 2023; Liu et al. 2023, eq. 1)."""

    def noised(self, clean: Tensor, noise: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        time = moments * TRAIN_STEPS
        return self.mixed(clean, noise, time), time, noise - clean

    def split(self, said: Tensor, noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        t = _along(time)
        return noisy - t * said, noisy + (1 - t) * said

    def mixed(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        t = _along(time)
        return (1 - t) * clean + t * noise

    def times(self, steps: int) -> tuple[float, ...]:
        return (*(TRAIN_STEPS * (1 - i / steps) for i in range(steps)), -1.0)

    def scheduler(self) -> Any:
        return library().FlowMatchEulerDiscreteScheduler(num_train_timesteps=TRAIN_STEPS, shift=1.0)


def walk(process: Process, predict: Predict, noise: Tensor, steps: int) -> Iterator[Tensor]:
    """The clean pictures predicted on the way back from ``noise`` (n, c, h, w); the last one is the result.

    Deterministic and of first order: x_s = alpha_s clean + sigma_s noise, which is DDIM (Song et al. 2021, eq. 12 with
    eta 0) and, for a flow, Euler's method.
    """
    noisy, times = noise, process.times(steps)
    for here, there in pairwise(times):
        time = torch.full((len(noise),), here, device=noise.device)
        clean, rest = process.split(predict(noisy, time), noisy, time)
        noisy = process.mixed(clean, rest, torch.full_like(time, there))
        yield clean


_COSINE: Final[dict[str, Any]] = {
    "num_train_timesteps": TRAIN_STEPS,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
}


def _along(time: Tensor) -> Tensor:
    """t in [0, 1] of the time that is told, (n, 1, 1, 1)."""
    return (time / TRAIN_STEPS).clamp(min=0).reshape(-1, 1, 1, 1)
