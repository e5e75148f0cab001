"""How generated pictures compare with real ones, as numbers that show when a generator repeats itself."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.training.loop import Images, images_to_tensor

__all__ = ["compare", "frechet_distance"]

SIDE: Final = 8  # pictures are compared at this size
NEAREST: Final = 5  # neighbours that make the ball around a real picture (Naeem et al. 2020, section 3.2)


def compare(made: Images, real: Images) -> dict[str, float]:
    """Samples (n, h, w, c) beside real pictures (n, h, w, c), on pictures averaged to 8x8 in [-1, 1].

    ``distance`` is their Frechet distance times 100 and ``distance_real`` that of the two halves of the real ones;
    ``diversity`` is the mean distance between two samples, as a share of that between two real pictures: a generator
    that repeats itself falls well below 1. ``coverage`` is the share of real pictures that have a sample among their
    five nearest real neighbours' distance (Naeem et al. 2020, eq. 10).
    """
    fake, true = _features(made), _features(real)
    half = len(true) // 2
    between = torch.cdist(true, true)
    spread = float(torch.cdist(fake, fake).sum() / max(len(fake) * (len(fake) - 1), 1))
    usual = float(between.sum() / max(len(true) * (len(true) - 1), 1))
    radius = between.sort(1).values[:, min(NEAREST, len(true) - 1)]
    covered = (torch.cdist(true, fake).min(1).values <= radius).double().mean()
    numbers = {
        "images": float(len(real)),
        "distance": frechet_distance(fake, true) * 100,
        "distance_real": frechet_distance(true[:half], true[half:]) * 100 if half > 1 else 0.0,
        "diversity": spread / max(usual, 1e-12),
        "coverage": float(covered),
    }
    return {name: round(value, 4) for name, value in numbers.items()}


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of features (n, d) (Dowson and Landau 1982; Heusel et al. 2017)."""
    one, other = one.double(), other.double()
    means = float((one.mean(0) - other.mean(0)).square().sum())
    first, second = torch.cov(one.T), torch.cov(other.T)
    values, vectors = torch.linalg.eigh(first.reshape(one.shape[1], -1))
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    inner = torch.linalg.eigvalsh(root @ second.reshape(one.shape[1], -1) @ root).clamp(min=0).sqrt().sum()
    return max(means + float(first.trace() + second.trace() - 2 * inner), 0.0)


def _features(pictures: Images) -> Tensor:
    """Pictures averaged to 8x8, (n, 64 c)."""
    parts = [images_to_tensor(np.asarray(part)) for part in np.array_split(pictures, max(len(pictures) // 500, 1))]
    return torch.cat([torch.nn.functional.adaptive_avg_pool2d(part, SIDE).flatten(1) for part in parts]).double()
