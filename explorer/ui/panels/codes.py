"""The code maps of a model with a codebook, to paint codes on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from explorer.codes import (
    Cell,
    by_use,
    erase_codes,
    paint_codes,
    painted_cells,
    painted_map,
    perplexity,
    used_codes,
)
from explorer.scene import Codes, Scene
from explorer.ui.code_brush import CodeBrush
from explorer.ui.code_map import CodeMap
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.segments import Segments

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.imaging import FloatArray
    from explorer.reading import CodeMaps
    from explorer.session import Model

__all__ = ["CodesPanel", "use_words"]

PERPLEXITY: Final = (
    "exp of the entropy of the shares that the codes have in the training data: so many codes, all used alike, would "
    "be as varied. Codes that are never used are faint."
)
STAYS: Final = "What is painted lies over the map of whatever point is shown: it stays when the seed changes."
NOTHING: Final = "Choose a code, drag on the map"
SMALLEST: Final = 0.0005  # a share that reads as more than 0.0 %


class CodesPanel(Panel):
    """Which code lies in which cell of a picture; a brush lays others over them."""

    title = "Codes"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._levels: tuple[tuple[str, int, int, int], ...] = ()  # name, rows, columns and codes
        self._level = 0
        self._codes: dict[int, int] = {}  # that the brush has, by level
        self._maps: CodeMaps | None = None
        self._asked: Scene | None = None  # without its painting: the scene of the maps shown, or on their way
        self._painting: tuple[dict[Cell, int], ...] = ()  # by level, as it is shown
        self._label = ""  # of the change under way
        self.tabs: Segments | None = None
        self.map = CodeMap(self.describe, self)
        self.brush = CodeBrush(self.describe_code, self)
        self.clear = QPushButton("Clear", self)
        self._words, self._usage, self._painted = (ElidedLabel(self) for _ in range(3))
        self._lay_out()
        self._connect()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return bool(facts.code_levels)

    # --- asking ---

    @Slot()
    def follow(self) -> None:
        """Show the painting, and ask for the maps below it where they can be seen and are not known."""
        session = self.desk.session
        model = session.model
        if model is None or not self._levels or not self.isVisible():
            return
        bare = replace(session.scene, codes=Codes())
        if bare != self._asked:
            self._asked = bare
            self.desk.live.code_maps("codes", model, bare, partial(self._take, model))
        self.show_painting()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.follow()

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show empty maps of the model."""
        model = self.desk.session.model
        self._levels = model.facts.code_levels if model is not None else ()
        self._codes, self._maps, self._asked, self._label = {}, None, None, ""
        if self.tabs is not None:
            self.tabs.hide()
            self.tabs.deleteLater()
            self.tabs = None
        if len(self._levels) > 1:
            self.tabs = self._make_tabs()
            self._column.insertWidget(0, self.tabs)
        if self._levels:
            self.choose_level(0)

    @Slot(object)
    def choose_level(self, level: int) -> None:
        """Show another map."""
        self.settle()
        self._level = level
        _, rows, columns, _ = self._levels[level]
        if self.tabs is not None:
            self.tabs.setValue(level)
        self.map.setShape(rows, columns)
        self.brush.setLargest(max(rows, columns))
        self.take_brush()
        self._show_codes()
        self.show_painting()

    @Slot()
    def show_painting(self) -> None:
        """Show the map with what is painted, and how much that is."""
        if not self._levels:
            return
        painting = self.desk.session.scene.codes
        self._painting = tuple(
            painted_cells(painting, level, (rows, columns), count)
            for level, (_, rows, columns, count) in enumerate(self._levels)
        )
        if self._maps is not None:
            here = self._painting[self._level]
            self.map.setCells(painted_map(self._maps.own[self._level], here), self._maps.swatches[self._level], here)
        self._show_count()
        self.clear.setEnabled(bool(painting.cells))
        self.show_pointed(self.map.pointedCell())

    @Slot(object)
    def show_pointed(self, cell: Cell | None) -> None:
        """Say what is under the mouse, or what is marked."""
        self._words.show_words(self.describe(self.map.cursorCell() if cell is None else cell))

    def describe(self, cell: Cell) -> str:
        """What a cell of the map shown is."""
        place = f"Row {cell[0] + 1}, column {cell[1] + 1}"
        if self._maps is None:
            return place
        own, painted = int(self._maps.own[self._level][cell]), self._painting[self._level].get(cell)
        if painted is not None:
            return f"{place}: code {painted}, painted over {own}"
        return f"{place}: {self.describe_code(own)}"

    def describe_code(self, code: int) -> str:
        """What a code of the map shown is."""
        usage = self._use()
        return f"code {code}" + (f" ({use_words(float(usage[code]))})" if usage is not None else "")

    # --- the brush ---

    @Slot(int)
    def keep_code(self, code: int) -> None:
        """Remember which code the brush has on this map."""
        self._codes[self._level] = code

    @Slot(object)
    def pick_up(self, cell: Cell) -> None:
        """Paint with the code that a cell shows."""
        if self._maps is not None:
            own = int(self._maps.own[self._level][cell])
            self.brush.choose(self._painting[self._level].get(cell, own))

    @Slot()
    def take_brush(self) -> None:
        """Let the map know what is painted with."""
        self.map.setBrush(self.brush.size_in_cells(), self.brush.is_eraser())

    # --- changing ---

    @Slot(object, bool)
    def paint_cells(self, cells: tuple[Cell, ...], is_erasing: bool) -> None:
        """Lay the code of the brush over cells, or give them their own codes back."""
        session = self.desk.session
        before = session.scene.codes
        if is_erasing:
            codes = erase_codes(before, self._level, cells)
        else:
            codes = paint_codes(before, self._level, cells, self.brush.code())
        if codes != before:
            self._label = "Erase codes" if is_erasing else "Paint codes"
            self.desk.actions.motion.stop()
            session.change(replace(session.scene, codes=codes), settled=False)
            self.show_painting()

    @Slot()
    def settle(self) -> None:
        """Make what was painted a step of undo."""
        if self._label:
            label, self._label = self._label, ""
            self.desk.session.settle(label)

    @Slot()
    def clear_all(self) -> None:
        """Give every cell of every map its own code back."""
        session = self.desk.session
        self.settle()
        self.desk.actions.motion.stop()
        session.change(replace(session.scene, codes=Codes()), "Clear codes")

    # --- private ---

    def _take(self, model: Model, maps: CodeMaps) -> None:
        if self.desk.session.model is not model:
            return
        is_first, self._maps = self._maps is None, maps
        if is_first:
            self._show_codes()
        self.show_painting()

    def _show_codes(self) -> None:
        """Offer the codes of the map, with their pictures as soon as they are known, and say how they are used."""
        count, usage = self._levels[self._level][3], self._use()
        order = by_use(usage, count)
        unused = () if usage is None else tuple(np.flatnonzero(usage <= 0).tolist())
        swatches = None if self._maps is None else self._maps.swatches[self._level]
        self.brush.setCodes(order, swatches, unused)
        self.brush.setCode(self._codes.get(self._level, order[0]))
        if usage is not None:
            self._usage.setText(f"{used_codes(usage)} of {count} codes are used, perplexity {perplexity(usage):.0f}")
            self._usage.setToolTip(PERPLEXITY)
        else:
            self._usage.show_words("" if self._maps is None else "This file does not say how its codes are used")

    def _show_count(self) -> None:
        here, everywhere = len(self._painting[self._level]), sum(map(len, self._painting))
        cells = f"{everywhere} cell{'s' if everywhere != 1 else ''} painted"
        elsewhere = f" ({here} here)" if here != everywhere else ""
        self._painted.setText(f"{cells}{elsewhere}, at all seeds" if everywhere else NOTHING)
        self._painted.setToolTip(STAYS)
        _, rows, columns, count = self._levels[self._level]
        self.state_changed.emit(cells if everywhere else f"{rows}×{columns} cells, {count} codes")

    def _use(self) -> FloatArray | None:
        """Shares (codes,) of the map shown, where they are known."""
        return None if self._maps is None or self._maps.usage is None else self._maps.usage[self._level]

    def _make_tabs(self) -> Segments:
        tabs = Segments(
            "Code map",
            [
                (number, f"{name} {rows}×{columns}", f"Show the {name} map, {rows} by {columns} cells.")
                for number, (name, rows, columns, _) in enumerate(self._levels)
            ],
            self,
        )
        tabs.chosen.connect(self.choose_level)
        return tabs

    def _lay_out(self) -> None:
        self.clear.setToolTip("Give every cell of every map its own code back.")
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._painted, 1)
        bottom.addWidget(self.clear)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        for widget in (self.map, self._words, self.brush, self._usage):
            self._column.addWidget(widget)
        self._column.addLayout(bottom)

    def _connect(self) -> None:
        session = self.desk.session
        self.map.painted.connect(self.paint_cells)
        self.map.settled.connect(self.settle)
        self.map.picked.connect(self.pick_up)
        self.map.stepped.connect(self.brush.step)
        self.map.cursorMoved.connect(self.show_pointed)
        self.map.pointed.connect(self.show_pointed)
        self.brush.codeChosen.connect(self.keep_code)
        self.brush.changed.connect(self.take_brush)
        self.clear.clicked.connect(self.clear_all)
        session.model_changed.connect(self.show_model)
        session.scene_seen.connect(self.follow)


def use_words(share: float) -> str:
    """How much of the training data a code makes up."""
    if share <= 0:
        return "never used"
    return f"{f'{100 * share:.1f}' if share >= SMALLEST else 'below 0.1'} % of the data"
