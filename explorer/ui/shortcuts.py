"""The keyboard of the window, written down once: for the shortcuts themselves and for the sheet that lists them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

__all__ = ["CONTROL_KEYS", "SHORTCUTS", "ShortcutSheet"]

# Name of the verb, its keys, and what it does.
SHORTCUTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("open", ("Ctrl+O",), "Open…"),
    ("save", ("Ctrl+S",), "Save the session…"),
    ("export", ("Ctrl+E",), "Export the picture…"),
    ("film", ("Ctrl+Shift+E",), "Export the film…"),
    ("copy", ("Ctrl+C",), "Copy the picture"),
    ("undo", ("Ctrl+Z",), "Undo"),
    ("redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Redo"),
    ("random", ("R",), "Random seed"),
    ("next", ("Ctrl+Right", "N"), "Next seed"),
    ("previous", ("Ctrl+Left", "Shift+N"), "Seed before"),
    ("blend", ("B",), "Blend in a seed"),
    ("reset", ("Ctrl+R",), "Take all moves back"),
    ("walk", ("Space",), "Walk, or pause"),
    ("favourite", ("F",), "Favourite, or no longer"),
    ("keyframe", ("K",), "Add the point to the timeline"),
    ("play", ("Ctrl+Space",), "Play the film, or pause"),
    ("picture", ("P",), "One large picture"),
    ("grid", ("G",), "Grid around the point"),
    ("table", ("T",), "Table of mixed styles"),
    ("beside", ("O",), "Original beside the picture"),
    ("smooth", ("S",), "Smooth or sharp pixels"),
    ("fit", ("0",), "Fit the picture"),
    ("actual", ("1",), "True size"),
    ("keys", ("?", "F1"), "Keyboard…"),
    ("dismiss", ("Esc",), "Close the message"),
    ("quit", ("Ctrl+Q",), "Quit"),
)

# Keys that a control takes while it has the focus, and what they do.
CONTROL_KEYS: tuple[tuple[str, str], ...] = (
    ("Arrows", "Change a value, or choose"),
    ("Page Up and Down", "The same in larger steps"),
    ("Home and End", "Go to either end"),
    ("Enter or F2", "Type the value"),
    ("Delete", "Reset the value"),
    ("+ and \N{MINUS SIGN}", "Zoom the picture"),
)


class ShortcutSheet(QDialog):
    """All shortcuts in two columns, and below them the keys of the control that has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(2, 24)
        self._add_block(0, [(_named(keys), words.removesuffix("…")) for _, keys, words in SHORTCUTS])
        heading = QLabel("While a control has the focus", self)
        heading.setContentsMargins(0, 12, 0, 0)
        self._grid.addWidget(heading, self._grid.rowCount(), 0, 1, 5)
        self._add_block(self._grid.rowCount(), CONTROL_KEYS)
        buttons = QDialogButtonBox(self)
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)  # the standard button brings a foreign icon
        buttons.rejected.connect(self.close)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(16, 16, 16, 16)
        column_box.setSpacing(16)
        column_box.addLayout(self._grid)
        column_box.addWidget(buttons)

    def _add_block(self, top: int, entries: Sequence[tuple[str, str]]) -> None:
        """Add keys and what they do in two columns, from the row ``top`` of the grid."""
        half = -(-len(entries) // 2)
        for place, (keys, words) in enumerate(entries):
            label = QLabel(keys, self)
            label.setProperty("dim", True)
            row, column = top + place % half, 3 * (place // half)
            self._grid.addWidget(label, row, column)
            self._grid.addWidget(QLabel(words, self), row, column + 1)


def _named(keys: tuple[str, ...]) -> str:
    """The keys as this system calls them."""
    return " or ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)
