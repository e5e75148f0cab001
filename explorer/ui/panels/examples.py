"""Directions of the person's own: shown by pictures that have something, and pictures that do not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from explorer.actions import Message
from explorer.control import move_target
from explorer.scene import MAX_NAME, Examples, Latent, Scene
from explorer.ui.controls import SliderList
from explorer.ui.dialogs import ask_open, ask_save
from explorer.ui.layers import chosen_layers
from explorer.ui.learning import add_learning
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.example_labels import LabelsDialog, can_learn, found_words
from explorer.ui.panels.example_moves import (
    HAVING,
    LACKING,
    amount_along,
    example_of,
    examples_of,
    exchanged,
    free_name,
    is_whole,
    moved_along,
    of_scene,
    renewed,
    short_name,
    told,
    with_example,
    without_example,
)
from explorer.ui.panels.example_pictures import ExamplePictures
from explorer.ui.panels.example_side import ExampleSide
from explorer.ui.slider_parts import LABEL_WIDTH, ROW_HEIGHT
from explorer.ui.words import layers_name

if TYPE_CHECKING:
    from explorer.attributes import Attribute

__all__ = ["ExamplesPanel"]

REACH = 4.0  # standard deviations to either side
ROWS = 6
SHOWN = 20  # examples of a side; of labelled pictures there are more
FIRST_NAME = "Direction"
START = "Show pictures with something and pictures without it: what differs gets a slider."


class ExamplesPanel(Panel):
    """A slider for every direction of one's own, and the examples of the one selected."""

    title = "My directions"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._shown: tuple[Examples, ...] = ()
        self._name = ""  # of the direction whose examples are shown
        self._deleted: Examples | None = None
        self._tested: set[Examples] = set()  # what was asked to be tested
        self._pictures = ExamplePictures(desk, self)
        self._list = SliderList("My directions", self)
        self._list.setRange(-REACH, REACH)
        self._list.setUnit("σ")
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._edit = QLineEdit(self)
        self._edit.setMaxLength(MAX_NAME)
        self._edit.setToolTip("What the pictures have or lack; Return takes the name.")
        self._sides = {HAVING: ExampleSide("With", self), LACKING: ExampleSide("Without", self)}
        self._note = QLabel(self)
        self._note.setProperty("dim", True)
        self._note.setWordWrap(True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._note.setMinimumHeight(2 * self._note.fontMetrics().lineSpacing())  # so that words come and go in place
        self._new = self._button("New", "Begin another direction.")
        self._load = self._button("Load…", "Read a direction that was exported with its examples.")
        self._learn = self._button("From labels…", "Find the direction of a label, such as of all sneakers.")
        self._labels: LabelsDialog | None = None
        self._export = self._button("Export", "Write the direction as a vector, or with its examples.")
        self._delete = self._button("Delete", "Forget the direction, and take the moves along it back.")
        self._back = self._button("Bring back", "Bring the direction back that was deleted.")
        self._lay_out()
        self._connect()
        self.show_model()

    # --- showing ---

    def sliders(self) -> SliderList:
        """The list of sliders."""
        return self._list

    def side(self, name: str) -> ExampleSide:
        """The side of the examples that are "having" or "lacking" something."""
        return self._sides[name]

    def known(self) -> tuple[Examples, ...]:
        """The directions kept for the model, then those that only the scene knows."""
        session = self.desk.session
        kept = {direction.name for direction in session.directions}
        return (*session.directions, *(each for each in of_scene(session.scene) if each.name not in kept))

    def selected(self) -> Examples | None:
        """The direction whose examples are shown."""
        return next((each for each in self._shown if each.name == self._name), None)

    @Slot()
    def show_model(self) -> None:
        """Thumbnails and tests belong to a model."""
        self._tested, self._deleted = set(), None
        self._pictures.forget()
        model = self.desk.session.model
        self._learn.setVisible(model is not None and can_learn(model.facts))
        self.show_directions()

    @Slot()
    def show_scene(self) -> None:
        """Show how far the scene is moved along each direction."""
        if self.known() != self._shown:
            self.show_directions()
            return
        scene, layers = self.desk.session.scene, chosen_layers(self.desk.session)
        self._list.setValues([amount_along(scene, each.name, layers) for each in self._shown])

    @Slot()
    def show_directions(self) -> None:
        """Show the directions there are, and the examples of the one selected."""
        if self.desk.session.model is None:
            return
        names, before = [each.name for each in self.known()], [each.name for each in self._shown]
        self._shown = self.known()
        if self._name not in names:
            self._name = names[-1] if names else ""
        if names != before:
            self._list.setRows(names)
            self._list.setFixedHeight(min(max(len(names), 1), ROWS) * ROW_HEIGHT)
            self._list.setVisible(bool(names))
        if self._name and self._list.selectedRow() != names.index(self._name):
            self._list.select(names.index(self._name))
        self._show_selected()
        self.show_scene()

    def _show_selected(self) -> None:
        chosen = self.selected()
        self._details.setVisible(chosen is not None)
        self._back.setVisible(self._deleted is not None)
        self._export.setEnabled(chosen is not None and is_whole(chosen))
        self._export.setVisible(chosen is not None)
        self._delete.setVisible(chosen is not None)
        self._test()
        accuracy = self.desk.session.accuracies.get(chosen) if chosen is not None else None
        if self._deleted is not None:
            self._note.setText(f"“{short_name(self._deleted.name)}” is deleted.")
        else:
            layers = layers_name(*chosen_layers(self.desk.session))
            self._note.setText(told(chosen, accuracy, layers) if chosen is not None else START)
        count = f"{len(self._shown)}" if self._shown else "none yet"
        self.state_changed.emit(count if accuracy is None else f"{accuracy:.0%} right".replace("%", " %"))
        if chosen is None:
            return
        if not self._edit.hasFocus() or not self._edit.isModified():
            self._edit.setText(chosen.name)
        for key, word in ((HAVING, "with"), (LACKING, "without")):
            self._sides[key].show_name(chosen.name, word)
        self.show_pictures()
        self._pictures.ask((*chosen.having[:SHOWN], *chosen.lacking[:SHOWN]))

    @Slot()
    def show_pictures(self) -> None:
        """Show the pictures of the examples that there are by now."""
        chosen = self.selected()
        if chosen is not None:
            self._sides[HAVING].show_examples(chosen.having[:SHOWN], self._pictures.known)
            self._sides[LACKING].show_examples(chosen.lacking[:SHOWN], self._pictures.known)

    def _test(self) -> None:
        """Ask how surely the examples of every direction are told apart, where that is not known."""
        for each in self._shown:
            is_known = each in self._tested or each in self.desk.session.accuracies
            if min(len(each.having), len(each.lacking)) >= 2 and not is_known:
                self._tested.add(each)
                self.desk.actions.test_direction(each)

    # --- making and changing ---

    @Slot()
    def begin_named(self) -> None:
        """Begin another direction, and let the person name it."""
        self.begin()
        self._edit.setFocus()
        self._edit.selectAll()

    def begin(self) -> None:
        """Begin another direction."""
        taken = {each.name for each in self._shown}
        self._name = free_name(f"{FIRST_NAME} {len(taken) + 1}", taken)
        self._deleted = None
        self.desk.session.set_directions((*self.desk.session.directions, Examples(self._name, (), ())))

    def add(self, side: str, scene: Scene) -> None:
        """Add the point of a scene to one side; one that is on the other side changes over."""
        model = self.desk.session.model
        if model is None:
            return
        if self.selected() is None:
            self.begin()
        old = self.selected()
        assert old is not None, "there should be a direction by now"
        example = example_of(scene, bool(model.facts.class_names))
        if example not in examples_of(old, side):
            self._change(old, with_example(old, side, example), f"Refine {old.name}")

    @Slot(object)
    def remove(self, example: Latent) -> None:
        """Take an example out."""
        old = self.selected()
        if old is not None:
            self._change(old, without_example(old, example), f"Refine {old.name}")

    @Slot()
    def rename(self) -> None:
        """Take the name that was typed, with a number where another direction has it."""
        old, typed = self.selected(), self._edit.text().strip()
        self._edit.setModified(False)
        if old is not None and typed and typed != old.name:
            name = free_name(typed, {each.name for each in self._shown if each is not old})
            self._name = name
            self._change(old, replace(old, name=name), f"Rename {old.name}")
        elif old is not None:
            self._edit.setText(old.name)

    @Slot()
    def delete(self) -> None:
        """Forget the selected direction; it can be brought back until the next one is made."""
        old = self.selected()
        if old is not None:
            self._change(old, None, f"Delete {old.name}")

    @Slot()
    def bring_back(self) -> None:
        """Keep the direction again that was deleted."""
        back, self._deleted = self._deleted, None
        if back is not None:
            self._name = back.name
            others = tuple(each for each in self.desk.session.directions if each.name != back.name)
            self.desk.session.set_directions((*others, back))
            self.show_directions()

    @Slot(int)
    def select(self, row: int) -> None:
        """Show the examples of another direction."""
        if 0 <= row < len(self._shown) and self._shown[row].name != self._name:
            self._name, self._deleted = self._shown[row].name, None
            self._edit.setModified(False)
            self._show_selected()

    @Slot(int, float)
    def move_along(self, row: int, amount: float) -> None:
        session, examples = self.desk.session, self._shown[row]
        if not is_whole(examples):
            self.show_scene()  # there is no direction yet: the slider stays in the middle
            return
        self.desk.actions.motion.stop()
        session.change(moved_along(session.scene, examples, chosen_layers(session), amount), settled=False)

    @Slot()
    def settle(self) -> None:
        layers = layers_name(*chosen_layers(self.desk.session))
        self.desk.session.settle(f"Move along {self._name}" + (f" · {layers}" if layers else ""))

    def _change(self, old: Examples, new: Examples | None, label: str) -> None:
        """Put ``new`` in the place of ``old``, also in the scene and in the axes of pad and grid."""
        session = self.desk.session
        kept = session.directions if any(each.name == old.name for each in session.directions) else self._shown
        directions = tuple(new if each.name == old.name else each for each in kept)
        self._deleted = old if new is None else None
        is_ready = new is None or is_whole(new)
        scene = renewed(session.scene, old.name, new) if is_ready else session.scene
        session.set_directions(tuple(each for each in directions if each is not None))
        if scene != session.scene:
            self.desk.actions.motion.stop()
            session.change(scene, label)
        if new is not None and is_whole(new):
            view = session.view
            session.set_view(replace(view, across=exchanged(view.across, old, new), up=exchanged(view.up, old, new)))

    # --- labelled pictures ---

    @Slot()
    def ask_labels(self) -> None:
        """Let the person choose labelled pictures to make a direction of."""
        if self._labels is None:
            self._labels = LabelsDialog(self.desk, self.free_name, self.take_attribute, self)
        self._labels.open()

    def free_name(self, wanted: str) -> str:
        """``wanted``, or what is like it and no direction is called."""
        return free_name(wanted, {each.name for each in self.known()})

    def take_attribute(self, found: Attribute, method: str) -> None:
        """Keep a direction that was found, and select it."""
        session = self.desk.session
        self._name, self._deleted = found.examples.name, None
        session.set_accuracy(found.examples, found.accuracy(method))
        session.set_directions((*session.directions, found.examples))
        self.desk.actions.told.emit(Message(*found_words(found), is_error=False))

    # --- files and menus ---

    @Slot()
    def ask_load(self) -> None:
        folder = self.desk.actions.preferences.last_folder
        ask_open(self.window(), "Load a direction", folder, "Directions (*.json)", self.desk.actions.load_direction)

    def ask_export(self, suffix: str, filters: str) -> None:
        """Ask where to write the selected direction."""
        chosen = self.selected()
        if chosen is not None:
            folder = Path(self.desk.actions.preferences.last_folder or Path.home())
            safe = "".join(letter if letter.isalnum() or letter in " -_" else "_" for letter in chosen.name)
            then = partial(self.desk.actions.export_direction, examples=chosen)
            ask_save(self.window(), "Export direction", folder / f"{safe}.{suffix}", filters, then)

    @Slot(QPoint)
    def show_menu(self, position: QPoint) -> None:
        """Offer the direction under the mouse as an axis of the pad and the grid."""
        row = next((r for r in self._list.shownRows() if self._list.rowRect(r).contains(position)), None)
        if row is None or not is_whole(self._shown[row]):
            return
        self._list.select(row)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Use across (left to right)", self.use_across)
        menu.addAction("Use up (bottom to top)", self.use_up)
        first, end = chosen_layers(self.desk.session)
        add_learning(menu, self, move_target(replace(self._shown[row], first=first, end=end)))
        menu.popup(self._list.viewport().mapToGlobal(position))

    def show_offers(self, side: str) -> None:
        """Offer favourites and visited points for one side."""
        if self.desk.session.model is not None:
            more = self._sides[side].more
            self._pictures.menu(self, partial(self.add, side)).popup(more.mapToGlobal(QPoint(0, more.height())))

    @Slot()
    def use_across(self) -> None:
        """Make the selected direction the horizontal axis of pad and grid."""
        chosen, session = self.selected(), self.desk.session
        if chosen is not None and is_whole(chosen):
            first, end = chosen_layers(session)
            session.set_view(replace(session.view, across=replace(chosen, first=first, end=end)))

    @Slot()
    def use_up(self) -> None:
        """Make the selected direction the vertical axis of pad and grid."""
        chosen, session = self.selected(), self.desk.session
        if chosen is not None and is_whole(chosen):
            first, end = chosen_layers(session)
            session.set_view(replace(session.view, up=replace(chosen, first=first, end=end)))

    # --- putting together ---

    def _button(self, words: str, tooltip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setToolTip(tooltip)
        return button

    def _lay_out(self) -> None:
        self._details = QWidget(self)
        name = QHBoxLayout()
        name.setSpacing(8)
        label = QLabel("Name", self)
        label.setFixedWidth(LABEL_WIDTH)
        label.setBuddy(self._edit)
        name.addWidget(label)
        name.addWidget(self._edit, 1)
        details = QVBoxLayout(self._details)
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(8)
        details.addLayout(name)
        for side in self._sides.values():
            details.addWidget(side)
        chosen = QHBoxLayout()
        chosen.setSpacing(6)
        chosen.addStretch(1)
        for button in (self._export, self._delete):
            chosen.addWidget(button)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for button in (self._new, self._learn, self._load):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._list)
        column.addWidget(self._details)
        note = QHBoxLayout()
        note.setSpacing(8)
        note.addWidget(self._note, 1)
        note.addWidget(self._back)
        column.addLayout(note)
        column.addLayout(chosen)
        column.addLayout(buttons)
        self._list.hide()
        menu = QMenu(self)
        menu.addAction("As a vector (.npy)…", partial(self.ask_export, "npy", "Vectors (*.npy)"))
        menu.addAction("With its examples (.json)…", partial(self.ask_export, "json", "Directions (*.json)"))
        self._export.setMenu(menu)

    def _connect(self) -> None:
        session = self.desk.session
        self._list.valueChanged.connect(self.move_along)
        self._list.settled.connect(self.settle)
        self._list.rowSelected.connect(self.select)
        self._list.customContextMenuRequested.connect(self.show_menu)
        self._edit.editingFinished.connect(self.rename)
        self._new.clicked.connect(self.begin_named)
        self._load.clicked.connect(self.ask_load)
        self._learn.clicked.connect(self.ask_labels)
        self._delete.clicked.connect(self.delete)
        self._back.clicked.connect(self.bring_back)
        self._pictures.arrived.connect(self.show_pictures)
        for key, side in self._sides.items():
            side.add_asked.connect(partial(self._add_current, key))
            side.offers_asked.connect(partial(self.show_offers, key))
            side.removed.connect(self.remove)
        session.model_changed.connect(self.show_model)
        session.view_changed.connect(self.show_directions)
        session.kept_changed.connect(self.show_directions)
        session.directions_changed.connect(self.show_directions)
        session.scene_seen.connect(self.show_scene)

    def _add_current(self, side: str) -> None:
        self.add(side, self.desk.session.scene)
