"""How strongly a run is led by its condition: the scale, where in the run it acts, and what it looks like."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from explorer.live import Tile
from explorer.scene import Sampling, Scene
from explorer.ui.captioned_strip import CaptionedStrip
from explorer.ui.controls import SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.range_row import RangeRow
from explorer.ui.runs import denoising, filled, from_turn, go, held, sampled, skipped, steps_of

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["SCALES", "GuidancePanel", "interval_of", "steps_in"]

LARGEST: Final = 15.0
SCALES: Final = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)  # that are shown as pictures
SIDE: Final = 37  # pixels of a thumbnail
LANE: Final = "scales"


class GuidancePanel(Panel):
    """Guidance scale, interval and rescaling, with the same noise at several scales to choose from."""

    title = "Guidance"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._scale = SliderRow(
            "Scale s",
            0.0,
            LARGEST,
            1.0,
            decimals=1,
            tooltip="How strongly the condition leads: s = 1 + w of Ho and Salimans 2022. 1 follows it plainly, "
            "0 not at all, more exaggerates it.",
        )
        self._curve = QWidget(self)
        self._curve_words = ElidedLabel(self._curve)
        flat = QPushButton("Flat", self._curve)
        flat.setToolTip("Drop the curve: one scale for all steps.")
        self._interval = RangeRow(
            "Acts in steps",
            "Guidance acts in these steps only; the others follow the condition plainly (Kynkäänniemi et al. 2024).",
            self,
            "Step",
        )
        self._rescale = SliderRow(
            "Rescale φ",
            0.0,
            1.0,
            0.0,
            tooltip="Takes back that share of the contrast that guidance adds (Lin et al. 2023).",
        )
        self._strip = CaptionedStrip("The same noise at several scales", SIDE, self)
        self._strip.setToolTip("The same noise at several guidance scales; a click takes one.")
        self._strip.setCaptions({scale: f"{scale:g}" for scale in SCALES})
        self._pictures: dict[float, np.ndarray] = {}
        self._fresh: set[float] = set()  # scales whose pictures are of the scene as it is now
        self._pictured: tuple[Scene, int | None] | None = None  # what the strip shows, whatever its scale
        row = QHBoxLayout(self._curve)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._curve_words, 1)
        row.addWidget(flat)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for each in (self._scale, self._curve, self._strip, self._interval, self._rescale):
            column.addWidget(each)
        self._scale.valueChanged.connect(self.choose_scale)
        self._scale.settled.connect(self.settle_scale)
        flat.clicked.connect(self.flatten)
        self._interval.rangeChanged.connect(self.choose_interval)
        self._interval.settled.connect(self.settle_interval)
        self._rescale.valueChanged.connect(self.choose_rescale)
        self._rescale.settled.connect(self.settle_rescale)
        self._strip.chosen.connect(self.take_scale)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        desk.session.turn_changed.connect(self.show_scene)
        desk.session.history_changed.connect(self.fill_strip)
        desk.actions.motion.changed.connect(self.fill_strip)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return facts.denoising is not None and facts.denoising.can_guide

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the scale that the model suggests as the one to go back to."""
        facts = denoising(self.desk.session)
        self._pictured, self._pictures, self._fresh = None, {}, set()
        self._show_pictures()
        if facts is None or not facts.can_guide:
            return
        own = facts.sampling.guidance
        self._scale.setRange(0.0, LARGEST, 1.0 if own is None else own)
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show how the run is guided where changes act."""
        session, facts = self.desk.session, denoising(self.desk.session)
        if facts is None or not facts.can_guide:
            return
        sampling = filled(held(session)[0], facts)
        scales = [each for _, each in sampling.curve] or [sampling.guidance or 0.0]
        scale, is_curved = scales[0], min(scales) < max(scales)  # a flat curve is a scale like any other
        count = steps_of(session) - skipped(session)
        self._scale.setValue(scale)
        self._scale.setEnabled(not is_curved)
        self._curve.setVisible(is_curved)
        self._rescale.setValue(sampling.rescale)
        if self._interval.count() != count:
            self._interval.setNames([""] * count)
        first, end = steps_in(sampling.interval, count)
        self._interval.setRange(first, end)
        self._strip.setCurrent(None if is_curved else scale)
        self.fade_strip()
        words = f"s {scale:.1f}"
        if is_curved:
            words = f"s {min(scales):.1f} to {max(scales):.1f}"
            self._curve_words.show_words(f"A curve holds: {words} over the run.")
        self.state_changed.emit(from_turn(session, words))
        if session.scene == session.history.entry.scene:
            self.fill_strip()

    @Slot()
    def fill_strip(self) -> None:
        """Draw the scene at every scale, where anything else of it has changed and the hand rests."""
        session, facts = self.desk.session, denoising(self.desk.session)
        is_moving = bool(self.desk.actions.motion.playing())
        if facts is None or not facts.can_guide or is_moving or not self.isVisible():
            return
        plain, base = self._scaleless()
        if base == self._pictured:
            return
        self._pictured, self._fresh = base, set()
        self.fade_strip()
        scenes = [sampled(session, replace(plain, guidance=scale)) for scale in SCALES]
        self.desk.live.tiles(LANE, scenes, partial(self._take_picture, base))

    def fade_strip(self) -> None:
        """Fade the pictures of an older scene."""
        fresh = self._fresh if self._scaleless()[1] == self._pictured else set()
        self._strip.setFaded(set(SCALES) - fresh)

    # --- changing ---

    @Slot(float)
    def choose_scale(self, scale: float) -> None:
        self._change(replace(self._sampling(), guidance=scale, curve=()))

    @Slot()
    def settle_scale(self) -> None:
        self.desk.session.settle(f"Guidance {self._scale.value():.1f}")

    @Slot(object)
    def take_scale(self, scale: float) -> None:
        """Take a scale of the strip, for all steps."""
        self._change(replace(self._sampling(), guidance=scale, curve=()), f"Guidance {scale:.1f}")

    @Slot()
    def flatten(self) -> None:
        self._change(replace(self._sampling(), curve=()), "Guidance without a curve")

    @Slot(int, int)
    def choose_interval(self, first: int, end: int) -> None:
        """Guide in the steps from ``first`` up to, not including, ``end``."""
        self._change(replace(self._sampling(), interval=interval_of(first, end, self._interval.count())))

    @Slot()
    def settle_interval(self) -> None:
        first, end = self._interval.range()
        is_all = end - first == self._interval.count()
        self.desk.session.settle("Guide in all steps" if is_all else f"Guide in steps {first + 1}–{end}")

    @Slot(float)
    def choose_rescale(self, share: float) -> None:
        self._change(replace(self._sampling(), rescale=share))

    @Slot()
    def settle_rescale(self) -> None:
        self.desk.session.settle("Rescale guidance")

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fill_strip()

    def _sampling(self) -> Sampling:
        return held(self.desk.session)[0]

    def _change(self, sampling: Sampling, label: str = "") -> None:
        go(self.desk, sampled(self.desk.session, sampling), label)

    def _scaleless(self) -> tuple[Sampling, tuple[Scene, int | None]]:
        """The sampling where changes act without its scale, and what the strip's pictures have in common."""
        session = self.desk.session
        plain = replace(held(session)[0], guidance=None, curve=())
        return plain, (sampled(session, plain), session.turn_step)

    def _take_picture(self, base: tuple[Scene, int | None], tile: Tile) -> None:
        if base == self._pictured:
            self._pictures[SCALES[tile.index]] = tile.picture.pixels
            self._fresh.add(SCALES[tile.index])
            self._show_pictures()
            self.fade_strip()

    def _show_pictures(self) -> None:
        self._strip.setItems([(s, self._pictures.get(s), f"Guidance scale {s:g}") for s in SCALES])


def interval_of(first: int, end: int, count: int) -> tuple[float, float]:
    """The part of a run of ``count`` steps that holds the steps from ``first`` up to ``end``, as fractions.

    A step ``index`` lies at the fraction index / (count - 1), so that i / count is between the steps i - 1 and i.
    """
    return first / count, end / count


def steps_in(interval: tuple[float, float], count: int) -> tuple[int, int]:
    """The first step of ``count`` that lies in the part of a run, and the one after the last; at least one."""
    held_steps = [i for i in range(count) if interval[0] <= i / max(count - 1, 1) <= interval[1]]
    return (held_steps[0], held_steps[-1] + 1) if held_steps else (0, 1)
