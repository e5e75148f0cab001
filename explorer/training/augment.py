"""Adaptive augmentation of what the discriminator sees (Karras et al. 2020b, "Training GANs with limited data")."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["AdaptiveAugmentation"]

TARGET: Final = 0.6  # of r_t (section 3.2)
PICTURES_TO_FULL: Final = 100_000  # how many pictures the probability takes from 0 to 1, at the fastest
MOST: Final = 0.8  # above this the generator begins to copy the augmentations (section 2.2)


class AdaptiveAugmentation(nn.Module):
    """Moves, turns, scales and recolours pictures, each with probability ``p``, which follows the overfitting.

    r_t = E[sign(D(real))] (eq. 1) tells how sure the discriminator is of pictures it knows. Mirroring is left out,
    because it would be learnt where a side matters.
    """

    p: Tensor
    heuristic: Tensor

    def __init__(self, is_on: bool) -> None:
        super().__init__()
        self.is_on = is_on
        self.register_buffer("p", torch.zeros(()))
        self.register_buffer("heuristic", torch.zeros(()))

    def forward(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1], each with its own changes."""
        if not self.is_on or float(self.p) == 0.0:
            return images
        return self._recolour(self._move(images, generator), generator)

    @torch.no_grad()
    def follow(self, real_logits: Tensor) -> None:
        """Raise or lower ``p`` by what the discriminator says of a batch of real pictures (n,)."""
        if self.is_on:
            self.heuristic.lerp_(real_logits.sign().mean(), 0.1)
            change = torch.sign(self.heuristic - TARGET) * len(real_logits) / PICTURES_TO_FULL
            self.p.add_(change).clamp_(0.0, MOST)

    def _move(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """A translation up to 1/8, a scaling by about 2^0.2 and a turn, in one resampling."""
        count, device = len(images), images.device
        shift = (torch.rand(count, 2, generator=generator, device=device) - 0.5) * 0.5 * self._gate(count, generator, 1)
        scale = torch.exp2(0.2 * torch.randn(count, generator=generator, device=device) * self._gate(count, generator))
        angle = (torch.rand(count, generator=generator, device=device) - 0.5) * math.pi / 4
        angle = angle * self._gate(count, generator)
        cosine, sine = angle.cos() * scale, angle.sin() * scale
        matrix = torch.stack(
            [torch.stack([cosine, -sine, shift[:, 0]], 1), torch.stack([sine, cosine, shift[:, 1]], 1)], 1
        )
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        return F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)

    def _recolour(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Brightness, contrast and, in colour, saturation."""
        count, device = len(images), images.device

        def normal(spread: float) -> Tensor:
            drawn = torch.randn(count, generator=generator, device=device) * spread * self._gate(count, generator)
            return drawn[:, None, None, None]

        images = images + normal(0.2)
        images = images * torch.exp2(normal(0.5))
        if images.shape[1] == 3:
            grey = images.mean(1, keepdim=True)
            images = grey + (images - grey) * torch.exp2(normal(0.5))
        return images

    def _gate(self, count: int, generator: torch.Generator, more: int = 0) -> Tensor:
        """1 with probability ``p``, else 0: (n,), or (n, 1)."""
        drawn = torch.rand(count, generator=generator, device=self.p.device) < self.p
        return drawn.float().view(count, *(1,) * more)
