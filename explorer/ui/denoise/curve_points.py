"""A guidance curve as plain functions: points (fraction of the run, scale), and what holds in between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from explorer.scene import Sampling

__all__ = ["PRESETS", "Points", "added", "grid", "handles", "moved", "preset", "removed", "scale_at", "top"]

Points = tuple[tuple[float, float], ...]

LOWEST_TOP: Final = 6.0  # scale at the upper edge, at least
STEP: Final = 0.1  # to which scales are rounded
APART: Final = 0.005  # fraction between two points at least
PRESETS: Final = (
    ("flat", "Flat"),
    ("rise", "Rising"),
    ("fall", "Falling"),
    ("middle", "Only in the middle"),
)


def scale_at(sampling: Sampling, fraction: float) -> float:
    """The guidance scale at a fraction of the run: level beyond the first and last point, 1 outside the interval."""
    if not sampling.interval[0] <= fraction <= sampling.interval[1]:
        return 1.0
    return _between(tuple(sorted(sampling.curve)) or ((0.0, _flat(sampling)),), fraction)


def handles(sampling: Sampling, start: float = 0.0) -> Points:
    """The points that can be dragged from ``start`` on: those of the curve, and one at either end."""
    curve = tuple(sorted(sampling.curve)) or ((start, _flat(sampling)),)
    inner = tuple(point for point in curve if start < point[0] < 1.0)
    return ((start, _between(curve, start)), *inner, (1.0, _between(curve, 1.0)))


def moved(points: Points, index: int, fraction: float, scale: float) -> Points:
    """A point put elsewhere, between its neighbours; those at the ends move up and down only."""
    if 0 < index < len(points) - 1:
        fraction = min(max(fraction, points[index - 1][0] + APART), points[index + 1][0] - APART)
    else:
        fraction = points[index][0]
    point = round(fraction, 4), _rounded(scale)
    return (*points[:index], point, *points[index + 1 :])


def added(points: Points, fraction: float, scale: float) -> Points:
    """One more point."""
    near = any(abs(fraction - place) < APART for place, _ in points)
    return points if near else tuple(sorted((*points, (round(fraction, 4), _rounded(scale)))))


def removed(points: Points, index: int) -> Points:
    """Without a point; those at the ends stay."""
    return (*points[:index], *points[index + 1 :]) if 0 < index < len(points) - 1 else points


def preset(name: str, guidance: float, start: float = 0.0) -> tuple[Points, tuple[float, float]]:
    """The curve and the interval of a name in ``PRESETS``, around a guidance scale."""
    whole, high = (0.0, 1.0), _rounded(max(guidance * 1.5, guidance + 1))
    if name == "rise":
        return ((start, 1.0), (1.0, high)), whole
    if name == "fall":
        return ((start, high), (1.0, 1.0)), whole
    if name == "middle":
        length = 1.0 - start
        return (), (round(start + 0.2 * length, 3), round(start + 0.8 * length, 3))
    return (), whole


def top(sampling: Sampling) -> float:
    """The scale at the upper edge of a drawing of the curve: a whole number above all points."""
    highest = max([_flat(sampling), *(scale for _, scale in sampling.curve)])
    edges = (LOWEST_TOP, 10.0, 16.0, 24.0, 40.0, 100.0)
    return next((edge for edge in edges if highest <= 0.9 * edge), 4.0 * math.ceil(highest / 3))


def grid(edge: float) -> Sequence[float]:
    """Scales worth a line, from 0 to the upper edge."""
    step = next((each for each in (2.0, 4.0, 8.0, 10.0, 25.0) if edge / each <= 4), edge / 4)
    return [step * place for place in range(int(edge / step) + 1)]


def _flat(sampling: Sampling) -> float:
    return 1.0 if sampling.guidance is None else sampling.guidance


def _between(curve: Points, fraction: float) -> float:
    after = next((place for place, point in enumerate(curve) if point[0] >= fraction), len(curve))
    if after in (0, len(curve)):
        return curve[min(after, len(curve) - 1)][1]
    (first, low), (second, high) = curve[after - 1], curve[after]
    return low + (high - low) * (fraction - first) / (second - first)


def _rounded(scale: float) -> float:
    return round(max(round(scale / STEP) * STEP, 0.0), 2)
