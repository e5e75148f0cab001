"""Classes as small pictures to choose from and to mix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["ClassTiles"]

GAP: Final = 8
EDGE: Final = 3
CAPTION: Final = 16
LARGEST: Final = 56
ROOM: Final = 300  # pixels that the tiles of a row share
BAR: Final = 4


class ClassTiles(QWidget):
    """A grid of named pictures, each with its weight as a bar; those with any carry a border, the cursor is dotted.

    A click or Return chooses one alone, with Ctrl it is mixed in or taken out. Arrows, Home and End move the cursor.
    """

    chosen = Signal(int)
    mixed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._pictures: dict[int, npt.NDArray[np.uint8]] = {}
        self._images: dict[tuple[int, float], QImage] = {}
        self._weights: tuple[float, ...] = ()
        self._faded: frozenset[int] = frozenset()
        self._cursor = 0
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    # --- public ---

    def setNames(self, names: Sequence[str]) -> None:
        """Show a tile for each name, without pictures and weights."""
        self._names, self._pictures, self._images, self._cursor = tuple(names), {}, {}, 0
        self._weights = (0.0,) * len(names)
        rows = -(-len(names) // self._columns())
        self.setFixedHeight(rows * (self._side() + CAPTION + GAP) - GAP + 2 * EDGE if names else 0)
        self.update()

    def setPicture(self, index: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Show the picture (h, w, c) of one class."""
        self._pictures[index] = pixels
        self._images = {key: image for key, image in self._images.items() if key[0] != index}
        self.update(self.tileRect(index))

    def setFaded(self, indices: Collection[int]) -> None:
        """Paint the pictures of these classes at half strength, because they show something older."""
        if frozenset(indices) != self._faded:
            self._faded = frozenset(indices)
            self.update()

    def setWeights(self, weights: Sequence[float]) -> None:
        """Show how much of each class there is."""
        assert len(weights) == len(self._names), "weights should be one for each name"
        if tuple(weights) != self._weights:
            self._weights = tuple(weights)
            held = [index for index, weight in enumerate(weights) if weight > 0]
            if not self.hasFocus() and held:
                self._cursor = held[0]
            words = ", ".join(f"{self._names[index]} {self._weights[index]:.0%}" for index in held)
            self.setAccessibleDescription(words)
            self.update()

    def tileRect(self, index: int) -> QRect:
        """Where the picture of a class lies."""
        row, column = divmod(index, self._columns())
        side = self._side()
        return QRect(EDGE + column * (side + GAP), EDGE + row * (side + CAPTION + GAP), side, side)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(ROOM, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        for index in range(len(self._names)):
            self._paint_tile(painter, index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._cursor = index
            self._choose(event.modifiers())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last, key = len(self._names) - 1, event.key()
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns(),
            Qt.Key.Key_Down: self._columns(),
            Qt.Key.Key_Home: -last,
            Qt.Key.Key_End: last,
        }
        if key in steps and last >= 0:
            target = self._cursor + steps[Qt.Key(key)]
            is_jump = key in (Qt.Key.Key_Home, Qt.Key.Key_End)
            self._cursor = min(max(target, 0), last) if is_jump or 0 <= target <= last else self._cursor
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(event.modifiers())
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            index = self._index_at(event.pos())
            if index >= 0:
                share = f"{self._names[index]}, {self._weights[index]:.0%} of the mix."
                QToolTip.showText(
                    event.globalPos(), f"{share} A click chooses it alone, Ctrl and a click mixes it in.", self
                )
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    # --- private ---

    def _columns(self) -> int:
        return 5 if len(self._names) <= 10 else 6

    def _side(self) -> int:
        columns = self._columns()
        return min(LARGEST, (ROOM - 2 * EDGE - (columns - 1) * GAP) // columns)

    def _index_at(self, point: QPoint) -> int:
        tall = (self.tileRect(index).adjusted(0, 0, 0, CAPTION) for index in range(len(self._names)))
        return next((index for index, rect in enumerate(tall) if rect.contains(point)), -1)

    def _choose(self, modifiers: Qt.KeyboardModifier) -> None:
        if 0 <= self._cursor < len(self._names):
            signal = self.mixed if modifiers & Qt.KeyboardModifier.ControlModifier else self.chosen
            signal.emit(self._cursor)

    def _image(self, index: int) -> QImage:
        """The scaled picture, made once for a screen of this ratio."""
        ratio = self.devicePixelRatioF()
        if (index, ratio) not in self._images:
            self._images[index, ratio] = thumbnail(self._pictures[index], self._side(), ratio)
        return self._images[index, ratio]

    def _paint_tile(self, painter: QPainter, index: int) -> None:
        palette, rect, weight = colours(), self.tileRect(index), self._weights[index]
        if index in self._pictures:
            painter.setOpacity(0.5 if index in self._faded else 1.0)
            painter.drawImage(rect.topLeft(), self._image(index))
            painter.setOpacity(1.0)
        else:
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if 0 < weight < 1:
            ground = QRectF(rect.left(), rect.bottom() + 1 - BAR, rect.width(), BAR)
            painter.fillRect(ground, QColor(palette.panel))
            painter.fillRect(QRectF(ground.left(), ground.top(), ground.width() * weight, BAR), QColor(palette.accent))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if weight > 0:
            painter.setPen(QPen(QColor(palette.accent), 2))
            painter.drawRoundedRect(QRectF(rect).adjusted(-2, -2, 2, 2), 4, 4)
        if self.hasFocus() and index == self._cursor:  # dotted and within, so that it does not look like a choice
            for colour, style in ((palette.panel, Qt.PenStyle.SolidLine), (palette.text, Qt.PenStyle.DotLine)):
                painter.setPen(QPen(QColor(colour), 1, style))
                painter.drawRect(QRectF(rect).adjusted(1.5, 1.5, -2.5, -2.5))
        painter.setPen(QColor(palette.text if weight > 0 else palette.dim))
        below = QRect(rect.left() - 4, rect.bottom() + 3, rect.width() + GAP, CAPTION - 2)
        words = painter.fontMetrics().elidedText(self._names[index], Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, words)
