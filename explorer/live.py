"""From a changed scene to a shown picture: what the render thread is asked for, and how long it takes.

Slider to pixels is four hops: ``slider -> session.change -> render thread -> canvas``. Lanes come in the order of their
urgency: the picture, then what surrounds it, then what fills in while the hands rest.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from explorer.errors import ExplorerError
from explorer.imaging import Picture
from explorer.scene import AnyDirection, Scene, moved
from explorer.session import Model, Session
from explorer.workers import Failed, LatestWins, MainThread

if TYPE_CHECKING:
    from explorer.render import Reading, Resume

__all__ = ["LANES", "Live", "Tile", "plane"]

LANES = ("picture", "original", "reading", "pad", "blend", "film", "strip")
RECENT = 240  # frames the latency read-out is taken from
STALE_SECONDS = 2.0
SLOW_SECONDS = 0.1  # for one picture: then a sketch comes first
TILES_PER_STEP = 7


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One small picture of many, by its place in the request."""

    index: int
    picture: Picture


class Live(QObject):
    """Keeps the picture of the session's scene on screen. Main thread only."""

    rested = Signal()  # the picture shown is that of the scene as it is, nothing newer is on its way
    grid_shown = Signal(object)  # uint8 (rows, columns, h, w, c), the scene's own picture in the middle

    def __init__(self, session: Session, main: MainThread, failed: Failed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread = LatestWins(main, LANES, failed)
        self._latencies: deque[float] = deque(maxlen=RECENT)  # seconds from change to painted picture
        self._shown_at: deque[float] = deque(maxlen=RECENT)
        self._is_first = True  # the first picture of a model tells of its opening, not of the hand
        self._is_slow = False  # the newest picture took so long that a sketch before it helps
        self._kept: dict[str, Resume] = {}  # what a picture can be continued from; for the render thread alone
        self._waiting_since: float | None = None  # when the scene of the picture not painted yet was asked for
        session.scene_changed.connect(self.show_scene)
        session.model_changed.connect(self.forget)

    @Slot()
    def show_scene(self) -> None:
        """Ask for the picture of the scene as it is now, or for the grid around it."""
        model, scene, view, asked = self._session.model, self._session.scene, self._session.view, time.perf_counter()
        if model is None:
            return

        kept, sketch = self._kept, view.sketch and self._is_slow

        def picture() -> Iterator[tuple[Picture, Scene, float]]:
            from explorer.render import Resume, render  # imports torch

            for picture in render(model.generator, scene, kept.setdefault("resume", Resume()), sketch):
                yield picture, scene, asked

        def grid() -> Iterator[tuple[Picture, Scene, float, np.ndarray]]:
            from explorer.render import render_many  # imports torch

            scenes = plane(scene, view.across, view.up, view.span, view.cells)
            pictures = list(render_many(model.generator, scenes, len(scenes)))
            pixels = np.stack([each.pixels for each in pictures])
            yield pictures[len(pictures) // 2], scene, asked, pixels.reshape(view.cells, view.cells, *pixels.shape[1:])

        if view.mode == "grid":
            self._thread.submit("picture", grid, self._show_grid)
        else:
            self._thread.submit("picture", picture, self._show_picture)

    @Slot()
    def forget(self) -> None:
        """Drop everything asked of the previous model."""
        self._thread.reset()
        self._is_first, self._is_slow, self._kept = True, False, {}
        self._latencies.clear()
        self._shown_at.clear()

    def tiles(self, lane: str, scenes: list[Scene], show: Callable[[Tile], None]) -> None:
        """Ask for many small pictures; each arrives on its own, in order, and what cannot be made does not arrive.

        A newer request in the lane replaces this one.
        """
        model = self._session.model
        if model is None:
            return

        def work() -> Iterator[list[Tile]]:
            from explorer.render import render_many  # imports torch

            for start in range(0, len(scenes), TILES_PER_STEP):
                part = scenes[start : start + TILES_PER_STEP]
                try:
                    pictures = enumerate(list(render_many(model.generator, part, TILES_PER_STEP)), start)
                    yield [Tile(index, picture) for index, picture in pictures]
                except ExplorerError:  # one of them cannot be made, a picture file that is gone perhaps
                    for index, scene in enumerate(part, start):
                        with contextlib.suppress(ExplorerError):
                            yield [Tile(index, picture) for picture in render_many(model.generator, (scene,))]

        def show_all(tiles: list[Tile]) -> None:
            for tile in tiles:
                show(tile)

        self._thread.submit(lane, work, show_all)

    def reading(self, lane: str, model: Model, path: str, show: Callable[[Reading], None]) -> None:
        """Ask for what the model makes of a picture file. A newer request in the lane replaces this."""

        def work() -> Iterator[Reading]:
            from pathlib import Path

            from explorer.render import read_picture  # imports torch

            yield read_picture(model.generator, Path(path))

        self._thread.submit(lane, work, show)

    def drop(self, lane: str) -> None:
        """Take back what was asked of a lane and has not begun."""
        self._thread.drop(lane)

    def is_idle(self) -> bool:
        return self._thread.is_idle()

    @Slot()
    def note_painted(self) -> None:
        """The canvas has painted the newest picture: the end of the way from input to pixels."""
        if self._is_first:
            self._is_first = False
        elif self._waiting_since is not None:
            now = time.perf_counter()
            self._latencies.append(now - self._waiting_since)
            self._shown_at.append(now)
            self._waiting_since = None

    def latency(self) -> tuple[float, float, float] | None:
        """Frames per second, and p50 and p95 of input to pixels in seconds; None while nothing has moved lately."""
        now = time.perf_counter()
        recent = [moment for moment in self._shown_at if now - moment < STALE_SECONDS]
        if len(recent) < 2:
            return None
        rate = (len(recent) - 1) / max(recent[-1] - recent[0], 1e-9)
        latencies = np.array(list(self._latencies)[-len(recent) :])
        return rate, float(np.percentile(latencies, 50)), float(np.percentile(latencies, 95))

    def last_latency(self) -> float | None:
        """Seconds from the last change to its picture."""
        return self._latencies[-1] if self._latencies else None

    def close(self) -> None:
        """Stop the render thread; returns when it has ended."""
        self._thread.close()

    def _show_picture(self, result: tuple[Picture, Scene, float]) -> None:
        picture, scene, self._waiting_since = result
        self._session.show_picture(picture, scene)
        if not picture.is_sketch:
            self._is_slow = picture.seconds + picture.saved > SLOW_SECONDS
            self._rest(scene)

    def _rest(self, scene: Scene) -> None:
        if scene == self._session.scene:
            self.rested.emit()

    def _show_grid(self, result: tuple[Picture, Scene, float, np.ndarray]) -> None:
        picture, scene, self._waiting_since, pixels = result
        self._session.show_picture(picture, scene)
        self.grid_shown.emit(pixels)
        self._rest(scene)


def plane(scene: Scene, across: AnyDirection, up: AnyDirection, span: float, cells: int) -> list[Scene]:
    """Scenes around ``scene`` in the plane of two directions, row by row from the top: ``cells`` by ``cells``, from
    -span to +span standard deviations, ``scene`` itself in the middle."""
    offsets = [0.0 if 2 * i == cells - 1 else span * (2 * i / (cells - 1) - 1) for i in range(cells)]
    x, y = scene.latent.amount(across), scene.latent.amount(up)
    rows = (moved(scene, up, y + offset) for offset in reversed(offsets))
    return [moved(row, across, x + offset) for row in rows for offset in offsets]
