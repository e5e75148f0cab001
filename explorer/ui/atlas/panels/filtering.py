"""Filters over the numbers and labels of the pictures, and selections that were kept by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QPushButton, QVBoxLayout, QWidget

from explorer.atlas.choices import packed, unpacked
from explorer.ui.atlas.colouring import values_of
from explorer.ui.atlas.filters import FilterColumn, Filters
from explorer.ui.panel import Desk, Panel

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Scores, Survey

__all__ = ["FilterPanel"]

MOST_WORDS: Final = 100  # of a column of words that can be filtered by
FIRST: Final = ("brightness", "contrast", "sharpness", "width", "height")  # what people filter by most


class FilterPanel(Panel):
    """Brushing a histogram leaves the pictures in it; filters of several columns act together."""

    title = "Filters"
    starts_folded = True

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self._columns: dict[str, FilterColumn] = {}
        self._survey: Survey | None = None
        self.filters = Filters(self)
        self.kept = QComboBox(self)
        self.kept.setAccessibleName("Kept selections")
        self.kept.setToolTip("Selections that were kept under a name; choosing one selects it again.")
        self.keep = QPushButton("Keep selection…", self)
        self.keep.setToolTip("Keep what is selected under a name.")
        row = QHBoxLayout()
        row.addWidget(self.kept, 1)
        row.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.filters)
        column.addLayout(row)
        self.filters.mask_changed.connect(self.take_filters)
        self.keep.clicked.connect(self.ask_name)
        self.kept.activated.connect(self.take_kept)
        self._charting.chart_changed.connect(self.show_chart)
        self._charting.scored.connect(self.show_chart)
        self._charting.chosen.connect(self.show_kept)
        self.show_chart()
        self.show_kept()

    @Slot()
    def show_chart(self) -> None:
        """Offer a filter for everything known of the pictures; those in use stay where their numbers did."""
        chart = self._charting.chart
        if chart is None:
            self._columns = {}
        else:
            before = self._columns if self._survey is chart.survey else {}
            self._columns = _columns(chart, self._charting.scores, before)
        self._survey = None if chart is None else chart.survey
        shown = [key for key in ("label", "oddness") if key in self._columns]
        self.filters.set_columns(tuple(self._columns.values()), shown)

    @Slot()
    def show_kept(self) -> None:
        """Show the selections that were kept."""
        names = tuple(name for name, _ in self._charting.choices.named)
        self.kept.clear()
        self.kept.addItems(names)
        self.kept.setVisible(bool(names))
        self.keep.setEnabled(bool(self._charting.choices.selected))

    @Slot()
    def take_filters(self) -> None:
        """Let through what all filters let through."""
        mask = self.filters.let_through()
        self._charting.filter(mask)
        self.state_changed.emit("" if mask is None else f"{int(mask.sum()):,} of {len(mask):,}")

    @Slot()
    def ask_name(self) -> None:
        """Ask for a name, and keep the selection under it."""
        dialog = QInputDialog(self.window())
        dialog.setWindowTitle("Keep the selection")
        dialog.setLabelText("Name")
        dialog.textValueSelected.connect(self.keep_as)
        dialog.open()

    @Slot(str)
    def keep_as(self, name: str) -> None:
        mask, choices = self._charting.selected(), self._charting.choices
        if mask is not None and name.strip():
            others = tuple(each for each in choices.named if each[0] != name.strip())
            self._charting.change(replace(choices, named=(*others, (name.strip(), packed(mask)))), "Keep a selection")

    @Slot(int)
    def take_kept(self, place: int) -> None:
        chart, named = self._charting.chart, self._charting.choices.named
        mask = unpacked(named[place][1], len(chart.survey)) if chart is not None and place < len(named) else None
        if mask is not None:
            self._charting.select(mask, label=f"Select {named[place][0]}")


def _columns(chart: Chart, scores: Scores | None, before: dict[str, FilterColumn]) -> dict[str, FilterColumn]:
    """Labels first, then how odd, columns of the list, and what is known of every picture; ``before`` is kept."""
    found: dict[str, FilterColumn] = {}
    if chart.survey.dataset.labels is not None:
        labels = before["label"].values if "label" in before else chart.survey.labels()
        found["label"] = FilterColumn("label", "label", np.asarray(labels), chart.survey.dataset.label_names)
    names = sorted(chart.survey.statistics, key=lambda name: (name not in FIRST, name))
    keys = [("oddness", "how odd, -log10 p")]
    keys += [(f"column:{name}", name) for name in chart.survey.dataset.columns]
    keys += [(f"statistic:{name}", name) for name in names]
    for key, title in keys:
        if key in before and key != "oddness":
            found[key] = before[key]
            continue
        values = values_of(chart, scores, key)
        if values is None:
            continue
        if values.dtype.kind in "fiub":
            if float(np.ptp(values)) > 0:
                found[key] = FilterColumn(key, title, np.asarray(values, np.float32))
        else:
            words, groups = np.unique(values.astype(str), return_inverse=True)
            if 1 < len(words) <= MOST_WORDS:
                found[key] = FilterColumn(key, title, groups.astype(np.int64), tuple(words.tolist()))
    return found
