"""Odd pictures made of normal ones: what a self-test shows a model to learn which of its scores notice what.

All kinds take and give uint8 (n, h, w, c). Sizes are shares of the shorter side, so they mean the same at any
resolution: on 28 pixels a swapped patch has 8, a scar is 2 to 4 wide and 8 to 14 long, a blur has sigma 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from explorer.atlas.values import Bools, Bytes, Floats

__all__ = ["DAMAGES", "Damage", "noisy", "scar_with_masks", "swap_with_masks"]

Damage = Callable[[Bytes, np.random.Generator], Bytes]

UNIT: Final = 28  # the side that sizes were measured at


def flipped_down(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """Upside down, left and right as they were."""
    return np.ascontiguousarray(pictures[:, ::-1])


def flipped_across(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """As in a mirror."""
    return np.ascontiguousarray(pictures[:, :, ::-1])


def turned(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """By a quarter, against the clock; pictures that are not square are turned by half."""
    is_square = pictures.shape[1] == pictures.shape[2]
    return np.ascontiguousarray(np.rot90(pictures, 1 if is_square else 2, axes=(1, 2)))


def swapped(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """Two square patches, two sevenths of the side, change places."""
    return swap_with_masks(pictures, random)[0]


def scarred(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """A thin rotated strip of the picture itself is pasted elsewhere (CutPaste scar, Li et al. 2021, section 2.2)."""
    return scar_with_masks(pictures, random)[0]


def blurred(pictures: Bytes, random: np.random.Generator) -> Bytes:
    """A Gaussian blur whose sigma is 1/28 of the side."""
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]  # it has no stubs

    sigma = _unit(pictures)
    soft = gaussian_filter(pictures.astype(np.float32), (0, sigma, sigma, 0))
    return _pixels(soft)


def noisy(pictures: Bytes, random: np.random.Generator, sigma: float = 25.0) -> Bytes:
    """Gaussian noise on every value, 25 of 255 by default."""
    noise = random.standard_normal(pictures.shape, np.float32) * sigma
    return _pixels(pictures + noise)


DAMAGES: Final[Mapping[str, Damage]] = MappingProxyType(
    {
        "upside down": flipped_down,
        "mirrored": flipped_across,
        "turned": turned,
        "swapped patches": swapped,
        "scar": scarred,
        "blur": blurred,
        "noise": noisy,
    }
)


def swap_with_masks(pictures: Bytes, random: np.random.Generator) -> tuple[Bytes, Bools]:
    """Swapped patches, and where they are (n, h, w)."""
    made, masks = pictures.copy(), np.zeros(pictures.shape[:3], np.bool_)
    _, height, width, _ = pictures.shape
    side = max(1, min(round(8 * _unit(pictures)), height // 2, width // 2))
    for place, picture in enumerate(pictures):
        for _ in range(100):
            top, left = random.integers(height - side + 1, size=2), random.integers(width - side + 1, size=2)
            if abs(top[0] - top[1]) >= side or abs(left[0] - left[1]) >= side:
                break
        first, second = (
            (slice(int(y), int(y) + side), slice(int(x), int(x) + side)) for y, x in zip(top, left, strict=True)
        )
        made[place][first], made[place][second] = picture[second], picture[first]
        masks[place][first] = masks[place][second] = True
    return made, masks


def scar_with_masks(pictures: Bytes, random: np.random.Generator) -> tuple[Bytes, Bools]:
    """Scars, and where they are (n, h, w)."""
    made, masks = pictures.copy(), np.zeros(pictures.shape[:3], np.bool_)
    _, height, width, _ = pictures.shape
    unit = _unit(pictures)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for place, picture in enumerate(pictures):
        half_length, half_width = random.uniform(8, 14) * unit / 2, random.uniform(2, 4) * unit / 2
        angle = random.uniform(0, math.pi)
        y, x = random.uniform(0.15, 0.85, 2) * (height - 1, width - 1)
        along = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        across = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle)
        mask = (np.abs(along) <= half_length) & (np.abs(across) <= half_width)
        # The strip comes, unturned, from where its middle is another random place.
        from_y, from_x = random.uniform(0.2, 0.8, 2) * (height - 1, width - 1)
        source_rows = np.rint(from_y + across[mask]).astype(np.int64).clip(0, height - 1)
        source_columns = np.rint(from_x + along[mask]).astype(np.int64).clip(0, width - 1)
        made[place][mask] = picture[source_rows, source_columns]
        masks[place] = mask
    return made, masks


def _unit(pictures: Bytes) -> float:
    """What a pixel is on a picture of 28."""
    _, height, width, _ = pictures.shape
    return float(min(height, width)) / UNIT


def _pixels(values: Floats) -> Bytes:
    pixels: Bytes = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels
