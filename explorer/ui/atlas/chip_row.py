"""A column of words as a filter: a chip for every word."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.atlas.filter_column import FilterColumn
from explorer.ui.theme import blended, colours

__all__ = ["ChipRow"]

Bools = npt.NDArray[np.bool_]

LINE: Final = 20  # of words
CHIP: Final = 22
CHIP_GAP: Final = 5
MOST_CHIPS: Final = 40


class ChipRow(QWidget):
    """A chip for every word with how many rows have it; pressed ones are let through, none pressed: all.

    A click presses a chip or lets it go. Left and Right move between chips, Space presses, Delete lets all go.
    """

    changed = Signal()
    settled = Signal()

    def __init__(self, column: FilterColumn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pressed: frozenset[int] = frozenset()
        self._cursor = 0
        self.set_column(column)
        self.setAccessibleName(column.title)
        self.setToolTip("Click words to let only their pictures through.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_column(self, column: FilterColumn) -> None:
        """Take other words without a signal; chips that are still there stay pressed."""
        self._title = column.title
        self._groups = np.asarray(column.values, np.int64)
        self._names = column.names[:MOST_CHIPS]
        self._left_out = len(column.names) - len(self._names)
        self._everywhere = self._counts = self._counted(None)
        self._pressed = frozenset(group for group in self._pressed if group < len(self._names))
        self._cursor = min(self._cursor, max(len(self._names) - 1, 0))
        self._fit()
        self.update()

    def let_through(self) -> Bools | None:
        """The rows with one of the pressed words (m,); None where none is pressed."""
        if not self._pressed:
            return None
        table = np.zeros(max(int(self._groups.max(initial=-1)), *self._pressed) + 2, np.bool_)
        table[list(self._pressed)] = True
        return table[self._groups]  # -1 is the last entry, which is False

    def count_passing(self, others: Bools | None) -> None:
        """Show how many of the rows that other filters let through have each word."""
        self._counts = self._counted(others)
        self.update()

    def passing(self) -> npt.NDArray[np.int64]:
        """The counts on the chips."""
        return self._counts

    def pressed(self) -> frozenset[int]:
        """The words that are let through; none: all."""
        return self._pressed

    def press(self, group: int) -> None:
        """Press a chip, or let it go."""
        self._pressed ^= {group}
        self.update()
        self.changed.emit()
        self.settled.emit()

    def clear(self) -> None:
        """Let all chips go."""
        if self._pressed:
            self._pressed = frozenset()
            self.update()
            self.changed.emit()
            self.settled.emit()

    def chip_rects(self) -> list[QRect]:
        """Where the chips lie, in lines."""
        return self._places(self.width())

    def sizeHint(self) -> QSize:
        return QSize(306, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(140, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(palette.text))
        painter.drawText(QRect(0, 0, self.width(), LINE), int(middle | Qt.AlignmentFlag.AlignLeft), self._title)
        for group, rect in enumerate(self.chip_rects()):
            is_on = group in self._pressed
            has_cursor = self.hasFocus() and group == self._cursor
            painter.setPen(QPen(QColor(palette.text if has_cursor else palette.accent if is_on else palette.line), 1))
            painter.setBrush(QColor(blended(palette.accent, palette.panel, 0.25) if is_on else palette.raised))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), CHIP / 2, CHIP / 2)
            inner = rect.adjusted(9, 0, -9, 0)
            painter.setPen(QColor(palette.text if self._counts[group] else palette.dim))
            painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignLeft), self._word(group))
            painter.setPen(QColor(blended(palette.text, palette.raised, 0.62)))
            painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignRight), f"{self._counts[group]:,}")
        if self._left_out:
            painter.setPen(QColor(palette.dim))
            line = QRect(0, self.height() - LINE, self.width(), LINE)
            painter.drawText(line, int(middle | Qt.AlignmentFlag.AlignLeft), f"and {self._left_out:,} more words")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for group, rect in enumerate(self.chip_rects()):
            if event.button() == Qt.MouseButton.LeftButton and rect.contains(event.position().toPoint()):
                self._cursor = group
                self.press(group)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._names:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._cursor = min(max(self._cursor + step, 0), len(self._names) - 1)
            self.update()
        elif key == Qt.Key.Key_Space and self._names:
            self.press(self._cursor)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        is_space = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space
        if is_space and event.type() == QEvent.Type.ShortcutOverride:  # it is a shortcut of the window too
            event.accept()
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = [group for group, rect in enumerate(self.chip_rects()) if rect.contains(event.pos())]
            QToolTip.showText(event.globalPos(), self._names[found[0]] if found else self.toolTip(), self)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _fit(self) -> None:
        """Take as much height as the lines of chips need at this width."""
        rects = self._places(self.width())
        self.setFixedHeight((rects[-1].bottom() + 1 if rects else LINE) + (LINE if self._left_out else 0))

    def _counted(self, mask: Bools | None) -> npt.NDArray[np.int64]:
        groups = self._groups if mask is None else self._groups[mask]
        return np.bincount(groups + 1, minlength=len(self._names) + 1)[1:]

    def _word(self, group: int) -> str:
        return self.fontMetrics().elidedText(self._names[group], Qt.TextElideMode.ElideRight, 110)

    def _places(self, width: int) -> list[QRect]:
        metrics, rects, left, top = self.fontMetrics(), [], 0, LINE + 2
        for group in range(len(self._names)):
            most = metrics.horizontalAdvance(f"{self._everywhere[group]:,}")  # so that chips keep their places
            needed = 24 + metrics.horizontalAdvance(self._word(group)) + most
            if left and left + needed > width:
                left, top = 0, top + CHIP + CHIP_GAP
            rects.append(QRect(left, top, needed, CHIP))
            left += needed + CHIP_GAP
        return rects
