"""The point: where it comes from, where it lies, and a plane to drag it through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from explorer.live import Tile, plane
from explorer.scene import ALL_LAYERS, Direction, Scene, Seed, moved
from explorer.ui.controls import Gauge, SliderRow
from explorer.ui.pad import Pad
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.blend import BlendRows
from explorer.ui.panels.temperature import has_temperature, warm_shell
from explorer.ui.slider_parts import LABEL_WIDTH, explained
from explorer.ui.words import direction_name

__all__ = ["LatentPanel"]

REACH = 3.0  # standard deviations from the middle of the pad to its edge
CELLS = 7
PAD_SIZE = 196
SIDE_WIDTH = 98
OFFERED = 12  # directions of a kind that the axes offer
USUAL = 3.0  # standard deviations of the norm that still count as the typical shell
PULLED = "Pulls the seed towards the mean of the prior: safer, less varied."
TEMPERATURE = "1 is what the model learned, about 0.7 looks best, 0 is the mean: calmer pictures, less varied."
PULLED_STYLES = "Pulls the styles towards their mean: safer, less varied. 1 leaves them, 0 is the mean style."
NORM = "The norm of the point. Draws from the prior lie in a thin shell, the green band."
FROM_MEAN = (
    "How far the styles of the picture lie from their mean, in W. Seeds without truncation lie in the green band."
)


class LatentPanel(Panel):
    """Seed, blend, plane, truncation and typicality of the point."""

    title = "Latent"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._seed = QSpinBox(self)
        self._seed.setRange(-1, 2**31 - 1)
        self._seed.setSpecialValueText("picture")
        self._seed.setKeyboardTracking(False)
        self._seed.setMinimumWidth(84)
        self._seed.setToolTip("The number of a draw from the model's prior. Choosing one takes all moves back.")
        self._seed.setAccessibleName("Seed")
        self._random = QPushButton("Random", self)
        self._random.setToolTip("Draw a random seed (R).")
        self._walk = QPushButton("Walk", self)
        self._walk.setToolTip("Wander through the typical shell from here (Space).")
        self._pad = Pad(REACH, self)
        self._pad.setFixedSize(PAD_SIZE, PAD_SIZE)
        self._pad.setToolTip("Drag through the plane of two directions; double click to return to the point itself.")
        self._across = self._axis("The direction from left to right, in the pad and in the grid.")
        self._up = self._axis("The direction from bottom to top, in the pad and in the grid.")
        self._loop = QPushButton("Loop", self)
        self._loop.setCheckable(True)
        self._loop.setToolTip("The next walk comes back to where it began, and goes round.")
        self._speed = QComboBox(self)
        for speed in (0.25, 0.5, 1.0, 2.0, 4.0):
            self._speed.addItem(f"{speed:g}×", speed)
        self._speed.setCurrentIndex(2)
        self._speed.setToolTip("How fast the walk goes.")
        self._speed.setAccessibleName("Speed of the walk")
        self._truncation = SliderRow("Truncation ψ", 0.0, 1.5, 1.0, tooltip=PULLED)
        self._cutoff = QComboBox(self)
        self._cutoff.setToolTip(
            "The last layer that truncation pulls to the mean style; those after it keep their own."
        )
        self._cutoff.setAccessibleName("Truncation up to layer")
        self._cutoff.setPlaceholderText("no layer")
        self._gauge = Gauge("Typicality", self)
        self._blend = BlendRows(desk, self)
        self._background: Scene | None = None
        self._lay_out()
        self._connect()
        self.show_model()

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show what belongs to the model: the shell and the directions there are."""
        model = self.desk.session.model
        if model is None:
            return
        shell, layers = model.facts.shell, model.facts.style_layers
        denoises = model.facts.denoising is not None
        self.heading_changed.emit("Starting noise" if denoises else self.title)
        self._truncation.setVisible(not denoises)  # noise of another size is none that the model has seen
        self._truncation.setLabel("Temperature" if has_temperature(model.facts) else "Truncation ψ")
        tooltip = TEMPERATURE if has_temperature(model.facts) else PULLED_STYLES if layers else PULLED
        self._truncation.setToolTip(explained(tooltip))
        self._truncation.setAccessibleDescription(tooltip)
        self._gauge.setToolTip(FROM_MEAN if layers else NORM)
        self._cutoff.clear()
        self._cutoff.addItem("all layers", ALL_LAYERS)
        for index, (name, _) in enumerate(layers[:-1]):
            self._cutoff.addItem(f"{index + 1} · {name}", index + 1)
        self._cutoff_row.setVisible(bool(layers))
        self._gauge.setRange(0.0, shell.mean + 12 * shell.deviation)
        view = self.desk.session.view
        for box, chosen in ((self._across, view.across), (self._up, view.up)):
            offered = [
                Direction(kind, index)
                for kind in model.facts.direction_kinds
                for index in range(min(OFFERED, model.facts.dimensions))
            ]
            box.clear()
            for direction in offered if chosen in offered else [chosen, *offered]:
                box.addItem(direction_name(direction), direction)
            box.setCurrentIndex(max(box.findText(direction_name(chosen)), 0))
        self._pad.setAxes(direction_name(view.across), direction_name(view.up))
        self.state_changed.emit(f"plane: {direction_name(view.across)} × {direction_name(view.up)}")
        self._background = None
        self._pad.clearTrail()
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show the point itself."""
        latent, view = self.desk.session.scene.latent, self.desk.session.view
        first = latent.sources[0][0]
        self._seed.blockSignals(True)
        self._seed.setValue(min(first.number, self._seed.maximum()) if isinstance(first, Seed) else -1)
        self._seed.blockSignals(False)
        self._truncation.setValue(latent.truncation)
        beyond = latent.cutoff >= self._cutoff.count()
        self._cutoff.setCurrentIndex(0 if beyond else self._cutoff.findData(latent.cutoff))
        self._pad.setPosition(latent.amount(view.across), latent.amount(view.up))
        self._blend.show_sources(latent)
        self.show_norm()
        if not self.desk.actions.motion.playing():
            self.fill_pad()

    @Slot()
    def show_norm(self) -> None:
        """Show how far from the prior's typical shell the point of the newest picture lies."""
        model, shown = self.desk.session.model, self.desk.session.picture
        if model is None or shown is None:
            return
        norm = float(np.linalg.norm(shown.latents))
        latent, shell = self.desk.session.pictured.latent, model.facts.shell
        mean, deviation = warm_shell(model, latent)
        distance = (norm - mean) / max(deviation, 1e-6)
        where = (
            "typical" if abs(distance) <= USUAL else f"{abs(distance):.1f} σ {'outside' if distance > 0 else 'inside'}"
        )
        self._gauge.setBand(mean - USUAL * deviation, mean + USUAL * deviation)
        self._gauge.setValue(norm)
        if model.facts.style_layers:
            usual = f"usual {shell.mean:.1f} ± {shell.deviation:.1f}"
            self._gauge.setCaption(f"from the mean style {norm:.1f}, {usual}")
        elif has_temperature(model.facts) and (latent.truncation != 1.0 or latent.temperatures):
            self._gauge.setCaption(f"norm {norm:.1f}, usual {mean:.1f} here: {where}")
        else:
            self._gauge.setCaption(f"norm {norm:.2f}, prior {mean:.2f}: {where}")

    @Slot()
    def show_motion(self) -> None:
        """Show whether the point walks by itself."""
        is_walking = self.desk.actions.motion.playing() == "walk"
        self._walk.setText("Pause" if is_walking else "Walk")
        if not is_walking:
            self.fill_pad()

    def fill_pad(self) -> None:
        """Fill the plane behind the pad with pictures, where it has changed, while nothing else needs the network."""
        session, view = self.desk.session, self.desk.session.view
        centre = moved(moved(session.scene, view.across, 0.0), view.up, 0.0)
        if session.model is None or centre == self._background or not self.isVisible():
            return
        self._background = centre
        self._pad.setGrid(CELLS, CELLS)
        step = 2 * REACH / CELLS  # pictures are drawn at the middles of their cells
        self.desk.live.tiles("pad", plane(centre, view.across, view.up, REACH - step / 2, CELLS), self._show_cell)

    # --- changing ---

    @Slot(int)
    def choose_seed(self, number: int) -> None:
        if number >= 0:
            self.desk.actions.set_seed(number)

    @Slot(float, float)
    def move_in_plane(self, x: float, y: float) -> None:
        session, view = self.desk.session, self.desk.session.view
        self.desk.actions.motion.stop()
        session.change(moved(moved(session.scene, view.across, x), view.up, y), settled=False)

    @Slot()
    def settle_plane(self) -> None:
        self.desk.session.settle("Move in the plane")

    @Slot(float)
    def truncate(self, psi: float) -> None:
        latent = replace(self.desk.session.scene.latent, truncation=psi)
        self.desk.actions.change_latent(latent, "", settled=False)

    @Slot()
    def settle_truncation(self) -> None:
        self.desk.session.settle(self._truncation.label().removesuffix(" ψ"))

    @Slot(int)
    def choose_cutoff(self, index: int) -> None:
        """Truncate only the layers up to a chosen one."""
        latent = replace(self.desk.session.scene.latent, cutoff=self._cutoff.itemData(index))
        if latent != self.desk.session.scene.latent:
            self.desk.actions.change_latent(latent, f"Truncate {self._cutoff.itemText(index)}")

    @Slot(int)
    def choose_across(self, index: int) -> None:
        session = self.desk.session
        session.set_view(replace(session.view, across=self._across.itemData(index)))

    @Slot(int)
    def choose_up(self, index: int) -> None:
        session = self.desk.session
        session.set_view(replace(session.view, up=self._up.itemData(index)))

    @Slot(bool)
    def choose_loop(self, is_loop: bool) -> None:
        self.desk.actions.motion.walk_loops = is_loop

    @Slot(int)
    def choose_speed(self, index: int) -> None:
        self.desk.actions.motion.set_walk_speed(float(self._speed.itemData(index)))

    def _show_cell(self, tile: Tile) -> None:
        self._pad.setCell(tile.index // CELLS, tile.index % CELLS, tile.picture.pixels)

    def _axis(self, tooltip: str) -> QComboBox:
        box = QComboBox(self)
        box.setToolTip(tooltip)
        return box

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(QLabel("Seed", self))
        top.addWidget(self._seed, 1)
        top.addWidget(self._random)
        top.addWidget(self._walk)
        beside = QVBoxLayout()
        beside.setSpacing(4)
        for words, control in (("Across", self._across), ("Up", self._up)):
            label = QLabel(words, self)
            label.setProperty("dim", True)
            label.setBuddy(control)
            beside.addWidget(label)
            beside.addWidget(control)
        beside.addStretch(1)
        label = QLabel("Walk", self)
        label.setProperty("dim", True)
        beside.addWidget(label)
        beside.addWidget(self._speed)
        beside.addWidget(self._loop)
        sized: tuple[QWidget, ...] = (self._across, self._up, self._speed, self._loop)
        for each in sized:
            each.setFixedWidth(SIDE_WIDTH)
        cutoff = QHBoxLayout()
        cutoff.setContentsMargins(0, 0, 0, 0)
        cutoff.setSpacing(8)
        label = QLabel("Up to layer", self)
        label.setFixedWidth(LABEL_WIDTH)
        label.setBuddy(self._cutoff)
        cutoff.addWidget(label)
        cutoff.addWidget(self._cutoff, 1)
        self._cutoff_row = QWidget(self)
        self._cutoff_row.setLayout(cutoff)
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(self._pad)
        middle.addLayout(beside, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(middle)
        column.addWidget(self._truncation)
        column.addWidget(self._cutoff_row)
        column.addWidget(self._gauge)
        column.addWidget(self._blend)

    def _connect(self) -> None:
        session, actions = self.desk.session, self.desk.actions
        self._seed.valueChanged.connect(self.choose_seed)
        self._random.clicked.connect(actions.random_seed)
        self._walk.clicked.connect(actions.motion.toggle_walk)
        self._pad.positionChanged.connect(self.move_in_plane)
        self._pad.settled.connect(self.settle_plane)
        self._across.activated.connect(self.choose_across)
        self._up.activated.connect(self.choose_up)
        self._truncation.valueChanged.connect(self.truncate)
        self._truncation.settled.connect(self.settle_truncation)
        self._cutoff.activated.connect(self.choose_cutoff)
        self._loop.toggled.connect(self.choose_loop)
        self._speed.activated.connect(self.choose_speed)
        session.model_changed.connect(self.show_model)
        session.view_changed.connect(self.show_model)
        session.scene_seen.connect(self.show_scene)
        self.desk.live.rested.connect(self.show_norm)
        actions.motion.changed.connect(self.show_motion)
