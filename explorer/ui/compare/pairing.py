"""Which two of the models are put against each other, and showing them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal, Slot

from explorer.comparing import Comparing
from explorer.session import Model
from explorer.ui.compare.pair_bar import PairBar
from explorer.ui.compare.pair_canvas import PairCanvas
from explorer.ui.compare.pictures import Pictures
from explorer.ui.panel import Desk

__all__ = ["ORIGINAL", "Pairing"]

ORIGINAL: Final = "original"  # the key of the picture that all models are given; models go by their digest
ALONE: Final = "Add a second model to compare {name} with (A)."
WAITING: Final = "The pictures are on their way."
ORIGINAL_NAME: Final = "The original"


class Pairing(QObject):
    """A is the model that is played, B any other one, or the original picture. Main thread only."""

    changed = Signal()
    played = Signal(str)  # a model was chosen to be A

    def __init__(self, desk: Desk, comparing: Comparing, pictures: Pictures, canvas: PairCanvas, bar: PairBar) -> None:
        super().__init__(canvas)
        self._desk, self._comparing, self._pictures = desk, comparing, pictures
        self._canvas, self._bar = canvas, bar
        self._second = ""  # as chosen; it may be gone, or be the one that is played now
        bar.first_chosen.connect(self.choose_first)
        bar.second_chosen.connect(self.choose_second)
        bar.swap_asked.connect(self.swap)
        bar.gain_changed.connect(self.set_gain)

    def second(self) -> str:
        """The key of B; empty where there is nothing to compare with."""
        choices = [key for key, _ in self._others()]
        return self._second if self._second in choices else next(iter(choices), "")

    @Slot(str)
    def choose_first(self, key: str) -> None:
        """Play another model; where that is B, the two change places."""
        if key == self.second():
            self.swap()
        else:
            self.played.emit(key)

    @Slot(str)
    def choose_second(self, key: str) -> None:
        """Make a model B; where that is A, the two change places."""
        model = self._desk.session.model
        if model is not None and key == model.digest:
            self.swap()
        else:
            self._second = key
            self.changed.emit()

    @Slot()
    def next_second(self) -> None:
        """Make the next one B."""
        choices = [key for key, _ in self._others()]
        if choices:
            self.choose_second(choices[(choices.index(self.second()) + 1) % len(choices)])

    @Slot()
    def swap(self) -> None:
        """Play B, and compare it with what was played."""
        model, second = self._desk.session.model, self.second()
        if model is not None and self._comparing.find(second) is not None:
            self._second = model.digest
            self.played.emit(second)

    @Slot(float)
    def set_gain(self, gain: float) -> None:
        """Make differences stronger."""
        self._canvas.set_gain(gain)

    def show_pictures(self) -> None:
        """Show the two, or what is missing."""
        model, second = self._desk.session.model, self.second()
        models = [(each.digest, each.facts.name) for each in self._comparing.models()]
        chosen = (model.digest if model is not None else "", second)
        self._bar.set_choices(models, self._others(), chosen, can_swap=self._comparing.find(second) is not None)
        if model is None or not second:
            self._canvas.show_nothing(ALONE.format(name=model.facts.name) if model is not None else "")
            self._bar.show_difference(None)
            return
        first, first_problem = self._pixels(model.digest, model)
        other, other_problem = self._pixels(second, model)
        if first is None or other is None:
            self._canvas.show_nothing(first_problem or other_problem or WAITING)
        else:
            self._canvas.show_pair(first, other, (f"A · {model.facts.name}", f"B · {self._name(second)}"))
        self._bar.show_difference(self._canvas.found)

    # --- private ---

    def _others(self) -> list[tuple[str, str]]:
        """What B can be: key and name."""
        found = [
            (each.digest, each.facts.name) for each in self._comparing.models() if not self._comparing.is_played(each)
        ]
        if self._desk.session.view.compared_by == "picture":
            found.insert(0, (ORIGINAL, ORIGINAL_NAME))
        return found

    def _name(self, key: str) -> str:
        return dict(self._others()).get(key, "")

    def _pixels(self, key: str, played: Model) -> tuple[npt.NDArray[np.uint8] | None, str]:
        """The picture of a model, or the original as the played one takes it; or why there is none."""
        if key == ORIGINAL:
            return self._comparing.original(played), self._comparing.image_problem
        model = self._comparing.find(key)
        if model is None:
            return None, ""
        shown = self._pictures.shown(model)
        problem = f"{model.facts.name}: {shown.problem}" if shown.problem else ""
        return (None if shown.picture is None else shown.picture.pixels), problem
