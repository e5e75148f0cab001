"""The track of the timeline: what a person does to keyframes with mouse and keys, told in signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from explorer.scene import Scene
from explorer.ui.timeline import paint
from explorer.ui.timeline.drags import BAND, KEYS, LABELS, REGION, SCRUB, STRETCH, Drag, dragged, snap_for
from explorer.ui.timeline.keys import KEYS_HELP, is_key, press_key
from explorer.ui.timeline.moves import Snap, snapped
from explorer.ui.timeline.paint import HEIGHT, MIDDLE, RULER, SOUND_HEIGHT, SPEED_HEIGHT
from explorer.ui.timeline.places import FULL_SIDE
from explorer.ui.timeline.selecting import SelectingView, followed
from explorer.ui.timeline.track_menu import TrackMenu
from explorer.ui.timeline.track_paint import Look, Thumbnails, paint_keyframes, paint_rows, paint_words, rows_for

__all__ = ["TimelineTrack"]

Pixels: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.floating]

HANDLE: Final = 6.0  # pixels beside a handle that still take hold of it
END_ROOM: Final = 10.0  # right of the end of the film, where its handle is
STRIP: Final = 12.0  # of the ruler from below, where the region is held
CTRL: Final = Qt.KeyboardModifier.ControlModifier
SHIFT: Final = Qt.KeyboardModifier.ShiftModifier
WIDE: Final = Qt.CursorShape.SizeHorCursor


class TimelineTrack(SelectingView):
    """Keyframes along time. It changes no film by itself: it tells what a person wants, and shows what it is given.

    In the ruler: a press scrubs, Shift and a drag chooses a part to loop, a double click fits, the flag at the end
    stretches. Below: a click goes to a keyframe, a drag moves it in time (past others it changes the order; with Shift
    all later ones come along), a drag from an empty place selects, a double click there inserts the current point.
    """

    scrubbed = Signal(float)  # seconds
    insertAsked = Signal(float)  # the current point at a second
    snappingChanged = Signal(bool)
    curveAsked = Signal()  # a curve of one's own for the selected ways

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = Thumbnails()
        self._position: float | None = None
        self._hovered = -1
        self._drag: Drag | None = None
        self._snap = Snap(30)  # of the drag
        self._resting: tuple[float | None, float] = (None, 0.0)  # scale and offset when the drag began
        self._guide: float | None = None
        self._is_snapping = True
        self._speed: tuple[Floats, Floats] | None = None
        self._peaks: Floats | None = None
        self._menu = TrackMenu(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Keyframes")
        self.setAccessibleDescription(KEYS_HELP)

    # --- public ---

    def set_thumbnails(self, pictures: Mapping[Scene, Pixels]) -> None:
        """Show these pictures (h, w, c) of scenes; the mapping is looked into while painting."""
        self._thumbnails.pictures = pictures
        self.update()

    def set_rows(self, speed: tuple[Floats, Floats] | None, peaks: Floats | None) -> None:
        """Show how much the picture changes per second at some seconds, and how loud the sound is (0 to 1, all of it).

        None where that is not known.
        """
        self._speed, self._peaks = speed, peaks
        if self.height() != self.sizeHint().height():
            self.updateGeometry()
        self.update()

    def position(self) -> float | None:
        """Where the playhead is, in seconds."""
        return self._position

    def moment(self) -> float | None:
        """Where the playhead is, or else the keyframe that the arrows move from."""
        current = self.current()
        return self._position if self._position is not None or current < 0 else self.places().times[current]

    def setPosition(self, seconds: float | None, follow: bool = False) -> None:
        """Put the playhead at ``seconds``, without a signal; None hides it. ``follow`` keeps it in view."""
        if seconds != self._position:
            self._update_playhead()
            self._position = seconds
            self._update_playhead()
            if follow and seconds is not None and self._drag is None:
                self.scrollTo(seconds)

    def isSnapping(self) -> bool:
        """Whether seconds, beats, keyframes and the playhead pull at what is dragged."""
        return self._is_snapping

    @Slot(bool)
    def setSnapping(self, is_snapping: bool) -> None:
        """Switch the magnet."""
        if is_snapping != self._is_snapping:
            self._is_snapping = is_snapping
            self.snappingChanged.emit(is_snapping)

    @Slot()
    def toggle_snapping(self) -> None:
        self.setSnapping(not self._is_snapping)

    @Slot()
    def insert_at_playhead(self) -> None:
        """Ask for the current point where the playhead is, or at the end."""
        self.insertAsked.emit(self._position if self._position is not None else self.places().seconds)

    def keyframeRect(self, index: int) -> QRect:
        """Where the thumbnail, or the bar, of a keyframe lies."""
        places = self.places()
        side = places.side(index)
        width, height = (side, side) if side else (3, FULL_SIDE - 8)
        return QRect(round(places.keyframe_x(index) - width / 2), MIDDLE - height // 2, width, height)

    def visible(self) -> range:
        """The keyframes that are in view."""
        return self.places().between(0, self.width())

    def menu(self) -> TrackMenu:
        """What can be done with the selected keyframes and the track."""
        return self._menu

    def is_held(self) -> bool:
        return self._drag is not None

    def forget_hand(self) -> None:
        self._hovered = -1
        self._let_go()

    # --- Qt ---

    def sizeHint(self) -> QSize:
        rows = (SPEED_HEIGHT if self._speed is not None else 0) + (SOUND_HEIGHT if self._film.sound is not None else 0)
        return QSize(960, HEIGHT + rows)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, area, film, places = QPainter(self), event.rect(), self._film, self.places()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not film.is_playable:
            paint_words(painter, len(film.keyframes), self.rect())
        else:
            paint.paint_ruler(painter, places, self.height())
            paint.paint_ways(painter, places, film, self._selected, area)
            rows = rows_for(self.width(), self._speed is not None, film.sound is not None)
            paint_rows(painter, places, film, rows, self._speed, self._peaks, area)
            if film.region is not None:
                paint.paint_region(painter, places, film.region, self.height())
            paint.paint_end(painter, places, self._drag is not None and self._drag.kind == STRETCH)
        look = Look(self._selected, self._hovered if self._drag is None else -1, self.hasFocus(), self._ratio())
        paint_keyframes(painter, places, film, look, self._thumbnails, area)
        if self._guide is not None:
            paint.paint_guide(painter, places.x_at(self._guide), self.height())
        if self._position is not None and film.is_playable:
            paint.paint_playhead(painter, places.x_at(self._position), self.height())
        if self._drag is not None and self._drag.kind == BAND and self._drag.is_moving:
            paint.paint_band(painter, _band(self._drag))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._film.keyframes:
            return
        self._drag = self._grasp(event.position(), event.modifiers())
        self._snap = snap_for(self._drag, self._position, self._is_snapping)
        self._resting = (self._scale, self._offset)
        if self._drag.kind == SCRUB:
            self._scrub(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag, point = self._drag, event.position()
        if drag is None:
            self._hover(point)
            return
        far = abs(point.x() - drag.start[0]) + abs(point.y() - drag.start[1])
        is_moving = drag.is_moving or far >= QApplication.startDragDistance()
        self._drag = drag = replace(drag, here=(point.x(), point.y()), is_moving=is_moving)
        if drag.kind == SCRUB:
            self._scrub(point.x())
        elif is_moving and drag.kind == BAND:
            band, places = _band(drag), self.places()
            inside = places.between(band.left() + FULL_SIDE / 2, band.right() - FULL_SIDE / 2)
            self.select(inside, inside[-1] if inside else -1)
        elif is_moving and drag.kind in LABELS:
            self._follow(drag, bool(event.modifiers() & SHIFT))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag = self._drag
        if event.button() != Qt.MouseButton.LeftButton or drag is None:
            return
        self._let_go()
        if drag.is_moving and drag.kind in LABELS:
            self._edit(self._film, LABELS[drag.kind], self._selected, self._current)
        elif drag.kind == KEYS:
            self._click(drag.index, event.modifiers())
        elif drag.kind == REGION and drag.index < 0:
            self.clear_region()
        elif drag.kind == BAND and not drag.is_moving:
            self.select(())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._drag is None:
            super().wheelEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._film.keyframes and event.position().y() < RULER:
            self.fit()
        elif self._keyframe_at(event.position()) < 0:
            seconds = max(self.places().seconds_at(event.position().x()), 0.0) if self._film.keyframes else 0.0
            self.insertAsked.emit(snapped(seconds, Snap(self._film.frames_per_second))[0])

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hovered(-1)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        current = self.current()
        middle = self.keyframeRect(current).center() if by_key and current >= 0 else self.rect().center()
        point = QPointF(middle if by_key else event.pos())
        index = self._keyframe_at(point)
        if index < 0 and RULER <= point.y() < HEIGHT:
            index = self.places().way_at(point.x())
        if index >= 0 and not self.is_selected(index):
            self.select((index,), index)
        self._menu.show_for(max(self.places().seconds_at(point.x()), 0.0), self.mapToGlobal(point.toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._drag is not None:
            self._take_back(self._drag)
        elif not press_key(self, event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        by_tab = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if by_tab and not self._selected and self._film.keyframes:
            self.select((0,), 0)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._words_at(QPointF(event.pos())), self)
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and is_key(event):
            event.accept()  # before a shortcut of the window takes the key
            return True
        return super().event(event)

    # --- dragging ---

    def _grasp(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> Drag:
        """What is under the mouse, as something held."""
        places, film, index = self.places(), self._film, self._keyframe_at(point)
        here = (point.x(), point.y())
        held = Drag(SCRUB, film, places, here, here)
        if index >= 0:
            if index not in self._selected and not modifiers & (CTRL | SHIFT):
                self.select((index,), index)
            chosen = self._selected if index in self._selected else frozenset((index,))
            return replace(held, kind=KEYS, index=index, chosen=chosen, grip=places.times[index])
        if not film.is_playable:
            return replace(held, kind=BAND)
        handle = self._handle_at(point)
        if handle == "end":
            return replace(held, kind=STRETCH, grip=places.seconds)
        if film.region is not None and handle:
            low, high = film.region
            grip, still = (low, high) if handle == "start of region" else (high, low)
            return replace(held, kind=REGION, index=-1 if handle == "region" else 0, grip=grip, still=still)
        if point.y() < RULER and modifiers & SHIFT:
            start, _ = snapped(places.within(point.x()), snap_for(replace(held, kind=REGION), None, self._is_snapping))
            return replace(held, kind=REGION, index=0, grip=places.within(point.x()), still=start)
        return held if point.y() < RULER or handle == "playhead" else replace(held, kind=BAND)

    def _handle_at(self, point: QPointF) -> str:
        """Which handle, of the region, the end or the playhead, is at a point."""
        places, region, x, y = self.places(), self._film.region, point.x(), point.y()
        if region is not None and RULER - STRIP <= y <= RULER:
            ends = {"start of region": region[0], "end of region": region[1]}
            near = min(ends, key=lambda name: abs(places.x_at(ends[name]) - x))
            if abs(places.x_at(ends[near]) - x) <= HANDLE:
                return near
            if places.x_at(region[0]) < x < places.x_at(region[1]):
                return "region"
        if self._film.is_playable and y <= RULER and -HANDLE / 2 <= x - places.x_at(places.seconds) <= END_ROOM:
            return "end"
        position = self._position
        return "playhead" if position is not None and abs(places.x_at(position) - x) <= HANDLE / 2 else ""

    def _follow(self, drag: Drag, ripple: bool) -> None:
        """Show what the drag makes of the film by now; the scale stays as it was at the press."""
        if drag.kind == REGION and drag.index < 0:
            return
        done, pull = dragged(drag, self._snap, ripple)
        is_keys = drag.kind == KEYS
        current = followed(done, drag.chosen, drag.index) if is_keys else self._current
        self._edit(done.film, "", done.chosen if is_keys else self._selected, current, settled=False)
        self._guide = None if pull is None else pull - done.shift
        self._look(drag.places.scale, drag.places.offset - done.shift, free=True)

    def _take_back(self, drag: Drag) -> None:
        """Have the film as it was when it was pressed."""
        self._let_go()
        if drag.is_moving and drag.kind in LABELS:
            is_keys = drag.kind == KEYS
            chosen, current = (drag.chosen, drag.index) if is_keys else (self._selected, self._current)
            self._edit(drag.film, "", chosen, current, settled=False)
            self._look(self._scale, self._offset)

    def _let_go(self) -> None:
        """End the drag: the film is seen as before the press."""
        if self._drag is not None:
            self._drag = self._guide = None
            self._look(*self._resting)

    def _click(self, index: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & CTRL:
            self.toggle(index)
        elif modifiers & SHIFT:
            self.select_to(index)
        else:
            self.select((index,), index)
            self.keyframeChosen.emit(index)

    def _scrub(self, x: float) -> None:
        """Go to a moment; what was selected somewhere else is no longer, a keyframe that is there now is."""
        places = self.places()
        if not self._film.is_playable:
            return
        seconds = min(snapped(places.within(x), replace(self._snap, reach=0.0))[0], places.seconds)
        index = places.nearest(seconds)
        is_there = abs(places.times[index] - seconds) < 0.5 / self._film.frames_per_second
        self.select((index,) if is_there else (), index if is_there else -1)
        self.setPosition(seconds)
        self.scrubbed.emit(seconds)

    # --- places ---

    def _ratio(self) -> float:
        return self.devicePixelRatioF()

    def _keyframe_at(self, point: QPointF) -> int:
        index = self.places().keyframe_at(point.x())
        reach = self.keyframeRect(index).adjusted(-4, -4, 4, 4) if index >= 0 else QRect()
        return index if reach.contains(point.toPoint()) else -1

    def _hover(self, point: QPointF) -> None:
        index = self._keyframe_at(point)
        handle = self._handle_at(point) if index < 0 else ""
        self._set_hovered(index)
        is_wide = handle in ("end", "start of region", "end of region", "playhead")
        plain = Qt.CursorShape.PointingHandCursor if index >= 0 or handle else Qt.CursorShape.ArrowCursor
        self.setCursor(WIDE if is_wide else plain)

    def _set_hovered(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def _words_at(self, point: QPointF) -> str:
        places, index, count = self.places(), self._keyframe_at(point), len(self._film.keyframes)
        if index >= 0:
            return (
                f"Keyframe {index + 1} of {count} · {places.times[index]:.2f} s. Drag to move it in time, past others "
                "to change the order; with Shift all later ones come along."
            )
        words = {
            "end": f"The film lasts {places.seconds:.2f} s. Drag to stretch all of it.",
            "region": "Only this part is played. Click to play everything again.",
            "start of region": "The part that is played starts here. Drag to change it.",
            "end of region": "The part that is played ends here. Drag to change it.",
        }.get(self._handle_at(point) if self._film.is_playable else "", "")
        if words or not self._film.is_playable:
            return words
        moment = f"{places.within(point.x()):.2f} s"
        if point.y() < RULER:
            return f"{moment}. Drag to move through the film, with Shift to choose a part that loops."
        return f"{moment}. A double click inserts the current point here, a drag selects keyframes."

    def _update_playhead(self) -> None:
        if self._position is not None:
            self.update(QRect(round(self.places().x_at(self._position)) - 8, 0, 16, self.height()))


def _band(drag: Drag) -> QRect:
    """What a drag from an empty place spans."""
    left, right = sorted((drag.start[0], drag.here[0]))
    return QRect(round(left), RULER + 1, round(right - left), HEIGHT - RULER - 10)
