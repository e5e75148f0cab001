"""A code map to paint on: every cell shows the picture of its code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.codes import Cell, brushed
from explorer.ui.code_map_places import CodePlaces, paint_cell_frame, paint_lines, paint_outline
from explorer.ui.images import draw_image, qimage
from explorer.ui.mixer_places import cells_between
from explorer.ui.theme import colours

__all__ = ["CodeMap"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

USUAL: Final = 302  # pixels that a map takes in a narrow column
LEAST: Final = 220
MOST: Final = 720
SLACK: Final = 24  # pixels of room before the map grows: more than a scroll bar takes
PICKING: Final = Qt.KeyboardModifier.AltModifier
ERASING: Final = Qt.KeyboardModifier.ShiftModifier
PAINT_KEYS: Final = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
ERASE_KEYS: Final = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
STEP_KEYS: Final = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}
OURS: Final = (*PAINT_KEYS, *ERASE_KEYS, *STEP_KEYS)


class CodeMap(QWidget):
    """Drag to paint cells, with Shift to erase them; a right click, or a click with Alt, picks up the code of a cell.

    Arrows, Home and End move the cursor, Space or Return paints there, Delete erases, [ and ] ask for another code.
    What is painted carries an outline. The brush covers a square of cells: see ``setBrush``.
    """

    painted = Signal(object, bool)  # a tuple of cells, and whether to erase
    settled = Signal()  # after a drag or a key: one undo step
    picked = Signal(object)  # the Cell whose code is wanted
    stepped = Signal(int)  # to the code before (-1) or after (1)
    cursorMoved = Signal(object)  # a Cell
    pointed = Signal(object)  # the Cell under the mouse, or None

    def __init__(self, describe: Callable[[Cell], str], parent: QWidget | None = None) -> None:
        """``describe`` says what a cell is."""
        super().__init__(parent)
        self._describe = describe
        self._places = CodePlaces(room=USUAL)
        self._image: QImage | None = None
        self._outlined: frozenset[Cell] = frozenset()
        self._size, self._is_eraser = 1, False
        self._shows_cursor = False  # keys are in use
        self._cursor: Cell = (0, 0)
        self._hovered: Cell | None = None
        self._last: Cell | None = None  # where the brush was; None while nothing is painted
        self._is_erasing = False
        self._is_unsettled = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Code map")
        self._fit()

    # --- public ---

    def setShape(self, rows: int, columns: int) -> None:
        """Have so many rows and columns of cells, with nothing in them."""
        self._settle()
        self._places = replace(self._places, rows=rows, columns=columns)
        self._image, self._outlined = None, frozenset()
        self._cursor, self._hovered, self._last = (0, 0), None, None
        self._fit()

    def setCells(self, codes: npt.NDArray[np.intp], swatches: Pixels, outlined: Collection[Cell]) -> None:
        """Show codes (rows, columns), each as its picture of ``swatches`` (codes, side, side, c), some outlined."""
        assert codes.shape == self._shape(), "codes should be (rows, columns)"
        tiles = swatches[codes].swapaxes(1, 2)  # (rows, side, columns, side, c)
        height, width = (cells * swatches.shape[1] for cells in self._shape())
        self._image = qimage(tiles.reshape(height, width, swatches.shape[-1]))
        self._outlined = frozenset(outlined)
        self.update()

    def setBrush(self, size: int, is_eraser: bool) -> None:
        """Paint squares of so many cells a side, or erase them."""
        self._size, self._is_eraser = size, is_eraser
        self.update()

    def cursorCell(self) -> Cell:
        """The cell that keys act on."""
        return self._cursor

    def pointedCell(self) -> Cell | None:
        """The cell under the mouse."""
        return self._hovered

    def moveCursor(self, row: int, column: int) -> None:
        """Put the cursor on the nearest cell there is."""
        cell = self._places.clamped((row, column))
        if cell != self._cursor:
            self._cursor = cell
            self.setAccessibleDescription(self._describe(cell))
            self.update()
            self.cursorMoved.emit(cell)

    def cellRect(self, cell: Cell) -> QRect:
        """Where a cell lies."""
        return self._places.cell(cell)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(USUAL, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in OURS:
            event.accept()  # Space walks elsewhere
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._places.at(event.pos())
            QToolTip.showText(event.globalPos(), self._describe(cell) if cell else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, around = QPainter(self), QRectF(self._places.around())
        if self._image is None:
            painter.fillRect(around, QColor(colours().raised))
            return
        draw_image(painter, around, self._image, smooth=False)
        paint_lines(painter, self._places)
        paint_outline(painter, self._places, self._outlined)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._hovered is not None and self._last is None:  # what the brush would cover
            paint_cell_frame(painter, self._places, brushed((self._hovered,), self._size, self._shape()), 1.0)
        if self._shows_cursor:
            paint_cell_frame(painter, self._places, brushed((self._cursor,), self._size, self._shape()), 2.0)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._places.at(event.position().toPoint())
        is_left = event.button() == Qt.MouseButton.LeftButton
        if cell is None or self._image is None or not (is_left or event.button() == Qt.MouseButton.RightButton):
            return
        self._settle()
        self._shows_cursor = False
        self.moveCursor(*cell)
        if not is_left or event.modifiers() & PICKING:
            self.picked.emit(cell)
        else:
            self._is_erasing = self._is_eraser or bool(event.modifiers() & ERASING)
            self._last = cell
            self._paint((cell,))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        if self._last is not None:
            cell = self._places.nearest(place)
            if cell != self._last:
                passed, self._last = cells_between(self._last, cell), cell
                self.moveCursor(*cell)
                self._paint(passed)
        self._point(self._places.at(place))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None
        self._settle()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._point(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        (row, column), key = self._cursor, event.key()
        self._show_cursor(True)
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
        elif key in STEP_KEYS:
            self.stepped.emit(STEP_KEYS[Qt.Key(key)])
        elif key in (*PAINT_KEYS, *ERASE_KEYS) and not event.isAutoRepeat():
            shifted = bool(event.modifiers() & ERASING)
            self._is_erasing = key in ERASE_KEYS or self._is_eraser or shifted
            self._paint((self._cursor,))
        elif key not in OURS:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat() and self._last is None:
            self._settle()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.setAccessibleDescription(self._describe(self._cursor))
        self._show_cursor(event.reason() != Qt.FocusReason.MouseFocusReason)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._settle()
        self._show_cursor(False)

    # --- private ---

    def _shape(self) -> Cell:
        return self._places.rows, self._places.columns

    def _fit(self) -> None:
        """Take as much room as there is; a little more of it, as a scroll bar takes, changes nothing."""
        width, room = self.width(), self._places.room
        if not room <= width <= room + SLACK:
            room = min(max(width, LEAST), MOST)
        self._places = replace(self._places, width=width, room=room)
        self.setFixedHeight(self._places.height)
        self.update()

    def _show_cursor(self, is_shown: bool) -> None:
        if is_shown != self._shows_cursor:
            self._shows_cursor = is_shown
            self.update()

    def _point(self, cell: Cell | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self.update()
            self.pointed.emit(cell)

    def _paint(self, cells: tuple[Cell, ...]) -> None:
        self._is_unsettled = True
        self.painted.emit(brushed(cells, self._size, self._shape()), self._is_erasing)

    def _settle(self) -> None:
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()
