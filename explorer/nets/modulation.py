"""Resampling with small filters, as StyleGAN2 does it (Karras et al. 2019, section 2; Zhang 2019)."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["EPSILON", "blur", "downsample", "filter_of", "resize_pads", "upsample"]

EPSILON: Final = 1e-8


def filter_of(taps: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)) -> Tensor:
    """The separable filter of these taps as (k, k), with a sum of 1."""
    line = torch.tensor(taps, device="cpu")
    square = torch.outer(line, line)
    return square / square.sum()


def resize_pads(taps: int) -> tuple[int, int]:
    """Padding before and after a blur that ends with twice the size, after a 3x3 transposed convolution of stride 2."""
    return (taps + 1) // 2 - 1, (taps - 2) // 2


def blur(x: Tensor, kernel: Tensor, pads: tuple[int, int]) -> Tensor:
    """Every channel of (n, c, h, w) convolved with ``kernel`` (k, k), flipped as mathematics has it."""
    channels = x.shape[1]
    weight = kernel.flip((0, 1)).to(x.dtype).expand(channels, 1, *kernel.shape)
    return _filtered(x, weight, pads, 1)


def upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """(n, c, h, w) at twice the size: zeros between, then ``kernel`` (k, k) with a gain of 4."""
    channels, taps = x.shape[1], len(kernel)
    weight = (kernel * 4.0).to(x.dtype).expand(channels, 1, taps, taps)
    start = taps - 1 - (taps + 1) // 2
    full = F.conv_transpose2d(x, weight, stride=2, groups=channels)
    missing = max(0, start + 2 * x.shape[2] - full.shape[2])
    if missing:
        full = F.pad(full, (0, missing, 0, missing))
    return full[:, :, start : start + 2 * x.shape[2], start : start + 2 * x.shape[3]]


def downsample(x: Tensor, kernel: Tensor) -> Tensor:
    """(n, c, h, w) at half the size: ``kernel`` (k, k), then every second pixel."""
    channels, taps = x.shape[1], len(kernel)
    weight = kernel.flip((0, 1)).to(x.dtype).expand(channels, 1, taps, taps)
    pads = ((taps - 1) // 2, (taps - 2) // 2)
    return _filtered(x, weight, pads, 2)


def _filtered(x: Tensor, weight: Tensor, pads: tuple[int, int], stride: int) -> Tensor:
    if pads[0] == pads[1] >= 0:  # without a padded copy
        return F.conv2d(x, weight, padding=pads[0], stride=stride, groups=x.shape[1])
    return F.conv2d(F.pad(x, (*pads, *pads)), weight, stride=stride, groups=x.shape[1])
