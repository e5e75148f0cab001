"""Samples of a model that are like no picture of a dataset, on a sheet."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from explorer.ui.atlas.picture_wall import PictureWall

__all__ = ["SampleSheet"]

SIZE: Final = (560, 420)


class SampleSheet(QDialog):
    """Shows pictures uint8 (n, h, w, c) to scroll through."""

    def __init__(self, pictures: npt.NDArray[np.uint8], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Samples like no picture")
        self.resize(*SIZE)
        words = QLabel(f"{len(pictures):,} samples of the model have no picture of the dataset near them.", self)
        words.setProperty("dim", True)
        self.wall = PictureWall(self)
        self.wall.set_thumbnails(pictures)
        self.wall.set_rows(np.arange(len(pictures)))
        buttons = QDialogButtonBox(self)
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(words)
        column.addWidget(self.wall, 1)
        column.addWidget(buttons)
