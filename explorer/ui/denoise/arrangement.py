"""Where the parts of the Denoise workspace lie, in windows of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout

from explorer.ui.denoise.words import VIEW_NAMES

if TYPE_CHECKING:
    from explorer.ui.denoise.workspace import Denoise

__all__ = ["Arrangement"]

WIDE: Final = 700  # pixels; below, tools have fewer words and branches less room
LOW: Final = 560
TALL: Final = 640  # a narrow workspace as high as this has its branches below the picture
BRANCHES_WIDTH, NARROW_BRANCHES, BRANCHES_HEIGHT = 232, 152, 124


class Arrangement:
    """Lays the parts of a workspace out, and again when it changes its size."""

    def __init__(self, workspace: Denoise) -> None:
        self._parts = parts = workspace
        self._top = QHBoxLayout()
        self._top.setSpacing(6)
        for each in (parts.title, parts.smooth, parts.fit):
            self._top.addWidget(each, 1 if each is parts.title else 0)
        self._tools = QHBoxLayout()
        self._tools.setSpacing(4)
        self._tools.addWidget(parts.transport)
        self._tools.addStretch(1)
        for button in (parts.whole_run, parts.brush_button, parts.branch_button, parts.export_button):
            self._tools.addWidget(button)
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._head.setSpacing(6)
        self._head.addLayout(self._top, 1)
        self._head.addWidget(parts.views)
        self._middle = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._middle.setSpacing(8)
        self._middle.addWidget(parts.canvas, 1)
        self._middle.addWidget(parts.branches)
        self._column = column = QVBoxLayout(parts)
        column.setSpacing(6)
        column.addLayout(self._head)
        column.addLayout(self._middle, 1)
        column.addWidget(parts.brush)
        column.addLayout(self._tools)
        column.addWidget(parts.track)

    def place(self) -> None:
        """Put parts where they fit."""
        parts = self._parts
        is_wide, is_low = parts.width() >= WIDE, parts.height() < LOW
        is_beside = is_wide or parts.height() < TALL
        self._column.setContentsMargins(12 if is_wide else 8, 8, 12 if is_wide else 8, 8)
        self._column.setSpacing(4 if is_low else 6)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._head.setDirection(across if is_wide else down)
        self._middle.setDirection(across if is_beside else down)
        self._size_branches(is_wide, is_beside)
        home, other = (self._tools, self._top) if is_wide else (self._top, self._tools)
        if home.indexOf(parts.whole_run) < 0:
            other.removeWidget(parts.whole_run)
            home.insertWidget(2 if is_wide else 1, parts.whole_run)
        style = Qt.ToolButtonStyle
        parts.branch_button.setToolButtonStyle(style.ToolButtonTextBesideIcon if is_wide else style.ToolButtonIconOnly)
        parts.track.set_low(is_low)
        for key, words, short, _ in VIEW_NAMES:
            parts.views.button(key).setText(words if is_wide else short)

    def _size_branches(self, is_wide: bool, is_beside: bool) -> None:
        branches = self._parts.branches
        unlimited = 16_777_215  # of Qt
        width = (BRANCHES_WIDTH if is_wide else NARROW_BRANCHES) if is_beside else 0
        height = 0 if is_beside else BRANCHES_HEIGHT
        branches.setMinimumSize(width, height)
        branches.setMaximumSize(width or unlimited, height or unlimited)
