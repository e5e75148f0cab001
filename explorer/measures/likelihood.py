"""How probable a model finds real pictures, in bits for every value of a pixel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explorer.errors import SceneError
from explorer.generators import Denoises, Generator, HasLikelihood, leave_a_core
from explorer.measures.values import Spread

__all__ = ["bits_per_dimension", "likelihood_count"]

PICTURES: Final = 256
PICTURES_BY_ODE: Final = 16  # it takes a run of a diffusion model, several times
LARGE: Final = 50_000_000  # parameters of networks for which that would take minutes


def likelihood_count(generator: Generator, available: int) -> int:
    """How many pictures are asked about; 0 where the model cannot tell.

    Raises:
        SceneError: it would take minutes, which is said.
    """
    if not isinstance(generator, HasLikelihood):
        return 0
    if isinstance(generator, Denoises):
        if generator.parameters > LARGE:
            raise SceneError("The likelihood was left out: with so large a network it would take minutes.")
        return min(PICTURES_BY_ODE, available)
    return min(PICTURES, available)


def bits_per_dimension(generator: Generator, images: Tensor, batch: int, report: Callable[[int], object]) -> Spread:
    """-log2 p(x) / (c h w) of pictures (n, c, h, w) in [-1, 1], mean and standard error; less is better."""
    assert isinstance(generator, HasLikelihood), "the model should know a likelihood"
    leave_a_core()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            part = images[start : start + batch].to(generator.device)
            parts.append(generator.log_likelihood(part).cpu().double())
            report(min(start + batch, len(images)))
    bits = -torch.cat(parts) / (math.log(2) * images[0].numel())
    if not bool(torch.isfinite(bits).all()):
        raise SceneError("The likelihood of some pictures is no finite number.")
    error = float(bits.std() / math.sqrt(len(bits))) if len(bits) > 1 else 0.0
    return Spread(float(bits.mean()), error, len(bits))
