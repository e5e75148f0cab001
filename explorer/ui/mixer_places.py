"""Where the parts of a mixer lie, and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["PITCH", "SIDE", "Cell", "Places", "cells_between", "paint_cell", "paint_frame", "paint_picture"]

Cell: TypeAlias = tuple[int, int]  # row and column; the column -1 is the picture in front

PITCH: Final = 32  # from row to row
SIDE: Final = 30  # of the pictures
HEIGHT: Final = 26  # of the cells
GUTTER: Final = 22  # for the buttons that remove a row
BUTTON: Final = 20
GAP: Final = 3  # between columns
WIDER: Final = 4  # more between groups of columns
BEFORE: Final = 7  # between the pictures and the first column
RADIUS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Places:
    """A mixer so wide, with so many rows and columns, whose groups of columns start at ``starts``."""

    width: int = 0
    rows: int = 0
    columns: int = 0
    starts: frozenset[int] = frozenset()

    def edges(self, column: int) -> tuple[int, int]:
        """The left and right end of a column."""
        first, wider = SIDE + BEFORE, WIDER * len(self.starts)
        pitch = (self.width - GUTTER - first - wider + GAP) / max(self.columns, 1)
        left = first + column * pitch + WIDER * sum(start <= column for start in self.starts)
        return round(left), round(left + pitch) - GAP

    def cell(self, cell: Cell) -> QRect:
        left, right = self.edges(cell[1])
        return QRect(left, cell[0] * PITCH + (SIDE - HEIGHT) // 2, right - left, HEIGHT)

    def around(self, cell: Cell) -> QRect:
        """A cell and its frame."""
        return self.cell(cell).adjusted(-2, -2, 2, 2)

    def picture(self, row: int) -> QRect:
        return QRect(0, row * PITCH, SIDE, SIDE)

    def remover(self, row: int) -> QRect:
        """The button that removes a row."""
        return QRect(self.width - BUTTON, row * PITCH + (SIDE - BUTTON) // 2, BUTTON, BUTTON)

    def at(self, point: QPoint) -> Cell | None:
        """The cell under a point; gaps belong to their neighbours."""
        inside = 0 <= point.y() < self.rows * PITCH and 0 <= point.x() < self.width - GUTTER + GAP
        if not inside or not self.columns:
            return None
        return (point.y() // PITCH, -1) if point.x() < SIDE + BEFORE - GAP else self.nearest(point)

    def nearest(self, point: QPoint) -> Cell:
        """The cell nearest to a point anywhere."""
        row = min(max(point.y() // PITCH, 0), self.rows - 1)
        return row, next((c for c in range(self.columns) if point.x() < self.edges(c)[1] + 2), self.columns - 1)


def cells_between(start: Cell, end: Cell) -> tuple[Cell, ...]:
    """The cells on the straight way from one to another, without the first: a fast mouse leaves none out."""
    down, right = end[0] - start[0], end[1] - start[1]
    steps = max(abs(down), abs(right))
    return tuple(
        (round(start[0] + down * step / steps), round(start[1] + right * step / steps)) for step in range(1, steps + 1)
    )


def paint_picture(painter: QPainter, rect: QRect, pixels: npt.NDArray[np.uint8] | None) -> None:
    """Paint a picture (h, w, c), or its empty place."""
    if pixels is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours().raised))
        painter.drawRoundedRect(rect, RADIUS, RADIUS)
    else:
        painter.drawImage(rect.topLeft(), thumbnail(pixels, rect.width(), painter.device().devicePixelRatioF()))


def paint_cell(painter: QPainter, rect: QRectF, share: float) -> None:
    """Paint an empty cell, filled from below as high as its share."""
    palette, outline = colours(), QPainterPath()
    radius = min(RADIUS, rect.width() / 4)
    outline.addRoundedRect(rect, radius, radius)
    painter.fillPath(outline, QColor(palette.raised))
    if share > 0:
        painter.save()
        painter.setClipRect(rect.adjusted(0, min(rect.height() * (1 - share), rect.height() - 2), 0, 0))
        painter.fillPath(outline, QColor(palette.accent))
        painter.restore()


def paint_frame(painter: QPainter, rect: QRectF, colour: str, width: float) -> None:
    """Paint a frame of a line so wide inside ``rect``."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), width))
    half, radius = width / 2, min(RADIUS, rect.width() / 4)
    painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius, radius)
