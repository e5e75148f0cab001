"""``compare``: models side by side, as numbers measured on this machine and a dataset."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli.telling import DeviceOption, print_json, progress_bar, tell

if TYPE_CHECKING:
    from explorer.measures import Comparison

__all__ = ["compare"]


def compare(
    checkpoints: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT...", help="The models.")],
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DATASET", help="Real pictures: a folder, IDX, .npy or .npz file, or list."),
    ],
    samples: Annotated[
        int,
        typer.Option(metavar="N", min=10, max=5_000, help="Pictures drawn of every model, at most half of those real."),
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=4_000, help="Which pictures are drawn.")] = 0,
    features: Annotated[
        str, typer.Option(metavar="NAME", help="What pictures are compared by: network or pixels.")
    ] = "",
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures at a time.")] = 50,
    device: DeviceOption = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Write the table: .csv or .md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Compare models by numbers measured here: time, likelihood, reconstruction, and how samples resemble real ones.

    The last row is what other real pictures score, the best that a model can hope for. Models are drawn at the
    truncation, steps and guidance that they suggest. Numbers of different features cannot be compared.
    """
    if output is not None and output.suffix.lower() not in (".csv", ".md"):
        raise typer.BadParameter(f"{output} should end in .csv or .md.", param_hint="--output")
    if features not in ("", "network", "pixels"):
        raise typer.BadParameter(f"{features} is neither network nor pixels.", param_hint="--features")
    from explorer.datasets import open_dataset
    from explorer.generators import open_generator, pick_device
    from explorer.measures import Candidate, Settings, to_json, write_table
    from explorer.measures import compare as compare_models

    pick_device(device)
    dataset = open_dataset(data)
    candidates = [Candidate(path.stem, partial(open_generator, path, device)) for path in checkpoints]
    settings = Settings(samples, seed, batch, device, features)
    with progress_bar("{task.percentage:.0f} %") as progress:
        task = progress.add_task("Comparing", total=1)

        def show(done: int, total: int, note: str) -> None:
            progress.update(task, completed=done, total=total, description=note)

        comparison = compare_models(candidates, dataset, settings, show)
    if output is not None:
        write_table(output, comparison)
        tell(f"{output} is written.")
    if as_json:
        print_json(to_json(comparison))
    else:
        _print_table(comparison)
    if all(row.failure for row in comparison.rows):
        raise typer.Exit(2)


def _print_table(comparison: Comparison) -> None:
    """Measures down, models across: their names are short, and those of measures are not."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from explorer.measures import MEASURES, best_of, to_rows
    from explorer.measures.table import remarks_of

    header, rows = to_rows(comparison)
    words = len(header) - len(MEASURES)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for row in comparison.rows:
        table.add_column(Text(row.name), justify="right", style="dim" if row.is_real else "")
    for index, title in enumerate(header[1:], 1):
        cells = [Text(row[index]) for row in rows]
        if index >= words:
            measure = MEASURES[index - words]
            best = best_of(measure, comparison.rows)
            for row, cell in zip(comparison.rows, cells, strict=True):
                if best is not None and not row.is_real and measure.number(row) == best:
                    cell.stylize("bold")
        table.add_row(Text(title), *cells)
    Console(highlight=False).print(table)
    for row in comparison.rows:
        for remark in remarks_of(row):
            tell(f"{row.name}: {remark}")
    tell(comparison.circumstances.told())
    if comparison.circumstances.hint:
        tell(comparison.circumstances.hint)
