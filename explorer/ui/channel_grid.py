"""The channels of a layer as small grey pictures in a scrolling grid, of which only those in sight are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from explorer.ui.grey import fitting, grey
from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

if TYPE_CHECKING:
    from explorer.activations import Activations

__all__ = ["SIDES", "ChannelGrid"]

SIDES: Final = (16, 24, 36, 52, 76, 104, 156)  # pixels that tiles are about as wide as
GAP: Final = 2
EDGE: Final = 2  # around the grid, for the frame of a tile at its edge


class ChannelGrid(QAbstractScrollArea):
    """A click or Return on a tile chooses its channel, and chosen again lets it go.

    Arrows, Page Up and Down, Home and End move; + and -, or the wheel with Ctrl, change the size of the tiles.
    """

    pointed = Signal(int)  # the number of the channel under the mouse or the cursor, or -1
    chosen = Signal(int)  # the number of a channel, or -1
    sideChanged = Signal(int)  # by a person

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activations: Activations | None = None
        self._order: npt.NDArray[np.int64] = np.zeros(0, np.int64)  # places among the channels, from the top left
        self._is_alike = False
        self._wanted = SIDES[2]
        self._images: dict[int, QImage] = {}
        self._cursor = 0  # place in the order
        self._hovered = -1  # place in the order
        self._number = -1  # of the chosen channel
        self.setProperty("flat", True)
        self.setAccessibleName("Channels")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)

    # --- public ---

    def setActivations(self, activations: Activations | None, order: npt.NDArray[np.int64]) -> None:
        """Show channels; ``order`` holds their places in ``activations``, from the top left."""
        self._activations, self._order = activations, order
        self._cursor = min(self._cursor, max(len(order) - 1, 0))
        self._lay_out()

    def setAlike(self, is_alike: bool) -> None:
        """Draw all channels on one scale, or each on its own from its lowest to its highest value."""
        self._is_alike, self._images = is_alike, {}
        self.viewport().update()

    def side(self) -> int:
        """How wide tiles should be."""
        return self._wanted

    def setSide(self, side: int) -> None:
        """Draw tiles about so wide; they are made to fill the width."""
        if side != self._wanted:
            self._wanted = side
            self._lay_out()
            self._reveal()

    def setChosen(self, number: int) -> None:
        """Mark one channel, or none (-1)."""
        self._number = number
        self.viewport().update()

    def count(self) -> int:
        return len(self._order)

    def pointedNumber(self) -> int:
        """The number of the channel under the mouse, of the cursor while the keys are here, or -1."""
        if self._hovered >= 0:
            return self._number_at(self._hovered)
        return self._number_at(self._cursor) if self.hasFocus() else -1

    def tileRect(self, place: int) -> QRect:
        """Where a tile lies in the viewport, by its place in the order."""
        row, column = divmod(place, self._columns())
        pitch = self._tile() + GAP
        return QRect(
            EDGE + column * pitch, EDGE + row * pitch - self.verticalScrollBar().value(), self._tile(), self._tile()
        )

    # --- Qt ---

    def paintEvent(self, event: QPaintEvent) -> None:
        self._draw_missing()
        palette, painter = colours(), QPainter(self.viewport())
        for place in self._in_sight():
            draw_image(painter, QRectF(self.tileRect(place)), self._images[int(self._order[place])], False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        chosen = next((place for place in self._in_sight() if self._number_at(place) == self._number), -1)
        cursor = self._cursor if self.hasFocus() else -1
        for place, hue, width in (
            (cursor, "black", 4),  # seen on any picture
            (cursor, "white", 2),
            (chosen, palette.accent, 3),
            (self._hovered, palette.accent, 2),
        ):
            if 0 <= place < len(self._order):
                painter.setPen(QPen(QColor(hue), width))
                painter.drawRect(self.tileRect(place).adjusted(-1, -1, 1, 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self._cursor = place
            self._choose()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._place_at(event.position()))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().viewportEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        bar, turned = self.verticalScrollBar(), event.angleDelta().y()
        if (turned > 0 and bar.value() == bar.minimum()) or (turned < 0 and bar.value() == bar.maximum()):
            event.ignore()  # the column scrolls on
            return
        super().wheelEvent(event)
        self._hover(self._place_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, columns, last = event.key(), self._columns(), len(self._order) - 1
        rows = max(self.viewport().height() // (self._tile() + GAP), 1)
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -rows * columns,
            Qt.Key.Key_PageDown: rows * columns,
        }
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}
        if last >= 0 and key in steps:
            target = self._cursor + steps[Qt.Key(key)]
            self._move(target if 0 <= target <= last else self._cursor)
        elif last >= 0 and key in ends:
            self._move(ends[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(-1 if key == Qt.Key.Key_Minus else 1)
        else:
            event.ignore()  # the keys of the window

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._tell()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._tell()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    # --- private ---

    def _columns(self) -> int:
        return max((self._room() + GAP) // (self._wanted + GAP), 1)

    def _tile(self) -> int:
        """The side of a tile, so that a row of them fills the width."""
        columns = self._columns()
        return max((self._room() - (columns - 1) * GAP) // columns, 1)

    def _room(self) -> int:
        """The width for tiles, whether or not there is a scroll bar: it would come and go with their size."""
        return self.width() - self.verticalScrollBar().sizeHint().width() - 2 * EDGE

    def _lay_out(self) -> None:
        self._images = {}
        pitch = self._tile() + GAP
        height = -(-len(self._order) // self._columns()) * pitch - GAP + 2 * EDGE
        bar = self.verticalScrollBar()
        bar.setRange(0, max(height - self.viewport().height(), 0))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(pitch)
        self.viewport().update()

    def _in_sight(self) -> range:
        pitch, top = self._tile() + GAP, self.verticalScrollBar().value()
        first = max(top - EDGE, 0) // pitch
        last = (top + self.viewport().height()) // pitch + 1
        return range(first * self._columns(), min(last * self._columns(), len(self._order)))

    def _draw_missing(self) -> None:
        """Make the images of the tiles in sight that there are not yet, all at once."""
        missing = [index for index in map(int, self._order[self._in_sight()]) if index not in self._images]
        if self._activations is None or not missing:
            return
        room = round(self._tile() * self.devicePixelRatioF())
        pixels = grey(
            fitting(self._activations.values[missing], room), self._activations.span if self._is_alike else None
        )
        for index, each in zip(missing, pixels, strict=True):
            self._images[index] = qimage(each[:, :, None])

    def _place_at(self, point: QPointF) -> int:
        pitch = self._tile() + GAP
        across, down = point.x() - EDGE, point.y() - EDGE + self.verticalScrollBar().value()
        column, place = int(across // pitch), int(down // pitch) * self._columns() + int(across // pitch)
        return place if 0 <= column < self._columns() and 0 <= place < len(self._order) and down >= 0 else -1

    def _number_at(self, place: int) -> int:
        found = self._activations
        is_there = found is not None and 0 <= place < len(self._order)
        return int(found.numbers[self._order[place]]) if found is not None and is_there else -1

    def _hover(self, place: int) -> None:
        if place != self._hovered:
            self._hovered = place
            self._tell()

    def _move(self, place: int) -> None:
        self._cursor = place
        self._reveal()
        self._tell()

    def _reveal(self) -> None:
        """Scroll to the cursor."""
        rect, bar = self.tileRect(self._cursor).adjusted(0, -EDGE, 0, EDGE), self.verticalScrollBar()
        beyond = max(rect.bottom() + 1 - self.viewport().height(), 0) or min(rect.top(), 0)
        bar.setValue(bar.value() + beyond)

    def _choose(self) -> None:
        number = self._number_at(self._cursor)
        if number >= 0:
            self.setChosen(-1 if number == self._number else number)
            self.chosen.emit(self._number)

    def _zoom(self, by: int) -> None:
        nearest = min(range(len(SIDES)), key=lambda place: abs(SIDES[place] - self._wanted))
        side = SIDES[min(max(nearest + by, 0), len(SIDES) - 1)]
        if side != self._wanted:
            self.setSide(side)
            self.sideChanged.emit(side)

    def _tell(self) -> None:
        self.viewport().update()
        self.pointed.emit(self.pointedNumber())
