"""Many sliders in one scrolling list that paints only the rows in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from explorer.ui.slider_parts import (
    ROW_HEIGHT,
    Columns,
    RowLook,
    Scale,
    ValueEdit,
    columns,
    explained,
    paint_row,
    value_at,
)

__all__ = ["SliderList"]

Floats = npt.NDArray[np.float64]


class SliderList(QAbstractScrollArea):
    """Rows of name, track and value that behave like ``SliderRow``; a row is named by its index in ``setRows``.

    Up, Down, Page Up and Down, Home and End select a row, Left and Right change it, Delete resets it, Return edits it.
    The wheel scrolls and never changes a value. Hundreds of rows cost no more than the dozen in sight.
    """

    valueChanged = Signal(int, float)  # row and value, while a person moves it; never from setValues
    settled = Signal()  # after a drag, key, edit or reset that changed a value: one undo step
    rowSelected = Signal(int)  # another row, by a person or by select

    def __init__(self, name: str = "Sliders", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = Scale(-3.0, 3.0, 0.0, 2, "")
        self._names: tuple[str, ...] = ()
        self._tooltips: tuple[str, ...] = ()
        self._values: Floats = np.zeros(0)
        self._marks: Floats | None = None
        self._order: tuple[int, ...] = ()
        self._filter = ""
        self._rows: tuple[int, ...] = ()  # the rows shown, from the top
        self._bound: dict[int, str] = {}  # by row: what moves it from outside
        self._selected = -1  # a row, or -1
        self._dragged = -1
        self._is_unsettled = False
        self._edit = ValueEdit(self.viewport())
        self._edit.committed.connect(self._take_text)
        self.setProperty("flat", True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(ROW_HEIGHT)
        self.viewport().installEventFilter(self)
        self.viewport().setAutoFillBackground(False)

    # --- public ---

    def setRows(self, names: Sequence[str], tooltips: Sequence[str] | None = None) -> None:
        """Show one row for each name, all at the default; the order and the filter start anew."""
        assert tooltips is None or len(tooltips) == len(names), "tooltips should be as many as names"
        self._names, self._tooltips = tuple(names), tuple(tooltips or ())
        self._values = np.full(len(names), self._scale.default)
        self._marks, self._filter, self._selected, self._dragged = None, "", -1, -1
        self._order = tuple(range(len(names)))
        self._lay_out()

    def names(self) -> tuple[str, ...]:
        """The names of all rows."""
        return self._names

    def range(self) -> tuple[float, float]:
        """The ends of every track."""
        return self._scale.minimum, self._scale.maximum

    def rowAt(self, point: QPoint) -> int:
        """The row under a point of the viewport, or -1."""
        return self._row_at(point)

    def setBound(self, bound: dict[int, str]) -> None:
        """Mark rows as moved by something outside, in words."""
        if bound != self._bound:
            self._bound = dict(bound)
            self.viewport().update()

    def drive(self, row: int, value: float) -> None:
        """Move a row to ``value``, within the range, as a drag does; ``settle`` ends the movement."""
        if row in self._rows:
            self.select(row)
        self._change(row, self._scale.fitted(value))

    def settle(self) -> None:
        """End a movement, as letting go of the mouse does."""
        self._settle()

    def values(self) -> Floats:
        """A copy of all values, one for each row."""
        return self._values.copy()

    def setValues(self, values: npt.ArrayLike) -> None:
        """Show ``values``, shape (rows,), without a signal."""
        array = np.array(values, np.float64)
        assert array.shape == self._values.shape, "values should be one for each row"
        changed = np.flatnonzero(array != self._values)
        self._values = array
        for row in set(self._rows).intersection(changed.tolist()):
            self.viewport().update(self.rowRect(row))

    def setRange(self, minimum: float, maximum: float, default: float = 0.0) -> None:
        """Give every track the same ends and default; the values stay."""
        self._scale = replace(self._scale, minimum=minimum, maximum=maximum, default=default)
        self.viewport().update()

    def setUnit(self, unit: str) -> None:
        """Show ``unit`` behind every value."""
        self._scale = replace(self._scale, unit=unit)
        self.viewport().update()

    def setDecimals(self, decimals: int) -> None:
        """Show and round values to so many decimals."""
        self._scale = replace(self._scale, decimals=decimals)
        self.viewport().update()

    def setMarks(self, marks: npt.ArrayLike | None) -> None:
        """Draw a faint tick at one value per row, shape (rows,), or none; NaN leaves a row without."""
        array = None if marks is None else np.array(marks, np.float64)
        assert array is None or array.shape == self._values.shape, "marks should be one for each row"
        self._marks = array
        self.viewport().update()

    def setFilter(self, text: str) -> None:
        """Show only the rows whose name contains ``text``, whatever its case."""
        self._filter = text.strip().casefold()
        self._lay_out()

    def setOrder(self, order: Sequence[int]) -> None:
        """Show these rows from the top; rows left out are hidden."""
        assert all(0 <= row < len(self._names) for row in order), "order should hold rows"
        self._order = tuple(int(row) for row in order)
        self._lay_out()

    def shownRows(self) -> tuple[int, ...]:
        """The rows that order and filter leave, from the top."""
        return self._rows

    def selectedRow(self) -> int:
        """The row that the keyboard works on, or -1."""
        return self._selected

    def select(self, row: int) -> None:
        """Select ``row`` and scroll it into sight."""
        is_other, self._selected = row != self._selected, row
        top, bar = self._rows.index(row) * ROW_HEIGHT, self.verticalScrollBar()
        if top < bar.value():
            bar.setValue(top)
        elif top + ROW_HEIGHT > bar.value() + self.viewport().height():
            bar.setValue(top + ROW_HEIGHT - self.viewport().height())
        self.viewport().update()
        if is_other:
            self.rowSelected.emit(row)

    def rowRect(self, row: int) -> QRect:
        """Where ``row`` lies in the viewport, in or out of sight."""
        top = self._rows.index(row) * ROW_HEIGHT - self.verticalScrollBar().value()
        return QRect(0, top, self.viewport().width(), ROW_HEIGHT)

    def rowColumns(self, row: int) -> Columns:
        """Where the name, the track and the value of ``row`` lie in the viewport."""
        return columns(self.rowRect(row), max(0, self.contentsRect().width() - self.viewport().width()))

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, ROW_HEIGHT * max(1, min(12, len(self._rows))))

    def minimumSizeHint(self) -> QSize:
        return QSize(228, ROW_HEIGHT * min(3, max(1, len(self._rows))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_scroll_range()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        offset, area = self.verticalScrollBar().value(), event.rect()
        first = max(0, (area.top() + offset) // ROW_HEIGHT)
        last = (area.bottom() + offset) // ROW_HEIGHT
        for row in self._rows[first : last + 1]:
            self.paintRow(painter, row)

    def paintRow(self, painter: QPainter, row: int) -> None:
        """Paint one row where it lies; called only for rows in sight."""
        selected = row == self._selected
        mark = None if self._marks is None else float(self._marks[row])
        look = RowLook(self.isEnabled(), selected and self.hasFocus(), selected, mark, row in self._bound)
        paint_row(painter, self.rowColumns(row), self._names[row], float(self._values[row]), self._scale, look)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or row < 0:
            return
        self.select(row)
        track = self.rowColumns(row).track
        if track.contains(event.position().toPoint()):
            self._dragged = row
            self._change(row, value_at(self._scale, track, event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged >= 0:
            track = self.rowColumns(self._dragged).track
            self._change(self._dragged, value_at(self._scale, track, event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._dragged >= 0:
            self._dragged = -1
            self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        row = self._row_at(point)
        if event.button() != Qt.MouseButton.LeftButton or row < 0:
            return
        parts = self.rowColumns(row)
        if parts.label.contains(point):
            self._reset(row)
        elif parts.value.contains(point):
            self._start_edit(row)
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.verticalScrollBar().maximum():
            super().wheelEvent(event)
        else:
            event.ignore()  # what is around may scroll

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, row = event.key(), self._selected
        target = self._row_after(key)
        if target is not None:
            self.select(target)
        elif row < 0:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            value = self._scale.stepped(float(self._values[row]), key)
            self._change(row, value if value is not None else 0.0)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._reset(row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self._start_edit(row)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._settle()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._selected < 0 and self._rows and event.reason() != Qt.FocusReason.MouseFocusReason:
            self.select(self._rows[0])
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._settle()
        self.viewport().update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.viewport() and isinstance(event, QHelpEvent):
            row = self._row_at(event.pos())
            if row >= 0:
                text = explained(self._tooltips[row] if self._tooltips else self._names[row])
                text += f" Moved by {self._bound[row]}." if row in self._bound else ""
                QToolTip.showText(event.globalPos(), text, self.viewport(), self.rowRect(row))
            return row >= 0
        return super().eventFilter(watched, event)

    # --- private ---

    def _lay_out(self) -> None:
        """Work out the rows shown; a selection or an edit that is hidden ends."""
        if self._edit.hasFocus():
            self.setFocus()  # which ends the edit, without a jump of the panel around
        self._rows = tuple(row for row in self._order if self._filter in self._names[row].casefold())
        self._edit.hide()
        if self._selected not in self._rows:
            self._selected = -1
        if self._dragged not in self._rows:
            self._dragged = -1
        self._set_scroll_range()
        self.updateGeometry()
        self.viewport().update()

    def _set_scroll_range(self) -> None:
        height = self.viewport().height()
        self.verticalScrollBar().setPageStep(max(ROW_HEIGHT, height - ROW_HEIGHT))
        self.verticalScrollBar().setRange(0, max(0, len(self._rows) * ROW_HEIGHT - height))

    def _row_at(self, point: QPoint) -> int:
        index = (point.y() + self.verticalScrollBar().value()) // ROW_HEIGHT
        return self._rows[index] if 0 <= index < len(self._rows) else -1

    def _row_after(self, key: int) -> int | None:
        """The row that a navigation key selects, or None for any other key."""
        page = max(1, self.viewport().height() // ROW_HEIGHT - 1)
        moves = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self._rows),
            Qt.Key.Key_End: len(self._rows),
        }
        if key not in moves or not self._rows:
            return None
        at = self._rows.index(self._selected) if self._selected in self._rows else -1
        return self._rows[min(max(at + moves[Qt.Key(key)], 0), len(self._rows) - 1)]

    def _start_edit(self, row: int) -> None:
        self.select(row)
        rect = self.rowColumns(row).value.adjusted(-8, 2, 0, -2)
        self._edit.begin(rect, self._scale.text(float(self._values[row])))

    def _reset(self, row: int) -> None:
        self._change(row, self._scale.default)
        self._settle()

    def _change(self, row: int, value: float) -> None:
        if value != self._values[row]:
            self._values[row] = value
            self._is_unsettled = True
            self.viewport().update(self.rowRect(row))
            self.valueChanged.emit(row, value)

    def _settle(self) -> None:
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()

    @Slot(str)
    def _take_text(self, text: str) -> None:
        value = self._scale.parsed(text)
        if value is not None and self._selected >= 0:
            self._change(self._selected, value)
            self._settle()
