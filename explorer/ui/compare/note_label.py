"""A dim line that has fewer words where there is less room."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

__all__ = ["NoteLabel"]


class NoteLabel(QLabel):
    """Shows its long words where they fit, else the short ones; the tool tip always has the long ones."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("dim", True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._short = ""

    def show_words(self, long: str, short: str) -> None:
        """Show one of these."""
        self._short = short
        self.setText(long)
        self.setToolTip(long)
        self.update()

    def shown(self) -> str:
        """The words that fit."""
        words = self.text() if self.fontMetrics().horizontalAdvance(self.text()) <= self.width() else self._short
        return self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), self.shown())
