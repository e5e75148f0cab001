"""The noise that the layers of a style-based model add: freckles, curls, grain."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from explorer.motion import LARGEST_SEED
from explorer.scene import Noise
from explorer.ui.controls import SliderList, SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.segments import Segments
from explorer.ui.slider_parts import LABEL_WIDTH, ROW_HEIGHT

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["NoisePanel"]

STRONGEST = 3.0
ROWS = 8
MODES = (
    ("const", "Fixed", "The noise that is stored in the model: always the same."),
    ("random", "By seed", "Other noise, drawn from the seed below: other details of the same picture."),
    ("none", "None", "No noise: only what the styles say."),
)


class NoisePanel(Panel):
    """Where the noise comes from, and how strong it is, in all layers and in single ones."""

    title = "Noise"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._mode = Segments("Noise", MODES, self)
        self._seed = QSpinBox(self)
        self._seed.setRange(0, 2**31 - 1)
        self._seed.setKeyboardTracking(False)
        self._seed.setMinimumWidth(84)
        self._seed.setToolTip("The number of a draw of noise; it counts where the noise comes by seed.")
        self._seed.setAccessibleName("Seed of the noise")
        self._random = QPushButton("Random", self)
        self._random.setToolTip("Draw other noise.")
        self._strength = SliderRow(
            "Strength", 0.0, STRONGEST, 1.0, tooltip="How strong the noise of all layers is; 1 is as in training."
        )
        self._layers = QPushButton("Layers", self)
        self._layers.setCheckable(True)
        self._layers.setToolTip("Show how strong the noise of single layers is.")
        self._list = SliderList("Noise of layers", self)
        self._list.setRange(0.0, STRONGEST, 1.0)
        self._list.hide()
        self._count = ElidedLabel(self)
        self._lay_out()
        self._mode.chosen.connect(self.choose_mode)
        self._seed.valueChanged.connect(self.choose_seed)
        self._random.clicked.connect(self.draw_seed)
        self._strength.valueChanged.connect(self.strengthen)
        self._strength.settled.connect(self.settle_strength)
        self._layers.toggled.connect(self._list.setVisible)
        self._list.valueChanged.connect(self.strengthen_layer)
        self._list.settled.connect(self.settle_layer)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "noise" in facts.capabilities

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the layers of the model that add noise."""
        model = self.desk.session.model
        names = model.facts.noise_layers if model is not None else ()
        tips = [f"How strong the noise of the layer {name} is, beside that of all layers." for name in names]
        self._list.setRows(names, tips)
        self._count.show_words(f"{len(names)} layers add noise")
        self._list.setFixedHeight(min(max(len(names), 1), ROWS) * ROW_HEIGHT)
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show the noise of the scene."""
        model, noise = self.desk.session.model, self.desk.session.scene.noise
        if model is None or not self.fits(model.facts):
            return
        self._mode.setValue(noise.mode)
        self._seed.blockSignals(True)
        self._seed.setValue(min(noise.seed, self._seed.maximum()))
        self._seed.blockSignals(False)
        self._strength.setValue(noise.strength)
        values = np.ones(len(model.facts.noise_layers))
        for layer, factor in noise.layers:
            if layer < len(values):
                values[layer] = factor
        self._list.setValues(values)
        self._seed.setEnabled(noise.mode == "random")
        self._random.setEnabled(noise.mode == "random")
        self._strength.setEnabled(noise.mode != "none")
        self._list.setEnabled(noise.mode != "none")
        words = {"const": "fixed", "random": f"seed {noise.seed}", "none": "none"}[noise.mode]
        is_usual = noise.mode == "none" or (noise.strength == 1.0 and not noise.layers)
        layered = f" · {len(noise.layers)} layer{'s' if len(noise.layers) > 1 else ''} set" if noise.layers else ""
        self.state_changed.emit(words if is_usual else f"{words} · {noise.strength:.2f}×{layered}")

    # --- changing ---

    @Slot(object)
    def choose_mode(self, mode: str) -> None:
        words = next(words for key, words, _ in MODES if key == mode)
        self._change(replace(self._noise(), mode=mode), f"Noise: {words.lower()}")

    @Slot(int)
    def choose_seed(self, number: int) -> None:
        self._change(replace(self._noise(), seed=number), f"Noise seed {number}")

    @Slot()
    def draw_seed(self) -> None:
        self.choose_seed(random.randint(0, LARGEST_SEED))

    @Slot(float)
    def strengthen(self, strength: float) -> None:
        self._change(replace(self._noise(), strength=strength))

    @Slot()
    def settle_strength(self) -> None:
        self.desk.session.settle("Noise strength")

    @Slot(int, float)
    def strengthen_layer(self, layer: int, factor: float) -> None:
        factors = {**dict(self._noise().layers), layer: factor}
        kept = tuple(sorted((key, value) for key, value in factors.items() if value != 1.0))
        self._change(replace(self._noise(), layers=kept))

    @Slot()
    def settle_layer(self) -> None:
        model, row = self.desk.session.model, self._list.selectedRow()
        names = model.facts.noise_layers if model is not None else ()
        self.desk.session.settle(f"Noise of {names[row]}" if 0 <= row < len(names) else "Noise of a layer")

    def _noise(self) -> Noise:
        return self.desk.session.scene.noise

    def _change(self, noise: Noise, label: str = "") -> None:
        """Go to this noise, as a step of undo where it has a label."""
        session = self.desk.session
        if session.model is not None and noise != session.scene.noise:
            self.desk.actions.motion.stop()
            session.change(replace(session.scene, noise=noise), label, settled=bool(label))

    def _lay_out(self) -> None:
        seed = QHBoxLayout()
        seed.setSpacing(8)
        words = QLabel("Seed", self)
        words.setFixedWidth(LABEL_WIDTH)
        words.setBuddy(self._seed)
        seed.addWidget(words)
        seed.addWidget(self._seed, 1)
        seed.addWidget(self._random)
        bottom = QHBoxLayout()
        bottom.addWidget(self._count, 1)
        bottom.addWidget(self._layers)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._mode)
        column.addLayout(seed)
        column.addWidget(self._strength)
        column.addLayout(bottom)
        column.addWidget(self._list)
