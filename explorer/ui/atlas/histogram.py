"""How often which number occurs, and a line that a person moves through it."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.atlas.binning import Bins, binned, counted, heights
from explorer.ui.theme import blended, colours

__all__ = ["Histogram"]

BARS: Final = 52
GAP: Final = 1  # whole pixels, as all edges of bars
TOP: Final = 8.0  # room for the handle of the line
HEIGHT: Final = 76
INSET: Final = 6.0  # at both sides, so that the handle fits
GRAB: Final = 5.0  # radius of the handle
MARK: Final = 4.0


class Histogram(QWidget):
    """Bars on a logarithmic scale of counts; from the threshold on they are red.

    Drag the line, or press anywhere; Left and Right move it by half a bar, with Shift by five, Home and End to the
    ends. A small mark below the bars says where one picture is.
    """

    thresholdChanged = Signal(float)  # while a person moves it; never from setThreshold
    thresholdSettled = Signal(float)  # after a drag or key that moved it

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bins: Bins = binned(np.zeros(0), BARS)
        self._counts = np.zeros(BARS, np.int64)
        self._total = 0
        self._threshold: float | None = None
        self._mark: float | None = None
        self._is_dragging = self._is_unsettled = False
        self._name = name
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    # --- public ---

    def setValues(self, values: npt.NDArray[np.generic]) -> None:
        """Show how often numbers (m,) occur; what is no number is left out."""
        self._bins = binned(values, BARS)
        self._counts = counted(self._bins)
        self._total = int(self._counts.sum())
        self._tell()

    def counts(self) -> npt.NDArray[np.int64]:
        """How many numbers every bar stands for."""
        return self._counts

    def threshold(self) -> float | None:
        """The number at the line."""
        return self._threshold

    def setThreshold(self, value: float | None) -> None:
        """Put the line at a number without a signal; None takes it away."""
        if value != self._threshold:
            self._threshold = value
            self._tell()

    def setMark(self, value: float | None) -> None:
        """Mark a number below the bars, where the picture that is looked at is; None: none."""
        self._mark = value if value is not None and math.isfinite(value) else None
        self.update()

    def xOf(self, value: float) -> float:
        """Where a number lies in the widget; beyond the bars it stays at the end."""
        share = (value - self._bins.low) / (self._bins.high - self._bins.low)
        return INSET + min(max(share, 0.0), 1.0) * (self.width() - 2 * INSET)

    def valueAt(self, x: float) -> float:
        """The number at a place in the widget, within the bars."""
        share = min(max((x - INSET) / max(self.width() - 2 * INSET, 1.0), 0.0), 1.0)
        return self._bins.low + share * (self._bins.high - self._bins.low)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        base = self.height() - MARK - 3
        faint = blended(palette.dim, palette.panel, 0.4)
        painter.fillRect(QRectF(INSET, base, self.width() - 2 * INSET, 1), QColor(palette.line))
        line = self.width() + 1.0 if self._threshold is None else self.xOf(self._threshold)
        accent, red = (QColor(hue if self.isEnabled() else faint) for hue in (palette.accent, palette.red))
        for bar in self._bars(base):
            if bar.left() < line:
                painter.fillRect(
                    QRectF(bar.left(), bar.top(), min(bar.right(), line) - bar.left(), bar.height()), accent
                )
            if bar.right() > line:
                left = max(bar.left(), line)
                painter.fillRect(QRectF(left, bar.top(), bar.right() - left, bar.height()), red)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._mark is not None and self._total:
            self._paint_mark(painter, base)
        if self._threshold is not None and self._total:
            amber = QColor(palette.amber)
            painter.fillRect(QRectF(line - 1, 2, 2, base + 1), amber)
            painter.setPen(QColor(palette.text) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(amber)
            painter.drawEllipse(QPointF(line, GRAB + 0.5), GRAB - 0.5, GRAB - 0.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._total:
            self._is_dragging = True
            self._move(self.valueAt(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_dragging:
            self._move(self.valueAt(event.position().x()))
        near = self._threshold is not None and abs(event.position().x() - self.xOf(self._threshold)) <= GRAB + 2
        self.setCursor(Qt.CursorShape.SplitHCursor if near or self._is_dragging else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._is_dragging:
            self._is_dragging = False
            self._settle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bins, key = self._bins, event.key()
        step = (bins.high - bins.low) / bins.count / 2
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step *= 10
        now = bins.high if self._threshold is None else self._threshold
        moves = {
            Qt.Key.Key_Left: now - step,
            Qt.Key.Key_Right: now + step,
            Qt.Key.Key_Home: bins.low,
            Qt.Key.Key_End: bins.high,
        }
        if key in moves and self._total:
            self._move(min(max(moves[Qt.Key(key)], bins.low), bins.high))
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._settle()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._settle()
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._total:
            value = self.valueAt(event.pos().x())
            place = min(int((value - self._bins.low) / (self._bins.high - self._bins.low) * BARS), BARS - 1)
            low, high = self._bins.edge(place), self._bins.edge(place + 1)
            words = f"{self._counts[place]:,} from {low:.3g} to {high:.3g}"
            QToolTip.showText(event.globalPos(), f"{words}\n{self.toolTip()}".strip(), self)
            return True
        return super().event(event)

    # --- private ---

    def _bars(self, base: float) -> list[QRectF]:
        """Where the bars lie that stand for anything; one count is two pixels high at least."""
        pitch = (self.width() - 2 * INSET) / BARS
        shares = heights(self._counts, int(self._counts.max(initial=0)))
        bars = []
        for place, share in enumerate(shares.tolist()):
            if share > 0:
                height = max(share * (base - TOP), 2.0)
                left, right = round(INSET + place * pitch), round(INSET + (place + 1) * pitch)
                bars.append(QRectF(left, base - height, max(right - left - GAP, 1), height))
        return bars

    def _paint_mark(self, painter: QPainter, base: float) -> None:
        """A small triangle below the bars that points at a number."""
        assert self._mark is not None
        x = self.xOf(self._mark)
        corners = (QPointF(x, base + 1), QPointF(x - MARK, base + 2 + MARK), QPointF(x + MARK, base + 2 + MARK))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours().text))
        painter.drawPolygon(QPolygonF(corners))

    def _move(self, value: float) -> None:
        if value != self._threshold:
            self.setThreshold(value)
            self._is_unsettled = True
            self.thresholdChanged.emit(value)

    def _settle(self) -> None:
        if self._is_unsettled and self._threshold is not None:
            self._is_unsettled = False
            self.thresholdSettled.emit(self._threshold)

    def _tell(self) -> None:
        words = (
            f"{self._total:,} numbers from {self._bins.low:.3g} to {self._bins.high:.3g}" if self._total else "empty"
        )
        if self._threshold is not None:
            words += f", threshold {self._threshold:.3g}"
        self.setAccessibleDescription(words)
        self.update()
