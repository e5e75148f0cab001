"""A range of layers or steps: name, one cell for each, and the range in numbers, in the columns of a slider row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.slider_parts import ROW_HEIGHT, ValueEdit, columns
from explorer.ui.theme import blended, colours

__all__ = ["RangeRow"]

CELL_HEIGHT: Final = 14
NARROWEST: Final = 5  # pixels for a cell and the gap behind it; narrower ones are painted as two bars
DASH: Final = "\N{EN DASH}"


class RangeRow(QWidget):
    """A range out of some cells, at least one long.

    Press a cell and drag to another to choose what lies between. Left and Right move the end of the range, with Shift
    its beginning. A double click on the name (or Delete) chooses all, a double click on the numbers (or Return) edits.
    """

    rangeChanged = Signal(int, int)  # first and one after the last, while a person changes it; never from setRange
    settled = Signal()  # after a drag, key or edit that changed it

    def __init__(self, label: str, tooltip: str, parent: QWidget | None = None, noun: str = "Layer") -> None:
        """``noun`` is what a cell stands for."""
        super().__init__(parent)
        self._label, self._tooltip, self._noun = label, tooltip, noun
        self._names: tuple[str, ...] = ()
        self._range = (0, 0)
        self._anchor = -1  # the cell that a drag began in
        self._is_unsettled = False
        self._edit = ValueEdit(self)
        self._edit.committed.connect(self._take_text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(label)
        self.setAccessibleDescription(tooltip)

    # --- public ---

    def setLabel(self, label: str, noun: str) -> None:
        """Call the row, and what a cell stands for, something else."""
        self._label, self._noun = label, noun
        self.setAccessibleName(label)
        self.update()

    def setNames(self, names: Sequence[str]) -> None:
        """Show one cell for each name; all of them are in the range."""
        self._names, self._anchor = tuple(names), -1
        self.setRange(0, len(names))

    def count(self) -> int:
        """How many cells there are."""
        return len(self._names)

    def range(self) -> tuple[int, int]:
        """The first cell of the range, and the one after the last."""
        return self._range

    def setRange(self, first: int, end: int) -> None:
        """Show a range without a signal; what lies beyond the cells is left out."""
        count = len(self._names)
        end = min(max(end, 1), count)
        self._range = (min(max(first, 0), max(end - 1, 0)), end)
        self.setAccessibleDescription(f"{self._words()}. {self._tooltip}")
        self.update()

    def cellRect(self, index: int) -> QRectF:
        """Where a cell lies in the widget."""
        track, count = columns(self.rect()).track, max(len(self._names), 1)
        gap = 3.0 if count <= 12 else 2.0 if count <= track.width() / NARROWEST else 0.0
        width = (track.width() + gap) / count
        top = track.top() + (track.height() - CELL_HEIGHT) / 2
        return QRectF(track.left() + index * width, top, max(width - gap, min(width, 1.0)), CELL_HEIGHT)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, ROW_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette, parts = QPainter(self), colours(), columns(self.rect())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(palette.text))
        painter.drawText(parts.label, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._label)
        painter.setPen(QColor(palette.text if self.hasFocus() else palette.dim))
        painter.drawText(parts.value, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._words())
        first, end = self._range
        for rect, is_in in self._bars():
            painter.setPen(QPen(QColor(palette.accent if is_in else palette.line), 1))
            painter.setBrush(QColor(palette.accent if is_in else blended(palette.raised, palette.panel, 1.0)))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if self.hasFocus() and self._names:
            around = self.cellRect(first).united(self.cellRect(end - 1)).adjusted(-2, -2, 2, 2)
            painter.setPen(QPen(QColor(palette.text), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(around.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        track = columns(self.rect()).track
        if event.button() == Qt.MouseButton.LeftButton and track.contains(event.position().toPoint()) and self._names:
            self._anchor = self._cell_at(event.position().toPoint())
            self._change(self._anchor, self._anchor + 1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._anchor >= 0:
            here = self._cell_at(event.position().toPoint())
            self._change(min(here, self._anchor), max(here, self._anchor) + 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._anchor = -1
        self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        parts, point = columns(self.rect()), event.position().toPoint()
        if parts.label.contains(point):
            self._change(0, len(self._names))
            self._settle()
        elif parts.value.contains(point):
            self._start_edit()
        else:
            self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        (first, end), key = self._range, event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = 1 if key == Qt.Key.Key_Right else -1
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._change(min(max(first + step, 0), end - 1), end)
            else:
                self._change(first, min(max(end + step, first + 1), len(self._names)))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._change(0, len(self._names))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self._start_edit()
        else:
            super().keyPressEvent(event)
        self._settle()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._tooltip
            if columns(self.rect()).track.contains(event.pos()) and self._names:
                index = self._cell_at(event.pos())
                name = f", {self._names[index]}" if self._names[index] else ""
                text = f"{self._noun} {index + 1}{name}. {text}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    # --- private ---

    def _bars(self) -> list[tuple[QRectF, bool]]:
        """What is painted, and whether it is in the range: every cell, or all and the range where they are narrow."""
        (first, end), count = self._range, len(self._names)
        if count <= columns(self.rect()).track.width() / NARROWEST:
            return [(self.cellRect(index), first <= index < end) for index in range(count)]
        return [
            (self.cellRect(0).united(self.cellRect(count - 1)), False),
            (self.cellRect(first).united(self.cellRect(end - 1)), True),
        ]

    def _words(self) -> str:
        first, end = self._range
        if (first, end) == (0, len(self._names)):
            return "all"
        return f"{first + 1}{DASH}{end}" if end - first > 1 else f"{end}"

    def _cell_at(self, point: QPoint) -> int:
        """The cell under a point, or the nearest at the side."""
        track, count = columns(self.rect()).track, len(self._names)
        return min(max(int((point.x() - track.left()) * count / max(track.width(), 1)), 0), count - 1)

    def _start_edit(self) -> None:
        self._edit.begin(columns(self.rect()).value.adjusted(-8, 2, 0, -2), self._words())

    def _change(self, first: int, end: int) -> None:
        if (first, end) != self._range:
            self.setRange(first, end)
            self._is_unsettled = True
            self.rangeChanged.emit(*self._range)

    def _settle(self) -> None:
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()

    @Slot(str)
    def _take_text(self, text: str) -> None:
        """Take "3", "3-6" or "all"; anything else changes nothing."""
        parts = text.replace(DASH, "-").split("-")
        if text.strip().casefold() == "all":
            self._change(0, len(self._names))
        elif len(parts) <= 2 and all(part.strip().isdecimal() for part in parts):
            first, last = int(parts[0]), int(parts[-1])
            if 1 <= first <= last:
                count = len(self._names)
                self._change(min(first, count) - 1, min(last, count))
        self._settle()
