"""Weighted blends of latent points that stay where the prior has its mass."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["blend"]

STEPS = 60
CLOSE = 1e-13


def blend(points: Tensor, weights: Tensor, spherical: bool) -> Tensor:
    """The weighted mean of points (k, *latent); weights (k,) are scaled to sum to 1, which must be above zero.

    Single weights below zero, as on a curve that passes beyond its points, are allowed as long as they are small.

    Linear where the latent distribution is not centred (StyleGAN's W). Spherical where it is a standard normal, whose
    draws all have nearly the same norm while their straight average does not: the direction is the spherical weighted
    average (Buss and Fillmore 2001, algorithm A1) and the norm the weighted mean of the norms. For two points that is
    slerp (Shoemake 1985). Points without a direction, or that cancel out, are averaged straight.
    """
    shares = (weights.double() / weights.double().sum()).to(points.device)
    if len(points) == 1:
        return points[0]
    flat = points.double().flatten(1)
    straight = shares @ flat
    norms = flat.norm(dim=1)
    if not spherical or not bool((norms > 1e-9).all()) or float(straight.norm()) < 1e-9:
        return straight.view(points.shape[1:]).to(points.dtype)
    units = flat / norms[:, None]
    centre = straight / straight.norm()
    for _ in range(STEPS):
        cosines = (units @ centre).clamp(-1.0, 1.0)
        angles = torch.arccos(cosines)
        tangents = (units - cosines[:, None] * centre) * (1.0 / torch.sinc(angles / torch.pi)).clamp(max=1e6)[:, None]
        step = shares @ tangents
        length = step.norm()
        if float(length) < CLOSE:
            break
        centre = torch.cos(length) * centre + torch.sin(length) * step / length
        centre = centre / centre.norm()
    blended: Tensor = (centre * (shares @ norms)).view(points.shape[1:]).to(points.dtype)
    return blended
