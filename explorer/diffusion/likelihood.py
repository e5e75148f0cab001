"""How likely a picture is to a diffusion model: the probability flow carries its density to that of the noise."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from explorer.diffusion.levels import Level, Schedule
from explorer.diffusion.step import Predict

__all__ = ["log_likelihood"]


@torch.no_grad()
def log_likelihood(
    predict: Predict, latents: Tensor, schedule: Schedule, steps: int, generator: torch.Generator, probes: int = 1
) -> Tensor:
    """The log-density (n,) in nats, float64, of clean ``latents`` (n, c, h, w) (Song et al. 2021, eq. 39).

    It is that of latents with the least noise that the schedule knows, scaled back. The flow is followed from there by
    Heun's method through ``steps`` levels spaced as Karras et al. 2022, eq. 5. Its divergence is estimated with
    ``probes`` random signs per step (Hutchinson; eq. 40), the same for all pictures of a batch, so that a picture's
    number does not depend on its neighbours. The network is called 2 + 4 ``probes`` times per step.
    """
    levels = schedule.levels(steps, "karras")[-2::-1]  # from the least noise to the most
    share = levels[0].alpha / _length(levels[0])
    noisy = share * latents
    total = torch.full((len(latents),), latents[0].numel() * math.log(share), dtype=torch.float64)
    for here, there in itertools.pairwise(levels):
        flow = _Flow(predict, here, there)
        signs = [_signs(latents, generator) for _ in range(probes)]
        before = flow.velocity(noisy, here)
        guess = noisy + before
        total += (flow.divergence(noisy, here, signs) + flow.divergence(guess, there, signs)) / 2
        noisy = noisy + (before + flow.velocity(guess, there)) / 2
    variance = (schedule.start_scale / _length(levels[-1])) ** 2
    energy = noisy.double().square().flatten(1).sum(1).cpu() / variance
    return total - (energy + latents[0].numel() * math.log(2 * math.pi * variance)) / 2


class _Flow:
    """The probability flow between two levels, of pictures x divided by the length of (alpha, sigma).

    Densities depend on alpha and sigma alone, not on the way between them, so a straight way between two levels suits
    every schedule. Divided by their length, pictures hardly change where there is mostly noise.
    """

    def __init__(self, predict: Predict, here: Level, there: Level) -> None:
        self._predict = predict
        self._alpha = there.alpha / _length(there) - here.alpha / _length(here)
        self._sigma = there.sigma / _length(there) - here.sigma / _length(here)

    def velocity(self, noisy: Tensor, level: Level) -> Tensor:
        """alpha' x_0 + sigma' eps, what the way changes."""
        prediction = self._predict(noisy * _length(level), level)
        return self._alpha * prediction.clean + self._sigma * prediction.noise

    def divergence(self, noisy: Tensor, level: Level, signs: list[Tensor]) -> Tensor:
        """The mean of z^T J z over the probes z, (n,) float64, J being the derivative of the velocity.

        J z is a central difference: networks are frozen and closed to gradients.
        """
        width = torch.finfo(noisy.dtype).eps ** (1 / 3)
        estimates = []
        for sign in signs:
            ahead, behind = (self.velocity(noisy + way * sign, level) for way in (width, -width))
            estimates.append(((ahead - behind).double() * sign).flatten(1).sum(1).cpu() / (2 * width))
        return torch.stack(estimates).mean(0)


def _length(level: Level) -> float:
    return math.hypot(level.alpha, level.sigma)


def _signs(latents: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(0, 2, (1, *latents.shape[1:]), generator=generator, device=generator.device)
    return (drawn * 2 - 1).to(latents)
