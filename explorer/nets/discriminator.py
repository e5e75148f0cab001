"""The discriminator that trains a StyleGAN2 (Karras et al. 2020, figure 7c; projection: Miyato and Koyama 2018)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.nets.modulation import EPSILON, downsample, filter_of
from explorer.nets.style_mapping import Dense, activate, gain_inside

__all__ = ["Discriminator"]

GROUP = 4  # pictures whose spread is compared (Karras et al. 2018, section 3)


class Discriminator(nn.Module):
    """Pictures, and their classes, to one number: above zero for real.

    ``channels`` are those at 4x4, 8x8 and so on, as of the generator.
    """

    def __init__(self, image_channels: int, channels: tuple[int, ...], classes: int) -> None:
        super().__init__()
        width = channels[0]
        self.first = Convolution(image_channels, channels[-1], 1)
        self.blocks = nn.ModuleList(
            Residual(channels[i], channels[i - 1]) for i in range(len(channels) - 1, 0, -1)
        )  # from the full resolution down to 4x4
        self.last = Convolution(width + 1, width, 3)
        self.dense = Dense(width * 16, width, "lrelu")
        self.out = Dense(width, width if classes else 1)
        self.classes = Dense(classes, width) if classes else None

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits (n,) of pictures (n, c, h, w) in [-1, 1] and class weights (n, classes); n is a multiple of 4."""
        x: Tensor = self.first(images)
        for block in self.blocks:
            x = block(x)
        x = self.last(_with_spread(x))
        x = self.out(self.dense(x.flatten(1))).float()
        if self.classes is None:
            return x[:, 0]
        assert condition is not None, "condition should be (n, classes)"
        embedded: Tensor = self.classes(condition).float()
        embedded = embedded * (embedded.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        return (x * embedded).sum(1) / math.sqrt(x.shape[1])


class Convolution(nn.Module):
    """A convolution whose weights are scaled when used, with a leaky ReLU or without one."""

    def __init__(self, inputs: int, outputs: int, kernel: int, is_linear: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = None if is_linear else nn.Parameter(torch.zeros(outputs))
        self.gain = 1.0 / math.sqrt(inputs * kernel * kernel)

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        activation = "linear" if self.bias is None else "lrelu"
        inside = gain_inside(activation, gain)
        bias = None if self.bias is None else self.bias * inside
        x = F.conv2d(x, self.weight * (self.gain * inside), bias, padding=self.weight.shape[-1] // 2)
        return activate(x, activation, gain, is_inside=True)


class Residual(nn.Module):
    """Two convolutions down to half the size, beside a plain path."""

    smoothing: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("smoothing", filter_of(), persistent=False)
        self.first = Convolution(inputs, inputs, 3)
        self.second = Convolution(inputs, outputs, 3)
        self.skip = Convolution(inputs, outputs, 1, is_linear=True)

    def forward(self, x: Tensor) -> Tensor:
        half = math.sqrt(0.5)
        kept: Tensor = self.skip(downsample(x, self.smoothing), half)
        x = self.second(downsample(self.first(x), self.smoothing), half)
        return kept + x


def _with_spread(x: Tensor) -> Tensor:
    """One more channel: the mean standard deviation within every four pictures (Karras et al. 2018, section 3)."""
    groups = x.float().view(-1, GROUP, *x.shape[1:])
    spread = (groups.var(1, correction=0) + EPSILON).sqrt().mean((1, 2, 3))
    column = spread.repeat_interleave(GROUP)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, column.to(x.dtype)], 1)
