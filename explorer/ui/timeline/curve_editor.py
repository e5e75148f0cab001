"""A small popup in which a person draws how the film moves along the selected ways."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.animation import Film
from explorer.animation.easing import Bezier, Easing
from explorer.ui.theme import blended, colours
from explorer.ui.timeline.paint import curve_path
from explorer.ui.timeline.selecting import SelectingView

__all__ = ["CurveEditor", "CurvePad", "as_curve"]

CURVES: Final[dict[str, Bezier]] = {  # the same motions as curves; "hold" as nearly as a curve can
    "linear": (1 / 3, 1 / 3, 2 / 3, 2 / 3),
    "ease": (1 / 3, 0.0, 2 / 3, 1.0),
    "ease-in": (1 / 3, 0.0, 2 / 3, 1 / 3),
    "ease-out": (1 / 3, 2 / 3, 2 / 3, 1.0),
    "hold": (1.0, 0.0, 1.0, 0.0),
}
SIDE: Final = 200  # of the pad
INSET: Final = 14.0  # around the square of the curve, for the handles
RADIUS: Final = 6.0
STEP, LARGE_STEP = 0.01, 0.1  # of the keys


def as_curve(easing: Easing) -> Bezier:
    """An easing as a curve with two handles."""
    return CURVES[easing] if isinstance(easing, str) else easing


class CurvePad(QWidget):
    """A cubic curve from the lower left to the upper right with two handles, x1, y1 and x2, y2 from 0 to 1.

    Drag the handles, or move the current one with the arrows (with Shift in large steps); 1 and 2 choose which one.
    """

    curveChanged = Signal(object)  # Bezier

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curve: Bezier = CURVES["ease"]
        self._current, self._is_held = 0, False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Curve of the way")
        self.setAccessibleDescription("1 and 2 choose a handle, arrows move it, with Shift in larger steps.")
        self.setToolTip("Drag a handle; or choose one with 1 and 2, and move it with the arrow keys.")
        self.setFixedSize(SIDE, SIDE)

    def curve(self) -> Bezier:
        return self._curve

    def setCurve(self, curve: Bezier) -> None:
        """Show a curve, without a signal."""
        self._curve = curve
        self.update()

    def handle(self, index: int) -> QPointF:
        """Where a handle lies."""
        area = self._area()
        x, y = self._curve[2 * index : 2 * index + 2]
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette, area = QPainter(self), colours(), self._area()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.line), 1))
        painter.setBrush(QColor(palette.raised))
        painter.drawRoundedRect(area, 4, 4)
        for part in (0.25, 0.5, 0.75):
            x, y = area.left() + part * area.width(), area.top() + part * area.height()
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(QPen(QColor(blended(palette.accent, palette.raised, 0.6)), 1))
        for index, corner in enumerate((area.bottomLeft(), area.topRight())):
            painter.drawLine(corner, self.handle(index))
        painter.setPen(QPen(QColor(palette.accent), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(curve_path(self._curve, area))
        for index in (0, 1):
            is_current = self.hasFocus() and index == self._current
            painter.setPen(QPen(QColor(palette.accent), 2))
            painter.setBrush(QColor(palette.accent if is_current else palette.panel))
            painter.drawEllipse(self.handle(index), RADIUS, RADIUS)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            point = event.position()
            far = [(self.handle(index) - point).manhattanLength() for index in (0, 1)]
            self._current, self._is_held = far.index(min(far)), True
            self._move_to(point)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_held:
            self._move_to(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._is_held = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = LARGE_STEP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Left: (-step, 0.0),
            Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Up: (0.0, step),
            Qt.Key.Key_Down: (0.0, -step),
        }
        if key in moves:
            x, y = self._curve[2 * self._current : 2 * self._current + 2]
            self._set(x + moves[key][0], y + moves[key][1])
        elif key in (Qt.Key.Key_1, Qt.Key.Key_2):
            self._current = 0 if key == Qt.Key.Key_1 else 1
            self.update()
        else:
            super().keyPressEvent(event)

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)

    def _move_to(self, point: QPointF) -> None:
        area = self._area()
        self._set((point.x() - area.left()) / area.width(), (area.bottom() - point.y()) / area.height())

    def _set(self, x: float, y: float) -> None:
        x, y = (min(max(round(value, 3), 0.0), 1.0) for value in (x, y))
        first, second = self._curve[:2], self._curve[2:]
        curve = (x, y, *second) if self._current == 0 else (*first, x, y)
        if curve != self._curve:
            self.setCurve(curve)
            self.curveChanged.emit(curve)


class CurveEditor(QFrame):
    """Shows the curve of the selected ways, and changes it while it is drawn; closing it makes one step of undo.

    Return or a click beside it keeps the curve, Escape takes it back.
    """

    def __init__(self, view: SelectingView) -> None:
        super().__init__(view, Qt.WindowType.Popup)
        self._view = view
        self._before: Film | None = None  # the film when it was opened
        self._is_changed = False
        self.setProperty("card", True)
        self.setAccessibleName("Curve of the way")
        self.pad = CurvePad(self)
        self._numbers = QLabel(self)
        self._numbers.setProperty("dim", True)
        done = QPushButton("Done", self)
        done.setToolTip("Keep this curve (Return).")
        done.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(self._numbers, 1)
        row.addWidget(done)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.pad)
        column.addLayout(row)
        self.pad.curveChanged.connect(self.show_on_ways)

    @Slot()
    def open_for_selection(self) -> None:
        """Show the curve of the first selected way, above it."""
        chosen, film = self._view.selection(), self._view.film()
        if not chosen:
            return
        self._before, self._is_changed = film, False
        self.pad.setCurve(as_curve(film.keyframes[chosen[0]].easing))
        self._show_numbers()
        place = self._view.mapToGlobal(QPointF(self._view.places().keyframe_x(chosen[0]), 0)).toPoint()
        self.adjustSize()
        room = self._view.screen().availableGeometry()
        left = min(max(place.x(), room.left()), room.right() - self.width())
        self.move(left, max(place.y() - self.height() - 4, room.top()))
        self.show()
        self.pad.setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot(object)
    def show_on_ways(self, curve: Bezier) -> None:
        """Give the selected ways the curve, not yet as a step of undo."""
        self._is_changed = True
        self._show_numbers()
        self._view.ease_selected(curve, settled=False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self._is_changed and self._before is not None:
                self._view.show_again(self._before)
            self._before = None
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        before, self._before = self._before, None
        if before is not None and self._is_changed:
            self._view.ease_selected(self.pad.curve())

    def _show_numbers(self) -> None:
        self._numbers.setText("  ".join(f"{value:.2f}" for value in self.pad.curve()))
