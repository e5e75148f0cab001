"""A flat button that shows one of our icons."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from explorer.ui.theme import icon

__all__ = ["IconButton"]


class IconButton(QToolButton):
    """A button without a frame whose icon follows the theme; the tool tip is also its accessible name."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None, colour: str = "dim") -> None:
        super().__init__(parent)
        self._name, self._colour = name, colour
        self.setProperty("flat", True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(16, 16))
        self.setIcon(icon(name, colour))
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)

    def setIconName(self, name: str) -> None:
        """Show another icon of ``resources/icons``."""
        if name != self._name:
            self._name = name
            self.setIcon(icon(name, self._colour))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.setIcon(icon(self._name, self._colour))
        super().changeEvent(event)
