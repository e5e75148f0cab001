"""The probability of a picture of whole numbers under a density of real ones: uniform dequantisation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.nets.multiscale import MultiscaleFlow

__all__ = ["dequantised", "log_likelihood_parts"]

SEED = 0


def dequantised(images: Tensor, noise: Tensor, bits: int) -> Tensor:
    """Values in [-0.5, 0.5) of 8-bit pictures in [-1, 1], with noise in [0, 1) that fills the grid of 2^bits values.

    (k + u) / 2^bits - 1/2, where k is the whole number that is left of an 8-bit value with fewer bits.
    """
    whole = ((images + 1.0) * 127.5).round().clamp(0, 255)
    levels = 1 << bits
    return (torch.floor(whole * (levels / 256)) + noise) / levels - 0.5


@torch.no_grad()
def log_likelihood_parts(net: MultiscaleFlow, images: Tensor, bits: int) -> tuple[Tensor, ...]:
    """Terms (n,) in nats that add up to a log-likelihood of quantised pictures (n, c, h, w) in [-1, 1].

    log p(z) of every level, coarse first, the log-determinant, and the volume of a cell of the grid. The sum is
    log p(x + u) - d bits log 2 for one noise u of a fixed seed, the same for all pictures. Its mean over u is a lower
    bound on log P(x) (Theis et al. 2016, eq. 3), since P(x) is the integral of the density over the cell.
    """
    noise = torch.rand(images.shape[1:], generator=torch.Generator().manual_seed(SEED)).to(images.device)
    coded = net(dequantised(images, noise, bits))
    volume = images.new_full((len(images),), -bits * math.log(2) * images[0].numel())
    return (*coded.priors, coded.log_determinant, volume)
