"""A film: keyframes, the ways between them, and how it moves along, as one small frozen value."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from explorer.animation.easing import Easing, ease, easing_from_json
from explorer.errors import SceneError
from explorer.scene import Scene, along, between

__all__ = [
    "FASTEST",
    "LONGEST",
    "MAX_KEYFRAMES",
    "PATHS",
    "SHORTEST",
    "Film",
    "Keyframe",
    "Sound",
    "done",
    "duration",
    "frame_count",
    "frame_time",
    "place_at",
    "position_at",
    "scene_at",
    "scene_on_way",
    "scenes",
    "starts",
    "through",
    "ways",
]

SHORTEST: Final = 0.02  # seconds of one way
LONGEST: Final = 3600.0  # seconds of a film
FASTEST: Final = 120  # frames per second
MAX_KEYFRAMES: Final = 10_000
MOST_BEATS: Final = 100_000
PATHS: Final = ("natural", "lerp", "slerp", "spline")
CLOSE: Final = 1e-9  # of a way: nearer to a keyframe than that is at it


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A scene of a film, and the way from it to the next one.

    The way lasts ``seconds`` (0.02 to 3600) and moves by ``easing``. ``changes`` is how much the picture has changed
    since the keyframe at evenly spaced places of the way, the first of them 0; empty where nobody has measured it.
    The last keyframe of a film that does not loop has a way too, which is not gone.
    """

    scene: Scene
    seconds: float = 2.0
    easing: Easing = "ease"
    changes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not SHORTEST <= self.seconds <= LONGEST:
            raise SceneError(
                f"The way from keyframe to keyframe lasts {SHORTEST:g} to {LONGEST:g} seconds, not {self.seconds:g}."
            )
        easing_from_json(self.easing)
        falls = any(later < earlier for earlier, later in zip(self.changes, self.changes[1:], strict=False))
        if len(self.changes) == 1 or (self.changes and (self.changes[0] != 0.0 or falls)):
            raise SceneError("The changes along a way start at 0 and never fall.")


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound file that goes with a film, from its start, and where in it the beats are, in seconds, rising."""

    path: str
    digest: str = ""
    beats: tuple[float, ...] = ()
    seconds: float = 0.0  # how long the sound is


@dataclass(frozen=True, slots=True)
class Film:
    """A walk through keyframes; two of them make something that can be played.

    ``loop`` goes from the last keyframe back to the first and leaves out the last frame, which would be the first one
    again, so that it repeats without a stutter; where the last scene is the first one already, no way is added.
    ``path`` says how points between keyframes are blended: "natural" as the latent distribution calls for, "lerp"
    straight, "slerp" along the arc (Shoemake 1985), or "spline" through all keyframes without a corner. With ``even``
    the picture changes equally from frame to frame within a way, as far as its changes are measured, before the
    easing. ``region`` is a part of the film in seconds that is played, and can be exported, alone.

    Raises:
        SceneError: a value is out of its range.
    """

    keyframes: tuple[Keyframe, ...] = ()
    frames_per_second: int = 30
    loop: bool = False
    path: str = "natural"
    even: bool = False
    region: tuple[float, float] | None = None
    sound: Sound | None = None

    def __post_init__(self) -> None:
        if len(self.keyframes) > MAX_KEYFRAMES:
            raise SceneError(f"A film has at most {MAX_KEYFRAMES:,} keyframes; this one has {len(self.keyframes):,}.")
        if not 1 <= self.frames_per_second <= FASTEST:
            raise SceneError(f"A film has 1 to {FASTEST} frames per second, not {self.frames_per_second}.")
        if self.path not in PATHS:
            raise SceneError(f"There is no way of moving called {self.path!r}.", f"Choose one of {', '.join(PATHS)}.")
        if duration(self) > LONGEST + CLOSE:
            raise SceneError(f"A film lasts at most {LONGEST:g} seconds, not {duration(self):g}.")
        if self.region is not None and not 0.0 <= self.region[0] < self.region[1]:
            raise SceneError("The part of a film that is played alone ends after it starts.")

    @property
    def is_playable(self) -> bool:
        """Whether there is a way to go."""
        return len(self.keyframes) >= 2

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """The scenes of the keyframes."""
        return tuple(keyframe.scene for keyframe in self.keyframes)


def through(
    scenes: tuple[Scene, ...], settings: Film | None = None, seconds: float = 2.0, easing: Easing = "ease"
) -> Film:
    """The film through scenes, evenly spaced, with the rate, loop and path of ``settings``."""
    keyframes = tuple(Keyframe(scene, seconds, easing) for scene in scenes)
    return replace(settings or Film(), keyframes=keyframes, region=None, sound=None)


def ways(film: Film) -> int:
    """How many ways are gone: one less than keyframes, or as many where a loop goes back to the first one."""
    count = len(film.keyframes)
    if count < 2:
        return 0
    return count if film.loop and film.keyframes[0].scene != film.keyframes[-1].scene else count - 1


def starts(film: Film) -> tuple[float, ...]:
    """When every way starts, and when the last one ends, in seconds; (0,) without a way."""
    return tuple(accumulate((keyframe.seconds for keyframe in film.keyframes[: ways(film)]), initial=0.0))


def duration(film: Film) -> float:
    """How long the film lasts, in seconds."""
    return starts(film)[-1]


def place_at(film: Film, t: float) -> tuple[int, float]:
    """The way that is gone at ``t`` seconds, and how much of its time has passed, 0 to 1; the film has a way."""
    times = starts(film)
    way = min(max(bisect_right(times, t) - 1, 0), len(times) - 2)
    part = (t - times[way]) / (times[way + 1] - times[way])
    part = 0.0 if part < CLOSE else 1.0 if part > 1.0 - CLOSE else part
    return way, part


def done(keyframe: Keyframe, part: float, even: bool) -> float:
    """How much of a way is done, 0 to 1, after the part ``part`` of its time."""
    eased = ease(keyframe.easing, part)
    changes = keyframe.changes
    if not even or not changes or changes[-1] <= 0.0 or eased <= 0.0 or eased >= 1.0:
        return eased
    wanted = eased * changes[-1]
    index = min(bisect_right(changes, wanted), len(changes) - 1)
    before, after = changes[index - 1], changes[index]
    within = (wanted - before) / (after - before) if after > before else 0.0
    return (index - 1 + within) / (len(changes) - 1)


def position_at(film: Film, t: float) -> tuple[int, float]:
    """The way that is gone at ``t`` seconds, and how much of it is done, 0 to 1."""
    way, part = place_at(film, t)
    return way, done(film.keyframes[way], part, film.even)


def scene_on_way(film: Film, way: int, part: float) -> Scene:
    """The scene where the part ``part`` (0 to 1) of a way is done; exactly a keyframe's at 0 and 1."""
    keyframes, count = film.keyframes, len(film.keyframes)
    start, end = keyframes[way], keyframes[(way + 1) % count]
    if part <= 0.0 or part >= 1.0:
        return start.scene if part <= 0.0 else end.scene
    if film.path != "spline":
        return between(start.scene, end.scene, part, "" if film.path == "natural" else film.path)
    before, after = _neighbours(film, way)
    points = ((before or start).scene, start.scene, end.scene, (after or end).scene)
    following = keyframes[(way + 1) % ways(film)].seconds if film.loop else end.seconds
    gaps = (before.seconds if before else 0.0, start.seconds, following if after else 0.0)
    return along(points, gaps, part)


def scene_at(film: Film, t: float) -> Scene:
    """The scene at ``t`` seconds; before the start it is the first keyframe, after the end where the film ends."""
    if not ways(film):
        if not film.keyframes:
            raise SceneError("A film without keyframes shows nothing.", "Add some to the timeline.")
        return film.keyframes[0].scene
    return scene_on_way(film, *position_at(film, t))


def frame_count(film: Film, part: tuple[float, float] | None = None) -> int:
    """The number of frames of the film, or of a part of it in seconds; at least 2."""
    seconds = duration(film) if part is None else part[1] - part[0]
    return max(2, round(seconds * film.frames_per_second))


def frame_time(film: Film, index: int, part: tuple[float, float] | None = None) -> float:
    """When in the film a frame is taken, in seconds: the first at its start, and without ``loop`` the last at its end.

    A loop has its last frame one step before its end. Parts are cut as they are seen, so they loop as the film does.
    """
    first, last = (0.0, duration(film)) if part is None else part
    count = frame_count(film, part)
    return first + (last - first) * index / (count if film.loop else count - 1)


def scenes(film: Film, part: tuple[float, float] | None = None) -> Iterator[Scene]:
    """The scene of every frame in order."""
    return (scene_at(film, frame_time(film, index, part)) for index in range(frame_count(film, part)))


def _neighbours(film: Film, way: int) -> tuple[Keyframe | None, Keyframe | None]:
    """The keyframe before a way and the one after it; none at the ends of a film that does not loop.

    Where a loop ends on the scene it starts with, that one keyframe stands for both.
    """
    keyframes, count = film.keyframes, ways(film)
    if not film.loop:
        return (keyframes[way - 1] if way else None), (keyframes[way + 2] if way + 1 < count else None)
    return keyframes[(way - 1) % count], keyframes[(way + 2) % count]
