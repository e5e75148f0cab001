"""Reading the text files of a model folder: nothing outside of it, nothing too large, nothing too deep."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from explorer.errors import CheckpointError

__all__ = ["OTHER_COPY", "inside", "read_json", "told"]

OTHER_COPY: Final = "If it is damaged, download or copy it again."
LARGEST_JSON: Final = 1 << 20  # bytes
DEEPEST: Final = 32
LONGEST_NUMBER: Final = 20  # digits
NAME: Final = re.compile(r"[\w.-]{1,200}")


def inside(folder: Path, *names: str) -> Path | None:
    """The file or folder of that name in ``folder``, or None where there is none.

    A folder of a download cache links to the files beside it, in ``blobs``; no other link may lead out.

    Raises:
        CheckpointError: the name or a link leads out of the folder.
    """
    for name in names:
        if not NAME.fullmatch(name) or set(name) <= {"."}:
            raise CheckpointError(
                f"{folder.name} was not opened, because it names a file outside of itself: {told(name)}."
            )
    path = folder.joinpath(*names)
    try:
        if not path.exists():
            return None
        real, home = path.resolve(), folder.resolve()
    except OSError as error:  # a link that leads to itself
        raise CheckpointError(f"{path} cannot be opened: {error.strerror or error}.") from error
    cache = _cache_of(home)
    if not real.is_relative_to(home) and not (cache is not None and real.is_relative_to(cache)):
        raise CheckpointError(
            f"{folder.name} was not opened, because its {'/'.join(names)} leads to a file outside of the folder.",
            "Copy the files themselves into the folder.",
        )
    return path


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: it is missing, damaged, too large or too deep, or no object.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_JSON + 1)
        if len(text) > LARGEST_JSON:
            raise CheckpointError(f"{where} is far too large for a description of a model.")
        value = json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)
        if _depth(value) > DEEPEST:
            raise RecursionError
    except RecursionError:
        raise CheckpointError(f"{where} cannot be used: it is nested far too deeply.", OTHER_COPY) from None
    except OSError as error:
        raise CheckpointError(f"{where} cannot be opened: {error.strerror or error}.") from error
    except ValueError as error:
        raise CheckpointError(f"{where} is damaged: {error}.", OTHER_COPY) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{where} is damaged: it describes nothing.", OTHER_COPY)
    return value


def told(value: object) -> str:
    """A value of a file as a few printable characters."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, (int, float)) else type(value).__name__
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[:60])
    return f"'{clean}'" if isinstance(value, str) else clean


def _cache_of(home: Path) -> Path | None:
    """Where the files of ``models--x--y/snapshots/REVISION`` (and of parts in it) lie."""
    for folder in (home, home.parent):
        if folder.parent.name == "snapshots":
            return folder.parent.parent / "blobs"
    return None


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        waiting += [(child, depth + 1) for child in children]
    return deepest


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError("a number in it has too many digits")
    return int(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it contains {name}")
