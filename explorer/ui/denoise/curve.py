"""The guidance scale over the steps of a run, as a curve to be bent by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from explorer.scene import Sampling
from explorer.ui.denoise.curve_points import (
    PRESETS,
    Points,
    added,
    grid,
    handles,
    moved,
    preset,
    removed,
    scale_at,
    top,
)
from explorer.ui.denoise.places import StepPlaces
from explorer.ui.theme import blended, colours

__all__ = ["GuidanceCurve"]

HIGH: Final = 70  # pixels; below, less is written into it
EDGE: Final = 7.0  # above and below the drawing
HEAD: Final = 16.0  # above it where the caption is there
DOT: Final = 4.5  # radius of a point
REACH: Final = 11.0  # so near to a point a press takes hold of it
CAPTION: Final = "guidance scale s"
CAPTION_WIDTH: Final = 104.0  # pixels that it takes at most
KEYS: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
LARGE: Final = 1.0  # Page Up and Page Down


class GuidanceCurve(QWidget):
    """Drag a point, double click to add one or to take one away, right click for ready-made curves.

    Tab reaches it; then Up and Down move the point that was last touched, Delete takes it away. It changes nothing by
    itself: it tells the sampling that is wanted.
    """

    changed = Signal(object)  # Sampling, while a hand moves
    settled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places = StepPlaces(1, 0)
        self._sampling, self._start = Sampling(guidance=1.0), 0
        self._before: tuple[float, ...] = ()
        self._playhead = -1
        self._held, self._touched, self._hovered = -1, 0, -1
        self._edge = top(self._sampling)  # fixed while a point is dragged
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(72)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Guidance scale over the steps")
        self.setToolTip(
            "Guidance scale s over the steps. Drag a point; a double click adds or removes one; a right click has "
            "ready-made curves."
        )
        self._menu = QMenu(self)
        for name, words in PRESETS:
            self._menu.addAction(words, partial(self.choose, name))

    # --- public ---

    def setPlaces(self, places: StepPlaces) -> None:
        """Lay the steps out like this, as above."""
        if places != self._places:
            self._places = places
            self.update()

    def setSampling(self, sampling: Sampling, start: int = 0, before: Sequence[float] = ()) -> None:
        """Show the scale that ``sampling`` asks for from the step ``start`` on, and the scales of the steps before."""
        if self._held < 0:
            self._edge = max(top(sampling), top(Sampling(guidance=max(before, default=1.0))))
        self._sampling, self._start, self._before = sampling, start, tuple(before)
        self._touched = min(self._touched, len(self.points()) - 1)
        self.update()

    def setPlayhead(self, index: int) -> None:
        """Put the playhead on a step; -1: none."""
        if index != self._playhead:
            for each in (self._playhead, index):
                x = round(self._places.x(each))
                self.update(x - 3, 0, 6, self.height())
            before, self._playhead = self._caption_end(), index
            if self.height() >= HIGH and self._caption_end() != before:
                self.update(0, 0, self.width(), round(HEAD))

    def points(self) -> Points:
        """The points that can be dragged: fraction of the run and scale."""
        return handles(self._sampling, self._start_fraction())

    def pointPlace(self, index: int) -> QPointF:
        """Where a point lies."""
        fraction, scale = self.points()[index]
        return QPointF(self._places.fraction_x(fraction), self._y(scale))

    def menu(self) -> QMenu:
        """The ready-made curves."""
        return self._menu

    def choose(self, name: str) -> None:
        """Take a ready-made curve."""
        guidance = 1.0 if self._sampling.guidance is None else self._sampling.guidance
        curve, interval = preset(name, guidance, self._start_fraction())
        self._go(replace(self._sampling, curve=curve, interval=interval))
        self.settled.emit()

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(400, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._places.total:
            return
        self._paint_grid(painter)
        self._paint_curve(painter)
        if self._playhead >= 0:
            x = round(self._places.x(self._playhead))
            painter.fillRect(QRectF(x - 1, 0, 2, self.height()), QColor(colours().amber))
        self._paint_points(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._held = self._point_at(event.position())
        if self._held >= 0:
            self._touched = self._held
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held >= 0:
            fraction = self._places.fraction_at(event.position().x())
            self._take(moved(self.points(), self._held, fraction, self._scale(event.position().y())))
            return
        hovered = self._point_at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.PointingHandCursor if hovered >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._held >= 0:
            self._held = -1
            self.settled.emit()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        index, points = self._point_at(event.position()), self.points()
        if index >= 0:
            self._take(removed(points, index))
        else:
            fraction = self._places.fraction_at(event.position().x())
            if fraction > self._start_fraction():
                self._take(added(points, fraction, self._scale(event.position().y())))
        self.settled.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._menu.popup(event.globalPos())

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, index, points = event.key(), self._touched, self.points()
        fraction, scale = points[index]
        change = {
            Qt.Key.Key_Up: 0.1,
            Qt.Key.Key_Down: -0.1,
            Qt.Key.Key_PageUp: LARGE,
            Qt.Key.Key_PageDown: -LARGE,
        }.get(Qt.Key(key), 0.0)
        if change:
            self._take(moved(points, index, fraction, scale + change))
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._take(removed(points, index))
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self._touched = (index + (1 if key == Qt.Key.Key_BracketRight else -1)) % len(points)
            self.update()
            return
        else:
            super().keyPressEvent(event)
            return
        self.settled.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    # --- private ---

    @Slot()
    def _go(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self.update()
        self.changed.emit(sampling)

    def _take(self, points: Points) -> None:
        if points != self.points():
            self._go(replace(self._sampling, curve=points))

    def _start_fraction(self) -> float:
        return self._start / max(self._places.total - 1, 1)

    def _y(self, scale: float) -> float:
        return self.height() - EDGE - min(scale / self._edge, 1.0) * self._rise()

    def _scale(self, y: float) -> float:
        return min(max((self.height() - EDGE - y) / self._rise(), 0.0), 1.0) * self._edge

    def _rise(self) -> float:
        """Pixels from scale 0 to the top of the axis."""
        return self.height() - EDGE - (HEAD if self.height() >= HIGH else EDGE)

    def _point_at(self, position: QPointF) -> int:
        near = [((self.pointPlace(index) - position).manhattanLength(), index) for index in range(len(self.points()))]
        distance, index = min(near)
        return index if distance <= REACH else -1

    def _lines(self) -> Sequence[float]:
        """The scales that have a line: only every second one where there is little room."""
        lines = grid(self._edge)
        return lines if self.height() >= HIGH else lines[::2]

    def _right(self) -> float:
        return min(self._places.left(self._places.total), float(self.width()))

    def _caption_end(self) -> float:
        """Where the caption ends: at the right, or beside the playhead where that stands there."""
        x, right = self._places.x(self._playhead), self._right() - 4
        return x - 8 if self._playhead >= 0 and x > right - CAPTION_WIDTH else right

    def _paint_grid(self, painter: QPainter) -> None:
        palette = colours()
        font = painter.font()
        font.setPixelSize(10)
        painter.setFont(font)
        for scale in self._lines():
            y = round(self._y(scale))
            painter.fillRect(QRectF(0, y, self._right(), 1), QColor(palette.line))
        low, high = self._sampling.interval
        off = QColor(palette.background)
        off.setAlphaF(0.55)
        for left, right in ((self._start_fraction(), low), (high, 1.0)):
            if right > left + 1e-9:
                start = self._places.fraction_x(left)
                painter.fillRect(QRectF(start, 0, self._places.fraction_x(right) - start, self.height()), off)
        if self.height() >= HIGH:
            painter.setPen(QColor(palette.dim))
            words = QRectF(0, 0, self._caption_end(), HEAD - 3)
            painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, CAPTION)

    def _paint_curve(self, painter: QPainter) -> None:
        palette, total = colours(), self._places.total
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._before:
            painter.setPen(QPen(QColor(blended(palette.accent, palette.panel, 0.45)), 1.5))
            painter.drawPolyline(
                QPolygonF([QPointF(self._places.x(i), self._y(scale)) for i, scale in enumerate(self._before)])
            )
        places = sorted({fraction for fraction, _ in self.points()} | set(self._sampling.interval))
        start = self._start_fraction()
        line = QPolygonF()
        for fraction in places:
            if fraction < start:
                continue
            inside = replace(self._sampling, interval=(0.0, 1.0))
            line.append(QPointF(self._places.fraction_x(fraction), self._y(scale_at(inside, fraction))))
        painter.setPen(QPen(QColor(palette.accent), 2))
        if self._sampling.interval == (0.0, 1.0):
            painter.drawPolyline(line)
            return
        painter.setPen(QPen(QColor(blended(palette.accent, palette.panel, 0.4)), 1, Qt.PenStyle.DashLine))
        painter.drawPolyline(line)
        painter.setPen(QPen(QColor(palette.accent), 2))
        true = [
            QPointF(self._places.x(i), self._y(scale_at(self._sampling, i / max(total - 1, 1))))
            for i in range(self._start, total)
        ]
        painter.drawPolyline(QPolygonF(true))

    def _paint_points(self, painter: QPainter) -> None:
        palette = colours()
        for scale in self._lines():  # above the curve, so that they can be read
            self._paint_label(painter, QPointF(2, self._y(scale)), f"{'s ' if scale == 0 else ''}{scale:g}")
        for index in range(len(self.points())):
            place = self.pointPlace(index)
            is_lit = index in (self._held, self._hovered) or (self.hasFocus() and index == self._touched)
            painter.setPen(QPen(QColor(palette.accent), 2))
            painter.setBrush(QColor(palette.accent if is_lit else palette.text))
            painter.drawEllipse(place, DOT, DOT)
        lit = self._held if self._held >= 0 else self._hovered
        if lit >= 0:
            self._paint_value(painter, lit)

    def _paint_label(self, painter: QPainter, at: QPointF, words: str) -> None:
        palette, metrics = colours(), painter.fontMetrics()
        top_edge = min(max(at.y() - metrics.height() / 2, 0.0), self.height() - metrics.height())
        box = QRectF(at.x(), top_edge, metrics.horizontalAdvance(words) + 4.0, metrics.height())
        ground = QColor(palette.panel)
        ground.setAlphaF(0.8)
        painter.fillRect(box, ground)
        painter.setPen(QColor(palette.dim))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_value(self, painter: QPainter, index: int) -> None:
        """The scale of a point, beside it."""
        palette, place = colours(), self.pointPlace(index)
        fraction, scale = self.points()[index]
        step = round(fraction * max(self._places.total - 1, 1)) + 1
        font = painter.font()
        font.setPixelSize(11)
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        words, metrics = f"s {scale:.1f} · step {step}", painter.fontMetrics()
        width = metrics.horizontalAdvance(words) + 12.0
        x = place.x() + 10 if place.x() + 10 + width < self.width() else place.x() - 10 - width
        y = min(max(place.y() - 10, 0.0), self.height() - 20.0)
        painter.setPen(QPen(QColor(palette.line), 1))
        painter.setBrush(QColor(palette.raised))
        painter.drawRoundedRect(QRectF(x, y, width, 20), 4, 4)
        painter.setPen(QColor(palette.text))
        painter.drawText(QRectF(x, y, width, 20), Qt.AlignmentFlag.AlignCenter, words)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in KEYS:
            event.accept()  # before a shortcut of the window takes the key
            return True
        return super().event(event)
