"""What every dataset can be asked, and the small rules all kinds of datasets share."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.errors import DatasetError

__all__ = [
    "MAX_BYTES",
    "Columns",
    "Dataset",
    "LabelArray",
    "Stamps",
    "array_stamps",
    "fingerprint",
    "natural_key",
    "stamp",
    "stamp_number",
    "unreadable_file",
]

LabelArray = npt.NDArray[np.int64]
Stamps = npt.NDArray[np.uint64]
Columns = Mapping[str, npt.NDArray[Any]]

NUMBER = re.compile(r"[0-9]+")
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

    @property
    def stamps(self) -> Stamps:
        """A number per picture, (n,), that changes when its file is renamed, resized or written."""
        ...

    @property
    def columns(self) -> Columns:
        """What else a list says of its pictures, by name, each (n,): float64, NaN where a number is missing, or text
        as objects. Empty for everything but lists."""
        ...

    def __len__(self) -> int: ...

    def picture(self, index: int) -> Image.Image:
        """The picture, upright, in mode L, RGB or RGBA; raises ``ImageError`` if it is missing or damaged."""
        ...

    def identity(self, index: int) -> str:
        """How the picture is called in tables: its path as listed, with ``/``, or its index as text."""
        ...

    def path(self, index: int) -> Path | None:
        """The file of the picture; None where it has none of its own, as in an array."""
        ...


def natural_key(text: str) -> tuple[str, str]:
    """A key that sorts as people count: ``a2`` before ``a10``, whatever the case."""
    return NUMBER.sub(_by_length, text.casefold()), text  # one text per name: a million names have to fit in memory


def _by_length(number: re.Match[str]) -> str:
    """A number that sorts before any letter, and among numbers by its length first."""
    digits = number[0].lstrip("0")
    return f"\0{chr(min(len(digits), 0xD7FF))}{digits}"


def stamp(name: str, status: os.stat_result | None) -> str:
    """One line that changes when a file is renamed, resized or written; None stands for a missing file."""
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n" if status else f"{name}\0missing\n"


def fingerprint(stamps: Iterable[str]) -> str:
    """The SHA-256 of all the stamps, as 64 hexadecimal digits."""
    sha = hashlib.sha256()
    for line in stamps:
        sha.update(line.encode("utf-8", "backslashreplace"))  # file names need not be valid text
    return sha.hexdigest()


def stamp_number(line: str) -> int:
    """A stamp as a whole number below 2**64."""
    content = line.encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def array_stamps(source: str, count: int) -> Stamps:
    """A number per picture of an array, (count,): all different, and others for every other ``source``.

    Places are mixed with the source by the output function of SplitMix64 (Steele, Lea and Flood 2014), which is
    one-to-one.
    """
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stamp_number(source))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    stamps: Stamps = mixed ^ (mixed >> np.uint64(31))
    return stamps


def unreadable_file(path: Path, error: OSError) -> DatasetError:
    """The error for a file or folder that the system does not let us read."""
    return DatasetError(f"{path} cannot be opened: {error.strerror or error}.", "Check that you may read it.")
