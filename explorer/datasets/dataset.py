"""What every dataset can be asked, and the small rules all kinds of datasets share."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.errors import DatasetError

__all__ = ["MAX_BYTES", "Dataset", "LabelArray", "fingerprint", "natural_key", "stamp", "unreadable_file"]

LabelArray = npt.NDArray[np.int64]

MAX_BYTES = 2 << 30  # the most that is unpacked from one compressed file, in bytes


class Dataset(Protocol):
    """An ordered collection of pictures that are decoded one by one, when asked for; any thread may ask."""

    @property
    def name(self) -> str:
        """The name of the folder or file, for titles."""
        ...

    @property
    def labels(self) -> LabelArray | None:
        """One number per picture, (n,), an index into ``label_names``; None where nothing is known."""
        ...

    @property
    def label_names(self) -> tuple[str, ...]:
        """What each label is called; empty where there are no labels."""
        ...

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change when a file is added, removed, renamed or written."""
        ...

    def __len__(self) -> int: ...

    def picture(self, index: int) -> Image.Image:
        """The picture, upright, in mode L, RGB or RGBA; raises ``ImageError`` if it is missing or damaged."""
        ...

    def identity(self, index: int) -> str:
        """How the picture is called in tables: its path as listed, with ``/``, or its index as text."""
        ...


def natural_key(text: str) -> tuple[list[str | int], str]:
    """A key that sorts as people count: ``a2`` before ``a10``, whatever the case."""
    pieces = re.split(r"([0-9]+)", text.casefold())
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], text


def stamp(name: str, status: os.stat_result | None) -> str:
    """One line that changes when a file is renamed, resized or written; None stands for a missing file."""
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n" if status else f"{name}\0missing\n"


def fingerprint(stamps: Iterable[str]) -> str:
    """The SHA-256 of all the stamps, as 64 hexadecimal digits."""
    sha = hashlib.sha256()
    for line in stamps:
        sha.update(line.encode("utf-8", "backslashreplace"))  # file names need not be valid text
    return sha.hexdigest()


def unreadable_file(path: Path, error: OSError) -> DatasetError:
    """The error for a file or folder that the system does not let us read."""
    return DatasetError(f"{path} cannot be opened: {error.strerror or error}.", "Check that you may read it.")
