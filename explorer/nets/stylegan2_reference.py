"""StyleGAN2's synthesis written the way the paper describes it: what our own is checked and timed against.

The weights of every picture of a batch are modulated and demodulated on their own, and a grouped convolution takes the
batch as groups (Karras et al. 2020, section 2.2 and appendix B, "grouped convolutions").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.nets.modulation import EPSILON
from explorer.nets.style_mapping import activate
from explorer.nets.stylegan2 import Block, NoiseOf, StyleLayer, Synthesis

__all__ = ["reference_synthesis"]


def reference_synthesis(synthesis: Synthesis, styles: Tensor, noise: NoiseOf | None = None) -> Tensor:
    """Pictures (n, c, h, w) of styles (n, layers, w), for the architecture "skip"."""
    assert synthesis.shape.architecture == "skip", "architecture should be 'skip'"
    image: Tensor | None = None
    x, row, index = torch.empty(0), 0, 0
    for level in range(len(synthesis.shape.channels)):
        block = getattr(synthesis, f"b{4 << level}")
        assert isinstance(block, Block)
        if level == 0:
            x = block.const.expand(len(styles), *block.const.shape)
        else:
            x, row, index = _convolve(block.conv0, x, styles[:, row], noise, index), row + 1, index + 1
        x, row, index = _convolve(block.conv1, x, styles[:, row], noise, index), row + 1, index + 2
        scales = block.torgb.affine(styles[:, row]) / math.sqrt(x.shape[1])
        colours = _grouped(x, block.torgb.weight * scales[:, None, :, None, None], 0) + block.torgb.bias[:, None, None]
        if block.torgb.clamp is not None:
            colours = colours.clamp(-block.torgb.clamp, block.torgb.clamp)
        image = colours if image is None else colours + _resampled(image, block.resample_filter * 4.0, 2, (2, 1))
    assert image is not None
    return image


def _convolve(layer: StyleLayer, x: Tensor, style: Tensor, noise: NoiseOf | None, index: int) -> Tensor:
    weights = layer.weight * layer.affine(style)[:, None, :, None, None]  # (n, out, in, 3, 3), eq. 1
    weights = weights * (weights.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()  # eq. 3
    if layer.up:
        x = _grouped_up(x, weights)
        x = _resampled(x, layer.resample_filter * 4.0, 1, (1, 1))
    else:
        x = _grouped(x, weights, 1)
    added = noise(index, layer) if noise is not None else None
    x = x if added is None else x + added
    return activate(x + layer.bias[:, None, None], layer.activation, 1.0, layer.clamp)


def _grouped(x: Tensor, weights: Tensor, padding: int) -> Tensor:
    count, outputs, inputs = weights.shape[:3]
    folded = x.reshape(1, count * inputs, *x.shape[2:])
    result = F.conv2d(folded, weights.reshape(count * outputs, *weights.shape[2:]), padding=padding, groups=count)
    return result.reshape(count, outputs, *result.shape[2:])


def _grouped_up(x: Tensor, weights: Tensor) -> Tensor:
    count, outputs, inputs = weights.shape[:3]
    folded = x.reshape(1, count * inputs, *x.shape[2:])
    turned = weights.transpose(1, 2).reshape(count * inputs, outputs, *weights.shape[3:])
    result = F.conv_transpose2d(folded, turned, stride=2, groups=count)
    return result.reshape(count, outputs, *result.shape[2:])


def _resampled(x: Tensor, kernel: Tensor, up: int, pads: tuple[int, int]) -> Tensor:
    """Zeros between, padding, then ``kernel`` as a convolution of every channel: upfirdn."""
    count, channels, height, width = x.shape
    spread = x.new_zeros(count, channels, height, up, width, up)
    spread[:, :, :, 0, :, 0] = x
    padded = F.pad(spread.reshape(count, channels, height * up, width * up), (*pads, *pads))
    flat = padded.reshape(count * channels, 1, *padded.shape[2:])
    result = F.conv2d(flat, kernel.flip((0, 1))[None, None])
    return result.reshape(count, channels, *result.shape[2:])
