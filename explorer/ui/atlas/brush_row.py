"""A column of numbers as a filter: a small histogram with a brush."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.atlas.binning import Bins, binned, counted, heights
from explorer.ui.atlas.filter_column import FilterColumn
from explorer.ui.theme import blended, colours

__all__ = ["BARS", "BrushRow"]

Bools = npt.NDArray[np.bool_]

BARS: Final = 44
BARS_HEIGHT: Final = 30
LINE: Final = 20  # of words
GRAB: Final = 5.0  # pixels around an edge of the brush
DASH: Final = "\N{EN DASH}"


class BrushRow(QWidget):
    """A histogram of all rows, dim, and before it of those that other filters let through; a range of it is brushed.

    Drag to brush, drag the brush or one of its edges to move it, double click to let everything through again. Left and
    Right move the end of the range, with Shift its beginning; Delete lets everything through.
    """

    changed = Signal()  # while it changes
    settled = Signal()  # after a drag or key that changed it

    def __init__(self, column: FilterColumn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = (0, BARS)
        self.set_column(column)
        self._drag: tuple[str, float, tuple[int, int]] | None = None
        self._is_unsettled = False
        self.setAccessibleName(column.title)
        self.setToolTip("Drag to let only a range through; double click for all.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_column(self, column: FilterColumn) -> None:
        """Take other numbers without a signal; a brush stays around what it was around, as near as bars allow."""
        is_brushed = self._range != (0, BARS)
        low, high = self.range() if is_brushed else (0.0, 0.0)
        self._title = column.title
        self._bins: Bins = binned(column.values, BARS)
        self._all = counted(self._bins)
        self._passing = self._all
        if is_brushed:
            unit = BARS / (self._bins.high - self._bins.low)
            first, end = (round((value - self._bins.low) * unit) for value in (low, high))
            first = min(max(first, 0), BARS - 1)
            self._range = (first, min(max(end, first + 1), BARS))
        self.update()

    def let_through(self) -> Bools | None:
        """The rows in the range (m,); None where that is all. What is no number is in no narrower range."""
        first, end = self._range
        return None if self._range == (0, BARS) else (self._bins.places >= first) & (self._bins.places < end)

    def count_passing(self, others: Bools | None) -> None:
        """Show how many of the rows that other filters let through there are."""
        self._passing = self._all if others is None else counted(self._bins, others)
        self.update()

    def passing(self) -> npt.NDArray[np.int64]:
        """The counts that are shown before the dim ones."""
        return self._passing

    def range(self) -> tuple[float, float]:
        """The numbers at both ends of the brush."""
        return self._bins.edge(self._range[0]), self._bins.edge(self._range[1])

    def set_range(self, first: int, end: int) -> None:
        """Brush the bars from ``first`` to before ``end``, at least one."""
        first, end = min(max(first, 0), BARS - 1), min(max(end, 1), BARS)
        if (first, max(end, first + 1)) != self._range:
            self._range = (first, max(end, first + 1))
            self._is_unsettled = True
            self.update()
            self.changed.emit()

    def clear(self) -> None:
        """Let everything through."""
        self.set_range(0, BARS)
        self._settle()

    def sizeHint(self) -> QSize:
        return QSize(306, LINE + BARS_HEIGHT + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, LINE + BARS_HEIGHT + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        is_brushed = self._range != (0, BARS)
        line = QRect(0, 0, self.width(), LINE)
        painter.setPen(QColor(palette.text))
        painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self._title)
        low, high = self.range()
        painter.setPen(QColor(palette.text if is_brushed else palette.dim))
        right = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        painter.drawText(line, right, f"{low:.3g} {DASH} {high:.3g}")
        base, pitch, top = LINE + BARS_HEIGHT, self.width() / BARS, int(self._all.max(initial=0))
        first, end = self._range
        for counts, hue in (
            (self._all, palette.line),
            (self._passing, None),
        ):
            for place, share in enumerate(heights(counts, top).tolist()):
                if share > 0:
                    inside = first <= place < end
                    colour = hue or (palette.accent if inside else blended(palette.dim, palette.panel, 0.5))
                    height = max(share * BARS_HEIGHT, 1.5)
                    left, right = round(place * pitch), round((place + 1) * pitch)
                    painter.fillRect(QRectF(left, base - height, max(right - left - 1, 1), height), QColor(colour))
        painter.fillRect(QRectF(0, base, self.width(), 1), QColor(palette.line))
        if is_brushed or self.hasFocus():
            self._paint_brush(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = (self._part_at(event.position()), event.position().x(), self._range)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._drag is None:
            is_edge = self._part_at(event.position()) in ("start", "end")
            self.setCursor(Qt.CursorShape.SplitHCursor if is_edge else Qt.CursorShape.ArrowCursor)
            return
        part, start, (first, end) = self._drag
        here, moved = self._bar_at(x), round((x - start) * BARS / max(self.width(), 1))
        if part == "start":
            self.set_range(min(here, end - 1), end)
        elif part == "end":
            self.set_range(first, max(here + 1, first + 1))
        elif part == "brush":
            moved = min(max(moved, -first), BARS - end)
            self.set_range(first + moved, end + moved)
        elif abs(x - start) > 2:
            anchor = self._bar_at(start)
            self.set_range(min(here, anchor), max(here, anchor) + 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        (first, end), key = self._range, event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.set_range(min(first + step, end - 1), end)
            else:
                self.set_range(first, max(end + step, first + 1))
            self._settle()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _x(self, place: int) -> float:
        return place * self.width() / BARS

    def _bar_at(self, x: float) -> int:
        return min(max(int(x * BARS / max(self.width(), 1)), 0), BARS - 1)

    def _part_at(self, point: QPointF) -> str:
        """Which part of the brush is under a point: an edge, its inside, or none."""
        if self._range == (0, BARS):
            return ""
        left, right = self._x(self._range[0]), self._x(self._range[1])
        if abs(point.x() - left) <= GRAB:
            return "start"
        if abs(point.x() - right) <= GRAB:
            return "end"
        return "brush" if left < point.x() < right else ""

    def _paint_brush(self, painter: QPainter) -> None:
        palette = colours()
        left, right = self._x(self._range[0]), self._x(self._range[1])
        fill = QColor(palette.accent)
        fill.setAlphaF(0.12)
        area = QRectF(left, LINE - 1, right - left, BARS_HEIGHT + 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.accent if not self.hasFocus() else palette.text), 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _settle(self) -> None:
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()
