"""A row of thumbnails with words in the pictures, for choices among numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from explorer.ui.strip import ThumbnailStrip
from explorer.ui.theme import colours

__all__ = ["CaptionedStrip"]

BAND: Final = 13  # pixels at the bottom of a thumbnail


class CaptionedStrip(ThumbnailStrip):
    """A strip whose thumbnails carry a caption in a band at their bottom."""

    def __init__(self, name: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__(name, size, parent=parent)
        self._captions: dict[Hashable, str] = {}

    def setCaptions(self, captions: Mapping[Hashable, str]) -> None:
        """Show these words in the thumbnails of these keys."""
        self._captions = dict(captions)
        self.viewport().update()

    def paintItem(self, painter: QPainter, place: int) -> None:
        super().paintItem(painter, place)
        key = self.keys()[place]
        rect, palette = self.itemRect(key), colours()
        band = QRect(rect.left(), rect.bottom() + 1 - BAND, rect.width(), BAND)
        ground = QColor(palette.panel)
        ground.setAlphaF(0.82)
        painter.fillRect(band, ground)
        font = painter.font()
        font.setPixelSize(11)
        painter.save()
        painter.setFont(font)
        painter.setPen(QColor(palette.accent if key == self.current() else palette.text))
        painter.drawText(band, Qt.AlignmentFlag.AlignCenter, self._captions.get(key, ""))
        painter.restore()
