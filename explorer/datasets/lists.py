"""Lists of picture paths with optional labels: CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from explorer.datasets.dataset import fingerprint, stamp, unreadable_file
from explorer.datasets.files import FileDataset
from explorer.datasets.labels import labels_from_text
from explorer.errors import DatasetError

__all__ = ["open_parquet", "open_text_list"]

PATH_COLUMNS = ("path", "file", "filename", "image")
LABEL_COLUMN = "label"
UNLABELLED = "unlabelled"


def open_text_list(path: Path) -> FileDataset:
    """The pictures a CSV or TSV names in its column path, file, filename or image, with the labels in column label.

    The first line names the columns and decides the separator: tab, semicolon or comma. Relative paths start at the
    folder of the list; an empty label becomes ``unlabelled``.

    Raises:
        DatasetError: the list is not UTF-8 text, lacks the column, is empty, or none of its pictures exists.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(1 << 16)
            delimiter = next((mark for mark in "\t;" if mark in first), ",")
            header = next(csv.reader([first], delimiter=delimiter), [])
            place, label_place = _columns(path, header)
            needed = max(place, label_place) + 1
            rows = []
            for number, row in enumerate(csv.reader(file, delimiter=delimiter), 2):
                if not row:
                    continue
                if len(row) < needed or not row[place].strip():
                    raise DatasetError(f"{path} is incomplete in row {number:,}.", "Each row needs every column.")
                rows.append((row[place].strip(), row[label_place].strip() if label_place >= 0 else ""))
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{path} is not a list this program can read.", "Save it as CSV or TSV in UTF-8, with a header line."
        ) from error
    return _listed(path, [file for file, _ in rows], [label for _, label in rows] if label_place >= 0 else None)


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
        chosen = [header[place], *([header[label_place]] if label_place >= 0 else [])]
        table = parquet.read_table(path, columns=chosen)
        columns = [table.column(name).to_pylist() for name in chosen]
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise DatasetError(f"{path} is damaged and cannot be read as a Parquet table.") from error
    if not all(isinstance(file, str) and file for file in columns[0]):
        raise DatasetError(f"{path} should have paths as text in column {chosen[0]}.")
    labels = ["" if label is None else str(label).strip() for label in columns[1]] if len(columns) == 2 else None
    return _listed(path, columns[0], labels)


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


def _listed(path: Path, files: Sequence[str], labels: Sequence[str] | None) -> FileDataset:
    if not files:
        raise DatasetError(f"{path} lists no pictures.")
    statuses = [_status(os.path.join(path.parent, file)) for file in files]
    if not any(statuses):
        raise DatasetError(
            f"None of the {len(files):,} pictures in {path} exists, for example {files[0]}.",
            "Relative paths start at the folder of the list.",
        )
    stamps = (stamp(file, status) for file, status in zip(files, statuses, strict=True))
    mark = fingerprint([stamp(path.name, _status(str(path))), *stamps])
    if labels is None:
        return FileDataset(path.name, path.parent, tuple(files), mark)
    numbers, names = labels_from_text([label or UNLABELLED for label in labels])
    return FileDataset(path.name, path.parent, tuple(files), mark, numbers, names)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):  # ValueError: a name no file can have
        return None
