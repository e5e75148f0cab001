"""Where in the picture the condition acts, at the step under the playhead: guidance under the microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.runs import StepPictures
from explorer.ui.heat_map import HeatMap
from explorer.ui.panel import Desk, Panel

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["MicroscopePanel"]

SIDE: Final = 144  # pixels of the picture
EXPLAINED = "How far the noise predicted with the condition is from that without it, per pixel."


class MicroscopePanel(Panel):
    """The size of eps_cond - eps_uncond per pixel, in standard deviations of the noise."""

    title = "Microscope"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._map = HeatMap("Difference that the condition makes", SIDE, self)
        self._map.setToolTip(f"{EXPLAINED} The mark on the scale is their mean.")
        self._told = QLabel(self)
        self._told.setProperty("dim", True)
        self._told.setWordWrap(True)
        self._hold = QPushButton("Hold scale", self)
        self._hold.setCheckable(True)
        self._hold.setToolTip("Keep the scale as it is now, to compare steps by their colours.")
        self._step: StepPictures | None = None
        self._shown: tuple[StepPictures | None, bool] | None = None
        self._top = 1.0  # the end of the scale
        beside = QVBoxLayout()
        beside.setSpacing(8)
        beside.addWidget(self._told)
        beside.addStretch(1)
        beside.addWidget(self._hold)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._map)
        row.addLayout(beside, 1)
        self._map.pointed.connect(self.tell_pixel)
        self._hold.toggled.connect(self.show_step)
        desk.playback.moved.connect(self.show_step)
        desk.playback.step_taken.connect(self.show_step)
        desk.playback.run_changed.connect(self.show_step)
        self.show_step()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return facts.denoising is not None and facts.denoising.can_guide

    @Slot()
    def show_step(self) -> None:
        """Show the step at the playhead, where it has changed and anyone looks."""
        playback = self.desk.playback
        if not self.isVisible():
            return
        step = playback.run.at(playback.position())
        if (step, self._hold.isChecked()) == self._shown:
            return
        self._step, self._shown = step, (step, self._hold.isChecked())
        difference = step.difference if step is not None else None
        if step is None or difference is None:
            self._map.setValues(None)
            why = "" if step is None else "At scale 1 the step is predicted with the condition alone: raise the scale."
            self._told.setText(why or "Nothing has been denoised yet.")
            self.state_changed.emit("" if step is None else f"step {step.index + 1} of {step.total}")
            return
        if not self._hold.isChecked():
            self._top = float(difference.max())
        self._map.setValues(difference, self._top)
        self.tell_pixel(None)
        self.state_changed.emit(f"|ε_c − ε_u| · step {step.index + 1} of {step.total}")

    @Slot(object)
    def tell_pixel(self, pixel: tuple[int, int, float] | None) -> None:
        """Say how large the difference is in all, and under the mouse."""
        step = self._step
        if step is None or step.difference is None:
            return
        mean, most = float(step.difference.mean()), float(step.difference.max())
        lines = [f"mean {mean:.2f} σ", f"most {most:.2f} σ", f"at scale {step.guidance:.1f}"]
        if pixel is not None:
            lines.append(f"{pixel[0]}, {pixel[1]}: {pixel[2]:.2f} σ")
        self._told.setText("\n".join(lines))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_step()
