"""What a person chose on a map: which pictures, what is normal, how many false alarms. A value, so that it undoes."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from explorer.atlas.values import Bools

__all__ = [
    "COMBINE",
    "Choices",
    "ReferenceChoice",
    "choices_from_json",
    "choices_to_json",
    "combined",
    "packed",
    "unpacked",
]

USUAL_RATE: Final = 0.01
MOST_BITS: Final = 16 << 20  # bytes of a mask in a file: of 128 million pictures
KINDS: Final = ("none", "label", "selection", "dataset")
COMBINE: Final = ("set", "add", "subtract", "intersect")


@dataclass(frozen=True, slots=True)
class ReferenceChoice:
    """Which pictures are normal: ``kind`` is none, label, selection or dataset.

    ``label`` is an index into the names of the labels, ``rows`` a packed mask, ``path`` where another dataset is.
    """

    kind: str = "none"
    label: int = -1
    rows: bytes = field(default=b"", repr=False)
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything on a map that undo takes back.

    Attributes:
        selected: a packed mask of rows; empty for nothing.
        rate: the share of normal pictures that may be flagged, in (0, 1).
        marks: rows that a person judged: True is normal, False is odd.
        named: selections that were kept, by name.
    """

    selected: bytes = field(default=b"", repr=False)
    rate: float = USUAL_RATE
    reference: ReferenceChoice = ReferenceChoice()
    marks: Mapping[int, bool] = field(default_factory=lambda: MappingProxyType({}))
    named: tuple[tuple[str, bytes], ...] = ()

    def marking(self, row: int, is_normal: bool | None) -> Choices:
        """The same with a mark on a row, or without one."""
        marks = {**self.marks} | ({} if is_normal is None else {row: is_normal})
        if is_normal is None:
            marks.pop(row, None)
        return replace(self, marks=MappingProxyType(marks))


def packed(mask: Bools | None) -> bytes:
    """A mask in an eighth of its size; nothing chosen is nothing."""
    return b"" if mask is None or not mask.any() else np.packbits(mask).tobytes()


def unpacked(bits: bytes, count: int) -> Bools | None:
    """The mask (count,) again; None where nothing is chosen, or where the bits are of another number of rows."""
    if len(bits) != -(-count // 8) or not bits:
        return None
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(np.bool_)


def combined(before: Bools | None, new: Bools, mode: str) -> Bools:
    """A selection after another one was drawn over it: ``mode`` is one of ``COMBINE``."""
    old = np.zeros_like(new) if before is None else before
    return {"set": new, "add": old | new, "subtract": old & ~new, "intersect": old & new}[mode]


def choices_to_json(choices: Choices) -> dict[str, Any]:
    """The choices as JSON; masks are compressed."""
    reference = choices.reference
    return {
        "rate": choices.rate,
        "selected": _written(choices.selected),
        "marks": {str(row): is_normal for row, is_normal in choices.marks.items()},
        "named": [[name, _written(bits)] for name, bits in choices.named],
        "reference": {
            "kind": reference.kind,
            "label": reference.label,
            "rows": _written(reference.rows),
            "path": "" if reference.path is None else str(reference.path),
        },
    }


def choices_from_json(data: Any) -> Choices:
    """The choices that JSON tells of; anything damaged is as if nothing had been chosen."""
    try:
        reference = data["reference"]
        kind, path = str(reference["kind"]), str(reference["path"])
        return Choices(
            selected=_read(data["selected"]),
            rate=min(max(float(data["rate"]), 0.0), 1.0),
            reference=ReferenceChoice(
                kind if kind in KINDS else "none",
                int(reference["label"]),
                _read(reference["rows"]),
                Path(path) if path else None,
            ),
            marks=MappingProxyType({int(row): bool(is_normal) for row, is_normal in data["marks"].items()}),
            named=tuple((str(name), _read(bits)) for name, bits in data["named"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, zlib.error):
        return Choices()


def _written(bits: bytes) -> str:
    return base64.b64encode(zlib.compress(bits)).decode("ascii") if bits else ""


def _read(text: Any) -> bytes:
    return zlib.decompressobj().decompress(base64.b64decode(str(text), validate=True), MOST_BITS) if text else b""
