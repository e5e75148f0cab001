"""What lies behind the points of a map: decoded pictures at any place, and the model's own samples among the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Bools, Bytes, Floats

__all__ = ["Reached", "Tiled", "decoded_at", "reached_by_samples", "tiled"]

TILES: Final = 18  # along the longer side of the view
SAMPLES: Final = 1_000
BATCH: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Tiled:
    """One image of decoded pictures, uint8 (h, w, 3), and where on the map it lies: left, top, width, height."""

    pixels: Bytes
    rect: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """How a model's own samples lie among the pictures (Kynkaanniemi et al. 2019).

    Attributes:
        unreached: bool (m,), pictures that are no neighbour of any sample.
        pictures: uint8 (s, h, w, c), samples that are no neighbour of any picture.
        precision, recall: the share of samples, and of pictures, that have a neighbour among the others.
    """

    unreached: Bools
    pictures: Bytes
    precision: float
    recall: float


def decoded_at(chart: Chart, finder: Any, place: tuple[float, float]) -> tuple[Bytes, float]:
    """What the model draws at a place of the map, uint8 (h, w, c), and how far from all pictures that is.

    ``finder`` is a ``PlaceFinder`` of the chart's positions. The distance is in units of the usual one to the next.
    """
    codes, far = finder.code_at(np.asarray([place], np.float64))
    return _drawn(chart, codes)[0], float(far[0])


def tiled(chart: Chart, finder: Any, rect: tuple[float, float, float, float]) -> Tiled:
    """A rectangle (left, top, width, height) of the map filled with what the model draws at each place."""
    left, top, width, height = rect
    columns = TILES if width >= height else max(round(TILES * width / height), 1)
    rows = TILES if height > width else max(round(TILES * height / width), 1)
    x = left + (np.arange(columns) + 0.5) * width / columns
    y = top + (np.arange(rows) + 0.5) * height / rows
    codes, _ = finder.code_at(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2))
    pictures = _drawn(chart, codes)
    _, high, wide, channels = pictures.shape
    sheet = pictures.reshape(rows, columns, high, wide, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * high, columns * wide, channels)
    return Tiled(np.ascontiguousarray(np.broadcast_to(sheet, (*sheet.shape[:2], 3))), rect)


def reached_by_samples(chart: Chart, generator: Any, report: Any) -> Reached:
    """Draw samples of a model, look at them through the lens of the chart, and see which pictures they come near.

    Raises:
        SceneError: the model makes no samples.
    """
    from PIL import Image

    from explorer.atlas.inverse import coverage
    from explorer.imaging import prepare
    from explorer.measures.sampling import classes_for, draw_samples
    from explorer.points import to_images

    lens, survey = chart.lens, chart.survey
    count = min(SAMPLES, len(survey))
    classes = classes_for(generator, count, survey.labels(), len(survey.dataset.label_names))
    samples = draw_samples(generator, count, 0, BATCH, classes, lambda done: report(done, count, "drawing samples"))
    codes = []
    for start in range(0, count, BATCH):
        report(start, count, "looking at them")
        drawn = (Image.fromarray(each.squeeze()) for each in samples.pixels[start : start + BATCH])
        pixels = np.stack([prepare(each, lens.image_shape, lens.preparation) for each in drawn])
        codes.append(lens.look(to_images(pixels, generator.device)).codes)
    found = coverage(np.asarray(survey.codes), np.concatenate(codes))
    return Reached(found.unreached, samples.pixels[found.unlike], found.precision, found.recall)


def _drawn(chart: Chart, codes: Floats) -> Bytes:
    """Pictures uint8 (n, h, w, c) of codes (n, d)."""
    import torch

    from explorer.points import to_uint8

    parts = [
        to_uint8(chart.lens.decode(torch.from_numpy(np.ascontiguousarray(codes[start : start + BATCH], np.float32))))
        for start in range(0, len(codes), BATCH)
    ]
    return np.concatenate(parts)
