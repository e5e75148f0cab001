"""The large picture of a step: two runs with a divider between them, and room to paint on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.ui.canvas import Canvas
from explorer.ui.images import draw_image
from explorer.ui.theme import colours
from explorer.ui.tiles import Tile, Tiles

__all__ = ["StepCanvas"]

REACH: Final = 7.0  # pixels: so near to the divider a press takes hold of it
GRIP: Final = 9.0  # radius of its handle
NUDGE: Final = 0.05  # what Ctrl and an arrow move the divider


class StepCanvas(Canvas):
    """Shows images that are made already. With a divider, the other run is right of it; it is dragged.

    While a brush is out, the left button paints instead of panning, and strokes are told in pixels of the picture.
    """

    divided = Signal(float)  # where the divider is now, from 0 to 1
    stroked = Signal(QPointF, QPointF)  # from where to where, in pixels of the picture
    stroke_ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._others: tuple[QImage | None, ...] = ()
        self._names = ("", "")
        self._divider = 0.5
        self._is_held = False
        self._brush = 0.0  # its diameter in pixels of the picture; 0 where none is out
        self._layer: QImage | None = None  # what is painted over the picture
        self._stroke: QPointF | None = None  # where the brush was last

    # --- showing ---

    def show_images(self, images: Sequence[QImage], captions: Sequence[str], side: tuple[int, int]) -> None:
        """Show images next to each other, each as wide and high as a picture of ``side`` (w, h)."""
        width, height = (float(length) for length in side)
        gap = max(width, height) / 32
        tiles = tuple(
            Tile(image, QRectF(place * (width + gap), 0, width, height), caption)
            for place, (image, caption) in enumerate(zip(images, captions, strict=True))
        )
        self._show(Tiles(tiles, QSizeF(len(tiles) * (width + gap) - gap, height)), None)

    def show_others(self, images: Sequence[QImage | None], names: tuple[str, str] = ("", "")) -> None:
        """Show these right of the divider, one for every image; none: no divider. Names are those of both sides."""
        self._others, self._names = tuple(images), names
        self.update()

    def has_divider(self) -> bool:
        return bool(self._others) and self.has_picture()

    def divider(self) -> float:
        """Where the divider is, from 0 (left) to 1."""
        return self._divider

    def set_divider(self, place: float) -> None:
        """Put the divider at a part of the width."""
        place = min(max(place, 0.0), 1.0)
        if place != self._divider:
            self._divider = place
            self.update()
            self.divided.emit(place)

    def set_brush(self, diameter: float) -> None:
        """Take a brush of so many pixels of the picture, or put it away (0)."""
        self._brush, self._stroke = diameter, None
        self.setCursor(Qt.CursorShape.BlankCursor if diameter else Qt.CursorShape.ArrowCursor)
        self.update()

    def show_layer(self, layer: QImage | None) -> None:
        """Show what is painted over the picture, at its size; None: nothing."""
        self._layer = layer
        self.update()

    # --- Qt ---

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.has_picture():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        for place, other in enumerate(self._others):
            if other is not None:
                self._paint_other(painter, self._picture_rect(place), other)
        if self._layer is not None:
            draw_image(painter, self._picture_rect(self._last()), self._layer, self._is_smooth)
        if self._brush and self._mouse is not None:
            self._paint_brush(painter, self._mouse)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._brush and self.has_picture():
            self._stroke = self._picture_point(event.position())
            self.stroked.emit(self._stroke, self._stroke)
        elif event.button() == Qt.MouseButton.LeftButton and self._is_on_divider(event.position()):
            self._is_held = True
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_held:
            self._hold_at(event.position())
            return
        if self._stroke is not None:
            here = self._picture_point(event.position())
            before, self._stroke = self._stroke, here
            self._mouse = event.position()
            self.stroked.emit(before, here)
            return
        super().mouseMoveEvent(event)
        if self._brush:
            self.setCursor(Qt.CursorShape.BlankCursor)
            self.update()
        elif self._is_on_divider(event.position()):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._pressed is None and self._dragged_from is None:
            self.unsetCursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_held:
            self._is_held = False
        elif self._stroke is not None:
            self._stroke = None
            self.stroke_ended.emit()
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._brush or self._is_on_divider(event.position()):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = {Qt.Key.Key_Left: -NUDGE, Qt.Key.Key_Right: NUDGE}.get(Qt.Key(event.key()), 0.0)
        if way and self.has_divider() and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_divider(self._divider + way)
        else:
            super().keyPressEvent(event)

    # --- private ---

    def _last(self) -> int:
        return len(self._content.tiles) - 1

    def _picture_rect(self, place: int) -> QRectF:
        return self.screen_rect(min(place, self._last()))

    def _picture_point(self, position: QPointF) -> QPointF:
        """A point of the widget in pixels of the predicted picture, the rightmost one."""
        rect, tile = self._picture_rect(self._last()), self._content.tiles[-1]
        scale = tile.rect.width() / rect.width()
        return QPointF((position.x() - rect.left()) * scale, (position.y() - rect.top()) * scale)

    def _divider_x(self, rect: QRectF) -> float:
        return rect.left() + self._divider * rect.width()

    def _is_on_divider(self, position: QPointF) -> bool:
        return self.has_divider() and any(
            abs(position.x() - self._divider_x(self._picture_rect(place))) <= REACH
            for place in range(len(self._others))
        )

    def _hold_at(self, position: QPointF) -> None:
        rects = [self._picture_rect(place) for place in range(len(self._others))]
        rect = min(rects, key=lambda each: abs(each.center().x() - position.x()))
        self.set_divider((position.x() - rect.left()) / rect.width())

    def _paint_other(self, painter: QPainter, rect: QRectF, image: QImage) -> None:
        """The other run right of the divider, the divider, and the names of both."""
        palette, x = colours(), self._divider_x(rect)
        painter.save()
        painter.setClipRect(QRectF(x, rect.top(), rect.right() - x, rect.height()), Qt.ClipOperation.IntersectClip)
        draw_image(painter, rect, image, self._is_smooth)
        painter.restore()
        painter.fillRect(QRectF(x - 1.5, rect.top(), 3, rect.height()), QColor(0, 0, 0, 90))
        painter.fillRect(QRectF(x - 0.5, rect.top(), 1, rect.height()), QColor("white"))
        middle = QPointF(x, rect.center().y())
        painter.setPen(QPen(QColor(palette.panel), 1))
        painter.setBrush(QColor("white"))
        painter.drawEllipse(middle, GRIP, GRIP)
        painter.setPen(QPen(QColor("#1d2129"), 1.5))
        for way in (-1, 1):
            tip = middle + QPointF(way * 5.5, 0)
            painter.drawPolyline([tip + QPointF(-way * 3, -3), tip, tip + QPointF(-way * 3, 3)])
        left, right = self._names
        self._paint_name(painter, QPointF(rect.left() + 8, rect.top() + 8), left, is_right=False)
        self._paint_name(painter, QPointF(rect.right() - 8, rect.top() + 8), right, is_right=True)

    def _paint_name(self, painter: QPainter, corner: QPointF, words: str, is_right: bool) -> None:
        if not words:
            return
        palette, metrics = colours(), painter.fontMetrics()
        width = metrics.horizontalAdvance(words) + 12.0
        box = QRectF(corner.x() - (width if is_right else 0.0), corner.y(), width, metrics.height() + 4.0)
        ground = QColor(palette.panel)
        ground.setAlphaF(0.85)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(palette.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_brush(self, painter: QPainter, at: QPointF) -> None:
        rect, tile = self._picture_rect(self._last()), self._content.tiles[-1]
        radius = max(self._brush / 2 * rect.width() / tile.rect.width(), 2.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for hue, width in ((QColor(0, 0, 0, 160), 3.0), (QColor("white"), 1.0)):
            painter.setPen(QPen(hue, width))
            painter.drawEllipse(at, radius, radius)
