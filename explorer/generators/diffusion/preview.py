"""A linear map from latents to small pictures, so that every step of a run can be seen at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.latents import draw

__all__ = ["fit_preview"]

SIDE: Final = 16  # of the latents that are decoded for the fit
COUNT: Final = 4
RIDGE: Final = 1e-3


def fit_preview(
    decode: Callable[[Tensor], Tensor], shape: tuple[int, ...], latents: Tensor | None, device: torch.device
) -> Tensor:
    """Weights (C, c + 1) on the CPU, the last column a constant, that take latents closest to their decoded picture,
    averaged to their resolution. ``latents`` (n, c, h, w) are draws of the model; without them smooth noise stands for
    those.
    """
    if latents is None:
        channels, height, width = shape
        side = (min(height, SIDE), min(width, SIDE))
        coarse = draw(3, (COUNT, channels, 4, 4)).to(device)
        smooth = F.interpolate(coarse, side, mode="bicubic")
        latents = smooth + 0.3 * draw(4, (COUNT, channels, *side)).to(device)
    images = decode(latents).clamp(-1, 1).cpu()  # not every device counts in double precision
    latents = latents.cpu()
    small = F.adaptive_avg_pool2d(images, (latents.shape[-2], latents.shape[-1]))
    inputs = torch.cat([latents, torch.ones_like(latents[:, :1])], 1).double().transpose(0, 1).flatten(1)  # (c + 1, N)
    wanted = small.double().transpose(0, 1).flatten(1)  # (C, N)
    if not bool(torch.isfinite(inputs).all() and torch.isfinite(wanted).all()):
        return torch.zeros(len(wanted), len(inputs))
    gram = inputs @ inputs.T + RIDGE * torch.eye(len(inputs), dtype=torch.float64)
    solved: Tensor = torch.linalg.solve(gram, inputs @ wanted.T).T.float()
    return solved
