"""Pixels as Qt images: the one place where an array becomes a QImage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

__all__ = ["draw_image", "qimage", "thumbnail"]

SHRINK_BELOW = 0.75  # under this scale, drawing straight from the picture would skip pixels


def qimage(pixels: npt.NDArray[np.uint8]) -> QImage:
    """A picture (h, w, 1) or (h, w, 3), uint8, as an image that shares no memory with it."""
    assert pixels.dtype == np.uint8, "pixels should be uint8"
    assert pixels.ndim == 3 and pixels.shape[2] in (1, 3), "pixels should be (h, w, 1) or (h, w, 3)"
    height, width, channels = pixels.shape
    shape = QImage.Format.Format_Grayscale8 if channels == 1 else QImage.Format.Format_RGB888
    rows = np.ascontiguousarray(pixels)
    image = QImage(rows.data, width, height, width * channels, shape)
    # Colours in 32 bits are what the painter scales twice as fast; both ways copy the pixels.
    return image.copy() if channels == 1 else image.convertToFormat(QImage.Format.Format_RGB32)


def thumbnail(pixels: npt.NDArray[np.uint8], side: int, ratio: float) -> QImage:
    """The centred square of a picture at ``side`` logical pixels for a screen of device pixel ratio ``ratio``."""
    image = qimage(pixels)
    edge = min(image.width(), image.height())
    square = image.copy((image.width() - edge) // 2, (image.height() - edge) // 2, edge, edge)
    device = max(1, round(side * ratio))
    scaled = square.scaled(QSize(device, device), mode=Qt.TransformationMode.SmoothTransformation)
    scaled.setDevicePixelRatio(device / side)
    return scaled


def draw_image(painter: QPainter, target: QRectF, image: QImage, smooth: bool) -> None:
    """Draw the whole image into ``target``, with soft or hard pixel edges.

    A picture drawn much smaller than it is gets averaged first, because the painter would leave pixels out.
    """
    ratio = painter.device().devicePixelRatioF()
    wanted = QSize(round(target.width() * ratio), round(target.height() * ratio))
    if smooth and not wanted.isEmpty() and wanted.width() < SHRINK_BELOW * image.width():
        image = image.scaled(wanted, mode=Qt.TransformationMode.SmoothTransformation)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    painter.drawImage(target, image, QRectF(QRect(0, 0, image.width(), image.height())))
