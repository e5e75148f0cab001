"""How likely the model finds the picture shown, what that is made of, and what it does and does not tell."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from explorer.scene import ImageFile, Scene
from explorer.ui.controls import Gauge
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.gauge import Mark
from explorer.ui.panel import Desk, Panel
from explorer.ui.signed_bars import SignedBars
from explorer.ui.slider_parts import MINUS

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.reading import LikelihoodReading, Reading
    from explorer.session import Model

__all__ = ["LikelihoodPanel", "compared_words", "trap_words"]

REST_MILLISECONDS: Final = 200  # without a newer picture, before a slow model is asked
SLOW_SECONDS: Final = 0.08  # from question to answer
LOW, MIDDLE, HIGH = 5, 50, 95  # per cent of held-out pictures, of the band and its tick
BEYOND: Final = 1.5  # widths of the band that the gauge has room for on either side
SHARE: Final = 0.05  # of the real pictures that a simple one has to beat before it is worth a sentence
KINDS: Final = {  # words, and the signs before log p and before the bits
    "exact": ("exact, of the 8-bit picture", "", ""),
    "lower bound": ("at least: a lower bound", "≥ ", "≤ "),
    "ODE estimate": ("about: an estimate", "≈ ", "≈ "),
}
NATS: Final = "log p of the picture shown: of all its values together, each one of 256 grey levels."
BITS: Final = "The same as bits for each pixel and channel; fewer bits are more likely, and 8 are pure noise."
GAUGE: Final = (
    "Left is less likely, right more. The green band holds the middle 90 % of pictures that the model was not trained "
    "on, with a line at their median; the small pictures below show how likely it finds pictures of next to nothing."
)
SIDE: Final = 12  # pixels of the small pictures on the gauge


class LikelihoodPanel(Panel):
    """log p of the picture shown, beside that of held-out pictures and of pictures that hold next to nothing.

    The render thread is asked after the picture; a model that answers slowly is asked when the hands rest.
    """

    title = "Likelihood"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._told: Scene | None = None  # the scene of the numbers shown, or on their way
        self._asked_at = 0.0
        self._is_slow = False
        self._original: tuple[ImageFile, str] | None = None  # a real picture, and what is said of it
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MILLISECONDS)
        self._nats, self._bits = QLabel(self), QLabel(self)
        self._gauge = Gauge("How likely", self)
        self._gauge.setToolTip(GAUGE)
        self._trap = QLabel(self)
        self._trap.setWordWrap(True)
        self._trap.setToolTip(
            "Nalisnick et al. 2019: flows and VAEs often find pictures likelier that are simpler than all they know. "
            "What a model draws lies in its typical set, not where the likelihood is highest."
        )
        self._parts = SignedBars("Parts of the likelihood", self)
        self._real = ElidedLabel(self)
        self._lay_out()
        self._timer.timeout.connect(self.ask)
        desk.session.model_changed.connect(self.show_model)
        desk.live.rested.connect(self.follow)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return bool(facts.likelihood_kind) and facts.denoising is None

    # --- asking ---

    @Slot()
    def show_model(self) -> None:
        """Forget the numbers of the model before."""
        model = self.desk.session.model
        self._timer.stop()
        self._told, self._is_slow, self._original = None, False, None
        self._parts.clear()
        self._gauge.setValue(None)
        self._gauge.hide()
        for label in (self._nats, self._bits, self._trap):
            label.clear()
        self._trap.hide()
        self._real.hide()
        words = KINDS.get(model.facts.likelihood_kind, (model.facts.likelihood_kind,))[0] if model is not None else ""
        self.state_changed.emit(words)

    @Slot()
    def follow(self) -> None:
        """Ask about the picture that has just appeared: at once, or when the hands rest."""
        if self._is_slow:
            self._timer.start()
        else:
            self.ask()

    @Slot()
    def ask(self) -> None:
        """Ask how likely the picture of the scene is, where the answer can be seen and is not known."""
        session = self.desk.session
        if session.model is None or not self.fits(session.model.facts) or not self.isVisible():
            return
        if session.scene != self._told:
            self._told, self._asked_at = session.scene, time.perf_counter()
            show = partial(self._take, session.model, session.scene)
            self.desk.live.likelihood("likelihood", session.model, session.scene, show)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()  # not before the picture, which may be on its way

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    # --- showing ---

    def show_reading(self, reading: LikelihoodReading) -> None:
        """Show the numbers of a picture."""
        bits = reading.bits(reading.nats)
        _, before_nats, before_bits = KINDS.get(reading.kind, ("", "", ""))
        self._nats.setText(f"{before_nats}{_number(reading.nats)} nats")
        self._bits.setText(f"{before_bits}{bits:.3f}".replace("-", MINUS))
        self._parts.setTerms(reading.parts if len(reading.parts) > 1 else ())
        self._parts.setVisible(len(reading.parts) > 1)
        self._show_gauge(reading)
        words = trap_words(reading)
        self._trap.setText(words)
        self._trap.setVisible(bool(words))
        self._make_room()

    def _show_gauge(self, reading: LikelihoodReading) -> None:
        usual = reading.usual
        self._gauge.setVisible(usual is not None)
        if usual is None:
            return
        low, middle, high = (float(usual[place]) for place in (LOW, MIDDLE, HIGH))
        width = max(high - low, 1e-3)
        nats = [float(usual[0]), float(usual[-1]), *(each for _, each in reading.simple)]
        ends = max(min(nats), low - BEYOND * width), min(max(nats), high + BEYOND * width)
        margin = 0.04 * (ends[1] - ends[0])
        self._gauge.setRange(ends[0] - margin, ends[1] + margin)
        self._gauge.setBand(low, high, (float(usual[0]), float(usual[-1])))
        self._gauge.setTick(middle)
        self._gauge.setMarks(
            [
                Mark(each, _swatch(name), f"{name[0].upper()}{name[1:]}: {_number(each)} nats, {_share(reading, each)}")
                for name, each in reading.simple
            ]
        )
        self._gauge.setValue(reading.nats)
        self._gauge.setCaption(compared_words(reading))

    def _make_room(self) -> None:
        """Have the sentence keep all of its lines: what is around it does not ask for its height at this width."""
        self._trap.setMinimumHeight(max(self._trap.heightForWidth(self.width()), 0))

    def _take(self, model: Model, scene: Scene, reading: LikelihoodReading) -> None:
        if self.desk.session.model is not model:
            return
        if scene == self._told:
            self._is_slow = time.perf_counter() - self._asked_at > SLOW_SECONDS
        self.show_reading(reading)
        self._ask_original(model, scene)

    def _ask_original(self, model: Model, scene: Scene) -> None:
        """Read the picture that the point was encoded from, where the one shown is only its reconstruction."""
        first = scene.latent.sources[0][0]
        is_copy = isinstance(first, ImageFile) and len(scene.latent.sources) == 1
        self._real.setVisible(is_copy and "posterior" in model.facts.capabilities)
        if self._real.isHidden() or not isinstance(first, ImageFile):
            return
        if self._original is not None and self._original[0] == first:
            self._real.show_words(self._original[1])
        else:
            self._real.show_words("The original: …")
            self.desk.live.reading("likelihood", model, first.path, partial(self._take_original, first))

    def _take_original(self, file: ImageFile, reading: Reading) -> None:
        nats, bits = reading.log_likelihood, reading.bits_per_dimension
        if nats is not None and bits is not None:
            words = f"The original: {_number(nats)} nats, {bits:.3f} bits per dimension".replace("-", MINUS)
            self._original = file, words
            self._real.show_words(words)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        for place, (words, value, widest, tip) in enumerate(
            (("log p", self._nats, "≥ \N{MINUS SIGN}888,888 nats", NATS), ("bits/dim", self._bits, "≤ 88.888", BITS))
        ):
            label = QLabel(words, self)
            label.setProperty("dim", True)
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance(widest))  # so that nothing moves with digits
            for each in (label, value):
                each.setToolTip(tip)
            grid.addWidget(label, 0, 2 * place)
            grid.addWidget(value, 0, 2 * place + 1)
        grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(grid)
        column.addWidget(self._real)
        column.addWidget(self._gauge)
        column.addWidget(self._trap)
        column.addWidget(self._parts)


def compared_words(reading: LikelihoodReading) -> str:
    """Where a picture lies among held-out ones; empty where they are not known."""
    share, usual = reading.quantile, reading.usual
    if share is None or usual is None:
        return ""
    far = float(usual[HIGH] - usual[LOW])
    if reading.nats < usual[0]:
        return f"{'far ' if reading.nats < usual[0] - far else ''}less likely than any held-out picture"
    if reading.nats > usual[-1]:
        return f"{'far ' if reading.nats > usual[-1] + far else ''}more likely than any held-out picture"
    return f"more likely than {_per_cent(share)} of held-out pictures"


def trap_words(reading: LikelihoodReading) -> str:
    """What to learn from the simple picture that is found likeliest; empty where real ones are likelier."""
    if reading.usual is None or not reading.simple:
        return ""
    name, nats = max(reading.simple, key=lambda pair: pair[1])
    share = _quantile(reading, nats)
    if share < SHARE:
        return ""
    more = "every real one" if nats > reading.usual[-1] else f"{_per_cent(share)} of real ones"
    return f"{_called(name)} would score higher than {more}: a high likelihood does not mean typical."


def _quantile(reading: LikelihoodReading, nats: float) -> float:
    assert reading.usual is not None
    return float(np.interp(nats, reading.usual, np.linspace(0.0, 1.0, len(reading.usual))))


def _share(reading: LikelihoodReading, nats: float) -> str:
    return f"more likely than {_per_cent(_quantile(reading, nats))} of held-out pictures"


def _per_cent(share: float) -> str:
    """A share that never reads as none or all."""
    return f"{min(max(round(100 * share), 1), 99)} %"


def _called(name: str) -> str:
    """The name of a simple picture at the beginning of a sentence."""
    if name.startswith("a "):
        return f"A{name[1:]}"
    return f"{'An' if name[0] in 'aeiou' else 'A'} {name} picture"


def _number(nats: float) -> str:
    return f"{nats:,.0f}".replace("-", MINUS)


def _swatch(name: str) -> np.ndarray:
    """What a simple picture looks like, uint8 (side, side, 1)."""
    if "ramp" in name:
        return np.tile(np.linspace(64, 191, SIDE).astype(np.uint8), (SIDE, 1))[:, :, None]
    return np.full((SIDE, SIDE, 1), 0 if "black" in name else 128, np.uint8)
