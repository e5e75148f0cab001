"""How the parts of a timeline look that are no thumbnails: ruler, region, ways, playhead, speed and sound."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QLinearGradient, QPainter, QPainterPath, QPen, QPolygonF

from explorer.animation import Film, ease
from explorer.animation.easing import Easing
from explorer.ui.theme import blended, colours
from explorer.ui.timeline.places import CLOSEST, FULL_SIDE, Places

__all__ = [
    "HEIGHT",
    "MIDDLE",
    "RULER",
    "SOUND_HEIGHT",
    "SPEED_HEIGHT",
    "curve_path",
    "paint_band",
    "paint_beats",
    "paint_end",
    "paint_frame",
    "paint_guide",
    "paint_playhead",
    "paint_region",
    "paint_ruler",
    "paint_sound",
    "paint_speed",
    "paint_ways",
]

RULER: Final = 22  # height
STRIP: Final = 6  # of the region, at the foot of the ruler
BAR: Final = 38  # height
MIDDLE: Final = RULER + 4 + FULL_SIDE // 2  # of thumbnails and bars, from the top
HEIGHT: Final = RULER + FULL_SIDE + 16  # of everything but the rows below; the scroll bar lies at the foot
SPEED_HEIGHT: Final = 30
SOUND_HEIGHT: Final = 34
GAP: Final = 4  # between a thumbnail and the bar beside it
NARROWEST: Final = 14.0  # of a bar with a curve in it
SHADE: Final = 0.34  # of the colours of a bar over the panel
BEAT_ROOM: Final = 5.0  # pixels between two ticks

Floats = npt.NDArray[np.floating]


def paint_ruler(painter: QPainter, places: Places, height: int) -> None:
    """Seconds along the top, each with a line through the track."""
    palette = colours()
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    metrics = painter.fontMetrics()
    for x, words in places.marks():
        painter.fillRect(QRectF(round(x), RULER - STRIP, 1, height - RULER + STRIP), QColor(palette.line))
        left, wide = round(x - metrics.horizontalAdvance(words) / 2), metrics.horizontalAdvance(words)
        if left >= 0 and left + wide <= places.width:
            painter.setPen(QColor(palette.dim))
            painter.drawText(QPoint(left, metrics.ascent()), words)


def paint_region(painter: QPainter, places: Places, region: tuple[float, float], height: int) -> None:
    """The part that is played alone: a strip with two handles in the ruler, and what is outside of it fainter."""
    accent, panel = QColor(colours().accent), QColor(colours().panel)
    left, right = (round(places.x_at(seconds)) for seconds in region)
    panel.setAlpha(120)
    painter.fillRect(QRect(0, RULER, max(left, 0), height - RULER), panel)
    painter.fillRect(QRect(right, RULER, max(places.width - right, 0), height - RULER), panel)
    painter.setPen(Qt.PenStyle.NoPen)
    faint = QColor(accent)
    faint.setAlpha(90)
    painter.fillRect(QRect(left, RULER - STRIP, right - left, STRIP), faint)
    painter.setBrush(accent)
    painter.drawRoundedRect(QRectF(left - 1, RULER - STRIP - 5, 5, STRIP + 5), 2, 2)
    painter.drawRoundedRect(QRectF(right - 4, RULER - STRIP - 5, 5, STRIP + 5), 2, 2)


def paint_end(painter: QPainter, places: Places, is_held: bool) -> None:
    """The handle at the end of the film, which stretches it."""
    colour = QColor(colours().accent if is_held else colours().dim)
    x = round(places.x_at(places.seconds))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(x, RULER - 10), QPointF(x + 8, RULER - 5), QPointF(x, RULER)]))
    painter.fillRect(QRectF(x - 1, RULER - 10, 2, 12), colour)


def paint_ways(painter: QPainter, places: Places, film: Film, chosen: frozenset[int], area: QRect) -> None:
    """Bars between the keyframes with their easing in them: a curve, or hatching where it holds.

    Bars outside of ``area`` are left out, and one thin line goes through everything where there is no room for them.
    """
    palette, seen = colours(), places.between(area.left(), area.right())
    start, end = max(places.x_at(0.0), area.left()), min(places.x_at(places.seconds), area.right())
    painter.fillRect(QRectF(start, MIDDLE - 1, end - start, 2), QColor(blended(palette.accent, palette.panel, 0.5)))
    if len(seen) > max(places.width / CLOSEST, 1):
        return
    for index in range(max(seen.start - 1, 0), seen.stop):
        following = places.times[index + 1] if index + 1 < places.count else places.seconds
        right_side = places.side(index + 1) if index + 1 < places.count else 0
        left = round(places.keyframe_x(index) + places.side(index) / 2 + GAP)
        right = round(places.x_at(following) - right_side / 2 - GAP)
        if right - left >= NARROWEST and right >= area.left() and left <= area.right():
            bar = QRectF(left, MIDDLE - BAR / 2, right - left, BAR)
            _paint_way(painter, bar, film.keyframes[index].easing, index in chosen)


def _paint_way(painter: QPainter, bar: QRectF, easing: Easing, is_chosen: bool) -> None:
    palette = colours()
    violet, share = blended(palette.red, palette.accent, 0.42), SHADE * (1.5 if is_chosen else 1.0)
    shade = QLinearGradient(bar.topLeft(), bar.topRight())
    shade.setColorAt(0, QColor(blended(palette.accent, palette.panel, share)))
    shade.setColorAt(1, QColor(blended(violet, palette.panel, share)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shade)
    painter.drawRoundedRect(bar, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if easing == "hold":
        painter.setBrush(QBrush(QColor(blended(palette.accent, palette.panel, 0.8)), Qt.BrushStyle.BDiagPattern))
        painter.drawRoundedRect(bar, 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(palette.accent), 1.5))
    painter.drawPath(curve_path(easing, bar.adjusted(2, 5, -2, -5)))


def curve_path(easing: Easing, area: QRectF) -> QPainterPath:
    """How an easing goes from the lower left to the upper right."""
    count = max(4, min(40, round(area.width() / 4)))
    path = QPainterPath(area.bottomLeft())
    for place in (*(step / count for step in range(1, count)), 0.9999, 1.0):  # a jump at the end stays upright
        path.lineTo(area.left() + place * area.width(), area.bottom() - ease(easing, place) * area.height())
    return path


def paint_frame(painter: QPainter, rect: QRect, colour: str) -> None:
    """A border around a thumbnail."""
    painter.setPen(QPen(QColor(colour), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(rect).adjusted(-1, -1, 1, 1), 4, 4)


def paint_playhead(painter: QPainter, x: float, height: int) -> None:
    """The line of the moment shown, with a flag to take hold of in the ruler."""
    amber, middle, top = QColor(colours().amber), round(x), RULER - 8
    painter.fillRect(QRectF(middle - 1, top + 2, 2, height - top - 2), amber)
    corners = ((-5, 0), (5, 0), (5, 4), (0, 9), (-5, 4))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(amber)
    painter.drawPolygon(QPolygonF([QPointF(middle + right, top + down) for right, down in corners]))


def paint_guide(painter: QPainter, x: float, height: int) -> None:
    """The line that something dragged was pulled to."""
    painter.setPen(QPen(QColor(colours().accent), 1, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(round(x) + 0.5, RULER - STRIP), QPointF(round(x) + 0.5, height))


def paint_speed(painter: QPainter, places: Places, curve: tuple[Floats, Floats], row: QRect) -> None:
    """How much the picture changes per second, over the time of the film."""
    times, speeds = curve
    highest = float(np.max(speeds, initial=0.0))
    if highest <= 0 or len(times) < 2:
        return
    left, right = places.seconds_at(row.left()), places.seconds_at(row.right())
    first = max(int(np.searchsorted(times, left)) - 1, 0)
    last = min(int(np.searchsorted(times, right)) + 1, len(times))
    room = row.height() - 4
    points = [
        QPointF(places.x_at(float(time)), row.bottom() - 2 - room * float(speed) / highest)
        for time, speed in zip(times[first:last], speeds[first:last], strict=True)
    ]
    painter.setPen(QPen(QColor(colours().green), 1.5))
    painter.drawPolyline(QPolygonF(points))


def paint_sound(painter: QPainter, places: Places, peaks: Floats, seconds: float, row: QRect, area: QRect) -> None:
    """The loudness of the sound, one line a pixel."""
    if seconds <= 0 or not len(peaks):
        return
    colour = QColor(blended(colours().dim, colours().panel, 0.7))
    start = max(round(places.x_at(0.0)), area.left())
    end = min(round(places.x_at(seconds)), area.right() + 1)
    middle, per_second = row.center().y(), len(peaks) / seconds
    for x in range(start, end):
        first = int(places.seconds_at(x) * per_second)
        last = max(int(places.seconds_at(x + 1) * per_second), first + 1)
        loud = float(np.max(peaks[max(first, 0) : last], initial=0.0))
        tall = max(1, round(loud * (row.height() - 4)))
        painter.fillRect(x, middle - tall // 2, 1, tall, colour)


def paint_beats(painter: QPainter, places: Places, beats: tuple[float, ...], row: QRect) -> None:
    """A tick for every beat, as far as there is room."""
    colour, last = QColor(colours().amber), -BEAT_ROOM
    for beat in beats:
        x = places.x_at(beat)
        if x > row.right():
            return
        if x >= row.left() and x - last >= BEAT_ROOM:
            painter.fillRect(QRectF(round(x), row.bottom() - 7, 1, 7), colour)
            last = x


def paint_band(painter: QPainter, band: QRect) -> None:
    """What a drag spans that selects."""
    accent = QColor(colours().accent)
    painter.setPen(QPen(accent, 1))
    accent.setAlpha(40)
    painter.setBrush(accent)
    painter.drawRect(band)
