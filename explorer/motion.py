"""What moves by itself: a walk through latent space, or the film of the timeline."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from explorer.animation import Film, duration, scene_at, starts
from explorer.player import Player
from explorer.scene import Scene, Seed, walk
from explorer.session import Session

__all__ = ["LARGEST_SEED", "Motion"]

WALK_SECONDS: Final = 2.5  # from waypoint to waypoint, at speed 1
WALK_LOOP: Final = 6  # waypoints of a closed walk
WALK_ENDLESS: Final = 2_000
LARGEST_SEED: Final = 99_999


class Motion(QObject):
    """Plays walks and films through the session's scene, one at a time. Main thread only."""

    changed = Signal()  # something else moves by itself now, or nothing does; see ``playing``

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.player = Player(self)
        self.player.moved.connect(self._follow_player)
        self.player.stopped.connect(self._settle_player)
        self.walk_loops, self.walk_speed = False, 1.0
        self._playing = ""  # what the player plays: walk, film, or nothing
        self._film: Film | None = None  # the film that the moment belongs to
        self._moment: tuple[Scene, float] | None = None  # the scene last shown of the film, and its time in seconds
        session.film_changed.connect(self._follow_film)

    @Slot()
    def toggle_walk(self) -> None:
        """Start or pause a walk through latent space from the current point."""
        if self._playing == "walk":
            self.stop()
            return
        self.stop()
        start = self.session.scene
        count = WALK_LOOP if self.walk_loops else WALK_ENDLESS
        seeds = (Seed(random.randint(0, LARGEST_SEED)) for _ in range(count))
        others = (replace(start, latent=replace(start.latent, sources=((seed, 1.0),))) for seed in seeds)
        waypoints = (start, *others, start) if self.walk_loops else (start, *others)
        duration = WALK_SECONDS * (len(waypoints) - 1)
        self._playing = "walk"
        self.player.speed = self.walk_speed
        self.player.play(lambda seconds: walk(waypoints, seconds / WALK_SECONDS), duration, self.walk_loops)
        self.changed.emit()

    def set_walk_speed(self, speed: float) -> None:
        """How fast walks go, now and later; 1 is two and a half seconds from seed to seed."""
        self.walk_speed = speed
        if self._playing == "walk":
            self.player.speed = speed

    @Slot()
    def toggle_film(self) -> None:
        """Play or pause the film of the timeline, from the moment of it that is shown."""
        if self._playing == "film":
            self.stop()
            return
        self.stop()
        film = self.film()
        if film is not None:
            self._playing, self._film = "film", film
            self.player.speed = 1.0
            self._play_film(film, self.film_moment() or 0.0)
            self.changed.emit()

    @Slot(float)
    def scrub(self, seconds: float) -> None:
        """Show the film at a moment."""
        film = self.film()
        if film is not None:
            self.stop()
            self._show_moment(film, scene_at(film, seconds), seconds)

    @Slot(int)
    def go_to_keyframe(self, index: int) -> None:
        """Go to a keyframe of the timeline, as a step of undo."""
        self.stop()
        scene, film = self.session.film.keyframes[index].scene, self.film()
        if film is not None:
            self._show_moment(film, scene, starts(film)[index])
        self.session.change(scene, f"Keyframe {index + 1}")

    def film_moment(self) -> float | None:
        """The second of the film that the scene was taken from; None where it is no moment of it."""
        is_shown = self._moment is not None and self._moment[0] == self.session.scene
        return self._moment[1] if self._moment is not None and is_shown else None

    def playing(self) -> str:
        """What moves by itself: "walk", "film" or ""."""
        return self._playing

    @Slot()
    def stop(self) -> None:
        """Pause whatever moves by itself."""
        self.player.stop()

    def film(self) -> Film | None:
        """The film of the timeline, or None where it has fewer than two keyframes."""
        return self.session.film if self.session.film.is_playable else None

    @Slot(object, float)
    def _follow_player(self, scene: Scene, seconds: float) -> None:
        if self._playing == "film" and self._film is not None:
            self._show_moment(self._film, scene, seconds)
        else:
            self.session.change(scene, settled=False)

    @Slot()
    def _settle_player(self) -> None:
        played, self._playing = self._playing, ""
        if played == "walk":
            self.session.settle("Walk")
        self.changed.emit()

    def _show_moment(self, film: Film, scene: Scene, seconds: float) -> None:
        self._film, self._moment = film, (scene, seconds)
        self.session.change(scene, settled=False)

    def _play_film(self, film: Film, start: float) -> None:
        """Play a film again and again from ``start`` seconds, or the part of it that is played alone."""
        first, last = film.region or (0.0, duration(film))
        last = min(last, duration(film))
        if first >= last:
            first, last = 0.0, duration(film)
        begin = start if first <= start < last else first
        self.player.play(lambda seconds: scene_at(film, first + seconds), last - first, True, begin - first, first)

    @Slot()
    def _follow_film(self) -> None:
        """Where the film that plays has changed, go on at the same second of the new one; a paused moment is over."""
        film, before = self.film(), self._film
        if before is None or film == before:
            return
        moment = self._moment[1] if self._moment is not None else 0.0
        self._film, self._moment = film, None
        if self._playing == "film" and film is None:
            self.stop()
        elif self._playing == "film" and film is not None:
            self._play_film(film, moment)
