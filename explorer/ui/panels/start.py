"""A real picture that a run starts from: how far it goes to noise first, what of it is kept, and how it dissolves."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QPixmap, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.kept_files import given_name
from explorer.scene import ImageFile, Start
from explorer.ui.controls import SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.images import thumbnail
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.mask_row import MaskRow
from explorer.ui.panels.start_files import ask_picture, change_start, keep_picture
from explorer.ui.picture_well import PictureWell
from explorer.ui.runs import denoising, skipped, steps_of

if TYPE_CHECKING:
    from explorer.denoising import Dissolved
    from explorer.facts import ModelFacts

__all__ = ["StartPanel"]

SIDE: Final = 88  # pixels of the pictures
USUAL_STRENGTH: Final = 0.6  # of a picture that was just chosen: half of it stays to be seen
LANE: Final = "start"
DROP = "Drop a picture here, or click to choose one"


class StartPanel(Panel):
    """Choose a picture, a strength and a mask; watch the forward process; find the noise of the picture."""

    title = "Starting picture"
    starts_folded = True

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        tip = "The picture that the run starts from. Drop a file, or click to choose one; Delete takes it away."
        self._well = PictureWell("Starting picture", SIDE, DROP, tip, self)
        self._noised = QLabel(self)
        self._noised.setFixedSize(SIDE, SIDE)
        self._noised.setAccessibleName("Dissolved picture")
        self._noised.setToolTip("The picture as far on its way to noise as the slider Dissolve says.")
        self._told = QWidget(self)
        self._lines = tuple(ElidedLabel(self._told) for _ in range(4))
        self._strength = SliderRow(
            "Strength",
            0.0,
            1.0,
            1.0,
            tooltip="How much of its way to noise the picture goes before the run begins: 0 keeps it, 1 leaves "
            "nothing of it.",
        )
        self._dissolve = SliderRow(
            "Dissolve",
            0.0,
            1.0,
            0.0,
            tooltip="Look at the picture on its way to noise, as in training; this changes nothing of the scene.",
        )
        self._mask = MaskRow(desk, self)
        self._find = QPushButton("Find its noise", self)
        self._find.setToolTip("Search the starting noise that the model makes this picture of (DDIM inversion).")
        self._clear = QPushButton("Clear", self)
        self._clear.setToolTip("Start from pure noise again.")
        self._shown: Start = Start()
        self._pictures: dict[str, np.ndarray | None] = {}  # by path; None: asked for
        self._seen = 0.0  # the fraction of the dissolved picture that was asked for last
        self._ratio = ""  # of signal to noise in it, in words
        self._lay_out()
        self._connect()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return facts.denoising is not None and facts.denoising.can_encode

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Forget the pictures, which were prepared for the model before."""
        self._pictures, self._shown = {}, Start()
        self._noised.clear()
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show the picture and the mask of the scene."""
        session = self.desk.session
        if session.model is None or not self.fits(session.model.facts):
            return
        start, before = session.scene.denoising.start, self._shown
        self._shown = start
        has_picture = start.picture is not None
        self._strength.setValue(start.strength)
        if start.picture != before.picture:
            self._noised.clear()
            self._dissolve.setValue(start.strength if has_picture else 0.0)
            self._seen, self._ratio = -1.0, ""
        for each in (self._strength, self._dissolve, self._mask, self._buttons, self._noised, self._told):
            each.setVisible(has_picture)
        self._well.setWide(not has_picture)
        self._well.setPicture(self._known(start.picture))
        self._mask.show_mask(start.mask is not None, self._known(start.mask))
        self._tell(None)
        self.ask_next()

    @Slot()
    def ask_next(self) -> None:
        """Ask for one picture that is missing: they share a lane, where a newer request replaces an older one."""
        model, start = self.desk.session.model, self.desk.session.scene.denoising.start
        if model is None or start.picture is None or not self.isVisible():
            return
        for file in (start.picture, start.mask):
            if file is not None and file.path not in self._pictures:
                self._pictures[file.path] = None
                self.desk.live.original(LANE, model, file.path, partial(self._take_picture, file.path))
                return
        fraction, path = self._dissolve.value(), start.picture.path
        if fraction != self._seen:
            self._seen = fraction
            self.desk.live.dissolve(LANE, model, path, fraction, partial(self._take_dissolved, path))

    # --- changing ---

    @Slot()
    def ask_picture(self) -> None:
        ask_picture(self.desk, self, "Start from a picture", self.choose)

    @Slot(object)
    def choose(self, path: Path) -> None:
        """Start from a picture file."""

        def take(file: ImageFile) -> None:
            start = self._start()
            strength = start.strength if start.picture is not None and start.strength < 1 else USUAL_STRENGTH
            changed = replace(start, picture=file, strength=strength)
            change_start(self.desk, changed, f"Start from {given_name(path)}")

        keep_picture(self.desk, path, take)

    @Slot()
    def clear(self) -> None:
        """Start from noise."""
        change_start(self.desk, Start(), "Start from noise")

    @Slot(float)
    def strengthen(self, strength: float) -> None:
        """Let the picture go so far to noise, and show how it looks there."""
        self._dissolve.setValue(strength)
        change_start(self.desk, replace(self._start(), strength=strength))
        self.ask_next()

    @Slot()
    def settle_strength(self) -> None:
        self.desk.session.settle("Strength")

    @Slot()
    def find_noise(self) -> None:
        """Have the starting noise of the picture found."""
        picture = self._start().picture
        if picture is not None:
            self.desk.actions.invert_picture(Path(picture.path))

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.ask_next()

    def _start(self) -> Start:
        return self.desk.session.scene.denoising.start

    # --- pictures ---

    def _known(self, file: ImageFile | None) -> np.ndarray | None:
        return self._pictures.get(file.path) if file is not None else None

    def _take_picture(self, path: str, pixels: np.ndarray) -> None:
        self._pictures[path] = pixels
        self.show_scene()

    def _take_dissolved(self, path: str, dissolved: Dissolved) -> None:
        picture = self._start().picture
        if picture is not None and picture.path == path:
            image = thumbnail(dissolved.pixels, SIDE, self.devicePixelRatioF())
            self._noised.setPixmap(QPixmap.fromImage(image))
            self._tell(dissolved)
            self.ask_next()

    def _tell(self, dissolved: Dissolved | None) -> None:
        """Say where the run begins, and what is known of the dissolved picture."""
        session, facts = self.desk.session, denoising(self.desk.session)
        start = session.scene.denoising.start
        if start.picture is None or facts is None:
            self.state_changed.emit("none: from noise")
            return
        steps, first = steps_of(session), skipped(session)
        self.state_changed.emit(f"strength {start.strength:.2f}" + (" · mask" if start.mask is not None else ""))
        lines = (given_name(start.picture.path), f"enters at step {first + 1}", f"{steps - first} of {steps} steps run")
        if dissolved is not None:
            self._ratio = ratio_words(dissolved.decibels)
        for label, words in zip(self._lines, (*lines, self._ratio), strict=True):
            label.show_words(words)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for each in (self._well, self._noised):
            top.addWidget(each)
        told = QVBoxLayout(self._told)
        told.setContentsMargins(0, 0, 0, 0)
        told.setSpacing(2)
        for label in self._lines:
            told.addWidget(label)
        told.addStretch(1)
        top.addWidget(self._told, 1)
        self._buttons = QWidget(self)
        buttons = QHBoxLayout(self._buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self._clear)
        buttons.addWidget(self._find)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        for row in (self._strength, self._dissolve, self._mask, self._buttons):
            column.addWidget(row)

    def _connect(self) -> None:
        self._well.asked.connect(self.ask_picture)
        self._well.dropped.connect(self.choose)
        self._well.clearAsked.connect(self.clear)
        self._strength.valueChanged.connect(self.strengthen)
        self._strength.settled.connect(self.settle_strength)
        self._dissolve.valueChanged.connect(self.ask_next)
        self._find.clicked.connect(self.find_noise)
        self._clear.clicked.connect(self.clear)
        self.desk.session.model_changed.connect(self.show_model)
        self.desk.session.scene_seen.connect(self.show_scene)


def ratio_words(decibels: float) -> str:
    """A ratio of signal to noise in words."""
    if math.isinf(decibels):
        return "no noise" if decibels > 0 else "nothing but noise"
    return f"SNR {decibels:+.1f} dB".replace("-", "\N{MINUS SIGN}")
