"""What is cheap to know of a picture without any model, and which pictures of a dataset stand out by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.atlas.values import Bools

__all__ = ["FLAGS", "Quality", "flags", "quality_of"]

SIDE: Final = 256  # pixels; larger pictures are looked at smaller, which is fast and makes sharpness comparable
FLAGS: Final = ("blank", "dark", "light", "blurred", "odd_size", "odd_aspect")
GROUND: Final = np.float32(0.5)
FLOOR: Final = 1e-4  # of the mean squared Laplacian, as in the mixture of statistics
BLANK: Final = 0.01  # standard deviation below which there is nothing to see, values in [0, 1]
DARK: Final = 0.08  # mean brightness of a dark picture, and how far a light one is from white
UNLIKE: Final = 1 / 3  # but both have to differ from what is usual in the dataset by this
FAR: Final = 3.5  # robust standard deviations (Iglewicz and Hoaglin 1993)
COMMON: Final = 0.05  # a size or shape that this share of the pictures has is not odd
LEAST: Final = 20  # pictures from which on a dataset has a habit


@dataclass(frozen=True, slots=True)
class Quality:
    """Numbers about one picture.

    Attributes:
        width, height: pixels, upright, before any preparation.
        brightness: mean grey value in [0, 1], over middle grey where the picture is transparent, so that black and
            white drawings both show.
        contrast: standard deviation of the grey values, values in [0, 1].
        sharpness: log(1e-4 + mean squared Laplacian), values in [0, 1], at 256 pixels a side or fewer.
    """

    width: int
    height: int
    brightness: float
    contrast: float
    sharpness: float


def quality_of(picture: Image.Image) -> Quality:
    """Size, brightness, contrast and sharpness of a picture in mode L, RGB or RGBA. On any thread."""
    width, height = picture.size
    factor = math.ceil(max(width, height, 1) / SIDE)
    if picture.mode != "RGBA":
        grey = _channel(picture, factor)
    else:
        grey = _channel(picture.convert("L"), factor)
        grey = (grey - GROUND) * _channel(picture.getchannel("A"), factor) + GROUND
    laplacian = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    flat, edges = grey.ravel(), laplacian.ravel()
    mean = float(flat.sum()) / flat.size
    contrast = math.sqrt(max(float(flat @ flat) / flat.size - mean * mean, 0.0))
    sharpness = math.log(FLOOR + float(edges @ edges) / max(edges.size, 1))
    return Quality(width, height, mean, contrast, sharpness)


def flags(statistics: Mapping[str, npt.NDArray[Any]]) -> dict[str, Bools]:
    """Which pictures are blank, dark, light, blurred, or of a size or shape few others have; each bool (m,).

    ``statistics`` holds the five numbers of ``Quality``, each (m,); flags whose numbers are missing are left out. What
    nearly all pictures are is never flagged: dark and light pictures have at most a third of the light, or of the way
    to white, that is usual in the dataset; blurred ones are far below its median sharpness, in robust standard
    deviations; odd sizes and shapes are far from the median and such as fewer than 5 % have.
    """
    found: dict[str, Bools] = {}
    blank = None
    if "contrast" in statistics:
        blank = found["blank"] = np.asarray(statistics["contrast"]) < BLANK
    if "brightness" in statistics:
        brightness = np.asarray(statistics["brightness"], np.float64)
        usual = float(np.median(brightness)) if len(brightness) >= LEAST else 0.5
        found["dark"] = brightness < min(DARK, usual * UNLIKE)
        found["light"] = 1 - brightness < min(DARK, (1 - usual) * UNLIKE)
    if "sharpness" in statistics:
        found["blurred"] = _far(np.asarray(statistics["sharpness"], np.float64)) < -FAR
        if blank is not None:
            found["blurred"] &= ~blank  # nothing to see is not a blur
    if "width" in statistics and "height" in statistics:
        width, height = (np.asarray(statistics[name], np.float64) for name in ("width", "height"))
        area, shape = np.log2(np.maximum(width * height, 1)), np.log2(np.maximum(width, 1) / np.maximum(height, 1))
        found["odd_size"] = _rare(area) & (np.abs(_far(area)) > FAR)
        found["odd_aspect"] = _rare(shape) & (np.abs(_far(shape)) > FAR)
    return found


def _channel(channel: Image.Image, factor: int) -> npt.NDArray[np.float32]:
    """A picture in grey, ``factor`` times smaller, as values in [0, 1]."""
    smaller = channel if factor == 1 else channel.reduce(factor)
    return np.asarray(smaller.convert("L"), np.float32) * np.float32(1 / 255)


def _far(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far values (m,) are from their median, in standard deviations of a normal distribution with their quartiles.

    All zero for fewer than 20 values. Where more than half are equal, the spread is that of the others around them.
    """
    if len(values) < LEAST:
        return np.zeros(len(values))
    away = values - np.median(values)
    spread = float(np.median(np.abs(away))) * 1.4826
    if spread <= 1e-9:
        others = np.abs(away[away != 0])
        spread = max(float(np.median(others)) if others.size > len(values) * COMMON else 0.0, 1e-3)
    return away / spread


def _rare(values: npt.NDArray[np.float64]) -> Bools:
    """Which values (m,) fewer than 5 % of all are within a tenth of, on a scale of doublings."""
    order = np.sort(values)
    near = np.searchsorted(order, values + 0.1, "right") - np.searchsorted(order, values - 0.1, "left")
    return np.asarray(near < COMMON * len(values))
