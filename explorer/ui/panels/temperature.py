"""The temperature of the levels of a flow: how much of what each one holds is drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from explorer.ui.controls import SliderList
from explorer.ui.panel import Desk, Panel
from explorer.ui.slider_parts import ROW_HEIGHT

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.scene import Latent
    from explorer.session import Model

__all__ = ["TemperaturePanel", "has_temperature", "warm_shell"]

WARMEST = 1.5
ROWS = 8


def has_temperature(facts: ModelFacts) -> bool:
    """Whether the truncation of a model is the temperature that its levels are drawn at, as it is for flows."""
    return bool(facts.levels and facts.likelihood_kind)


def warm_shell(model: Model, latent: Latent) -> tuple[float, float]:
    """The mean and the standard deviation of the norm of draws at the temperatures of ``latent``.

    With s_i the temperature of a value, the squared norm has the mean sum s_i^2 and the variance 2 sum s_i^4. Where the
    truncation is no temperature the shell is that of the prior.
    """
    shell = model.facts.shell
    if not has_temperature(model.facts):
        return shell.mean, shell.deviation
    factors, square, fourth = dict(latent.temperatures), 0.0, 0.0
    for number, level in enumerate(getattr(model.generator, "levels", ())):
        heat = latent.truncation * factors.get(number, 1.0)
        square += (level.end - level.first) * heat**2
        fourth += (level.end - level.first) * heat**4
    mean = math.sqrt(square)
    return mean, math.sqrt(fourth / 2) / max(mean, 1e-6)


class TemperaturePanel(Panel):
    """A factor for every level, on top of the temperature (or truncation) of all of them; coarse levels come first."""

    title = "Temperature"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._word = "Temperature"
        self._list = SliderList("Temperature of levels", self)
        self._list.setRange(0.0, WARMEST, 1.0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._list)
        self._list.valueChanged.connect(self.heat)
        self._list.settled.connect(self.settle)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return bool(facts.levels) and facts.denoising is None

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the levels of the model."""
        model = self.desk.session.model
        if model is None or not self.fits(model.facts):
            return
        self._word = "Temperature" if has_temperature(model.facts) else "Truncation"
        self.heading_changed.emit(f"{self._word} by level")
        levels = model.facts.levels
        tips = [
            f"{self._word} of the level {name}, whose features are {side} × {side}: a factor on top of that of all "
            "levels, in the panel Latent. 0 is the mean, 1 leaves it."
            for name, side in levels
        ]
        self._list.setRows([name for name, _ in levels], tips)
        self._list.setFixedHeight(min(len(levels), ROWS) * ROW_HEIGHT)
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show the factors of the scene."""
        model, latent = self.desk.session.model, self.desk.session.scene.latent
        if model is None or not self.fits(model.facts):
            return
        values = np.ones(len(model.facts.levels))
        for level, factor in latent.temperatures:
            if level < len(values):
                values[level] = factor
        self._list.setValues(values)
        self.state_changed.emit(f"overall {latent.truncation:.2f}")

    # --- changing ---

    @Slot(int, float)
    def heat(self, level: int, factor: float) -> None:
        latent = self.desk.session.scene.latent
        factors = {**dict(latent.temperatures), level: factor}
        kept = tuple(sorted((key, value) for key, value in factors.items() if value != 1.0))
        if kept != latent.temperatures:
            self.desk.actions.change_latent(replace(latent, temperatures=kept), "", settled=False)

    @Slot()
    def settle(self) -> None:
        model, row = self.desk.session.model, self._list.selectedRow()
        levels = model.facts.levels if model is not None else ()
        self.desk.session.settle(f"{self._word} of {levels[row][0] if 0 <= row < len(levels) else 'a level'}")
