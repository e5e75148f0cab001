"""Tiles in rows and columns, as large as they fit; where they would be too small, they scroll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from explorer.ui.compare.model_tile import FOOT, SMALLEST

__all__ = ["TileGrid", "columns_for"]

GAP: Final = 8
LARGEST: Final = 640  # of a side


def columns_for(count: int, width: int, height: int) -> int:
    """The number of columns with which the pictures of ``count`` tiles are largest; where they are as small as they
    get, as many columns as there is room for."""

    def worth(columns: int) -> tuple[float, int]:
        rows, least = -(-count // columns), SMALLEST.height() - FOOT
        across, down = (width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows - FOOT
        if across < SMALLEST.width():
            return -1.0, -columns
        return min(across, max(down, least)), columns if down <= least else -columns

    return max(range(1, max(count, 1) + 1), key=worth)


class TileGrid(QScrollArea):
    """Places its tiles itself; arrow keys walk through them."""

    resized = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._tiles: tuple[QWidget, ...] = ()
        self._columns = 1
        self.floor = QWidget(self)
        self.floor.setProperty("flat", True)
        self.setWidget(self.floor)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Models that are compared")

    def set_tiles(self, tiles: Sequence[QWidget]) -> None:
        """Show these, children of ``floor``, in this order; Tab goes through them in the same one."""
        self._tiles = tuple(tiles)
        for before, after in zip(self._tiles, self._tiles[1:], strict=False):
            QWidget.setTabOrder(before, after)
        self.place()

    def columns(self) -> int:
        return self._columns

    def place(self) -> None:
        """Lay the tiles out for the room there is."""
        count, room = len(self._tiles), self.viewport().rect()
        if not count or room.isEmpty():
            return
        self._columns = columns = columns_for(count, room.width(), room.height())
        rows = -(-count // columns)
        width = (room.width() - GAP * (columns - 1)) // columns
        height = max((room.height() - GAP * (rows - 1)) // rows, SMALLEST.height())
        height = min(height, width + FOOT, LARGEST + FOOT)  # no room beside the picture that shows nothing
        whole = rows * height + GAP * (rows - 1)
        self.floor.resize(room.width(), max(whole, room.height()))
        for place, tile in enumerate(self._tiles):
            row, column = divmod(place, columns)
            tile.setGeometry(QRect(column * (width + GAP), row * (height + GAP), width, height))
            tile.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
        }.get(Qt.Key(event.key()), 0)
        place = next((index for index, tile in enumerate(self._tiles) if tile.hasFocus()), -1)
        if not step or place < 0:
            super().keyPressEvent(event)
        elif 0 <= place + step < len(self._tiles):
            self._tiles[place + step].setFocus(Qt.FocusReason.TabFocusReason)
            self.ensureWidgetVisible(self._tiles[place + step], 0, 0)
