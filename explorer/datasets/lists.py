"""Lists of picture paths with optional labels and further columns: CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.datasets.dataset import stamp, unreadable_file
from explorer.datasets.files import FileDataset, Stamping
from explorer.datasets.labels import labels_from_text
from explorer.errors import DatasetError

__all__ = ["column_of", "open_parquet", "open_text_list"]

PATH_COLUMNS: Final = ("path", "file", "filename", "image")
LABEL_COLUMN: Final = "label"
UNLABELLED: Final = "unlabelled"
MAX_COLUMNS: Final = 256  # further columns that are kept; the first ones


def open_text_list(path: Path) -> FileDataset:
    """The pictures a CSV or TSV names in its column path, file, filename or image, with the labels in column label.

    The first line names the columns and decides the separator: tab, semicolon or comma. Relative paths start at the
    folder of the list; an empty label becomes ``unlabelled``. Other named columns become the dataset's columns.

    Raises:
        DatasetError: the list is not UTF-8 text, lacks the column, is empty, or none of its pictures exists.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(1 << 16)
            delimiter = next((mark for mark in "\t;" if mark in first), ",")
            header = next(csv.reader([first], delimiter=delimiter), [])
            place, label_place = _columns(path, header)
            others = _others(header, place, label_place)
            needed = max(place, label_place) + 1
            chosen = [place, *([label_place] if label_place >= 0 else []), *others.values()]
            found: list[list[str]] = [[] for _ in chosen]
            same: dict[str, str] = {}  # a word that many rows repeat is kept once
            for number, row in enumerate(csv.reader(file, delimiter=delimiter), 2):
                if not row:
                    continue
                if len(row) < needed or not row[place].strip():
                    raise DatasetError(f"{path} is incomplete in row {number:,}.", "Each row needs every column.")
                for values, at in zip(found, chosen, strict=True):
                    text = row[at].strip() if at < len(row) else ""
                    values.append(text if at == place else same.setdefault(text, text))
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{path} is not a list this program can read.", "Save it as CSV or TSV in UTF-8, with a header line."
        ) from error
    labels = found[1] if label_place >= 0 else None
    rest = found[2:] if label_place >= 0 else found[1:]
    return _listed(path, found[0], labels, dict(zip(others, rest, strict=True)))


def open_parquet(path: Path) -> FileDataset:
    """The pictures a Parquet table names, with the same columns as a CSV.

    Raises:
        DatasetError: pyarrow is not installed, or the table is damaged or fails as a CSV would.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError(
            f"{path} is a Parquet table, and reading it needs pyarrow.", "Run: pip install pyarrow"
        ) from error
    try:
        header = [str(name) for name in parquet.read_schema(path).names]
        place, label_place = _columns(path, header)
        others = _others(header, place, label_place)
        table = parquet.read_table(
            path, columns=[header[at] for at in (place, label_place, *others.values()) if at >= 0]
        )
        files = table.column(header[place]).to_pylist()
        marks = table.column(header[label_place]).to_pylist() if label_place >= 0 else None
        rest = {name: table.column(header[at]).to_pylist() for name, at in others.items()}
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise DatasetError(f"{path} is damaged and cannot be read as a Parquet table.") from error
    if not all(isinstance(file, str) and file for file in files):
        raise DatasetError(f"{path} should have paths as text in column {header[place]}.")
    labels = None if marks is None else ["" if mark is None else str(mark).strip() for mark in marks]
    return _listed(path, files, labels, rest)


def column_of(values: Sequence[object]) -> npt.NDArray[Any] | None:
    """A column as numbers, float64 with NaN where one is missing, or else as text; None if it says nothing at all."""
    texts = ["" if value is None else str(value) for value in values]
    if not any(texts):
        return None
    if all(isinstance(value, bool) or value is None for value in values):
        return np.array(texts, object)
    try:
        return np.array([float(text) if text else np.nan for text in texts], np.float64)
    except ValueError:
        return np.array(texts, object)


def _columns(path: Path, header: Sequence[str]) -> tuple[int, int]:
    """Where the paths and the labels are; -1 for no labels."""
    names = [name.strip().lower() for name in header]
    place = next((names.index(name) for name in PATH_COLUMNS if name in names), None)
    if place is None:
        raise DatasetError(
            f"{path} has no column called {', '.join(PATH_COLUMNS[:-1])} or {PATH_COLUMNS[-1]}.",
            "A list of pictures names its columns in the first line.",
        )
    return place, names.index(LABEL_COLUMN) if LABEL_COLUMN in names else -1


def _others(header: Sequence[str], place: int, label_place: int) -> dict[str, int]:
    """Where the further columns are, by name; of columns with one name the first counts."""
    others: dict[str, int] = {}
    for at, name in enumerate(header):
        if at not in (place, label_place) and name.strip() and len(others) < MAX_COLUMNS:
            others.setdefault(name.strip(), at)
    return others


def _listed(
    path: Path, files: Sequence[str], labels: Sequence[str] | None, others: Mapping[str, Sequence[object]]
) -> FileDataset:
    if not files:
        raise DatasetError(f"{path} lists no pictures.")
    stamping, some = Stamping(), False
    stamping.heading(stamp(path.name, _status(str(path))))
    for file in files:
        status = _status(os.path.join(path.parent, file))
        some = some or status is not None
        stamping.add(stamp(file, status))
    if not some:
        raise DatasetError(
            f"None of the {len(files):,} pictures in {path} exists, for example {files[0]}.",
            "Relative paths start at the folder of the list.",
        )
    columns = {name: column for name, values in others.items() if (column := column_of(values)) is not None}
    numbers, names = (None, ()) if labels is None else labels_from_text([label or UNLABELLED for label in labels])
    return FileDataset(
        path.name, path.parent, tuple(files), stamping.fingerprint, stamping.numbers, numbers, names, columns
    )


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):  # ValueError: a name no file can have
        return None
