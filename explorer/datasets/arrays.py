"""Datasets that are one array: ``.npy`` read from the disk as needed, ``.npz`` unpacked into memory."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format
from PIL import Image

from explorer.datasets.dataset import (
    MAX_BYTES,
    Columns,
    LabelArray,
    Stamps,
    array_stamps,
    fingerprint,
    stamp,
    unreadable_file,
)
from explorer.datasets.labels import Labelling, check_count, labels_from_array
from explorer.errors import DatasetError

__all__ = ["ArrayDataset", "array_dataset", "open_npy", "open_npz", "read_npy", "read_npz"]

Pixels = npt.NDArray[np.uint8]

CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
MAX_SIDE = 16_384  # pixels
SAMPLED_BYTES = 64 << 20
KEYS = (  # in an .npz: where the pictures are, and their labels
    ("images", "labels"),
    ("x", "y"),
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
    ("data", "labels"),
    ("arr_0", "arr_1"),
)
NOT_ARRAYS = (  # what numpy raises for damaged files
    ValueError,
    EOFError,
    OverflowError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    KeyError,
    MemoryError,
    RecursionError,
)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayDataset:
    """Pictures that lie in one array, in memory or mapped from the disk."""

    name: str
    array: npt.NDArray[Any]  # (n, h, w, c), c is 1, 3 or 4; uint8 or floats
    scale: float  # pixel = value * scale + offset; not used for uint8
    offset: float
    fingerprint: str
    labels: LabelArray | None = None
    label_names: tuple[str, ...] = ()
    source: str = ""  # the fingerprint of the pictures alone, where labels have changed that of the dataset
    columns: Columns = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def stamps(self) -> Stamps:
        return array_stamps(self.source or self.fingerprint, len(self))

    def picture(self, index: int) -> Image.Image:
        pixels = self.pixels([index])[0]
        return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)

    def identity(self, index: int) -> str:
        return str(index)

    def path(self, index: int) -> Path | None:
        return None

    def pixels(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Pixels:
        """Several pictures at once, as stored: uint8 (m, h, w, c). NaN becomes 0."""
        chosen = self.array[np.asarray(indices, np.int64)]
        if chosen.dtype != np.uint8:
            values = np.nan_to_num(chosen.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset))
            chosen = np.rint(values).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(chosen)


def open_npy(path: Path) -> ArrayDataset:
    """The pictures in an ``.npy`` file, which stays on the disk until a picture is asked for.

    Raises:
        DatasetError: the file is damaged, holds Python objects, or is not an array of pictures (see ``array_dataset``).
    """
    return array_dataset(path, read_npy(path))


def open_npz(path: Path) -> ArrayDataset:
    """The pictures, and labels if any, in an ``.npz`` file, under the usual names or as the only array.

    Raises:
        DatasetError: as for ``open_npy``, or the unpacked pictures would take more than 2 GiB.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                info.filename.removesuffix(".npy").lower(): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            pictures, labels = next((pair for pair in KEYS if pair[0] in members), ("", ""))
            if not pictures and len(members) == 1:
                pictures = next(iter(members))
            if not pictures:
                names = ", ".join(dict.fromkeys(pair[0] for pair in KEYS))
                raise DatasetError(f"{path} holds no pictures under a usual name.", f"Call the array one of {names}.")
            array = _unpack(path, archive, members[pictures])
            labelling = None
            if labels in members:
                labelling = labels_from_array(_unpack(path, archive, members[labels]), path)
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{path} is damaged and cannot be unpacked.") from error
    return array_dataset(path, array, labelling)


def array_dataset(path: Path, array: npt.NDArray[Any], labelling: Labelling | None = None) -> ArrayDataset:
    """An array as a dataset, once its layout and range of values are found.

    Layout: (n, h, w), (n, h, w, c) or (n, c, h, w) with c = 1, 3 or 4; where both of the last fit, the one with the
    squarer pictures, else (n, h, w, c). Values: uint8, or floats judged by a sample of the pictures: anything below
    -0.1 means [-1, 1], else anything above 1.5 means [0, 255], else [0, 1]. Slight overshoot is clipped.

    Raises:
        DatasetError: another shape, kind of numbers or range, a side over 16,384 pixels, no picture, or another
            number of labels.
    """
    array = _channels_last(path, array)
    scale, offset = (1.0, 0.0) if array.dtype == np.uint8 else _range(path, array)
    try:
        mark = fingerprint([stamp(path.name, path.stat())])
    except OSError as error:
        raise unreadable_file(path, error) from error
    if labelling is None:
        return ArrayDataset(path.name, array, scale, offset, mark, source=mark)
    check_count(labelling[0], len(array), path)
    return ArrayDataset(path.name, array, scale, offset, mark, *labelling, source=mark)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """The array in an ``.npy`` file, mapped from the disk, of numbers or text but never of Python objects."""
    try:
        with path.open("rb") as file:
            shape, in_columns, kind = _declared(path, file, path.stat().st_size)
            start = file.tell()
        if 0 in shape:
            return np.zeros(shape, kind)
        return np.memmap(path, kind, "r", start, shape, "F" if in_columns else "C")
    except OSError as error:
        raise unreadable_file(path, error) from error
    except NOT_ARRAYS as error:
        raise _damaged(path) from error


def read_npz(path: Path, name: str) -> npt.NDArray[Any]:
    """The array ``name`` in an ``.npz`` file.

    Raises:
        DatasetError: the file is damaged, or has no such array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            member = next((info for info in archive.infolist() if info.filename == f"{name}.npy"), None)
            if member is None:
                raise DatasetError(f"{path} has no array called {name}.")
            return _unpack(path, archive, member)
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{path} is damaged and cannot be unpacked.") from error


def _unpack(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """One array of an archive; the archive never gives more bytes than it declares, and that is limited here."""
    if member.file_size > MAX_BYTES:
        raise DatasetError(
            f"{path} would take {member.file_size / (1 << 30):,.1f} GiB unpacked.",
            "Save the pictures as .npy, which is read from the disk.",
        )
    try:
        with archive.open(member) as file:
            _declared(path, file, member.file_size)
        with archive.open(member) as file:
            array: npt.NDArray[Any] = npy_format.read_array(file, allow_pickle=False)
    except NOT_ARRAYS as error:
        raise _damaged(path) from error
    return array


def _declared(path: Path, file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type that the header of an ``.npy`` file of ``size`` bytes declares, if they can be true."""
    read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    version = npy_format.read_magic(file)
    shape, in_columns, kind = read_header[version](file)
    if kind.hasobject:
        raise DatasetError(
            f"{path} holds Python objects, which are not opened because they can run programs.",
            "Save the pictures as an array of numbers.",
        )
    if math.prod(shape) * kind.itemsize != size - file.tell() or not kind.itemsize:
        raise _damaged(path)
    return shape, in_columns, kind


def _damaged(path: Path) -> DatasetError:
    return DatasetError(f"{path} is damaged and cannot be read as an array.", "Save or download it again.")


def _channels_last(path: Path, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array as (n, h, w, c), without copying."""
    shape = array.shape
    first, last = array.ndim == 4 and shape[1] in CHANNELS, array.ndim == 4 and shape[3] in CHANNELS
    if first and last:  # a channel count is also a possible width
        first = abs(shape[2] - shape[3]) < abs(shape[1] - shape[2])
    if array.ndim == 3:
        array = array[..., None]
    elif first:
        array = np.moveaxis(array, 1, -1)
    elif not last:
        raise DatasetError(
            f"{path} has the shape {shape}, which is not a row of pictures.",
            "Pictures are (n, h, w), (n, h, w, c) or (n, c, h, w) with 1, 3 or 4 channels.",
        )
    count, height, width, _ = array.shape
    if not count:
        raise DatasetError(f"{path} holds no pictures.")
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise DatasetError(f"{path} declares pictures of {width} x {height} pixels, which cannot be right.")
    return array


def _range(path: Path, array: npt.NDArray[Any]) -> tuple[float, float]:
    """Scale and offset that take the values of a float array to 0-255, judged by pictures spread over all of it."""
    if array.dtype.kind != "f":
        raise DatasetError(
            f"{path} holds numbers of type {array.dtype}, not pixels.", "Save it as uint8, or as floats in [0, 1]."
        )
    count = min(len(array), 256, max(1, SAMPLED_BYTES // array[0].nbytes))
    low, high = 0.0, 0.0
    for index in np.linspace(0, len(array) - 1, count).astype(np.int64):
        values = np.asarray(array[index])
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low < -4 or high > (4 if low < -0.1 else 256):
        raise DatasetError(
            f"{path} has values from {low:.4g} to {high:.4g}, which is no range of pixels.",
            "Floats should be in [0, 1], [-1, 1] or [0, 255].",
        )
    if low < -0.1:
        return 127.5, 127.5
    return (1.0, 0.0) if high > 1.5 else (255.0, 0.0)
