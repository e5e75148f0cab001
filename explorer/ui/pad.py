"""A square to move in a plane of two directions with one hand."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QElapsedTimer, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["Pad", "cell_position"]

Pixels = npt.NDArray[np.uint8]

TRAIL: Final = 60  # positions
HANDLE: Final = 7.0  # radius
LARGEST: Final = 306
DIM: Final = 0.55  # opacity of the thumbnails
STEP: Final = 0.1
LONG_STEP: Final = 0.5
TICK_MILLISECONDS: Final = 15
HELD_SECONDS: Final = 0.2  # until a key that is held moves on by itself
SLOWEST: Final = 0.6  # standard deviations a second, when it begins to
FASTEST: Final = 4.0
GAINED: Final = 2.5  # speed, every second
HURRY: Final = 2.5  # times as fast with Shift
REST_MILLISECONDS: Final = 400  # after the last key, a movement is over
ARROWS: Final = {
    int(Qt.Key.Key_Left): (-1, 0),
    int(Qt.Key.Key_Right): (1, 0),
    int(Qt.Key.Key_Up): (0, 1),
    int(Qt.Key.Key_Down): (0, -1),
}


def cell_position(row: int, column: int, rows: int, columns: int, reach: float = 3.0) -> tuple[float, float]:
    """The place (x, y) under the middle of a background cell, which is what its picture should be made of."""
    return -reach + (column + 0.5) * 2 * reach / columns, reach - (row + 0.5) * 2 * reach / rows


class Pad(QWidget):
    """A plane from -reach to reach on both axes (in standard deviations, y upwards) with a handle and its trail.

    Press or drag anywhere to put the handle there. Arrows move it by 0.1, with Shift by 0.5; held, they move it on
    faster and faster, two of them along a diagonal. Home or a double click returns to the middle. Thumbnails of the
    plane may lie behind it, and may arrive one by one.
    """

    positionChanged = Signal(float, float)  # while a person moves it; never from setPosition
    settled = Signal()  # after a drag, a reset, or keys in a row that moved it: one undo step

    def __init__(self, reach: float = 3.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reach = reach
        self._position = (0.0, 0.0)
        self._trail: deque[tuple[float, float]] = deque([self._position], maxlen=TRAIL)
        self._names = ("", "")
        self._grid = (0, 0)
        self._cells: dict[tuple[int, int], QImage] = {}
        self._ground: QPixmap | None = None  # all that lies below the trail, as painted; None: to be painted again
        self._painted_as: tuple[object, ...] = ()  # what else decides how the ground looks
        self._is_dragging = False
        self._is_unsettled = False
        self._held: dict[int, bool] = {}  # arrows that are down, and whether Shift was
        self._held_for = 0.0  # seconds since the first of them
        self._clock = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setTimerType(Qt.TimerType.PreciseTimer)
        self._tick.setInterval(TICK_MILLISECONDS)
        self._tick.timeout.connect(self._move_on)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._settle)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Plane of two directions")
        self.setToolTip("Drag to move in the plane of two directions; double click to return to the middle.")

    # --- public ---

    def position(self) -> tuple[float, float]:
        """Where the handle is, (x, y)."""
        return self._position

    def setPosition(self, x: float, y: float) -> None:
        """Put the handle at (x, y) without a signal; beyond the reach it is shown at the edge."""
        if (x, y) != self._position:
            self._position = (x, y)
            self._trail.append(self._position)
            self.update()

    def clearTrail(self) -> None:
        """Forget the positions before this one."""
        self._trail = deque([self._position], maxlen=TRAIL)
        self.update()

    def reach(self) -> float:
        """What both axes extend to on either side of zero."""
        return self._reach

    def setReach(self, reach: float) -> None:
        """Let both axes extend from -reach to reach; the thumbnails no longer fit and go."""
        self._reach = reach
        self.clearBackground()

    def setAxes(self, x: str, y: str) -> None:
        """Name the axes at their ends."""
        self._names = (x, y)
        self.setAccessibleName(f"Plane of {x} and {y}")
        self._ground = None
        self.update()

    def setBackground(self, pixels: Pixels | None) -> None:
        """Lay pictures (rows, cols, h, w, c) behind the plane, the first row at the top; None: none."""
        self.clearBackground()
        if pixels is not None:
            self.setGrid(pixels.shape[0], pixels.shape[1])
            for row, column in np.ndindex(pixels.shape[:2]):
                self.setCell(row, column, pixels[row, column])

    def setGrid(self, rows: int, columns: int) -> None:
        """Divide the background into empty cells, to be filled by ``setCell``."""
        self._grid = (rows, columns)
        self._cells, self._ground = {}, None
        self.update()

    def setCell(self, row: int, column: int, pixels: Pixels) -> None:
        """Lay one picture (h, w, c) into its cell; the row 0 is at the top."""
        assert row < self._grid[0] and column < self._grid[1], "the cell should lie in the grid"
        self._cells[row, column] = qimage(pixels)
        self._ground = None
        self.update()

    def clearBackground(self) -> None:
        """Remove the pictures behind the plane."""
        self.setGrid(0, 0)

    def toScreen(self, x: float, y: float) -> QPointF:
        """Where a place of the plane lies in the widget."""
        area = self._area()
        return QPointF(
            area.left() + (x + self._reach) / (2 * self._reach) * area.width(),
            area.bottom() - (y + self._reach) / (2 * self._reach) * area.height(),
        )

    def toPlane(self, point: QPointF) -> tuple[float, float]:
        """The place of the plane under a point of the widget, within the reach."""
        area = self._area()
        x = (point.x() - area.left()) / area.width() * 2 * self._reach - self._reach
        y = (area.bottom() - point.y()) / area.height() * 2 * self._reach - self._reach
        return self._within(x), self._within(y)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(LARGEST, LARGEST)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 160)

    def heightForWidth(self, width: int) -> int:
        return min(width, LARGEST)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._ground = None

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter, area = colours(), QPainter(self), self._area()
        painter.drawPixmap(area.topLeft(), self._painted_ground())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if len(self._trail) > 1:
            painter.setClipRect(area.adjusted(1, 1, -1, -1))
            self._paint_trail(painter)
            painter.setClipping(False)
        painter.setPen(QPen(QColor(palette.accent), 2.5))
        painter.setBrush(QColor("white"))
        painter.drawEllipse(self._handle(), HANDLE, HANDLE)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_dragging = True
            self._move(*self.toPlane(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_dragging:
            self._move(*self.toPlane(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._is_dragging:
            self._is_dragging = False
            self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._move(0.0, 0.0)
            self._settle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in ARROWS:
            if not event.isAutoRepeat():
                self._rest.stop()
                self._press_arrow(event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif event.key() == Qt.Key.Key_Home:
            self._move(0.0, 0.0)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._held.pop(event.key(), None)
            if not self._held:
                self._tick.stop()
                self._rest.start()  # so that taps in a row are one step of undo
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._held.clear()
        self._tick.stop()
        self._settle()

    # --- private ---

    def _area(self) -> QRectF:
        """The square of the plane, at the left of the widget."""
        side = max(1, min(self.width(), self.height()))
        return QRectF(0, 0, side, side)

    def _within(self, value: float) -> float:
        return min(max(value, -self._reach), self._reach)

    def _handle(self) -> QPointF:
        """The middle of the handle, which is drawn wholly inside the square."""
        area = self._area().adjusted(HANDLE + 2, HANDLE + 2, -HANDLE - 2, -HANDLE - 2)
        at = self.toScreen(self._within(self._position[0]), self._within(self._position[1]))
        return QPointF(min(max(at.x(), area.left()), area.right()), min(max(at.y(), area.top()), area.bottom()))

    def _move(self, x: float, y: float) -> None:
        if (x, y) != self._position:
            self.setPosition(x, y)
            self._is_unsettled = True
            self.positionChanged.emit(x, y)

    def _press_arrow(self, key: int, is_long: bool) -> None:
        """Move one step at once; while the key stays down, on from there."""
        step, (right, up) = LONG_STEP if is_long else STEP, ARROWS[key]
        x, y = self._position
        self._move(self._within(round(x + right * step, 6)), self._within(round(y + up * step, 6)))
        if not self._held:
            self._held_for = 0.0
            self._clock.start()
            self._tick.start()
        self._held[key] = is_long

    @Slot()
    def _move_on(self) -> None:
        self.advance(self._clock.restart() / 1000)

    def advance(self, seconds: float) -> None:
        """Move on with the arrows that are held, for so many seconds."""
        self._held_for += seconds
        moving = self._held_for - HELD_SECONDS
        if moving <= 0.0 or not self._held:
            return
        way = (
            min(SLOWEST + GAINED * moving, FASTEST)
            * min(seconds, moving)
            * (HURRY if any(self._held.values()) else 1.0)
        )
        right, up = (sum(ARROWS[key][axis] for key in self._held) for axis in (0, 1))
        x, y = self._position
        self._move(self._within(x + right * way), self._within(y + up * way))

    @Slot()
    def _settle(self) -> None:
        self._rest.stop()
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()

    def _painted_ground(self) -> QPixmap:
        """Thumbnails, axes and frame in one pixmap, painted only when one of them has changed."""
        palette, ratio, area = colours(), self.devicePixelRatioF(), self._area()
        look = (ratio, palette, self.hasFocus(), self._reach)
        if self._ground is None or self._painted_as != look:
            side = area.width()
            ground = QPixmap(round(side * ratio), round(side * ratio))
            ground.setDevicePixelRatio(ratio)
            ground.fill(Qt.GlobalColor.transparent)
            painter = QPainter(ground)
            painter.setFont(self.font())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            outline = QPainterPath()
            outline.addRoundedRect(area, 8, 8)
            painter.setClipPath(outline)
            painter.fillRect(area, QColor(palette.background))
            painter.setOpacity(DIM)
            rows, columns = self._grid
            for (row, column), image in self._cells.items():
                left, right = (round(at * side / columns) for at in (column, column + 1))
                top, bottom = (round(at * side / rows) for at in (row, row + 1))
                draw_image(painter, QRectF(left, top, right - left - 1, bottom - top - 1), image, smooth=True)
            painter.setOpacity(1.0)
            self._paint_axes(painter)
            painter.setClipping(False)
            painter.setPen(QPen(QColor(palette.accent if self.hasFocus() else palette.line), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            painter.end()
            self._ground, self._painted_as = ground, look
        return self._ground

    def _paint_axes(self, painter: QPainter) -> None:
        palette, area, origin = colours(), self._area(), self.toScreen(0, 0)
        line = QColor(palette.text)
        line.setAlphaF(0.22)
        painter.fillRect(QRectF(area.left(), round(origin.y()), area.width(), 1), line)
        painter.fillRect(QRectF(round(origin.x()), area.top(), 1, area.height()), line)
        height = painter.fontMetrics().height()
        for words, right, bottom in (
            (self._names[0], area.right() - 6, origin.y() - 3),
            (self._names[1], 0.0, area.top() + 6 + height),
        ):
            if words:
                width = painter.fontMetrics().horizontalAdvance(words) + 8
                left = right - width if right else origin.x() + 6
                tag = QRectF(left, bottom - height, width, height)
                ground = QColor(palette.panel)
                ground.setAlphaF(0.8)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(ground)
                painter.drawRoundedRect(tag, 4, 4)
                painter.setPen(QColor(palette.text))
                painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_trail(self, painter: QPainter) -> None:
        """The last positions as one soft curve: quadratic pieces between the middles of neighbours."""
        origin, unit = self.toScreen(0.0, 0.0), self._area().width() / (2 * self._reach)
        points = [QPointF(origin.x() + x * unit, origin.y() - y * unit) for x, y in self._trail]
        path = QPainterPath(points[0])
        for place, after in itertools.pairwise(points[1:]):
            path.quadTo(place, (place + after) / 2)
        path.lineTo(points[-1])
        pen = QPen(QColor(colours().accent), 2)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
