"""The inner loops of drawing points, compiled. See ``explorer.atlas.splat`` for what they draw."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import compiled

__all__ = ["add_dots", "paint_discs", "resolve"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Sums = npt.NDArray[np.uint64]

CHOSEN = np.uint64(1 << 63)
EIGHTH = np.uint64(48)
HALVES = np.uint64(0x007F7FFF7FFF7FFF)  # what may remain of the four fields after a shift by one
FULL = np.uint64(255)
ONE = np.uint64(1)
GREEN = np.uint64(16)
BLUE = np.uint64(32)
FIELD = np.uint64(0xFFFF)
ZERO, HALF, FULLY = np.float32(0), np.float32(0.5), np.float32(255)


@compiled
def add_dots(
    sums: Sums,
    first: int,
    last: int,
    positions: Floats,
    colours: Bytes,
    highlight: npt.NDArray[np.bool_],
    left: float,
    top: float,
    scale: float,
    dim: int,
) -> None:
    """Count points ``first`` to ``last`` into ``sums`` (h, w), a pixel for each point.

    A pixel holds, from the lowest bit, the sums of red, green and blue (16 bits each), the number of points (8), and
    whether any of them is highlighted (the highest): such a pixel counts no others. After 255 points all is halved.
    """
    height, width = sums.shape
    all_bright = highlight.size == 0
    grey = (np.uint64(1) << EIGHTH) | np.uint64(dim)
    for i in range(first, last):
        x = (np.float64(positions[i, 0]) - left) * scale
        y = (np.float64(positions[i, 1]) - top) * scale
        if not (0 <= x < width and 0 <= y < height):
            continue
        row, column = np.uint64(y), np.uint64(x)  # not signed: else numba looks for negative ones
        old = sums[row, column]
        if all_bright or highlight[i]:
            if not all_bright and old & CHOSEN == 0:
                old = CHOSEN
            colour = (
                np.uint64(colours[i, 0])
                | (np.uint64(colours[i, 1]) << GREEN)
                | (np.uint64(colours[i, 2]) << BLUE)
                | (ONE << EIGHTH)
            )
        elif old & CHOSEN != 0:
            continue
        else:
            colour = grey
        if (old >> EIGHTH) & FULL == FULL:
            old = (old & CHOSEN) | (((old & ~CHOSEN) >> ONE) & HALVES)
        sums[row, column] = old + colour


@compiled
def resolve(parts: Sums, image: Bytes, first: int, last: int, opacities: Bytes, dim_opacities: Bytes) -> None:
    """Write rows ``first`` to ``last`` of premultiplied ``image`` (h, w, 4) from ``parts`` (n, h, w), and clear those.

    A pixel gets the mean colour of its points, the more opaque the more there are.
    """
    for row in range(first, last):
        for column in range(parts.shape[2]):
            count, red, green, blue, bright = 0, 0, 0, 0, False
            for part in range(parts.shape[0]):
                packed = parts[part, row, column]
                if packed == 0:
                    continue
                parts[part, row, column] = 0
                if packed & CHOSEN != 0:
                    if not bright:
                        count, red, green, blue, bright = 0, 0, 0, 0, True
                elif bright:
                    continue
                count += int((packed >> EIGHTH) & FULL)
                red += int(packed & FIELD)
                green += int((packed >> GREEN) & FIELD)
                blue += int((packed >> BLUE) & FIELD)
            opacity = np.uint8(0)
            share = np.float32(0.0)
            if count > 0:
                index = min(count, 255)
                opacity = opacities[index] if bright else dim_opacities[index]
                share = np.float32(opacity) / np.float32(255 * count)
            image[row, column, 0] = np.uint8(np.float32(red) * share)
            image[row, column, 1] = np.uint8(np.float32(green) * share)
            image[row, column, 2] = np.uint8(np.float32(blue) * share)
            image[row, column, 3] = opacity


@compiled
def paint_discs(
    image: Bytes,
    first: int,
    last: int,
    positions: Floats,
    colours: Bytes,
    highlight: npt.NDArray[np.bool_],
    view: tuple[float, float, float],
    dim: tuple[int, int, int],
    stamps: Floats,
    opacity: float,
    dim_opacity: float,
) -> None:
    """Paint points as discs with smooth edges over rows ``first`` to ``last`` of premultiplied ``image`` (h, w, 4).

    Those highlighted come last, on top of the others. ``stamps`` (n, n, side, side) say how much of each pixel a disc
    covers whose middle is in pixel ``side // 2``, in the n-th parts of it.
    """
    left, top, scale = view
    width = image.shape[1]
    steps, side = stamps.shape[0], stamps.shape[2]
    reach = side // 2 + 1
    all_bright = highlight.size == 0
    for turn in range(1 if all_bright else 2):
        for i in range(positions.shape[0]):
            bright = all_bright or highlight[i]
            if not all_bright and bright != (turn == 1):
                continue
            y = (np.float64(positions[i, 1]) - top) * scale
            x = (np.float64(positions[i, 0]) - left) * scale
            if not (first - reach <= y < last + reach and -reach <= x < width + reach):
                continue
            red, green, blue = np.float32(dim[0]), np.float32(dim[1]), np.float32(dim[2])
            strength = np.float32(dim_opacity)
            if bright:
                red, green, blue = np.float32(colours[i, 0]), np.float32(colours[i, 1]), np.float32(colours[i, 2])
                strength = np.float32(opacity)
            column, row = math.floor(x), math.floor(y)
            stamp = stamps[int((y - row) * steps), int((x - column) * steps)]
            column -= side // 2
            row -= side // 2
            for down in range(max(0, first - row), min(side, last - row)):
                for across in range(max(0, -column), min(side, width - column)):
                    alpha = stamp[down, across] * strength
                    if alpha == ZERO:
                        continue
                    rest = np.float32(1.0) - alpha
                    pixel = image[row + down, column + across]
                    pixel[0] = np.uint8(red * alpha + pixel[0] * rest + HALF)
                    pixel[1] = np.uint8(green * alpha + pixel[1] * rest + HALF)
                    pixel[2] = np.uint8(blue * alpha + pixel[2] * rest + HALF)
                    pixel[3] = np.uint8(FULLY * alpha + pixel[3] * rest + HALF)
