"""How many normal pictures may be flagged by mistake, what counts as normal, and how many are flagged."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.atlas.choices import ReferenceChoice, packed
from explorer.ui.atlas.histogram import Histogram
from explorer.ui.atlas.self_test import SelfTestSheet
from explorer.ui.controls import SliderRow
from explorer.ui.dialogs import ask_folder
from explorer.ui.panel import Desk, Panel

__all__ = ["ThresholdPanel"]

PER: Final = 10_000
MOST: Final = 1_000  # false alarms per 10,000 on the slider
TIP: Final = (
    "The share of normal pictures that may be flagged by mistake, per 10,000. Moving it computes nothing again: it "
    "chooses a p-value."
)
REFERENCE_TIP: Final = (
    "Which pictures are normal. They are split in two: one half the scores are fitted on, the other one p-values are "
    "counted against. Without a reference there are only ranks."
)


class ThresholdPanel(Panel):
    """Sets the rate of false alarms and the reference; both are steps of undo."""

    title = "Anomaly threshold"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self.histogram = Histogram("Score", self)
        self.histogram.setToolTip("How odd the pictures are, on a logarithmic scale. Drag the line to move the rate.")
        self.rate = SliderRow("False alarms", 0, MOST, 100, "", 0, TIP, self)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("dim", True)
        self.reference = QComboBox(self)
        self.reference.setAccessibleName("Reference")
        self.reference.setToolTip(REFERENCE_TIP)
        self.reference.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.by_label = QCheckBox("Within each label", self)
        self.by_label.setToolTip(
            "Count p-values among pictures of the same label, so that every label has the same rate of false alarms."
        )
        self.test = QPushButton("Self-test", self)
        self.test.setToolTip("Which scores notice which damage of normal pictures, with this model.")
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Normal are", self.reference)
        row = QHBoxLayout()
        row.addWidget(self.by_label)
        row.addStretch(1)
        row.addWidget(self.test)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.histogram)
        column.addWidget(self.rate)
        column.addWidget(self.words)
        column.addLayout(form)
        column.addLayout(row)
        self._sheet: SelfTestSheet | None = None
        self.rate.settled.connect(self.take_rate)
        self.rate.valueChanged.connect(self.preview_rate)
        self.histogram.thresholdSettled.connect(self.take_threshold)
        self.histogram.thresholdChanged.connect(self.preview_threshold)
        self.reference.activated.connect(self.take_reference)
        self.by_label.clicked.connect(self._charting.set_by_label)
        self.test.clicked.connect(self.show_self_test)
        self._charting.chart_changed.connect(self.show_chart)
        self._charting.scored.connect(self.show_scores)
        self._charting.chosen.connect(self.show_choices)
        self.show_chart()

    # --- showing ---

    @Slot()
    def show_chart(self) -> None:
        """Offer what can be a reference in this dataset."""
        chart = self._charting.chart
        blocker = QSignalBlocker(self.reference)
        self.reference.clear()
        self.reference.addItem("not known: ranks only", ReferenceChoice())
        if chart is not None:
            for number, name in enumerate(chart.survey.dataset.label_names):
                self.reference.addItem(f"those labelled {name}", ReferenceChoice("label", number))
        self.reference.addItem("the selected pictures", "selection")
        self.reference.addItem("those of another folder…", "folder")
        del blocker
        self.by_label.setVisible(chart is not None and chart.survey.dataset.labels is not None)
        self.show_choices()
        self.show_scores()

    @Slot()
    def show_choices(self) -> None:
        """Show the rate and the reference."""
        choices = self._charting.choices
        self.rate.setValue(choices.rate * PER)
        choice = choices.reference
        blocker = QSignalBlocker(self.reference)
        self._drop_chosen()
        if choice.kind in ("selection", "dataset"):
            words = "pictures that were selected" if choice.kind == "selection" else f"those of {_name(choice.path)}"
            self.reference.insertItem(1, words, choice)
            self.reference.setCurrentIndex(1)
        else:
            found = [self.reference.itemData(place) == choice for place in range(self.reference.count())]
            self.reference.setCurrentIndex(found.index(True) if True in found else 0)
        del blocker
        self.by_label.setChecked(self._charting.by_label)
        self._show_threshold(choices.rate)

    @Slot()
    def show_scores(self) -> None:
        """Show how odd the pictures are."""
        scores = self._charting.scores
        for widget in (self.histogram, self.rate, self.words):
            widget.setEnabled(scores is not None)
        self.test.setVisible(scores is not None and bool(scores.tests))
        if scores is None:
            self.words.setText("Scores come after the neighbours." if self._charting.chart is not None else "")
            self.histogram.setValues(np.zeros(0, np.float32))
            self.state_changed.emit("")
            return
        self.histogram.setValues(_shown(scores.combined))
        self.state_changed.emit("calibrated" if scores.is_calibrated else "ranks only")
        self._show_threshold(self._charting.choices.rate)

    # --- changing ---

    @Slot()
    def take_rate(self) -> None:
        self._charting.set_rate(self.rate.value() / PER)

    @Slot(float)
    def preview_rate(self, value: float) -> None:
        """Show what a rate would flag while it is moved."""
        self._show_threshold(value / PER)

    @Slot(float)
    def preview_threshold(self, value: float) -> None:
        rate = self._rate_at(value)
        self.rate.setValue(rate * PER)
        self._tell(rate)

    @Slot(float)
    def take_threshold(self, value: float) -> None:
        self._charting.set_rate(self._rate_at(value))

    @Slot()
    def take_reference(self) -> None:
        """Take another reference."""
        chosen, charting = self.reference.currentData(), self._charting
        if chosen == "selection":
            mask = charting.selected()
            if mask is None:
                self.show_choices()
                self.words.setText("Select normal pictures on the map first: with the lasso, the box or a filter.")
                return
            charting.set_reference(ReferenceChoice("selection", rows=packed(mask)))
        elif chosen == "folder":
            folder = self.desk.actions.preferences.last_folder
            dialog = ask_folder(self.window(), "A folder of normal pictures", folder, self._take_folder)
            dialog.finished.connect(partial(self._restore, dialog))
        elif isinstance(chosen, ReferenceChoice):
            charting.set_reference(chosen)

    @Slot()
    def show_self_test(self) -> None:
        """Open the table of the self-test."""
        scores = self._charting.scores
        if scores is not None:
            self._sheet = SelfTestSheet(scores, self.window())
            self._sheet.show()

    # --- private ---

    def _take_folder(self, path: Path) -> None:
        self._charting.set_reference(ReferenceChoice("dataset", path=path))

    def _restore(self, dialog: object, result: int) -> None:
        self.show_choices()

    def _drop_chosen(self) -> None:
        """Take away the item of a reference that was chosen by hand."""
        for place in reversed(range(self.reference.count())):
            choice = self.reference.itemData(place)
            if isinstance(choice, ReferenceChoice) and choice.kind in ("selection", "dataset"):
                self.reference.removeItem(place)

    def _show_threshold(self, rate: float) -> None:
        scores = self._charting.scores
        if scores is None:
            return
        flagged = scores.combined[scores.p_value <= rate]
        self.histogram.setThreshold(float(_shown(flagged.min())) if len(flagged) else None)
        self._tell(rate)

    def _rate_at(self, value: float) -> float:
        """The rate at which scores from ``value`` on are flagged."""
        scores = self._charting.scores
        if scores is None:
            return self._charting.choices.rate
        above = scores.p_value[_shown(scores.combined) >= value]
        return float(min(max(above.max(initial=scores.least), scores.least), MOST / PER))

    def _tell(self, rate: float) -> None:
        scores, chart = self._charting.scores, self._charting.chart
        if scores is None or chart is None:
            return
        flagged = int((scores.p_value <= rate).sum())
        if not scores.is_calibrated:
            self.words.setText(
                f"{flagged:,} flagged of {len(scores.p_value):,}: the oddest {rate:.2%}. Without a reference this is "
                "a rank, not a rate of false alarms."
            )
            return
        from explorer.atlas.calibration import false_alarm_interval

        others = len(scores.p_value) - int(scores.reference.sum())
        expected = rate * others
        low, high = false_alarm_interval(rate, scores.reference_size)
        lines = [
            f"per {PER:,} normal pictures · expected {expected:,.0f}, flagged {flagged:,}",
            f"95 % interval of the true rate {low:.2%} to {high:.2%}, by {scores.reference_size:,} normal pictures",
        ]
        if rate < scores.least:
            lines[1] = f"{scores.reference_size:,} normal pictures allow no rate below {PER * scores.least:.1f}"
        self.words.setText("\n".join(lines))


def _shown(values: object) -> np.ndarray:
    """Scores on the scale of the histogram."""
    return np.log10(np.maximum(np.asarray(values, np.float64), 1e-6))


def _name(path: Path | None) -> str:
    return path.name if path is not None else "another folder"
