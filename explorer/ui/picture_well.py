"""A place for a picture from a file: shows it small, takes what is dropped, and asks for one where it is empty."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["PictureWell"]


class PictureWell(QWidget):
    """A square for one picture. A click, Return or Space asks for a file, Delete for none, a drop brings one."""

    asked = Signal()
    dropped = Signal(object)  # Path
    clearAsked = Signal()

    def __init__(self, name: str, side: int, words: str, tooltip: str, parent: QWidget | None = None) -> None:
        """``words`` are shown while there is no picture."""
        super().__init__(parent)
        self._side, self._words = side, words
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._image: tuple[float, QImage] | None = None
        self._is_hovered = False
        self.setFixedHeight(side)
        self.setMinimumWidth(side)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(name)
        self.setToolTip(tooltip)

    # --- public ---

    def setPicture(self, pixels: npt.NDArray[np.uint8] | None) -> None:
        """Show a picture (h, w, c), or that there is none."""
        self._pixels, self._image = pixels, None
        self.update()

    def hasPicture(self) -> bool:
        return self._pixels is not None

    def setWide(self, is_wide: bool) -> None:
        """Take all the width there is, to be an easy target, or be a square."""
        wide = QSizePolicy.Policy.Expanding if is_wide else QSizePolicy.Policy.Fixed
        self.setSizePolicy(wide, QSizePolicy.Policy.Fixed)

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        held = self._is_hovered or self.hasFocus()
        if self._pixels is not None:
            ratio = self.devicePixelRatioF()
            if self._image is None or self._image[0] != ratio:
                self._image = (ratio, thumbnail(self._pixels, self._side, ratio))
            painter.drawImage(0, 0, self._image[1])
            painter.setPen(QPen(QColor(palette.accent), 2) if held else QPen(QColor(palette.line), 1))
            painter.drawRect(frame if held else QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
            return
        painter.setPen(QPen(QColor(palette.accent if held else palette.dim), 1, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(palette.raised))
        painter.drawRoundedRect(frame, 8, 8)
        painter.setPen(QColor(palette.text if held else palette.dim))
        words = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(frame.adjusted(6, 2, -6, -2), words, self._words)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the release is for us

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.asked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.asked.emit()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.hasPicture():
            self.clearAsked.emit()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._hover(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._hover(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._hover(False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths[0])

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _hover(self, is_hovered: bool) -> None:
        self._is_hovered = is_hovered
        self.update()
