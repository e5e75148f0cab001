"""From a picture back to the noise that a run without fresh noise would make it of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from explorer.diffusion.levels import Level
from explorer.diffusion.step import Predict, Step

__all__ = ["invert"]


def invert(predict: Predict, clean_latents: Tensor, levels: Sequence[Level], rounds: int = 0) -> Iterator[Step]:
    """The steps of DDIM run backwards (Song et al. 2021, eq. 13; Dhariwal and Nichol 2021, appendix F).

    ``levels`` ascend: those of a run in reverse, the first without noise. The ``result`` of the last step is the
    starting noise, times the ``start_scale`` of the schedule. A step into more noise uses the noise predicted where it
    begins. ``rounds`` more predictions where it ends bring it to the exact reverse of DDIM's step (Pan et al. 2023);
    many are needed where hardly any signal is left. A network knows no level without noise, so the first step always
    predicts where it ends.
    """
    noisy = clean_latents
    for index, (here, there) in enumerate(itertools.pairwise(levels)):
        step = _step_back(predict, noisy, here, there, index, rounds)
        noisy = step.result
        yield step


@torch.no_grad()
def _step_back(predict: Predict, noisy: Tensor, here: Level, there: Level, index: int, rounds: int) -> Step:
    scale = there.alpha / here.alpha
    prediction = predict(noisy, here) if here.sigma > 0 else predict(scale * noisy, there)
    for _ in range(rounds if there.alpha > 0 else 0):
        prediction = predict(scale * noisy + (there.sigma - here.sigma * scale) * prediction.noise, there)
    result = scale * noisy + (there.sigma - here.sigma * scale) * prediction.noise
    return Step(index, here, there, noisy, prediction, result)
