"""Pictures on their way to a lens: decoded in threads beside the network, with thumbnails and what is cheap to know."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from collections.abc import Generator as Stream
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from explorer.atlas.quality import FLOOR, quality_of
from explorer.atlas.values import Bytes, Floats, Ints
from explorer.datasets import ArrayDataset, Dataset, Unreadable
from explorer.errors import ImageError
from explorer.imaging import Preparation, prepare

__all__ = ["NAMES", "Decoded", "decoded", "thumbnail_of", "thumbnail_shape"]

MAX_THREADS: Final = 8
TOGETHER: Final = 16  # pictures to a task: threads are handed work less often
NAMES: Final = ("width", "height", "brightness", "contrast", "sharpness")
SMALL, LARGE = 32, 64  # pixels along a side of a thumbnail
ASKED: Final = 32  # pictures that decide how large thumbnails are


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Pictures that could be read, in order, and those that could not.

    Attributes:
        indices: (n,) of the dataset.
        pixels: uint8 (n, h, w, c) as the lens wants them.
        thumbnails: uint8 (n, h, w, c).
        quality: float32 (n, len(NAMES)).
    """

    indices: Ints
    pixels: Bytes
    thumbnails: Bytes
    quality: Floats
    failed: tuple[Unreadable, ...]


def decoded(
    dataset: Dataset,
    image_shape: tuple[int, int, int],
    preparation: Preparation,
    thumbnail: tuple[int, int, int],
    indices: Ints,
    size: int,
) -> Stream[Decoded, None, None]:
    """Pictures in the order of ``indices``, ``size`` at a time, one batch ahead of the caller.

    Closing the iterator, or dropping it, ends the threads. Batches in which nothing can be read come as well.
    """

    def load_each(group: Ints) -> Decoded:
        pixels, thumbnails, quality, read, failed = [], [], [], [], []
        for index in group:
            try:
                picture = dataset.picture(int(index))
            except ImageError as error:
                failed.append(Unreadable(int(index), error.message))
                continue
            read.append(index)
            pixels.append(prepare(picture, image_shape, preparation))
            thumbnails.append(thumbnail_of(picture, thumbnail))
            quality.append(_quality(picture))
        channels, height, width = image_shape
        return Decoded(
            np.array(read, np.int64),
            np.stack(pixels) if pixels else np.zeros((0, height, width, channels), np.uint8),
            np.stack(thumbnails) if thumbnails else np.zeros((0, *thumbnail), np.uint8),
            np.array(quality, np.float32).reshape(-1, len(NAMES)),
            tuple(failed),
        )

    load: Callable[[Ints], Decoded]
    if isinstance(dataset, ArrayDataset) and _are_ready(dataset, image_shape, preparation, thumbnail):
        together, load = size, partial(_load_ready, dataset, image_shape, preparation, thumbnail)
    else:
        together, load = TOGETHER, load_each
    pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1), "pictures")
    waiting: deque[list[Future[Decoded]]] = deque()
    try:
        for start in range(0, len(indices), size):
            batch = indices[start : start + size]
            waiting.append([pool.submit(load, batch[at : at + together]) for at in range(0, len(batch), together)])
            if len(waiting) > 1:
                yield _joined([task.result() for task in waiting.popleft()])
        while waiting:
            yield _joined([task.result() for task in waiting.popleft()])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def thumbnail_shape(dataset: Dataset) -> tuple[int, int, int]:
    """The (h, w, c) of thumbnails that suits a dataset: 32 pixels a side where all pictures looked at are no larger,
    else 64; one channel where all are grey."""
    large, coloured = False, False
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(ASKED, len(dataset))).astype(np.int64)):
        try:
            picture = dataset.picture(int(index))
        except ImageError:
            continue
        large = large or max(picture.size) > SMALL
        coloured = coloured or picture.mode != "L"
    side = LARGE if large else SMALL
    return side, side, 3 if coloured else 1


def thumbnail_of(picture: Image.Image, shape: tuple[int, int, int]) -> Bytes:
    """A picture, shrunk where it is larger, in the middle of black (h, w, c)."""
    height, width, channels = shape
    mode = "L" if channels == 1 else "RGB"
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture)
    picture = picture.convert(mode)
    if picture.width > width or picture.height > height:
        picture = ImageOps.contain(picture, (width, height), Image.Resampling.BOX)
    if picture.size == (width, height):
        return np.array(picture, np.uint8).reshape(shape)
    thumbnail = np.zeros(shape, np.uint8)
    top, left = (height - picture.height) // 2, (width - picture.width) // 2
    place = thumbnail[top : top + picture.height, left : left + picture.width]
    place[:] = np.asarray(picture, np.uint8).reshape(place.shape)
    return thumbnail


def _are_ready(
    dataset: ArrayDataset,
    image_shape: tuple[int, int, int],
    preparation: Preparation,
    thumbnail: tuple[int, int, int],
) -> bool:
    """Whether the pictures of an array are grey, small, and need no more than a border."""
    _, height, width, channels = dataset.array.shape
    box = preparation.content or image_shape[1], preparation.content or image_shape[2]
    fits = height <= min(thumbnail[0], image_shape[1]) and width <= min(thumbnail[1], image_shape[2])
    return channels == 1 and box == (height, width) and fits and min(height, width) > 2


def _load_ready(
    dataset: ArrayDataset,
    image_shape: tuple[int, int, int],
    preparation: Preparation,
    thumbnail: tuple[int, int, int],
    group: Ints,
) -> Decoded:
    """Many small grey pictures of an array at once: the same as one by one."""
    pixels = dataset.pixels(group)
    channels, height, width = image_shape
    ground = Image.new("RGB", (1, 1), preparation.background).convert("L" if channels == 1 else "RGB")
    return Decoded(
        group,
        _framed(pixels, (height, width, channels), np.asarray(ground, np.uint8).reshape(channels)),
        _framed(pixels, thumbnail, np.zeros(1, np.uint8)),
        _qualities(pixels),
        (),
    )


def _framed(pixels: Bytes, shape: tuple[int, int, int], ground: Bytes) -> Bytes:
    """Grey pictures (n, h, w, 1) in the middle of a larger ground."""
    framed = np.empty((len(pixels), *shape), np.uint8)
    framed[:] = ground
    top, left = (shape[0] - pixels.shape[1]) // 2, (shape[1] - pixels.shape[2]) // 2
    framed[:, top : top + pixels.shape[1], left : left + pixels.shape[2]] = pixels
    return framed


def _qualities(pixels: Bytes) -> Floats:
    """``_quality`` of grey pictures (n, h, w, 1), at most 256 pixels a side."""
    count, height, width, _ = pixels.shape
    grey = pixels[..., 0].astype(np.float32) * np.float32(1 / 255)
    laplacian = (
        4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
    )
    edges = np.square(laplacian).reshape(count, -1).mean(1)
    flat = grey.reshape(count, -1)
    sides = np.full(count, width), np.full(count, height)
    return np.stack([*sides, flat.mean(1), flat.std(1), np.log(FLOOR + edges)], 1).astype(np.float32)


def _quality(picture: Image.Image) -> tuple[float, ...]:
    """What ``NAMES`` says of a picture."""
    found = quality_of(picture)
    return tuple(float(getattr(found, name)) for name in NAMES)


def _joined(parts: list[Decoded]) -> Decoded:
    """One batch out of the parts that tasks read."""
    return Decoded(
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.thumbnails for part in parts]),
        np.concatenate([part.quality for part in parts]),
        tuple(left_out for part in parts for left_out in part.failed),
    )
