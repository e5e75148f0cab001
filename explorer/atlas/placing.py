"""Putting pictures of a dataset into a folder: copied, moved or linked, and nothing that is there is overwritten."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from explorer.datasets import Dataset, Unreadable
from explorer.errors import ExportError, ImageError

__all__ = ["Placed", "copy_pictures", "take_back"]

Report = Callable[..., object]
Mode = Literal["copy", "move", "link"]

DONE: Final = {"copy": "copied", "move": "moved", "link": "linked"}
RESERVED: Final = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)  # names Windows keeps
NO_LINKS: Final = (errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
MOST_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of pictures: where each came from (None: an array) and went, and which were left out, and why."""

    pairs: tuple[tuple[Path | None, Path], ...]
    left_out: tuple[Unreadable, ...] = ()


def copy_pictures(
    dataset: Dataset,
    indices: Sequence[int] | npt.NDArray[np.int64],
    folder: Path,
    mode: Mode = "copy",
    groups: Sequence[str] | None = None,
    report: Report | None = None,
) -> Placed:
    """Copy, move or link pictures into ``folder``, under their names and in the folders they were in.

    ``groups`` (n,) puts each into a further folder of that name, such as its reason or label. A name that is taken
    gets ``-2`` and so on. Pictures of an array are written as PNG, called by their index. A picture appears under its
    name once it is whole, and leaves its old place only then; when ``report`` raises, what was done so far stays.

    Raises:
        ExportError: the folder cannot be written, or an array should be moved or linked.
    """
    tell = report or _silent
    count = len(indices)
    assert groups is None or len(groups) == count, "groups should be (n,)"
    if mode != "copy" and count and dataset.path(int(indices[0])) is None:
        raise ExportError(f"The pictures of {dataset.name} are no files that could be {DONE[mode]}.", "Copy them.")
    pairs: list[tuple[Path | None, Path]] = []
    left_out: list[Unreadable] = []
    for place, index in enumerate(int(index) for index in indices):
        home = folder if groups is None else folder / _safe(groups[place])
        try:
            pairs.append(_place_one(dataset, index, home, mode))
        except ImageError as error:
            left_out.append(Unreadable(index, error.message))
        except OSError as error:
            raise ExportError(
                f"{len(pairs):,} of {count:,} pictures were {DONE[mode]} to {folder}, then it failed: "
                f"{error.strerror or error}.",
                "Choose another folder or free some space.",
            ) from error
        tell(place + 1, count, dataset.identity(index))
    return Placed(tuple(pairs), tuple(left_out))


def take_back(placed: Placed) -> int:
    """Move pictures that were moved to where they were; gives how many. A place that is taken again is left alone."""
    count = 0
    for source, target in placed.pairs:
        if source is not None:
            with contextlib.suppress(OSError):
                source.parent.mkdir(parents=True, exist_ok=True)
                _claim(target, source)
                count += 1
    return count


def _place_one(dataset: Dataset, index: int, home: Path, mode: Mode) -> tuple[Path | None, Path]:
    source = dataset.path(index)
    if source is None:
        picture = dataset.picture(index)
        digits = len(str(max(len(dataset) - 1, 0)))
        target = home / f"{index:0{digits}}.png"
    else:
        if not source.exists():
            raise ImageError(f"{dataset.identity(index)} does not exist.", "It may have been moved or renamed.")
        target = home / _relative(dataset.identity(index))
        if source.resolve() == target.resolve():
            return source, target
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode == "link":
        assert source is not None
        return source, _under_free_name(target, lambda free: _link(source, free))
    if mode == "move" and source is not None and not source.is_symlink():
        with contextlib.suppress(_Elsewhere):
            return source, _under_free_name(target, lambda free: _claim(source, free))
    temporary = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
    try:
        if source is None:
            picture.save(temporary, format="PNG")
        else:
            shutil.copy2(source, temporary)
        placed = _under_free_name(target, lambda free: _claim(temporary, free))
    finally:
        temporary.unlink(missing_ok=True)
    if mode == "move" and source is not None:
        source.unlink()
    return source, placed


class _Elsewhere(Exception):
    """The two places are on different disks."""


def _claim(source: Path, target: Path) -> None:
    """Give a file another name, failing with ``FileExistsError`` where that is taken."""
    if os.name == "nt":  # there, a name that is taken is an error
        try:
            os.rename(source, target)
        except OSError as error:
            raise (_Elsewhere() if getattr(error, "winerror", 0) == 17 else error) from error
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise _Elsewhere from error
        if isinstance(error, FileExistsError | FileNotFoundError) or error.errno not in NO_LINKS:
            raise
        if target.exists():  # a disk without links: as near to it as can be
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        os.rename(source, target)
    else:
        source.unlink()


def _link(source: Path, target: Path) -> None:
    """A link to a file: a symbolic one, or a second name where those need rights."""
    try:
        target.symlink_to(source.resolve())
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        os.link(source.resolve(), target)


def _under_free_name(target: Path, put: Callable[[Path], None]) -> Path:
    """Put something at ``target``, or at the next name that is free."""
    for number in range(1, MOST_NAMES):
        free = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        with contextlib.suppress(FileExistsError):
            put(free)
            return free
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _relative(identity: str) -> Path:
    """The name of a picture below a folder: as it is listed, or its last part where that leads elsewhere."""
    parts = PurePosixPath(identity.replace("\\", "/") if os.name == "nt" else identity).parts
    inside = ".." not in parts and not Path(identity).is_absolute() and ":" not in identity[:3]
    return Path(*parts) if inside and parts else Path(Path(identity).name)


def _safe(name: str) -> str:
    """A name that a folder can have on every system."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .")[:80]
    return f"{plain}_" if RESERVED.match(plain) else plain or "_"


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
