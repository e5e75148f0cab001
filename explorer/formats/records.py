"""What a pickle is read into: plain values, and inert records for everything else."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explorer.formats.opcodes import Refusal

__all__ = ["LONGEST_STRING", "ArrayData", "LongText", "Name", "Record", "Storage", "TensorData", "as_bytes"]

MOST_DIMENSIONS: Final = 8
LARGEST_NUMBER: Final = 1 << 48
LONGEST_STRING: Final = 256  # bytes of Python 2's strings that are names; longer ones are data


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """The name of a class or function. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """An object of a class this program does not have: its class by name, and what the pickle gave it."""

    module: str
    name: str
    args: tuple[object, ...] = ()
    state: object = None
    items: dict[object, object] = field(default_factory=dict)
    elements: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LongText:
    """A text too long to be a name or a note: its bytes, which are decoded only where they stand for bytes."""

    data: memoryview


@dataclass(slots=True, eq=False, repr=False)
class Storage:
    """Numbers in a row, somewhere in the file. ``data`` is None until it is known where."""

    dtype: torch.dtype
    count: int
    data: memoryview | None = None
    checksum: int | None = None  # CRC-32, checked when the numbers are first read

    def checked(self) -> memoryview:
        """The bytes of all numbers.

        Raises:
            Refusal: they are not what was written.
        """
        assert self.data is not None, "storages should be found before tensors are read"
        if self.checksum is not None and zlib.crc32(self.data) != self.checksum:
            raise Refusal("are damaged")
        self.checksum = None
        return self.data


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TensorData:
    """A tensor that was not read yet: a view of a storage, known to lie within it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = (self.offset, *self.shape, *self.stride)
        if len(self.shape) != len(self.stride) or len(self.shape) > MOST_DIMENSIONS:
            raise Refusal(f"it holds a tensor of {len(self.shape)} dimensions")
        if any(type(number) is not int or not 0 <= number < LARGEST_NUMBER for number in numbers):
            raise Refusal("it holds a tensor of impossible size")
        count = self.count
        reach = self.offset + 1 + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        if count > self.storage.count or (count and reach > self.storage.count):
            raise Refusal("it holds a tensor that is larger than its data")

    @property
    def count(self) -> int:
        """How many elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.count * self.storage.dtype.itemsize

    def read(self) -> Tensor:
        """A copy of the numbers, contiguous, in the type they have in the file."""
        dtype = self.storage.dtype
        if self.count == 0:
            return torch.empty(self.shape, dtype=dtype)
        width = dtype.itemsize
        steps = [step * width for step in self.stride]
        kind = np.dtype(f"i{width}" if width < 16 else "c16")  # of the same size, as NumPy does not know bfloat16
        view = np.ndarray(self.shape, kind, self.storage.checked(), self.offset * width, steps)
        copy = torch.from_numpy(np.array(view, order="C"))
        return copy.ne(0) if dtype == torch.bool else copy.view(dtype)


@dataclass(slots=True, eq=False, repr=False)
class ArrayData:
    """A NumPy array that was not read yet."""

    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(np.uint8))
    shape: tuple[int, ...] = (0,)
    is_fortran: bool = False
    data: bytes | memoryview = b""

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return len(self.data)

    def array(self) -> npt.NDArray[np.generic]:
        """The numbers, as a view of the file that cannot be written."""
        flat = np.frombuffer(self.data, self.dtype) if self.data else np.empty(0, self.dtype)
        return flat.reshape(self.shape, order="F" if self.is_fortran else "C")

    def read(self) -> Tensor:
        """A copy of the numbers, contiguous, in the byte order of this machine."""
        native = self.dtype.newbyteorder("=")
        return torch.from_numpy(np.array(self.array(), native, order="C", copy=True))


Bytes: TypeAlias = bytes | memoryview


def as_bytes(value: object) -> Bytes | None:
    """The bytes of a value that holds some; a short string of Python 2 is one, too."""
    if isinstance(value, (bytes, memoryview)):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_STRING:
        with contextlib.suppress(UnicodeEncodeError):
            return value.encode("latin1")
    return None
