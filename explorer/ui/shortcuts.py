"""The keyboard of the window, written down once: for the shortcuts themselves and for the sheet that lists them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

__all__ = ["ATLAS_SHORTCUTS", "COMPARE_SHORTCUTS", "CONTROL_KEYS", "RUN_SHORTCUTS", "SHORTCUTS", "ShortcutSheet"]

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
    ("keyframe", ("K", "Ctrl+K"), "Add the point to the timeline"),
    ("play", ("Ctrl+Space",), "Play the film, or pause"),
    ("picture", ("P",), "One large picture"),
    ("grid", ("G",), "Grid around the point"),
    ("table", ("T",), "Table of mixed styles"),
    ("beside", ("O",), "Original beside the picture"),
    ("explore", ("Ctrl+1",), "Explore"),
    ("denoise", ("Ctrl+2",), "Denoise"),
    ("atlas", ("Ctrl+3",), "Atlas"),
    ("compare", ("Ctrl+4",), "Compare"),
    ("smooth", ("S",), "Smooth or sharp pixels"),
    ("fit", ("0",), "Fit the picture"),
    ("actual", ("1",), "True size"),
    ("record", ("Ctrl+Shift+R",), "Record, or stop"),
    ("stage", ("F11",), "Picture alone on a screen"),
    ("controls", ("Ctrl+M",), "MIDI and OSC…"),
    ("keys", ("?", "F1"), "Keyboard…"),
    ("dismiss", ("Esc",), "Close the message"),
    ("quit", ("Ctrl+Q",), "Quit"),
)

# The same of the Denoise workspace; while it is shown, a key of it is no key of the above.
RUN_SHORTCUTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("run-play", ("Space",), "Play, or pause"),
    ("run-backward", ("J",), "Play backwards; again: faster"),
    ("run-pause", ("K",), "Pause"),
    ("run-forward", ("L",), "Play on; again: faster"),
    ("run-back", ("Left",), "One step back"),
    ("run-on", ("Right",), "One step on"),
    ("run-start", ("Home",), "First step"),
    ("run-end", ("End",), "Last step"),
    ("run-in", ("I",), "Play from here on"),
    ("run-out", ("O",), "Play up to here"),
    ("run-branch", ("B",), "Branch here"),
    ("run-wipe", ("W",), "Compare with a branch"),
    ("run-view", ("V",), "Next view of the steps"),
    ("run-brush", ("P",), "Take out the brush"),
    ("run-eraser", ("E",), "Brush or eraser"),
)

# The same of the Atlas workspace.
ATLAS_SHORTCUTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("atlas-lasso", ("L",), "Lasso"),
    ("atlas-box", ("B",), "Box"),
    ("atlas-next", ("N",), "Next flagged picture"),
    ("atlas-previous", ("Shift+N",), "Flagged picture before"),
    ("atlas-odd", ("O",), "Mark the picture odd"),
    ("atlas-normal", ("M",), "Mark the picture normal"),
    ("atlas-explore", ("Return",), "Open the picture in Explore"),
    ("atlas-repair", ("R",), "Repair test"),
    ("atlas-thumbnails", ("T",), "Pictures instead of points"),
    ("atlas-clear", ("Esc",), "Clear the selection"),
)

# The same of the Compare workspace.
COMPARE_SHORTCUTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("compare-way", ("M",), "Next way to compare"),
    ("compare-by", ("D",), "One scene, or one picture"),
    ("compare-swap", ("X",), "Swap A and B"),
    ("compare-other", ("B",), "The model at hand, or the next, is B"),
    ("compare-hold", ("H",), "Show B while it is held"),
    ("compare-add", ("A",), "Add a model"),
    ("compare-measure", ("E",), "Measure the models"),
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
    """All shortcuts in two columns, then those of Denoise, of Compare, and of the control that has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(2, 24)
        self._add_block(0, [(_named(keys), words.removesuffix("…")) for _, keys, words in SHORTCUTS])
        self._add_heading("In Denoise")
        self._add_block(self._grid.rowCount(), [(_named(keys), words) for _, keys, words in RUN_SHORTCUTS])
        self._add_heading("In Atlas")
        self._add_block(self._grid.rowCount(), [(_named(keys), words) for _, keys, words in ATLAS_SHORTCUTS])
        self._add_heading("In Compare")
        self._add_block(self._grid.rowCount(), [(_named(keys), words) for _, keys, words in COMPARE_SHORTCUTS])
        self._add_heading("While a control has the focus")
        self._add_block(self._grid.rowCount(), CONTROL_KEYS)
        buttons = QDialogButtonBox(self)
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)  # the standard button brings a foreign icon
        buttons.rejected.connect(self.close)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(16, 16, 16, 16)
        column_box.setSpacing(16)
        column_box.addLayout(self._grid)
        column_box.addWidget(buttons)

    def _add_heading(self, words: str) -> None:
        heading = QLabel(words, self)
        heading.setContentsMargins(0, 12, 0, 0)
        self._grid.addWidget(heading, self._grid.rowCount(), 0, 1, 5)

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
