"""A film: keyframes, how long it lasts and how it moves between them, as one small frozen value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from explorer.animation.easing import EASINGS
from explorer.errors import SceneError
from explorer.scene import Scene, between
from explorer.scene import from_json as scene_from_json
from explorer.scene import to_json as scene_to_json

__all__ = ["Film", "film_from_json", "frame_count", "scene_at", "scenes", "to_json"]

SHORTEST: Final = 0.1  # seconds
LONGEST: Final = 3600.0  # seconds
FASTEST: Final = 120  # frames per second
MAX_KEYFRAMES: Final = 10_000
DEFAULT_PACE: Final = 2.0  # seconds from keyframe to keyframe where nothing else is said
DEFAULT_RATE: Final = 30  # frames per second where nothing else is said


@dataclass(frozen=True, slots=True)
class Film:
    """A walk through keyframes, at least two, that are evenly spread over ``seconds`` (0.1 to 3600).

    ``easing`` is a name in ``EASINGS`` and shapes the way between every two keyframes. A film with ``loop`` goes back
    to its first keyframe and leaves out the last frame, which would be the first one again, so that it repeats without
    a stutter.

    Raises:
        SceneError: a value is out of its range.
    """

    keyframes: tuple[Scene, ...]
    seconds: float
    frames_per_second: int
    easing: str = "linear"
    loop: bool = False

    def __post_init__(self) -> None:
        if not 2 <= len(self.keyframes) <= MAX_KEYFRAMES:
            raise SceneError(f"A film needs 2 to {MAX_KEYFRAMES} keyframes; this one has {len(self.keyframes)}.")
        if not SHORTEST <= self.seconds <= LONGEST:
            raise SceneError(f"A film lasts {SHORTEST:g} to {LONGEST:g} seconds, not {self.seconds:g}.")
        if not 1 <= self.frames_per_second <= FASTEST:
            raise SceneError(f"A film has 1 to {FASTEST} frames per second, not {self.frames_per_second}.")
        if self.easing not in EASINGS:
            raise SceneError(f"There is no easing called {self.easing!r}.", f"Choose one of {', '.join(EASINGS)}.")


def frame_count(film: Film) -> int:
    """The number of frames of the film, at least 2."""
    return max(2, round(film.seconds * film.frames_per_second))


def scenes(film: Film) -> Iterator[Scene]:
    """The scene of every frame in order; the first is the first keyframe, and without ``loop`` the last is the last."""
    stops, count = _stops(film), frame_count(film)
    intervals = count if film.loop else count - 1
    for index in range(count):
        yield _scene_at_position(film, stops, index * (len(stops) - 1) / intervals)


def scene_at(film: Film, t: float) -> Scene:
    """The scene at ``t`` seconds; before the start it is the first keyframe, after the end the last stop."""
    stops = _stops(film)
    return _scene_at_position(film, stops, min(max(t / film.seconds, 0.0), 1.0) * (len(stops) - 1))


def to_json(film: Film) -> dict[str, Any]:
    """The film as plain JSON values."""
    return {
        "keyframes": [scene_to_json(keyframe) for keyframe in film.keyframes],
        "seconds": film.seconds,
        "frames_per_second": film.frames_per_second,
        "easing": film.easing,
        "loop": film.loop,
    }


def film_from_json(data: Any) -> Film:
    """Read what ``to_json`` wrote, or a plain list of scenes.

    What is not said becomes 2 seconds from keyframe to keyframe (at most an hour), 30 frames per second, linear, no
    loop.

    Raises:
        SceneError: anything is missing, of the wrong type or out of its range.
    """
    values = {"keyframes": data} if isinstance(data, list) else data
    listed = values.get("keyframes") if isinstance(values, dict) else None
    if not isinstance(values, dict) or not isinstance(listed, list):
        raise SceneError("This is not a film.", "A film is a list of scenes, or has a list called keyframes.")
    if len(listed) > MAX_KEYFRAMES:
        raise SceneError(f"A film needs 2 to {MAX_KEYFRAMES} keyframes; this one has {len(listed)}.")
    loop = values.get("loop", False)
    steps = len(listed) if loop else len(listed) - 1
    seconds = values.get("seconds", min(DEFAULT_PACE * max(steps, 1), LONGEST))
    rate, easing = values.get("frames_per_second", DEFAULT_RATE), values.get("easing", "linear")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not SHORTEST <= seconds <= LONGEST:
        raise SceneError(f"This film is damaged: its seconds should be a number from {SHORTEST:g} to {LONGEST:g}.")
    if isinstance(rate, bool) or not isinstance(rate, int):
        raise SceneError("This film is damaged: its frames_per_second should be a whole number.")
    if not isinstance(easing, str) or not isinstance(loop, bool):
        raise SceneError("This film is damaged: its easing should be a name and its loop true or false.")
    keyframes = tuple(scene_from_json(keyframe) for keyframe in listed)
    return Film(keyframes, float(seconds), rate, easing, loop)


def _stops(film: Film) -> tuple[Scene, ...]:
    """The keyframes, and the first one again where the film loops and does not already end on it."""
    first, last = film.keyframes[0], film.keyframes[-1]
    return (*film.keyframes, first) if film.loop and last != first else film.keyframes


def _scene_at_position(film: Film, stops: tuple[Scene, ...], position: float) -> Scene:
    """The scene at ``position``, counted in stops from 0 to len(stops) - 1; whole numbers are exactly the stops."""
    index = min(int(position), len(stops) - 2)
    return between(stops[index], stops[index + 1], EASINGS[film.easing](position - index))
