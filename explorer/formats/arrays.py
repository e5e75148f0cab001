"""NumPy's arrays, scalars and kinds of numbers as data: what NumPy does when it unpickles them, bounds checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import ArrayData, as_bytes

__all__ = ["Kind", "from_buffer", "kind", "scalar", "set_state"]

KINDS: Final = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16)")
MOST_DIMENSIONS: Final = 8


@dataclass(slots=True, eq=False)
class Kind:
    """A kind of numbers; its byte order may be set after it was made, as NumPy's pickles do."""

    dtype: np.dtype[np.generic]


def kind(arguments: tuple[object, ...]) -> Kind:
    """The kind of numbers of ('f4', align, copy)."""
    name = arguments[0] if arguments else None
    if isinstance(name, Kind):
        return Kind(name.dtype)
    if not isinstance(name, str) or not KINDS.fullmatch(name):
        raise Refusal(f"it holds an array of something other than numbers ({shown(name)})")
    return Kind(np.dtype(name))


def set_state(target: Kind | ArrayData, state: object) -> None:
    """Complete what NumPy's pickles make empty first.

    Raises:
        Refusal: the state does not describe numbers.
    """
    if isinstance(target, Kind):
        match state:
            case (int(), str() as order, None, None, None, int(), int(), *_) if order in ("<", ">", "|", "="):
                target.dtype = target.dtype.newbyteorder("<" if order in "=|" else ">" if order == ">" else "<")
            case _:
                raise Refusal("it holds an array of something other than numbers")
        return
    match state:
        case (int(), tuple() as shape, Kind() as kind_, (bool() | int()) as is_fortran, data):
            _fill(target, kind_, shape, bool(is_fortran), data)
        case (tuple() as shape, Kind() as kind_, (bool() | int()) as is_fortran, data):
            _fill(target, kind_, shape, bool(is_fortran), data)
        case _:
            raise Refusal("it holds an array in an unknown form")


def from_buffer(arguments: tuple[object, ...]) -> ArrayData:
    """The array of (bytes, kind, shape, order), as newer pickles have it."""
    array = ArrayData()
    match arguments:
        case (data, Kind() as kind_, tuple() as shape, ("C" | "F") as order):
            _fill(array, kind_, shape, order == "F", data)
        case _:
            raise Refusal("it holds an array in an unknown form")
    return array


def scalar(arguments: tuple[object, ...]) -> bool | int | float | complex:
    """The Python number of (kind, bytes)."""
    match arguments:
        case (Kind() as kind_, data):
            octets = as_bytes(data)
        case _:
            raise Refusal("it holds a number in an unknown form")
    if octets is None or len(octets) != kind_.dtype.itemsize:
        raise Refusal("it holds a number of the wrong length")
    value: bool | int | float | complex = np.frombuffer(octets, kind_.dtype)[0].item()
    return value


def _fill(array: ArrayData, kind_: Kind, shape: tuple[object, ...], is_fortran: bool, data: object) -> None:
    sizes = tuple(size for size in shape if type(size) is int and size >= 0)
    if len(sizes) != len(shape) or len(shape) > MOST_DIMENSIONS:
        raise Refusal("it holds an array of impossible size")
    octets = as_bytes(data)
    if octets is None:
        raise Refusal("it holds an array of something other than numbers")
    if math.prod(sizes) * kind_.dtype.itemsize != len(octets):
        raise Refusal("it holds an array that does not fit its data")
    array.dtype, array.shape, array.is_fortran, array.data = kind_.dtype, sizes, is_fortran, octets
