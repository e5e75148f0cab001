"""The picture in the middle of the window: one, two beside each other, or a grid of them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import tiles
from explorer.ui.images import draw_image
from explorer.ui.theme import colours
from explorer.ui.view import View, fitted, kept_inside, scaled_about_centre, zoomed

__all__ = ["Canvas"]

Pixels = npt.NDArray[np.uint8]

MARGIN: Final = 8.0
CAPTION: Final = 24.0
LARGEST: Final = 64.0  # screen pixels per content pixel
NOTCH: Final = 1.25  # what one notch of the wheel zooms
STILL: Final = 4.0  # a press that moves less is a click


class Canvas(QWidget):
    """Shows pictures as large as they fit, and keeps the last one until the next is handed over.

    The wheel (or + and -) zooms about the cursor, a drag pans what is larger than the canvas, a double click (or 0 and
    1) changes between fitting and one picture pixel per device pixel. A new picture of the same size keeps the view.
    In a grid a click, or the arrow keys and Return, choose a cell. Pixels handed over are converted once.
    """

    pixel_hovered = Signal(object)  # (x, y, values) of the pixel under the mouse, values a tuple 0-255; or None
    cell_clicked = Signal(int, int)  # row and column
    painted = Signal()  # after the first painting of each new picture

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # saves painting the card behind at every picture
        self._content = tiles.nothing()
        self._centre: tuple[int, int] | None = None
        self._cell: tuple[int, int] | None = None  # under the mouse or the keys
        self._message = ""
        self._is_smooth = True
        self._is_fitting = True
        self._view = View(1.0, 0.0, 0.0)
        self._is_fresh = False
        self._headroom = 0.0
        self._sequence = 0
        self._mouse: QPointF | None = None
        self._pixel: tiles.Pixel | None = None
        self._pressed: QPointF | None = None
        self._dragged_from: tuple[QPointF, View] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture")

    # --- what is shown ---

    def show_picture(self, pixels: Pixels) -> None:
        """Show one picture (h, w, c), c 1 or 3, uint8."""
        self._show(tiles.one(pixels), None)

    def show_grid(self, pixels: Pixels, centre: tuple[int, int] | None = None) -> None:
        """Show pictures (rows, cols, h, w, c) as a grid, with the cell ``centre`` (row, column) marked."""
        self._show(tiles.grid(pixels), centre)

    def show_table(self, pixels: Pixels, marked: tuple[int, int] | None = None) -> None:
        """Show pictures (rows, cols, h, w, c) as a table with heads in the first row and column, and one marked."""
        self._show(tiles.table(pixels), marked)

    def show_beside(self, left: Pixels, right: Pixels, captions: tuple[str, str] = ("", "")) -> None:
        """Show two pictures (h, w, c) side by side at the same height, with a caption above each."""
        self._show(tiles.pair(left, right, captions), None)

    def clear(self, message: str = "") -> None:
        """Show no picture, and ``message`` in dim words in the middle."""
        self._content, self._centre, self._cell, self._message = tiles.nothing(), None, None, message
        self._is_fitting, self._is_fresh = True, False
        self._report_pixel()
        self.update()

    def sequence(self) -> int:
        """How many pictures (or grids, or pairs) have been handed over so far."""
        return self._sequence

    # --- how it is shown ---

    @Slot()
    def fit(self) -> None:
        """Show all of the content as large as it fits, also when the canvas changes its size."""
        self._is_fitting = True
        self._place()

    @Slot()
    def actual_size(self) -> None:
        """Show one picture pixel per device pixel."""
        self._is_fitting = False
        self._view = scaled_about_centre(self._content.size, self._area(), 1 / self.devicePixelRatioF())
        self._place()

    @Slot(bool)
    def set_smooth(self, is_smooth: bool) -> None:
        """Blend enlarged pixels into each other, or show them as squares."""
        self._is_smooth = is_smooth
        self._place()

    def set_headroom(self, pixels: float) -> None:
        """Leave so much room above the content, where something else is painted over the canvas."""
        if pixels != self._headroom:
            self._headroom = pixels
            self._place()

    def has_picture(self) -> bool:
        """Whether anything is shown."""
        return bool(self._content.tiles)

    def is_fitting(self) -> bool:
        """Whether the content follows the size of the canvas."""
        return self._is_fitting

    def scale(self) -> float:
        """Screen pixels per picture pixel."""
        return self._view.scale

    def screen_rect(self, index: int = 0) -> QRectF:
        """Where the picture ``index`` (row by row in a grid) lies in the widget."""
        return self._view.to_screen(self._content.tiles[index].rect)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(640, 560)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.fillRect(event.rect(), QColor(palette.panel))  # the card around has the same colour
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.accent if self.hasFocus() else palette.line), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        if self._content.tiles:
            self._paint_tiles(painter)
        else:
            painter.setPen(QColor(palette.dim))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), int(flags), self._message)
        painter.end()
        if self._is_fresh:
            self._is_fresh = False
            self.painted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom(NOTCH ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed = event.position()
            if self._overflows():
                self._dragged_from = (event.position(), self._view)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._pressed is not None and _distance(self._pressed, event.position()) > STILL:
            self._pressed = None
        if self._dragged_from is not None and self._pressed is None:
            start, view = self._dragged_from
            moved = event.position() - start
            self._view = View(view.scale, view.x + moved.x(), view.y + moved.y())
            self._is_fitting = False
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._place()
        self._set_cell(self._cell_at(event.position()))
        self._report_pixel()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._dragged_from = self._pressed, None, None
        self.unsetCursor()
        cell = self._cell_at(event.position())
        if pressed is not None and event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.cell_clicked.emit(*cell)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._content.columns:
            self.mousePressEvent(event)
        elif event.button() == Qt.MouseButton.LeftButton and self._content.tiles:
            if self._is_fitting:
                self.actual_size()
            else:
                self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        self._mouse = None
        self._set_cell(None)
        self._report_pixel()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        arrows = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        if key in arrows and self._content.tiles:
            self._step(*arrows[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cell is not None:
            self.cell_clicked.emit(*self._cell)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus) and self._content.tiles:
            about = self._mouse or self._area().center()
            self._zoom(1 / NOTCH if key == Qt.Key.Key_Minus else NOTCH, about)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.actual_size()
        else:
            super().keyPressEvent(event)

    # --- private ---

    def _show(self, content: tiles.Tiles, centre: tuple[int, int] | None) -> None:
        if not content.has_shape_of(self._content):
            self._is_fitting, self._cell = True, None
        self._content, self._centre = content, centre
        self._sequence += 1
        self._is_fresh = True
        self._place()
        self._report_pixel()

    def _area(self) -> QRectF:
        """The room for the content, inside the frame and below the captions."""
        top = MARGIN + (CAPTION if any(tile.caption for tile in self._content.tiles) else self._headroom)
        return QRectF(self.rect()).adjusted(MARGIN, top, -MARGIN, -MARGIN)

    def _place(self) -> None:
        """Work out the view again and repaint."""
        if self._is_fitting:
            self._view = fitted(self._content.size, self._area(), self.devicePixelRatioF(), whole=not self._is_smooth)
        else:
            self._view = kept_inside(self._view, self._content.size, self._area())
        self.update()

    def _overflows(self) -> bool:
        area, scale = self._area(), self._view.scale
        return (
            self._content.size.width() * scale > area.width() + 0.5
            or self._content.size.height() * scale > area.height() + 0.5
        )

    def _zoom(self, factor: float, about: QPointF) -> None:
        """Zoom about a point; zooming out stops at the fitting view, or at the true size if that is smaller."""
        if not self._content.tiles:
            return
        whole = fitted(self._content.size, self._area(), self.devicePixelRatioF(), whole=not self._is_smooth).scale
        smallest = min(whole, 1 / self.devicePixelRatioF())
        scale = min(max(self._view.scale * factor, smallest), max(LARGEST, whole))
        self._is_fitting = factor < 1 and self._view.scale > whole >= scale
        self._view = zoomed(self._view, scale, about)
        self._place()

    def _paint_tiles(self, painter: QPainter) -> None:
        palette, ratio = colours(), self.devicePixelRatioF()
        area = self._area()
        painter.setClipRect(QRectF(self.rect()).adjusted(2, area.top() - 2, -2, -2))
        for tile in self._content.tiles:
            target = self._view.to_screen(tile.rect)
            if target.intersects(area.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)):
                draw_image(painter, _on_device_pixels(target, ratio), tile.image, self._is_smooth)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell, hue, width in (
            (self._centre, "black", 4),
            (self._centre, "white", 2),
            (self._cell, palette.accent, 2),
        ):
            if (
                cell is not None
                and self._content.columns
                and cell[0] * self._content.columns + cell[1] < len(self._content.tiles)
            ):
                painter.setPen(QPen(QColor(hue), width))
                rect = self.screen_rect(cell[0] * self._content.columns + cell[1])
                painter.drawRect(_on_device_pixels(rect, ratio).adjusted(1, 1, -1, -1))
        painter.setClipping(False)
        self._paint_captions(painter, area)

    def _paint_captions(self, painter: QPainter, area: QRectF) -> None:
        font = painter.font()
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colours().text))
        for tile in self._content.tiles:
            if tile.caption:
                rect = self._view.to_screen(tile.rect).intersected(area)
                line = QRectF(rect.left(), rect.top() - CAPTION, rect.width(), CAPTION)
                words = painter.fontMetrics().elidedText(tile.caption, Qt.TextElideMode.ElideRight, int(line.width()))
                painter.drawText(line, Qt.AlignmentFlag.AlignCenter, words)

    def _cell_at(self, position: QPointF) -> tuple[int, int] | None:
        return self._content.cell_at(self._view.to_content(position))

    def _set_cell(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cell:
            self._cell = cell
            self.update()

    def _step(self, down: int, right: int) -> None:
        """Move the cell cursor of a grid, or pan a picture that is larger than the canvas."""
        if not self._content.columns:
            view = self._view
            self._is_fitting = self._is_fitting and not self._overflows()
            self._view = View(view.scale, view.x - 40 * right, view.y - 40 * down)
            self._place()
            return
        rows = len(self._content.tiles) // self._content.columns
        row, column = self._cell or self._centre or (0, 0)
        self._set_cell((min(max(row + down, 0), rows - 1), min(max(column + right, 0), self._content.columns - 1)))

    def _report_pixel(self) -> None:
        """Say which pixel is under the mouse, if that or its value has changed."""
        pixel = None if self._mouse is None else self._content.pixel_at(self._view.to_content(self._mouse))
        if pixel != self._pixel:
            self._pixel = pixel
            self.pixel_hovered.emit(pixel)


def _distance(first: QPointF, second: QPointF) -> float:
    return math.hypot(first.x() - second.x(), first.y() - second.y())


def _on_device_pixels(rect: QRectF, ratio: float) -> QRectF:
    """The rectangle with its edges on whole device pixels, so that they are sharp."""
    left, top = round(rect.left() * ratio) / ratio, round(rect.top() * ratio) / ratio
    right, bottom = round(rect.right() * ratio) / ratio, round(rect.bottom() * ratio) / ratio
    return QRectF(left, top, right - left, bottom - top)
