"""IDX files, the format of MNIST and its relatives, plain or compressed with gzip.

Layout: two zero bytes, one byte for the type of the numbers, one for the number of dimensions, then each dimension as
four bytes and the numbers themselves, all big-endian.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from explorer.datasets.arrays import ArrayDataset, array_dataset
from explorer.datasets.dataset import MAX_BYTES, unreadable_file
from explorer.errors import DatasetError

__all__ = ["is_gzip", "labels_beside", "open_idx", "read_idx"]

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_DIMENSIONS = 4
MOST_DEFLATE = 1_100  # deflate cannot pack tighter than 1,032 to 1
PIECE = 1 << 20


def open_idx(path: Path) -> ArrayDataset:
    """The pictures of an IDX file: (n, h, w) grey, or four dimensions with 1, 3 or 4 channels.

    Raises:
        DatasetError: the file is damaged or truncated, or does not hold pictures.
    """
    return array_dataset(path, read_idx(path))


def labels_beside(path: Path) -> Path | None:
    """The file of labels that belongs to a file of pictures by its name, if there is one."""
    name = re.sub(r"images([-.])idx[34]", r"labels\1idx1", path.name)
    if name == path.name:
        return None
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    return next((path.with_name(file) for file in (name, other) if path.with_name(file).is_file()), None)


def read_idx(path: Path) -> npt.NDArray[Any]:
    """The array in an IDX file: mapped from the disk, or inflated into memory, never past its declared size.

    Raises:
        DatasetError: the file is no IDX file, its size is not the declared one, or it is over 2 GiB compressed.
    """
    try:
        size = path.stat().st_size
        if is_gzip(path):
            with gzip.open(path) as file:
                return _inflate(path, file, size)
        with path.open("rb") as plain:
            kind, shape = _header(path, plain)
            start = plain.tell()
        declared = math.prod(shape) * kind.itemsize
        _check_size(path, declared, size - start)
        if not declared:
            return np.zeros(shape, kind)
        return np.memmap(path, kind, "r", start, shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetError(f"{path} is damaged or truncated.", "Download it again.") from error
    except OSError as error:
        raise unreadable_file(path, error) from error


def is_gzip(path: Path) -> bool:
    """Whether a file is compressed with gzip, judged by its first two bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _inflate(path: Path, file: gzip.GzipFile, packed: int) -> npt.NDArray[Any]:
    kind, shape = _header(path, file)
    declared = math.prod(shape) * kind.itemsize
    if declared > packed * MOST_DEFLATE:
        _check_size(path, declared, 0)
    if declared > MAX_BYTES:
        raise DatasetError(
            f"{path} would take {declared / (1 << 30):,.1f} GiB unpacked.", "Unpack it: then it is read from the disk."
        )
    content = np.empty(declared, np.uint8)
    done = 0
    while done < declared and (piece := file.read(min(PIECE, declared - done))):
        content[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    _check_size(path, declared, done + len(file.read(1)))
    return content.view(kind).reshape(shape)


def _header(path: Path, file: IO[bytes] | gzip.GzipFile) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type of the numbers and the shape; the file is then at the first number."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise DatasetError(f"{path} does not begin like an IDX file.", "Download it again, or choose another file.")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DatasetError(f"{path} ends before its pictures begin.", "Download it again.")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)


def _check_size(path: Path, declared: int, found: int) -> None:
    if found != declared:
        relation = "less" if found < declared else "more"
        raise DatasetError(f"{path} holds {relation} than the {declared:,} bytes it declares.", "Download it again.")
