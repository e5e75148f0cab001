"""A horizontal bar that shows one value against the region where values typically lie."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.theme import blended, colours

__all__ = ["Gauge"]

BAR: Final = 8.0
MARKER: Final = 5.0  # radius


class Gauge(QWidget):
    """A range with a highlighted band and a marker; the marker turns red where the value leaves the band."""

    def __init__(self, caption: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 0.0, 1.0
        self._band: tuple[float, float] | None = None
        self._value: float | None = None
        self._caption = caption
        self.setAccessibleName(caption)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setRange(self, low: float, high: float) -> None:
        """Set the values at both ends of the bar."""
        assert low < high, "low should be below high"
        self._low, self._high = low, high
        self.update()

    def setBand(self, low: float, high: float) -> None:
        """Highlight the typical region."""
        self._band = (low, high)
        self.update()

    def setValue(self, value: float | None) -> None:
        """Put the marker at ``value``; beyond the range it stays at the end; None or NaN hides it."""
        self._value = value if value is not None and math.isfinite(value) else None
        self.update()

    def setCaption(self, text: str) -> None:
        """Show a line of dim words below the bar."""
        self._caption = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def isOutside(self) -> bool:
        """Whether there is a value, and it lies outside the band."""
        return self._value is not None and self._band is not None and not self._band[0] <= self._value <= self._band[1]

    def sizeHint(self) -> QSize:
        return QSize(306, 20 + (self.fontMetrics().height() if self._caption else 0))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        bar = QRectF(0, 10 - BAR / 2, self.width(), BAR)
        painter.setBrush(QColor(palette.line))
        painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
        if self._band is not None:
            left, right = self._x(self._band[0]), self._x(self._band[1])
            painter.setBrush(QColor(blended(palette.green, palette.line, 0.45)))
            painter.drawRoundedRect(QRectF(left, bar.top(), max(2.0, right - left), BAR), BAR / 2, BAR / 2)
        if self._value is not None:
            centre = QPointF(self._x(self._value), bar.center().y())
            painter.setBrush(QColor(palette.panel))
            painter.drawEllipse(centre, MARKER + 2, MARKER + 2)
            painter.setBrush(QColor(palette.red if self.isOutside() else palette.text))
            painter.drawEllipse(centre, MARKER, MARKER)
        if self._caption:
            painter.setPen(QColor(palette.red if self.isOutside() else palette.dim))
            words = self.fontMetrics().elidedText(self._caption, Qt.TextElideMode.ElideRight, self.width())
            area = self.rect().adjusted(0, 20, 0, 0)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, words)

    def _x(self, value: float) -> float:
        fraction = min(max((value - self._low) / (self._high - self._low), 0.0), 1.0)
        return MARKER + fraction * (self.width() - 2 * MARKER)
