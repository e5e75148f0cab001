"""Painting of the track: only what is in view, thumbnails where they have room and bars where not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from explorer.animation import Film, ways
from explorer.scene import Scene
from explorer.ui.images import thumbnail
from explorer.ui.theme import blended, colours
from explorer.ui.timeline import paint
from explorer.ui.timeline.paint import HEIGHT, MIDDLE
from explorer.ui.timeline.places import FULL_SIDE, Places

__all__ = ["ALONE", "EMPTY", "Look", "Rows", "Thumbnails", "paint_keyframes", "paint_rows", "paint_words", "rows_for"]

Pixels: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.floating]

EMPTY: Final = "Add the current point with K; two keyframes make a film."
ALONE: Final = "One more keyframe makes a film."
MOST_IMAGES: Final = 600  # scaled thumbnails that are kept
APART: Final = 5  # pixels between two bars that are both painted


@dataclass(frozen=True, slots=True)
class Look:
    """What the keyframes look like: which are selected, under the mouse, held, and whether the keys come here."""

    selected: frozenset[int]
    hovered: int
    has_focus: bool
    ratio: float


@dataclass(frozen=True, slots=True)
class Rows:
    """What lies below the keyframes, where there is something to show: the places of the rows."""

    speed: QRect | None
    sound: QRect | None


class Thumbnails:
    """Pictures of scenes, scaled when they are first seen at a size on a screen of some ratio."""

    def __init__(self) -> None:
        self.pictures: Mapping[Scene, Pixels] = {}
        self._images: dict[tuple[int, int, float], tuple[Pixels, QImage]] = {}

    def image(self, scene: Scene, side: int, ratio: float) -> QImage | None:
        """The picture of a scene at ``side`` logical pixels, or None: not there yet."""
        pixels = self.pictures.get(scene)
        if pixels is None:
            return None
        place = (id(pixels), side, ratio)
        kept = self._images.get(place)
        if kept is None or kept[0] is not pixels:
            if len(self._images) >= MOST_IMAGES:
                self._images.clear()
            kept = self._images[place] = (pixels, thumbnail(pixels, side, ratio))
        return kept[1]


def paint_words(painter: QPainter, count: int, area: QRect) -> None:
    """What to do where there is no film yet."""
    painter.setPen(QColor(colours().dim))
    if count == 0:
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, EMPTY)
    else:
        beside = QRect(area.left() + 2 * FULL_SIDE, MIDDLE - FULL_SIDE // 2, area.width() - 2 * FULL_SIDE, FULL_SIDE)
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, ALONE)


def paint_keyframes(
    painter: QPainter, places: Places, film: Film, look: Look, thumbnails: Thumbnails, area: QRect
) -> None:
    """All that are in ``area`` in order; then the selected ones, and the one under the mouse at full size, on top."""
    seen = places.between(area.left(), area.right())
    index, raised = seen.start, []
    while index < seen.stop:
        side = places.side(index)
        if index in look.selected or index == look.hovered:
            raised.append(index)
        elif side:
            _paint_thumbnail(painter, thumbnails, film, index, places, side, look)
        else:
            x = places.keyframe_x(index)
            painter.fillRect(_bar(x), QColor(blended(colours().accent, colours().panel, 0.75)))
            following = bisect_left(places.times, places.seconds_at(x + APART), index + 1)
            index = max(index, _next_raised(look, index, following) - 1)  # thousands would lie on each other
        index += 1
    raised.sort(key=lambda each: each == look.hovered)
    for index in raised:
        side = places.side(index)
        side = FULL_SIDE if index == look.hovered else side
        if side:
            _paint_thumbnail(painter, thumbnails, film, index, places, side, look)
        else:
            painter.fillRect(_bar(places.keyframe_x(index)).adjusted(-1, -4, 1, 4), QColor(colours().text))
    if film.is_playable and ways(film) == places.count and places.side(0):  # the loop comes back to its first keyframe
        side = min(places.side(0), FULL_SIDE // 2)
        image = thumbnails.image(film.keyframes[0].scene, side, look.ratio)
        if image is not None:
            painter.setOpacity(0.4)
            painter.drawImage(_square(places.x_at(places.seconds), side).topLeft(), image)
            painter.setOpacity(1.0)


def paint_rows(
    painter: QPainter,
    places: Places,
    film: Film,
    rows: Rows,
    speed: tuple[Floats, Floats] | None,
    peaks: Floats | None,
    area: QRect,
) -> None:
    """The curve of speed and the sound, each in its row."""
    if rows.speed is not None and speed is not None:
        paint.paint_speed(painter, places, speed, rows.speed)
    if rows.sound is not None and film.sound is not None:
        if peaks is not None:
            paint.paint_sound(painter, places, peaks, film.sound.seconds, rows.sound, area)
        paint.paint_beats(painter, places, film.sound.beats, rows.sound)


def rows_for(width: int, has_speed: bool, has_sound: bool) -> Rows:
    """Where the rows lie that are there."""
    top = HEIGHT - 10
    speed = QRect(0, top, width, paint.SPEED_HEIGHT) if has_speed else None
    top += paint.SPEED_HEIGHT if has_speed else 0
    return Rows(speed, QRect(0, top, width, paint.SOUND_HEIGHT) if has_sound else None)


def _paint_thumbnail(
    painter: QPainter, thumbnails: Thumbnails, film: Film, index: int, places: Places, side: int, look: Look
) -> None:
    palette, rect = colours(), _square(places.keyframe_x(index), side)
    image = thumbnails.image(film.keyframes[index].scene, side, look.ratio)
    if image is None:
        painter.setPen(QPen(QColor(palette.line), 1))
        painter.setBrush(QColor(palette.raised))
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    else:
        painter.drawImage(rect.topLeft(), image)
    if index in look.selected:
        paint.paint_frame(painter, rect, palette.accent if look.has_focus else palette.text)


def _next_raised(look: Look, index: int, following: int) -> int:
    """The next keyframe that has to be painted: the one that has room, or one before it that stands out."""
    if index < look.hovered < following or any(index < each < following for each in look.selected):
        return index + 1
    return following


def _square(x: float, side: int) -> QRect:
    return QRect(round(x - side / 2), MIDDLE - side // 2, side, side)


def _bar(x: float) -> QRectF:
    return QRectF(round(x) - 1, MIDDLE - (FULL_SIDE - 8) / 2, 3, FULL_SIDE - 8)
