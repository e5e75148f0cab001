"""What of a run can be written to a file, and asking where to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMenu, QWidget

from explorer.actions import Message
from explorer.export_run import beside, write_run, write_step, write_strip
from explorer.playback import STEPS_PER_SECOND, Playback
from explorer.preloading import preload
from explorer.recipe import Recipe
from explorer.runs import seen
from explorer.ui.denoise.frames import views_of
from explorer.ui.dialogs import ask_save
from explorer.ui.panel import Desk
from explorer.workers import Report

__all__ = ["RunExport"]

FILMS: Final = "MP4 film (*.mp4);;GIF (*.gif);;WebP (*.webp);;Animated PNG (*.png)"
PNG: Final = "PNG (*.png)"
FOLDER: Final = "Folder of pictures (*)"


class RunExport(QObject):
    """Writes the steps of the run in the view that is shown, as they are, with the recipe of the scene inside."""

    def __init__(self, desk: Desk, playback: Playback, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._playback, self._window = desk, playback, parent
        self._waiting: Callable[[], None] | None = None
        playback.step_taken.connect(self._write_waiting)
        desk.session.model_changed.connect(self._forget_waiting)
        self.menu = QMenu(parent)
        self.menu.addAction("Film of the run…", self.ask_film)
        self.menu.addAction("Numbered pictures…", self.ask_pictures)
        self.menu.addAction("Filmstrip…", self.ask_strip)
        self.menu.addAction("Picture at the playhead…", self.ask_step)

    # --- asking ---

    @Slot()
    def ask_film(self) -> None:
        self._ask("Export the run as a film", "run.mp4", FILMS, self.export_film)

    @Slot()
    def ask_pictures(self) -> None:
        self._ask("Export the steps into a folder", "steps", FOLDER, self.export_film)

    @Slot()
    def ask_strip(self) -> None:
        self._ask("Export the filmstrip", "steps.png", PNG, self.export_strip)

    @Slot()
    def ask_step(self) -> None:
        self._ask("Export the picture at the playhead", f"step-{self._playback.shown() + 1}.png", PNG, self.export_step)

    # --- writing ---

    def export_film(self, path: Path) -> None:
        """Write the steps, between the marks where there are some, as a film at the speed they are played."""
        self._when_clear(partial(self._write_film, path))

    def export_strip(self, path: Path) -> None:
        """Write all steps side by side as one picture."""
        self._when_clear(partial(self._write_strip, path))

    def export_step(self, path: Path) -> None:
        """Write the picture at the playhead."""
        self._when_clear(partial(self._write_step, path, self._playback.shown()))

    # --- private ---

    def _write_film(self, path: Path) -> None:
        low, high = self._playback.span()
        frames, recipe = self._frames(range(low, high + 1)), self._recipe()
        rate = min(max(round(STEPS_PER_SECOND * self._playback.speed), 1), 60)
        size = self._desk.session.output.size

        def work(report: Report) -> Path:
            preload("av", "_core*.so")
            write_run(path, frames, rate, recipe, size, report)
            return path

        self._start(path, work)

    def _write_strip(self, path: Path) -> None:
        frames, recipe = self._frames(range(self._playback.run.total)), self._recipe()

        def work(report: Report) -> Path:
            write_strip(path, frames, recipe)
            return path

        self._start(path, work)

    def _write_step(self, path: Path, index: int) -> None:
        frames, recipe = self._frames(range(index, index + 1)), self._recipe()

        def work(report: Report) -> Path:
            write_step(path, frames[0], recipe)
            return path

        if frames:
            self._start(path, work)

    def _when_clear(self, write: Callable[[], None]) -> None:
        """Write as soon as all pictures are the real ones, which takes a moment where they are previews at first."""
        self._waiting = write
        if self._is_clear():
            self._write_waiting()
        else:
            self._desk.actions.told.emit(Message("The run is written as soon as its steps are ready.", is_error=False))

    def _is_clear(self) -> bool:
        run = self._playback.run
        return run.is_complete() and all(step is not None and step.is_decoded for step in run.steps)

    @Slot()
    def _write_waiting(self) -> None:
        if self._waiting is not None and self._is_clear():
            write, self._waiting = self._waiting, None
            write()

    @Slot()
    def _forget_waiting(self) -> None:
        self._waiting = None

    def _frames(self, steps: range) -> list[npt.NDArray[np.uint8]]:
        run, view = self._playback.run, self._desk.session.view.step_view
        found = []
        for index in steps:
            shown = [pixels for each in views_of(view) if (pixels := seen(run, index, each)) is not None]
            if len(shown) == len(views_of(view)):
                found.append(shown[0] if len(shown) == 1 else beside(*shown))
        return found

    def _recipe(self) -> dict[str, object]:
        model, scene = self._desk.session.model, self._playback.run.scene or self._desk.session.scene
        assert model is not None, "there should be a model where there is a run"
        return Recipe(str(model.path), model.digest, model.facts.name, scene).to_json()

    def _start(self, path: Path, work: Callable[[Report], Path]) -> None:
        self._desk.actions.workers.jobs.start(f"Export {path.name}", work, self._tell)

    def _tell(self, path: Path) -> None:
        actions = self._desk.actions
        actions.told.emit(Message(f"{path.name} is written.", str(path.parent), is_error=False))
        actions.exported.emit(path)

    def _ask(self, title: str, name: str, filters: str, then: Callable[[Path], None]) -> None:
        model = self._desk.session.model
        if model is None or not self._playback.run.total:
            self._desk.actions.told.emit(Message("There is no run to export yet.", "Wait for its first step."))
            return
        folder = Path(self._desk.actions.preferences.last_folder or Path.home())
        ask_save(self._window, title, folder / f"{model.facts.name}-{name}", filters, then)
