"""How far two pictures are apart, as a picture and in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Difference", "alike", "difference"]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """``pixels`` (h, w, c) are the absolute difference times a gain; ``rms`` is a share of the whole range."""

    pixels: Pixels
    rms: float
    decibels: float  # PSNR; infinite where nothing differs
    told: str = ""  # what had to be done to them before, in words


def alike(first: Pixels, second: Pixels) -> tuple[Pixels, Pixels, str]:
    """Both at the size of the larger one and with as many channels, and in words what was done for that."""
    height, width = max(first.shape[0], second.shape[0]), max(first.shape[1], second.shape[1])
    channels = max(first.shape[2], second.shape[2])
    told = ""
    for pixels in (first, second):
        if pixels.shape[:2] != (height, width):
            told = f"{pixels.shape[1]}×{pixels.shape[0]} is enlarged to {width}×{height}"
    return _made(first, height, width, channels), _made(second, height, width, channels), told


def difference(first: Pixels, second: Pixels, gain: float = 1.0) -> Difference:
    """How two pictures (h, w, c) differ; the smaller one is enlarged first."""
    one, other, told = alike(first, second)
    apart = one.astype(np.float32) - other.astype(np.float32)
    rms = float(np.sqrt(np.square(apart).mean())) / 255
    pixels = np.rint(np.abs(apart) * gain).clip(0, 255).astype(np.uint8)
    return Difference(pixels, rms, -20 * math.log10(rms) if rms else math.inf, told)


def _made(pixels: Pixels, height: int, width: int, channels: int) -> Pixels:
    if pixels.shape[2] != channels:
        pixels = pixels.repeat(channels, axis=2)
    if pixels.shape[:2] != (height, width):
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        pixels = np.array(image.resize((width, height), Image.Resampling.BICUBIC), np.uint8)
        pixels = pixels.reshape(height, width, channels)
    return pixels
