"""What a hand holds on the timeline, and what its drag makes of the film: values, without Qt."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, replace
from typing import Final

from explorer.animation import Film, duration
from explorer.animation.editing import stretched
from explorer.animation.film import LONGEST, SHORTEST
from explorer.ui.timeline.moves import Moved, Snap, keyframe_times, moved, snapped
from explorer.ui.timeline.places import Places

__all__ = ["BAND", "KEYS", "LABELS", "MAGNET", "REGION", "SCRUB", "STRETCH", "Drag", "dragged", "snap_for"]

SCRUB, KEYS, STRETCH, REGION, BAND = "scrub", "keys", "stretch", "region", "band"
LABELS: Final = {KEYS: "Move keyframes", STRETCH: "Stretch the film", REGION: "Part of the film"}
MAGNET: Final = 6.0  # pixels from which something pulls


@dataclass(frozen=True, slots=True)
class Drag:
    """Something pressed: what, where, on which film, and where the mouse is now.

    ``grip`` is the moment that moves with the hand: of the pressed keyframe, the end of the film, or a region's end.
    ``still`` is the other end of a region that is drawn or changed.
    """

    kind: str
    film: Film
    places: Places
    start: tuple[float, float]
    here: tuple[float, float]
    index: int = -1
    chosen: frozenset[int] = frozenset()
    grip: float = 0.0
    still: float = 0.0
    is_moving: bool = False

    def wanted(self) -> float:
        """Where the grip would be without any magnet, in seconds."""
        return self.grip + (self.here[0] - self.start[0]) / self.places.scale


def snap_for(drag: Drag, playhead: float | None, is_on: bool) -> Snap:
    """What pulls at the thing dragged."""
    film = drag.film
    if not is_on:
        return Snap(film.frames_per_second)
    moving = drag.chosen if drag.kind == KEYS else frozenset()
    targets = [time for index, time in enumerate(keyframe_times(film)) if index not in moving]
    others = [duration(film)] if drag.kind == REGION else []
    others += [playhead] if playhead is not None else []
    others += film.region if film.region is not None and drag.kind != REGION else ()
    for other in others:
        insort(targets, other)
    if film.sound is not None:
        targets = sorted((*targets, *film.sound.beats))
    return Snap(film.frames_per_second, tuple(targets), MAGNET / drag.places.scale)


def dragged(drag: Drag, snap: Snap, ripple: bool = False) -> tuple[Moved, float | None]:
    """What the drag makes of its film, and the moment that pulled, or None."""
    moment, pull = snapped(drag.wanted(), snap)
    if drag.kind == KEYS:
        return moved(drag.film, drag.chosen, moment - drag.grip, ripple), pull
    if drag.kind == STRETCH:
        return Moved(stretched(drag.film, min(max(moment, SHORTEST), LONGEST)), drag.chosen), pull
    low, high = sorted((min(max(moment, 0.0), duration(drag.film)), drag.still))
    region = (low, high) if high - low >= 1 / drag.film.frames_per_second - 1e-9 else None
    return Moved(replace(drag.film, region=region), drag.chosen), pull
