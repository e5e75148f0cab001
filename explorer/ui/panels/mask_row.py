"""The mask of a starting picture: what of it is made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from explorer.scene import ImageFile
from explorer.ui.controls import IconButton
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk
from explorer.ui.panels.start_files import ask_picture, change_start, inverted, keep_picture, kept_folder
from explorer.ui.picture_well import PictureWell
from explorer.ui.slider_parts import LABEL_WIDTH

__all__ = ["MaskRow"]

SIDE: Final = 32  # pixels of the picture


class MaskRow(QWidget):
    """Takes a mask from a file, exchanges its black and white, and lets it go."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.well = PictureWell(
            "Mask", SIDE, "+", "What is white is made anew, what is black is kept. Drop or choose a file.", self
        )
        self._told = ElidedLabel(self)
        self._invert = QPushButton("Invert", self)
        self._invert.setToolTip("Keep what is made anew now, and make anew what is kept.")
        self._clear = IconButton("close", "Make all of the picture anew, without a mask.", self)
        name = QLabel("Mask", self)
        name.setBuddy(self.well)
        name.setFixedWidth(LABEL_WIDTH)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(name)
        row.addWidget(self.well)
        row.addWidget(self._told, 1)
        row.addWidget(self._invert)
        row.addWidget(self._clear)
        self.well.asked.connect(self.ask)
        self.well.dropped.connect(self.choose)
        self.well.clearAsked.connect(self.clear)
        self._invert.clicked.connect(self.invert)
        self._clear.clicked.connect(self.clear)

    def show_mask(self, has_mask: bool, pixels: np.ndarray | None) -> None:
        """Show whether there is a mask, and its picture (h, w, c) once there is one."""
        self.well.setPicture(pixels)
        self._invert.setVisible(has_mask)
        self._clear.setVisible(has_mask)
        self._told.show_words("" if has_mask else "none: all is made anew")

    # --- changing ---

    @Slot()
    def ask(self) -> None:
        ask_picture(self._desk, self, "Choose a mask", self.choose)

    @Slot(object)
    def choose(self, path: Path) -> None:
        """Make anew only what is white in a file."""
        keep_picture(self._desk, path, self._take)

    @Slot()
    def invert(self) -> None:
        """Exchange what is kept and what is made anew."""
        actions, mask = self._desk.actions, self._desk.session.scene.denoising.start.mask
        folder = kept_folder(self._desk)
        if mask is not None:
            actions.workers.background.start("Invert the mask", lambda report: inverted(mask, folder), self._take)

    @Slot()
    def clear(self) -> None:
        change_start(self._desk, replace(self._desk.session.scene.denoising.start, mask=None), "No mask")

    def _take(self, file: ImageFile) -> None:
        start = self._desk.session.scene.denoising.start
        if start.picture is not None:
            change_start(self._desk, replace(start, mask=file), "Mask")
