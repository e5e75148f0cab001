"""One row of thumbnails to choose from: seeds, keyframes, history, steps."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
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
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QToolTip, QWidget

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["Item", "ThumbnailStrip"]

Pixels: TypeAlias = npt.NDArray[np.uint8]
Item: TypeAlias = tuple[Hashable, Pixels | None, str]  # key, (h, w, c) or None for a placeholder, tool tip

GAP: Final = 6
EDGE: Final = 3  # room around the row for the border of the current one
SCROLLER: Final = 8
BADGE: Final = 15


class ThumbnailStrip(QAbstractScrollArea):
    """Square thumbnails in one row that scrolls sideways; the current one carries a border of two pixels.

    Only what is in sight is converted, scaled and painted, and that once. Left, Right, Home and End move the cursor,
    Return or a click chooses, the wheel scrolls where there is more than fits, a right click (or the menu key) asks for
    a menu.
    """

    chosen = Signal(object)  # a key
    menuAsked = Signal(object, QPoint)  # a key and a position on the screen

    def __init__(
        self, name: str = "Pictures", size: int = 52, colour: str = "accent", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._side = size
        self._colour = colour  # of the palette: accent for what is held, amber for time
        self._items: tuple[Item, ...] = ()
        self._places: dict[Hashable, int] = {}
        self._images: dict[Hashable, tuple[Pixels, float, QImage]] = {}
        self._badges: dict[Hashable, str] = {}
        self._faded: frozenset[Hashable] = frozenset()
        self._current: Hashable = None
        self._cursor = -1
        self.setProperty("flat", True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(size + 2 * EDGE)
        self.viewport().setAutoFillBackground(False)
        self.viewport().installEventFilter(self)

    # --- public ---

    def setItems(self, items: Sequence[Item]) -> None:
        """Show these items from the left; pictures already shown under the same key are not converted again."""
        self._items = tuple(items)
        self._places = {key: place for place, (key, _, _) in enumerate(self._items)}
        assert len(self._places) == len(self._items), "keys should differ"
        self._images = {key: kept for key, kept in self._images.items() if key in self._places}
        self._cursor = self._places.get(self._current, -1)
        self._set_scroll_range()
        self.viewport().update()

    def keys(self) -> tuple[Hashable, ...]:
        """The keys from the left."""
        return tuple(key for key, _, _ in self._items)

    def current(self) -> Hashable:
        """The key of the item with the border, or None."""
        return self._current

    def setCurrent(self, key: Hashable) -> None:
        """Put the border around ``key`` (None or an unknown key: around none) and scroll it into sight; no signal."""
        self._current = key
        self._cursor = self._places.get(key, -1)
        if self._cursor >= 0:
            self._reveal(self._cursor)
        self.viewport().update()

    def setBadges(self, badges: Mapping[Hashable, str]) -> None:
        """Mark items in their corner, one mark per letter: "A", "B", "\N{BLACK STAR}", or several of them."""
        self._badges = dict(badges)
        self.viewport().update()

    def setFaded(self, keys: Collection[Hashable]) -> None:
        """Paint the pictures of these keys at half strength, because they show something older."""
        if frozenset(keys) != self._faded:
            self._faded = frozenset(keys)
            self.viewport().update()

    def itemRect(self, key: Hashable) -> QRect:
        """Where the thumbnail of ``key`` lies in the viewport, in or out of sight."""
        left = EDGE + self._places[key] * (self._side + GAP) - self.horizontalScrollBar().value()
        return QRect(left, EDGE, self._side, self._side)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(8 * (self._side + GAP), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * (self._side + GAP), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_scroll_range()
        if self._current in self._places and event.size().width() != event.oldSize().width():
            self._reveal(self._places[self._current])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, area = QPainter(self.viewport()), event.rect()
        offset, pitch = self.horizontalScrollBar().value(), self._side + GAP
        first = max(0, (area.left() + offset - 2 * EDGE) // pitch)
        last = (area.right() + offset) // pitch
        for place in range(first, min(last + 1, len(self._items))):
            self.paintItem(painter, place)

    def paintItem(self, painter: QPainter, place: int) -> None:
        """Paint one item where it lies; called only for items in sight."""
        palette = colours()
        key, pixels, _ = self._items[place]
        rect = self.itemRect(key)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if pixels is None:
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        else:
            painter.setOpacity(0.5 if key in self._faded else 1.0)
            painter.drawImage(rect.topLeft(), self._image(key, pixels))
            painter.setOpacity(1.0)
        if key == self._current or (self.hasFocus() and place == self._cursor):
            hue = getattr(palette, self._colour) if key == self._current else palette.text
            is_choice = key == self._current
            painter.setPen(QPen(QColor(hue), 2, Qt.PenStyle.SolidLine if is_choice else Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(rect).adjusted(-2, -2, 2, 2), 4, 4)
        for number, letter in enumerate(self._badges.get(key, "")):
            self._paint_badge(
                painter, QRect(rect.left() + 2 + number * (BADGE + 1), rect.top() + 2, BADGE, BADGE), letter
            )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self._choose(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the press was for us

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        place = self._cursor if by_key else self._place_at(event.pos())
        if place >= 0:
            key = self._items[place][0]
            position = self.viewport().mapToGlobal(self.itemRect(key).center()) if by_key else event.globalPos()
            self.menuAsked.emit(key, position)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.horizontalScrollBar().maximum():
            event.ignore()  # what is around may scroll
            return
        delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (delta.x() or delta.y()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._items) - 1
        places = {
            Qt.Key.Key_Left: max(self._cursor - 1, 0),
            Qt.Key.Key_Right: min(self._cursor + 1, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if event.key() in places and last >= 0:
            self._cursor = places[Qt.Key(event.key())]
            self._reveal(self._cursor)
            self.viewport().update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cursor >= 0:
            self._choose(self._cursor)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._cursor < 0 and self._items and event.reason() != Qt.FocusReason.MouseFocusReason:
            self._cursor = 0
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.viewport() and isinstance(event, QHelpEvent):
            place = self._place_at(event.pos())
            if place >= 0 and self._items[place][2]:
                QToolTip.showText(event.globalPos(), self._items[place][2], self.viewport())
            return place >= 0
        return super().eventFilter(watched, event)

    # --- private ---

    def _choose(self, place: int) -> None:
        self.setCurrent(self._items[place][0])
        self.chosen.emit(self._items[place][0])

    def _image(self, key: Hashable, pixels: Pixels) -> QImage:
        """The scaled thumbnail, made when it is first seen on a screen of this ratio."""
        kept = self._images.get(key)
        ratio = self.devicePixelRatioF()
        if kept is None or kept[0] is not pixels or kept[1] != ratio:
            kept = self._images[key] = (pixels, ratio, thumbnail(pixels, self._side, ratio))
        return kept[2]

    def _paint_badge(self, painter: QPainter, rect: QRect, letter: str) -> None:
        palette = colours()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(palette.panel))
        painter.drawRoundedRect(rect, 4, 4)
        painter.setPen(QColor(palette.amber if letter == "\N{BLACK STAR}" else palette.text))
        font = painter.font()
        font.setPixelSize(11)
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, letter)

    def _place_at(self, point: QPoint) -> int:
        x = point.x() + self.horizontalScrollBar().value() - EDGE
        place, within = divmod(x, self._side + GAP)
        return place if 0 <= place < len(self._items) and within < self._side else -1

    def _reveal(self, place: int) -> None:
        left, bar = place * (self._side + GAP), self.horizontalScrollBar()
        right = left + self._side + 2 * EDGE
        if left < bar.value():
            bar.setValue(left)
        elif right > bar.value() + self.viewport().width():
            bar.setValue(right - self.viewport().width())

    def _set_scroll_range(self) -> None:
        width = len(self._items) * (self._side + GAP) - GAP + 2 * EDGE
        bar, room = self.horizontalScrollBar(), self.viewport().width()
        bar.setSingleStep(self._side + GAP)
        bar.setPageStep(room)
        bar.setRange(0, max(0, width - room))
        self.setFixedHeight(self._side + 2 * EDGE + (SCROLLER if width > room else 0))
