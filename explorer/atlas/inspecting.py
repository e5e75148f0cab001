"""All there is to know of one picture of a chart, in pictures: its copy, where it is odd, what would be normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from explorer.atlas.explaining import (
    Repair,
    copy_of,
    heat_map,
    made_normal,
    nearest_normal,
    normal_rows,
    repair,
    scaled,
)
from explorer.imaging import prepare

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Bytes, Floats, Ints, Scores

__all__ = ["Inspection", "Repair", "inspect", "prepared", "repair_row"]

SHOWN: Final = 12  # nearest normal pictures


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """A picture as its lens reads it, uint8 (h, w, c), and what follows from it; None where the lens cannot tell.

    Attributes:
        heat: float32 (h, w), from 0, as in normal pictures, to 1, as in one cell of a thousand of those or hotter.
        normal: the picture of a mean of the nearest normal codes.
        nearest: rows of the nearest normal pictures.
    """

    row: int
    original: Bytes
    reconstruction: Bytes | None
    heat: Floats | None
    normal: Bytes | None
    nearest: Ints


def prepared(chart: Chart, row: int) -> Bytes:
    """The picture of a row as the lens reads it, uint8 (h, w, c); raises ImageError where it is gone."""
    picture = chart.survey.dataset.picture(int(chart.survey.indices[row]))
    return prepare(picture, chart.lens.image_shape, chart.lens.preparation)


def inspect(chart: Chart, scores: Scores | None, row: int) -> Inspection:
    """Look closely at the picture of a row; takes some forward passes of the model.

    Raises:
        ImageError: the picture is gone, or damaged by now.
    """
    picture, survey, lens = prepared(chart, row), chart.survey, chart.lens
    copy = copy_of(lens, picture) if lens.reconstructs else None
    heat = None
    if copy is not None and chart.judge is not None:
        heat = scaled(heat_map(picture, copy), chart.judge.heat_scale)
    rows = np.ones(len(survey), np.bool_) if scores is None else normal_rows(scores)
    code = np.asarray(survey.codes[row])
    nearest, _ = nearest_normal(survey, code, rows, SHOWN, row)
    normal = made_normal(lens, survey, code, rows, row=row)[1] if lens.can_decode and len(nearest) else None
    return Inspection(row, picture, copy, heat, normal, nearest)


def repair_row(chart: Chart, row: int) -> Repair:
    """Replace the hottest region of a picture by the model's copy, and score it again.

    Raises:
        SceneError: the lens makes no copies.
        ImageError: the picture is gone, or damaged by now.
    """
    assert chart.judge is not None, "scores come first"
    return repair(chart.lens, chart.judge, prepared(chart, row))
