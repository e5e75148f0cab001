"""Pictures in a row, each with its caption: original, reconstruction, heat map, made normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["Shot", "ShotRow", "heat_pixels"]

GAP: Final = 6
CAPTION: Final = 16  # pixels
LETTERS: Final = 10  # pixels, so that "reconstruction" fits below a small picture
STOPS: Final = ((0.0, (16, 18, 24)), (0.45, (110, 30, 60)), (0.75, (235, 90, 60)), (1.0, (255, 230, 140)))


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A picture uint8 (h, w, c), what it is called, and what it is, for a tool tip. No picture: it is on its way."""

    pixels: npt.NDArray[np.uint8] | None
    caption: str
    meaning: str = ""


def heat_pixels(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Heat in [0, 1], (h, w), from dark over red to yellow; readable in grey too, as it only gets lighter."""
    places = [place for place, _ in STOPS]
    channels = [np.interp(heat, places, [colour[part] for _, colour in STOPS]) for part in range(3)]
    return np.stack(channels, -1).round().astype(np.uint8)


class ShotRow(QWidget):
    """Draws up to four pictures side by side, as large as they fit, each with whole pixels."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shots: tuple[Shot, ...] = ()
        self._images: list[QImage | None] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def setShots(self, shots: Sequence[Shot]) -> None:
        """Show these pictures."""
        has_same_count = len(shots) == len(self._shots)
        self._shots = tuple(shots)
        self._images = [None if shot.pixels is None else qimage(np.ascontiguousarray(shot.pixels)) for shot in shots]
        self.setAccessibleName(", ".join(shot.caption for shot in shots))
        if not has_same_count:
            self.updateGeometry()
        self.update()

    def shots(self) -> tuple[Shot, ...]:
        return self._shots

    def sizeHint(self) -> QSize:
        return QSize(300, int(self._side(300)) + CAPTION)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        side = self._side(self.width())
        font = self.font()
        font.setPixelSize(LETTERS)
        painter.setFont(font)
        metrics = QFontMetrics(font)
        for place, (shot, image) in enumerate(zip(self._shots, self._images, strict=True)):
            frame = self._frame(place, side)
            painter.fillRect(frame, QColor(palette.raised))
            if image is not None:
                size = image.size().scaled(frame.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
                target = QRectF(0, 0, size.width(), size.height())
                target.moveCenter(frame.center())
                draw_image(painter, target, image, smooth=image.width() > 64)
            painter.setPen(QColor(palette.dim))
            under = QRectF(frame.left(), frame.bottom() + 2, side, CAPTION - 2)
            words = metrics.elidedText(shot.caption, Qt.TextElideMode.ElideRight, int(side))
            painter.drawText(under, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            side = self._side(self.width())
            for place, shot in enumerate(self._shots):
                if self._frame(place, side + 0.0).adjusted(0, 0, 0, CAPTION).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), shot.meaning or shot.caption, self)
                    return True
        return super().event(event)

    def _side(self, width: float) -> float:
        count = max(len(self._shots), 3)
        return float(int((width - GAP * (count - 1)) / count))

    def _frame(self, place: int, side: float) -> QRectF:
        return QRectF(place * (side + GAP), 0, side, side)
