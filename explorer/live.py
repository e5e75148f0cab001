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

from explorer.errors import ExplorerError, ImageError, SceneError
from explorer.imaging import Picture, prepare, read_image
from explorer.mixing import Table, table_layers, table_sources
from explorer.scene import AnyDirection, Scene, moved
from explorer.session import Model, Session
from explorer.workers import Failed, LatestWins, MainThread

if TYPE_CHECKING:
    from explorer.activations import Activations
    from explorer.denoising import Dissolved
    from explorer.reading import CodeMaps, LikelihoodReading, Reading
    from explorer.render import Resume, Runs
    from explorer.runs import StepPictures

__all__ = ["LANES", "Live", "Tile", "plane"]

LANES = (
    "picture",
    "start",
    "original",
    "compare",
    "codes",
    "reading",
    "likelihood",
    "branch",
    "branches",
    "styles",
    "pad",
    "classes",
    "scales",
    "blend",
    "examples",
    "film",
    "strip",
    "layers",
)  # in the order of their urgency
RECENT = 240  # frames the latency read-out is taken from
STALE_SECONDS = 2.0
SLOW_SECONDS = 0.1  # for one picture: then a sketch comes first
TILES_PER_STEP = 7  # at most
STEP_SECONDS = 0.05  # that a step of tiles may take
TILE_SIDE, CELL_SIDE = 64, 128  # pixels that a thumbnail and a cell of the grid need
SLOW_TABLE_SECONDS = 0.4  # for all of a mixing table: then it appears row by row


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One small picture of many, by its place in the request."""

    index: int
    picture: Picture


class Live(QObject):
    """Keeps the picture of the session's scene on screen. Main thread only."""

    rested = Signal()  # the picture shown is that of the scene as it is, nothing newer is on its way
    step_shown = Signal(object)  # StepPictures: a step of the run of the session's scene
    grid_shown = Signal(object)  # uint8 (rows, columns, h, w, c), the scene's own picture in the middle
    table_shown = Signal(object, object)  # Table, and uint8 (rows, columns, h, w, c) with its sources in front

    def __init__(self, session: Session, main: MainThread, failed: Failed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread = LatestWins(main, LANES, failed)
        self._latencies: deque[float] = deque(maxlen=RECENT)  # seconds from change to painted picture
        self._shown_at: deque[float] = deque(maxlen=RECENT)
        self._is_first = True  # the first picture of a model tells of its opening, not of the hand
        self._is_slow = False  # the newest picture took so long that a sketch before it helps
        self._kept: dict[str, Resume] = {}  # what a picture can be continued from; for the render thread alone
        self._runs: dict[str, Runs] = {}  # the same of diffusion models: the steps that were made
        self._table: Table | None = None  # the newest one asked for; its points stay while they suit the scene
        self._sheet: tuple[Table, np.ndarray] | None = None  # the newest one shown
        self._table_seconds = 0.0  # it took
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
            pictures = list(render_many(model.generator, scenes, len(scenes), CELL_SIDE))
            pixels = np.stack([each.pixels for each in pictures])
            yield pictures[len(pictures) // 2], scene, asked, pixels.reshape(view.cells, view.cells, *pixels.shape[1:])

        self._table = table = self.table() if view.mode == "table" else None
        if table is not None:
            self._thread.submit("picture", self._table_rows(model, table, asked), self._show_table)
        elif view.mode == "grid":
            self._thread.submit("picture", grid, self._show_grid)
        elif "denoises" in model.facts.capabilities:
            self._thread.submit("picture", self._run(model, scene, asked), self._show_step)
        else:
            self._thread.submit("picture", picture, self._show_picture)

    def steps(self, lane: str, model: Model, scene: Scene, show: Callable[[StepPictures], None]) -> None:
        """Ask for the steps of the run of any scene, as they are ready. A newer request in the lane replaces this."""
        runs = self._runs

        def work() -> Iterator[StepPictures]:
            from explorer.denoising import decode_steps, run_scene  # these import torch
            from explorer.render import Runs

            kept = runs.setdefault("runs", Runs())
            yield from run_scene(model.generator, scene, kept)
            yield from decode_steps(model.generator, scene, kept)

        self._thread.submit(lane, work, show)

    def _run(self, model: Model, scene: Scene, asked: float) -> Callable[[], Iterator[_RunStep]]:
        """The work of denoising: every step when it is ready, then the real pictures of those that were previews."""
        runs, is_watched = self._runs, self._session.view.workspace == "denoise"

        def work() -> Iterator[_RunStep]:
            from explorer.denoising import decode_steps  # these import torch
            from explorer.render import Runs, render_steps

            kept = runs.setdefault("runs", Runs())
            for step, picture in render_steps(model.generator, scene, kept):
                yield _RunStep(step, picture, asked)
            if is_watched:
                for step in decode_steps(model.generator, scene, kept):
                    yield _RunStep(step, None, asked)

        return work

    def table(self) -> Table | None:
        """The mixing table of the scene, of the points of the one before where they suit; None without styles."""
        session = self._session
        if session.model is None or not session.model.facts.mixable:
            return None
        facts, scene, before = session.model.facts, session.scene, self._table
        if before is not None and before.suits(scene):
            across, down = before.across, before.down
        else:
            kept = [each.scene.latent for each in session.favourites if each.checkpoint == facts.name]
            across, down = table_sources(scene, kept)
        layers = table_layers(session.view.table_layers, [side for _, side in facts.mixable])
        self._table = Table(scene, across, down, *layers)
        return self._table

    @Slot()
    def forget(self) -> None:
        """Drop everything asked of the previous model."""
        self._thread.reset()
        self._is_first, self._is_slow, self._kept, self._runs = True, False, {}, {}
        self._table, self._sheet, self._table_seconds = None, None, 0.0
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

            start, step = 0, 1  # one at first, then as many as leave the thread free for a newer picture soon
            while start < len(scenes):
                part, first = scenes[start : start + step], start
                start += step
                try:
                    pictures = list(render_many(model.generator, part, step, TILE_SIDE))
                    yield [Tile(index, picture) for index, picture in enumerate(pictures, first)]
                    step = min(max(int(STEP_SECONDS / max(pictures[0].seconds, 1e-4)), 1), TILES_PER_STEP)
                except ExplorerError:  # one of them cannot be made, a picture file that is gone perhaps
                    for index, scene in enumerate(part, first):
                        with contextlib.suppress(ExplorerError):
                            yield [
                                Tile(index, picture) for picture in render_many(model.generator, (scene,), 1, TILE_SIDE)
                            ]

        def show_all(tiles: list[Tile]) -> None:
            for tile in tiles:
                show(tile)

        self._thread.submit(lane, work, show_all)

    def reading(self, lane: str, model: Model, path: str, show: Callable[[Reading], None]) -> None:
        """Ask for what the model makes of a picture file. A newer request in the lane replaces this."""

        def work() -> Iterator[Reading]:
            from pathlib import Path

            from explorer.reading import read_picture  # imports torch

            yield read_picture(model.generator, Path(path))

        self._thread.submit(lane, work, show)

    def original(self, lane: str, model: Model, path: str, show: Callable[[np.ndarray], None]) -> None:
        """Ask for a picture file as the model wants it, uint8 (h, w, c). A newer request in the lane replaces this."""

        def work() -> Iterator[np.ndarray]:
            from pathlib import Path

            yield prepare(read_image(Path(path)), model.facts.image_shape, model.generator.preparation)

        self._thread.submit(lane, work, show)

    def likelihood(self, lane: str, model: Model, scene: Scene, show: Callable[[LikelihoodReading], None]) -> None:
        """Ask how likely a model finds the picture of a scene. A newer request in the lane replaces this."""
        session, pixels = self._session, None
        shown = session.picture
        if shown is not None and not shown.is_sketch and (session.model, session.pictured) == (model, scene):
            channels, height, width = model.facts.image_shape
            is_whole = shown.pixels.shape == (height, width, channels)  # and no small one, of a grid
            pixels = shown.pixels if is_whole else None

        def work() -> Iterator[LikelihoodReading]:
            from explorer.reading import read_likelihood  # imports torch

            with contextlib.suppress(SceneError, ImageError):  # the picture cannot be made either, and says so
                yield read_likelihood(model.generator, scene, pixels)

        self._thread.submit(lane, work, show)

    def code_maps(self, lane: str, model: Model, scene: Scene, show: Callable[[CodeMaps], None]) -> None:
        """Ask for the code maps of a scene. A newer request in the lane replaces this."""

        def work() -> Iterator[CodeMaps]:
            from explorer.reading import read_codes  # imports torch

            with contextlib.suppress(SceneError, ImageError):  # as above
                yield read_codes(model.generator, scene)

        self._thread.submit(lane, work, show)

    def pictures(
        self,
        lane: str,
        wanted: list[tuple[Model, Scene]],
        show: Callable[[Tile], None],
        unmade: Callable[[int], None],
    ) -> None:
        """Ask for finished pictures of several models, at their own size; each arrives on its own, in order.

        ``unmade`` gets the place of one that cannot be made. A newer request in the lane replaces this one.
        """

        def work() -> Iterator[Tile | int | None]:
            from explorer.render import render  # imports torch

            for index, (model, scene) in enumerate(wanted):
                try:
                    for picture in render(model.generator, scene, None, "denoises" in model.facts.capabilities):
                        yield None if picture.is_sketch else Tile(index, picture)  # None: newer requests go first
                except ExplorerError:
                    yield index

        def show_made(made: Tile | int | None) -> None:
            if isinstance(made, Tile):
                show(made)
            elif made is not None:
                unmade(made)

        self._thread.submit(lane, work, show_made)

    def dissolve(self, lane: str, model: Model, path: str, fraction: float, show: Callable[[Dissolved], None]) -> None:
        """Ask for a picture file on its way to noise: ``fraction`` 0 is the picture, 1 is all noise.

        A newer request in the lane replaces this one.
        """
        steps = self._session.scene.denoising.sampling.steps

        def work() -> Iterator[Dissolved]:
            from explorer.denoising import dissolve  # imports torch

            yield dissolve(model.generator, path, fraction, steps)

        self._thread.submit(lane, work, show)

    def layer(self, layer: int, channel: int, show: Callable[[Activations], None]) -> None:
        """Ask for the features of the scene's picture after a layer, and for one channel (or -1) in more detail.

        A newer request replaces this one; whatever is asked of any other lane goes first, between two layers.
        """
        model, scene, kept = self._session.model, self._session.scene, self._kept
        if model is None:
            return

        def work() -> Iterator[Activations | None]:
            from explorer.activations import watch  # imports torch

            with contextlib.suppress(ExplorerError):  # the picture cannot be made either, and says so
                yield from watch(model.generator, scene, layer, channel, kept.get("resume"))

        def show_found(found: Activations | None) -> None:
            if found is not None:
                show(found)

        self._thread.submit("layers", work, show_found)

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

    def _show_step(self, made: _RunStep) -> None:
        if made.picture is not None:
            self._show_picture((made.picture, made.step.scene, made.asked))
        self.step_shown.emit(made.step)

    def _rest(self, scene: Scene) -> None:
        if scene == self._session.scene:
            self.rested.emit()

    def _show_grid(self, result: tuple[Picture, Scene, float, np.ndarray]) -> None:
        picture, scene, self._waiting_since, pixels = result
        self._session.show_picture(picture, scene)
        self.grid_shown.emit(pixels)
        self._rest(scene)

    def _table_rows(self, model: Model, table: Table, asked: float) -> Callable[[], Iterator[_TableRows]]:
        """The work of making a table: at once where it takes no time, otherwise row by row over the one before."""
        kept = self._sheet[1] if self._sheet is not None and self._sheet[0].has_points_of(table) else None
        is_fast = 0 < self._table_seconds < SLOW_TABLE_SECONDS

        def rows() -> Iterator[_TableRows]:
            from explorer.render import render_many  # imports torch

            scenes, width, pixels, seconds = table.sheet(), table.columns, kept, 0.0
            step = len(scenes) if is_fast else width
            own: Picture | None = None
            for start in range(0, len(scenes), step):
                pictures = list(render_many(model.generator, scenes[start : start + step], step))
                own = own or pictures[0]
                made = np.stack([each.pixels for each in pictures])
                seconds += sum(each.seconds for each in pictures)
                sheet = np.zeros((len(scenes), *made.shape[1:]), np.uint8) if pixels is None else pixels.copy()
                sheet[start : start + step] = made
                pixels = sheet
                yield _TableRows(table, own, asked, sheet, seconds if start + step >= len(scenes) else 0.0)

        return rows

    def _show_table(self, rows: _TableRows) -> None:
        self._waiting_since = rows.asked
        self._sheet = rows.table, rows.pixels
        self._session.show_picture(rows.own, rows.table.scene)
        self.table_shown.emit(rows.table, rows.pixels.reshape(-1, rows.table.columns, *rows.pixels.shape[1:]))
        if rows.seconds:
            self._table_seconds = rows.seconds
            self._rest(rows.table.scene)


@dataclass(frozen=True, slots=True, eq=False)
class _RunStep:
    """A step of a run, and the picture predicted there; None where only the step has become clearer."""

    step: StepPictures
    picture: Picture | None
    asked: float


@dataclass(frozen=True, slots=True, eq=False)
class _TableRows:
    """A mixing table as far as it is made; ``seconds`` are 0 where rows are still to come."""

    table: Table
    own: Picture
    asked: float
    pixels: np.ndarray  # uint8 (n, h, w, c)
    seconds: float


def plane(scene: Scene, across: AnyDirection, up: AnyDirection, span: float, cells: int) -> list[Scene]:
    """Scenes around ``scene`` in the plane of two directions, row by row from the top: ``cells`` by ``cells``, from
    -span to +span standard deviations, ``scene`` itself in the middle."""
    offsets = [0.0 if 2 * i == cells - 1 else span * (2 * i / (cells - 1) - 1) for i in range(cells)]
    x, y = scene.latent.amount(across), scene.latent.amount(up)
    rows = (moved(scene, up, y + offset) for offset in reversed(offsets))
    return [moved(row, across, x + offset) for row in rows for offset in offsets]
