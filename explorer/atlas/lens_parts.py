"""What every lens measures in the same way: error maps, their hottest pixels, texture, and bytes as a PNG.

Pictures come as (n, c, h, w) in [-1, 1]; all numbers are about values x in [0, 1], averaged over the channels.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.atlas.png_size import png_sizes
from explorer.atlas.values import Floats
from explorer.generators import leave_a_core
from explorer.points import to_uint8

__all__ = ["FINEST", "TEXTURE", "grid_of", "hottest", "laplacian", "norms", "numbers", "residual_maps", "texture"]

Halves = npt.NDArray[np.float16]

FINEST: Final = 32  # cells of an error map along a side, at most
HOT_SHARE: Final = 100  # one pixel of so many is hot
TEXTURE: Final = ("bytes", "laplacian")  # statistics that need nothing but the picture


def grid_of(image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Rows and columns of the error maps of pictures (c, h, w)."""
    _, height, width = image_shape
    return min(height, FINEST), min(width, FINEST)


def residual_maps(images: Tensor, copies: Tensor) -> tuple[Halves, dict[str, Floats]]:
    """What copies miss: picture minus copy as float16 (n, rows, columns), and the statistics of its squares.

    "reconstruction" is the sum of the squared differences over all values of a picture, "hot" the mean of its
    ⌈P / 100⌉ largest, of P pixels.
    """
    missing = (images.float() - copies.float().clamp(-1.0, 1.0)) / 2.0
    squares = missing.square()
    grid = grid_of((1, images.shape[2], images.shape[3]))
    maps = missing.mean(1, keepdim=True)
    if maps.shape[2:] != grid:
        maps = F.adaptive_avg_pool2d(maps, grid)
    found = {"reconstruction": numbers(squares.flatten(1).sum(1)), "hot": numbers(hottest(squares))}
    return maps[:, 0].half().cpu().numpy(), found


def hottest(squares: Tensor) -> Tensor:
    """The mean of the ⌈P / 100⌉ largest of P pixels, (n,), of squared differences (n, c, h, w)."""
    pixels = squares.mean(1).flatten(1)
    return pixels.topk(math.ceil(pixels.shape[1] / HOT_SHARE), dim=1).values.mean(1)


def laplacian(images: Tensor) -> Tensor:
    """The mean squared Laplacian of x in [0, 1], (n,): near 0 for blurred pictures. Borders repeat their last pixel."""
    grey = F.pad(images.float().mean(1, keepdim=True) / 2.0, (1, 1, 1, 1), mode="replicate")
    middle = grey[:, :, 1:-1, 1:-1]
    around = grey[:, :, :-2, 1:-1] + grey[:, :, 2:, 1:-1] + grey[:, :, 1:-1, :-2] + grey[:, :, 1:-1, 2:]
    return (around - 4.0 * middle).square().flatten(1).mean(1)


@contextlib.contextmanager
def texture(images: Tensor) -> Iterator[Callable[[], dict[str, Floats]]]:
    """Measure the texture of pictures beside what the block does; calling what it is given waits for the statistics."""
    with ThreadPoolExecutor(1, "texture") as pool:
        yield pool.submit(_texture, images).result


def numbers(values: Tensor) -> Floats:
    """A statistic (n,) as float32 on the CPU."""
    return values.float().cpu().numpy()


def norms(values: Tensor) -> Floats:
    """The Euclidean length of (n, ...), (n,)."""
    return numbers(torch.linalg.vector_norm(values.float().flatten(1), dim=1))


@torch.inference_mode()
def _texture(images: Tensor) -> dict[str, Floats]:
    leave_a_core()
    return {"bytes": png_sizes(to_uint8(images)), "laplacian": numbers(laplacian(images))}
