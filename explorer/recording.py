"""Records what happens to the scene, with true timing, as a film."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, TypeAlias

from PySide6.QtCore import QObject, Signal, Slot

from explorer.animation import Film, Keyframe
from explorer.animation.film import LONGEST, MAX_KEYFRAMES, SHORTEST
from explorer.scene import AnyDirection, Scene, Transform
from explorer.session import Session

__all__ = ["Recorder", "film_of", "thinned"]

Moment: TypeAlias = tuple[float, Scene]  # seconds since the start, and the scene from then on

PAUSE: Final = 0.1  # seconds without a change that are a pause
EXACT: Final = 1e-6  # of what a number of the scene is, or of 1
MOST: Final = 2 * MAX_KEYFRAMES  # moments that are kept; what goes on for longer is kept more coarsely
LONGEST_RUN: Final = 256  # moments that are looked at for one straight way


class Recorder(QObject):
    """Keeps every change of the session's scene while it records: at most 50 a second, for at most an hour.

    Main thread only. ``clock`` gives seconds that only grow.
    """

    changed = Signal()  # it records now, or no longer
    recorded = Signal(object)  # Film, where anything has changed

    def __init__(
        self, session: Session, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._session, self._clock = session, clock
        self._moments: list[Moment] = []
        self._start = 0.0
        session.scene_changed.connect(self._keep)
        session.model_changed.connect(self._end)

    def is_recording(self) -> bool:
        return bool(self._moments)

    def seconds(self) -> float:
        """How long it has been recording; 0 where it does not."""
        return self._clock() - self._start if self._moments else 0.0

    @Slot()
    def toggle(self) -> None:
        """Start, or stop."""
        if self._moments:
            self.stop()
        else:
            self.start()

    @Slot()
    def start(self) -> None:
        """Record from now on, from the scene as it is."""
        if self._session.model is not None:
            self._start = self._clock()
            self._moments = [(0.0, self._session.scene)]
            self.changed.emit()

    @Slot()
    def stop(self) -> Film | None:
        """Stop; gives what was recorded, or None where nothing changed."""
        if not self._moments:
            return None
        moments, end = self._moments, min(self.seconds(), LONGEST)
        self._moments = []
        self.changed.emit()
        if len(moments) < 2:
            return None
        film = film_of(moments, end)
        self.recorded.emit(film)
        return film

    @Slot()
    def _end(self) -> None:
        self.stop()

    @Slot()
    def _keep(self) -> None:
        if not self._moments:
            return
        now, scene = self.seconds(), self._session.scene
        before = self._moments[-1][0]
        if now > LONGEST - SHORTEST:
            self.stop()
        elif now - before >= SHORTEST:
            if len(self._moments) >= MOST:
                self._moments = _fewer(self._moments, MOST - 1)
            self._moments.append((now, scene))
        elif before > 0.0:
            self._moments[-1] = (before, scene)  # sooner after another one than a film can tell apart
        else:
            self._moments.append((SHORTEST, scene))  # the start stays what it was


def film_of(moments: Sequence[Moment], end: float) -> Film:
    """The film in which every moment is at its time and that lasts ``end`` seconds.

    Ways are straight; where nothing changed for longer than 0.1 s the scene stays as it is until the next moment.
    """
    kept = _fewer(thinned(moments), MAX_KEYFRAMES - 1)
    pauses = _pauses(moments)
    keyframes = [
        Keyframe(scene, until - begin, "hold" if begin in pauses else "linear")
        for (begin, scene), (until, _) in pairwise(kept)
    ]
    last, scene = kept[-1]
    if end - last >= SHORTEST:
        keyframes.append(Keyframe(scene, end - last, "hold"))
    return Film((*keyframes, Keyframe(scene, easing="linear")))


def thinned(moments: Sequence[Moment]) -> list[Moment]:
    """The moments without those that the straight ways between the others go through anyway.

    That is known of scenes which differ in nothing but moves, truncation and transform, as both blend straight.
    """
    kept, place = [moments[0]], 0
    while place < len(moments) - 1:
        reach = place + 1
        if moments[reach][0] - moments[place][0] <= PAUSE:
            while reach + 1 < len(moments) and reach - place < LONGEST_RUN and _is_straight(moments, place, reach + 1):
                reach += 1
        kept.append(moments[reach])
        place = reach
    return kept


def _is_straight(moments: Sequence[Moment], first: int, last: int) -> bool:
    """Whether all moments between two lie on the straight way from the one to the other, with no pause."""
    if moments[last][0] - moments[last - 1][0] > PAUSE:
        return False
    (begin, start), (end, goal) = moments[first], moments[last]
    base = _rest_of(start)
    if base != _rest_of(goal):
        return False
    from_numbers, to_numbers = _numbers(start), _numbers(goal)
    for when, scene in moments[first + 1 : last]:
        if _rest_of(scene) != base:
            return False
        part, numbers = (when - begin) / (end - begin), _numbers(scene)
        for name in from_numbers.keys() | to_numbers.keys() | numbers.keys():
            a, b = from_numbers.get(name, 0.0), to_numbers.get(name, 0.0)
            if not math.isclose(a + part * (b - a), numbers.get(name, 0.0), rel_tol=EXACT, abs_tol=EXACT):
                return False
    return True


def _numbers(scene: Scene) -> dict[AnyDirection | str, float]:
    """What blends straight, by name."""
    moved = scene.transform
    return {
        **dict(scene.latent.moves),
        "truncation": scene.latent.truncation,
        "x": moved.x,
        "y": moved.y,
        "degrees": moved.degrees,
    }


def _rest_of(scene: Scene) -> Scene:
    """The scene without what ``_numbers`` tells."""
    return replace(scene, latent=replace(scene.latent, moves=(), truncation=1.0), transform=Transform())


def _pauses(moments: Sequence[Moment]) -> frozenset[float]:
    """When nothing changed for a while from then on."""
    return frozenset(begin for (begin, _), (end, _) in pairwise(moments) if end - begin > PAUSE)


def _fewer(moments: list[Moment], most: int) -> list[Moment]:
    """At most so many moments: every second one goes, again and again, but none that begins or ends a pause first."""
    while len(moments) > most:
        pauses = _pauses(moments)
        ends = frozenset(end for (begin, _), (end, _) in pairwise(moments) if begin in pauses)
        held = pauses | ends if len(pauses) * 4 < most else frozenset()
        last = len(moments) - 1
        moments = [each for i, each in enumerate(moments) if i % 2 == 0 or i == last or each[0] in held]
    return moments
