"""Datasets as pixels for a model: batch by batch in bounded memory, or all at once where they fit."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.datasets.arrays import ArrayDataset
from explorer.datasets.dataset import Dataset
from explorer.errors import DatasetError, ImageError
from explorer.imaging import Preparation, prepare

__all__ = ["Batch", "Unreadable", "batches", "load_all", "split"]

Indices = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]
Batch = tuple[Indices, Pixels]
Load = Callable[[Indices], Pixels]

MAX_THREADS = 8
LOADED_AT_ONCE = 512  # pictures


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that was left out, and why, in one sentence."""

    index: int
    reason: str


def batches(
    dataset: Dataset,
    image_shape: tuple[int, int, int],
    preparation: Preparation,
    size: int,
    indices: Sequence[int] | Indices | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    unreadable: list[Unreadable] | None = None,
) -> Generator[Batch, None, None]:
    """Pictures in order, ``size`` at a time, made to fit ``image_shape`` (c, h, w): indices (m,), uint8 (m, h, w, c).

    Decoding runs in threads, one batch ahead of the caller, so at most three batches are in memory. Nothing starts
    before the first is asked for; closing the iterator, or dropping it, ends the threads. With ``on_error="skip"``
    pictures that cannot be read are left out, so m may be smaller, and are appended to ``unreadable`` if it is given;
    a batch with no readable picture is not yielded.

    Raises:
        ImageError: a picture cannot be read, with ``on_error="raise"``.
    """
    assert size > 0, "size should be at least 1"
    chosen = np.arange(len(dataset), dtype=np.int64) if indices is None else np.asarray(indices, np.int64)
    assert chosen.ndim == 1, "indices should be (n,)"
    skipped = None if on_error == "raise" else [] if unreadable is None else unreadable
    ready = _ready_made(dataset, image_shape, preparation)
    if ready is not None:
        return _in_threads(chosen, size, size, ready, skipped)

    def decode(group: Indices) -> Pixels:
        return prepare(dataset.picture(int(group[0])), image_shape, preparation)[None]

    return _in_threads(chosen, size, 1, decode, skipped)


def load_all(
    dataset: Dataset,
    image_shape: tuple[int, int, int],
    preparation: Preparation,
    limit_bytes: int = 2 << 30,
    unreadable: list[Unreadable] | None = None,
) -> Pixels:
    """Every picture, made to fit ``image_shape`` (c, h, w), as one uint8 array (n, h, w, c).

    Pictures that cannot be read are left out and appended to ``unreadable``, if that is given.

    Raises:
        DatasetError: the array would be larger than ``limit_bytes``.
        ImageError: a picture cannot be read, without ``unreadable``.
    """
    channels, height, width = image_shape
    needed = len(dataset) * channels * height * width
    if needed > limit_bytes:
        raise DatasetError(
            f"{dataset.name} would take {needed / (1 << 30):,.1f} GiB of memory at {width} x {height} pixels, "
            f"and {limit_bytes / (1 << 30):,.1f} GiB are allowed.",
            "Use fewer or smaller pictures.",
        )
    pixels = np.empty((len(dataset), height, width, channels), np.uint8)
    on_error: Literal["raise", "skip"] = "raise" if unreadable is None else "skip"
    done = 0
    for _, batch in batches(
        dataset, image_shape, preparation, LOADED_AT_ONCE, on_error=on_error, unreadable=unreadable
    ):
        pixels[done : done + len(batch)] = batch
        done += len(batch)
    return pixels[:done]


def split(count: int, held_out: float = 0.1, seed: int = 0) -> tuple[Indices, Indices]:
    """Indices to train on and indices held out, both ascending, the same in every run and on every machine.

    ``held_out`` is a share in [0, 1); unless it is 0 at least one picture is held out, and at least one is not.
    """
    assert 0 <= held_out < 1, "held_out should be in [0, 1)"
    kept_back = min(max(round(count * held_out), 1 if held_out else 0), max(count - 1, 0))
    order = np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable").astype(np.int64)
    return np.sort(order[kept_back:]), np.sort(order[:kept_back])


def _in_threads(
    chosen: Indices, size: int, together: int, load: Load, skipped: list[Unreadable] | None
) -> Generator[Batch, None, None]:
    """Batches of ``size`` loaded in groups of ``together``, each group a task of its own."""
    pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1), "pictures")
    waiting: deque[list[tuple[Indices, Future[Pixels]]]] = deque()
    try:
        for start in range(0, len(chosen), size):
            batch = chosen[start : start + size]
            groups = [batch[place : place + together] for place in range(0, len(batch), together)]
            waiting.append([(group, pool.submit(load, group)) for group in groups])
            if len(waiting) > 1:
                yield from _gathered(waiting.popleft(), skipped)
        while waiting:
            yield from _gathered(waiting.popleft(), skipped)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _gathered(tasks: list[tuple[Indices, Future[Pixels]]], skipped: list[Unreadable] | None) -> list[Batch]:
    """The batch its tasks make, once they are done; nothing if none of its pictures could be read."""
    indices, pixels = [], []
    for group, task in tasks:
        try:
            pixels.append(task.result())
            indices.append(group)
        except ImageError as error:
            if skipped is None:
                raise
            skipped.append(Unreadable(int(group[0]), error.message))
    if len(pixels) < 2:
        return list(zip(indices, pixels, strict=True))
    return [(np.concatenate(indices), np.concatenate(pixels))]


def _ready_made(dataset: Dataset, image_shape: tuple[int, int, int], preparation: Preparation) -> Load | None:
    """A way to load many pictures at once, where ``prepare`` would only repeat the grey channel and pad."""
    if not isinstance(dataset, ArrayDataset):
        return None
    channels, height, width = image_shape
    _, stored_height, stored_width, stored_channels = dataset.array.shape
    box = (preparation.content or height, preparation.content or width)
    same_size = box == (stored_height, stored_width) and box[0] <= height and box[1] <= width
    if not same_size or (stored_channels, channels) not in ((1, 1), (3, 3), (1, 3)):
        return None
    ground = Image.new("RGB", (1, 1), preparation.background).convert("L" if channels == 1 else "RGB")
    background = np.asarray(ground, np.uint8).reshape(channels)
    top, left = (height - box[0]) // 2, (width - box[1]) // 2

    def load(indices: Indices) -> Pixels:
        pixels = dataset.pixels(indices)
        if box == (height, width) and stored_channels == channels:
            return pixels
        padded = np.empty((len(indices), height, width, channels), np.uint8)
        padded[:] = background
        padded[:, top : top + box[0], left : left + box[1]] = pixels
        return padded

    return load
