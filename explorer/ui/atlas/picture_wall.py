"""Thumbnails of any number of rows, in the order given: one row of them, or a wall where there is room."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar, QSizePolicy, QToolTip, QWidget

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["PictureWall"]

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

GAP: Final = 8
EDGE: Final = 3  # room around for the border of the current one
SCROLLER: Final = 8
LARGEST: Final = 64  # side of a thumbnail where there is one row
WALL_SIDE: Final = 56  # where there are several
KEPT: Final = 600  # scaled thumbnails


class PictureWall(QAbstractScrollArea):
    """Scrolls sideways while it is lower than two rows, and downwards else; only what is in sight is read and scaled.

    Arrow keys, Page Up, Page Down, Home and End go from picture to picture, Return opens, a click picks, a double
    click opens.
    """

    picked = Signal(int)  # a row
    opened = Signal(int)  # a row
    hovered = Signal(int)  # a row, or -1

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails: Pixels | None = None
        self._rows: Rows = np.zeros(0, np.int64)
        self._flagged: npt.NDArray[np.bool_] | None = None
        self._images: OrderedDict[tuple[int, int, float], QImage] = OrderedDict()
        self._current = -1  # a row
        self._cursor = -1  # a place
        self._hovered = -1
        self.setProperty("flat", True)
        self.setAccessibleName("Pictures")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.viewport().installEventFilter(self)

    # --- public ---

    def set_thumbnails(self, thumbnails: Pixels | None) -> None:
        """Take the pictures of all rows (m, h, w, c), perhaps a file."""
        self._thumbnails = thumbnails
        self._images.clear()
        self.viewport().update()

    def set_rows(self, rows: Rows) -> None:
        """Show these rows, from the beginning unless the current one is among them."""
        self._rows = np.asarray(rows, np.int64)
        self._set_scroll_range()
        self._cursor = self._place_of(self._current)
        if self._cursor >= 0:
            self._reveal(self._cursor)
        else:
            self._bar().setValue(0)
        self.viewport().update()

    def rows(self) -> Rows:
        """The rows shown, in their order."""
        return self._rows

    def set_current(self, row: int) -> None:
        """Put a border around a row (-1: none) and scroll it into sight; no signal."""
        self._current = row
        self._cursor = self._place_of(row)
        if self._cursor >= 0:
            self._reveal(self._cursor)
        self.viewport().update()

    def set_flagged(self, mask: npt.NDArray[np.bool_] | None) -> None:
        """Mark these rows (m,) with a red corner."""
        self._flagged = mask
        self.viewport().update()

    def item_rect(self, place: int) -> QRect:
        """Where the thumbnail at a place lies in the viewport, in or out of sight."""
        side, lines, columns = self._shape()
        line, column = (place % lines, place // lines) if lines == 1 else divmod(place, columns)
        x, y = EDGE + column * (side + GAP), EDGE + line * (side + GAP)
        if lines == 1:
            return QRect(x - self._bar().value(), y, side, side)
        return QRect(x, y - self._bar().value(), side, side)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(8 * (LARGEST + GAP), LARGEST + 2 * EDGE + SCROLLER)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * (WALL_SIDE + GAP), 40 + 2 * EDGE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_scroll_range()
        if self._cursor >= 0:
            self._reveal(self._cursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first, end = self.places_in_sight()
        for place in range(first, end):
            self._paint_item(painter, place)

    def places_in_sight(self) -> tuple[int, int]:
        """The first place in sight, and the one after the last."""
        side, lines, columns = self._shape()
        pitch, start = side + GAP, self._bar().value()
        room = self.viewport().width() if lines == 1 else self.viewport().height()
        step = 1 if lines == 1 else columns
        first = max(0, (start - EDGE) // pitch) * step
        return first, min(((start + room - EDGE) // pitch + 1) * step, len(self._rows))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self._pick(place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.opened.emit(int(self._rows[place]))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the press was for us

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._place_at(event.position().toPoint()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        bar = self._bar()
        if not bar.maximum():
            event.ignore()  # what is around may scroll
            return
        delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        bar.setValue(bar.value() - (delta.x() or delta.y()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        _, lines, columns = self._shape()
        first, end = self.places_in_sight()
        page = max(end - first - 1, 1)
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns if lines > 1 else -1,
            Qt.Key.Key_Down: columns if lines > 1 else 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self._rows),
            Qt.Key.Key_End: len(self._rows),
        }
        if event.key() in steps and len(self._rows):
            start = self._cursor if self._cursor >= 0 else (-1 if steps[Qt.Key(event.key())] > 0 else 0)
            self._pick(min(max(start + steps[Qt.Key(event.key())], 0), len(self._rows) - 1))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor >= 0:
            self.opened.emit(int(self._rows[self._cursor]))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep Return from the shortcuts of the window while there is a picture to open."""
        is_return = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.type() == QEvent.Type.ShortcutOverride and is_return and self._cursor >= 0:
            event.accept()
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.viewport() and event.type() == QEvent.Type.Leave:
            self._hover(-1)
        if watched is self.viewport() and isinstance(event, QHelpEvent):
            place = self._place_at(event.pos())
            if place >= 0:
                QToolTip.showText(event.globalPos(), f"#{int(self._rows[place]):,}", self.viewport())
            return place >= 0
        return super().eventFilter(watched, event)

    # --- private ---

    def _shape(self) -> tuple[int, int, int]:
        """Side of a thumbnail, lines in sight (1: it scrolls sideways) and columns."""
        height = self.height()
        if height < 2 * (WALL_SIDE + GAP) + 2 * EDGE:
            return max(24, min(LARGEST, height - 2 * EDGE - SCROLLER)), 1, max(len(self._rows), 1)
        columns = max(1, (self.width() - SCROLLER - 2 * EDGE + GAP) // (WALL_SIDE + GAP))
        return WALL_SIDE, 2, columns

    def _bar(self) -> QScrollBar:
        return self.horizontalScrollBar() if self._shape()[1] == 1 else self.verticalScrollBar()

    def _set_scroll_range(self) -> None:
        side, lines, columns = self._shape()
        count, pitch = len(self._rows), side + GAP
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        is_strip = lines == 1
        bar, other = (across, down) if is_strip else (down, across)
        other.setRange(0, 0)
        room = self.viewport().width() if is_strip else self.viewport().height()
        length = (count if is_strip else -(-count // columns)) * pitch - GAP + 2 * EDGE
        bar.setSingleStep(pitch)
        bar.setPageStep(room)
        bar.setRange(0, max(0, length - room))

    def _paint_item(self, painter: QPainter, place: int) -> None:
        palette, row, rect = colours(), int(self._rows[place]), self.item_rect(place)
        image = self._image(row, rect.width())
        if image is None:
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        else:
            painter.drawImage(rect.topLeft(), image)
        if self._flagged is not None and row < len(self._flagged) and self._flagged[row]:
            painter.setPen(QPen(QColor(palette.panel), 1.5))
            painter.setBrush(QColor(palette.red))
            painter.drawEllipse(QRectF(rect.right() - 10, rect.top() + 3, 8, 8))
        hue = palette.accent if row == self._current else palette.text if place == self._hovered else None
        if hue is not None:
            painter.setPen(QPen(QColor(hue), 2 if row == self._current else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(-1.5, -1.5, 1.5, 1.5), 4, 4)

    def _image(self, row: int, side: int) -> QImage | None:
        """The scaled thumbnail, kept while it is one of those seen last."""
        if self._thumbnails is None or row >= len(self._thumbnails):
            return None
        key = (row, side, self.devicePixelRatioF())
        image = self._images.get(key)
        if image is None:
            image = self._images[key] = thumbnail(np.ascontiguousarray(self._thumbnails[row]), side, key[2])
            if len(self._images) > KEPT:
                self._images.popitem(last=False)
        else:
            self._images.move_to_end(key)
        return image

    def _place_of(self, row: int) -> int:
        found = np.flatnonzero(self._rows == row)
        return int(found[0]) if row >= 0 and len(found) else -1

    def _place_at(self, point: QPoint) -> int:
        side, lines, columns = self._shape()
        pitch, start = side + GAP, self._bar().value()
        x = point.x() - EDGE + (start if lines == 1 else 0)
        y = point.y() - EDGE + (0 if lines == 1 else start)
        (column, over_x), (line, over_y) = divmod(x, pitch), divmod(y, pitch)
        if over_x >= side or over_y >= side or not 0 <= column < columns or line < 0 or (lines == 1 and line):
            return -1
        place = line * columns + column
        return place if place < len(self._rows) else -1

    def _hover(self, place: int) -> None:
        if place != self._hovered:
            self._hovered = place
            self.viewport().update()
            self.hovered.emit(int(self._rows[place]) if place >= 0 else -1)

    def _pick(self, place: int) -> None:
        row = int(self._rows[place])
        self.set_current(row)
        self.picked.emit(row)

    def _reveal(self, place: int) -> None:
        _, lines, _ = self._shape()
        rect, bar = self.item_rect(place), self._bar()
        low, high = (rect.left(), rect.right()) if lines == 1 else (rect.top(), rect.bottom())
        room = self.viewport().width() if lines == 1 else self.viewport().height()
        if low < EDGE:
            bar.setValue(bar.value() + low - EDGE)
        elif high + EDGE > room:
            bar.setValue(bar.value() + high + EDGE - room)
