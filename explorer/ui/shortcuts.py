"""The keyboard of the window, written down once: for the shortcuts themselves and for the sheet that lists them."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

__all__ = ["SHORTCUTS", "ShortcutSheet"]

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
    ("beside", ("O",), "Original beside the picture"),
    ("smooth", ("S",), "Smooth or sharp pixels"),
    ("fit", ("0",), "Fit the picture"),
    ("actual", ("1",), "True size"),
    ("keys", ("?", "F1"), "Keyboard…"),
    ("dismiss", ("Esc",), "Close the message"),
    ("quit", ("Ctrl+Q",), "Quit"),
)


class ShortcutSheet(QDialog):
    """All shortcuts in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        half = -(-len(SHORTCUTS) // 2)
        for place, (_, keys, words) in enumerate(SHORTCUTS):
            names = " or ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)
            label = QLabel(names, self)
            label.setProperty("dim", True)
            row, column = place % half, 3 * (place // half)
            grid.addWidget(label, row, column)
            grid.addWidget(QLabel(words.removesuffix("…"), self), row, column + 1)
        grid.setColumnMinimumWidth(2, 24)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(16, 16, 16, 16)
        column_box.addLayout(grid)
        column_box.addWidget(buttons)
