"""What a point of the map stands for: a small card beside the mouse with its picture and a few words."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["PointTip"]

SIDE: Final = 64  # of the picture
EDGE: Final = 8
AWAY: Final = 14  # from the point
WIDEST: Final = 290  # of the words


class PointTip(QWidget):
    """A card inside another widget that the mouse passes through; words in lines, the last one dim."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._image: QImage | None = None
        self._lines: tuple[str, ...] = ()
        self._hint = ""
        self.hide()

    def show_words(self, at: QPointF, words: str, hint: str = "") -> None:
        """Show words beside a point of the parent; the picture is on its way."""
        self._image = None
        self._lines, self._hint = tuple(words.splitlines()), hint
        self.move_to(at)

    def move_to(self, at: QPointF) -> None:
        """Show it right of a point of the parent and below, or on the other side where there is no room."""
        size, room = self.sizeHint(), self._around.size()
        x, y = at.x() + AWAY, at.y() + AWAY
        if x + size.width() > room.width() - EDGE:
            x = at.x() - AWAY - size.width()
        if y + size.height() > room.height() - EDGE:
            y = at.y() - AWAY - size.height()
        self.setGeometry(QRect(max(round(x), 0), max(round(y), 0), size.width(), size.height()))
        self.show()
        self.update()

    def show_picture(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Show a picture (h, w, c) beside the words."""
        self._image = qimage(np.ascontiguousarray(pixels))
        self.update()

    def words(self) -> str:
        """What is said, in lines."""
        return "\n".join(self._lines)

    def has_picture(self) -> bool:
        """Whether the picture has arrived."""
        return self._image is not None

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        lines = (*self._lines, self._hint) if self._hint else self._lines
        width = min(max((metrics.horizontalAdvance(line) for line in lines), default=0) + 1, WIDEST)
        height = max(SIDE, len(lines) * metrics.lineSpacing() + (4 if self._hint else 0))
        return QSize(SIDE + width + 3 * EDGE, height + 2 * EDGE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.line), 1))
        painter.setBrush(QColor(palette.panel))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        frame = QRectF(EDGE, EDGE, SIDE, SIDE)
        painter.fillRect(frame, QColor(palette.raised))
        if self._image is not None:
            size = self._image.size().scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio)
            target = QRectF(0, 0, size.width(), size.height())
            target.moveCenter(frame.center())
            draw_image(painter, target, self._image, smooth=self._image.width() > SIDE // 2)
        metrics = QFontMetrics(self.font())
        line = QRect(SIDE + 2 * EDGE, EDGE, self.width() - SIDE - 3 * EDGE, metrics.lineSpacing())
        for words in self._lines:
            painter.setPen(QColor(palette.text))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), self._elided(words, line.width()))
            line.translate(0, metrics.lineSpacing())
        if self._hint:
            painter.setPen(QColor(palette.dim))
            line.moveBottom(self.height() - EDGE)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignVCenter), self._elided(self._hint, line.width()))

    def _elided(self, words: str, width: int) -> str:
        return QFontMetrics(self.font()).elidedText(words, Qt.TextElideMode.ElideRight, width)
