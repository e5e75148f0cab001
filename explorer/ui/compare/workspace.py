"""The Compare workspace: a tile for every model, two of them against each other, and the table of what was measured."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from explorer.actions import MOST_COMPARED, Message, bundled_checkpoints
from explorer.comparing import Comparing
from explorer.loading import PICTURE_SUFFIXES
from explorer.measuring import Measuring
from explorer.ui.compare.add_tile import AddTile
from explorer.ui.compare.arrangement import Arrangement
from explorer.ui.compare.keys import bind_keys
from explorer.ui.compare.measure_box import MeasureBox
from explorer.ui.compare.measure_desk import MeasureDesk
from explorer.ui.compare.model_tile import ModelTile
from explorer.ui.compare.note_label import NoteLabel
from explorer.ui.compare.pair_bar import PairBar
from explorer.ui.compare.pair_canvas import PairCanvas
from explorer.ui.compare.pairing import ORIGINAL, Pairing
from explorer.ui.compare.pictures import Pictures
from explorer.ui.compare.tile_grid import TileGrid
from explorer.ui.compare.tiling import Tiling
from explorer.ui.compare.words import BY, MODES, NO_MODEL, note_words
from explorer.ui.dialogs import ask_open
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk
from explorer.ui.segments import Segments
from explorer.workers import JobState

__all__ = ["Compare"]

MODELS: Final = "Models (*.safetensors *.pkl *.pt *.pth *.ckpt *.json);;All files (*)"
PICTURES: Final = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff);;All files (*)"
EXAMPLE: Final = "fashion-"  # what names of the bundled models that learned the same pictures begin with
SIDE_BY_SIDE: Final = "side"


class Compare(QFrame):
    """Reads the session, asks its parts; knows no network. What it compares are the models of ``comparing``."""

    pixel_hovered = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.setAcceptDrops(True)
        self._desk = desk
        workers, folder = desk.actions.workers, desk.actions.autosave_path.parent / "pictures"
        self.comparing = Comparing(desk.session, workers.background, folder, self)
        self.measuring = Measuring(workers.jobs, desk.actions.fail, self)
        self.measures = MeasureBox(self.measuring, self)
        self.measure_desk = MeasureDesk(desk, self.comparing, self.measuring, self.measures)
        self.pictures = Pictures(desk, self.comparing, self)
        self._is_fresh = False  # the picture of the played model is new and not painted yet
        self._make_parts()
        self.tiling = Tiling(desk, self.comparing, self.pictures, self.grid, self.add_tile)
        self.pairing = Pairing(desk, self.comparing, self.pictures, self.canvas, self.pair_bar)
        self._arrangement = Arrangement(self)
        self.actions_by_name = bind_keys(self)
        self._connect()
        self.show_models()
        self.show_view()

    # --- showing ---

    @Slot()
    def show_models(self) -> None:
        """Show which models there are."""
        models = self.comparing.models()
        self.tiling.show_models()
        self.measures.set_models(models)
        self.empty.setVisible(not models)
        self.body.setVisible(bool(models))
        missing = self._example()
        self.example.setVisible(bool(missing) and len(models) < MOST_COMPARED)
        self._arrangement.place()
        self.show_pictures()

    @Slot()
    def show_pictures(self) -> None:
        """Show what has arrived."""
        if self.isHidden():
            return
        model, view = self._desk.session.model, self._desk.session.view
        if model is not None:
            has_picture, problem = self.comparing.image is not None, self.comparing.image_problem
            notes = note_words(view.compared_by, self._desk.session.scene, has_picture, model.facts.name)
            has_problem = bool(problem) and view.compared_by == "picture"
            self.note.show_words(*((problem, problem) if has_problem else notes))
        if view.compared_mode == SIDE_BY_SIDE:
            self.tiling.show_pictures(self.pairing.second())
        else:
            self.pairing.show_pictures()

    @Slot()
    def show_view(self) -> None:
        """Show the way of comparing that the view asks for."""
        view = self._desk.session.view
        self.by.setValue(view.compared_by)
        self.modes.setValue(view.compared_mode)
        self.smooth.setChecked(view.smooth)
        self.canvas.set_smooth(view.smooth)
        self.tiling.set_smooth(view.smooth)
        is_side = view.compared_mode == SIDE_BY_SIDE
        self.stack.setCurrentWidget(self.grid if is_side else self.pair)
        self.fit.setVisible(not is_side)
        self.picture_file.setVisible(view.compared_by == "picture")
        self.picture_sample.setVisible(view.compared_by == "picture")
        if not is_side:
            self.canvas.set_mode(view.compared_mode)
            self.pair_bar.set_mode(view.compared_mode)
        self.tiling.show_models()
        self.show_pictures()

    @Slot(object)
    def show_opening(self, states: tuple[JobState, ...]) -> None:
        """Say in the empty place what is being opened."""
        names = [state.title.removeprefix("Open ") for state in states if state.title.startswith("Open ")]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        self.add_tile.show_opening(f"Opening {Path(names[0]).stem}{more}…" if names else "")

    # --- choosing ---

    def choose_mode(self, mode: object) -> None:
        """Show the models side by side, or two of them as a wipe, in turn, or as their difference."""
        self._set_view(compared_mode=str(mode))

    def choose_by(self, by: object) -> None:
        """Have one scene, or one picture; the first time, one of the sample dataset."""
        self._set_view(compared_by=str(by))
        if by == "picture" and self.comparing.image is None and not self.comparing.image_problem:
            self.comparing.choose_sample(0)

    @Slot()
    def next_mode(self) -> None:
        keys = [key for key, *_ in MODES]
        self.choose_mode(keys[(keys.index(self._desk.session.view.compared_mode) + 1) % len(keys)])

    @Slot()
    def next_by(self) -> None:
        self.choose_by("scene" if self._desk.session.view.compared_by == "picture" else "picture")

    @Slot()
    def toggle_smooth(self) -> None:
        view = self._desk.session.view
        self._desk.session.set_view(replace(view, smooth=not view.smooth))

    @Slot(str)
    def play(self, key: str) -> None:
        """Make a model the one that is played; the tile of the picture asks for another picture."""
        model = self.comparing.find(key)
        if key == ORIGINAL:
            self.ask_picture()
        elif model is not None:
            self._desk.actions.motion.stop()
            self.comparing.play(model)

    @Slot(str)
    def close_model(self, key: str) -> None:
        """Let go of a model."""
        model = self.comparing.find(key)
        if model is not None:
            self._desk.actions.motion.stop()
            self.comparing.close(model)

    @Slot()
    def choose_other(self) -> None:
        """Make the model of the tile at hand B, or the next one."""
        tile = self.focusWidget()
        if isinstance(tile, ModelTile) and tile.hasFocus():
            self.pairing.choose_second(tile.key)
        else:
            self.pairing.next_second()

    # --- models and pictures from files ---

    @Slot(object)
    def toggle_model(self, path: Path) -> None:
        """Open a checkpoint beside the others, or close the one that is open."""
        opened = next((each for each in self.comparing.models() if each.path == path.absolute()), None)
        if opened is not None:
            self.close_model(opened.digest)
        elif self._desk.session.model is None:
            self._desk.actions.open(path)
        else:
            self._desk.actions.open_compared(path)

    @Slot()
    def ask_model(self) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_open(self, "Open a model to compare with", folder, MODELS, self.toggle_model)

    @Slot()
    def open_example(self) -> None:
        """Open the bundled models that learned the same pictures, as many as there is room for."""
        actions, missing = self._desk.actions, self._example()
        room = MOST_COMPARED - len(self.comparing.models())
        for path in missing[:room]:
            actions.open_compared(path)
        if len(missing) > room:
            left = ", ".join(path.stem for path in missing[room:])
            text = f"No more than {MOST_COMPARED} models are compared; left out: {left}."
            actions.told.emit(Message(text, "Close one of them to add another.", is_error=False))

    @Slot()
    def ask_picture(self) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_open(self, "Choose a picture for all models", folder, PICTURES, self.comparing.choose_picture)

    @Slot()
    def choose_sample(self) -> None:
        """Take another picture of the sample dataset."""
        self.comparing.choose_sample(random.randrange(10_000))

    def take_file(self, path: Path) -> None:
        """A file was dropped: a picture is given to all models, anything else is opened beside them."""
        if path.suffix.lower() in PICTURE_SUFFIXES:
            self._set_view(compared_by="picture")
            self.comparing.choose_picture(path)
        elif path.suffix.lower() == ".json" and path.is_file():
            self._desk.actions.open(path)
        else:
            self.toggle_model(path)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(760, 620)

    def minimumSizeHint(self) -> QSize:
        return QSize(340, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrangement.place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.pictures.set_seen(True)
        self.show_models()
        by = self._desk.session.view.compared_by
        if by == "picture" and self.comparing.image is None and not self.comparing.image_problem:
            self.comparing.choose_sample(0)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.pictures.set_seen(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_H and not event.modifiers():
            self.canvas.hold_other(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.canvas.hold_other(False)
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.canvas.hold_other(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.take_file(paths[0])

    # --- private ---

    def _set_view(self, **changed: str) -> None:
        self._desk.session.set_view(replace(self._desk.session.view, **changed))  # type: ignore[arg-type]

    def _example(self) -> list[Path]:
        """The bundled models of the example that are not open."""
        opened = {each.path for each in self.comparing.models()}
        found = [path for path in bundled_checkpoints() if path.stem.startswith(EXAMPLE)]
        return [path for path in found if path.absolute() not in opened]

    @Slot()
    def _show_choices(self) -> None:
        models, played, bundled = self.comparing.models(), self._desk.session.model, bundled_checkpoints()
        known = [path for path in self._desk.actions.known_checkpoints() if path not in bundled]
        fixed = played.path if played is not None and len(models) < 2 else None
        self.add_tile.set_choices(bundled, known, [each.path for each in models], fixed)

    @Slot(object)
    def _note_shown(self, picture: object) -> None:
        self._is_fresh = self.isVisible() and self._desk.session.view.compared_by == "scene"

    @Slot()
    def _note_painted(self) -> None:
        """The picture of the played model is on screen: the end of the way from input to pixels."""
        if self._is_fresh:
            self._is_fresh = False
            self._desk.live.note_painted()

    def _make_parts(self) -> None:
        self.body = QWidget(self)  # takes the focus, without a border around all of it
        self.body.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.body.setAccessibleName("Models compared")
        self.empty = QLabel(NO_MODEL, self)
        self.empty.setProperty("dim", True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.by = Segments("Compared by", [(key, words, tip) for key, words, _, tip in BY], self.body)
        self.modes = Segments("Way of comparing", [(key, words, tip) for key, words, _, tip in MODES], self.body)
        self.smooth = IconButton("smooth", "Smooth or sharp pixels (S).", self.body)
        self.smooth.setCheckable(True)
        self.fit = IconButton("fit", "Fit the pictures into the window (0); 1 shows their true size.", self.body)
        self.note = NoteLabel(self.body)
        self.note.setAccessibleName("What is compared")
        self.example = QPushButton("Open the Fashion-MNIST models", self.body)
        self.example.setToolTip("Open the bundled models that all learned Fashion-MNIST beside this one.")
        self.picture_file = QPushButton("Picture…", self.body)
        self.picture_file.setToolTip("Choose a picture that all models are given. Dropping one here does the same.")
        self.picture_sample = IconButton("dice", "Another picture of the sample dataset.", self.body, "text")
        self.picture_sample.setProperty("flat", False)
        self.grid = TileGrid(self.body)
        self.add_tile = AddTile(self.grid.floor)
        self.pair = QWidget(self.body)
        self.canvas, self.pair_bar = PairCanvas(self.pair), PairBar(self.pair)
        column = QVBoxLayout(self.pair)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.pair_bar)
        self.stack = QStackedWidget(self.body)
        self.stack.addWidget(self.grid)
        self.stack.addWidget(self.pair)

    def _connect(self) -> None:
        session, actions = self._desk.session, self._desk.actions
        session.view_changed.connect(self.show_view)
        session.scene_seen.connect(self.show_pictures)
        self.comparing.changed.connect(self.show_models)
        self.comparing.changed.connect(self._show_choices)
        actions.preferences_changed.connect(self._show_choices)
        self.comparing.picture_changed.connect(self.show_pictures)
        self.pictures.changed.connect(self.show_pictures)
        actions.workers.loader.changed.connect(self.show_opening)
        self.by.chosen.connect(self.choose_by)
        self.modes.chosen.connect(self.choose_mode)
        self.smooth.clicked.connect(self.toggle_smooth)
        self.fit.clicked.connect(self.canvas.fit)
        self.example.clicked.connect(self.open_example)
        self.picture_file.clicked.connect(self.ask_picture)
        self.picture_sample.clicked.connect(self.choose_sample)
        self.add_tile.chosen.connect(self.toggle_model)
        self.add_tile.file_asked.connect(self.ask_model)
        self.tiling.played.connect(self.play)
        self.tiling.othered.connect(self.pairing.choose_second)
        self.tiling.closed.connect(self.close_model)
        self.tiling.painted.connect(self._note_painted)
        self.pairing.played.connect(self.play)
        self.pairing.changed.connect(self.show_pictures)
        self.canvas.painted.connect(self._note_painted)
        session.picture_shown.connect(self._note_shown)
        self.canvas.pixel_hovered.connect(self.pixel_hovered)
        self.pair_bar.rate_changed.connect(self.canvas.set_rate)
        self._show_choices()
