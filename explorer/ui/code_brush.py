"""What a code map is painted with: a code out of a palette, the size of the brush, or an eraser."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.ui.code_palette import CodePalette
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.icon_button import IconButton
from explorer.ui.images import thumbnail
from explorer.ui.segments import Segments

__all__ = ["CodeBrush"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

SWATCH: Final = 22
SIZES: Final = (
    (1, "1", "Paint single cells."),
    (2, "2×2", "Paint four cells at once."),
    (3, "3×3", "Paint nine cells at once."),
)


class CodeBrush(QWidget):
    """The code at hand and its picture, an eraser, the size of the brush, and below them all codes to choose from."""

    changed = Signal()  # size or eraser
    codeChosen = Signal(int)  # by a person

    def __init__(self, describe: Callable[[int], str], parent: QWidget | None = None) -> None:
        """``describe`` says what a code is."""
        super().__init__(parent)
        self._describe = describe
        self._swatches: Pixels | None = None
        self.codes = CodePalette("Codes to paint with", describe, self)
        self.sizes = Segments("Brush", SIZES, self)
        self.eraser = IconButton("eraser", "Give cells their own codes back instead (Shift, or Delete).", self, "text")
        self._swatch, self._words = QLabel(self), ElidedLabel(self)
        self._lay_out()
        self.codes.chosen.connect(self._choose)
        self.sizes.chosen.connect(self.changed)
        self.eraser.toggled.connect(self.changed)

    def setCodes(self, order: Sequence[int], swatches: Pixels | None = None, faded: Collection[int] = ()) -> None:
        """Offer codes in this order; see ``CodePalette.setCodes``."""
        self._swatches = swatches
        self.codes.setCodes(order, swatches, faded)

    def setLargest(self, cells: int) -> None:
        """Offer no size of more cells a side than the map has."""
        for size, *_ in SIZES:
            self.sizes.button(size).setEnabled(size <= cells)
        if self.size_in_cells() > cells:
            self.sizes.setValue(1)

    def size_in_cells(self) -> int:
        """The side of the square that the brush covers."""
        size = self.sizes.value()
        return size if isinstance(size, int) else 1

    def is_eraser(self) -> bool:
        return self.eraser.isChecked()

    def code(self) -> int:
        """The code at hand."""
        return self.codes.current()

    def setCode(self, code: int) -> None:
        """Take a code to hand, without a signal."""
        self.codes.setCurrent(code)
        words = self._describe(code)
        self._words.setText(f"Code {code}")
        self._words.setToolTip(f"The brush paints {words}; [ and ] take the one before and after.")
        if self._swatches is None:
            self._swatch.clear()
        else:
            pixels = thumbnail(self._swatches[code], SWATCH, self.devicePixelRatioF())
            self._swatch.setPixmap(QPixmap.fromImage(pixels))

    def choose(self, code: int) -> None:
        """Take a code to hand and paint with it, as a person does."""
        self.codes.setCurrent(code)
        self._choose(code)

    @Slot(int)
    def step(self, by: int) -> None:
        """Choose the code before (-1) or after (1) in the palette."""
        self.codes.step(by)

    @Slot(int)
    def _choose(self, code: int) -> None:
        self.setCode(code)
        self.eraser.setChecked(False)
        self.codeChosen.emit(code)

    def _lay_out(self) -> None:
        self.eraser.setCheckable(True)
        self.sizes.setValue(1)
        self.sizes.setFixedWidth(self.sizes.sizeHint().width())
        self._swatch.setFixedSize(SWATCH, SWATCH)
        self._swatch.setToolTip("What the brush paints: a right click on the map picks up the code of a cell.")
        tools = QHBoxLayout()
        tools.setSpacing(6)
        tools.addWidget(self._swatch, 0, Qt.AlignmentFlag.AlignVCenter)
        tools.addWidget(self._words, 1)
        tools.addWidget(self.eraser)
        tools.addWidget(self.sizes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(tools)
        column.addWidget(self.codes)
