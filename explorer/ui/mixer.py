"""A grid to paint with: a column for every layer, a row for every source of them, its picture in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.icon_button import IconButton
from explorer.ui.mixer_places import PITCH, Cell, Places, cells_between, paint_cell, paint_frame, paint_picture
from explorer.ui.theme import colours

__all__ = ["Mixer"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

NOTCH: Final = 0.05  # of a weight: one key, or one notch of the wheel
PIXELS_TO_ALL: Final = 100  # of a drag from no weight to all of it
RESTING_MILLISECONDS: Final = 400  # without a notch of the wheel: the change has ended
WEIGHING: Final = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier
OURS: Final = (Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Plus, Qt.Key.Key_Minus)


class Mixer(QWidget):
    """Cells filled as high as their share. Drag to paint a row, with Shift or the right button to erase from it.

    Ctrl (or Alt) with a drag up or down, or with the wheel, changes the weight of one cell; so do + and -. Arrows move
    the cursor, Space paints, Delete asks to remove the row. A brush may be wider than a column: see ``setSpans``.
    """

    painted = Signal(object, bool)  # a tuple of cells, and whether to erase
    weighed = Signal(float)  # the cell at the cursor should have so much more than when the change began
    settled = Signal()  # after a drag, a key or the wheel: one undo step
    cursorMoved = Signal(int, int)  # row and column
    pointed = Signal(object)  # the Cell under the mouse, or None
    removeAsked = Signal(int)  # a row
    menuAsked = Signal(int, QPoint)  # a row and a position on the screen

    def __init__(self, describe: Callable[[int, int], str], parent: QWidget | None = None) -> None:
        """``describe`` says what a cell (row, column) is, or, for the column -1, what a row is."""
        super().__init__(parent)
        self._describe = describe
        self._places = Places()
        self._shares: tuple[tuple[float, ...], ...] = ()
        self._spans: tuple[tuple[int, int], ...] = ()
        self._pictures: dict[int, Pixels] = {}
        self._removers: list[IconButton] = []
        self._cursor: Cell = (0, 0)
        self._hovered: Cell | None = None
        self._last: Cell | None = None  # where the brush was; None while nothing is painted
        self._is_erasing = False
        self._held: float | None = None  # the height at which a drag of the weight began
        self._change = 0.0
        self._is_unsettled = False
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(RESTING_MILLISECONDS)
        self._resting.timeout.connect(self._settle)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Which row feeds which layer")

    # --- public ---

    def setColumns(self, count: int, starts: Sequence[int]) -> None:
        """Have so many columns, in groups that start at these."""
        self._places = Places(self.width(), 0, count, frozenset(starts) - {0})
        self._shares, self._pictures, self._spans = (), {}, ()
        self._hovered = self._last = None
        self._cursor = (0, 0)
        self.update()

    def setShares(self, shares: Sequence[Sequence[float]]) -> None:
        """Show how much each row has of each column (rows, columns), 0 to 1; only cells that differ are repainted."""
        before, self._shares = self._shares, tuple(map(tuple, shares))
        if len(before) != len(self._shares):
            self._set_rows()
        else:
            for row, (old, new) in enumerate(zip(before, self._shares, strict=True)):
                for column in range(self._places.columns) if old != new else ():
                    if old[column] != new[column]:
                        self.update(self._places.around((row, column)))

    def setPicture(self, row: int, pixels: Pixels) -> None:
        """Show a picture (h, w, c) in front of a row, which has an empty frame until then."""
        if pixels is not self._pictures.get(row):
            self._pictures[row] = pixels
            self.update(self.pictureRect(row))

    def picture(self, row: int) -> Pixels | None:
        """The picture in front of a row."""
        return self._pictures.get(row)

    def setSpans(self, spans: Sequence[tuple[int, int]]) -> None:
        """Say which columns, first and end, the brush paints where it touches each column."""
        self._spans = tuple(spans)
        self.update()

    def cursor_cell(self) -> Cell:
        """The cell that keys act on."""
        return self._cursor

    def moveCursor(self, row: int, column: int) -> None:
        """Put the cursor on the nearest cell there is."""
        cell = min(max(row, 0), len(self._shares) - 1), min(max(column, 0), self._places.columns - 1)
        if cell != self._cursor and min(cell) >= 0:
            before, self._cursor = self._cursor, cell
            for each in (before, cell):
                self.update(self._places.around(each))
            self.setAccessibleDescription(self._describe(*cell))
            self.cursorMoved.emit(*cell)

    def cellRect(self, row: int, column: int) -> QRect:
        """Where a cell lies."""
        return self._places.cell((row, column))

    def columnsRect(self, first: int, end: int) -> tuple[int, int]:
        """The left and right end of a group of columns."""
        return self._places.edges(first)[0], self._places.edges(end - 1)[1]

    def pictureRect(self, row: int) -> QRect:
        """Where the picture of a row lies."""
        return self._places.picture(row)

    def remover(self, row: int) -> IconButton:
        """The button that removes a row, counted from 1."""
        return self._removers[row - 1]

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, max(len(self._shares), 1) * PITCH)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in OURS:
            event.accept()  # Space walks elsewhere
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._places.at(event.pos())
            QToolTip.showText(event.globalPos(), self._describe(*cell) if cell else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, region, palette = QPainter(self), event.region(), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, shares in enumerate(self._shares):
            if region.intersects(self.pictureRect(row)):
                paint_picture(painter, self.pictureRect(row), self._pictures.get(row))
            for column, share in enumerate(shares):
                if region.intersects(self._places.around((row, column))):
                    paint_cell(painter, QRectF(self.cellRect(row, column)), share)
        if self._hovered is not None and self._last is None and self._held is None:
            for column in range(*self._span(self._hovered[1])):  # what the brush would paint
                paint_frame(painter, QRectF(self.cellRect(self._hovered[0], column)), palette.accent, 1)
        if self._shares:
            around = QRectF(self._places.around(self._cursor))
            paint_frame(painter, around, palette.text if self.hasFocus() else palette.dim, 1.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._places.at(event.position().toPoint())
        is_left = event.button() == Qt.MouseButton.LeftButton
        if cell is None or not (is_left or event.button() == Qt.MouseButton.RightButton):
            return
        self._settle()
        self.moveCursor(cell[0], self._cursor[1] if cell[1] < 0 else cell[1])
        if cell[1] < 0:
            return
        if is_left and event.modifiers() & WEIGHING:
            self._held = event.position().y()
        else:
            self._is_erasing = not is_left or bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._last = cell
            self._paint((cell,))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        if self._held is not None:
            self._weigh((self._held - event.position().y()) / PIXELS_TO_ALL)
        elif self._last is not None:
            cell = self._places.nearest(place)
            if cell != self._last:
                passed, self._last = cells_between(self._last, cell), cell
                self.moveCursor(*cell)
                self._paint(passed)
        self._point(self._places.at(place))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = self._last = None
        self._settle()

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)
        super().leaveEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        cell = (self._cursor[0], -1) if by_key else self._places.at(event.pos())
        if cell is not None and cell[1] < 0:
            place = self.mapToGlobal(self.pictureRect(cell[0]).center()) if by_key else event.globalPos()
            self.menuAsked.emit(cell[0], place)

    def wheelEvent(self, event: QWheelEvent) -> None:
        cell = self._places.at(event.position().toPoint())
        turned = event.angleDelta().y() or event.angleDelta().x()  # with Alt the wheel turns sideways
        if not event.modifiers() & WEIGHING or cell is None or cell[1] < 0:
            event.ignore()  # the column scrolls
            return
        if cell != self._cursor:
            self._settle()
            self.moveCursor(*cell)
        self._weigh(self._change + NOTCH * turned / 120)
        self._resting.start()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        (row, column), key = self._cursor, event.key()
        moves = {
            Qt.Key.Key_Left: (row, column - 1),
            Qt.Key.Key_Right: (row, column + 1),
            Qt.Key.Key_Up: (row - 1, column),
            Qt.Key.Key_Down: (row + 1, column),
            Qt.Key.Key_Home: (row, 0),
            Qt.Key.Key_End: (row, self._places.columns - 1),
        }
        if key in moves:
            self.moveCursor(*moves[Qt.Key(key)])
        elif key == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._is_erasing = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._paint((self._cursor,))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._weigh(self._change + (-NOTCH if key == Qt.Key.Key_Minus else NOTCH))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and row > 0:
            self.removeAsked.emit(row)
        elif key not in OURS:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat() and self._last is None and self._held is None:
            self._settle()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.setAccessibleDescription(self._describe(*self._cursor))
        self.update(self._places.around(self._cursor))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._settle()
        self.update(self._places.around(self._cursor))

    # --- private ---

    def _set_rows(self) -> None:
        """Have as many rows, and buttons to remove all but the first, as there are shares."""
        count = len(self._shares)
        self._pictures = {row: pixels for row, pixels in self._pictures.items() if row < count}
        while len(self._removers) > max(count - 1, 0):
            self._removers.pop().deleteLater()
        while len(self._removers) < count - 1:
            button = IconButton("close", "Remove this row; its layers fall back to the current point (Delete).", self)
            button.clicked.connect(partial(self.removeAsked.emit, len(self._removers) + 1))
            button.show()
            self._removers.append(button)
        self._place()
        self._last = self._hovered = None
        self.moveCursor(*self._cursor)
        self.updateGeometry()
        self.update()

    def _place(self) -> None:
        self._places = replace(self._places, width=self.width(), rows=len(self._shares))
        for row, button in enumerate(self._removers, 1):
            button.setGeometry(self._places.remover(row))

    def _point(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            before, self._hovered = self._hovered, cell
            for each in filter(None, (before, cell)):
                for column in range(*self._span(each[1])):
                    self.update(self._places.around((each[0], column)))
            self.pointed.emit(cell)

    def _span(self, column: int) -> tuple[int, int]:
        if column < 0:
            return 0, 0
        return self._spans[column] if column < len(self._spans) else (column, column + 1)

    def _paint(self, cells: tuple[Cell, ...]) -> None:
        self._is_unsettled = True
        self.painted.emit(cells, self._is_erasing)

    def _weigh(self, change: float) -> None:
        self._change = min(max(change, -1.0), 1.0)
        self._is_unsettled = True
        self.weighed.emit(self._change)

    @Slot()
    def _settle(self) -> None:
        self._resting.stop()
        self._change = 0.0
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()
