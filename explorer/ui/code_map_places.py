"""Where the cells of a code map lie, and how what lies over them is painted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QLine, QLineF, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from explorer.codes import Cell
from explorer.ui.theme import colours

__all__ = ["EDGE", "CodePlaces", "paint_cell_frame", "paint_lines", "paint_outline"]

EDGE: Final = 2  # room around the cells for frames
LARGEST: Final = 40  # pixels of a cell
LINED: Final = 8  # pixels of a cell from which on lines part it from its neighbours


@dataclass(frozen=True, slots=True)
class CodePlaces:
    """A map of so many cells in the middle of ``width`` pixels, as large as ``room`` pixels allow."""

    rows: int = 1
    columns: int = 1
    width: int = 0
    room: int = 0

    @property
    def side(self) -> int:
        """The side of a cell in whole pixels."""
        return max(min((self.room - 2 * EDGE) // max(self.rows, self.columns), LARGEST), 1)

    @property
    def height(self) -> int:
        return self.rows * self.side + 2 * EDGE

    def around(self) -> QRect:
        """All of the cells."""
        left = (self.width - self.columns * self.side) // 2
        return QRect(left, EDGE, self.columns * self.side, self.rows * self.side)

    def cell(self, cell: Cell) -> QRect:
        around, side = self.around(), self.side
        return QRect(around.left() + cell[1] * side, around.top() + cell[0] * side, side, side)

    def at(self, point: QPoint) -> Cell | None:
        """The cell under a point."""
        return self.nearest(point) if self.around().contains(point) else None

    def nearest(self, point: QPoint) -> Cell:
        """The cell nearest to a point anywhere."""
        row = (point.y() - self.around().top()) // self.side
        column = (point.x() - self.around().left()) // self.side
        return self.clamped((row, column))

    def clamped(self, cell: Cell) -> Cell:
        """The cell of the map nearest to one that may lie outside."""
        return min(max(cell[0], 0), self.rows - 1), min(max(cell[1], 0), self.columns - 1)


def paint_lines(painter: QPainter, places: CodePlaces) -> None:
    """Part the cells by fine lines, where they are large enough."""
    if places.side < LINED:
        return
    around, side, colour = QRectF(places.around()), places.side, QColor(colours().dim)
    colour.setAlphaF(0.35)
    painter.setPen(QPen(colour, 1))
    across = (around.left() + side * column for column in range(1, places.columns))
    down = (around.top() + side * row for row in range(1, places.rows))
    painter.drawLines([QLineF(x, around.top(), x, around.bottom() - 1) for x in across])
    painter.drawLines([QLineF(around.left(), y, around.right() - 1, y) for y in down])


def paint_outline(painter: QPainter, places: CodePlaces, cells: Collection[Cell]) -> None:
    """Outline the areas that cells make up: their sides towards all that is not one of them."""
    found = []
    for row, column in cells:
        rect = places.cell((row, column))
        left, top, right, bottom = rect.left(), rect.top(), rect.left() + rect.width(), rect.top() + rect.height()
        if (row - 1, column) not in cells:
            found.append(QLine(left, top, right, top))
        if (row + 1, column) not in cells:
            found.append(QLine(left, bottom, right, bottom))
        if (row, column - 1) not in cells:
            found.append(QLine(left, top, left, bottom))
        if (row, column + 1) not in cells:
            found.append(QLine(right, top, right, bottom))
    layers = ((colours().panel, 4), (colours().accent, 2)) if places.side >= LINED else ((colours().accent, 1),)
    for colour, width in layers if found else ():
        painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
        painter.drawLines(found)


def paint_cell_frame(painter: QPainter, places: CodePlaces, cells: Sequence[Cell], width: float) -> None:
    """Frame the square from the first to the last of some cells, readable on every ground."""
    rect = QRectF(places.cell(cells[0]).united(places.cell(cells[-1])))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for hue, thickness in ((colours().panel, width + 1.5), (colours().text, width)):
        painter.setPen(QPen(QColor(hue), thickness))
        painter.drawRect(rect)
