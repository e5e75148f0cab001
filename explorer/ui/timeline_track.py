"""The painted track of a timeline: ruler, keyframes, the ways between them, and the playhead."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal, Slot
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
)
from PySide6.QtWidgets import QApplication, QMenu, QSizePolicy, QToolTip, QWidget

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours
from explorer.ui.timeline_paint import HEIGHT, MIDDLE, paint_frame, paint_playhead, paint_ruler, paint_ways
from explorer.ui.timeline_places import FULL_SIDE, Places

__all__ = ["TimelineTrack"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

EMPTY: Final = "Add the current point with K; two keyframes make a film."
ALONE: Final = "One more keyframe makes a film."
KEYS: Final = (
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Backspace,
)


@dataclass(frozen=True, slots=True)
class _Grip:
    """A pressed thumbnail: which, where the press was, and where the mouse is now."""

    index: int
    start: float
    x: float
    is_dragged: bool = False


class TimelineTrack(QWidget):
    """Keyframes along time. It changes nothing by itself: it tells what a person wants, and shows what it is given.

    Press or drag on the ruler or between keyframes to move through time. Click a keyframe to go there, drag it to
    another place, right click for a menu. Left, Right, Home and End select, Return goes there, Shift+Left and
    Shift+Right reorder, Delete removes.
    """

    scrubbed = Signal(float)  # seconds
    keyframeChosen = Signal(int)
    keyframeMoved = Signal(int, int)  # from, to: its index afterwards
    keyframeRemoved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[Hashable, ...] = ()
        self._pictures: list[Pixels | None] = []
        self._images: dict[tuple[Hashable, int], tuple[Pixels, float, QImage]] = {}
        self._seconds, self._easing, self._loop = 1.0, "linear", False
        self._position: float | None = None
        self._selected = self._hovered = -1
        self._grip: _Grip | None = None
        self._is_scrubbing = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Keyframes")
        self.setAccessibleDescription("Arrows select, Return goes there, Shift and arrows reorder, Delete removes.")
        self._menu = QMenu(self)
        self._menu.addAction("Go to keyframe", self._choose_selected)
        self._earlier = self._menu.addAction("Move earlier", self._move_earlier)
        self._later = self._menu.addAction("Move later", self._move_later)
        self._menu.addSeparator()
        self._menu.addAction("Remove keyframe", self._remove_selected)

    # --- public ---

    def setFilm(
        self,
        keys: Sequence[Hashable],
        thumbnails: Sequence[Pixels | None],
        seconds: float,
        easing: str,
        loop: bool,
    ) -> None:
        """Show keyframes spread evenly over ``seconds`` with a thumbnail (h, w, c) each, or None: not there yet.

        Equal keys are equal keyframes; ``easing`` is a name in ``EASINGS``. The selection stays at its place.
        """
        assert len(keys) == len(thumbnails), "there should be as many thumbnails as keys"
        assert seconds > 0, "seconds should be above zero"
        if tuple(keys) != self._keys:
            self._grip, self._hovered = None, -1
        self._keys, self._pictures = tuple(keys), list(thumbnails)
        self._seconds, self._easing, self._loop = seconds, easing, loop
        known = set(self._keys)
        self._images = {place: kept for place, kept in self._images.items() if place[0] in known}
        self._selected = min(self._selected, len(self._keys) - 1)
        self.update()

    def setThumbnail(self, index: int, pixels: Pixels) -> None:
        """Show the picture (h, w, c) of one keyframe."""
        self._pictures[index] = pixels
        self.update()

    def position(self) -> float | None:
        """Where the playhead is, in seconds."""
        return self._position

    def setPosition(self, seconds: float | None) -> None:
        """Put the playhead at ``seconds``, without a signal; None hides it."""
        if seconds != self._position:
            self._update_playhead()
            self._position = seconds
            self._update_playhead()

    def selected(self) -> int:
        """The keyframe that the keys act on, or -1."""
        return self._selected

    def places(self) -> Places:
        """Where everything lies."""
        closes = self._loop and len(self._keys) > 1 and self._keys[0] != self._keys[-1]
        return Places(self.width(), len(self._keys), max(len(self._keys) - 1, 0) + closes, self._seconds)

    def keyframeRect(self, index: int) -> QRect:
        """Where the thumbnail of a keyframe lies."""
        return self._square(self.places().keyframe_x(index), self.places().side)

    def menu(self) -> QMenu:
        """The menu of the selected keyframe."""
        return self._menu

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(960, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, places, count = QPainter(self), self.places(), len(self._keys)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if count == 0:
            painter.setPen(QColor(colours().dim))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, EMPTY)
            return
        if count == 1:
            painter.setPen(QColor(colours().dim))
            beside = self.rect().adjusted(self.keyframeRect(0).right() + 14, 2 * MIDDLE - HEIGHT, 0, 0)
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, ALONE)
        else:
            paint_ruler(painter, places)
            paint_ways(painter, places, self._easing, event.rect())
        self._paint_keyframes(painter, places, event.rect())
        if self._position is not None and count > 1:
            paint_playhead(painter, places.x_at(self._position))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._keys:
            return
        index = self._keyframe_at(event.position())
        if index >= 0:
            self._select(index)
            self._grip = _Grip(index, event.position().x(), event.position().x())
        elif len(self._keys) > 1:
            self._is_scrubbing = True
            self._scrub(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._is_scrubbing:
            self._scrub(x)
        elif self._grip is not None:
            far = abs(x - self._grip.start) >= QApplication.startDragDistance()
            is_dragged = self._grip.is_dragged or (far and len(self._keys) > 1)
            self._grip = _Grip(self._grip.index, self._grip.start, x, is_dragged)
            self.update()
        else:
            self._hover(self._keyframe_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        grip, self._grip, self._is_scrubbing = self._grip, None, False
        self.update()
        if grip is not None and grip.is_dragged:
            self._move(grip.index, self.places().slot_at(grip.x))
        elif grip is not None:
            self.keyframeChosen.emit(grip.index)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self._selected if by_key else self._keyframe_at(QPointF(event.pos()))
        if index >= 0:
            self._select(index)
            self._earlier.setEnabled(index > 0)
            self._later.setEnabled(index < len(self._keys) - 1)
            self._menu.popup(self.mapToGlobal(self.keyframeRect(index).center()) if by_key else event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, last, now = event.key(), len(self._keys) - 1, self._selected
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        if key == Qt.Key.Key_Escape and self._grip is not None:
            self._grip = None
            self.update()
        elif key not in KEYS or last < 0:
            super().keyPressEvent(event)
        elif step and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._move(now, now + step)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose_selected()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._remove_selected()
        else:
            to = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}.get(Qt.Key(key), now + step)
            self._select(min(max(to, 0), last))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._selected < 0 and event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._selected = min(0, len(self._keys) - 1)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._words_at(QPointF(event.pos())), self)
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in KEYS:
            event.accept()  # before a shortcut of the window takes the key
            return True
        return super().event(event)

    # --- acting ---

    @Slot()
    def _choose_selected(self) -> None:
        if self._selected >= 0:
            self.keyframeChosen.emit(self._selected)

    @Slot()
    def _remove_selected(self) -> None:
        if self._selected >= 0:
            self.keyframeRemoved.emit(self._selected)

    @Slot()
    def _move_earlier(self) -> None:
        self._move(self._selected, self._selected - 1)

    @Slot()
    def _move_later(self) -> None:
        self._move(self._selected, self._selected + 1)

    def _move(self, index: int, to: int) -> None:
        if index >= 0 and 0 <= to < len(self._keys) and to != index:
            self._select(to)
            self.keyframeMoved.emit(index, to)

    def _scrub(self, x: float) -> None:
        seconds = self.places().seconds_at(x)
        self.setPosition(seconds)
        self.scrubbed.emit(seconds)

    def _select(self, index: int) -> None:
        self._selected = index
        self.update()

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.setCursor(Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    # --- places ---

    def _square(self, x: float, side: int) -> QRect:
        return QRect(round(x - side / 2), MIDDLE - side // 2, side, side)

    def _keyframe_at(self, point: QPointF) -> int:
        index = self.places().keyframe_at(point.x())
        return index if index >= 0 and self.keyframeRect(index).contains(point.toPoint()) else -1

    def _words_at(self, point: QPointF) -> str:
        places, index = self.places(), self._keyframe_at(point)
        if index >= 0:
            when = f" · {places.keyframe_seconds(index):.1f} s" if places.count > 1 else ""
            return f"Keyframe {index + 1} of {places.count}{when}. Drag to reorder, Delete removes it."
        return f"{places.seconds_at(point.x()):.2f} s" if places.count > 1 else ""

    def _update_playhead(self) -> None:
        if self._position is not None:
            x = round(self.places().x_at(self._position))
            self.update(QRect(x - 8, 0, 16, self.height()))

    # --- painting ---

    def _paint_keyframes(self, painter: QPainter, places: Places, area: QRect) -> None:
        """All in order, then the one under the mouse and the selected one on top, at full size."""
        order = list(range(places.count))
        grip = self._grip if self._grip is not None and self._grip.is_dragged else None
        if grip is not None:
            order.insert(places.slot_at(grip.x), order.pop(grip.index))
        if places.steps == places.count and places.count > 1:
            painter.setOpacity(0.4)
            self._paint_thumbnail(painter, order[0], self._square(places.keyframe_x(places.count), places.side))
            painter.setOpacity(1.0)
        raised = [self._hovered, self._selected] if grip is None and (self.hasFocus() or self._hovered >= 0) else []
        for slot, index in enumerate(order):
            rect = self._square(places.keyframe_x(slot), places.side)
            if rect.intersects(area) and index not in raised:
                if grip is not None and index == grip.index:
                    paint_frame(painter, rect, colours().accent)
                else:
                    self._paint_thumbnail(painter, index, rect)
        for index in raised:
            if index >= 0:
                rect = self._square(places.keyframe_x(index), FULL_SIDE)
                rect.moveLeft(min(max(rect.left(), 0), self.width() - FULL_SIDE))
                self._paint_thumbnail(painter, index, rect)
        if grip is not None:
            painter.setOpacity(0.85)
            self._paint_thumbnail(painter, grip.index, self._square(grip.x, FULL_SIDE))
            painter.setOpacity(1.0)

    def _paint_thumbnail(self, painter: QPainter, index: int, rect: QRect) -> None:
        palette, pixels = colours(), self._pictures[index]
        if pixels is None:
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        else:
            painter.drawImage(rect.topLeft(), self._image(self._keys[index], pixels, rect.width()))
        if index == self._selected and self._grip is None:
            paint_frame(painter, rect, palette.accent if self.hasFocus() else palette.dim)

    def _image(self, key: Hashable, pixels: Pixels, side: int) -> QImage:
        """The scaled thumbnail, made when it is first seen at this size on a screen of this ratio."""
        kept, ratio = self._images.get((key, side)), self.devicePixelRatioF()
        if kept is None or kept[0] is not pixels or kept[1] != ratio:
            kept = self._images[key, side] = (pixels, ratio, thumbnail(pixels, side, ratio))
        return kept[2]
