"""Datasets whose pictures are files: everything below a folder, or what a list of paths names."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from explorer.datasets.dataset import Columns, LabelArray, Stamps, natural_key, stamp, stamp_number, unreadable_file
from explorer.datasets.labels import labels_from_text
from explorer.errors import DatasetError
from explorer.imaging import NOT_PICTURES, read_image

__all__ = ["FileDataset", "Stamping", "extensions", "open_folder"]

ARRAYS: Final = ("-ubyte", ".npy", ".npz", ".gz")  # files that hold many pictures each
USUAL: Final = ".png, .jpg, .webp, .gif, .tif or .bmp"


@dataclass(frozen=True, slots=True, eq=False)
class FileDataset:
    """Pictures that are files, named relative to a folder; only names and a number each are kept in memory."""

    name: str
    root: Path
    files: tuple[str, ...]  # relative to root, with "/", or absolute
    fingerprint: str
    stamps: Stamps
    labels: LabelArray | None = None
    label_names: tuple[str, ...] = ()
    columns: Columns = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, index: int) -> Image.Image:
        return read_image(self.path(index))

    def identity(self, index: int) -> str:
        return self.files[index]

    def path(self, index: int) -> Path:
        return self.root / self.files[index]


class Stamping:
    """Stamps of pictures, one after the other, as a number each and as one fingerprint; the lines are not kept."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._numbers = array("Q")

    def heading(self, line: str) -> None:
        """A stamp that is part of the fingerprint but of no picture."""
        self._sha.update(line.encode("utf-8", "backslashreplace"))

    def add(self, line: str) -> None:
        """The stamp of the next picture."""
        self.heading(line)
        self._numbers.append(stamp_number(line))

    @property
    def fingerprint(self) -> str:
        return self._sha.hexdigest()

    @property
    def numbers(self) -> Stamps:
        return np.array(self._numbers, np.uint64)


@functools.cache
def extensions() -> tuple[str, ...]:
    """The endings of all files that hold one picture, in small letters."""
    known = Image.registered_extensions()
    return tuple(sorted(ending for ending, kind in known.items() if kind not in NOT_PICTURES and kind in Image.OPEN))


def open_folder(folder: Path) -> FileDataset:
    """Every picture below ``folder``, in natural order, labelled by first-level subfolder.

    There are labels if every picture lies in a subfolder and there is more than one subfolder. Hidden files, hidden
    folders and broken links are skipped; a folder that links lead to twice is listed once. Files are not opened.

    Raises:
        DatasetError: a folder cannot be read, or there is no picture in any.
    """
    files, stamping = [], Stamping()
    for file, status in _files_below(folder, extensions()):
        files.append(file)
        stamping.add(stamp(file, status))
    if not files:
        raise DatasetError(f"{folder} holds no pictures.", _hint(folder))
    name = folder.resolve().name or str(folder)
    tops = [file.partition("/")[0] for file in files if "/" in file]
    if len(tops) < len(files) or len(set(tops)) < 2:
        return FileDataset(name, folder, tuple(files), stamping.fingerprint, stamping.numbers)
    return FileDataset(name, folder, tuple(files), stamping.fingerprint, stamping.numbers, *labels_from_text(tops))


def _hint(folder: Path) -> str:
    """What to give instead of a folder without pictures; pictures are preferred to labels, training to test."""
    arrays = [file for file, _ in _files_below(folder, ARRAYS) if not file.lower().endswith(".tar.gz")]
    if not arrays:
        return f"Pictures are files such as {USUAL}, at any depth."
    best = min(arrays, key=lambda file: ("label" in file.lower(), "train" not in file.lower()))
    return f"It holds {best}; give that file instead."


def _files_below(root: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, os.stat_result]]:
    """Names with one of ``endings``, relative to ``root``, and what the system says about each.

    The files of a folder come first, then its subfolders.
    """
    waiting, seen = [""], set()
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(root / folder)
            with os.scandir(root / folder) as listing:
                entries = [entry for entry in listing if _may_count(entry, endings)]
        except OSError as error:
            raise unreadable_file(root / folder, error) from error
        if (status.st_dev, status.st_ino) in seen:  # links can lead back
            continue
        seen.add((status.st_dev, status.st_ino))
        entries.sort(key=lambda entry: natural_key(entry.name))
        below = []
        for entry in entries:
            name = folder + entry.name
            try:
                status = entry.stat()
            except OSError:  # a broken link, or a file removed since
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append(name + "/")
            elif stat.S_ISREG(status.st_mode) and name.lower().endswith(endings):
                yield name, status
        waiting.extend(reversed(below))


def _may_count(entry: os.DirEntry[str], endings: tuple[str, ...]) -> bool:
    """Whether an entry is worth a look: other files are dropped before all are sorted."""
    if entry.name[0] == ".":
        return False
    return entry.name.lower().endswith(endings) or not entry.is_file(follow_symlinks=False)
