"""How a film moves from one keyframe to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from explorer.errors import SceneError

__all__ = ["EASINGS", "Bezier", "Easing", "ease", "easing_from_json"]

Bezier: TypeAlias = tuple[float, float, float, float]  # x1, y1, x2, y2 of the two inner control points, 0 to 1 each
Easing: TypeAlias = str | Bezier  # a name in EASINGS, or a curve of the person's own

HALVINGS: Final = 40  # of the search for a place on a curve: exact to 1e-12


def _linear(t: float) -> float:
    return t


def _ease(t: float) -> float:
    return t * t * (3.0 - 2.0 * t)


def _ease_in(t: float) -> float:
    return t * t


def _ease_out(t: float) -> float:
    return t * (2.0 - t)


def _hold(t: float) -> float:
    return 1.0 if t >= 1.0 else 0.0


EASINGS: Final[dict[str, Callable[[float], float]]] = {  # [0, 1] -> [0, 1], never falling, exactly 0 at 0 and 1 at 1
    "linear": _linear,
    "ease": _ease,
    "ease-in": _ease_in,
    "ease-out": _ease_out,
    "hold": _hold,
}


def ease(easing: Easing, t: float) -> float:
    """How much of the way is done, 0 to 1, after the part ``t`` (0 to 1) of its time."""
    if isinstance(easing, str):
        return EASINGS[easing](t)
    if t <= 0.0 or t >= 1.0:
        return 0.0 if t <= 0.0 else 1.0
    x1, y1, x2, y2 = easing
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):  # x never falls along the curve, because both inner points lie between its ends
        middle = (low + high) / 2
        low, high = (middle, high) if _cubic(x1, x2, middle) < t else (low, middle)
    return _cubic(y1, y2, (low + high) / 2)


def easing_from_json(data: Any) -> Easing:
    """A name, or four numbers from 0 to 1; raises SceneError where it is neither."""
    if isinstance(data, str):
        if data not in EASINGS:
            raise SceneError(f"There is no easing called {data!r}.", f"Choose one of {', '.join(EASINGS)}.")
        return data
    is_curve = isinstance(data, (list, tuple)) and len(data) == 4
    if not is_curve or not all(isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 1 for v in data):
        raise SceneError("An easing is a name, or a curve of four numbers from 0 to 1.")
    x1, y1, x2, y2 = (float(value) for value in data)
    return x1, y1, x2, y2


def _cubic(first: float, second: float, s: float) -> float:
    """One coordinate of a cubic Bezier curve from 0 to 1 at its parameter ``s``."""
    return 3 * (1 - s) ** 2 * s * first + 3 * (1 - s) * s**2 * second + s**3
