"""One slider per direction of the latent space: many, searchable, the ones that matter first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPoint, Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from explorer.control import move_target
from explorer.scene import ALL_LAYERS, Direction, moved
from explorer.ui.controls import SliderList
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.layers import chosen_layers, layer_groups
from explorer.ui.learning import add_learning
from explorer.ui.panel import Desk, Panel
from explorer.ui.range_row import RangeRow
from explorer.ui.segments import Segments
from explorer.ui.slider_parts import ROW_HEIGHT
from explorer.ui.words import KINDS, direction_name, kind_title, layers_name

__all__ = ["DirectionsPanel"]

GROUPS = (
    ("all", "All", "Move all layers."),
    ("coarse", "Coarse", "Move only the first layers: pose, outline, the large forms."),
    ("middle", "Middle", "Move only the layers in the middle: parts and their shapes."),
    ("fine", "Fine", "Move only the last layers: colours and texture."),
)
REACH = 4.0  # standard deviations to either side
ROWS = 8


class DirectionsPanel(Panel):
    """Moves along principal directions or single coordinates, in standard deviations from the point itself."""

    title = "Directions"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._kind = QComboBox(self)
        self._kind.setToolTip("Which directions the sliders move along.")
        self._kind.setAccessibleName("Kind of directions")
        self._kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._kind.setMinimumContentsLength(8)
        self._search = QLineEdit(self)
        self._search.setPlaceholderText("Search")
        self._search.setClearButtonEnabled(True)
        self._search.setToolTip("Show only directions whose name contains this.")
        self._search.setAccessibleName("Search directions")
        self._search.setFixedWidth(84)
        self._reset = QPushButton("Reset", self)
        self._reset.setToolTip("Take all moves back, so that only the seed or picture itself remains.")
        self._list = SliderList("Directions", self)
        self._list.setRange(-REACH, REACH)
        self._list.setUnit("σ")
        self._list.setFixedHeight(ROWS * ROW_HEIGHT)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._word = "layers"
        self._layers = RangeRow(
            "Layers", "Drag over the layers that the sliders shall move. Double click on the name for all.", self
        )
        self._groups = Segments("Layers", GROUPS, self)
        self._others = ElidedLabel(self)
        self._others.hide()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._kind, 1)
        top.addWidget(self._search)
        top.addWidget(self._reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._layers)
        column.addWidget(self._groups)
        column.addWidget(self._list)
        column.addWidget(self._others)
        self._names_of: tuple[str, int] = ("", 0)
        self._layers_of: tuple[str, ...] = ()
        self._kind.activated.connect(self.choose_kind)
        self._search.textChanged.connect(self._list.setFilter)
        self._reset.clicked.connect(desk.actions.reset_moves)
        self._list.valueChanged.connect(self.move_along)
        self._list.settled.connect(self.settle)
        self._list.customContextMenuRequested.connect(self.show_menu)
        self._layers.rangeChanged.connect(self.choose_layers)
        self._groups.chosen.connect(self.choose_group)
        desk.session.model_changed.connect(self.show_model)
        desk.session.view_changed.connect(self.show_model)
        desk.session.directions_changed.connect(self.show_strengths)
        desk.session.scene_seen.connect(self.show_scene)
        self.show_model()

    def sliders(self) -> SliderList:
        """The list of sliders."""
        return self._list

    @Slot()
    def show_model(self) -> None:
        """Show the directions the model has."""
        model = self.desk.session.model
        if model is None:
            return
        kind, count = self.desk.session.view.kind, model.facts.dimensions
        if self._names_of != (kind, count):
            self._names_of = (kind, count)
            self._list.setRows([direction_name(Direction(kind, index)) for index in range(count)])
        kinds = model.facts.direction_kinds
        self._kind.clear()
        for index, each in enumerate(kinds):
            self._kind.addItem(kind_title(each), each)
            self._kind.setItemData(index, f"The {KINDS[each][2]}.", Qt.ItemDataRole.ToolTipRole)
        self._kind.setCurrentIndex(max(self._kind.findData(kind), 0))
        self.show_layers()
        self.show_strengths()
        self.show_scene()

    def show_layers(self) -> None:
        """Show the layers that moves are made in, where the model has any."""
        model = self.desk.session.model
        if model is None:
            return
        names = tuple(name for name, _ in model.facts.mixable)
        if names != self._layers_of:
            self._layers_of = names
            self._layers.setNames(names)
            self._word = model.facts.mixable_word
            word = self._word.capitalize()
            self._layers.setLabel(word, word.removesuffix("s"))
        layers = chosen_layers(self.desk.session)
        self._layers.setRange(*layers)
        self._layers.setVisible(bool(names))
        self._groups.setVisible(bool(names))
        groups = layer_groups(model.facts)
        for name, _, _ in GROUPS[1:]:
            self._groups.button(name).setEnabled(name in groups)
        is_all = not layers_name(*layers)
        self._groups.setValue("all" if is_all else next((n for n, rows in groups.items() if rows == layers), None))

    @Slot()
    def show_strengths(self) -> None:
        """Put the directions that change the picture most on top, as soon as that is known."""
        kind, count = self._names_of
        strengths = self.desk.session.strengths.get(kind)
        if strengths is None or len(strengths) != count:
            self._list.setOrder(range(count))
            self.state_changed.emit(f"{count}")
            return
        order = np.argsort(-strengths, kind="stable")
        self._list.setOrder([int(index) for index in order])
        weak = int((strengths < 0.02 * max(float(strengths.max()), 1e-12)).sum())
        self.state_changed.emit(f"{count} by effect" + (f" · {weak} do little" if weak else ""))

    @Slot()
    def show_scene(self) -> None:
        """Show how far the scene is moved along each direction."""
        kind, count = self._names_of
        values, others, layers = np.zeros(count), [], chosen_layers(self.desk.session)  # as exact as the list has them
        for direction, amount in self.desk.session.scene.latent.moves:
            if isinstance(direction, Direction) and direction.kind == kind and direction.index < count:
                if (direction.first, direction.end) == layers:
                    values[direction.index] = amount
                else:
                    everywhere = "" if layers_name(direction.first, direction.end) else f" · all {self._word}"
                    others.append(direction_name(direction) + everywhere)
        self._list.setValues(values)
        self._others.show_words(f"Also moved: {', '.join(others)}")
        self._others.setVisible(bool(others))
        self._reset.setEnabled(bool(self.desk.session.scene.latent.moves))

    @Slot(int)
    def choose_kind(self, index: int) -> None:
        self.desk.session.set_view(replace(self.desk.session.view, kind=self._kind.itemData(index)))

    @Slot(int, float)
    def move_along(self, row: int, amount: float) -> None:
        session = self.desk.session
        self.desk.actions.motion.stop()
        session.change(moved(session.scene, self._direction(row), amount), settled=False)

    @Slot()
    def settle(self) -> None:
        row = self._list.selectedRow()
        name = direction_name(self._direction(row)) if row >= 0 else "a direction"
        self.desk.session.settle(f"Move along {name}")

    @Slot(int, int)
    def choose_layers(self, first: int, end: int) -> None:
        """Move only some layers from now on."""
        view, is_all = self.desk.session.view, (first, end) == (0, len(self._layers_of))
        self.desk.session.set_view(replace(view, layers=(0, ALL_LAYERS) if is_all else (first, end)))

    @Slot(object)
    def choose_group(self, name: str) -> None:
        model = self.desk.session.model
        if model is not None:
            everything = (0, len(self._layers_of))
            self.choose_layers(*layer_groups(model.facts).get(name, everything))

    @Slot(QPoint)
    def show_menu(self, position: QPoint) -> None:
        """Offer the direction under the mouse as an axis of the pad and the grid."""
        row = next((r for r in self._list.shownRows() if self._list.rowRect(r).contains(position)), None)
        if row is None:
            return
        self._list.select(row)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Use across (left to right)", self.use_across)
        menu.addAction("Use up (bottom to top)", self.use_up)
        add_learning(menu, self, move_target(self._direction(row)))
        menu.popup(self._list.viewport().mapToGlobal(position))

    @Slot()
    def use_across(self) -> None:
        """Make the selected direction the horizontal axis of pad and grid."""
        view = self.desk.session.view
        self.desk.session.set_view(replace(view, across=self._direction(self._list.selectedRow())))

    @Slot()
    def use_up(self) -> None:
        """Make the selected direction the vertical axis of pad and grid."""
        view = self.desk.session.view
        self.desk.session.set_view(replace(view, up=self._direction(self._list.selectedRow())))

    def _direction(self, row: int) -> Direction:
        """The direction of a slider, in the layers chosen."""
        return Direction(self._names_of[0], row, *chosen_layers(self.desk.session))
