"""Handles over the picture of a model whose pictures can be moved and turned: a cross to move, a circle to turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from explorer.scene import Transform
from explorer.ui.canvas import Canvas
from explorer.ui.frame import ARM, HEADROOM, MOVE, RADIUS, TURN, Frame, moved_by, turned_by
from explorer.ui.panel import Desk
from explorer.ui.theme import colours

__all__ = ["Handles"]

TIPS: Final = {
    MOVE: "Drag to move the picture; a double click puts it back.",
    TURN: "Drag to turn the picture, with Shift in steps of 15°; a double click turns it back.",
}


@dataclass(frozen=True, slots=True)
class _Drag:
    handle: str
    pressed: QPointF
    frame: Frame  # when it was pressed


class Handles(QWidget):
    """Paints the handles over the canvas and takes the drags that begin on them; all others are the canvas's own.

    They are seen while the mouse is over the picture, while one is dragged, and while ``show_used`` says so. Nothing is
    watched or painted for a model without the capability "transform".
    """

    def __init__(self, desk: Desk, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._desk, self._canvas = desk, canvas
        self._is_watching = self._is_over = self._is_used = False
        self._hovered = ""
        self._drag: _Drag | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Handles to move and turn the picture")
        self.hide()
        desk.session.model_changed.connect(self.show_model)
        desk.session.view_changed.connect(self.show_model)

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Be there for one large picture of a model that can move it."""
        model = self._desk.session.model
        wanted = model is not None and "transform" in model.facts.capabilities
        wanted = wanted and self._desk.session.view.mode == "picture"
        if wanted == self._is_watching:
            return
        if self._drag is not None:
            self._end_drag(self._drag)
        self._is_watching, self._is_over = wanted, False
        self._hover("")
        self._canvas.set_headroom(HEADROOM if wanted else 0.0)
        if wanted:
            self.resize(self._canvas.size())
            self._canvas.installEventFilter(self)
        else:
            self._canvas.removeEventFilter(self)
        self._show_or_hide()

    @Slot(bool)
    def show_used(self, is_used: bool) -> None:
        """Stay in sight while something else moves and turns the picture."""
        self._is_used = is_used
        self._show_or_hide()

    def frame(self) -> Frame | None:
        """Where the content and the handles are; None where there is no picture of the model yet."""
        session = self._desk.session
        if not self._is_watching or session.picture is None or not self._canvas.has_picture():
            return None
        scene = session.scene if self._drag is not None else session.pictured
        room = QRectF(self._canvas.rect()).adjusted(3, 3, -3, -3)
        return Frame(self._canvas.screen_rect(), room, scene.transform)

    # --- Qt ---

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what happens to the canvas; True where it was for a handle."""
        kind = event.type()
        if isinstance(event, QMouseEvent):
            return self._take_mouse(event)
        if kind == QEvent.Type.Resize:
            self.resize(self._canvas.size())
        elif kind in (QEvent.Type.Leave, QEvent.Type.Hide):
            self._is_over = False
            self._hover("")
            self._show_or_hide()
        elif kind == QEvent.Type.Wheel and self._drag is not None:
            return True  # zooming would take the picture from under the hand
        elif isinstance(event, QHelpEvent) and kind == QEvent.Type.ToolTip and self._hovered:
            QToolTip.showText(event.globalPos(), TIPS[self._hovered], self._canvas)
            return True
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        frame = self.frame()
        if frame is None:
            return
        accent, halo = QColor(colours().accent), QColor(colours().panel)
        halo.setAlpha(150)  # so that the accent is seen on pictures of its own brightness
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(frame.room)
        held = self._drag.handle if self._drag is not None else self._hovered
        for pen in (QPen(halo, 3.5), QPen(accent, 1.5)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolygon(frame.corners().map(QPolygonF(QRectF(-0.5, -0.5, 1, 1))))
            _paint_stem(painter, frame)
            _paint_cross(painter, frame.cross, held == MOVE)
            painter.setBrush(accent if held == TURN else QColor(colours().panel))
            painter.drawEllipse(frame.circle, RADIUS, RADIUS)

    # --- private ---

    def _take_mouse(self, event: QMouseEvent) -> bool:
        frame, kind, is_left = self.frame(), event.type(), event.button() == Qt.MouseButton.LeftButton
        if frame is None:
            return False
        if self._drag is not None:
            is_held = bool(event.buttons() & Qt.MouseButton.LeftButton)  # another window may have got the release
            if kind == QEvent.Type.MouseMove and is_held:
                self._follow(self._drag, event)
            elif kind == QEvent.Type.MouseMove or (kind == QEvent.Type.MouseButtonRelease and is_left):
                self._end_drag(self._drag)
            return True
        handle = frame.handle_at(event.position())
        if kind == QEvent.Type.MouseMove and not event.buttons():
            self._is_over = bool(handle) or frame.picture.contains(event.position())
            self._hover(handle)
            self._show_or_hide()
        elif kind == QEvent.Type.MouseButtonPress and is_left and handle:
            self._desk.actions.motion.stop()
            self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
            self._drag = _Drag(handle, event.position(), frame)
            self._show_or_hide()
            return True
        elif kind == QEvent.Type.MouseButtonDblClick and is_left and handle:
            self._reset(handle)
            return True
        return False

    def _follow(self, drag: _Drag, event: QMouseEvent) -> None:
        """Move or turn the content by what the pointer has gone since it was pressed."""
        start, place = drag.frame.transform, event.position()
        if drag.handle == MOVE:
            gone, width = place - drag.pressed, drag.frame.picture.width()
            self._change(moved_by(start, gone.x() / width, gone.y() / width))
            return
        before, now = QLineF(drag.frame.cross, drag.pressed), QLineF(drag.frame.cross, place)
        if now.length() > 1:
            snap = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._change(turned_by(start, now.angle() - before.angle(), snap))

    def _end_drag(self, drag: _Drag) -> None:
        self._drag = None
        if self._desk.session.scene.transform != drag.frame.transform:
            self._desk.session.settle(drag.handle)
        self._show_or_hide()
        self.update()

    def _reset(self, handle: str) -> None:
        session = self._desk.session
        now = session.scene.transform
        reset = replace(now, x=0.0, y=0.0) if handle == MOVE else replace(now, degrees=0.0)
        if reset != now:
            self._desk.actions.motion.stop()
            session.change(replace(session.scene, transform=reset), f"{handle} back")

    def _change(self, transform: Transform) -> None:
        session = self._desk.session
        if transform != session.scene.transform:
            session.change(replace(session.scene, transform=transform), settled=False)
            self.update()

    def _hover(self, handle: str) -> None:
        if handle != self._hovered:
            self._hovered = handle
            shapes = {MOVE: Qt.CursorShape.SizeAllCursor, TURN: Qt.CursorShape.PointingHandCursor}
            if handle:
                self._canvas.setCursor(shapes[handle])
            else:
                self._canvas.unsetCursor()
            self.update()

    def _show_or_hide(self) -> None:
        self.setVisible(self._is_watching and (self._is_over or self._is_used or self._drag is not None))


def _paint_stem(painter: QPainter, frame: Frame) -> None:
    """The line to the circle, from the edge of the content, or from the cross where the edge is out of sight."""
    line = QLineF(frame.cross, frame.circle)
    edge = frame.picture.height() / 2
    is_outside = frame.cross == frame.middle and line.length() > edge
    start = line.pointAt(edge / line.length()) if is_outside else line.pointAt(ARM / max(line.length(), ARM))
    painter.drawLine(QLineF(start, line.pointAt(1 - RADIUS / max(line.length(), RADIUS))))


def _paint_cross(painter: QPainter, middle: QPointF, is_held: bool) -> None:
    """Four arrows, or a bold cross of them while held."""
    pen = painter.pen()
    painter.setPen(QPen(pen.brush(), pen.widthF() + (1.0 if is_held else 0.0)))
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        tip = middle + QPointF(x, y) * ARM
        painter.drawLine(middle, tip)
        for side in (1, -1):
            painter.drawLine(tip, tip - QPointF(x, y) * 3.5 + QPointF(y, x) * 3.5 * side)
    painter.setPen(pen)
