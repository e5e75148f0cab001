"""Searching a model's styles for a real picture, from the window: a job whose best picture so far can be watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from explorer.live import Live
from explorer.scene import ImageFile, Scene, StoredPoint
from explorer.session import Model, Session
from explorer.workers import Jobs, JobState, Report

if TYPE_CHECKING:
    from explorer.inversion import Inversion

__all__ = ["SPACE_TITLES", "Finder", "Found"]

SPACE_TITLES: Final = {"w": "W", "w+": "W+"}
PREVIEW_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, and how far it is from the picture, in words."""

    point: StoredPoint
    space: str  # "w" or "w+"
    told: str


@dataclass(slots=True)
class _Box:
    """Where the worker leaves its newest state, one for every search."""

    newest: Inversion | None = None


class Finder(QObject):
    """Runs one search at a time on a serial worker. Main thread only.

    The worker leaves its newest state in a box, and whenever the job reports progress the main thread looks there. What
    is watched is no part of the session: where a search ends without a result, the scene is shown again.
    """

    previewed = Signal(object)  # Picture: the best so far, unless a hand has moved on meanwhile
    progressed = Signal(str)  # how the search goes, in a few words; empty when it has ended

    def __init__(self, session: Session, live: Live, jobs: Jobs, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._live, self._jobs, self._folder = session, live, jobs, folder
        self._key: int | None = None
        self._scene = Scene()  # where one was when the search began
        self._box = _Box()
        self._shown: Inversion | None = None
        self._shown_at = 0.0
        jobs.changed.connect(self.follow)

    def start(self, model: Model, image: ImageFile, space: str, steps: int, then: Callable[[Found], None]) -> int:
        """Search the styles of a picture file; gives the key of the job. ``then`` is not called when it is cancelled,
        and nothing is written then."""
        path, scene, folder, box = Path(image.path), self._session.scene, self._folder, _Box()

        def work(report: Report) -> Found:
            from explorer.generators import Look  # these import torch
            from explorer.inversion import invert, keep_point, read_target

            pixels = read_target(model.generator, path)
            for found in invert(model.generator, pixels, space, steps, look=Look(scene.noise, scene.transform)):
                box.newest = found
                left = f" · {found.seconds_left:.0f} s left" if found.done else ""
                report(found.done, found.total, f"{found.told()}{left}")
            point = keep_point(folder, path.stem, found.styles, image.path)
            return Found(point, space, found.told())

        def take(found: Found) -> None:
            self._shown = None  # what comes next is the picture of the point itself
            then(found)

        self._scene, self._box, self._shown = scene, box, None
        self._key = self._jobs.start(f"Find {path.name}", work, take)
        return self._key

    @Slot(object)
    def follow(self, states: tuple[JobState, ...]) -> None:
        """Show how the search goes, at most five times a second."""
        if self._key is None:
            return
        state = next((each for each in states if each.key == self._key), None)
        if state is None:
            self._key = None
            self.progressed.emit("")
            QTimer.singleShot(0, self, self._restore)  # after the result, if there is one, has been taken
            return
        found, now = self._box.newest, time.monotonic()
        if found is None or now - self._shown_at < PREVIEW_SECONDS:
            return
        self._shown_at = now
        self.progressed.emit(f"{found.done / found.total:.0%} · {found.decibels:.1f} dB")
        is_new = self._shown is None or found.picture is not self._shown.picture
        if is_new and self._session.scene == self._scene:
            self._shown = found
            self.previewed.emit(found.picture)

    @Slot()
    def _restore(self) -> None:
        if self._shown is not None and self._key is None:
            self._shown = None
            self._live.show_scene()
