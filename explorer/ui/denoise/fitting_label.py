"""A line of facts of which as many are shown as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from explorer.ui.theme import colours

__all__ = ["FittingLabel"]

BETWEEN = " · "


class FittingLabel(QLabel):
    """Leaves out the second fact first, then the third and so on; the first always stays."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_words(self, facts: Sequence[str]) -> None:
        """Show these, the most important one first."""
        if tuple(facts) != self._facts:
            self._facts = tuple(facts)
            self.setText(BETWEEN.join(facts))
            self.setToolTip(self.text())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, metrics = QPainter(self), self.fontMetrics()
        painter.setPen(QColor(colours().text))
        facts = list(self._facts)
        while len(facts) > 1 and metrics.horizontalAdvance(BETWEEN.join(facts)) > self.width():
            del facts[1]
        words = metrics.elidedText(BETWEEN.join(facts), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
