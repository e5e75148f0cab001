"""How many bytes pictures take as PNG: a measure of how complex they are that needs no model."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

from explorer.atlas.values import Bytes, Floats

__all__ = ["png_sizes"]

LEVEL: Final = 6  # of zlib; only the order of sizes matters, and it hardly depends on this
MEMORY: Final = 9
AROUND: Final = 57  # bytes of a PNG with one block of data that are not that data
CHUNK: Final = 1 << 16  # bytes of data to a block in files that Pillow writes
OVERHEAD: Final = 12  # of every further one


def png_sizes(pixels: Bytes) -> Floats:
    """The sizes (n,), in bytes, of uint8 pictures (n, h, w, c) as PNG, each row filtered as the standard advises.

    Of the five filters a row gets the one with the smallest sum of absolute differences (PNG, third edition, 12.7).
    """
    sizes = np.empty(len(pixels), np.float32)
    for index, data in enumerate(_filtered(pixels)):
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 15, MEMORY, zlib.Z_FILTERED)
        size = len(packer.compress(data.data)) + len(packer.flush())
        sizes[index] = size + AROUND + OVERHEAD * ((size - 1) // CHUNK)
    return sizes


def _filtered(pixels: Bytes) -> Bytes:
    """The rows of pictures (n, h, w, c) as PNG packs them: (n, h, 1 + w c), the filter first."""
    count, height, width, channels = pixels.shape
    rows = pixels.reshape(count, height, width * channels).astype(np.int16)
    left, up, corner = np.zeros_like(rows), np.zeros_like(rows), np.zeros_like(rows)
    left[:, :, channels:] = rows[:, :, :-channels]
    up[:, 1:] = rows[:, :-1]
    corner[:, 1:, channels:] = rows[:, :-1, :-channels]
    guesses = (np.zeros_like(rows), left, up, (left + up) >> 1, _paeth(left, up, corner))
    coded = np.stack([(rows - guess).astype(np.uint8) for guess in guesses])  # (5, n, h, w c), modulo 256
    cost = np.abs(coded.view(np.int8).astype(np.int16)).sum(3, dtype=np.int64)
    best = cost.argmin(0)
    packed = np.empty((count, height, 1 + width * channels), np.uint8)
    packed[:, :, 0] = best
    packed[:, :, 1:] = np.take_along_axis(coded, best[None, :, :, None], 0)[0]
    return packed


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Of the three neighbours the one nearest to left + up - corner (PNG, third edition, 9.4)."""
    to_left, to_up, to_corner = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
    nearest_up = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest_up)
