"""All steps of a run side by side, with the playhead on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.denoise.places import StepPlaces
from explorer.ui.theme import blended, colours

__all__ = ["FOOT", "HEAD", "Filmstrip"]

HEAD: Final = 9  # above the thumbnails, for marks
FOOT: Final = 7  # below, for the line of reused steps
STALE: Final = 0.35  # opacity of a step of the run before


class Filmstrip(QWidget):
    """Thumbnails of the steps. Press or drag to move the playhead; a right click asks for a menu.

    A step that is still to be made is dim, one that an earlier run had made already carries a thin line. It paints only
    what is in sight and asks ``thumbnail(step, side, ratio)`` for it.
    """

    scrubbed = Signal(int)
    menu_asked = Signal(int, QPointF)  # step, position on the screen
    scrolled = Signal(float)  # pixels a wheel wants to move the strip to the left

    def __init__(self, thumbnail: Callable[[int, int, float], QImage | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnail = thumbnail
        self._places = StepPlaces(1, 0)
        self._playhead, self._made, self._reused = -1, 0, 0
        self._turns: dict[int, str] = {}
        self._marks: tuple[int | None, int | None] = (None, None)
        self._is_scrubbing = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Steps of the run")
        self.setAccessibleDescription("Left and Right go to the step before and after, Home and End to the ends.")

    # --- public ---

    def setPlaces(self, places: StepPlaces) -> None:
        """Lay the steps out like this."""
        if places != self._places:
            self._places = places
            self.setFixedHeight(places.tallest + HEAD + FOOT)  # whatever the steps: nothing above it should jump
            self.update()

    def setRun(self, made: int, reused: int, turns: Mapping[int, str]) -> None:
        """So many first steps are there, so many were there before; at these steps something turns, in words."""
        if turns != self._turns:
            self.update()
        else:  # a run that grows paints the new steps alone
            for before, now in ((self._made, made), (self._reused, reused)):
                for index in range(min(before, now), min(max(before, now), self._places.total)):
                    self.updateStep(index)
        self._made, self._reused, self._turns = made, reused, dict(turns)

    def setPlayhead(self, index: int) -> None:
        """Frame a step; -1: none."""
        if index != self._playhead:
            for each in (self._playhead, index):
                self.update(self.stepRect(each).toAlignedRect().adjusted(-6, -HEAD, 6, FOOT))
            self._playhead = index

    def playhead(self) -> int:
        """The framed step, or -1."""
        return self._playhead

    def setMarks(self, first: int | None, last: int | None) -> None:
        """Show the first and the last step that are played, where they are marked."""
        self._marks = first, last
        self.update()

    def stepRect(self, index: int) -> QRectF:
        """Where the thumbnail of a step lies."""
        side = self._places.side
        left = round(self._places.x(index) - side / 2)
        return QRectF(left, self._top(), side, side)

    def updateStep(self, index: int) -> None:
        """Paint one step again."""
        self.update(self.stepRect(index).toAlignedRect().adjusted(-3, -HEAD, 3, FOOT))

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(400, self._places.tallest + HEAD + FOOT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self._places.tallest + HEAD + FOOT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, ratio = QPainter(self), self.devicePixelRatioF()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(event.rect())
        for index in self._places.seen():
            rect = self.stepRect(index)
            if rect.adjusted(-6, -HEAD, 6, FOOT).intersects(area):
                self._paint_step(painter, index, rect, ratio)
        self._paint_marks(painter)
        if self._playhead >= 0:
            self._paint_playhead(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._places.total:
            self._is_scrubbing = True
            self.scrubbed.emit(self._places.index_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_scrubbing:
            self.scrubbed.emit(self._places.index_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._is_scrubbing = False

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self._playhead if by_key else self._places.index_at(event.pos().x())
        if 0 <= index < self._places.total:
            at = self.mapToGlobal(self.stepRect(index).center()) if by_key else QPointF(event.globalPos())
            self.menu_asked.emit(index, at)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        self.scrolled.emit(float(-(delta.x() or delta.y())))
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._words_at(event.pos().x()), self)
            return True
        return super().event(event)

    # --- private ---

    def _top(self) -> int:
        """Where thumbnails begin: small ones lie in the middle."""
        return HEAD + (self._places.tallest - self._places.side) // 2

    def _words_at(self, x: float) -> str:
        if not self._places.total:
            return ""
        index = self._places.index_at(x)
        said = [f"Step {index + 1} of {self._places.total}"]
        if index >= self._made:
            said.append("still to be made")
        elif index < self._reused:
            said.append("kept from an earlier run")
        if index in self._turns:
            said.append(self._turns[index])
        return ": ".join((said[0], ", ".join(said[1:]))) if len(said) > 1 else said[0]

    def _paint_step(self, painter: QPainter, index: int, rect: QRectF, ratio: float) -> None:
        palette = colours()
        image = self._thumbnail(index, self._places.side, ratio)
        if image is None or index >= self._made:
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if image is not None:
            painter.setOpacity(1.0 if index < self._made else STALE)
            painter.drawImage(rect.topLeft(), image)
            painter.setOpacity(1.0)
        if index < self._reused:
            line = QRectF(self._places.left(index) + 1, rect.bottom() + 3, self._places.pitch - 2, 1.5)
            painter.fillRect(line, QColor(blended(palette.dim, palette.panel, 0.7)))
        if index in self._turns:
            self._paint_turn(painter, index, rect)

    def _paint_turn(self, painter: QPainter, index: int, rect: QRectF) -> None:
        """Where the run was led elsewhere: a line before the step, with a fork on top."""
        hue, x = QColor(colours().accent), round(self._places.left(index)) + 0.0
        painter.setPen(QPen(hue, 1.5))
        head = rect.top() - HEAD
        painter.drawLine(QPointF(x, head + 3), QPointF(x, rect.bottom() + 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(hue)
        painter.drawPolygon(QPolygonF([QPointF(x, head), QPointF(x + 7, head + 4), QPointF(x, head + 8)]))

    def _paint_marks(self, painter: QPainter) -> None:
        """Brackets at the marks, and a veil over what is not played."""
        palette, (first, last) = colours(), self._marks
        veil = QColor(palette.panel)
        veil.setAlphaF(0.6)
        head = self._top()
        bottom = head + self._places.side
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if first is not None:
            x = self._places.left(first) + 1
            painter.fillRect(QRectF(0, head - 1, max(x - 1, 0), self._places.side + 2), veil)
            painter.setPen(QPen(QColor(palette.amber), 2))
            painter.drawPolyline([QPointF(x + 6, head - 4), QPointF(x, head - 4), QPointF(x, bottom + 2)])
        if last is not None:
            x = self._places.left(last + 1) - 1
            end = self._places.left(self._places.total)
            painter.fillRect(QRectF(x + 1, head - 1, max(end - x, 0), self._places.side + 2), veil)
            painter.setPen(QPen(QColor(palette.amber), 2))
            painter.drawPolyline([QPointF(x - 6, head - 4), QPointF(x, head - 4), QPointF(x, bottom + 2)])

    def _paint_playhead(self, painter: QPainter) -> None:
        rect, amber = self.stepRect(self._playhead), QColor(colours().amber)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(amber, 2))
        painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), 4, 4)
        x, bottom = round(self._places.x(self._playhead)), rect.bottom() + 2
        painter.fillRect(QRectF(x - 1, bottom, 2, self.height() - bottom), amber)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours().text), 1))
            painter.drawRoundedRect(rect.adjusted(-4, -4, 4, 4), 5, 5)
