"""A few choices side by side, of which one holds, or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

__all__ = ["Segments"]


class Segments(QWidget):
    """Buttons with words, each for a key. Tab reaches every one, Space presses it."""

    chosen = Signal(object)  # the key of the button a person pressed, also where it held already

    def __init__(self, name: str, choices: Sequence[tuple[object, str, str]], parent: QWidget | None = None) -> None:
        """``choices`` are keys, the words of the buttons and their tool tips."""
        super().__init__(parent)
        self._value: object = None
        self._buttons: dict[object, QToolButton] = {}
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for key, words, tooltip in choices:
            button = QToolButton(self)
            button.setText(words)
            button.setToolTip(tooltip)
            button.setAccessibleName(f"{name}: {words}")
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(partial(self._choose, key))
            self._buttons[key] = button
            row.addWidget(button)

    def value(self) -> object:
        """The key that holds, or None."""
        return self._value

    def setValue(self, key: object) -> None:
        """Let ``key`` hold without a signal; an unknown key: none."""
        self._value = key if key in self._buttons else None
        for each, button in self._buttons.items():
            button.setChecked(each == key)

    def button(self, key: object) -> QToolButton:
        """The button of a key."""
        return self._buttons[key]

    def _choose(self, key: object, is_checked: bool = False) -> None:
        self.setValue(key)
        self.chosen.emit(key)
