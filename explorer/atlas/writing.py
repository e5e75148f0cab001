"""Tables on the disk, with a stamp that says where their numbers come from."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from explorer import __version__
from explorer.atlas.columns import Column
from explorer.atlas.values import Scores, Survey
from explorer.errors import ExportError
from explorer.files import write_atomically, write_text

__all__ = ["STAMP_KEY", "stamp_of", "stamp_path", "write_table"]

Report = Callable[..., object]

STAMP_KEY: Final = "latent-explorer"  # in the metadata of a Parquet table
SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
PARQUET: Final = ".parquet"
ROWS: Final = 1_000  # written between two reports


def stamp_of(
    survey: Survey, scores: Scores | None = None, seed: int | None = None, **further: object
) -> dict[str, Any]:
    """What an export has to say for itself: program, model, dataset, seed and reference, and whatever is added."""
    dataset = survey.dataset
    stamp: dict[str, Any] = {
        "program": f"Latent Explorer {__version__}",
        "model": survey.lens,
        "model_sha256": survey.digest,
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "pictures": len(survey),
        "unreadable": len(survey.unreadable),
        "seed": seed,
    }
    if scores is not None:
        stamp |= {
            "reference": scores.told,
            "reference_pictures": scores.reference_size,
            "p_values_are": "rates of false alarms" if scores.is_calibrated else "ranks within the dataset",
            "scores": list(scores.names),
            "scores_switched_off": dict(scores.off),
        }
    return stamp | further


def stamp_path(path: Path) -> Path:
    """Where the stamp of a CSV or TSV is: beside it, with ``.json`` after its name."""
    return path.with_name(f"{path.name}.json")


def write_table(
    path: Path, columns: Mapping[str, Column], stamp: Mapping[str, Any], report: Report | None = None
) -> None:
    """Write columns (m,) as CSV, TSV or Parquet, by the ending of ``path``, atomically.

    Numbers are written with as many digits as they need to be read back as they are, missing ones as nothing, and
    truth as true or false, in UTF-8. The stamp goes into the metadata of a Parquet table, under ``STAMP_KEY``, and
    else into a file beside the table, see ``stamp_path``.

    Raises:
        ExportError: another ending, the file cannot be written, or pyarrow is missing for Parquet.
    """
    ending, tell = path.suffix.lower(), report or _silent
    if ending == PARQUET:
        _write_parquet(path, columns, stamp)
    elif ending in SEPARATORS:
        with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            _write_text_table(file, columns, SEPARATORS[ending], tell)
        write_text(stamp_path(path), json.dumps(stamp, indent=1, ensure_ascii=False, default=str) + "\n")
    else:
        raise ExportError(f"{path} is no kind of table this program writes.", "Choose .csv, .tsv or .parquet.")


def _write_text_table(file: Any, columns: Mapping[str, Column], separator: str, tell: Report) -> None:
    writer = csv.writer(file, delimiter=separator, lineterminator="\n")
    writer.writerow(columns)
    total = len(next(iter(columns.values()), ()))
    rows = _rows(list(columns.values()), total)
    done = 0
    while block := list(islice(rows, ROWS)):
        writer.writerows(block)
        done += len(block)
        tell(done, total, "writing the table")


def _rows(columns: Sequence[Column], total: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as text, made some thousands at a time."""
    for start in range(0, total, ROWS):
        yield from zip(*(_texts(values[start : start + ROWS]) for values in columns), strict=True)


def _texts(values: Column) -> list[str]:
    """A column as text, the shortest that gives the same number in its own precision."""
    if values.dtype == np.bool_:
        return ["true" if value else "false" for value in values.tolist()]
    if values.dtype == np.float32 or values.dtype == np.float16:
        # repr of the number as float64 would show digits that float32 does not have
        return ["" if text == "nan" else text for text in map(str, values)]
    if values.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in values.tolist()]  # NaN differs from itself
    return [_plain(str(value)) for value in values.tolist()]


def _write_parquet(path: Path, columns: Mapping[str, Column], stamp: Mapping[str, Any]) -> None:
    try:
        pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ExportError(
            f"{path} is a Parquet table, and writing it needs pyarrow.", "Run: pip install pyarrow, or choose .csv."
        ) from error
    arrays = {
        name: pyarrow.array([_plain(str(value)) for value in values.tolist()], pyarrow.string())
        if values.dtype.kind in "OU"
        else pyarrow.array(np.ascontiguousarray(values), from_pandas=True)
        for name, values in columns.items()
    }
    table = pyarrow.table(arrays)
    table = table.replace_schema_metadata({STAMP_KEY: json.dumps(stamp, ensure_ascii=False, default=str)})
    with write_atomically(path) as temporary:
        parquet.write_table(table, temporary)


def _plain(text: str) -> str:
    """A text that can be written as UTF-8: names of files need not be valid text."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
