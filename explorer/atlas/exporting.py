"""A chart as files: a table, a report, and flagged pictures in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from explorer.atlas.columns import duplicate_columns, table, with_unreadable
from explorer.atlas.explaining import copy_of, heat_map
from explorer.atlas.inspecting import prepared
from explorer.atlas.placing import Mode, copy_pictures
from explorer.atlas.report import Entry, write_report
from explorer.atlas.writing import stamp_of, write_table

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.checks import Checked
    from explorer.atlas.values import Ints, Scores

__all__ = ["export_report", "export_table", "place_pictures"]

MOST_REPORTED: Final = 500
SEED: Final = 0  # of the scores

Report = Callable[..., object]


def export_table(chart: Chart, scores: Scores, path: Path, report: Report, checked: Checked | None = None) -> None:
    """Write a row for every picture, also for those that cannot be read, as CSV, TSV or Parquet.

    Raises:
        ExportError: the file cannot be written.
    """
    extra: dict[str, Any] = {}
    if checked is not None:
        extra = dict(duplicate_columns(checked.duplicates, len(chart.survey)))
        if checked.mislabelled is not None:
            extra["label_doubt"] = checked.mislabelled
    columns = with_unreadable(table(chart.survey, scores, extra), chart.survey)
    write_table(path, columns, stamp_of(chart.survey, scores, SEED), report)


def export_report(chart: Chart, scores: Scores, rows: Ints, rate: float, path: Path, report: Report) -> int:
    """Write the flagged rows, the oddest first, with copies and heat maps as one HTML file; gives how many.

    Raises:
        ExportError: the file cannot be written.
        ImageError: a picture is gone.
    """
    shown = rows[:MOST_REPORTED]
    stamp = stamp_of(chart.survey, scores, SEED, flagged=len(rows))
    write_report(path, _entries(chart, scores, shown), stamp, scores, rate, len(shown), report)
    return len(shown)


def place_pictures(chart: Chart, rows: Ints, folder: Path, way: str, report: Report) -> int:
    """Copy, link or move the pictures of rows into a folder; nothing there is written over. Gives how many.

    Raises:
        ExportError: a file cannot be written.
    """
    placed = copy_pictures(chart.survey.dataset, chart.survey.indices[rows], folder, cast(Mode, way), report=report)
    return len(placed.pairs)


def _entries(chart: Chart, scores: Scores, rows: Ints) -> Iterator[Entry]:
    dataset = chart.survey.dataset
    labels = chart.survey.labels()
    for row in rows.tolist():
        picture = prepared(chart, row)
        copy = copy_of(chart.lens, picture) if chart.lens.reconstructs else None
        further = {"label": dataset.label_names[int(labels[row])]} if labels is not None else {}
        yield Entry(
            dataset.identity(int(chart.survey.indices[row])),
            picture,
            copy,
            None if copy is None else heat_map(picture, copy),
            chart.judge.heat_scale[1] if chart.judge is not None else 1.0,
            scores.titles[int(scores.reason[row])],
            float(scores.p_value[row]),
            float(scores.q_value[row]),
            further,
        )
