"""How much the picture changes along the ways of a film, so that it can be made to change equally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.animation import Film, scene_on_way, ways
from explorer.generators import Generator
from explorer.render import render_many

__all__ = ["features", "measure"]

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

PLACES: Final = 25  # that a way is looked at, its ends included
SIDE: Final = 64  # pixels of the shorter side that features are of, at most
LEVELS: Final = 3  # of the pyramid, each of half the size of the one before
STEADY: Final = 0.1  # of the range of grey: contrast below that is not enlarged, so that noise does not count
COLOUR: Final = 0.5  # the weight of each of the two differences of colour beside grey
BATCH: Final = 8


def measure(
    generator: Generator, film: Film, report: Callable[[float, float, str], None] = lambda done, total, note: None
) -> Film:
    """The film with ``changes`` on every way that lacks them; ``report`` may raise to cancel. Raises as ``render``."""
    keyframes = list(film.keyframes)
    missing = [way for way in range(ways(film)) if not keyframes[way].changes]
    total = len(missing) * PLACES
    for number, way in enumerate(missing):
        scenes = (scene_on_way(film, way, float(part)) for part in np.linspace(0.0, 1.0, PLACES))
        seen = []
        for index, picture in enumerate(render_many(generator, scenes, BATCH)):
            report(number * PLACES + index, total, f"way {number + 1} of {len(missing)}")
            seen.append(features(picture.pixels))
        steps = [float(np.abs(after - before).mean()) for before, after in pairwise(seen)]
        changes = np.concatenate([[0.0], np.cumsum(steps)])
        keyframes[way] = replace(keyframes[way], changes=tuple(float(value) for value in changes))
    return replace(film, keyframes=tuple(keyframes))


def features(pixels: Pixels) -> Floats:
    """What is compared of a picture (h, w, c): float32 (n,), whose mean absolute difference is the change seen.

    A pyramid of three sizes, each with its grey levels less their surroundings and divided by the contrast there, as
    the eye does (close to the normalised Laplacian pyramid of Laparra et al. 2016), the grey levels themselves, and
    two differences of colour.
    """
    height, width, channels = pixels.shape
    factor = min(1.0, SIDE / min(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels[..., :3]).convert("RGB")
    colours = np.asarray(image.resize(size, Image.Resampling.BOX), np.float32) / 255.0
    grey = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    planes = [grey, COLOUR * (colours[..., 0] - grey), COLOUR * (colours[..., 2] - grey)]
    parts: list[Floats] = []
    for level in range(LEVELS):
        detail = planes[0] - _blurred(planes[0])
        contrast = _blurred(np.abs(detail)) + STEADY
        weight = 4.0**level  # a level has a quarter of the pixels of the one before, and should count as much
        parts += [weight * plane.ravel() for plane in (detail / contrast * STEADY, *planes)]
        if min(planes[0].shape) < 4:
            break
        planes = [_halved(plane) for plane in planes]
    return np.concatenate(parts).astype(np.float32)


def _blurred(plane: Floats) -> Floats:
    """The plane (h, w) through the binomial filter 1 4 6 4 1 both ways, its edges repeated."""
    for axis in (0, 1):
        padding = [(2, 2) if each == axis else (0, 0) for each in (0, 1)]
        wide = np.pad(plane, padding, "edge")
        length = plane.shape[axis]
        taps = (np.take(wide, range(k, k + length), axis) * share for k, share in enumerate((1, 4, 6, 4, 1)))
        plane = np.asarray(sum(taps), np.float32) / np.float32(16)
    return plane


def _halved(plane: Floats) -> Floats:
    return _blurred(plane)[::2, ::2]
