"""A row of controls that gives way to a menu: what has no room in a narrow window is found behind three dots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from explorer.ui.icon_button import IconButton

__all__ = ["Header", "fill_from_button", "fill_from_choices"]

SPACING = 6


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    widget: QWidget
    rank: int  # 0 stays always; the highest goes first
    fill: Callable[[QMenu], None] | None  # puts the same into the menu
    is_wanted: bool = True


class Header(QWidget):
    """Controls from left to right. Add the stretch and the three dots where they belong."""

    menuFilled = Signal(object)  # QMenu, at its end: for what it holds at any width

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parts: list[_Part] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING)
        self.more = IconButton("more", "More of the timeline: what has no room here, and what is seldom used.", self)
        self.more.setProperty("flat", False)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self.fill_menu)
        self.more.setMenu(self._menu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add(self, widget: QWidget, rank: int = 0, fill: Callable[[QMenu], None] | None = None) -> None:
        """Put a control at the right end; the one of the highest ``rank`` goes first, those of 0 stay."""
        self._parts.append(_Part(widget, rank, fill))
        self._row.addWidget(widget)

    def add_stretch(self) -> None:
        self._row.addStretch(1)

    def hidden(self) -> list[QWidget]:
        """The controls that have no room now."""
        return [part.widget for part in self._parts if part.widget.isHidden()]

    def menu(self) -> QMenu:
        """Behind the three dots; it is filled when it is shown."""
        return self._menu

    @Slot()
    def fit(self) -> None:
        """Show as many controls as there is room for, those of low rank first."""
        room, shown = self.width(), set()
        for part in sorted(self._parts, key=lambda part: part.rank):
            need = part.widget.sizeHint().width() + SPACING
            need = max(need, part.widget.minimumWidth() + SPACING)
            if part.rank == 0 or need <= room:
                shown.add(part)
            elif part.rank:
                room = 0  # what is of less importance does not take its place
            room -= need
        for part in self._parts:
            if part.widget.isHidden() == (part in shown):
                part.widget.setVisible(part in shown)

    @Slot()
    def fill_menu(self) -> None:
        """Put what has no room, and the rest, into the menu."""
        self._menu.clear()
        for part in self._parts:
            if part.widget.isHidden() and part.fill is not None:
                part.fill(self._menu)
        if self._menu.actions():
            self._menu.addSeparator()
        self.menuFilled.emit(self._menu)

    # --- Qt ---

    def minimumSizeHint(self) -> QSize:
        needs = [part.widget.sizeHint().width() + SPACING for part in self._parts if part.rank == 0]
        return QSize(sum(needs), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.fit()


def fill_from_choices(combo: QComboBox, menu: QMenu) -> None:
    """The choices of a combo box as a menu of its own."""
    choices = menu.addMenu(combo.accessibleName())
    for index in range(combo.count()):
        action = choices.addAction(combo.itemText(index))
        action.setCheckable(True)
        action.setChecked(index == combo.currentIndex())
        action.setEnabled(combo.isEnabled())
        action.triggered.connect(_choosing(combo, index))


def fill_from_button(button: QToolButton, words: str, menu: QMenu) -> None:
    """What a button does, or its menu, as an entry."""
    own = button.menu()
    if own is not None:
        menu.addMenu(own).setText(words)
        return
    action = menu.addAction(words)
    action.setCheckable(button.isCheckable())
    action.setChecked(button.isChecked())
    action.setEnabled(button.isEnabled())
    action.setToolTip(button.toolTip())
    action.triggered.connect(button.click)


def _choosing(combo: QComboBox, index: int) -> Callable[[], None]:
    def choose() -> None:
        combo.setCurrentIndex(index)
        combo.activated.emit(index)

    return choose
