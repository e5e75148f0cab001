"""Waves across the starting noise: directions that mean something for noise of any model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explorer.diffusion import Level, Prediction, noised
from explorer.generators.capabilities import Embedding
from explorer.latents import draw

__all__ = ["MOST_PATTERNS", "measured", "patterns"]

MOST_PATTERNS: Final = 1024  # directions that are listed; a table of all would not fit for large pictures
PROBES: Final = 16
SEED: Final = 7


def patterns(shape: tuple[int, ...], most: int = MOST_PATTERNS) -> Tensor:
    """Orthonormal cosine waves (k, c, h, w), the slowest first, ``most`` at most: the basis of the DCT-II, one channel
    at a time."""
    channels, height, width = shape
    down, across = _cosines(height), _cosines(width)
    order = sorted(
        ((u / height) ** 2 + (v / width) ** 2, u, v, channel)
        for u in range(height)
        for v in range(width)
        for channel in range(channels)
    )[:most]
    made = torch.zeros(len(order), *shape)
    for index, (_, u, v, channel) in enumerate(order):
        made[index, channel] = torch.outer(down[u], across[v])
    return made


def measured(
    predict: Callable[[Tensor, Level, Embedding], Prediction],
    embedding: Embedding,
    level: Level,
    vectors: Tensor,
    shape: tuple[int, ...],
    device: torch.device,
) -> Tensor:
    """How much the clean picture predicted at ``level`` changes along ``vectors`` (k, c, h, w): (k,) on the CPU.

    For r ~ N(0, 1), J^T r has covariance J^T J, so that a few backward passes measure all directions at once. They are
    relative strengths: what a change at the start becomes after the whole run is not followed.
    """
    clean = draw(SEED, (PROBES, *shape)).to(device)
    with torch.enable_grad():
        noisy = noised(clean * 0.5, draw(SEED + 1, (PROBES, *shape)).to(device), level).requires_grad_()
        repeated = {name: value.expand(PROBES, *value.shape[1:]) for name, value in embedding.items()}
        predicted = predict(noisy, level, repeated).clean
        probes = draw(SEED + 2, tuple(predicted.shape)).to(device)
        (gradients,) = torch.autograd.grad((predicted * probes).sum(), noisy)
    along = gradients.detach().cpu().flatten(1).double() @ vectors.flatten(1).double().T  # (probes, k)
    strengths: Tensor = along.square().mean(0).sqrt().float()
    return strengths


def _cosines(count: int) -> Tensor:
    """Rows (count, count): wave u at place x is cos(pi (x + 1/2) u / count), of length 1."""
    places = (torch.arange(count, dtype=torch.float64) + 0.5) * math.pi / count
    waves = torch.cos(torch.arange(count, dtype=torch.float64)[:, None] * places)
    unit: Tensor = (waves / waves.norm(dim=1, keepdim=True)).float()
    return unit
