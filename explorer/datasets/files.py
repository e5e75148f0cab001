"""Datasets whose pictures are files: everything below a folder, or what a list of paths names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from explorer.datasets.dataset import LabelArray, fingerprint, natural_key, stamp, unreadable_file
from explorer.datasets.labels import labels_from_text
from explorer.errors import DatasetError
from explorer.imaging import read_image

__all__ = ["EXTENSIONS", "FileDataset", "open_folder"]

ARRAYS = ("-ubyte", ".npy", ".npz", ".gz")  # files that hold many pictures each
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True, slots=True, eq=False)
class FileDataset:
    """Pictures that are files, named relative to a folder; only names are kept in memory."""

    name: str
    root: Path
    files: tuple[str, ...]  # relative to root, with "/", or absolute
    fingerprint: str
    labels: LabelArray | None = None
    label_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, index: int) -> Image.Image:
        return read_image(self.root / self.files[index])

    def identity(self, index: int) -> str:
        return self.files[index]


def open_folder(folder: Path) -> FileDataset:
    """Every picture below ``folder``, in natural order, labelled by first-level subfolder.

    There are labels if every picture lies in a subfolder and there is more than one subfolder. Hidden files, hidden
    folders and broken links are skipped; a folder that links lead to twice is listed once. Files are not opened.

    Raises:
        DatasetError: a folder cannot be read, or there is no picture in any.
    """
    files, stamps = [], []
    for file, status in _files_below(folder, EXTENSIONS):
        files.append(file)
        stamps.append(stamp(file, status))
    if not files:
        raise DatasetError(f"{folder} holds no pictures.", _hint(folder))
    name = folder.resolve().name or str(folder)
    tops = [file.partition("/")[0] for file in files if "/" in file]
    if len(tops) < len(files) or len(set(tops)) < 2:
        return FileDataset(name, folder, tuple(files), fingerprint(stamps))
    labels, label_names = labels_from_text(tops)
    return FileDataset(name, folder, tuple(files), fingerprint(stamps), labels, label_names)


def _hint(folder: Path) -> str:
    """What to give instead of a folder without pictures; pictures are preferred to labels, training to test."""
    arrays = [file for file, _ in _files_below(folder, ARRAYS) if not file.lower().endswith(".tar.gz")]
    if not arrays:
        return f"Pictures are files ending in {', '.join(EXTENSIONS)}, at any depth."
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
                entries = sorted((e for e in listing if e.name[0] != "."), key=lambda entry: natural_key(entry.name))
        except OSError as error:
            raise unreadable_file(root / folder, error) from error
        if (status.st_dev, status.st_ino) in seen:  # links can lead back
            continue
        seen.add((status.st_dev, status.st_ino))
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
