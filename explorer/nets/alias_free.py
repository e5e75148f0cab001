"""Filters and the nonlinearity that does not alias (Karras et al. 2021, Alias-Free GAN, section 3 and appendix C)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["filtered_lrelu", "jinc_filter", "sinc_filter"]

SLOPE: Final = 0.2
GAIN: Final = math.sqrt(2.0)
# How many values to hold at the high rate at a time. On a CPU the caches decide, measured; elsewhere the memory does.
TILE: Final = 1_000_000
LARGE_TILE: Final = 100_000_000
TILE_CHANNELS: Final = 16  # below that, vector instructions have too little to work on


def sinc_filter(taps: int, cutoff: float, half_width: float, rate: float) -> Tensor:
    """A low-pass filter (taps,), a sinc in a Kaiser window with a sum of 1 (appendix C.1, and Kaiser 1974).

    ``cutoff`` and ``half_width``, half of the transition band, are in the unit of the sampling ``rate``.
    """
    positions = (np.arange(taps) - (taps - 1) / 2) / rate
    values = np.sinc(2 * cutoff * positions) * np.kaiser(taps, _beta(taps, half_width, rate))
    return torch.from_numpy((values / values.sum()).astype(np.float32))


def jinc_filter(taps: int, cutoff: float, half_width: float, rate: float) -> Tensor:
    """The rotation invariant counterpart (taps, taps), J1(2 pi fc r) / (pi r) in a window (appendix C.1)."""
    positions = (torch.arange(taps, dtype=torch.float64, device="cpu") - (taps - 1) / 2) / rate
    radius = torch.hypot(*torch.meshgrid(positions, positions, indexing="ij"))
    radius = radius.clamp(min=1e-9 / rate)  # the limit at 0 is finite
    values: Tensor = torch.special.bessel_j1(2 * math.pi * cutoff * radius) / (math.pi * radius)
    window = torch.from_numpy(np.kaiser(taps, _beta(taps, half_width, rate)))
    values = values * torch.outer(window, window)
    return (values / values.sum()).float()


def filtered_lrelu(
    x: Tensor,
    up_filter: Tensor,
    down_filter: Tensor,
    up: int,
    down: int,
    padding: tuple[int, int],
    clamp: float | None,
) -> Tensor:
    """A leaky ReLU at ``up`` times the rate of x (n, c, h, w), of which every ``down``-th value is kept (figure 4b).

    1. ``up`` - 1 zeros after every value, then ``padding`` before and after every axis, where below 0 it crops;
    2. ``up_filter`` (t,) along both axes, with a gain of ``up`` each;
    3. the leaky ReLU with a gain of sqrt(2), limited to +-``clamp``;
    4. ``down_filter``, (t,) along both axes or (t, t), and decimation.

    Filters are applied where they fit, flipped as mathematics has it. Every part of the padded signal should be in
    reach of a value: ``padding`` should be at most (t - 1, t - ``up``).

    The high rate takes much memory, so it exists for some channels and rows at a time. How x is divided depends on
    one picture, not on how many there are.
    """
    channels, height, width = x.shape[1:]
    high = width * up + sum(padding) - len(up_filter) + 1
    rows = (height * up + sum(padding) - len(up_filter) + 1 - len(down_filter)) // down + 1
    budget, layout = (TILE, torch.channels_last) if x.device.type == "cpu" else (LARGE_TILE, torch.contiguous_format)
    area = high * (height * up + sum(padding) - len(up_filter) + 1)
    pictures = max(1, budget // (channels * area))
    wide = min(channels, max(TILE_CHANNELS, budget // area))
    deep = max(2 * len(down_filter), budget // (wide * high)) // down  # rows of output in a tile
    up_line = up_filter.to(x.dtype) * up
    down_line = down_filter.to(x.dtype).flip(tuple(range(down_filter.ndim)))

    def tile(part: Tensor, first: int, last: int) -> Tensor:
        start, length = first * down, (last - first - 1) * down + len(down_filter)
        part = _raised(part, up_line, up, 2, padding[0], start, length)  # slices rows, so first
        part = _raised(part, up_line * GAIN, up, 3, padding[0], 0, high)  # which passes the leaky ReLU as a factor
        part = F.leaky_relu(part, SLOPE)
        if clamp is not None:
            part = part.clamp(-clamp, clamp)
        return _lowered(part, down_line, down)

    def stack(part: Tensor) -> Tensor:
        part = part.contiguous(memory_format=layout)
        return _joined([tile(part, first, min(first + deep, rows)) for first in range(0, rows, deep)], 2)

    return _joined([_joined([stack(c) for c in torch.split(n, wide, 1)], 1) for n in torch.split(x, pictures, 0)], 0)


def _beta(taps: int, half_width: float, rate: float) -> float:
    """The parameter of the Kaiser window for a transition band (Kaiser 1974; eq. 6 of the paper)."""
    attenuation = 2.285 * (taps - 1) * math.pi * (2 * half_width / (rate / 2)) + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    excess = max(attenuation - 21, 0.0)
    return 0.5842 * float(excess**0.4) + 0.07886 * excess


def _raised(x: Tensor, line: Tensor, up: int, axis: int, before: int, start: int, length: int) -> Tensor:
    """``length`` values from ``start`` of the signal along ``axis`` after zeros, padding ``before`` and filter.

    A transposed convolution adds the filter at ``up`` times the place of every value, which multiplies no zeros.
    """
    taps = len(line)
    if taps == up == 1 and not before:
        return x.narrow(axis, start, length) * line
    begin = start + taps - 1 - before  # in the whole transposed convolution
    first = max(0, -(-(begin - taps + 1) // up))
    last = min(x.shape[axis], (begin + length - 1) // up + 1)
    left = begin - first * up
    right = (last - first - 1) * up + taps - left - length
    assert left >= 0 <= right, "padding should be within reach of the filter"
    crop = min(left, right)
    channels = x.shape[1]
    weight = line.view(1, 1, -1, 1) if axis == 2 else line.view(1, 1, 1, -1)
    result = F.conv_transpose2d(
        x.narrow(axis, first, last - first),
        weight.expand(channels, 1, -1, -1),
        stride=(up, 1) if axis == 2 else (1, up),
        padding=(crop, 0) if axis == 2 else (0, crop),
        groups=channels,
    )
    return result if left == right else result.narrow(axis, left - crop, length)


def _lowered(x: Tensor, kernel: Tensor, down: int) -> Tensor:
    """Every ``down``-th value along both axes of x after a filter, (t,) or (t, t)."""
    channels = x.shape[1]
    if kernel.ndim == 2:
        return F.conv2d(x, kernel.expand(channels, 1, -1, -1), stride=down, groups=channels)
    if len(kernel) == down == 1:
        return x * kernel
    x = F.conv2d(x, kernel.view(1, 1, 1, -1).expand(channels, 1, -1, -1), stride=(1, down), groups=channels)
    return F.conv2d(x, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, -1), stride=(down, 1), groups=channels)


def _joined(parts: list[Tensor], axis: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, axis)
