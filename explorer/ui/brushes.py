"""The brushes of a mixer: one cell at a time, or a whole group of columns, each under its group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QWidget

from explorer.ui.icon_button import IconButton

__all__ = ["Brushes"]

HEIGHT: Final = 22
GAP: Final = 2
PADDING: Final = 5  # beside the words of a button


class Brushes(QWidget):
    """Toggle buttons, one of which is down: the first for single cells, the others below the columns they paint."""

    chosen = Signal(int)  # by a person: 0 for single cells, then the groups in their order

    def __init__(self, places: Callable[[int, int], tuple[int, int]], parent: QWidget | None = None) -> None:
        """``places`` tells the left and right end of columns, first and end."""
        super().__init__(parent)
        self._places = places
        self._columns: tuple[tuple[int, int], ...] = ()
        self._buttons: list[QToolButton] = []
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._choose)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEIGHT)
        single = IconButton("cell", "Paint single cells.", self)
        self._add(single)
        single.setChecked(True)

    def setGroups(self, groups: Sequence[tuple[str, str, tuple[int, int]]]) -> None:
        """Have a button for every group: its words, its tool tip and its columns, first and end. Single cells first."""
        for button in self._buttons[1:]:
            self._group.removeButton(button)
            button.hide()
            button.deleteLater()
        del self._buttons[1:]
        self._columns = tuple(columns for _, _, columns in groups)
        for words, tooltip, _ in groups:
            button = QToolButton(self)
            button.setProperty("flat", True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setText(words)
            button.setToolTip(tooltip)
            button.setAccessibleName(f"Brush: {words}")
            self._add(button)
            button.show()
        self._buttons[0].setChecked(True)
        self.place()

    def current(self) -> int:
        """Which brush is down: 0 for single cells, then the groups in their order."""
        return self._group.checkedId()

    def button(self, index: int) -> QToolButton:
        """The button of a brush."""
        return self._buttons[index]

    def place(self) -> None:
        """Put every button below the middle of its columns, and aside where that would cover another."""
        self._buttons[0].setGeometry(4, 0, HEIGHT, HEIGHT)
        left, places = HEIGHT + 4 + GAP, []
        for button, columns in zip(self._buttons[1:], self._columns, strict=True):
            width = button.fontMetrics().horizontalAdvance(button.text()) + 2 * PADDING
            left = max(left, sum(self._places(*columns)) // 2 - width // 2)
            places.append((left, width))
            left += width + GAP
        right = self.width()
        for button, (left, width) in reversed(list(zip(self._buttons[1:], places, strict=True))):
            button.setGeometry(min(left, right - width), 0, width, HEIGHT)
            right = min(left, right - width) - GAP

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place()

    # --- private ---

    def _add(self, button: QToolButton) -> None:
        button.setCheckable(True)
        self._group.addButton(button, len(self._buttons))
        self._buttons.append(button)

    @Slot(int)
    def _choose(self, index: int) -> None:
        self.chosen.emit(index)
