"""Which class the model is asked for: one, or a mix of several."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from explorer.live import Tile
from explorer.scene import Condition, Scene, StoredPoint
from explorer.ui.class_tiles import ClassTiles
from explorer.ui.controls import SliderList
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.runs import conditioned, from_turn, go, held
from explorer.ui.slider_parts import ROW_HEIGHT

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["ConditionPanel", "reweighted"]

MOST_TILES = 20  # classes that are shown as pictures
ROWS = 10

Weights = dict[int, float]


class ConditionPanel(Panel):
    """Choose a class, or how much of each; the weights sum to 1."""

    title = "Condition"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._tiles = ClassTiles("Classes", self)
        self._picker = QComboBox(self)
        self._picker.setEditable(True)
        self._picker.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._picker.setToolTip("The class the picture is of. Type a part of its name or its number to find it.")
        self._picker.setAccessibleName("Class")
        completer = self._picker.completer()
        assert completer is not None, "an editable combo box should have a completer"
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self._note = ElidedLabel(self)
        self._search = QLineEdit(self)
        self._search.setPlaceholderText("Search")
        self._search.setClearButtonEnabled(True)
        self._search.setToolTip("Show only classes whose name contains this.")
        self._search.setAccessibleName("Search classes")
        self._weights = QPushButton("Weights", self)
        self._weights.setCheckable(True)
        self._weights.setToolTip("Show how much of each class there is. Raising one lowers the others: they sum to 1.")
        self._list = SliderList("Weights of classes", self)
        self._list.setRange(0.0, 1.0)
        self._base: Weights | None = None  # the weights before the drag that goes on
        self._pictured: tuple[Scene, int | None] | None = None  # what the tiles show, whatever its class
        self._fresh: set[int] = set()  # tiles that show it already
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._note, 1)
        bottom.addWidget(self._search, 1)
        bottom.addWidget(self._weights)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._tiles)
        column.addWidget(self._picker)
        column.addLayout(bottom)
        column.addWidget(self._list)
        self._tiles.chosen.connect(self.choose)
        self._tiles.mixed.connect(self.mix_in)
        self._picker.activated.connect(self.choose)
        line = self._picker.lineEdit()
        assert line is not None, "an editable combo box should have a line edit"
        line.returnPressed.connect(self.choose_typed)
        line.editingFinished.connect(self.show_chosen)
        self._search.textChanged.connect(self._list.setFilter)
        self._weights.toggled.connect(self.show_weights)
        self._list.valueChanged.connect(self.weigh)
        self._list.settled.connect(self.settle)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        desk.session.turn_changed.connect(self.show_scene)
        desk.session.history_changed.connect(self.fill_tiles)
        desk.actions.motion.changed.connect(self.fill_tiles)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "classes" in facts.capabilities

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the classes that the model knows."""
        model = self.desk.session.model
        self._pictured, self._base, self._fresh = None, None, set()
        names = model.facts.class_names if model is not None and self.fits(model.facts) else ()
        has_tiles = len(names) <= MOST_TILES
        told = [name if name == str(index) else f"{index} {name}" for index, name in enumerate(names)]
        self._tiles.setNames(names if has_tiles else ())
        self._tiles.setVisible(has_tiles)
        self._picker.clear()
        self._picker.addItems(told)
        self._picker.setVisible(not has_tiles)
        self._list.setRows(names if has_tiles else told)
        self._list.setFixedHeight(min(max(len(names), 1), ROWS) * ROW_HEIGHT)
        self._search.clear()
        self._note.show_words("Ctrl and a click mixes a class in." if has_tiles else "")
        self.show_weights()
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show how much of each class the scene asks for."""
        model = self.desk.session.model
        if model is None or not self.fits(model.facts):
            return
        names, weights = model.facts.class_names, self.weights()
        values = [weights.get(index, 0.0) for index in range(len(names))]
        self._list.setValues(values)
        if self._tiles.isVisibleTo(self):
            self._tiles.setWeights(values)
            self.fade_tiles()
        line = self._picker.lineEdit()
        if line is None or not (line.hasFocus() and line.isModified()):  # nobody is typing there
            self.show_chosen()
        one = next(iter(weights)) if len(weights) == 1 else -1
        sources = self.desk.session.scene.latent.sources
        if all(isinstance(source, StoredPoint) for source, _ in sources):  # its styles were found, not mapped
            self.state_changed.emit("no effect on a found picture")
        else:
            words = self._class_name(one) if one >= 0 else f"mix of {len(weights)}"
            self.state_changed.emit(from_turn(self.desk.session, words))
        if self.desk.session.scene == self.desk.session.history.entry.scene:
            self.fill_tiles()

    @Slot()
    def show_chosen(self) -> None:
        """Let the picker name the class there is most of."""
        weights = self.weights()
        most = max(weights, key=lambda index: weights[index])
        if most < self._picker.count():
            self._picker.setCurrentIndex(most)
            self._picker.setEditText(self._picker.itemText(most))

    @Slot()
    def show_weights(self) -> None:
        """Show the weights, those above zero on top where there are many, or hide them."""
        is_shown, is_many = self._weights.isChecked(), self._picker.count() > MOST_TILES
        self._list.setVisible(is_shown)
        self._search.setVisible(is_shown and is_many)
        self._note.setVisible(not (is_shown and is_many))
        if is_many:
            held = sorted(index for index in self.weights() if index < self._picker.count())
            self._list.setOrder([*held, *(i for i in range(self._picker.count()) if i not in held)])

    @Slot()
    def fill_tiles(self) -> None:
        """Draw the point in every class, where it has changed and the hand rests."""
        session = self.desk.session
        plain, base = self._classless()
        is_moving = bool(self.desk.actions.motion.playing())
        if session.model is None or is_moving or base == self._pictured or not self._tiles.isVisible():
            return
        self._pictured, self._fresh = base, set()
        self.fade_tiles()
        count = len(session.model.facts.class_names)
        scenes = [conditioned(session, replace(plain, classes=((index, 1.0),))) for index in range(count)]
        self.desk.live.tiles("classes", scenes, partial(self._show_tile, base))

    def fade_tiles(self) -> None:
        """Fade the tiles whose pictures are of an older scene."""
        count = len(self.desk.session.model.facts.class_names) if self.desk.session.model is not None else 0
        fresh = self._fresh if self._classless()[1] == self._pictured else set()
        self._tiles.setFaded(set(range(count)) - fresh)

    def weights(self) -> Weights:
        """How much of each class is asked for where changes act, those without any left out."""
        given = {index: weight for index, weight in held(self.desk.session)[1].classes if weight != 0}
        return given or {0: 1.0}

    def _classless(self) -> tuple[Condition, tuple[Scene, int | None]]:
        """The condition where changes act without its classes, and what the tiles have in common."""
        session = self.desk.session
        plain = replace(held(session)[1], classes=())
        return plain, (conditioned(session, plain), session.turn_step)

    def _show_tile(self, base: tuple[Scene, int | None], tile: Tile) -> None:
        if base == self._pictured:
            self._tiles.setPicture(tile.index, tile.picture.pixels)
            self._fresh.add(tile.index)
            self.fade_tiles()

    # --- changing ---

    @Slot(int)
    def choose(self, index: int) -> None:
        """Ask for one class alone."""
        self._go({index: 1.0})
        self.settle()
        self.show_weights()

    @Slot(int)
    def mix_in(self, index: int) -> None:
        """Give a class as much as the others have on average, or take it out of the mix."""
        weights = self.weights()
        self._go(reweighted(weights, index, 0.0 if index in weights else 1.0 / (len(weights) + 1)))
        self.settle()
        self.show_weights()

    @Slot()
    def choose_typed(self) -> None:
        """Ask for the first class whose name or number holds what was typed."""
        text = self._picker.currentText().strip()
        found = self._picker.findText(text, Qt.MatchFlag.MatchFixedString)
        if found < 0:
            found = self._picker.findText(text, Qt.MatchFlag.MatchContains)
        if found >= 0 and text:
            self.choose(found)

    @Slot(int, float)
    def weigh(self, index: int, weight: float) -> None:
        if self._base is None:
            self._base = self.weights()
        self._go(reweighted(self._base, index, weight))
        self.show_scene()  # the other weights at once, and this one where it could not go

    @Slot()
    def settle(self) -> None:
        self._base = None
        weights = self.weights()
        one = self._class_name(next(iter(weights)))
        words = one[0].upper() + one[1:] if len(weights) == 1 else f"Mix of {len(weights)} classes"
        self.desk.session.settle(words)

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fill_tiles()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tiles.update()

    def _go(self, weights: Weights) -> None:
        """Ask for these weights, unless they are asked for already."""
        session = self.desk.session
        if weights != self.weights():
            condition = replace(held(session)[1], classes=tuple(sorted(weights.items())))
            go(self.desk, conditioned(session, condition))

    def _class_name(self, index: int) -> str:
        model = self.desk.session.model
        names = model.facts.class_names if model is not None else ()
        return names[index] if index < len(names) and names[index] not in ("", str(index)) else f"class {index}"


def reweighted(weights: Weights, index: int, weight: float) -> Weights:
    """The weights with that of one class set, and the others scaled so that all sum to 1.

    A class that is alone keeps the weight 1, because there is nothing to scale.
    """
    others = {other: value for other, value in weights.items() if other != index and value > 0}
    total = sum(others.values())
    weight = min(max(weight, 0.0), 1.0) if total > 0 else 1.0
    scaled = {other: value / total * (1.0 - weight) for other, value in others.items()}
    return {key: value for key, value in {**scaled, index: weight}.items() if value > 0}
