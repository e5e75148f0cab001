"""What a network says about a noisy picture, brought to one form: the clean picture and the noise in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from explorer.diffusion.levels import Level

__all__ = [
    "PREDICTION_TYPES",
    "Prediction",
    "boundary_scalings",
    "clipped",
    "edm_scalings",
    "from_clean",
    "from_noise",
]

SIGMA_DATA: Final = 0.5  # Karras et al. 2022, table 1


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The predicted x_0 and eps of noisy pictures, each shaped as they are.

    ``conditional`` and ``unconditional`` are the noises that guidance was made of, where there was any.
    """

    clean: Tensor
    noise: Tensor
    conditional: Tensor | None = None
    unconditional: Tensor | None = None


def from_noise(raw: Tensor, noisy: Tensor, level: Level) -> Prediction:
    """From a network that predicts eps (Ho et al. 2020, eq. 15).

    Where there is no signal at all (alpha = 0), eps says nothing of the picture, and its mean 0 stands for it.
    """
    clean = (noisy - level.sigma * raw) / level.alpha if level.alpha > 0 else torch.zeros_like(noisy)
    return Prediction(clean, raw)


def from_clean(raw: Tensor, noisy: Tensor, level: Level) -> Prediction:
    """From a network that predicts x_0. Without noise (sigma = 0) the predicted noise is 0."""
    noise = (noisy - level.alpha * raw) / level.sigma if level.sigma > 0 else torch.zeros_like(noisy)
    return Prediction(raw, noise)


def from_v(raw: Tensor, noisy: Tensor, level: Level) -> Prediction:
    """From a network that predicts v = alpha eps - sigma x_0 (Salimans and Ho 2022, section 4)."""
    power = level.alpha**2 + level.sigma**2  # 1 where the variance is preserved
    return Prediction(
        (level.alpha * noisy - level.sigma * raw) / power, (level.sigma * noisy + level.alpha * raw) / power
    )


def from_velocity(raw: Tensor, noisy: Tensor, level: Level) -> Prediction:
    """From a network that predicts the velocity eps - x_0 of a straight path (Liu et al. 2023, eq. 1)."""
    total = level.alpha + level.sigma  # 1 on the path
    return Prediction((noisy - level.sigma * raw) / total, (noisy + level.alpha * raw) / total)


PREDICTION_TYPES: Final[Mapping[str, Callable[[Tensor, Tensor, Level], Prediction]]] = {
    "epsilon": from_noise,
    "sample": from_clean,
    "v_prediction": from_v,
    "flow": from_velocity,
    "edm": from_clean,  # D(x; sigma), after the network's output went through ``edm_scalings``
}


def edm_scalings(sigma: float, sigma_data: float = SIGMA_DATA) -> tuple[float, float, float, float]:
    """c_skip, c_out, c_in, c_noise of D(x) = c_skip x + c_out F(c_in x, c_noise) (Karras et al. 2022, table 1)."""
    total = math.hypot(sigma, sigma_data)
    return (sigma_data / total) ** 2, sigma * sigma_data / total, 1 / total, math.log(sigma) / 4


def boundary_scalings(sigma: float, sigma_data: float = SIGMA_DATA, sigma_min: float = 0.002) -> tuple[float, float]:
    """c_skip and c_out of a consistency model, which leaves a picture at ``sigma_min`` as it is (Song et al. 2023,
    appendix C)."""
    apart = sigma - sigma_min
    return sigma_data**2 / (apart**2 + sigma_data**2), apart * sigma_data / math.hypot(sigma, sigma_data)


def clipped(
    prediction: Prediction, noisy: Tensor, level: Level, limit: float = 1.0, recompute_noise: bool = False
) -> Prediction:
    """The prediction with its clean picture kept in [-limit, limit].

    The noise stays as predicted, as diffusers has it (``clip_sample``), or is what then is left of ``noisy``.
    """
    clean = prediction.clean.clamp(-limit, limit)
    noise = from_clean(clean, noisy, level).noise if recompute_noise else prediction.noise
    return replace(prediction, clean=clean, noise=noise)
