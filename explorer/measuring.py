"""Measuring the models that are compared: a job in the background, and the table that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal, Slot

from explorer.session import Model
from explorer.workers import Failed, Jobs, JobState, Report

if TYPE_CHECKING:
    from explorer.measures import Comparison

__all__ = ["FEWEST_SAMPLES", "MOST_SAMPLES", "USUAL_SAMPLES", "Column", "Measured", "Measuring", "Row"]

FEWEST_SAMPLES: Final = 50
USUAL_SAMPLES: Final = 1_000
MOST_SAMPLES: Final = 5_000  # half of the pictures of a dataset that are looked at


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: what it is called, and in words what it is and which way is better."""

    title: str
    meaning: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A model, or real pictures, with the cells as they are shown, and which of them are the best of their column."""

    digest: str  # empty for real pictures
    cells: tuple[str, ...]
    best: tuple[bool, ...]
    remarks: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The table, what it says of itself, and the files it can become."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    told: str  # where the numbers come from
    hint: str  # how to get better ones; may be empty
    dataset: str
    samples: int
    csv: str
    markdown: str

    def digests(self) -> frozenset[str]:
        """The models that there are rows of."""
        return frozenset(row.digest for row in self.rows if row.digest)


class Measuring(QObject):
    """Starts measuring, one at a time, and keeps what it found as long as the program runs. Main thread only."""

    changed = Signal()

    def __init__(self, jobs: Jobs, failed: Failed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs, self._failed = jobs, failed
        self._key: int | None = None
        self.result: Measured | None = None
        self._made: list[Measured] = []  # tables of the models measured so far, by the job that is running
        jobs.changed.connect(self.follow_job)

    def is_running(self) -> bool:
        return self._key is not None

    def start(self, models: tuple[Model, ...], dataset: Path, samples: int, device: str) -> None:
        """Measure these models against the dataset at a path; an earlier table stays until the new one is there."""
        if self.is_running() or not models:
            return
        self._made = []
        work = partial(_measure, models, dataset, samples, device, self._made.append)
        self._key = self._jobs.start(f"Measure {_count(len(models))}", work, self._take, self._fail)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop at the next batch; the models that are measured by then are kept."""
        if self._key is not None:
            self._jobs.cancel(self._key)

    @Slot(object)
    def follow_job(self, states: tuple[JobState, ...]) -> None:
        """A job that the person cancels ends without a result of its own."""
        if self._key is not None and all(state.key != self._key for state in states):
            self._key = None
            if self._made:
                stopped = self._made[-1]
                self.result = replace(stopped, told=f"Stopped after {_count(len(stopped.digests()))}. {stopped.told}")
            self.changed.emit()

    def _take(self, measured: Measured) -> None:
        self.result = measured
        self.changed.emit()

    def _fail(self, error: BaseException) -> None:
        self._failed(error)
        self.changed.emit()


def _count(models: int) -> str:
    return "1 model" if models == 1 else f"{models} models"


def _measure(
    models: tuple[Model, ...],
    path: Path,
    samples: int,
    device: str,
    keep: Callable[[Measured], object],
    report: Report,
) -> Measured:
    from explorer.datasets import open_dataset
    from explorer.measures import Candidate, Settings, compare  # imports torch

    report(0, 0, "opening the dataset")
    dataset = open_dataset(path)
    candidates = [Candidate(each.facts.name, partial(_generator, each)) for each in models]
    digests = [each.digest for each in models]

    def keep_table(comparison: Comparison) -> None:
        keep(tabulated(comparison, digests))

    comparison = compare(candidates, dataset, Settings(samples=samples, device=device), report, keep_table)
    return tabulated(comparison, digests)


def _generator(model: Model) -> object:
    return model.generator


def tabulated(comparison: Comparison, digests: list[str]) -> Measured:
    """A comparison as the window shows it; ``digests`` are those of its models, in their order."""
    from explorer.measures import MEASURES, best_of, to_csv, to_markdown, to_rows  # imports torch

    header, texts = to_rows(comparison)
    plain = len(header) - len(MEASURES)
    best = [best_of(measure, comparison.rows) for measure in MEASURES]
    columns = [Column(title) for title in header[:plain]]
    for title, measure in zip(header[plain:], MEASURES, strict=True):
        way = "Smaller" if measure.smaller_is_better else "Larger"
        unit = f" Unit: {measure.unit}." if measure.unit else ""
        columns.append(Column(title, f"{measure.meaning}{unit} {way} is better.", True))
    rows = []
    for place, (row, cells) in enumerate(zip(comparison.rows, texts, strict=True)):
        marks = [
            winner is not None and not row.is_real and measure.number(row) == winner
            for measure, winner in zip(MEASURES, best, strict=True)
        ]
        drawn = (f"Drawn with {row.drawn}.",) if row.drawn else ()
        digest = digests[place] if place < len(digests) else ""
        rows.append(Row(digest, cells, (*(False,) * plain, *marks), (*drawn, *row.warnings), row.failure))
    where = comparison.circumstances
    return Measured(
        tuple(columns),
        tuple(rows),
        where.told(),
        where.hint,
        where.dataset,
        where.samples,
        to_csv(comparison),
        to_markdown(comparison),
    )
