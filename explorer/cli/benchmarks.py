"""``bench``: how fast this machine is, as ratios that can be compared between machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.telling import print_json

__all__ = ["bench"]


def bench(
    checkpoints: Annotated[
        list[Path] | None, typer.Argument(metavar="[CHECKPOINT]...", help="Models; without any, the bundled ones.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Measure the program on this machine."""
    from explorer.bench import run_bench

    measured = run_bench(list(checkpoints or []))
    if as_json:
        print_json(measured)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "value", box=None, pad_edge=False)
    for name, value in _rows(measured):
        table.add_row(name, value)
    Console(highlight=False).print(table)


def _rows(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested numbers as rows whose names lead to them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _rows(inner, f"{name} {key}".strip())
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _rows(inner, f"{name} {index + 1}".strip())
    else:
        yield name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value)
