"""One number for every pixel, as heat: a picture in false colours beside its scale."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.grey import fitting
from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["HeatMap", "heat"]

Floats = npt.NDArray[np.float32]

BAR: Final = 10  # pixels that the scale is wide
GAP: Final = 8
TICKS: Final = 36  # pixels for the numbers beside it
# Black, purple, red, orange, yellow: each lighter than the one before, so that grey print and most eyes keep the order.
ANCHORS: Final = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
PLACES: Final = np.linspace(0, 1, len(ANCHORS))
COLOURS: Final = np.stack(
    [np.interp(np.linspace(0, 1, 1024), PLACES, [anchor[c] for anchor in ANCHORS]) for c in range(3)], -1
).round().astype(np.uint8)  # fmt: skip


class HeatMap(QWidget):
    """Values (h, w) from 0 up to the end of the scale; the mouse reads single ones."""

    pointed = Signal(object)  # (x, y, value) under the mouse, or None

    def __init__(self, name: str, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: Floats | None = None
        self._image: QImage | None = None
        self._scale, self._side = QImage(), side
        self._top, self._mark = 0.0, 0.0
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFixedSize(side + GAP + BAR + TICKS, side)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def setValues(self, values: Floats | None, top: float = 0.0) -> None:
        """Show values on a scale from 0 to ``top``; their mean is marked on it. None: there is nothing to show."""
        self._values, self._top = values, top
        room = round(self._side * self.devicePixelRatioF())
        self._image = None if values is None else qimage(heat(fitting(values[None], room)[0], top))
        self._mark = 0.0 if values is None else float(values.mean())
        self.setAccessibleDescription("" if values is None else f"from 0 to {top:.2f}, mean {self._mark:.2f}")
        self.update()

    def pictureRect(self) -> QRectF:
        """Where the picture lies, as large as its shape allows."""
        if self._values is None:
            return QRectF(0, 0, self._side, self._side)
        height, width = self._values.shape
        scale = self._side / max(height, width)
        return QRectF(
            (self._side - width * scale) / 2, (self._side - height * scale) / 2, width * scale, height * scale
        )

    def valueAt(self, point: QPointF) -> tuple[int, int, float] | None:
        """The pixel under a point and its value."""
        rect = self.pictureRect()
        if self._values is None or not rect.contains(point):
            return None
        height, width = self._values.shape
        x = min(int((point.x() - rect.left()) * width / rect.width()), width - 1)
        y = min(int((point.y() - rect.top()) * height / rect.height()), height - 1)
        return x, y, float(self._values[y, x])

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        if self._image is None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(palette.line), 1))
            painter.setBrush(QColor(palette.raised))
            painter.drawRoundedRect(self.pictureRect().adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
            return
        draw_image(painter, self.pictureRect(), self._image, smooth=False)
        if self._scale.isNull():
            ramp = np.linspace(1, 0, 128, dtype=np.float32)[:, None]
            self._scale = qimage(heat(ramp, 1.0))
        bar = QRectF(self._side + GAP, 0, BAR, self._side)
        draw_image(painter, bar, self._scale, smooth=True)
        ticks = QRect(round(bar.right()) + 6, 0, TICKS - 6, self._side)
        painter.setPen(QColor(palette.dim))
        left = Qt.AlignmentFlag.AlignLeft
        painter.drawText(ticks, int(left | Qt.AlignmentFlag.AlignTop), f"{self._top:.2f}")
        painter.drawText(ticks, int(left | Qt.AlignmentFlag.AlignBottom), "0")
        height = self._side * (1 - min(self._mark / self._top, 1.0)) if self._top > 0 else self._side
        painter.setPen(QPen(QColor(palette.text), 2))
        painter.drawLine(QPointF(bar.left() - 3, height), QPointF(bar.right() + 3, height))
        line = painter.fontMetrics().height()
        if line < height < self._side - 2 * line:
            words = QRect(ticks.left(), round(height) - line // 2, ticks.width(), line)
            painter.drawText(words, int(left | Qt.AlignmentFlag.AlignVCenter), f"{self._mark:.2f}")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self.valueAt(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(None)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


def heat(values: Floats, top: float) -> npt.NDArray[np.uint8]:
    """Values (h, w) as colours (h, w, 3): 0 is black and ``top`` light yellow; what is no number is black."""
    share = np.clip(np.nan_to_num(values / top if top > 0 else np.zeros_like(values)), 0, 1)
    pixels: npt.NDArray[np.uint8] = COLOURS[(share * (len(COLOURS) - 1)).round().astype(np.intp)]
    return pixels
