"""The colours of points: twelve hues for groups, one ramp for numbers, in a dark and a light version.

Red is left out of both: it says that a picture is flagged. Hues of a theme differ a little in lightness too, so that
neighbours in the list can be told apart without seeing hue. Colours follow the theme in use when they are made.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.ui.theme import LIGHT, blended, colours

__all__ = ["channels", "group_colour", "group_colours", "number_colours", "ramp"]

Pixels = npt.NDArray[np.uint8]

# Hues of OKLCH (Ottosson 2020), chroma 0.13 and 0.15.
DARK_HUES: Final = (
    "#70adfb", "#7cd591", "#eeb154", "#be8ce1", "#36dede", "#ded66a",
    "#f294ca", "#00a1cb", "#87ad50", "#857fd7", "#cb7d34", "#1ab28c",
)  # fmt: skip
LIGHT_HUES: Final = (
    "#2d74ca", "#25984d", "#c28412", "#834ba8", "#19a0a0", "#aca212",
    "#bc5694", "#036884", "#527602", "#4e40a0", "#915006", "#046850",
)  # fmt: skip
# Small numbers sink into the ground, large ones stand out from it; lightness changes in one direction only.
DARK_RAMP: Final = ("#3f4f7a", "#3c7cb0", "#4ab0ab", "#9fd67c", "#fff0a0")
LIGHT_RAMP: Final = ("#bac8dd", "#79acd2", "#3d88ae", "#2c5896", "#2e1a5e")
FADING: Final = (1.0, 0.62, 0.38)  # of the first, second and third dozen of groups
STEPS: Final = 256


def group_colour(number: int) -> str:
    """The colour of a group as ``#rrggbb``; grey for -1. It repeats after three dozen."""
    palette = colours()
    if number < 0:
        return palette.dim
    hues = LIGHT_HUES if palette is LIGHT else DARK_HUES
    dozen, place = divmod(number % (len(FADING) * len(hues)), len(hues))
    return blended(hues[place], palette.background, FADING[dozen])


def group_colours(groups: npt.NDArray[np.int64]) -> Pixels:
    """Colours uint8 (m, 3) of points that belong to groups (m,), -1 for none."""
    most = int(groups.max(initial=-1)) + 1
    count = min(most, len(FADING) * len(DARK_HUES))
    known = np.array([channels(group_colour(number)) for number in (*range(count), -1)], np.uint8)
    places = groups if most == count else np.where(groups < 0, -1, groups % max(count, 1))
    return _picked(known, places)  # -1 is the last one


def number_colours(numbers: npt.NDArray[np.float32], ends: tuple[float, float]) -> Pixels:
    """Colours uint8 (m, 3) of numbers (m,); ``ends`` are what the ends of the ramp stand for, what is none is grey."""
    low, high = ends
    share = np.asarray(numbers, np.float32) - np.float32(low)
    share *= np.float32((STEPS - 1) / max(high - low, 1e-30))
    unknown = np.isnan(share)
    np.clip(share, 0, STEPS - 1, out=share)
    if unknown.any():
        share[unknown] = STEPS
    table = np.concatenate([ramp(STEPS), np.array([channels(colours().dim)], np.uint8)])
    return _picked(table, share.astype(np.intp))


def ramp(steps: int) -> Pixels:
    """The ramp of numbers as colours (steps, 3), the smallest number first."""
    stops = np.array([channels(each) for each in (LIGHT_RAMP if colours() is LIGHT else DARK_RAMP)], np.float64)
    places = np.linspace(0, len(stops) - 1, steps)
    parts = [np.interp(places, np.arange(len(stops)), stops[:, part]) for part in range(3)]
    return np.stack(parts, -1).round().astype(np.uint8)


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _picked(table: Pixels, places: npt.NDArray[np.integer]) -> Pixels:
    """Rows of a table of colours (k, 3), taken as single items, which is several times faster."""
    items = np.ascontiguousarray(table).view("V3").ravel()
    return items.take(places, mode="wrap").view(np.uint8).reshape(-1, 3)
