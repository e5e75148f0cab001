"""What can be done with maps: open a dataset through a model, open a picture of it in Explore, come back to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PySide6.QtCore import QObject, Signal, SignalInstance, Slot

from explorer.animation.editing import added
from explorer.charting import Charting
from explorer.files import digest, is_checkpoint
from explorer.loading import load_model
from explorer.saved import SavedSession
from explorer.scene import ImageFile, Latent, Scene
from explorer.session import Mapped, Model, Session
from explorer.workers import Jobs, Report

if TYPE_CHECKING:
    from explorer.atlas.searching import Found
    from explorer.datasets import Dataset
    from explorer.preferences import Preferences

__all__ = ["Maps"]


class _Workers(Protocol):
    @property
    def loader(self) -> Jobs: ...
    @property
    def background(self) -> Jobs: ...


class _Around(Protocol):
    """What these verbs stand on."""

    session: Session
    preferences: Preferences
    autosave_path: Path
    loading: SignalInstance
    preferences_changed: SignalInstance

    @property
    def workers(self) -> _Workers: ...
    def open(self, path: Path) -> None: ...
    def fail(self, error: BaseException) -> None: ...


class Maps(QObject):
    """Main thread only."""

    found = Signal(object)  # Found: where a picture from outside belongs

    def __init__(self, around: _Around, charting: Charting, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._around, self._charting = around, charting
        charting.chart_changed.connect(self.note)
        charting.chosen.connect(self.note)
        around.preferences_changed.connect(self.take_preferences)
        self.take_preferences()

    def open(self, path: Path, through: Model | None = None) -> None:
        """Lay a dataset out as a map, seen through a model, the open one, or, where that cannot encode pictures,
        nothing but their pixels."""
        session = self._around.session
        model = through or session.model
        can_look = model is not None and "encodes" in model.facts.capabilities and model.facts.denoising is None
        session.set_view(replace(session.view, workspace="atlas", mode="picture"))
        self._charting.open(path, model if can_look or through is not None else None)

    def open_through(self, path: Path, checkpoint: Path) -> None:
        """Load a model that is not open, only to look at a dataset through it."""
        around = self._around
        around.loading.emit(checkpoint.name)
        work = partial(load_model, checkpoint, around.preferences.device)
        around.workers.loader.start(f"Open {checkpoint.name}", work, partial(self._take_lens, path), self._fail)

    def explore(self, row: int) -> None:
        """Open a picture of the map in Explore, encoded by the model that the map is seen through."""
        self._with_files((row,), lambda paths: self._around.open(paths[0]))

    def find(self, path: Path) -> None:
        """Select the pictures of the map that a picture file is like, and tell how odd it is."""
        chart = self._charting.chart
        if chart is None:
            return

        def work(report: Report) -> Found:
            from explorer.atlas.searching import find_picture  # imports torch

            return find_picture(chart, path)

        def take(found: Found) -> None:
            now = self._charting.chart
            if now is None or now.survey is not chart.survey:
                return
            mask = np.zeros(len(chart.survey), np.bool_)
            mask[found.rows] = True
            self._charting.select(mask, label=f"Select what {found.name} is like")
            self.found.emit(found)

        self._around.workers.background.start(f"Find {path.name}", work, take)

    def film_to_normal(self, row: int, normal: int) -> None:
        """Add two keyframes to the film, a picture of the map and one that is normal, and show it in Explore."""
        self._with_files((row, normal), self._film)

    def reopen(self, saved: SavedSession) -> None:
        """Show the map that a session ended with, if it did and the pictures are still there."""
        path, lens, model = Path(saved.dataset), Path(saved.lens), self._around.session.model
        if saved.view.workspace != "atlas" or not saved.dataset or not path.exists():
            return
        self._charting.expect(saved.pictured, saved.choices)
        if not saved.lens:
            self._charting.open(path, None)
        elif model is not None and (model.path == lens or not is_checkpoint(lens)):
            self.open(path)
        else:
            self.open_through(path, lens)

    @Slot()
    def take_preferences(self) -> None:
        self._charting.quota = self._around.preferences.atlas_gigabytes << 30

    @Slot()
    def note(self) -> None:
        """Let the session know what is mapped, so that it is saved."""
        chart, model, session = self._charting.chart, self._charting.model, self._around.session
        session.mapped = Mapped()
        if chart is not None:
            lens = str(model.path) if model is not None else ""
            mark = chart.survey.dataset.fingerprint
            session.mapped = Mapped(str(chart.path.absolute()), lens, mark, self._charting.choices)

    def _with_files(self, rows: tuple[int, ...], then: Callable[[tuple[Path, ...]], None]) -> None:
        """Go to Explore with the model of the map and the files of some of its pictures."""
        chart, model, around = self._charting.chart, self._charting.model, self._around
        if chart is None or model is None:
            return
        dataset, indices = chart.survey.dataset, [int(chart.survey.indices[row]) for row in rows]
        folder = around.autosave_path.parent / "pictures"

        def work(report: Report) -> tuple[Path, ...]:
            return tuple(_file_of(dataset, index, folder) for index in indices)

        def take(paths: tuple[Path, ...]) -> None:
            session = around.session
            if session.model is None or session.model.digest != model.digest:
                session.open_model(model)
            session.set_view(replace(session.view, workspace="explore"))
            then(paths)

        around.workers.background.start("Read pictures", work, take)

    def _film(self, paths: tuple[Path, ...]) -> None:
        def work(report: Report) -> tuple[Scene, ...]:
            return tuple(Scene(Latent(((ImageFile(str(path.absolute()), digest(path)), 1.0),))) for path in paths)

        def take(scenes: tuple[Scene, ...]) -> None:
            session = self._around.session
            session.change_film(added(session.film, scenes), "Add a way to a normal picture")
            session.change(scenes[0], "Film to a normal picture")

        self._around.workers.background.start("Read pictures", work, take)

    def _fail(self, error: BaseException) -> None:
        self._around.loading.emit("")
        self._around.fail(error)

    def _take_lens(self, path: Path, model: Model) -> None:
        self._around.loading.emit("")
        self.open(path, model)


def _file_of(dataset: Dataset, index: int, folder: Path) -> Path:
    """The file of a picture, written where it has none. On a worker thread; raises ExportError or ImageError."""
    path = dataset.path(index)
    if path is not None:
        return path
    written = folder / f"{dataset.fingerprint[:12]}-{index}.png"
    if not written.exists():
        from explorer.imaging import write_png

        pixels = np.asarray(dataset.picture(index))
        write_png(written, pixels[..., None] if pixels.ndim == 2 else pixels)
    return written
