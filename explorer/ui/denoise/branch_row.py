"""One branch of a run in the list of them: its last picture, its name, and what is different in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from explorer.ui.denoise.fitting_label import FittingLabel
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.icon_button import IconButton
from explorer.ui.images import thumbnail

__all__ = ["BranchRow"]

SIDE: Final = 32
INDENT: Final = 10
WIDE: Final = 180  # pixels; below, there is no button for the menu
DELETING: Final = "Branches that left this one stay, and then leave the one that it left; it can be brought back."


class BranchRow(QFrame):
    """A click or Return goes to the branch, F2 renames it, Delete lets it go; its button compares with it.

    A row without a name is the run shown, which is not kept; its button keeps it.
    """

    chosen = Signal(str)
    compared = Signal(str, bool)
    renamed = Signal(str, str)
    deleted = Signal(str)
    kept = Signal()

    def __init__(self, name: str, depth: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setProperty("card", True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture = QLabel(self)
        self.picture.setFixedSize(SIDE, SIDE)
        self.title = FittingLabel(self)
        self.title.setProperty("title", True)
        self.words = ElidedLabel(self)
        self._edit = QLineEdit(name, self)
        self._edit.setProperty("inline", True)
        self._edit.setAccessibleName("Name of the branch")
        self._edit.hide()
        self.compare = IconButton("wipe", "Compare the run with this branch at the same step (W).", self)
        self.compare.setCheckable(True)
        self._more = IconButton("more", f"Rename or delete this branch. {DELETING}", self)
        self.keep = QPushButton("Keep", self)
        self.keep.setToolTip("Keep this run as a branch of its own; B at a step keeps it and leaves it there.")
        self.keep.setVisible(not name)
        words = QVBoxLayout()
        words.setSpacing(0)
        for each in (self.title, self._edit, self.words):
            words.addWidget(each)
        row = QHBoxLayout(self)
        row.setContentsMargins(6 + INDENT * min(depth, 3), 4, 4, 4)
        row.setSpacing(6)
        row.addWidget(self.picture)
        row.addLayout(words, 1)
        for button in (self.compare, self._more, self.keep):
            row.addWidget(button)
        self.keep.clicked.connect(self.kept)
        self.compare.clicked.connect(self._compare)
        self._more.clicked.connect(self._show_menu)
        self._edit.editingFinished.connect(self._end_edit)

    def show_branch(self, title: Sequence[str], words: str, is_current: bool, is_compared: bool) -> None:
        """Show what the branch is, and whether it is the run shown or the one it is compared with."""
        self.title.show_words(title)
        self.words.show_words(words)
        self.compare.setVisible(not is_current)
        self.compare.setChecked(is_compared)
        self.setAccessibleName(f"{self.title.text()}: {words}{', shown' if is_current else ''}")
        if self.property("selected") != is_current:
            self.setProperty("selected", is_current)
            self.style().unpolish(self)
            self.style().polish(self)

    def show_picture(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Show the last picture of the branch, (h, w, c)."""
        self.picture.setPixmap(QPixmap.fromImage(thumbnail(pixels, SIDE, self.devicePixelRatioF())))

    @Slot()
    def rename(self) -> None:
        """Let a person type another name."""
        if self.name:
            self._edit.setText(self.name)
            self.title.hide()
            self._edit.show()
            self._edit.selectAll()
            self._edit.setFocus()

    # --- Qt ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._more.setVisible(bool(self.name) and self.width() >= WIDE)  # a right click has the same
        self.picture.setVisible(bool(self.name) or self.width() >= WIDE)  # that of the run shown is shown anyway

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the release is for us

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.name)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.title.geometry().contains(event.position().toPoint()):
            self.rename()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.name)
        elif event.key() == Qt.Key.Key_F2:
            self.rename()
        elif event.key() == Qt.Key.Key_Delete and self.name:
            self.deleted.emit(self.name)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self._popup(event.globalPos())

    # --- private ---

    @Slot()
    def _compare(self) -> None:
        self.compared.emit(self.name, self.compare.isChecked())

    @Slot()
    def _show_menu(self) -> None:
        self._popup(self._more.mapToGlobal(QPoint(0, self._more.height())))

    def _popup(self, at: QPoint) -> None:
        if not self.name:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Go here", self._choose)
        menu.addAction("Rename…", self.rename)
        menu.setToolTipsVisible(True)
        menu.addAction("Delete", self._delete).setToolTip(DELETING)
        menu.popup(at)

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.name)

    @Slot()
    def _delete(self) -> None:
        self.deleted.emit(self.name)

    @Slot()
    def _end_edit(self) -> None:
        if self._edit.isHidden():
            return
        self._edit.hide()
        self.title.show()
        if self._edit.text().strip() not in ("", self.name):
            self.renamed.emit(self.name, self._edit.text())
