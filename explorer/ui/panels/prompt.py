"""What a model that reads text is asked for: one prompt or a blend of several, and what it is led away from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.scene import Condition
from explorer.ui.controls import IconButton, SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.runs import conditioned, from_turn, go, held
from explorer.ui.text_box import TextBox

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["PromptPanel", "shared"]

Prompts: TypeAlias = tuple[tuple[str, float], ...]
MOST: Final = 6  # prompts in a blend made by hand
NOTHING: Final[Prompts] = (("", 1.0),)
HABIT: Final = "Return takes it, Shift and Return begins a line."


class PromptPanel(Panel):
    """Texts to write, weights to blend them with, and a negative text."""

    title = "Prompt"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._rows: list[_PromptRow] = []
        self._base: Prompts | None = None  # the weights before the drag that goes on
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._note = ElidedLabel(self)
        self._note.show_words("Return takes it.")
        self._note.setToolTip(f"{HABIT} Escape goes back.")
        self._add = QPushButton("Blend in a prompt", self)
        self._add.setToolTip("Mix another text into what is asked for, with a weight.")
        self._negative = TextBox("Negative prompt", "What it should not show", 1, self)
        self._negative.setToolTip(f"Guidance leads away from this text. {HABIT}")
        self._negative_name = QLabel("Negative", self)
        self._negative_name.setBuddy(self._negative)
        self._negative_name.setProperty("dim", True)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._note, 1)
        bottom.addWidget(self._add)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._list)
        column.addLayout(bottom)
        column.addWidget(self._negative_name)
        column.addWidget(self._negative)
        self._add.clicked.connect(self.add)
        self._negative.committed.connect(self.write_negative)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        desk.session.turn_changed.connect(self.show_scene)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return facts.denoising is not None and facts.denoising.reads_text

    def prompts(self) -> Prompts:
        """What is asked for where changes act; an empty text where nothing is."""
        return held(self.desk.session)[1].prompts or NOTHING

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the negative prompt where the model can be led away from it."""
        model = self.desk.session.model
        if model is not None and self.fits(model.facts):
            can_guide = model.facts.denoising is not None and model.facts.denoising.can_guide
            self._negative.setVisible(can_guide)
            self._negative_name.setVisible(can_guide)
            self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Show the texts of the scene and their weights."""
        session, prompts = self.desk.session, self.prompts()
        if session.model is None or not self.fits(session.model.facts):
            return
        if len(prompts) != len(self._rows):
            self._rebuild(len(prompts))
        for row, (text, weight) in zip(self._rows, prompts, strict=True):
            row.box.setText(text)
            row.weight.setValue(weight)
        self._negative.setText(held(session)[1].negative)
        self._add.setEnabled(len(prompts) < MOST)
        words = f"blend of {len(prompts)}" if len(prompts) > 1 else "" if prompts[0][0] else "nothing asked for"
        self.state_changed.emit(from_turn(session, words))

    # --- changing ---

    @Slot()
    def add(self) -> None:
        """Add a text to the blend, empty still, with as much weight as the others have on average."""
        prompts = self.prompts()
        self._go(shared((*prompts, ("", 0.0)), len(prompts), 1 / (len(prompts) + 1)), "Blend in a prompt")
        self.show_scene()
        if self._rows:
            self._rows[-1].box.setFocus()

    def write(self, index: int, text: str) -> None:
        """Ask for another text at a place of the blend."""
        prompts = list(self.prompts())
        if index < len(prompts):
            prompts[index] = (text, prompts[index][1])
            self._go(tuple(prompts), "Prompt")

    def weigh(self, index: int, weight: float) -> None:
        """Give a text another weight; those of the others go down or up with it."""
        if self._base is None:
            self._base = self.prompts()
        self._go(shared(self._base, index, weight))
        self.show_scene()  # the other weights at once

    @Slot()
    def settle(self) -> None:
        self._base = None
        self.desk.session.settle("Blend of prompts")

    def remove(self, index: int) -> None:
        """Take a text out of the blend."""
        prompts = self.prompts()
        rest = tuple(pair for place, pair in enumerate(prompts) if place != index)
        self._go(shared(rest, 0, rest[0][1]) if rest else NOTHING, "Remove a prompt")

    @Slot(str)
    def write_negative(self, text: str) -> None:
        """Lead away from another text."""
        self._change(replace(self._condition(), negative=text), "Negative prompt")

    def _condition(self) -> Condition:
        return held(self.desk.session)[1]

    def _go(self, prompts: Prompts, label: str = "") -> None:
        self._change(replace(self._condition(), prompts=() if prompts == NOTHING else prompts), label)

    def _change(self, condition: Condition, label: str = "") -> None:
        go(self.desk, conditioned(self.desk.session, condition), label)

    def _rebuild(self, count: int) -> None:
        """Have rows for so many texts; those that stay keep their focus."""
        while len(self._rows) > count:
            row = self._rows.pop()
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self._rows) < count:
            row = _PromptRow(len(self._rows), self)
            self._rows.append(row)
            self._list.addWidget(row)
        for row in self._rows:
            row.show_alone(count == 1)


class _PromptRow(QWidget):
    """One text of the blend."""

    def __init__(self, index: int, panel: PromptPanel) -> None:
        super().__init__(panel)
        self._panel, self._index = panel, index
        name = f"Prompt {index + 1}"
        self.box = TextBox(name, "What the picture should show", 2, self)
        self.box.setToolTip(f"What the picture should show. {HABIT}")
        self.weight = SliderRow("Weight", 0.0, 1.0, 0.5, tooltip="How much of this text there is; all sum to 1.")
        self._remove = IconButton("close", "Take this text out of the blend.", self)
        self._below = QWidget(self)
        row = QHBoxLayout(self._below)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.weight, 1)
        row.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.box)
        column.addWidget(self._below)
        self.box.committed.connect(self.write)
        self.weight.valueChanged.connect(self.weigh)
        self.weight.settled.connect(panel.settle)
        self._remove.clicked.connect(self.remove)

    def show_alone(self, is_alone: bool) -> None:
        """A text that is alone has all the weight, and stays."""
        self._below.setVisible(not is_alone)

    @Slot(str)
    def write(self, text: str) -> None:
        self._panel.write(self._index, text)

    @Slot(float)
    def weigh(self, weight: float) -> None:
        self._panel.weigh(self._index, weight)

    @Slot()
    def remove(self) -> None:
        self._panel.remove(self._index)


def shared(prompts: Prompts, index: int, weight: float) -> Prompts:
    """The texts with the weight of one set, and the others scaled so that all sum to 1.

    Where the others have no weight they get equal shares of the rest; one that is alone keeps the weight 1.
    """
    others = [value for place, (_, value) in enumerate(prompts) if place != index]
    total, weight = sum(others), min(max(weight, 0.0), 1.0) if others else 1.0
    return tuple(
        (text, weight)
        if place == index
        else (text, value / total * (1 - weight) if total > 0 else (1 - weight) / len(others))
        for place, (text, value) in enumerate(prompts)
    )
