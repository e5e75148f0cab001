"""What ``torch.save`` wrote before version 1.6, and what it writes for one storage inside of a pickle, still.

Five pickles follow each other: a magic number, a version, a description of the machine, the object, and the keys of
its storages. Then the storages: for each its count as 8 bytes, and its numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from explorer.formats.opcodes import Budget, Refusal
from explorer.formats.pickles import Machine
from explorer.formats.records import Name, Storage
from explorer.formats.tensors import storage_of_id

__all__ = ["is_stream", "read_pickle", "read_stream"]

MAGIC: Final = 0x1950A86A20F9469CFC6C
MAGIC_PICKLE: Final = b"\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."
VERSION: Final = 1001


def is_stream(start: bytes) -> bool:
    """Whether a file that begins like this is one of the older ``torch.save``, in any version of pickle."""
    return start[:1] == b"\x80" and MAGIC_PICKLE in start[2:32]


def read_pickle(data: memoryview, budget: Budget) -> object:
    """The content of a plain pickle, in which tensors lie as streams of their own."""
    return Machine(data, budget, unpack=partial(_read_storage, budget=budget)).read()[0]


def read_stream(data: memoryview, budget: Budget) -> object:
    """The content of a file of the older ``torch.save``.

    Raises:
        Refusal: it is damaged, or contains something that is not data.
    """
    storages: dict[str, Storage] = {}
    machine = Machine(data, budget, find=partial(_find, storages=storages))
    magic, place = machine.read()
    version, place = machine.read(place)
    system, place = machine.read(place)
    if magic != MAGIC or version != VERSION or not isinstance(system, dict):
        raise Refusal("it is damaged, or of an unknown version of PyTorch's format", 0)
    if system.get("little_endian") is not True:
        raise Refusal("it was written on a machine with another order of bytes", 0)
    value, place = machine.read(place)
    keys, place = machine.read(place)
    if not isinstance(keys, list) or len(keys) != len(storages):
        raise Refusal("it is damaged: the list of its tensors is wrong", place)
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or storage.data is not None:
            raise Refusal("it is damaged: the list of its tensors is wrong", place)
        size = storage.count * storage.dtype.itemsize
        if len(data) - place < 8 + size:
            raise Refusal("it ends too early: a tensor is longer than what is left", place)
        if int.from_bytes(data[place : place + 8], "little") != storage.count:
            raise Refusal("it is damaged: a tensor has another length than it says", place)
        storage.data = data[place + 8 : place + 8 + size]
        place += 8 + size
    if place != len(data):
        raise Refusal("it is damaged: it goes on after its last tensor", place)
    return value


def _read_storage(data: memoryview, budget: Budget) -> Storage:
    """The one storage that a stream within a pickle holds; a stream within that is refused."""
    value = read_stream(data, budget)
    if not isinstance(value, Storage):
        raise Refusal("it holds something else where a tensor should be", is_attack=True)
    return value


def _find(persistent: object, storages: dict[str, Storage]) -> object:
    match persistent:
        case ("module", Name() as name, *_):  # the class of a layer and its source text, which is not read
            return name
    storage, key = storage_of_id(persistent)
    known = storages.setdefault(key, storage)
    if (known.dtype, known.count) != (storage.dtype, storage.count):
        raise Refusal("it is damaged: it describes a tensor in two ways")
    return known
