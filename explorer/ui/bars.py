"""A tiny bar chart of many values that can be read out and chosen from."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.theme import blended, colours

__all__ = ["Bars"]

BARE: Final = 4.0  # from this width on, bars have a gap of one pixel


class Bars(QWidget):
    """One bar per value, such as the bits in each dimension of a latent.

    The bar under the mouse is read out in the tool tip. Left and Right move the read-out, Return or a click chooses it.
    """

    hovered = Signal(int)  # the bar under the mouse or the keys; -1 when there is none
    chosen = Signal(int)

    def __init__(self, name: str = "Bars", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: npt.NDArray[np.float64] = np.zeros(0)
        self._highlight: npt.NDArray[np.bool_] | None = None
        self._unit = ""
        self._current = -1
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    # --- public ---

    def setValues(self, values: npt.ArrayLike) -> None:
        """Show ``values``, shape (n,); what is not finite has no bar. A highlight of another length is dropped."""
        self._values = np.array(values, np.float64).reshape(-1)
        if self._highlight is not None and self._highlight.shape != self._values.shape:
            self._highlight = None
        self._set_current(self._current if self._current < len(self._values) else -1)
        self.update()

    def setHighlight(self, mask: npt.ArrayLike | None) -> None:
        """Keep the accent for the bars where ``mask``, shape (n,), is true; None: for all."""
        array = None if mask is None else np.array(mask, np.bool_)
        assert array is None or array.shape == self._values.shape, "mask should be one for each value"
        self._highlight = array
        self.update()

    def setUnit(self, unit: str) -> None:
        """Read values out with ``unit`` behind them."""
        self._unit = unit

    def readOut(self, index: int) -> str:
        """The words of the tool tip for one bar."""
        return f"{index}: {self._values[index]:.3g} {self._unit}".rstrip()

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, 56)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        floor, unit = self._scale()
        painter.fillRect(QRectF(0, round(floor), self.width(), 1), QColor(palette.line))
        quiet = QColor(blended(palette.accent, palette.panel, 0.35))
        tall = np.nan_to_num(self._values, nan=0.0, posinf=0.0, neginf=0.0)
        width = self.width() / max(1, len(tall))
        gap = 1 if width >= BARE else 0
        for index, value in enumerate(tall.tolist()):
            lit = self._highlight is None or bool(self._highlight[index])
            left, right = round(index * width), max(round(index * width) + 1, round((index + 1) * width) - gap)
            painter.fillRect(
                QRectF(left, floor - value * unit, right - left, value * unit),
                QColor(palette.text) if index == self._current else QColor(palette.accent) if lit else quiet,
            )
        if self.hasFocus():
            painter.setPen(QPen(QColor(palette.accent), 1))
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_current(self._index_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._set_current(index)
            self.chosen.emit(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the press was for us

    def leaveEvent(self, event: QEvent) -> None:
        self._set_current(-1)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, count = event.key(), len(self._values)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and count:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._set_current(min(max(self._current + step, 0), count - 1))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.chosen.emit(self._current)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._set_current(-1)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            index = self._index_at(QPointF(event.pos()))
            if index >= 0:
                QToolTip.showText(event.globalPos(), self.readOut(index), self)
                return True
        return super().event(event)

    # --- private ---

    def _scale(self) -> tuple[float, float]:
        """The height of the zero line, and pixels per unit, so that every finite value fits."""
        finite = self._values[np.isfinite(self._values)]
        high, low = float(finite.max(initial=0.0)), float(finite.min(initial=0.0))
        room = self.height() - 2
        unit = room / (high - low) if high > low else 0.0
        return 1 + high * unit if high > low else self.height() - 1, unit

    def _index_at(self, position: QPointF) -> int:
        count = len(self._values)
        if not count or not QRectF(self.rect()).contains(position):
            return -1
        return min(count - 1, int(position.x() * count / self.width()))

    def _set_current(self, index: int) -> None:
        if index != self._current:
            self._current = index
            self.update()
            self.hovered.emit(index)
