"""Copies, plain defects and doubtful labels: how many there are, a click away from seeing them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.ui.atlas.sample_sheet import SampleSheet
from explorer.ui.panel import Desk, Panel

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.checks import Check, Checked
    from explorer.atlas.grounds import Reached
    from explorer.workers import Report

__all__ = ["ChecksPanel"]


class ChecksPanel(Panel):
    """Looks when asked, because decoding possible copies takes time; a reason selects its pictures."""

    title = "Checks"
    starts_folded = True

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self.start = QPushButton("Look for copies and defects", self)
        self.start.setToolTip(
            "Exact and near copies; blank, dark, blurred, odd sizes; labels that neighbours contradict."
        )
        self.samples = QPushButton("Compare with the model's samples", self)
        self.samples.setToolTip(
            "Draw a thousand samples: which pictures does the model never come near, which samples are like none? "
            "(Precision and recall of Kynkäänniemi et al. 2019.)"
        )
        self.words = QLabel(self)
        self.words.setProperty("dim", True)
        self.words.setWordWrap(True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self.buttons: dict[str, QPushButton] = {}
        self._labels: list[QLabel] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._grid)
        column.addWidget(self.words)
        column.addWidget(self.start)
        column.addWidget(self.samples)
        self._chart: Chart | None = None
        self.start.clicked.connect(self.look)
        self.samples.clicked.connect(self.draw_samples)
        self._charting.chart_changed.connect(self.show_chart)
        self._charting.scored.connect(self.show_chart)
        self.show_chart()

    @Slot()
    def show_chart(self) -> None:
        """Forget what was found in other pictures."""
        chart = self._charting.chart
        self.start.setEnabled(chart is not None and chart.neighbours is not None)
        self.samples.setEnabled(chart is not None and self._charting.model is not None)
        if self._chart is not None and (chart is None or chart.survey is not self._chart.survey):
            self._chart = None
            self._show(())
            self.words.setText("")

    @Slot()
    def look(self) -> None:
        """Look for reasons, in the background."""
        chart = self._charting.chart
        if chart is None or chart.neighbours is None:
            return
        self.start.setEnabled(False)
        self.words.setText("Looking …")
        jobs = self.desk.actions.workers.background
        jobs.start("Look for copies and defects", partial(_check, chart), partial(self._take, chart), self._fail)

    @Slot()
    def draw_samples(self) -> None:
        """Draw samples of the model that the map is seen through, and compare them with the pictures."""
        chart, model = self._charting.chart, self._charting.model
        if chart is None or model is None:
            return
        self.samples.setEnabled(False)
        work = partial(_reach, chart, model.generator)
        jobs = self.desk.actions.workers.atlas
        jobs.start("Compare with samples", work, partial(self._take_reached, chart), self._fail)

    def _take_reached(self, chart: Chart, reached: Reached) -> None:
        now = self._charting.chart
        self.samples.setEnabled(True)
        if now is None or now.survey is not chart.survey:
            return
        self.words.setText(
            f"Of the samples {reached.precision:.0%} are like some picture (precision), of the pictures "
            f"{reached.recall:.0%} are like some sample (recall)."
        )
        if reached.unreached.any():
            self._charting.select(reached.unreached, label="Select what the model never draws")
        if len(reached.pictures):
            SampleSheet(reached.pictures, self.window()).show()

    def _take(self, chart: Chart, checked: Checked) -> None:
        self.start.setEnabled(True)
        now = self._charting.chart
        if now is not None and now.survey is chart.survey:
            self._chart = chart
            self._charting.checked = checked
            self._show(checked.checks)
            self.words.setText("" if checked.checks else "Nothing found: no copies, no plain defects.")

    def _fail(self, error: BaseException) -> None:
        self.show_chart()
        self.words.setText("")
        self.desk.actions.fail(error)

    def _show(self, checks: tuple[Check, ...]) -> None:
        for part in (*self.buttons.values(), *self._labels):
            self._grid.removeWidget(part)
            part.deleteLater()
        self.buttons, self._labels = {}, []
        for place, each in enumerate(checks):
            name, button = QLabel(each.title, self), QPushButton(f"{len(each.rows):,}", self)
            for part in (name, button):
                part.setToolTip(each.meaning)
            button.setAccessibleName(f"Select {each.title}")
            button.clicked.connect(partial(self._select, each))
            self._grid.addWidget(name, place, 0)
            self._grid.addWidget(button, place, 1)
            self.buttons[each.key] = button
            self._labels.append(name)
        self._grid.setColumnStretch(0, 1)
        self.state_changed.emit(f"{len(checks)} kinds" if checks else "")

    def _select(self, each: Check) -> None:
        chart = self._charting.chart
        if chart is not None:
            from explorer.atlas.checks import mask_of

            self._charting.select(mask_of(each.rows, len(chart.survey)), label=f"Select {each.title}")


def _check(chart: Chart, report: Report) -> Checked:
    from explorer.atlas.checks import check

    assert chart.neighbours is not None
    return check(chart.survey, chart.neighbours, report)


def _reach(chart: Chart, generator: object, report: Report) -> Reached:
    from explorer.atlas.grounds import reached_by_samples  # imports torch

    return reached_by_samples(chart, generator, report)
