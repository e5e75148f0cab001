"""Real pictures for models without an encoder: where to search their styles, and what the search has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from explorer.scene import StoredPoint
from explorer.ui.dialogs import ask_open
from explorer.ui.images import thumbnail
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.posterior import PICTURES

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["InversionPanel"]

SPACES: Final = (("w", "W (stays editable)"), ("w+", "W+ (closer)"))
SIDE: Final = 72  # of the original, in pixels
MOST_STEPS: Final = 10_000


class InversionPanel(Panel):
    """Starts a search, and shows the original of a found point with its distance from the picture on screen."""

    title = "Real picture"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._find = QPushButton("Find a picture…", self)
        self._find.setToolTip("Search the point of a real picture; dropping one on the window does the same.")
        self._space = QComboBox(self)
        self._space.setAccessibleName("Space to search in")
        for name, words in SPACES:
            self._space.addItem(words, name)
        self._space.setToolTip("W has one style for all layers, W+ one for each: closer, but edits work less well.")
        self._steps = QSpinBox(self)
        self._steps.setRange(2, MOST_STEPS)
        self._steps.setSingleStep(50)
        self._steps.setSuffix(" steps")
        self._steps.setAccessibleName("Steps")
        self._steps.setToolTip("More steps come closer and take longer.")
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Search in", self._space)
        form.addRow("For", self._steps)
        self._original = QLabel(self)
        self._original.setFixedSize(SIDE, SIDE)
        self._original.setAccessibleName("Original")
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setProperty("dim", True)
        self._found_box = QWidget(self)
        found = QHBoxLayout(self._found_box)
        found.setContentsMargins(0, 0, 0, 0)
        found.addWidget(self._original)
        found.addWidget(self._words, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._find)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(form)
        column.addWidget(self._found_box)
        column.addLayout(row)
        self._path = ""  # of the original shown or on its way
        self._pixels: np.ndarray | None = None  # the original as the model wants it
        self._find.clicked.connect(self.ask_picture)
        self._space.activated.connect(self.choose)
        self._steps.valueChanged.connect(self.choose)
        desk.actions.preferences_changed.connect(self.show_choice)
        desk.actions.finder.progressed.connect(self.state_changed)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        desk.live.rested.connect(self.show_difference)
        self.show_choice()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "styles" in facts.capabilities and "encodes" not in facts.capabilities

    # --- showing ---

    @Slot()
    def show_choice(self) -> None:
        """Show where a search goes, and how long."""
        preferences = self.desk.actions.preferences
        for widget in (self._space, self._steps):
            widget.blockSignals(True)
        self._space.setCurrentIndex(max(self._space.findData(preferences.find_space), 0))
        self._steps.setValue(preferences.find_steps)
        for widget in (self._space, self._steps):
            widget.blockSignals(False)

    @Slot()
    def show_model(self) -> None:
        """Forget the original, which was prepared for the model before."""
        self._path, self._pixels = "", None
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Fetch the picture that the point was found for, where it was."""
        model, source = self.desk.session.model, self.desk.session.scene.latent.sources[0][0]
        path = source.picture if isinstance(source, StoredPoint) else ""
        if model is None or not self.fits(model.facts) or path == self._path:
            self._found_box.setVisible(bool(self._path))
            return
        self._path, self._pixels = path, None
        self._original.clear()
        self._words.clear()
        self._found_box.setVisible(bool(path))
        if path:
            self.desk.live.original("reading", model, path, self.show_original)

    def show_original(self, pixels: np.ndarray) -> None:
        """Show the original beside its distance."""
        if self._path:
            self._pixels = pixels
            self._original.setPixmap(QPixmap.fromImage(thumbnail(pixels, SIDE, self.devicePixelRatioF())))
            self._original.setToolTip(self._path)
            self.show_difference()

    @Slot()
    def show_difference(self) -> None:
        """Say how far the picture on screen is from the original."""
        picture, original = self.desk.session.picture, self._pixels
        if picture is None or original is None or picture.pixels.shape != original.shape:
            return
        difference = (picture.pixels.astype(np.float32) - original) / 255.0
        error = float(np.sqrt(np.mean(difference * difference)))
        decibels = -20.0 * np.log10(max(error, 1e-5))
        self._words.setText(f"{Path(self._path).name}\nnow {100 * error:.1f} % RMS, {decibels:.1f} dB away")

    # --- changing ---

    @Slot()
    def choose(self) -> None:
        """Take where the next search goes."""
        actions = self.desk.actions
        space, steps = str(self._space.currentData()), self._steps.value()
        actions.set_preferences(replace(actions.preferences, find_space=space, find_steps=steps))

    @Slot()
    def ask_picture(self) -> None:
        folder = self.desk.actions.preferences.last_folder
        ask_open(self.window(), "Find a picture", folder, PICTURES, self.desk.actions.open)
