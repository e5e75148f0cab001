"""``bench``: how fast this machine is, as ratios that can be compared between machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.telling import print_json

__all__ = ["bench"]

LENS = "fashion-vae.safetensors"  # the bundled model that the sample dataset is looked at through


def bench(
    checkpoints: Annotated[
        list[Path] | None, typer.Argument(metavar="[CHECKPOINT]...", help="Models; without any, the bundled ones.")
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Measure maps of datasets, through the first model; takes some minutes.")
    ] = False,
    pictures: Annotated[
        int, typer.Option("--pictures", min=0, help="With --maps: how many are read to measure memory; 0: none.")
    ] = 1_000_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Measure the program on this machine."""
    measured = _measured(list(checkpoints or []), maps, pictures)
    if as_json:
        print_json(measured)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "value", box=None, pad_edge=False)
    for name, value in _rows(measured):
        table.add_row(name, value)
    Console(highlight=False).print(table)


def _measured(checkpoints: list[Path], maps: bool, pictures: int) -> dict[str, Any]:
    if not maps:
        from explorer.bench import run_bench

        return run_bench(checkpoints)
    from explorer.atlas.benching_all import bench_maps
    from explorer.files import checkpoints_folder

    return bench_maps(checkpoints[0] if checkpoints else checkpoints_folder() / LENS, pictures)


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
