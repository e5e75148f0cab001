"""How the parts of a timeline look that no one takes hold of: the ruler, the ways between keyframes, the playhead."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen, QPolygonF

from explorer.animation import EASINGS
from explorer.ui.theme import blended, colours
from explorer.ui.timeline_places import FULL_SIDE, Places

__all__ = ["HEIGHT", "MIDDLE", "paint_frame", "paint_playhead", "paint_ruler", "paint_ways"]

RULER: Final = 20  # height
BAR: Final = 38  # height
MIDDLE: Final = RULER + 4 + FULL_SIDE // 2  # of thumbnails and bars, from the top
HEIGHT: Final = RULER + FULL_SIDE + 10  # of everything
GAP: Final = 4  # between a thumbnail and the bar beside it
NARROWEST: Final = 14.0  # of a bar with a curve in it
SHADE: Final = 0.34  # of the colours of a bar over the panel


def paint_ruler(painter: QPainter, places: Places) -> None:
    """Seconds along the top, each with a line through the track."""
    palette = colours()
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    metrics = painter.fontMetrics()
    for x, words in places.marks():
        painter.fillRect(QRectF(round(x), RULER - 3, 1, HEIGHT - RULER + 1), QColor(palette.line))
        painter.setPen(QColor(palette.dim))
        painter.drawText(QPoint(round(x - metrics.horizontalAdvance(words) / 2), metrics.ascent()), words)


def paint_ways(painter: QPainter, places: Places, easing: str, area: QRect) -> None:
    """Bars between the keyframes with the easing curve in them; one thin line where there is no room for that.

    Bars outside of ``area`` are left out.
    """
    palette, gap = colours(), places.side / 2 + GAP
    if places.spacing - 2 * gap < NARROWEST:
        start, end = places.keyframe_x(0), places.keyframe_x(places.steps)
        painter.fillRect(QRectF(start, MIDDLE - 1, end - start, 2), QColor(blended(palette.accent, palette.panel, 0.5)))
        return
    violet = blended(palette.red, palette.accent, 0.42)
    for index in range(places.steps):
        left = round(places.keyframe_x(index) + gap)
        bar = QRectF(left, MIDDLE - BAR / 2, round(places.keyframe_x(index + 1) - gap) - left, BAR)
        if bar.right() < area.left() or bar.left() > area.right():
            continue
        shade = QLinearGradient(bar.topLeft(), bar.topRight())
        shade.setColorAt(0, QColor(blended(palette.accent, palette.panel, SHADE)))
        shade.setColorAt(1, QColor(blended(violet, palette.panel, SHADE)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawRoundedRect(bar, 4, 4)
        painter.setPen(QPen(QColor(palette.accent), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(_curve(easing, bar.adjusted(2, 5, -2, -5)))


def paint_frame(painter: QPainter, rect: QRect, colour: str) -> None:
    """A border around a thumbnail."""
    painter.setPen(QPen(QColor(colour), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(-1, -1, 1, 1), 4, 4)


def paint_playhead(painter: QPainter, x: float) -> None:
    """The line of the moment shown, with a flag to take hold of in the ruler."""
    amber, middle, top = QColor(colours().amber), round(x), RULER - 6
    painter.fillRect(QRectF(middle - 1, top + 2, 2, HEIGHT - top - 2), amber)
    corners = ((-5, 0), (5, 0), (5, 4), (0, 9), (-5, 4))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(amber)
    painter.drawPolygon(QPolygonF([QPointF(middle + right, top + down) for right, down in corners]))


def _curve(easing: str, area: QRectF) -> QPainterPath:
    """How an easing goes from the lower left to the upper right."""
    count = max(4, min(40, round(area.width() / 4)))
    path = QPainterPath(area.bottomLeft())
    for place in (*(step / count for step in range(1, count)), 0.9999, 1.0):  # a jump at the end stays upright
        height = EASINGS[easing](place) * area.height()
        path.lineTo(area.left() + place * area.width(), area.bottom() - height)
    return path
