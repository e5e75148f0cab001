"""A picture from outside on a chart: which pictures it is like, how odd it is, where it would lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from explorer.imaging import prepare, read_image

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Floats, Ints

__all__ = ["Found", "find_picture"]

LIKE: Final = 24  # pictures


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where a picture belongs: the rows (k,) most like it, the nearest first, and its place on the map.

    ``p_value`` and ``reason`` are there once there are scores; ``position`` (2,) is None where it cannot be known.
    """

    name: str
    rows: Ints
    position: Floats | None
    p_value: float | None
    reason: str


def find_picture(chart: Chart, path: Path) -> Found:
    """Look at a picture file through the lens of a chart.

    Raises:
        ImageError: it cannot be read.
    """
    import torch

    from explorer.atlas.neighbours import nearest
    from explorer.points import to_images

    lens = chart.lens
    pixels = prepare(read_image(path), lens.image_shape, lens.preparation)
    seen = lens.look(to_images(pixels[None], torch.device("cpu")))  # it takes them to where its model is
    count = min(LIKE, len(chart.survey))
    rows = nearest(chart.survey.codes, seen.codes, count).indices[0].astype(np.int64)
    position = None
    if chart.place is not None:
        position = chart.place(seen.codes)[0]
    elif chart.layout == "PCA":
        position = chart.positions[rows[:5]].mean(0)
    p_value, reason = None, ""
    if chart.judge is not None:
        scores = chart.judge.judge(seen)
        p_value, reason = float(scores.p_value[0]), scores.titles[int(scores.reason[0])]
    return Found(path.name, rows, position, p_value, reason)
