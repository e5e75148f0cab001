"""Pictures laid out next to each other: one, two beside each other, or a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QImage

from explorer.ui.images import qimage

__all__ = ["Pixel", "Tile", "Tiles", "grid", "nothing", "one", "pair", "table"]

Pixels = npt.NDArray[np.uint8]
Pixel = tuple[int, int, tuple[int, ...]]  # x, y and the values (0 to 255) of its channels


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture and where it lies in the content, in content pixels."""

    image: QImage
    rect: QRectF
    caption: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """All pictures of one content, row by row, and its size; ``columns`` is 0 where they are no grid."""

    tiles: tuple[Tile, ...]
    size: QSizeF
    columns: int = 0

    def has_shape_of(self, other: Tiles) -> bool:
        """Whether both lie in the same way, so that the view of one suits the other."""
        mine, others = (self.size, self.columns, len(self.tiles)), (other.size, other.columns, len(other.tiles))
        return mine == others

    def index_at(self, point: QPointF) -> int:
        """The picture under a point of the content, or -1."""
        hits = (index for index, tile in enumerate(self.tiles) if _holds(tile.rect, point))
        return next(hits, -1)

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """The row and column under a point of a grid."""
        index = self.index_at(point) if self.columns else -1
        return divmod(index, self.columns) if index >= 0 else None

    def pixel_at(self, point: QPointF) -> Pixel | None:
        """The pixel of a picture under a point of the content."""
        index = self.index_at(point)
        if index < 0:
            return None
        image, rect = self.tiles[index].image, self.tiles[index].rect
        x = int((point.x() - rect.x()) * image.width() / rect.width())
        y = int((point.y() - rect.y()) * image.height() / rect.height())
        colour = image.pixelColor(x, y)
        values = (colour.red(), colour.green(), colour.blue())
        return x, y, values[:1] if image.format() == QImage.Format.Format_Grayscale8 else values


def nothing() -> Tiles:
    """No picture."""
    return Tiles((), QSizeF(1, 1))


def one(pixels: Pixels) -> Tiles:
    """One picture (h, w, c)."""
    height, width = pixels.shape[:2]
    return Tiles((Tile(qimage(pixels), QRectF(0, 0, width, height)),), QSizeF(width, height))


def pair(left: Pixels, right: Pixels, captions: tuple[str, str]) -> Tiles:
    """Two pictures (h, w, c) at the height of the larger one."""
    height = float(max(left.shape[0], right.shape[0]))
    first, second = (height * pixels.shape[1] / pixels.shape[0] for pixels in (left, right))
    gap = _gap(first, height)
    tiles = (
        Tile(qimage(left), QRectF(0, 0, first, height), captions[0]),
        Tile(qimage(right), QRectF(first + gap, 0, second, height), captions[1]),
    )
    return Tiles(tiles, QSizeF(first + gap + second, height))


def grid(pixels: Pixels) -> Tiles:
    """Pictures (rows, cols, h, w, c) in rows and columns."""
    rows, columns, height, width, _ = pixels.shape
    gap = _gap(width, height)
    tiles = tuple(
        Tile(qimage(pixels[row, column]), QRectF(column * (width + gap), row * (height + gap), width, height))
        for row in range(rows)
        for column in range(columns)
    )
    return Tiles(tiles, QSizeF(columns * (width + gap) - gap, rows * (height + gap) - gap), columns)


def table(pixels: Pixels) -> Tiles:
    """Pictures (rows, cols, h, w, c) as a grid whose first row and column stand apart, and whose corner is empty."""
    rows, columns, height, width, _ = pixels.shape
    gap = _gap(width, height)
    apart = 3 * gap
    tiles = [
        Tile(
            qimage(pixels[row, column]),
            QRectF(
                column * (width + gap) + apart * (column > 0), row * (height + gap) + apart * (row > 0), width, height
            ),
        )
        for row in range(rows)
        for column in range(columns)
    ]
    tiles[0] = Tile(QImage(), QRectF())
    size = QSizeF(columns * (width + gap) - gap + apart, rows * (height + gap) - gap + apart)
    return Tiles(tuple(tiles), size, columns)


def _gap(width: float, height: float) -> float:
    """The space between pictures of this size, in content pixels."""
    return max(width, height) / 32


def _holds(rect: QRectF, point: QPointF) -> bool:
    """Whether a point lies in a rectangle, its right and bottom edge left out."""
    return rect.left() <= point.x() < rect.right() and rect.top() <= point.y() < rect.bottom()
