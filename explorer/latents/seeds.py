"""Numbered draws from the standard normal prior."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw"]


def draw(seed: int, shape: tuple[int, ...]) -> Tensor:
    """A standard normal point of the given shape, float32 on the CPU: the same for the same seed on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
