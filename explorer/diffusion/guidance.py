"""Classifier-free guidance: how strongly a prediction follows its condition, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from explorer.diffusion.levels import Level
from explorer.diffusion.predictions import PREDICTION_TYPES, Prediction

__all__ = ["guide", "scale_at"]


def guide(
    conditional: Prediction,
    unconditional: Prediction,
    noisy: Tensor,
    level: Level,
    scale: float,
    rescale: float = 0.0,
) -> Prediction:
    """The prediction at guidance scale s: eps = eps_u + s (eps_c - eps_u) (Ho and Salimans 2022, eq. 6, s = 1 + w).

    0 is the unconditional prediction, 1 the conditional one. The clean picture is mixed in the same way, which is the
    same thing, but holds where no signal is left and noise says nothing. ``rescale`` is phi of Lin et al. 2023.
    """
    clean = unconditional.clean + scale * (conditional.clean - unconditional.clean)
    noise = unconditional.noise + scale * (conditional.noise - unconditional.noise)
    if rescale:
        clean, noise = _rescaled(Prediction(clean, noise), conditional, noisy, level, rescale)
    return Prediction(clean, noise, conditional.noise, unconditional.noise)


def scale_at(
    fraction: float,
    guidance: float,
    curve: Sequence[tuple[float, float]] = (),
    interval: tuple[float, float] = (0.0, 1.0),
) -> float:
    """The guidance scale at a fraction of the run, 0 at its start and 1 at its end.

    A curve of (fraction, scale) points replaces ``guidance``: straight in between, level before the first and after
    the last. Outside the interval the scale is 1, the condition alone (Kynkaanniemi et al. 2024).
    """
    if not interval[0] <= fraction <= interval[1]:
        return 1.0
    points = sorted(curve)
    if not points:
        return guidance
    after = next((i for i, (place, _) in enumerate(points) if place >= fraction), len(points))
    if after in (0, len(points)):
        return points[min(after, len(points) - 1)][1]
    (first, low), (second, high) = points[after - 1], points[after]
    return low + (high - low) * (fraction - first) / (second - first)


def _rescaled(
    guided: Prediction, conditional: Prediction, noisy: Tensor, level: Level, phi: float
) -> tuple[Tensor, Tensor]:
    """Guidance with the standard deviation of the conditional prediction, by the share phi (Lin et al. 2023, eq. 15).

    The paper scales the outputs of its network, which are v. That is defined at every level, as eps is not, so it is
    done to v here whatever the network predicts; v is divided by the length of (alpha, sigma) for all kinds of levels.
    """
    length = math.hypot(level.alpha, level.sigma)

    def velocity(prediction: Prediction) -> Tensor:
        return (level.alpha * prediction.noise - level.sigma * prediction.clean) / length

    wanted, had = (_deviation(velocity(prediction)) for prediction in (conditional, guided))
    factor = phi * wanted / had.clamp(min=1e-12) + (1 - phi)
    back = PREDICTION_TYPES["v_prediction"](velocity(guided) * factor * length, noisy, level)
    return back.clean, back.noise


def _deviation(values: Tensor) -> Tensor:
    """The standard deviation over all but the first dimension, shaped to be multiplied with ``values``."""
    return values.flatten(1).std(dim=1, correction=0).view(-1, *[1] * (values.ndim - 1))
