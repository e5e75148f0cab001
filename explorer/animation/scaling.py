"""The size that frames are written at."""

from __future__ import annotations

import numpy as np
from PIL import Image

from explorer.animation.output import Output
from explorer.animation.reel import Pixels
from explorer.imaging import enlarge

__all__ = ["film_size", "scaled"]


def film_size(height: int, width: int, output: Output) -> tuple[int, int]:
    """Height and width in pixels of frames of that size as they are written."""
    if output.size <= 0:
        return height, width
    side = min(height, width)
    if output.scaling == "smooth":
        return round(height * output.size / side), round(width * output.size / side)
    factor = max(1, -(-output.size // side))
    return height * factor, width * factor


def scaled(pixels: Pixels, output: Output) -> Pixels:
    """A frame (h, w, c) at the size it is written at: every pixel a square of whole pixels, or resampled (Lanczos)."""
    height, width = film_size(pixels.shape[0], pixels.shape[1], output)
    if (height, width) == pixels.shape[:2]:
        return pixels
    if output.scaling != "smooth":
        return enlarge(pixels, height // pixels.shape[0])
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    resized = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS), np.uint8)
    return np.ascontiguousarray(resized.reshape(height, width, pixels.shape[-1]))
