"""``score``: how odd every picture of a dataset is, the same numbers as in the window, to the last digit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from explorer.cli.telling import DeviceOption, print_json, progress_bar, tell
from explorer.errors import DatasetError

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Scores
    from explorer.generators import Generator

__all__ = ["score"]

PIXELS: Final = ("none", "pixels")  # instead of a model
ENDINGS: Final = (".csv", ".tsv", ".parquet")
RATES: Final = (0.05, 0.01, 0.001)  # of false alarms, that the summary counts at


def score(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="The model, or 'pixels' to score without one.")
    ],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder, IDX, .npy or .npz file, or list.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT.csv|.parquet", help="Where the table of all pictures goes.")
    ],
    reference: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Normal pictures to compare with, none that the model was trained on."),
    ] = None,
    normal: Annotated[
        str | None, typer.Option("--normal", metavar="LABEL", help="Compare with the pictures of this label instead.")
    ] = None,
    label_conditional: Annotated[
        bool, typer.Option("--label-conditional", help="Count p-values within each label.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as one JSON object.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Score every picture of a dataset: how odd it is, how sure that is, and by which score.

    The table has a row for every picture. Without --reference or --normal, p-values are ranks: nothing is known about
    false alarms then.
    """
    if output.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"{output} should end in .csv, .tsv or .parquet.", param_hint="--output")
    if reference is not None and normal is not None:
        raise typer.BadParameter("Give either --reference or --normal.", param_hint="--normal")
    from explorer.atlas.exporting import export_table

    chart = _scored(checkpoint, dataset, reference, normal, label_conditional, device)
    assert chart.scores is not None, "the chart should be scored"
    export_table(chart, chart.scores, output, _silent)
    for left_out in chart.survey.unreadable:
        tell(f"Left out: {left_out.reason}")
    for name, reason in chart.scores.off.items():
        tell(f"The score {name} is switched off: {reason}")
    if as_json:
        print_json(_summary(chart, chart.scores, output))
    else:
        tell(_told(chart, chart.scores, output))


def _scored(
    checkpoint: Path, dataset: Path, reference: Path | None, normal: str | None, by_label: bool, device: str
) -> Chart:
    """The dataset with its scores, by the steps that the window takes."""
    import platformdirs

    from explorer.atlas.chart import add_scores, begin
    from explorer.atlas.store import QUOTA
    from explorer.cli.telling import PROGRAM

    generator, digest = _opened(checkpoint, device)
    cache = platformdirs.user_cache_path(PROGRAM)
    with progress_bar("{task.completed:,.0f} of {task.total:,.0f}", "{task.fields[note]}") as progress:
        task = progress.add_task(dataset.name, total=1, note="")

        def report(done: float, total: float, note: str = "") -> None:
            progress.update(task, completed=done, total=max(total, 1), note=note)

        chart = begin(dataset, generator, digest, cache, report, _ignore, QUOTA)
        return add_scores(chart, _choice(chart, reference, normal, by_label), cache, report, by_label)


def _opened(checkpoint: Path, device: str) -> tuple[Generator | None, str]:
    """The model and its digest, as the window knows it; None for pixels."""
    if str(checkpoint).lower() in PIXELS and not checkpoint.exists():
        return None, ""
    from explorer.files import digest
    from explorer.generators import open_generator

    return open_generator(checkpoint, device), digest(checkpoint)


def _choice(chart: Chart, reference: Path | None, normal: str | None, by_label: bool) -> Any:
    from explorer.atlas.choices import ReferenceChoice

    names = chart.survey.dataset.label_names
    if (by_label or normal is not None) and chart.survey.dataset.labels is None:
        raise DatasetError(f"{chart.name} has no labels.", "Leave out --normal and --label-conditional.")
    if reference is not None:
        return ReferenceChoice("dataset", path=reference)
    if normal is None:
        return ReferenceChoice("none")
    if normal not in names:
        raise DatasetError(f"{chart.name} has no label {normal}.", f"It has: {', '.join(names[:20])}.")
    return ReferenceChoice("label", label=names.index(normal))


def _summary(chart: Chart, scores: Scores, output: Path) -> dict[str, Any]:
    from explorer.atlas.calibration import false_alarm_interval

    count = len(chart.survey)
    rates = {
        str(rate): {
            "flagged": int((scores.p_value <= rate).sum()),
            "expected_false_alarms": rate * count if scores.is_calibrated else None,
            "false_alarm_rate_95": false_alarm_interval(rate, scores.reference_size) if scores.is_calibrated else None,
        }
        for rate in RATES
    }
    return {
        "output": str(output),
        "pictures": count,
        "unreadable": len(chart.survey.unreadable),
        "model": chart.survey.lens,
        "model_sha256": chart.survey.digest,
        "reference": scores.told,
        "reference_pictures": scores.reference_size,
        "is_calibrated": scores.is_calibrated,
        "scores": list(scores.names),
        "switched_off": dict(scores.off),
        "rates": rates,
        "self_test": [
            {"damage": kind, "score": name, "auroc": found[0], "true_positives_at_1_percent": found[1]}
            for (kind, name), found in scores.tests.items()
        ],
    }


def _told(chart: Chart, scores: Scores, output: Path) -> str:
    count = len(chart.survey)
    if not scores.is_calibrated:
        return f"{output} is written: {count:,} pictures, {scores.told}."
    flagged = int((scores.p_value <= 0.01).sum())
    return (
        f"{output} is written: {count:,} pictures compared with {scores.told}. {flagged:,} have p at most 0.01; "
        f"{0.01 * count:,.0f} would if all were normal."
    )


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""


def _ignore(chart: Chart) -> None:
    """Show no part of it before all is there."""
