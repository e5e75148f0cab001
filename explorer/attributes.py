"""Directions out of labelled pictures: those of one label against those of another, or of all others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.datasets import Dataset
from explorer.errors import DatasetError, ImageError
from explorer.generators import Generator
from explorer.imaging import prepare
from explorer.kept_files import keep_png
from explorer.latents import mean_difference, separate
from explorer.points import encode_images, to_images
from explorer.scene import MAX_NAME, Examples, ImageFile, Latent

__all__ = ["ALL_OTHERS", "MOST", "Attribute", "Wanted", "find_attribute"]

ALL_OTHERS: Final = -1  # instead of a label
MOST: Final = 100  # pictures on a side: scenes name every one of them
BATCH: Final = 16
LARGEST_SIDE: Final = 1024  # of a picture that is kept, in pixels

Tell = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures of a dataset a direction is made of, and how: "probe" is a linear probe, "mean" the difference of
    the means."""

    label: int
    against: int = ALL_OTHERS
    count: int = 40  # on each side
    method: str = "probe"


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """A direction that was found, and how surely each way tells its pictures apart: shares, cross-validated."""

    examples: Examples
    probe: float
    mean: float
    left_out: int  # pictures that could not be read

    def accuracy(self, method: str) -> float:
        """The share of pictures on the right side."""
        return self.mean if method == "mean" else self.probe


def find_attribute(
    generator: Generator, dataset: Dataset, wanted: Wanted, name: str, folder: Path, report: Tell
) -> Attribute:
    """Encode pictures with a label and pictures without it, kept in ``folder`` as PNG so that scenes can name them.

    The same pictures are taken in every run. ``report`` may raise to stop.

    Raises:
        DatasetError: there are no labels, or a side has fewer than two pictures that can be read.
        SceneError: the model cannot encode. ExportError: a picture cannot be kept.
    """
    assert 2 <= wanted.count <= MOST, "count should be from 2 to MOST"
    rows = _Rows(generator, dataset, folder, report, 2 * wanted.count)
    having, lacking = (rows.take(order, wanted.count) for order in _orders(dataset, wanted))
    for side, words in ((having, "with"), (lacking, "without")):
        if len(side) < 2:
            raise DatasetError(
                f"{dataset.name} has {len(side)} readable pictures {words} “{name}”, and two are needed.",
                "Choose another label.",
            )
    points = [torch.stack([point for _, point in side]) for side in (having, lacking)]
    probe, mean = separate(*points), mean_difference(*points)
    latents = [tuple(Latent(((file, 1.0),)) for file, _ in side) for side in (having, lacking)]
    examples = Examples(name[:MAX_NAME], latents[0], latents[1])
    examples = replace(examples, method=wanted.method)
    chosen = mean if wanted.method == "mean" else probe
    generator.remember(examples, lambda: chosen.vector.view(generator.latent_shape))  # what a move will ask for
    return Attribute(examples, probe.accuracy, mean.accuracy, rows.left_out)


def _orders(dataset: Dataset, wanted: Wanted) -> Iterator[list[int]]:
    """Shuffled indices of the pictures of each side."""
    if dataset.labels is None:
        raise DatasetError(f"{dataset.name} has no labels.", "Choose IDX files with labels, or a list with a column.")
    labels, random = dataset.labels, np.random.default_rng(0)
    has = labels == wanted.label
    lacks = ~has if wanted.against == ALL_OTHERS else labels == wanted.against
    for chosen in (has, lacks):
        yield [int(index) for index in random.permutation(np.flatnonzero(chosen))]


class _Rows:
    """Reads, keeps and encodes pictures, batch by batch."""

    def __init__(self, generator: Generator, dataset: Dataset, folder: Path, report: Tell, total: int) -> None:
        self._generator, self._dataset, self._folder = generator, dataset, folder
        self._report, self._total, self._done = report, total, 0
        self.left_out = 0

    def take(self, order: Iterable[int], count: int) -> list[tuple[ImageFile, Tensor]]:
        """The files and points (d,) of the first ``count`` pictures that can be read and differ."""
        found: dict[ImageFile, Tensor] = {}
        waiting: dict[ImageFile, np.ndarray] = {}
        for index in order:
            try:
                file, pixels = self._keep(index)
            except ImageError:
                self.left_out += 1
                continue
            if file not in found:
                waiting[file] = pixels
            if len(waiting) == BATCH or len(found) + len(waiting) == count:
                found |= self._encode(waiting)
                waiting = {}
            if len(found) == count:
                break
        found |= self._encode(waiting) if waiting else {}
        return list(found.items())

    def _keep(self, index: int) -> tuple[ImageFile, np.ndarray]:
        picture, written = self._dataset.picture(index), io.BytesIO()
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        picture.save(written, format="PNG")
        pixels = prepare(picture, self._generator.image_shape, self._generator.preparation)
        return keep_png(self._folder, written.getvalue()), pixels

    @torch.inference_mode()
    def _encode(self, pictures: dict[ImageFile, np.ndarray]) -> dict[ImageFile, Tensor]:
        self._report(self._done, self._total, f"{self._done} of {self._total} pictures")
        images = to_images(np.stack(list(pictures.values())), self._generator.device)
        points = encode_images(self._generator, images).float().cpu().flatten(1)
        self._done += len(pictures)
        return dict(zip(pictures, points, strict=True))
