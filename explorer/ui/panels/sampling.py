"""How a diffusion model gets from noise to a picture: the method, its steps, and the noise it adds on the way."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from explorer.motion import LARGEST_SEED
from explorer.runs import change_sampling
from explorer.scene import Sampling
from explorer.ui.controls import SliderRow
from explorer.ui.named_row import NamedRow
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.turn_note import TurnNote
from explorer.ui.runs import denoising, filled, go, held, sampled, steps_of

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["SamplingPanel"]

MOST_STEPS: Final = 100  # that the slider offers, unless the model itself wants more
SPACINGS: Final = (("", "The model's"), ("karras", "Karras"))


class SamplingPanel(Panel):
    """Method, steps, share of fresh noise, and where the noise levels lie."""

    title = "Sampling"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._method = QComboBox(self)
        self._method_row = NamedRow(
            "Method", "The rule that makes a step: from one noise level to the next.", self._method, parent=self
        )
        self._steps = SliderRow(
            "Steps", 1, MOST_STEPS, 25, decimals=0, tooltip="How many steps the whole run has; more come closer."
        )
        self._eta = SliderRow(
            "Fresh noise η",
            0.0,
            1.0,
            0.0,
            tooltip="Noise drawn anew in every step: 0 draws none, so that the starting noise decides everything.",
        )
        self._seed = QSpinBox(self)
        self._seed.setRange(0, 2**31 - 1)
        self._seed.setKeyboardTracking(False)
        self._seed.setMinimumWidth(84)
        self._random = QPushButton("Random", self)
        self._random.setToolTip("Draw other fresh noise.")
        self._seed_row = NamedRow(
            "Seed", "The number of the draw of fresh noise.", self._seed, self._random, parent=self
        )
        self._spacing = QComboBox(self)
        for name, words in SPACINGS:
            self._spacing.addItem(words, name)
        self._spacing_row = NamedRow(
            "Noise levels",
            "Where the steps lie: as the model was made for, or denser at little noise (Karras et al. 2022).",
            self._spacing,
            parent=self,
        )
        for box in (self._method, self._spacing):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        self._note = TurnNote(desk, self)
        self._own = QPushButton("Model's own", self)
        self._own.setToolTip("Go back to the method and the steps that the model comes with.")
        bottom = QHBoxLayout()
        bottom.addStretch(1)
        bottom.addWidget(self._own)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        rows = (self._note, self._method_row, self._steps, self._eta, self._seed_row, self._spacing_row)
        for each in rows:
            column.addWidget(each)
        column.addLayout(bottom)
        self._connect()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return facts.denoising is not None

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the methods that suit the model."""
        facts = denoising(self.desk.session)
        if facts is None:
            return
        self._method.clear()
        for name, title in facts.samplers:
            self._method.addItem(title, name)
        self._steps.setRange(1, max(MOST_STEPS, facts.sampling.steps), facts.sampling.steps)
        self._eta.setRange(0.0, 1.0, facts.sampling.eta)
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show how the run is sampled where changes act."""
        session, facts = self.desk.session, denoising(self.desk.session)
        if facts is None:
            return
        written, steps = held(session)[0], steps_of(session)
        sampling = filled(written, facts)
        self._method.setCurrentIndex(self._method.findData(sampling.sampler))
        self._steps.setValue(steps)
        self._eta.setValue(sampling.eta)
        self._seed.blockSignals(True)
        self._seed.setValue(min(sampling.seed, self._seed.maximum()))
        self._seed.blockSignals(False)
        self._spacing.setCurrentIndex(max(self._spacing.findData(session.scene.denoising.sampling.spacing), 0))
        uses_eta = sampling.sampler in facts.eta_samplers
        draws = sampling.eta > 0 if uses_eta else sampling.sampler in facts.stochastic
        self._eta.setVisible(uses_eta)
        self._seed_row.setVisible(draws)
        self._own.setEnabled(_own(written) != written or session.scene.denoising.sampling.steps != 0)
        title = self._method.currentText() or sampling.sampler
        fresh = f" · η {sampling.eta:.2f}" if uses_eta and sampling.eta > 0 else ""
        self.state_changed.emit(f"{title} · {steps} step{'s' if steps > 1 else ''}{fresh}")

    # --- changing ---

    @Slot(int)
    def choose_method(self, index: int) -> None:
        """Make the steps in another way."""
        label = f"Sampler {self._method.itemText(index)}"
        self._change(replace(self._sampling(), sampler=str(self._method.itemData(index))), label)

    @Slot()
    def reset_method(self) -> None:
        """Make the steps as the model has it."""
        self._change(replace(self._sampling(), sampler=""), "The model's sampler")

    @Slot(float)
    def choose_steps(self, steps: float) -> None:
        """Make so many steps, in the whole run, wherever other changes act."""
        session, facts = self.desk.session, denoising(self.desk.session)
        if facts is not None:
            number = 0 if round(steps) == facts.sampling.steps else round(steps)
            whole = replace(session.scene.denoising.sampling, steps=number)
            go(self.desk, change_sampling(session.scene, whole, None))
            if session.turn_step is not None and session.turn_step >= steps:
                session.set_turn_step(None)  # that step is no more

    @Slot()
    def settle_steps(self) -> None:
        self.desk.session.settle(f"{steps_of(self.desk.session)} steps")

    @Slot(float)
    def choose_eta(self, eta: float) -> None:
        self._change(replace(self._sampling(), eta=eta))

    @Slot()
    def settle_eta(self) -> None:
        self.desk.session.settle("Fresh noise")
        self.show_scene()  # with the first of it there is a seed

    @Slot(int)
    def choose_seed(self, number: int) -> None:
        self._change(replace(self._sampling(), seed=number), f"Fresh noise of seed {number}")

    @Slot()
    def draw_seed(self) -> None:
        self.choose_seed(random.randint(0, LARGEST_SEED))

    @Slot()
    def reset_seed(self) -> None:
        self.choose_seed(0)

    @Slot(int)
    def choose_spacing(self, index: int) -> None:
        """Place the noise levels, of the whole run, in another way."""
        session = self.desk.session
        whole = replace(session.scene.denoising.sampling, spacing=str(self._spacing.itemData(index)))
        words = self._spacing.itemText(index)
        go(self.desk, change_sampling(session.scene, whole, None), f"Noise levels: {words[0].lower() + words[1:]}")

    @Slot()
    def reset_spacing(self) -> None:
        self.choose_spacing(0)

    @Slot()
    def reset(self) -> None:
        """Leave all of it to the model, but for guidance."""
        session = self.desk.session
        scene = sampled(session, _own(self._sampling()))
        whole = replace(scene.denoising.sampling, steps=0, spacing="")
        go(self.desk, change_sampling(scene, whole, None), "The model's own sampling")

    def _sampling(self) -> Sampling:
        return held(self.desk.session)[0]

    def _change(self, sampling: Sampling, label: str = "") -> None:
        go(self.desk, sampled(self.desk.session, sampling), label)

    def _connect(self) -> None:
        self._method.activated.connect(self.choose_method)
        self._method_row.resetAsked.connect(self.reset_method)
        self._steps.valueChanged.connect(self.choose_steps)
        self._steps.settled.connect(self.settle_steps)
        self._eta.valueChanged.connect(self.choose_eta)
        self._eta.settled.connect(self.settle_eta)
        self._seed.valueChanged.connect(self.choose_seed)
        self._random.clicked.connect(self.draw_seed)
        self._seed_row.resetAsked.connect(self.reset_seed)
        self._spacing.activated.connect(self.choose_spacing)
        self._spacing_row.resetAsked.connect(self.reset_spacing)
        self._own.clicked.connect(self.reset)
        self.desk.session.model_changed.connect(self.show_model)
        self.desk.session.scene_seen.connect(self.show_scene)
        self.desk.session.turn_changed.connect(self.show_scene)


def _own(sampling: Sampling) -> Sampling:
    """The sampling with all but its guidance left to the model."""
    return replace(sampling, sampler="", steps=0, eta=0.0, seed=0, spacing="")
