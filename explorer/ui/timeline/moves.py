"""Moving keyframes in time by hand: what a drag makes of a film, and what a moment is pulled to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import floor

from explorer.animation import Film, Keyframe, starts, ways
from explorer.animation.film import LONGEST, SHORTEST

__all__ = ["Moved", "Snap", "keyframe_times", "moved", "snapped"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A film after some of its keyframes were moved in time, and where they are in it now.

    ``shift`` is the moment of the old film that is the start of the new one.
    """

    film: Film
    chosen: frozenset[int]
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Snap:
    """What moments are pulled to: ``targets`` in seconds (rising), from ``reach`` seconds away, and whole seconds."""

    frames_per_second: int
    targets: tuple[float, ...] = ()
    reach: float = 0.0  # 0: to frames only


def keyframe_times(film: Film) -> tuple[float, ...]:
    """When every keyframe is, in seconds."""
    return tuple(accumulate((keyframe.seconds for keyframe in film.keyframes[:-1]), initial=0.0))[: len(film.keyframes)]


def moved(film: Film, chosen: Collection[int], by: float, ripple: bool = False) -> Moved:
    """The film with some keyframes ``by`` seconds later (or earlier); all others keep their times.

    With ``ripple`` everything after the first of them comes along. Keyframes that pass others change the order, and
    take their easing with them. The film begins at its first keyframe, wherever that was moved to.
    """
    keyframes, count = film.keyframes, len(film.keyframes)
    hand = frozenset(chosen)
    if not hand or count < 2:
        return Moved(film, hand)
    moving = frozenset(range(min(hand), count)) if ripple else hand
    old, closes = keyframe_times(film), ways(film) == count
    end = starts(film)[-1] + (by if ripple else 0.0)
    times = [time + by if index in moving else time for index, time in enumerate(old)]
    order = sorted(range(count), key=lambda index: (times[index], index))
    shift = times[order[0]]
    settled = [0.0]
    for index in order[1:]:
        settled.append(max(times[index] - shift, settled[-1] + SHORTEST))
    end = max(end - shift, settled[-1] + SHORTEST)
    if settled[-1] > LONGEST or (closes and end > LONGEST):
        return Moved(film, hand)
    following = [*settled[1:], end if closes else settled[-1] + keyframes[order[-1]].seconds]
    seconds = [after - before for before, after in zip(settled, following, strict=True)]
    placed = [_lasting(keyframes[index], length) for index, length in zip(order, seconds, strict=True)]
    if order != list(range(count)):
        placed = _forgetting(film, order, placed)
    where = {index: place for place, index in enumerate(order)}
    return Moved(replace(film, keyframes=tuple(placed)), frozenset(where[index] for index in hand), shift)


def snapped(seconds: float, snap: Snap) -> tuple[float, float | None]:
    """The moment that one near ``seconds`` is pulled to, and what pulled it; without a pull it is that of a frame."""
    if snap.reach > 0:
        whole = float(floor(seconds + 0.5))
        nearest = min((*_around(snap.targets, seconds), whole), key=lambda target: abs(target - seconds))
        if abs(nearest - seconds) <= snap.reach:
            return nearest, nearest
    return round(seconds * snap.frames_per_second) / snap.frames_per_second, None


def _around(targets: Sequence[float], seconds: float) -> Iterable[float]:
    after = bisect_left(targets, seconds)
    return targets[max(after - 1, 0) : after + 1]


def _lasting(keyframe: Keyframe, seconds: float) -> Keyframe:
    seconds = min(max(seconds, SHORTEST), LONGEST)  # differences of times may be a rounding error less
    return keyframe if abs(keyframe.seconds - seconds) < 1e-9 else replace(keyframe, seconds=seconds)


def _forgetting(film: Film, order: Sequence[int], placed: Sequence[Keyframe]) -> list[Keyframe]:
    """Without what was measured along ways that lead elsewhere now; all ways of a spline depend on each other."""
    count = len(order)
    follows = [order[(place + 1) % count] == (order[place] + 1) % count for place in range(count)]
    return [
        keyframe if film.path != "spline" and same else replace(keyframe, changes=())
        for keyframe, same in zip(placed, follows, strict=True)
    ]
