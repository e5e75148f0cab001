"""Zip files as ``torch.save`` writes them: records that lie uncompressed one after the other."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Final

from explorer.formats.opcodes import Budget, Refusal, shown
from explorer.formats.pickles import Machine
from explorer.formats.records import Storage
from explorer.formats.tensors import storage_of_id

__all__ = ["read_archive"]

MOST_ENTRIES: Final = 100_000
LARGEST_PICKLE: Final = 64 << 20  # bytes of data.pkl, which holds no numbers
END: Final = struct.Struct("<4s4H2IH")
END_64: Final = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64: Final = struct.Struct("<4sIQI")
ENTRY: Final = struct.Struct("<4s6H3I5H2I")
LOCAL: Final = struct.Struct("<4s5H3I2H")
KEY: Final = re.compile(r"[\w.-]{1,100}")
ESCAPED: Final = 0xFFFFFFFF  # where the true number follows as 64 bits


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One record of the archive."""

    name: str
    method: int
    checksum: int
    size: int
    place: int  # of its bytes


def read_archive(data: memoryview, budget: Budget) -> object:
    """The content of a file of ``torch.save``.

    Raises:
        Refusal: it is damaged, is a zip file of something else, or contains something that is not data.
    """
    entries = _entries(data)
    _refuse_strangers(entries)
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        some = ", ".join(shown(name) for name in list(entries)[:4]) or "nothing"
        raise Refusal(f"it was not written by PyTorch (it contains {some})")
    for entry in entries.values():
        if entry.method:
            raise Refusal(f"its record {shown(entry.name)} is compressed, which PyTorch never does", entry.place)
    prefix = pickles[0].removesuffix("data.pkl")
    order = entries.get(prefix + "byteorder")
    if order is not None and bytes(_bytes_of(data, order)) != b"little":
        raise Refusal("it was written on a machine with another order of bytes", order.place)
    pickle = entries[pickles[0]]
    if pickle.size > LARGEST_PICKLE:
        raise Refusal("its description is larger than that of any model", pickle.place)
    storages: dict[str, Storage] = {}
    find = partial(_find, data=data, entries=entries, prefix=prefix, storages=storages)
    return Machine(_bytes_of(data, pickle), budget, find=find).read()[0]


def _find(
    persistent: object, data: memoryview, entries: dict[str, Entry], prefix: str, storages: dict[str, Storage]
) -> Storage:
    storage, key = storage_of_id(persistent)
    known = storages.get(key)
    if known is not None:
        if (known.dtype, known.count) != (storage.dtype, storage.count):
            raise Refusal("it is damaged: it describes a tensor in two ways")
        return known
    entry = entries.get(f"{prefix}data/{key}") if KEY.fullmatch(key) else None
    if entry is None:
        raise Refusal(f"its tensor {shown(key)} is missing")
    if entry.size != storage.count * storage.dtype.itemsize:
        raise Refusal(f"its tensor {shown(key)} has another length than it says", entry.place)
    storage.data = data[entry.place : entry.place + entry.size]
    storage.checksum = entry.checksum
    storages[key] = storage
    return storage


def _bytes_of(data: memoryview, entry: Entry) -> memoryview:
    piece = data[entry.place : entry.place + entry.size]
    if zlib.crc32(piece) != entry.checksum:
        raise Refusal(f"its record {shown(entry.name)} is damaged", entry.place)
    return piece


def _refuse_strangers(entries: dict[str, Entry]) -> None:
    """Say what kinds of zip files are not tensors; some of them are programs."""
    names = {name.partition("/")[2] for name in entries}
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise Refusal("it is a TorchScript program, and programs are not run; save its state_dict instead")
    if names & {"models/model.json", "archive_format"} or any(name.startswith("models/") for name in names):
        raise Refusal("it is a program of torch.export, and programs are not run; save its state_dict instead")
    if entries and all(name.endswith(".npy") for name in entries):
        raise Refusal("it is a NumPy archive of arrays")


def _entries(data: memoryview) -> dict[str, Entry]:
    """What the archive contains, by name; the bytes of no two entries overlap."""
    count, size, place = _directory(data)
    if count > MOST_ENTRIES:
        raise Refusal("it contains more records than any model")
    end = place + size
    found: dict[str, Entry] = {}
    for _ in range(count):
        if place + ENTRY.size > end:
            raise Refusal("its table of contents is damaged", place)
        magic, _, _, flags, method, _, _, checksum, packed, unpacked, name_size, extra_size, note_size, *_, offset = (
            ENTRY.unpack_from(data, place)
        )
        first = place + ENTRY.size
        place = first + name_size + extra_size + note_size
        if magic != b"PK\x01\x02" or place > end or flags & 1:
            raise Refusal("its table of contents is damaged", first)
        name = str(data[first : first + name_size], "utf-8", "replace")
        extra = data[first + name_size : first + name_size + extra_size]
        unpacked, packed, offset = _wide(extra, (unpacked, packed, offset))
        if method == 0 and packed != unpacked:
            raise Refusal(f"its record {shown(name)} lies about its size", first)
        if name in found:
            raise Refusal(f"it contains {shown(name)} twice", first)
        found[name] = Entry(name, method, checksum, unpacked, _place_of(data, offset, packed, name, first))
    _check_overlaps(found)
    return found


def _directory(data: memoryview) -> tuple[int, int, int]:
    """How many entries the table of contents has, its size and its place."""
    tail = max(0, len(data) - END.size - 0xFFFF)
    end = tail + bytes(data[tail:]).rfind(b"PK\x05\x06")
    if end < tail or end + END.size > len(data):
        raise Refusal("it ends too early: its table of contents is missing", len(data))
    _, disk, _, _, count, size, place, _ = END.unpack_from(data, end)
    locator = end - LOCATOR_64.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        _, _, wide_end, _ = LOCATOR_64.unpack_from(data, locator)
        if wide_end + END_64.size > locator or bytes(data[wide_end : wide_end + 4]) != b"PK\x06\x06":
            raise Refusal("its table of contents is damaged", locator)
        _, _, _, _, disk, _, _, count, size, place = END_64.unpack_from(data, wide_end)
        end = wide_end
    if disk or place + size > end:
        raise Refusal("its table of contents is damaged", end)
    return count, size, place


def _wide(extra: memoryview, numbers: tuple[int, ...]) -> list[int]:
    """Sizes and offset, read as 64 bits where they are too large for 32."""
    wide, place = b"", 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            wide = bytes(extra[place + 4 : place + 4 + size])
        place += 4 + size
    result = []
    for number in numbers:
        if number == ESCAPED:
            if len(wide) < 8:
                raise Refusal("its table of contents is damaged")
            number, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        result.append(number)
    return result


def _place_of(data: memoryview, offset: int, size: int, name: str, entry: int) -> int:
    """Where the bytes of an entry begin, after its local header."""
    if offset + LOCAL.size > len(data) or bytes(data[offset : offset + 4]) != b"PK\x03\x04":
        raise Refusal(f"its record {shown(name)} is not where it should be", entry)
    *_, name_size, extra_size = LOCAL.unpack_from(data, offset)
    place: int = offset + LOCAL.size + name_size + extra_size
    if place + size > len(data):
        raise Refusal(f"its record {shown(name)} is longer than the file", entry)
    return place


def _check_overlaps(entries: dict[str, Entry]) -> None:
    last = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.place):
        if entry.place < last:
            raise Refusal(f"its record {shown(entry.name)} overlaps another one", entry.place)
        last = entry.place + (0 if entry.method else entry.size)
