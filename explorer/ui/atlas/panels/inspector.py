"""One picture of the map: what the model makes of it, where it is odd, why, and what would be normal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.ui.atlas.panels.flagged import picture_name
from explorer.ui.atlas.shots import Shot, ShotRow, heat_pixels
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.strip import Item, ThumbnailStrip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.atlas.chart import Chart
    from explorer.atlas.inspecting import Inspection, Repair
    from explorer.atlas.values import Scores

__all__ = ["InspectorPanel"]

NOTHING: Final = "Click a picture on the map or in the list."
MEANINGS: Final = {
    "original": "The picture as the model reads it.",
    "reconstruction": "What is left of it after encoding and decoding.",
    "difference": "Squared difference of the two, blurred. White is what 1 in 1,000 pixels of normal pictures reaches.",
    "made normal": "The picture decoded from a mix of its nearest normal pictures' codes.",
}


class InspectorPanel(Panel):
    """Looks at the picture that is picked, on a thread of its own; a newer picture comes first."""

    title = "Picture"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self.shots = ShotRow(self)
        self.words = QLabel(NOTHING, self)
        self.words.setWordWrap(True)
        self.reasons = QGridLayout()
        self.reasons.setHorizontalSpacing(12)
        self.reasons.setVerticalSpacing(2)
        self._reason_labels: list[QLabel] = []
        self.odd, self.normal = QPushButton("Mark odd", self), QPushButton("Mark normal", self)
        self.repair = QPushButton("Repair test", self)
        self.explore = QPushButton("Explore", self)
        self.film = QPushButton("Film to normal", self)
        self.similar = QPushButton("Select similar", self)
        for button, tip in (
            (self.odd, "It is odd, whatever its score says: it leaves the reference (O)."),
            (self.normal, "It is normal, whatever its score says: it joins the reference (M)."),
            (self.repair, "Replace the hottest region by the reconstruction and score again: does it explain? (R)"),
            (self.explore, "Open its point in Explore, with the model of the map (Return)."),
            (self.film, "A film in Explore from the picture to its nearest normal one: watch where it turns odd."),
            (self.similar, "Select the pictures nearest to it."),
        ):
            button.setToolTip(tip)
        self.odd.setCheckable(True)
        self.normal.setCheckable(True)
        self.nearest_words = QLabel("Nearest normal pictures", self)
        self.nearest_words.setProperty("dim", True)
        self.nearest = ThumbnailStrip("Nearest normal pictures", parent=self)
        self.repaired = QLabel(self)
        self.repaired.setWordWrap(True)
        marks, ways = QHBoxLayout(), QHBoxLayout()
        for row, buttons in (
            (marks, (self.odd, self.normal, self.repair)),
            (ways, (self.explore, self.film, self.similar)),
        ):
            row.setSpacing(6)
            for button in buttons:
                row.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self.shots, self.words):
            column.addWidget(part)
        column.addLayout(self.reasons)
        column.addLayout(marks)
        column.addWidget(self.repaired)
        column.addLayout(ways)
        column.addWidget(self.nearest_words)
        column.addWidget(self.nearest)
        self._row = self._normal = -1
        self._charting.picked.connect(self.show_row)
        self._charting.scored.connect(self.show_scores)
        self._charting.chosen.connect(self.show_marks)
        self.odd.clicked.connect(self.mark_odd)
        self.normal.clicked.connect(self.mark_normal)
        self.repair.clicked.connect(self.test_repair)
        self.explore.clicked.connect(self.open_in_explore)
        self.film.clicked.connect(self.film_to_normal)
        self.similar.clicked.connect(self.select_similar)
        self.nearest.chosen.connect(self._charting.pick)
        self.show_row(-1)

    # --- showing ---

    @Slot(int)
    def show_row(self, row: int) -> None:
        """Show a picture at once by its thumbnail, and all that is known of it when that is worked out."""
        self._row, chart = row, self._charting.chart
        has_picture = row >= 0 and chart is not None
        parts: tuple[QWidget, ...] = (self.shots, self.odd, self.normal, self.explore, self.film, self.similar)
        for part in parts:
            part.setVisible(has_picture)
        later: tuple[QWidget, ...] = (self.nearest, self.nearest_words, self.repaired, self.repair)
        for part in later:
            part.hide()
        self.heading_changed.emit("Picture" if chart is None or row < 0 else f"Picture {picture_name(chart, row)}")
        self.show_numbers()
        self.show_marks()
        if chart is None or row < 0:
            return
        can_explore = self._charting.model is not None
        self.explore.setEnabled(can_explore)
        self.film.setEnabled(False)
        self.shots.setShots([Shot(chart.survey.thumbnails[row], "original", MEANINGS["original"])])
        self._look()

    def _look(self) -> None:
        """Have the picture looked at closely."""
        chart = self._charting.chart
        if chart is not None:
            work = partial(_inspect, chart, self._charting.scores, self._row)
            self._charting.looking.submit("inspect", work, partial(self.show_inspection, self._row))

    def show_inspection(self, row: int, found: Inspection) -> None:
        """Show what was worked out of a picture, unless another one is looked at by now."""
        chart = self._charting.chart
        if row != self._row or chart is None:
            return
        shots = [Shot(found.original, "original", MEANINGS["original"])]
        if found.reconstruction is not None:
            shots.append(Shot(found.reconstruction, "reconstruction", MEANINGS["reconstruction"]))
        if found.heat is not None:
            shots.append(Shot(heat_pixels(found.heat), "difference", MEANINGS["difference"]))
        if found.normal is not None:
            shots.append(Shot(found.normal, "made normal", MEANINGS["made normal"]))
        self.shots.setShots(shots)
        self.repair.setVisible(found.heat is not None and self._charting.scores is not None)
        rows = [int(each) for each in found.nearest]
        items: list[Item] = [(each, chart.survey.thumbnails[each], picture_name(chart, each)) for each in rows]
        self._normal = rows[0] if rows else -1
        self.film.setEnabled(bool(rows) and self._charting.model is not None)
        self.nearest.setItems(items)
        self.nearest.setVisible(bool(items))
        self.nearest_words.setVisible(bool(items))

    @Slot()
    def show_scores(self) -> None:
        """Other scores: other numbers, and other pictures are the nearest normal ones."""
        self.show_numbers()
        if self._row >= 0:
            self._look()

    @Slot()
    def show_numbers(self) -> None:
        """Show p, q and the reason, and every score's p-value, the smallest first."""
        scores, row = self._charting.scores, self._row
        for label in self._reason_labels:
            self.reasons.removeWidget(label)
            label.deleteLater()
        self._reason_labels = []
        if row < 0 or self._charting.chart is None:
            self.words.setText(NOTHING)
            return
        if scores is None or row >= len(scores.p_value):
            self.words.setText("Not scored yet.")
            return
        reason = scores.titles[scores.reason[row]]
        word = "p" if scores.is_calibrated else "rank"
        part = " · part of the reference" if scores.reference[row] else ""
        self.words.setText(f"{word} = {scores.p_value[row]:.4f}   q = {scores.q_value[row]:.3g}{part}\n{reason}")
        for place, each in enumerate(np.argsort(scores.p[row])):
            name, value = ElidedLabel(self), QLabel(f"{scores.p[row, each]:.4f}", self)
            name.show_words(scores.titles[each])
            self.reasons.addWidget(name, place, 0)
            self.reasons.addWidget(value, place, 1)
            self._reason_labels += [name, value]
        self.reasons.setColumnStretch(0, 1)

    @Slot()
    def show_marks(self) -> None:
        """Show whether the picture is marked."""
        mark = self._charting.choices.marks.get(self._row)
        self.odd.setChecked(mark is False)
        self.normal.setChecked(mark is True)
        self.state_changed.emit("" if mark is None else "marked normal" if mark else "marked odd")

    def show_repair(self, row: int, repair: Repair) -> None:
        """Show what replacing the hottest region did to the p-value."""
        if row != self._row:
            return
        explains = repair.after > self._charting.choices.rate >= repair.before
        verdict = "The region explains it." if explains else "The region alone does not explain it."
        self.repaired.setText(f"p {repair.before:.4f} → {repair.after:.4f} without the hottest region. {verdict}")
        self.repaired.show()
        kept = [shot for shot in self.shots.shots() if shot.caption != "repaired"][:3]
        self.shots.setShots([*kept, Shot(repair.pixels, "repaired", "The hottest region replaced.")])

    # --- changing ---

    @Slot()
    def mark_odd(self) -> None:
        self._mark(False)

    @Slot()
    def mark_normal(self) -> None:
        self._mark(True)

    @Slot()
    def test_repair(self) -> None:
        """Replace the hottest region and score again."""
        chart = self._charting.chart
        if chart is not None and self._row >= 0 and self._charting.scores is not None:
            work = partial(_repair, chart, self._row)
            self._charting.looking.submit("repair", work, partial(self.show_repair, self._row))

    @Slot()
    def open_in_explore(self) -> None:
        if self._row >= 0:
            self.desk.actions.maps.explore(self._row)

    @Slot()
    def film_to_normal(self) -> None:
        if self._row >= 0 and self._normal >= 0:
            self.desk.actions.maps.film_to_normal(self._row, self._normal)

    @Slot()
    def select_similar(self) -> None:
        """Select the picture and its nearest neighbours."""
        chart = self._charting.chart
        if chart is None or chart.neighbours is None or self._row < 0:
            return
        mask = np.zeros(len(chart.survey), np.bool_)
        mask[[self._row, *chart.neighbours.indices[self._row]]] = True
        self._charting.select(mask, label="Select similar pictures")

    def _mark(self, is_normal: bool) -> None:
        if self._row >= 0:
            before = self._charting.choices.marks.get(self._row)
            self._charting.mark(self._row, None if before is is_normal else is_normal)


def _inspect(chart: Chart, scores: Scores | None, row: int) -> Iterator[Inspection]:
    from explorer.atlas.inspecting import inspect  # imports torch

    yield inspect(chart, scores, row)


def _repair(chart: Chart, row: int) -> Iterator[Repair]:
    from explorer.atlas.inspecting import repair_row  # imports torch

    yield repair_row(chart, row)
