"""A short list of terms that add up, each with a bar to the left of a middle line or to the right of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.slider_parts import MINUS
from explorer.ui.theme import colours

__all__ = ["SignedBars", "signed"]

ROW: Final = 20
BAR: Final = 6.0
VALUE_WIDTH: Final = 64
GAP: Final = 8


class SignedBars(QWidget):
    """Name, bar and value of every term; those below zero go to the left.

    The bars share a scale, which only grows until ``clear``, so that it keeps still while values change.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._terms: tuple[tuple[str, float], ...] = ()
        self._largest = 1.0
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    # --- public ---

    def terms(self) -> tuple[tuple[str, float], ...]:
        """What is shown."""
        return self._terms

    def clear(self) -> None:
        """Show nothing, and let the scale be as small as the next terms allow."""
        self._largest = 1.0
        self.setTerms(())

    def setTerms(self, terms: Sequence[tuple[str, float]]) -> None:
        """Show these terms, in their order; bars of values that are not finite are left out."""
        rows = len(self._terms)
        self._terms = tuple(terms)
        self._largest = max([self._largest, *(abs(value) for _, value in terms if math.isfinite(value))])
        self.setAccessibleDescription("; ".join(f"{name} {signed(value)}" for name, value in terms))
        if rows != len(self._terms):
            self.updateGeometry()
        self.update()

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, ROW * len(self._terms))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, ROW * len(self._terms))

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, (name, value) in enumerate(self._terms):
            label, track, number = self._columns(row)
            painter.setPen(QColor(palette.dim))
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, label.width())
            painter.drawText(label, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
            painter.drawText(number, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, signed(value))
            painter.setPen(Qt.PenStyle.NoPen)
            middle = track.center().x() + 0.5
            if math.isfinite(value):
                painter.setBrush(QColor(palette.green if value >= 0 else palette.accent))
                length = track.width() / 2 * value / self._largest
                bar = QRectF(min(middle, middle + length), track.center().y() - BAR / 2 + 0.5, abs(length), BAR)
                painter.drawRoundedRect(bar, 2, 2)
            painter.fillRect(QRectF(round(middle), track.top(), 1, track.height()), QColor(palette.line))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            row = event.pos().y() // ROW
            if 0 <= row < len(self._terms):
                name, value = self._terms[row]
                QToolTip.showText(event.globalPos(), f"{name}: {signed(value)} nats", self)
                return True
        return super().event(event)

    def _columns(self, row: int) -> tuple[QRect, QRect, QRect]:
        width = self.width() - VALUE_WIDTH
        longest = max((self.fontMetrics().horizontalAdvance(name) for name, _ in self._terms), default=0)
        name = min(longest + 2, width * 5 // 8)
        number = QRect(width, row * ROW, VALUE_WIDTH, ROW)
        return QRect(0, row * ROW, name, ROW), QRect(name + GAP, row * ROW, width - name - 2 * GAP, ROW), number


def signed(value: float) -> str:
    """A whole number with its sign, a true minus and commas between thousands: +1,234."""
    return f"{value:+,.0f}".replace("-", MINUS) if math.isfinite(value) else "–"
