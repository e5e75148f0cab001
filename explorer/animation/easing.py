"""How a film moves from one keyframe to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["EASINGS", "Easing"]

Easing: TypeAlias = Callable[[float], float]  # [0, 1] -> [0, 1], never falling, exactly 0 at 0 and 1 at 1


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


EASINGS: Final[dict[str, Easing]] = {
    "linear": _linear,
    "ease": _ease,
    "ease-in": _ease_in,
    "ease-out": _ease_out,
    "hold": _hold,
}
