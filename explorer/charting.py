"""The map that is open: the dataset being worked through, step by step, and what the person chose on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from explorer.atlas.choices import Choices, ReferenceChoice, combined, packed, unpacked
from explorer.session import Model
from explorer.trail import Trail
from explorer.workers import Failed, Jobs, JobState, LatestWins, Report

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.checks import Checked
    from explorer.atlas.projection import MapSettings
    from explorer.atlas.values import Bools, Floats, Ints, Scores

__all__ = ["Charting"]

USUAL_QUOTA: Final = 20 << 30  # bytes on the disk, of everything that was mapped
LANES: Final = ("marks", "inspect", "repair", "place", "groups", "lines", "tiles")  # the most urgent first
STEPS: Final = ("neighbours", "scores", "layout")  # after the pictures are read, in this order


class Charting(QObject):
    """Opens a dataset as a map and keeps it up to date with what is chosen. Main thread only.

    Work goes in steps: pictures, neighbours, scores, layout. Each is a job that can be cancelled; what was there
    before stays. Choices (a selection, marks, the reference, the rate) are steps of an undo of their own.
    """

    opening = Signal(str)  # what is being read; empty when that has ended
    chart_changed = Signal()  # another dataset or lens, or more pictures of it; None: nothing is open
    moved = Signal()  # the pictures lie elsewhere
    scored = Signal()
    chosen = Signal()  # any of the choices, or which of them can be undone
    filtered = Signal()
    picked = Signal(int)  # the picture looked at; -1 for none

    def __init__(self, jobs: Jobs, cache: Path, failed: Failed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._main, self._jobs, self._cache, self._failed = jobs.main, jobs, cache, failed
        self._looking: LatestWins | None = None
        self.chart: Chart | None = None
        self.model: Model | None = None  # the lens of the chart, where it is one
        self.trail = Trail.start(Choices())
        self.scores: Scores | None = None  # with the marks taken in
        self.current = -1
        self.by_label = False
        self.quota = USUAL_QUOTA
        self.visible: Bools | None = None  # what the filters let through
        self.live = True  # show a layout while it settles
        self.checked: Checked | None = None  # copies, defects and doubtful labels, once they were looked for
        self._keys: dict[str, int] = {}  # of the jobs that are under way, by step
        self._settings: MapSettings | None = None
        self._epoch = 0
        self._expected: tuple[str, Choices] | None = None
        jobs.changed.connect(self._follow_jobs)

    # --- opening ---

    def open(self, path: Path, model: Model | None, by_features: bool = False) -> None:
        """Read the dataset at ``path`` through a model, by features of a network that knows photographs, or by its
        pixels alone; the chart before stays until then."""
        self._stop()
        self._epoch += 1
        epoch = self._epoch
        generator, digest = (model.generator, model.digest) if model is not None else (None, "")
        cache, post, quota = self._cache, self._main.post, self.quota

        def work(report: Report) -> Chart:
            from explorer.atlas.chart import begin  # imports torch

            seen_by = "features" if by_features else generator
            return begin(path, seen_by, digest, cache, report, lambda part: post(partial(keep, part)), quota)

        def keep(part: Chart) -> None:
            if epoch == self._epoch and "read" in self._keys:
                self._take_chart(part, model)

        def take(chart: Chart) -> None:
            self.opening.emit("")
            self._take_chart(chart, model)
            expected, self._expected = self._expected, None
            if expected is not None and expected[0] == chart.survey.dataset.fingerprint:
                self.trail = Trail.start(expected[1])
                self.chosen.emit()
            self._next("neighbours")

        def fail(error: BaseException) -> None:
            self.opening.emit("")
            self._failed(error)

        self.opening.emit(path.name)
        self._start("read", f"Read {path.name}", work, take, fail)

    def expect(self, fingerprint: str, choices: Choices) -> None:
        """Make these the choices on the next map, if it is of the same pictures."""
        self._expected = (fingerprint, choices)

    def close_chart(self) -> None:
        """Let go of the map; what was read of it stays in the cache."""
        self._stop()
        self._epoch += 1
        self._forget()
        self.chart = None
        self.chart_changed.emit()

    def is_busy(self) -> bool:
        return bool(self._keys)

    @property
    def looking(self) -> LatestWins:
        """The thread that looks at single pictures and places; started when it is first needed."""
        if self._looking is None:
            self._looking = LatestWins(self._main, LANES, self._failed, "atlas")
        return self._looking

    def close(self) -> None:
        """End the thread; safe to call twice."""
        if self._looking is not None:
            self._looking.close()

    # --- choosing ---

    @property
    def choices(self) -> Choices:
        return self.trail.now

    def change(self, choices: Choices, label: str) -> None:
        """Make these the choices; ``label`` says what was done, for undo."""
        self._go(self.trail.visit(choices, label))

    def undo(self) -> None:
        self._go(self.trail.undo())

    def redo(self) -> None:
        self._go(self.trail.redo())

    def selected(self) -> Bools | None:
        """Which rows are selected; None for none."""
        return None if self.chart is None else unpacked(self.choices.selected, len(self.chart.survey))

    def select(self, rows: Bools, mode: str = "set", label: str = "Select") -> None:
        """Select rows that the filters let through; ``mode`` says how with those selected before."""
        seen = rows if self.visible is None else rows & self.visible
        self.change(replace(self.choices, selected=packed(combined(self.selected(), seen, mode))), label)

    def clear_selection(self) -> None:
        self.change(replace(self.choices, selected=b""), "Clear the selection")

    def filter(self, visible: Bools | None) -> None:
        """Let only some rows through, None for all."""
        self.visible = visible
        self.filtered.emit()

    def pick(self, row: int) -> None:
        """Look at a picture; -1 for none."""
        if row != self.current:
            self.current = row
            self.picked.emit(row)

    def mark(self, row: int, is_normal: bool | None) -> None:
        """Say that a picture is normal or odd; None takes that back. P-values follow at once."""
        word = "Unmark" if is_normal is None else "Mark normal" if is_normal else "Mark odd"
        self.change(self.choices.marking(row, is_normal), word)

    def set_rate(self, rate: float) -> None:
        self.change(replace(self.choices, rate=rate), "Rate of false alarms")

    def set_reference(self, reference: ReferenceChoice) -> None:
        """Say which pictures are normal; scores are worked out anew."""
        self.change(replace(self.choices, reference=reference), "Reference")

    def set_by_label(self, by_label: bool) -> None:
        """Count p-values within each label, or over all pictures."""
        if by_label != self.by_label:
            self.by_label = by_label
            self._next("scores")

    def flagged(self) -> Bools | None:
        """The rows whose p-value is at most the rate, and those that were marked odd."""
        if self.scores is None:
            return None
        mask: Bools = self.scores.p_value <= self.choices.rate
        for row, is_normal in self.choices.marks.items():
            if row < len(mask):
                mask[row] = not is_normal
        return mask

    def ranking(self) -> Ints:
        """The flagged rows, the oddest first."""
        flagged = self.flagged()
        if flagged is None or self.scores is None:
            return np.zeros(0, np.int64)
        rows = np.flatnonzero(flagged)
        return rows[np.lexsort((-self.scores.combined[rows], self.scores.p_value[rows]))]

    # --- laying out ---

    def lay_out(self, settings: MapSettings | None) -> None:
        """Lay the pictures out by UMAP with these settings; None goes back to PCA."""
        if self.chart is None:
            return
        self._cancel("layout")
        self._settings = settings
        if settings is None:
            if self.chart.pca is not None:
                self._replace(positions=self.chart.pca, layout="PCA", settings=None, place=None)
                self.moved.emit()
        elif self.chart.neighbours is not None:
            self._next("layout")

    # --- private ---

    def _next(self, step: str) -> None:
        """Start a step on the chart as it is; the steps after it follow where they are missing."""
        chart = self.chart
        if chart is None:
            return
        self._cancel(step)
        epoch, post = self._epoch, self._main.post
        choice, cache, by_label, live = self.choices.reference, self._cache, self.by_label, self.live

        def show(positions: Floats) -> None:
            post(partial(self._show_layout, epoch, positions))

        def neighbours(report: Report) -> Chart:
            from explorer.atlas.chart import add_neighbours

            return add_neighbours(chart, report)

        def scores(report: Report) -> Chart:
            from explorer.atlas.chart import add_scores

            return add_scores(chart, choice, cache, report, by_label)

        def layout(report: Report) -> Chart:
            from explorer.atlas.chart import add_layout
            from explorer.atlas.projection import MapSettings

            return add_layout(chart, self._settings or MapSettings(), report, show if live else _ignore)

        words = {
            "neighbours": ("Find neighbours", neighbours, self._take_neighbours),
            "scores": ("Score the pictures", scores, self._take_scores),
            "layout": ("Lay out the map", layout, self._take_layout),
        }
        title, work, take = words[step]
        self._start(step, title, work, partial(self._take_if, epoch, take))

    def _take_if(self, epoch: int, take: Callable[[Chart], None], chart: Chart) -> None:
        if epoch == self._epoch and self.chart is not None:
            take(chart)

    def _take_chart(self, chart: Chart, model: Model | None) -> None:
        before = self.chart
        is_more = before is not None and before.path == chart.path and before.survey.digest == chart.survey.digest
        if not is_more:
            self._forget()
        self.chart, self.model = chart, model
        self.chart_changed.emit()

    def _take_neighbours(self, chart: Chart) -> None:
        self._replace(neighbours=chart.neighbours)
        self._next("scores")
        self._next("layout")

    def _take_scores(self, chart: Chart) -> None:
        self._replace(scores=chart.scores, judge=chart.judge)
        self._take_marks()

    def _take_layout(self, chart: Chart) -> None:
        self._replace(positions=chart.positions, layout=chart.layout, settings=chart.settings, place=chart.place)
        self.moved.emit()

    def _show_layout(self, epoch: int, positions: Floats) -> None:
        if epoch == self._epoch and self.chart is not None and "layout" in self._keys:
            self._replace(positions=positions, layout="UMAP …")
            self.moved.emit()

    def _replace(self, **parts: Any) -> None:
        assert self.chart is not None
        self.chart = replace(self.chart, **parts)

    def _take_marks(self) -> None:
        """Work the marks into the scores: what is normal joins the reference, what is odd leaves it."""
        chart = self.chart
        if chart is None or chart.scores is None:
            self.scores = None
            self.scored.emit()
            return
        scores, judge, marks = chart.scores, chart.judge, self.choices.marks
        if not marks or judge is None:
            self.scores = scores
            self.scored.emit()
            return
        reference = scores.reference.copy()
        for row, is_normal in marks.items():
            if row < len(reference):
                reference[row] = is_normal

        def work() -> Iterator[Scores]:
            yield judge.recalibrate(reference)

        def take(recalibrated: Scores) -> None:
            if self.chart is not None and self.chart.judge is judge and self.choices.marks == marks:
                self.scores = recalibrated
                self.scored.emit()

        self.looking.submit("marks", work, take)

    def _go(self, trail: Trail[Choices]) -> None:
        if trail is self.trail:
            return
        before, self.trail = self.choices, trail
        if before.reference != self.choices.reference:
            self._next("scores")
        elif before.marks != self.choices.marks:
            self._take_marks()
        self.chosen.emit()

    def _forget(self) -> None:
        """Nothing is chosen, scored, checked or looked at."""
        self.checked = None
        self.trail, self.scores, self.visible, self.by_label = Trail.start(Choices()), None, None, False
        if self._looking is not None:
            self._looking.reset()
        self.pick(-1)
        self.chosen.emit()

    def _start(
        self,
        step: str,
        title: str,
        work: Callable[[Report], Chart],
        take: Callable[[Chart], None],
        fail: Failed | None = None,
    ) -> None:
        def end(chart: Chart) -> None:
            self._keys.pop(step, None)
            take(chart)

        def end_badly(error: BaseException) -> None:
            self._keys.pop(step, None)
            (fail or self._failed)(error)

        self._keys[step] = self._jobs.start(title, work, end, end_badly)

    def _cancel(self, step: str) -> None:
        key = self._keys.pop(step, None)
        if key is not None:
            self._jobs.cancel(key)

    def _stop(self) -> None:
        for step in tuple(self._keys):
            self._cancel(step)

    @Slot(object)
    def _follow_jobs(self, states: tuple[JobState, ...]) -> None:
        """A job that a person cancels in the status line ends without a word; what is there stays."""
        known = {state.key for state in states}
        for step, key in tuple(self._keys.items()):
            if key not in known:
                self._main.post(partial(self._forget_job, step, key))

    def _forget_job(self, step: str, key: int) -> None:
        if self._keys.get(step) == key:
            del self._keys[step]
            if step == "read":
                self.opening.emit("")
                if self.chart is not None:  # with what was read by then
                    self._next("neighbours")


def _ignore(positions: Floats) -> None:
    """Show nothing while a layout settles."""
