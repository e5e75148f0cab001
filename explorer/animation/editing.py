"""Changing a film: every function gives a new film, and leaves alone what the change has nothing to do with.

What was measured along a way is forgotten where the way has become another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from explorer.animation.easing import Easing
from explorer.animation.film import LONGEST, SHORTEST, Film, Keyframe, duration, place_at, scene_at, starts, ways
from explorer.scene import Scene

__all__ = [
    "added",
    "duplicated",
    "eased",
    "inserted",
    "matched",
    "moved_to",
    "on_beats",
    "pathed",
    "remeasured",
    "removed",
    "reordered",
    "replaced",
    "stretched",
]

DEFAULT_PACE: Final = 2.0  # seconds


def added(film: Film, scenes: Iterable[Scene], seconds: float = 0.0) -> Film:
    """The film with scenes at its end, as far apart as its last keyframes are where ``seconds`` is 0."""
    keyframes = list(film.keyframes)
    for scene in scenes:
        pace = seconds or (keyframes[-1].seconds if keyframes else DEFAULT_PACE)
        easing: Easing = keyframes[-1].easing if keyframes else ("linear" if film.path == "spline" else "ease")
        keyframes.append(Keyframe(scene, pace, easing))
    return _with(film, keyframes)


def inserted(film: Film, t: float, scene: Scene | None = None) -> Film:
    """The film with one more keyframe at ``t`` seconds: a scene, or what the film shows there.

    After the end, the way to the new keyframe is as long as it takes. Every other keyframe keeps its time.
    """
    if not ways(film):
        if not film.keyframes:
            return added(film, [scene]) if scene is not None else film
        first = replace(film.keyframes[0], seconds=max(t, SHORTEST))
        return _with(film, [first, replace(first, scene=scene or first.scene, seconds=DEFAULT_PACE)])
    scene = scene or scene_at(film, t)
    keyframes, times, count = list(film.keyframes), starts(film), ways(film)
    if t >= times[-1] and count < len(keyframes):  # beyond the last keyframe of a film that does not come back
        last = replace(keyframes[-1], seconds=max(t - times[-1], SHORTEST))
        return _with(film, [*keyframes[:-1], last, replace(last, scene=scene, seconds=keyframes[-1].seconds)])
    way, _ = place_at(film, t)
    start = keyframes[way]
    before = min(max(t - times[way], SHORTEST), max(start.seconds - SHORTEST, SHORTEST))
    new = replace(start, scene=scene, seconds=max(start.seconds - before, SHORTEST))
    keyframes[way : way + 1] = [replace(start, seconds=before), new]
    return _with(film, keyframes)


def removed(film: Film, indices: Iterable[int]) -> Film:
    """The film without some keyframes; those that stay between others keep their times."""
    keyframes = list(film.keyframes)
    for index in sorted(set(indices), reverse=True):
        if 0 < index < len(keyframes) - 1:
            before = keyframes[index - 1]
            keyframes[index - 1] = replace(before, seconds=min(before.seconds + keyframes[index].seconds, LONGEST))
        del keyframes[index]
    return _with(film, keyframes)


def duplicated(film: Film, indices: Iterable[int]) -> Film:
    """The film with each of some keyframes twice, one after the other: it rests there."""
    chosen = set(indices)
    keyframes = [copy for i, k in enumerate(film.keyframes) for copy in ([k, k] if i in chosen else [k])]
    return _with(film, keyframes)


def reordered(film: Film, index: int, to: int) -> Film:
    """The film with a keyframe at another place of the order; the times between keyframes stay as they are."""
    order = list(range(len(film.keyframes)))
    order.insert(to, order.pop(index))
    slots = zip(order, film.keyframes, strict=True)
    return _with(film, [replace(slot, scene=film.keyframes[source].scene) for source, slot in slots])


def moved_to(film: Film, index: int, t: float, ripple: bool = False) -> Film:
    """The film with a keyframe at ``t`` seconds, between its neighbours; all later ones come along with ``ripple``.

    The first keyframe is always at 0: to move it shortens or lengthens the first way.
    """
    keyframes, times = list(film.keyframes), [*starts(film), duration(film)]
    if index == 0 or index >= len(keyframes):
        return film
    before, own = keyframes[index - 1], keyframes[index]
    has_next = index < ways(film)
    latest = times[index + 1] - SHORTEST if has_next and not ripple else LONGEST - (duration(film) - times[index])
    t = min(max(t, times[index - 1] + SHORTEST), max(latest, times[index - 1] + SHORTEST))
    seconds = max(t - times[index - 1], SHORTEST)  # the difference may be a rounding error less
    keyframes[index - 1] = replace(before, seconds=seconds)
    if has_next and not ripple:
        keyframes[index] = replace(own, seconds=max(times[index + 1] - t, SHORTEST))
    return replace(film, keyframes=tuple(keyframes))


def stretched(film: Film, seconds: float) -> Film:
    """The film in so many seconds instead of those it lasts now, its region alike."""
    count = ways(film)
    if not count:
        return film
    factor = min(max(seconds, SHORTEST * count), LONGEST) / duration(film)
    keyframes = [replace(k, seconds=min(max(k.seconds * factor, SHORTEST), LONGEST)) for k in film.keyframes]
    region = None if film.region is None else (film.region[0] * factor, film.region[1] * factor)
    return replace(film, keyframes=tuple(keyframes), region=region)


def eased(film: Film, indices: Iterable[int], easing: Easing) -> Film:
    """The film with another easing on the ways that start at some keyframes."""
    chosen = set(indices)
    keyframes = (replace(k, easing=easing) if i in chosen else k for i, k in enumerate(film.keyframes))
    return replace(film, keyframes=tuple(keyframes))


def replaced(film: Film, index: int, scene: Scene) -> Film:
    """The film with another scene in a keyframe."""
    keyframes = list(film.keyframes)
    keyframes[index] = replace(keyframes[index], scene=scene)
    return _with(film, keyframes)


def pathed(film: Film, path: str) -> Film:
    """The film on another kind of path. A spline does not stop at its keyframes, so easings that do become linear."""
    if path == film.path:
        return film
    stops = path == "spline" and all(keyframe.easing == "ease" for keyframe in film.keyframes)
    keyframes = (replace(k, easing="linear" if stops else k.easing, changes=()) for k in film.keyframes)
    return replace(film, path=path, keyframes=tuple(keyframes))


def matched(film: Film) -> Film:
    """The film with every way as long as its share of the measured change; it lasts as long as before.

    Ways that are not measured, or do not change anything, keep their length.
    """
    keyframes = list(film.keyframes)
    known = [i for i in range(ways(film)) if keyframes[i].changes and keyframes[i].changes[-1] > 0.0]
    total = sum(keyframes[i].changes[-1] for i in known)
    seconds = sum(keyframes[i].seconds for i in known)
    for i in known:
        share = keyframes[i].changes[-1] / total
        keyframes[i] = replace(keyframes[i], seconds=max(seconds * share, SHORTEST))
    return replace(film, keyframes=tuple(keyframes))


def on_beats(film: Film, every: int = 1) -> Film:
    """The film with its keyframes on the beats of its sound, one on every so many; without beats as it is.

    The first keyframe stays at 0. Keyframes that no beat is left for keep their distance.
    """
    beats = (film.sound.beats if film.sound is not None else ())[::every]
    beats = beats[1:] if beats and beats[0] < SHORTEST else beats
    keyframes, last = list(film.keyframes), 0.0
    for index, beat in zip(range(ways(film)), beats, strict=False):
        keyframes[index] = replace(keyframes[index], seconds=max(beat - last, SHORTEST))
        last = beat
    return replace(film, keyframes=tuple(keyframes))


def remeasured(film: Film, measured: Film) -> Film:
    """The film with what was measured of another one on those ways that both of them have."""
    if film.path != measured.path:
        return film
    reach = 2 if film.path == "spline" else 1
    known = {_way(measured.keyframes, i, reach): k.changes for i, k in enumerate(measured.keyframes) if k.changes}
    keyframes = film.keyframes
    kept = (replace(k, changes=k.changes or known.get(_way(keyframes, i, reach), ())) for i, k in enumerate(keyframes))
    return replace(film, keyframes=tuple(kept))


def _with(film: Film, keyframes: Iterable[Keyframe]) -> Film:
    """The film with other keyframes; what was measured is kept only where the way is the same, scene by scene."""
    keyframes = tuple(keyframes)
    reach = 2 if film.path == "spline" else 1  # how many keyframes after its start decide about a way
    old = {_way(film.keyframes, i, reach): k.changes for i, k in enumerate(film.keyframes) if k.changes}
    kept = tuple(replace(k, changes=old.get(_way(keyframes, i, reach), ())) for i, k in enumerate(keyframes))
    return replace(film, keyframes=kept)


def _way(keyframes: tuple[Keyframe, ...], index: int, reach: int) -> tuple[Scene, ...]:
    """The scenes that decide about a way; they wrap around, as in a loop."""
    return tuple(keyframes[(index + k) % len(keyframes)].scene for k in range(1 - reach, reach + 1))
