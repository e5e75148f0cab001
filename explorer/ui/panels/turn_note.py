"""Where the changes of a panel act: a line that is there only while they do not act on the whole run."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk
from explorer.ui.runs import denoising, turn_words

__all__ = ["TurnNote"]


class TurnNote(QWidget):
    """Says from which step on changes act, with the way back to the whole run."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._words = ElidedLabel(self)
        self._back = QPushButton("Whole run", self)
        self._back.setToolTip("Have changes act on all steps again.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._words, 1)
        row.addWidget(self._back)
        self._back.clicked.connect(self.go_back)
        desk.session.turn_changed.connect(self.show_turn)
        desk.session.model_changed.connect(self.show_turn)
        self.show_turn()

    @Slot()
    def show_turn(self) -> None:
        """Show the step that changes begin at, or nothing."""
        step = self._desk.session.turn_step
        self.setVisible(step is not None and denoising(self._desk.session) is not None)
        self._words.show_words("" if step is None else f"Changes act {turn_words(step)}.")

    @Slot()
    def go_back(self) -> None:
        self._desk.session.set_turn_step(None)
