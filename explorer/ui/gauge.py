"""A horizontal bar that shows one value against the region where values typically lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.images import qimage
from explorer.ui.theme import blended, colours

__all__ = ["Gauge", "Mark"]

BAR: Final = 8.0
MARKER: Final = 5.0  # radius
SWATCH: Final = 12.0  # side of the picture of a mark
STEM: Final = 5.0  # from the bar to that picture


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Another value on a gauge: a small picture below the bar, and what the tool tip says of it."""

    value: float
    pixels: np.ndarray  # uint8 (h, w, c)
    words: str


class Gauge(QWidget):
    """A range with a highlighted band and a marker, which turns red where the value leaves the band or its limits."""

    def __init__(self, caption: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = 0.0, 1.0
        self._band: tuple[float, float] | None = None
        self._limits: tuple[float, float] | None = None
        self._tick: float | None = None
        self._marks: tuple[Mark, ...] = ()
        self._value: float | None = None
        self._caption = caption
        self.setAccessibleName(caption)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def setRange(self, low: float, high: float) -> None:
        """Set the values at both ends of the bar."""
        assert low < high, "low should be below high"
        self._low, self._high = low, high
        self.update()

    def setBand(self, low: float, high: float, limits: tuple[float, float] | None = None) -> None:
        """Highlight the typical region; ``limits`` are where the marker turns red, without any the ends of the band."""
        self._band, self._limits = (low, high), limits or (low, high)
        self.update()

    def setTick(self, value: float | None) -> None:
        """Draw a line across the bar, at the middle of what is typical; None takes it away."""
        self._tick = value
        self.update()

    def setMarks(self, marks: Sequence[Mark]) -> None:
        """Show other values for comparison, in a row below the bar."""
        had, self._marks = bool(self._marks), tuple(sorted(marks, key=lambda mark: mark.value))
        if had != bool(self._marks):
            self.updateGeometry()
        self.update()

    def markRect(self, index: int) -> QRectF:
        """Where the picture of a mark is, counted from the smallest value: at its value, or beside another."""
        left = [self._x(mark.value) - SWATCH / 2 for mark in self._marks]
        for place in range(1, len(left)):
            left[place] = max(left[place], left[place - 1] + SWATCH + 2)
        over = self.width() - SWATCH
        for place in reversed(range(len(left))):
            left[place] = max(min(left[place], over), 0.0)
            over = left[place] - SWATCH - 2
        return QRectF(round(left[index]), 10 + BAR / 2 + STEM, SWATCH, SWATCH)

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
        """Whether there is a value, and it lies outside the band, or the limits where there are any."""
        if self._value is None or self._limits is None:
            return False
        return not self._limits[0] <= self._value <= self._limits[1]

    def sizeHint(self) -> QSize:
        return QSize(306, self._bottom() + (self.fontMetrics().height() if self._caption else 0))

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
        if self._tick is not None:
            painter.fillRect(QRectF(round(self._x(self._tick)) - 1, bar.top(), 2, BAR), QColor(palette.green))
        self._paint_marks(painter, bar.bottom())
        if self._value is not None:
            centre = QPointF(self._x(self._value), bar.center().y())
            painter.setBrush(QColor(palette.panel))
            painter.drawEllipse(centre, MARKER + 2, MARKER + 2)
            painter.setBrush(QColor(palette.red if self.isOutside() else palette.text))
            painter.drawEllipse(centre, MARKER, MARKER)
        if self._caption:
            painter.setPen(QColor(palette.red if self.isOutside() else palette.dim))
            words = self.fontMetrics().elidedText(self._caption, Qt.TextElideMode.ElideRight, self.width())
            area = self.rect().adjusted(0, self._bottom(), 0, 0)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, words)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            area = QRectF(event.pos(), event.pos()).adjusted(-2, -2, 2, 2)
            near = [mark for place, mark in enumerate(self._marks) if self.markRect(place).intersects(area)]
            if near:
                QToolTip.showText(event.globalPos(), near[0].words, self)
                return True
        return super().event(event)

    def _paint_marks(self, painter: QPainter, top: float) -> None:
        palette = colours()
        for place, mark in enumerate(self._marks):
            rect = self.markRect(place)
            painter.setPen(QPen(QColor(palette.dim), 1))
            painter.drawLine(QPointF(self._x(mark.value), top), QPointF(rect.center().x(), rect.top()))
            painter.drawImage(rect, qimage(mark.pixels))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(Qt.PenStyle.NoPen)

    def _bottom(self) -> int:
        """Where the words begin."""
        return round(20 + (STEM + SWATCH) * bool(self._marks))

    def _x(self, value: float) -> float:
        fraction = min(max((value - self._low) / (self._high - self._low), 0.0), 1.0)
        return MARKER + fraction * (self.width() - 2 * MARKER)
