"""The empty place beside the models: it offers others to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from explorer.ui.compare.model_tile import RADIUS, SMALLEST
from explorer.ui.theme import colours

__all__ = ["AddTile"]

WORDS: Final = "Add a model"
ARM: Final = 9.0  # of the cross


class AddTile(QAbstractButton):
    """A click, Return or Space opens a menu of checkpoints; those that are open are ticked, and choosing one of these
    closes it."""

    chosen = Signal(object)  # Path
    file_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._bundled: tuple[Path, ...] = ()
        self._recent: tuple[Path, ...] = ()
        self._open: frozenset[Path] = frozenset()
        self._fixed: Path | None = None
        self._opening = ""
        self.setToolTip("Open a model beside the others (A).")
        self.setAccessibleName(WORDS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.clicked.connect(self.show_menu)

    # --- public ---

    def set_choices(
        self, bundled: Sequence[Path], recent: Sequence[Path], opened: Sequence[Path], fixed: Path | None
    ) -> None:
        """What the menu offers, and which of it is open; ``fixed`` cannot be closed."""
        self._bundled, self._recent = tuple(bundled), tuple(path for path in recent if path not in bundled)
        self._open, self._fixed = frozenset(opened), fixed

    def show_opening(self, words: str) -> None:
        """Say what is being opened; nothing when that has ended."""
        if words != self._opening:
            self._opening = words
            self.setAccessibleDescription(words)
            self.update()

    def opening(self) -> str:
        return self._opening

    def menu(self) -> QMenu:
        """A new menu of what there is."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place, paths in enumerate((self._bundled, self._recent)):
            if place and paths:
                menu.addSection("Recent")
            for path in paths:
                action = menu.addAction(path.stem, partial(self.chosen.emit, path))
                action.setCheckable(True)
                action.setChecked(path in self._open)
                action.setEnabled(path != self._fixed)
                action.setToolTip(str(path))
        menu.addSeparator()
        menu.addAction("Open a file…", self.file_asked.emit)
        menu.setToolTipsVisible(True)
        return menu

    @Slot()
    def show_menu(self) -> None:
        """Offer the models."""
        self.menu().popup(self.mapToGlobal(self.rect().center()))

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(160, 160)

    def minimumSizeHint(self) -> QSize:
        return SMALLEST

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_held = self.underMouse() or self.hasFocus() or self.isDown()
        painter.setPen(QPen(QColor(palette.accent if is_held else palette.dim), 1, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(palette.raised) if is_held else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        middle = QPointF(self.rect().center()) - QPointF(0, 16)
        hue = QColor(palette.text if is_held else palette.dim)
        painter.setPen(QPen(hue, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(middle - QPointF(ARM, 0), middle + QPointF(ARM, 0))
        painter.drawLine(middle - QPointF(0, ARM), middle + QPointF(0, ARM))
        painter.setPen(hue)
        flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
        room = QRectF(6, middle.y() + ARM + 8, self.width() - 12, self.height() - middle.y() - ARM - 10)
        painter.drawText(room, flags, self._opening or WORDS)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()  # the grid walks
        else:
            super().keyPressEvent(event)
