"""From a path to a dataset, by looking at what is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from explorer.datasets.arrays import ArrayDataset, open_npy, open_npz, read_npy
from explorer.datasets.dataset import Dataset, fingerprint, stamp, unreadable_file
from explorer.datasets.files import FileDataset, open_folder
from explorer.datasets.idx import labels_beside, open_idx, read_idx
from explorer.datasets.labels import Labelling, check_count, labels_from_array, labels_from_text
from explorer.datasets.lists import open_parquet, open_text_list
from explorer.errors import DatasetError

__all__ = ["open_dataset"]

NAMES = "label-names.txt"  # beside a file of labels
MOST_LETTERS = 80
HINT = "Choose a folder of pictures, an IDX, .npy or .npz file, or a CSV, TSV or Parquet list."
LISTS = (".csv", ".tsv", ".txt")
NPY, ZIP, PARQUET, GZIP, IDX = b"\x93NUMPY", b"PK", b"PAR1", b"\x1f\x8b", b"\0\0"


def open_dataset(path: Path, labels: Path | None = None) -> Dataset:
    """The dataset at ``path``, recognised by its content: a folder, an IDX file, ``.npy``, ``.npz`` or a list.

    ``labels`` is a file with one label per picture in their order (IDX, ``.npy``, or text with one per line) and
    replaces any labels found with the pictures. The labels of an IDX file are found beside it by name, and their
    names in ``label-names.txt``, a line each.

    Raises:
        DatasetError: nothing is there, it is not a dataset, it is damaged, or the labels do not fit.
    """
    path = Path(path)
    if path.is_dir():
        dataset: FileDataset | ArrayDataset = open_folder(path)
    else:
        dataset = _open_file(path)
    if labels is None and isinstance(dataset, ArrayDataset) and dataset.labels is None:
        labels = labels_beside(path)
    return dataset if labels is None else _with_labels(dataset, Path(labels))


def _open_file(path: Path) -> FileDataset | ArrayDataset:
    head = _head(path)
    if path.suffix.lower() in LISTS:
        return open_text_list(path)
    if head.startswith(NPY):
        return open_npy(path)
    if head.startswith(ZIP):
        return open_npz(path)
    if head.startswith(PARQUET):
        return open_parquet(path)
    if head.startswith((GZIP, IDX)) or "-ubyte" in path.name:
        return open_idx(path)
    if head and b"\0" not in head:
        return open_text_list(path)
    raise DatasetError(f"{path} is not a dataset this program can read.", HINT)


def _with_labels(dataset: FileDataset | ArrayDataset, path: Path) -> FileDataset | ArrayDataset:
    numbers, names = _read_labels(path)
    check_count(numbers, len(dataset), path)
    names = _words_beside(path, names)
    try:
        mark = fingerprint([dataset.fingerprint, stamp(path.name, path.stat())])
    except OSError as error:
        raise unreadable_file(path, error) from error
    return dataclasses.replace(dataset, labels=numbers, label_names=names, fingerprint=mark)


def _words_beside(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """What numbers stand for, where a file beside the labels says it, a line for each number; else the numbers."""
    if not all(name.isdigit() for name in names):
        return names
    try:
        words = (path.parent / NAMES).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return names
    told = tuple(word.strip()[:MOST_LETTERS] for word in words if word.strip())
    return told if len(told) == len(names) and len(set(told)) == len(told) else names


def _read_labels(path: Path) -> Labelling:
    head = _head(path)
    if head.startswith(NPY):
        return labels_from_array(np.asarray(read_npy(path)), path)
    if head.startswith((GZIP, IDX)):
        return labels_from_array(np.asarray(read_idx(path)), path)
    try:
        return labels_from_text([line.strip() for line in path.read_text("utf-8-sig").splitlines()])
    except OSError as error:
        raise unreadable_file(path, error) from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not a file of labels this program can read.", "Use IDX, .npy, or one label per line."
        ) from error


def _head(path: Path) -> bytes:
    """The first bytes of a file, enough to tell what it is."""
    if not path.exists():
        raise DatasetError(f"{path} does not exist.", "It may have been moved or renamed.")
    if not path.is_file():
        raise DatasetError(f"{path} is neither a file nor a folder.", HINT)
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise unreadable_file(path, error) from error
