"""Films as JSON and back: what is read may be damaged, of an earlier version, or not a film at all."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from explorer.animation.easing import Easing, easing_from_json
from explorer.animation.film import LONGEST, MAX_KEYFRAMES, MOST_BEATS, SHORTEST, Film, Keyframe, Sound, ways
from explorer.errors import SceneError
from explorer.scene import from_json as scene_from_json
from explorer.scene import to_json as scene_to_json

__all__ = ["film_from_json", "to_json"]

DEFAULT_PACE: Final = 2.0  # seconds from keyframe to keyframe where nothing else is said
DEFAULT_RATE: Final = 30  # frames per second where nothing else is said
MOST_CHANGES: Final = 1024  # places of one way


def to_json(film: Film) -> dict[str, Any]:
    """The film as plain JSON values; what is as usual is left out."""
    data: dict[str, Any] = {
        "keyframes": [_keyframe_to_json(keyframe) for keyframe in film.keyframes],
        "frames_per_second": film.frames_per_second,
        "loop": film.loop,
    }
    if film.path != "natural":
        data["path"] = film.path
    if film.even:
        data["even"] = True
    if film.region is not None:
        data["region"] = list(film.region)
    if film.sound is not None:
        sound = film.sound
        data["sound"] = {
            "path": sound.path,
            "sha256": sound.digest,
            "beats": list(sound.beats),
            "seconds": sound.seconds,
        }
    return data


def film_from_json(data: Any) -> Film:
    """Read what ``to_json`` wrote, or a plain list of scenes.

    What is not said becomes 2 seconds from keyframe to keyframe (altogether at most an hour), 30 frames per second,
    linear, no loop. Instead of a way for every keyframe there may be ``seconds`` for the whole film and one ``easing``.

    Raises:
        SceneError: anything is missing, of the wrong type or out of its range.
    """
    values = {"keyframes": data} if isinstance(data, list) else data
    listed = values.get("keyframes") if isinstance(values, dict) else None
    if not isinstance(values, dict) or not isinstance(listed, list):
        raise SceneError("This is not a film.", "A film is a list of scenes, or has a list called keyframes.")
    if len(listed) > MAX_KEYFRAMES:
        raise SceneError(f"A film has at most {MAX_KEYFRAMES:,} keyframes; this one has {len(listed):,}.")
    rate, loop, even = (
        values.get(k, v) for k, v in (("frames_per_second", DEFAULT_RATE), ("loop", False), ("even", False))
    )
    if isinstance(rate, bool) or not isinstance(rate, int):
        raise SceneError("This film is damaged: its frames_per_second should be a whole number.")
    if not isinstance(loop, bool) or not isinstance(even, bool):
        raise SceneError("This film is damaged: its loop and even should be true or false.")
    easing = easing_from_json(values.get("easing", "linear"))
    steps = max(len(listed) if loop else len(listed) - 1, 1)
    usual = min(DEFAULT_PACE, LONGEST / steps)
    try:
        keyframes = tuple(_keyframe_from_json(each, usual, easing) for each in listed)
        region = values.get("region")
        film = Film(
            keyframes,
            rate,
            loop,
            str(values.get("path", "natural")),
            even,
            None if region is None else (_number(region[0]), _number(region[1])),
            None if values.get("sound") is None else _sound_from_json(values["sound"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise SceneError("This film is damaged.", f"The unreadable part is {error}.") from error
    return _lasting(film, values["seconds"]) if "seconds" in values else film


def _lasting(film: Film, seconds: Any) -> Film:
    """The film spread evenly over so many seconds."""
    lasts = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and SHORTEST <= seconds <= LONGEST
    if not lasts:
        raise SceneError(f"This film is damaged: its seconds should be a number from {SHORTEST:g} to {LONGEST:g}.")
    pace = max(seconds / max(ways(film), 1), SHORTEST)
    return replace(film, keyframes=tuple(replace(keyframe, seconds=pace) for keyframe in film.keyframes))


def _keyframe_to_json(keyframe: Keyframe) -> dict[str, Any]:
    easing = keyframe.easing if isinstance(keyframe.easing, str) else list(keyframe.easing)
    data = {"scene": scene_to_json(keyframe.scene), "seconds": keyframe.seconds, "easing": easing}
    return data | ({"changes": list(keyframe.changes)} if keyframe.changes else {})


def _keyframe_from_json(data: Any, seconds: float, easing: Easing) -> Keyframe:
    if "scene" not in data:
        return Keyframe(scene_from_json(data), seconds, easing)
    changes = tuple(_number(value) for value in data.get("changes", ()))
    if len(changes) > MOST_CHANGES:
        raise ValueError("its changes, which are too many")
    return Keyframe(
        scene_from_json(data["scene"]),
        _number(data.get("seconds", seconds)),
        easing_from_json(data.get("easing", easing)),
        changes,
    )


def _sound_from_json(data: Any) -> Sound:
    beats = tuple(_number(beat) for beat in data.get("beats", ()))
    if len(beats) > MOST_BEATS or any(later <= earlier for earlier, later in pairwise(beats)):
        raise ValueError("the beats of its sound")
    return Sound(str(data["path"]), str(data.get("sha256", "")), beats, _number(data.get("seconds", 0.0)))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a number")
    return float(value)
