"""Promises about ``compare`` on the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
from examples import save_model, toy_pictures

from explorer.cli.comparing import compare
from explorer.cli.telling import guarded


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, with pixels as features and few samples."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(guarded(compare))
    command = typer.main.get_command(app)

    def run(*arguments: object) -> Ended:
        usual = ("--samples", 20, "--batch", 10, "--features", "pixels", "--device", "cpu")
        with pytest.raises(SystemExit) as end:
            command.main(args=[str(argument) for argument in (*arguments, *usual)])
        captured = capsys.readouterr()
        return Ended(int(end.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "tiny.safetensors")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.save(tmp_path / "toys.npy", toy_pictures(60))
    return tmp_path / "toys.npy"


def test_compare_prints_a_column_for_every_model_and_for_real_pictures(run: Run, model: Path, data: Path) -> None:
    ended = run(model, model, "--data", data)
    assert ended.code == 0
    assert "real pictures" in ended.out
    assert "FD-pixels" in ended.out
    assert "[bits/dim]" in ended.out
    assert "20 samples of seed 0; compared by pixels." in ended.err


def test_compare_prints_one_json_object_and_nothing_else(run: Run, model: Path, data: Path) -> None:
    ended = run(model, "--data", data, "--json")
    values = json.loads(ended.out)
    assert [row["name"] for row in values["models"]] == ["Tiny", "real pictures"]
    assert values["circumstances"]["samples"] == 20


def test_compare_writes_a_table_that_can_be_read_again(run: Run, model: Path, data: Path, tmp_path: Path) -> None:
    assert run(model, "--data", data, "-o", tmp_path / "out.csv").code == 0
    header, tiny, real, _ = csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines())
    assert float(tiny[header.index("FD-pixels")]) > float(real[header.index("FD-pixels")])


def test_compare_goes_on_without_a_model_that_is_missing(run: Run, model: Path, data: Path, tmp_path: Path) -> None:
    ended = run(tmp_path / "lost.safetensors", model, "--data", data)
    assert ended.code == 0
    assert "lost.safetensors" in ended.err
    assert "Traceback" not in ended.err


def test_compare_fails_where_no_model_can_be_measured(run: Run, data: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "lost.safetensors", "--data", data).code == 2


@pytest.mark.parametrize(("name", "count"), [("few.npy", 10), ("none.npy", 0)])
def test_compare_says_what_is_wrong_with_the_pictures(
    run: Run, model: Path, tmp_path: Path, name: str, count: int
) -> None:
    if count:
        np.save(tmp_path / name, toy_pictures(count))
    ended = run(model, "--data", tmp_path / name)
    assert ended.code == 2
    assert name in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_compare_writes_only_tables_and_says_so_before_it_begins(
    run: Run, model: Path, data: Path, tmp_path: Path
) -> None:
    ended = run(model, "--data", data, "-o", tmp_path / "out.txt")
    assert ended.code == 2
    assert ".csv or .md" in ended.err
