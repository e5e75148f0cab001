"""Right click on a slider: let a knob, a key or another program move it."""

from __future__ import annotations

from typing import Final, TypeAlias

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from shiboken6 import isValid

from explorer.control import limits, told_address
from explorer.controlling import Controls
from explorer.ui.controls import SliderList, SliderRow
from explorer.ui.pad import Pad
from explorer.ui.panel import Panel

__all__ = ["Learning", "add_learning"]

MARK_MILLISECONDS: Final = 500
Place: TypeAlias = tuple[str, float, float]  # a target, and what it goes from and to


class Learning(QObject):
    """Offers to learn over every slider of a window, marks the bound ones, and moves them as a hand would."""

    def __init__(self, controls: Controls, window: QWidget) -> None:
        super().__init__(window)
        self.controls, self._window = controls, window
        self._moved: set[SliderRow | SliderList] = set()
        self._found: dict[str, SliderRow | SliderList] = {}  # by target; looking for them takes milliseconds
        self._has_marks = False
        self._marking = QTimer(self)
        self._marking.setSingleShot(True)
        self._marking.setInterval(MARK_MILLISECONDS)
        self._marking.timeout.connect(self.show_bound)
        controls.hand = self
        window.installEventFilter(self)
        controls.setup_changed.connect(self.show_bound)
        controls.session.scene_seen.connect(self.mark_soon)  # rows come and go with the scene
        self.show_bound()

    # --- moving ---

    def drive(self, target: str, value: float) -> None:
        """Move the slider that ``target`` names; nothing happens where the open model has no such slider."""
        slider = self._found.get(target)
        if slider is None or not isValid(slider) or not _is_at(slider, target):
            slider = next((each for each in self._sliders() if _is_at(each, target)), None)
        if slider is None or not self._is_used(slider):
            return
        self._found[target] = slider
        self._moved.add(slider)
        if isinstance(slider, SliderRow):
            slider.drive(value)
        else:
            slider.drive(_row_in(slider, target), value)

    def settle(self) -> None:
        """Let go of all sliders that were moved."""
        moved, self._moved = self._moved, set()
        for slider in moved:
            if isValid(slider):
                slider.settle()

    # --- showing ---

    @Slot()
    def show_bound(self) -> None:
        """Mark the sliders that something outside moves."""
        bindings = {each.target: told_address(each.address) for each in self.controls.setup.bindings}
        if not bindings and not self._has_marks:
            return
        self._has_marks = bool(bindings)
        for single in self._window.findChildren(SliderRow):
            single.setBound(bindings.get(_row_target(single), ""))
        for each in self._window.findChildren(SliderList):
            rows = {_row_in(each, target): words for target, words in bindings.items()}
            each.setBound({row: words for row, words in rows.items() if row >= 0})

    @Slot()
    def mark_soon(self) -> None:
        """Mark rows that are new, soon."""
        if self._has_marks and not self._marking.isActive():
            self._marking.start()

    def offer(self, menu: QMenu, target: str, low: float, high: float) -> None:
        """Add what can be done about ``target`` to a menu."""
        learn = menu.addAction("Learn from MIDI or OSC")
        learn.setToolTip("Then move a knob, press a key, or send a message.")
        learn.triggered.connect(lambda checked=False: self.controls.learn(target, low, high))
        bound = self.controls.setup.bound_to(target)
        if bound is not None:
            forget = menu.addAction(f"Forget {told_address(bound.address)}")
            forget.triggered.connect(lambda checked=False: self.controls.forget(target))

    # --- Qt ---

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the menu of the slider under the mouse, or of the one that has the keyboard."""
        if isinstance(event, QContextMenuEvent) and isinstance(watched, QWidget):
            return self._show_menu(watched, event)
        return False

    # --- private ---

    def _show_menu(self, watched: QWidget, event: QContextMenuEvent) -> bool:
        is_keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        under = QApplication.focusWidget() if is_keyboard else watched.childAt(event.pos())
        places = _places(under, event.globalPos(), is_keyboard)
        if not places:
            return False
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        for words, (target, low, high) in places:
            self.offer(menu.addMenu(words) if words else menu, target, low, high)
        menu.popup(event.globalPos())
        return True

    def _sliders(self) -> list[SliderRow | SliderList]:
        return [*self._window.findChildren(SliderRow), *self._window.findChildren(SliderList)]

    def _is_used(self, slider: QWidget) -> bool:
        panel, model = _panel_of(slider), self.controls.session.model
        return slider.isEnabled() and (panel is None or (model is not None and panel.fits(model.facts)))


def add_learning(menu: QMenu, widget: QWidget, target: str) -> None:
    """Add to a menu of ``widget`` what its window has to offer for ``target``; nothing where it learns nothing."""
    parent: QWidget | None = widget
    while parent is not None:
        for learning in parent.findChildren(Learning, options=Qt.FindChildOption.FindDirectChildrenOnly):
            menu.addSeparator()
            learning.offer(menu, target, *limits(target))
        parent = parent.parentWidget()


def _places(under: QWidget | None, position: QPoint, is_keyboard: bool) -> list[tuple[str, Place]]:
    """What can be bound of the widget ``under`` or one around it, each with its name in the menu."""
    while under is not None:
        if isinstance(under, SliderRow):
            return [("", (_row_target(under), *under.range()))]
        if isinstance(under, Pad):
            return [
                ("Across", ("pad/across", -under.reach(), under.reach())),
                ("Up", ("pad/up", -under.reach(), under.reach())),
            ]
        if isinstance(under, SliderList):
            row = under.selectedRow() if is_keyboard else under.rowAt(under.viewport().mapFromGlobal(position))
            return [("", (_list_target(under, row), *under.range()))] if row >= 0 else []
        under = under.parentWidget() if not under.isWindow() else None
    return []


def _row_target(row: SliderRow) -> str:
    return f"slider/{_title(row)}/{row.label()}"


def _is_at(slider: SliderRow | SliderList, target: str) -> bool:
    """Whether a slider is the one, or has the row, that a target names."""
    return _row_target(slider) == target if isinstance(slider, SliderRow) else _row_in(slider, target) >= 0


def _row_in(each: SliderList, target: str) -> int:
    """The row of a list that a target names, or -1."""
    start = f"row/{_title(each)}/{each.accessibleName()}/"
    name = target.removeprefix(start)
    return each.names().index(name) if name != target and name in each.names() else -1


def _list_target(each: SliderList, row: int) -> str:
    return f"row/{_title(each)}/{each.accessibleName()}/{each.names()[row]}"


def _title(widget: QWidget) -> str:
    panel = _panel_of(widget)
    return panel.title if panel is not None else ""


def _panel_of(widget: QWidget) -> Panel | None:
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, Panel):
        parent = parent.parentWidget()
    return parent
