"""What is painted over the points of a map: thumbnails, rings, the outline of a selection."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from explorer.ui.atlas.map_frame import Frame, Thumbs
from explorer.ui.atlas.map_tools import Outline
from explorer.ui.atlas.map_view import MapView
from explorer.ui.theme import Palette

__all__ = [
    "paint_edge",
    "paint_image",
    "paint_outline",
    "paint_path",
    "paint_rings",
    "paint_row",
    "paint_thumbs",
    "thumb_at",
]

RING: Final = 5.5  # radius
LINE: Final = 1.5
FILL: Final = 0.10
CORNER: Final = 8.0


def paint_image(painter: QPainter, frame: Frame | None, view: MapView, rect: QRect, ground: str) -> None:
    """Paint the last image where it belongs in this view, and the ground where it does not reach."""
    if frame is None:
        painter.fillRect(rect, QColor(ground))
        return
    scale, ratio = view.scale / frame.view.scale, frame.ratio
    x, y = view.to_screen(np.array((frame.view.left, frame.view.top))).tolist()
    target = QRectF(x, y, frame.image.width() / ratio * scale, frame.image.height() / ratio * scale)
    if not target.contains(QRectF(rect)):
        painter.fillRect(rect, QColor(ground))
    if scale == 1.0:
        painter.drawImage(QPointF(round(x * ratio) / ratio, round(y * ratio) / ratio), frame.image)
    else:
        painter.drawImage(target, frame.image)


def paint_thumbs(painter: QPainter, thumbs: Thumbs, view: MapView, ratio: float) -> None:
    """Paint the thumbnails with their middles where their points are, on whole device pixels."""
    side, device = thumbs.side, round(thumbs.side * ratio)
    corners = np.round((view.to_screen(thumbs.positions) - side / 2) * ratio) / ratio
    for place, (x, y) in enumerate(corners.tolist()):
        painter.drawImage(QRectF(x, y, side, side), thumbs.sheet, QRectF(0, place * device, device, device))


def thumb_at(thumbs: Thumbs, view: MapView, point: QPointF) -> int:
    """The row whose thumbnail is under a point of the widget; -1 for none."""
    apart = np.abs(view.to_screen(thumbs.positions) - (point.x(), point.y())).max(1)
    found = np.flatnonzero(apart <= thumbs.side / 2)
    return int(thumbs.rows[found[0]]) if len(found) else -1


def paint_rings(
    painter: QPainter, positions: npt.NDArray[np.float32], view: MapView, palette: Palette, ratio: float
) -> None:
    """Paint a red ring around every position."""
    if not len(positions):
        return
    side = 2 * (RING + LINE + 1)
    stamp = QPixmap(round(side * ratio), round(side * ratio))
    stamp.setDevicePixelRatio(ratio)
    stamp.fill(Qt.GlobalColor.transparent)
    pen = QPainter(stamp)
    pen.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_ring(pen, QPointF(side / 2, side / 2), RING, palette.red, palette.background)
    pen.end()
    for x, y in (view.to_screen(positions) - side / 2).tolist():
        painter.drawPixmap(QPointF(x, y), stamp)


def paint_row(
    painter: QPainter, row: int, at: QPointF, thumbs: Thumbs | None, radius: float, colour: str, palette: Palette
) -> None:
    """Paint a ring around a row's point, or a frame around its thumbnail."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if thumbs is not None and row in thumbs.rows:
        _draw_frame(painter, at, thumbs.side, colour)
    else:
        _draw_ring(painter, at, radius, colour, palette.background)


def paint_outline(painter: QPainter, outline: Outline, view: MapView, palette: Palette) -> None:
    """Paint a lasso or box as a dashed line around a faint fill."""
    shape = QPolygonF([QPointF(x, y) for x, y in view.to_screen(outline.polygon()).tolist()])
    fill = QColor(palette.accent)
    fill.setAlphaF(FILL)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(palette.accent), LINE, Qt.PenStyle.DashLine))
    painter.setBrush(fill)
    painter.drawPolygon(shape)


def paint_path(painter: QPainter, positions: npt.NDArray[np.float64], view: MapView, palette: Palette) -> None:
    """Paint a walk through the map as a line with a dot at each end."""
    places = [QPointF(x, y) for x, y in view.to_screen(positions).tolist()]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(palette.accent), 2))
    painter.setBrush(QColor("white"))
    painter.drawPolyline(places)
    for end in (places[0], places[-1]):
        painter.drawEllipse(end, 4, 4)


def paint_edge(painter: QPainter, rect: QRectF, palette: Palette, has_focus: bool) -> None:
    """Round the corners of a rectangle on a card by painting what is outside of them, and a line for the focus."""
    outside, inside = QPainterPath(), QPainterPath()
    outside.addRect(rect)
    inside.addRoundedRect(rect, CORNER, CORNER)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(outside.subtracted(inside), QColor(palette.panel))
    if has_focus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(palette.accent), 1))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), CORNER, CORNER)


def _draw_frame(painter: QPainter, at: QPointF, side: float, colour: str) -> None:
    """A frame around the thumbnail of that side in the middle of ``at``."""
    area = QRectF(0, 0, side + 3, side + 3)
    area.moveCenter(at)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), 2))
    painter.drawRoundedRect(area, 2, 2)


def _draw_ring(painter: QPainter, at: QPointF, radius: float, colour: str, ground: str) -> None:
    """A ring, with a dark or light edge that keeps it apart from what is below."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    edge = QColor(ground)
    edge.setAlphaF(0.7)
    for hue, width in ((edge, LINE + 2), (QColor(colour), LINE)):
        painter.setPen(QPen(hue, width))
        painter.drawEllipse(at, radius, radius)
