"""The table of the self-test: which scores notice which damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from explorer.atlas.values import Scores

__all__ = ["SelfTestSheet"]

EXPLAINED: Final = (
    "Normal pictures were damaged on purpose. Each cell says how well a score tells them from whole ones: the area "
    "under the ROC curve (0.5 is guessing, 1 is always right), and the share found at 1 % false alarms."
)
BAD: Final = 0.5


class SelfTestSheet(QDialog):
    """A row for every kind of damage, a column for every score."""

    def __init__(self, scores: Scores, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Self-test")
        kinds = tuple(dict.fromkeys(kind for kind, _ in scores.tests))
        names = tuple(dict.fromkeys(name for _, name in scores.tests))
        titles = dict(zip(scores.names, scores.titles, strict=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(6)
        for place, name in enumerate(names, 1):
            grid.addWidget(_label(titles.get(name, name), True, self), 0, place, Qt.AlignmentFlag.AlignRight)
        for row, kind in enumerate(kinds, 1):
            grid.addWidget(_label(kind, True, self), row, 0)
            for place, name in enumerate(names, 1):
                area, found = scores.tests.get((kind, name), (float("nan"), float("nan")))
                cell = _label(f"{area:.2f} · {found:.0%}", area < BAD, self)
                grid.addWidget(cell, row, place, Qt.AlignmentFlag.AlignRight)
        explained = _label(EXPLAINED, True, self)
        explained.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addWidget(explained)
        column.addLayout(grid)
        for name, why in scores.off.items():
            column.addWidget(_label(f"{titles.get(name, name)} is switched off: {why}", False, self))
        buttons = QDialogButtonBox(self)
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)


def _label(words: str, is_dim: bool, parent: QWidget) -> QLabel:
    label = QLabel(words, parent)
    label.setProperty("dim", is_dim)
    return label
