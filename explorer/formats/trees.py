"""Files of PyTorch and other pickles, read into plain values without copying their numbers."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from explorer.errors import CheckpointError
from explorer.formats.archives import read_archive
from explorer.formats.cycles import check_tree
from explorer.formats.opcodes import Budget, Refusal
from explorer.formats.streams import is_stream, read_pickle, read_stream

__all__ = ["CONTAINERS", "DAMAGED", "Tree", "read_tree", "refused"]

DAMAGED: Final = "If it is damaged, download or copy it again."

# Whether a file that begins like this is such a container, what to call it, and its reader.
CONTAINERS: Final[tuple[tuple[Callable[[bytes], bool], str, Callable[[memoryview, Budget], object]], ...]] = (
    (lambda start: start[:4] == b"PK\x03\x04", "PyTorch or zip file", read_archive),
    (is_stream, "PyTorch file", read_stream),
    (lambda start: start[:1] == b"\x80", "Python pickle", read_pickle),
)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The content of a file: ``root`` holds plain values, records, and tensors that were not read yet."""

    path: Path
    kind: str  # "Python pickle"
    size: int  # bytes of the file
    root: object


def read_tree(path: Path) -> Tree:
    """Read any of the containers. The tensors stay where they are, in the file, which is mapped into memory.

    Raises:
        CheckpointError: with one sentence on what is wrong with the file.
    """
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be opened: {error}.") from error
    container = next((each for each in CONTAINERS if each[0](bytes(data[:64]))), None)
    if container is None:
        raise CheckpointError(f"{path.name} is not a file of PyTorch.")
    _, kind, read = container
    try:
        root = read(data, Budget(copies=len(data)))
        check_tree(root)
    except Refusal as refusal:
        raise refused(path, kind, refusal) from refusal
    except MemoryError:
        raise CheckpointError(f"{path.name} is a {kind} that needs more memory than there is.") from None
    return Tree(path, kind, len(data), root)


def refused(path: Path, kind: str, refusal: Refusal, hint: str = DAMAGED) -> CheckpointError:
    """The error that tells a person why a file was not opened."""
    place = "" if refusal.place is None else f", at byte {refusal.place}"
    if refusal.is_attack:
        return CheckpointError(
            f"{path.name} is a {kind} that was not opened, because {refusal.what}{place}.",
            "Nothing in it was run. No model needs this: the file may be harmful.",
        )
    return CheckpointError(
        f"{path.name} is a {kind} that cannot be opened: {refusal.what}{place}.",
        hint,
    )
