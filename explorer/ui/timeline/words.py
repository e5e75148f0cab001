"""Dim words of the timeline's header in several lengths, and the spin box of how long the film is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QSizePolicy, QWidget

from explorer.animation.film import LONGEST
from explorer.ui.theme import colours

__all__ = ["DurationSpin", "Words"]


class Words(QLabel):
    """Dim words in several lengths: the longest that there is room for is shown, or none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("dim", True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._choices: tuple[str, ...] = ()

    def show_words(self, *choices: str) -> None:
        """Show one of these, the longest first."""
        self._choices = choices
        self.setText(choices[0] if choices else "")

    def sizeHint(self) -> QSize:
        return QSize(0, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, width = QPainter(self), self.fontMetrics().horizontalAdvance
        painter.setPen(QColor(colours().dim))
        fitting = next((words for words in self._choices if width(words) <= self.width()), "")
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, fitting)


class DurationSpin(QDoubleSpinBox):
    """How long the film is, in seconds, without trailing zeros."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setDecimals(2)
        self.setRange(0.0, LONGEST)
        self.setSpecialValueText("–")  # nothing lasts no time
        self.setSuffix(" s")
        self.setKeyboardTracking(False)
        self.setToolTip("How long the film lasts. Another length stretches all of it.")
        self.setAccessibleName("Length of the film")

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "g", 6)
