"""Where the parts of the Compare workspace lie, in windows of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout

from explorer.ui.compare.words import BY, MODES

if TYPE_CHECKING:
    from explorer.ui.compare.workspace import Compare

__all__ = ["Arrangement"]

WIDE: Final = 700  # pixels; below, there are fewer words and more rows


class Arrangement:
    """Lays the parts of a workspace out, and again when it changes its size."""

    def __init__(self, workspace: Compare) -> None:
        self._parts = parts = workspace
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(parts.by)
        top.addStretch(1)
        self._corner = QHBoxLayout()
        self._corner.setSpacing(4)
        self._corner.addWidget(parts.smooth)
        self._corner.addWidget(parts.fit)
        self._top = top
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._head.setSpacing(6)
        self._head.addLayout(top, 1)
        self._head.addWidget(parts.modes)
        self._head.addLayout(self._corner)
        note = QHBoxLayout()
        note.setSpacing(6)
        note.addWidget(parts.note, 1)
        for button in (parts.picture_sample, parts.picture_file, parts.example):
            note.addWidget(button)
        inner = QVBoxLayout(parts.body)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(6)
        inner.addLayout(self._head)
        inner.addLayout(note)
        inner.addWidget(parts.stack, 1)
        inner.addWidget(parts.measures)
        self._column = QVBoxLayout(parts)
        self._column.addWidget(parts.body, 1)
        self._column.addWidget(parts.empty, 1)

    def place(self) -> None:
        """Put parts where they fit."""
        parts = self._parts
        is_wide = parts.width() >= WIDE
        side = 12 if is_wide else 8
        self._column.setContentsMargins(side, 8, side, 10 if is_wide else 8)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._head.setDirection(across if is_wide else down)
        home, other = (self._head, self._top) if is_wide else (self._top, self._head)
        if home.indexOf(self._corner) < 0:
            other.removeItem(self._corner)
            self._corner.setParent(None)
            home.addLayout(self._corner)
        for keys, segments in ((BY, parts.by), (MODES, parts.modes)):
            for key, words, short, _ in keys:
                segments.button(key).setText(words if is_wide else short)
        count = len(parts.comparing.models())
        parts.example.setText("Open the Fashion-MNIST models" if is_wide or count < 2 else "Fashion-MNIST")
        parts.pair_bar.set_wide(is_wide)
        parts.measures.set_room(parts.height())
