"""The map of a dataset: a cloud of points to look at, to move in, and to take pictures out of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.atlas.point_index import nearest
from explorer.ui.atlas import map_marks
from explorer.ui.atlas.colours import channels, group_colour
from explorer.ui.atlas.map_frame import Frame, MapContent, MapRequest, frames
from explorer.ui.atlas.map_ground import Rect
from explorer.ui.atlas.map_tools import PAN, Hand
from explorer.ui.atlas.map_view import MapView, fitted, is_near
from explorer.ui.atlas.point_tip import PointTip
from explorer.ui.theme import blended, colours
from explorer.workers import Failed, LatestWins, MainThread

__all__ = ["MapCanvas"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

LANES: Final = ("tip", "map")
MARGIN: Final = 36.0  # around all points, in pixels
NOTCH: Final = 1.25  # what one notch of the wheel zooms
STEP: Final = 60.0  # what an arrow key pans, in pixels
REACH: Final = 9.0  # how far from a point the mouse may be, in pixels
CLOSEST: Final = 2e4  # times the scale at which everything is seen
FARTHEST: Final = 0.4
SETTLING: Final = 0.12  # by how much a fitting view may be off while points move, so that it does not tremble
LOOKED_AT: Final = 20_000  # points
CURRENT: Final = 9.0  # radius of the ring around the picture that is looked at
LINES: Final = 0.5  # strength of lines of density
HOVERED: Final = 6.5
HINT: Final = "double-click opens it"
ARROWS: Final = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
OWN_KEYS: Final = (*ARROWS, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus, Qt.Key.Key_0)


class MapCanvas(QWidget):
    """Draws points as one image on a thread of its own; until a new one arrives, the last is shown moved and scaled.

    The wheel (or + and -) zooms about the mouse, a drag (or the arrow keys) moves the map, 0 shows all of it. With a
    tool, or with Shift held, a drag encloses points instead. A click picks a picture, a double click opens it.
    Positions are those of the map: x to the right, y down.
    """

    hovered = Signal(int)  # a row, or -1
    picked = Signal(int)  # a row
    opened = Signal(int)  # a row
    lassoed = Signal(object, str)  # a polygon (k, 2), and how it joins the selection: set, add, subtract, intersect
    place_hovered = Signal(object)  # (x, y) of the map under the mouse where no point is, or None
    view_changed = Signal()
    recolour_asked = Signal()  # the theme has changed: colours made for the other one should be made again
    drawn = Signal()  # a new image of the map has arrived

    def __init__(self, main: MainThread, failed: Failed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drawing = LatestWins(main, LANES, failed, "map")
        self._content = MapContent()
        self._path: npt.NDArray[np.float64] | None = None
        self._describe: Callable[[int], str] = _number
        self._shows_thumbnails, self._message = True, ""
        self._view, self._is_fitting, self._whole = MapView(0.0, 0.0, 1.0), True, 1.0
        self._frame: Frame | None = None
        self._hand = Hand()
        self._mouse: QPointF | None = None
        self._row, self._current = -1, -1
        self._place: tuple[float, float] | None = None
        self._shows_place = False
        self._tip = PointTip(self)
        self._soon = QTimer(self)  # one image for all that changes in one go
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._ask)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Map")

    # --- what is shown ---

    def set_points(self, positions: Floats, keep_view: bool = False) -> None:
        """Show points at positions (m, 2), all of them in sight.

        ``keep_view`` is for points that move: it keeps a view that a person chose while any point is in it, and else
        follows the points where they move by much.
        """
        self._content = replace(self._content, positions=np.ascontiguousarray(positions, np.float32))
        if not len(positions):
            self._frame = None  # of other pictures, and not to be seen again
        if keep_view and not self._is_fitting and self._sees_any():
            self._whole = self._fitted().scale
        else:
            self._is_fitting = True
            self._fit(SETTLING if keep_view else 0.0)
        self._set_row(-1)
        self._ask_soon()

    def set_colours(self, values: Pixels) -> None:
        """Colour the points (m, 3), uint8."""
        self._take(colours=np.ascontiguousarray(values, np.uint8))

    def set_selected(self, mask: Bools | None) -> None:
        """Keep the colours of these points (m,) only, the others are grey; None: all have theirs."""
        self._take(selected=mask)

    def set_flagged(self, mask: Bools | None) -> None:
        """Put red rings around these points (m,)."""
        self._take(flagged=mask)

    def set_thumbnails(self, thumbnails: Pixels | None) -> None:
        """Take thumbnails (m, h, w, c), perhaps a file, for tips and for points with room around them."""
        self._take(thumbnails=thumbnails)

    @Slot(bool)
    def set_shows_thumbnails(self, is_on: bool) -> None:
        """Show pictures instead of points where few are in sight, or points always."""
        self._shows_thumbnails = is_on
        self._ask_soon()

    def set_background(self, pixels: Pixels | None, rect: Rect = (0.0, 0.0, 1.0, 1.0)) -> None:
        """Lay an image (h, w, c) below the points, over a rectangle (left, top, width, height) of the map."""
        self._take(ground=replace(self._content.ground, pixels=pixels, rect=rect))

    def set_contours(self, density: Floats | None, rect: Rect = (0.0, 0.0, 1.0, 1.0)) -> None:
        """Draw lines that hold 25, 50, 75, 90 and 95 % of a density (h, w) over a rectangle of the map; None: none."""
        self._take(ground=replace(self._content.ground, density=density, density_rect=rect))

    def set_path(self, positions: npt.NDArray[np.floating] | None) -> None:
        """Draw a walk through positions (k, 2); None: none."""
        self._path = None if positions is None else np.asarray(positions, np.float64)
        self.update()

    def set_current(self, row: int) -> None:
        """Put a ring around the picture that is looked at, and bring it into sight; -1 for none."""
        self._current = row
        if 0 <= row < len(self._content.positions) and not self._is_fitting:
            x, y = self._screen(row)
            if not self.rect().contains(round(x), round(y)):
                self._go(self._view.moved(self.width() / 2 - x, self.height() / 2 - y), is_fitting=False)
        self.update()

    def set_describe(self, describe: Callable[[int], str]) -> None:
        """Let ``describe`` say what a tip says of a row, in lines."""
        self._describe = describe

    def show_place(self, pixels: Pixels, words: str) -> None:
        """Show what would be at the empty place under the mouse, if the mouse is still at one."""
        if self._place is not None and self._mouse is not None:
            self._tip.show_words(self._mouse, words)
            self._tip.show_picture(pixels)
            self._shows_place = True

    def set_message(self, words: str) -> None:
        """Say something in dim words while there are no points."""
        self._message = words
        self.update()

    # --- how it is shown ---

    @Slot()
    def fit(self) -> None:
        """Show all points, also when the widget changes its size."""
        self._go(self._fitted(), is_fitting=True)

    def set_view(self, view: MapView) -> None:
        """Show another part of the map."""
        self._go(view, is_fitting=False)

    def view(self) -> MapView:
        """The part of the map that is shown, from the left top corner of the widget."""
        return self._view

    def visible_rect(self) -> Rect:
        """Left, top, width and height of what is shown, in positions of the map."""
        view = self._view
        return view.left, view.top, self.width() / view.scale, self.height() / view.scale

    def set_tool(self, tool: str) -> None:
        """What a drag does: "lasso", "box", or "" for moving the map."""
        self._hand.drop()
        self._hand.tool = tool
        self._show_cursor()
        self.update()

    def frame(self) -> Frame | None:
        """The image shown, which may be that of a view before; the drawing thread asks for it too."""
        return self._frame

    def is_settled(self) -> bool:
        """Whether the image shown is that of the view, and none is on its way."""
        return not self._soon.isActive() and self._drawing.is_idle()

    def close_threads(self) -> None:
        """End the drawing; safe to call twice."""
        self._soon.stop()
        self._drawing.close()

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(780, 660)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 160)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_row(-1)
        if self._is_fitting:
            self._fit()
        else:
            grown = event.size() - event.oldSize()
            self._view = self._view.moved(grown.width() / 2, grown.height() / 2)
        self._ask_soon()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tip.ensurePolished()  # which takes longer than a frame, and would do so under the mouse
        self._ask_soon()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.recolour_asked.emit()
            self._ask_soon()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette, ratio = QPainter(self), colours(), self.devicePixelRatioF()
        frame, view = self._frame if self._has_points() else None, self._view
        map_marks.paint_image(painter, frame, view, self.rect(), palette.background)
        if frame is not None:
            if frame.thumbs is not None:
                map_marks.paint_thumbs(painter, frame.thumbs, view, frame.ratio)
            map_marks.paint_rings(painter, frame.rings, view, palette, ratio)
        if self._path is not None and len(self._path):
            map_marks.paint_path(painter, self._path, view, palette)
        for row, radius, hue in ((self._row, HOVERED, palette.text), (self._current, CURRENT, palette.accent)):
            if 0 <= row < len(self._content.positions):
                thumbs = None if frame is None else frame.thumbs
                map_marks.paint_row(painter, row, QPointF(*self._screen(row)), thumbs, radius, hue, palette)
        if self._hand.outline is not None:
            map_marks.paint_outline(painter, self._hand.outline, view, palette)
        if not self._has_points():
            painter.setPen(QColor(palette.dim))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), int(flags), self._message)
        map_marks.paint_edge(painter, QRectF(self.rect()), palette, self.hasFocus())

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom(NOTCH ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            only_moves = event.button() == Qt.MouseButton.MiddleButton
            self._hand.press(event.position(), event.modifiers(), self._view, only_moves)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if not self._hand.is_busy:
            self._point()
            return
        view = self._hand.move(event.position(), self._view)
        self._set_row(-1)
        self._show_cursor()
        if view is not None:
            self._go(view, is_fitting=False)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        was_click, outline = self._hand.release()
        self._show_cursor()
        if was_click and event.button() == Qt.MouseButton.LeftButton:
            row = self.row_at(event.position())
            if row >= 0:
                self.picked.emit(row)
        elif outline is not None:
            self.lassoed.emit(outline.polygon(), outline.mode)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.opened.emit(row)
        else:
            self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._mouse = None
        self._set_row(-1)
        self._set_place(None)
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep the keys of the map from shortcuts of the window while it has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            is_own = event.key() in OWN_KEYS and event.modifiers() in (
                Qt.KeyboardModifier.NoModifier,
                Qt.KeyboardModifier.KeypadModifier,
                Qt.KeyboardModifier.ShiftModifier,
            )
            if is_own or (event.key() == Qt.Key.Key_Escape and self._hand.is_busy):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in ARROWS:
            right, down = ARROWS[Qt.Key(key)]
            self._go(self._view.moved(STEP * right, STEP * down), is_fitting=False)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            about = self._mouse or QPointF(self.width() / 2, self.height() / 2)
            self._zoom(1 / NOTCH if key == Qt.Key.Key_Minus else NOTCH, about)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_Escape and self._hand.is_busy:
            self._hand.drop()
            self._show_cursor()
            self.update()
        else:
            super().keyPressEvent(event)

    # --- pointing ---

    def row_at(self, point: QPointF) -> int:
        """The row whose picture or point is under a point of the widget, or near it; -1 for none."""
        frame = self._frame
        if frame is None or frame.index is None or frame.index.positions is not self._content.positions:
            return -1
        if frame.thumbs is not None:
            row = map_marks.thumb_at(frame.thumbs, self._view, point)
            if row >= 0:
                return row
        x, y = self._at(point)
        return nearest(frame.index, x, y, REACH / self._view.scale)

    def _point(self) -> None:
        """Say what is under the mouse."""
        if self._mouse is None or self._frame is None:
            return
        row = self.row_at(self._mouse)
        self._set_row(row)
        self._set_place(self._at(self._mouse) if row < 0 and len(self._content.positions) else None)

    def _set_row(self, row: int) -> None:
        if row == self._row:
            return
        self._row = row
        if row < 0:
            self._tip.hide()
            self._shows_place = False
        else:
            self._tip.show_words(QPointF(*self._screen(row)), self._describe(row), HINT)
            if self._content.thumbnails is not None and row < len(self._content.thumbnails):
                self._drawing.submit(
                    "tip", partial(_thumbnail, self._content.thumbnails, row), partial(self._show_tip, row)
                )
        self.hovered.emit(row)
        self.update()

    def _show_tip(self, row: int, pixels: Pixels) -> None:
        if row == self._row:
            self._tip.show_picture(pixels)

    def _set_place(self, place: tuple[float, float] | None) -> None:
        if place != self._place:
            self._place = place
            if self._shows_place and place is not None and self._mouse is not None:
                self._tip.move_to(self._mouse)  # with what was there a moment ago, until the next picture arrives
            elif self._row < 0:
                self._tip.hide()
            self._shows_place = self._shows_place and place is not None
            self.place_hovered.emit(place)

    # --- moving ---

    def _at(self, point: QPointF) -> tuple[float, float]:
        return self._view.to_map(point.x(), point.y())

    def _screen(self, row: int) -> tuple[float, float]:
        x, y = self._view.to_screen(self._content.positions[row]).tolist()
        return x, y

    def _fitted(self) -> MapView:
        margin = min(MARGIN, 0.08 * min(self.width(), self.height()))
        return fitted(self._content.positions, self.width(), self.height(), margin)

    def _fit(self, settling: float = 0.0) -> None:
        view = self._fitted()
        self._whole = view.scale
        if not (settling and is_near(self._view, view, self.width(), self.height(), settling)):
            self._view = view
            self.view_changed.emit()

    def _sees_any(self) -> bool:
        """Whether any point lies in the view; of many points, some are looked at."""
        places = self._view.to_screen(self._content.positions[:: max(1, len(self._content.positions) // LOOKED_AT)])
        return bool(((places > 0) & (places < (self.width(), self.height()))).all(1).any())

    def _go(self, view: MapView, is_fitting: bool) -> None:
        self._is_fitting = is_fitting
        if view != self._view:
            self._view = view
            if self._row >= 0:
                self._tip.move_to(QPointF(*self._screen(self._row)))
            self.view_changed.emit()
            self._ask_soon()
            self.update()

    def _zoom(self, factor: float, about: QPointF) -> None:
        scale = min(max(self._view.scale * factor, self._whole * FARTHEST), self._whole * CLOSEST)
        self._go(self._view.zoomed(scale, about.x(), about.y()), is_fitting=False)
        self._hand.take_view(self._mouse, self._view)
        if not self._hand.is_busy:
            self._point()

    # --- drawing ---

    def _take(self, **parts: Any) -> None:
        """Show other parts of the content."""
        self._content = replace(self._content, **parts)
        self._ask_soon()

    def _has_points(self) -> bool:
        return len(self._content.positions) > 0

    @Slot()
    def _ask(self) -> None:
        """Have the map drawn as it should be seen now, where anybody can see it."""
        if not self.isVisible() or self.width() < 2 or self.height() < 2:
            return
        palette = colours()
        request = MapRequest(
            content=self._content.matching(group_colour(0), self._shows_thumbnails),
            view=self._view,
            size=(self.width(), self.height()),
            ratio=self.devicePixelRatioF(),
            tones={
                "ground": channels(palette.background),
                "line": channels(blended(palette.dim, palette.background, LINES)),
                "flag": channels(palette.red),
            },
        )
        self._drawing.submit("map", partial(frames, request, self.frame), self._show)

    def _show(self, frame: Frame) -> None:
        self._frame = frame
        self.setAccessibleDescription(f"{len(self._content.positions):,} points, {frame.visible:,} in sight")
        self.update()
        if not self._hand.is_busy:
            self._point()
        self.drawn.emit()

    def _ask_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start(0)

    def _show_cursor(self) -> None:
        if self._hand.is_moving:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._hand.tool != PAN:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()


def _number(row: int) -> str:
    return f"#{row:,}"


def _thumbnail(thumbnails: Pixels, row: int) -> Iterator[Pixels]:
    yield np.array(thumbnails[row])
