"""What a lens saw, on the disk: a folder per lens and dataset that only grows, so that nothing is looked at twice.

A folder holds one raw file per array, a row for every picture in the order they were read, and ``header.json``, which
says how many rows count. The header is written last, so after a crash there are a few rows less and never a wrong one.
Rows of pictures that changed are left out by writing the files anew under the next generation number.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from explorer.errors import ExplorerError, ExportError
from explorer.files import write_text

__all__ = ["QUOTA", "Columns", "Shape", "Store", "locked", "make_room", "used_bytes"]

VERSION: Final = 2
QUOTA: Final = 20 << 30  # bytes of all folders
HEADER: Final = "header.json"
COMMIT_SECONDS: Final = 2.0
BLOCK_ROWS: Final = 4096  # copied at once
MOST_FAILED: Final = 10_000  # unreadable pictures that are remembered; more are tried again
LOOK_AGAIN: Final = 0.05  # seconds between two looks at a lock

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a row is made of. A folder of another shape, lens or program version is not read but replaced."""

    digest: str
    dimensions: int
    statistics: tuple[str, ...]
    thumbnail: tuple[int, int, int]  # h, w, c
    residual: tuple[int, int] | None = None
    version: int = VERSION

    def parts(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """The type and shape of a row of every array."""
        parts: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "stamps": (np.dtype("<u8"), ()),
            "codes": (np.dtype("<f4"), (self.dimensions,)),
            "statistics": (np.dtype("<f4"), (len(self.statistics),)),
            "thumbnails": (np.dtype("u1"), self.thumbnail),
        }
        return parts if self.residual is None else {**parts, "residuals": (np.dtype("<f2"), self.residual)}

    def row_bytes(self) -> int:
        """What a picture takes on the disk."""
        return sum(kind.itemsize * int(np.prod(shape)) for kind, shape in self.parts().values())


class Store:
    """The rows of one folder. Used by one thread at a time, and by one program: see ``locked``."""

    def __init__(self, folder: Path, shape: Shape, rows: int, generation: int, failed: dict[int, str]) -> None:
        self.folder, self.shape, self.rows, self.failed = folder, shape, rows, failed
        self._generation, self._committed, self._when = generation, rows, time.monotonic()
        self._files: dict[str, IO[bytes]] = {}

    @classmethod
    def read(cls, folder: Path, digest: str) -> Store | None:
        """The store in a folder, if there is one of this lens that can be trusted."""
        try:
            header = json.loads((folder / HEADER).read_text("utf-8"))
            found = _shape(header["shape"])
            rows, generation = int(header["rows"]), int(header["generation"])
            failed = {int(stamp): str(reason) for stamp, reason in header["failed"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if found.version != VERSION or found.digest != digest or rows < 0:
            return None
        store = cls(folder, found, rows, generation, failed)
        for name, (kind, row) in found.parts().items():
            try:
                if store._path(name).stat().st_size < rows * kind.itemsize * int(np.prod(row)):
                    return None
            except OSError:
                return None
        with contextlib.suppress(OSError):
            os.utime(folder / HEADER)  # the folders used longest ago go first
        return store

    @classmethod
    def start(cls, folder: Path, shape: Shape) -> Store:
        """An empty store in place of whatever is in a folder; raises ExportError where it cannot be written."""
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
        generation = 1 + max((_generation_of(path) for path in folder.glob("*.*")), default=0)  # files still open stay
        store = cls(folder, shape, 0, generation, {})
        with store._writing():
            folder.mkdir(parents=True, exist_ok=True)
            for name in shape.parts():
                store._path(name).touch()
        store.commit()
        return store

    def append(self, columns: Columns) -> None:
        """Add rows; they count for good after ``commit``, which happens by itself now and then.

        Raises:
            ExportError: the disk is full or the folder is gone. What was committed stays.
        """
        count = len(columns["stamps"])
        with self._writing():
            for name, (kind, row) in self.shape.parts().items():
                block = np.ascontiguousarray(columns[name], kind)
                assert block.shape == (count, *row), f"{name} should be ({count}, {row}), not {block.shape}"
                if name not in self._files:
                    self._files[name] = self._path(name).open("r+b")
                    self._files[name].seek(self.rows * kind.itemsize * int(np.prod(row)))
                self._files[name].write(block.data)
        self.rows += count
        if time.monotonic() - self._when > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Make all rows count; raises as ``append``."""
        with self._writing():
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
        header = {
            "rows": self.rows,
            "generation": self._generation,
            "shape": asdict(self.shape),
            "failed": {str(stamp): reason for stamp, reason in islice(self.failed.items(), MOST_FAILED)},
        }
        write_text(self.folder / HEADER, json.dumps(header))
        self._committed, self._when = self.rows, time.monotonic()

    def close(self) -> None:
        """Let go of the files; rows that were not committed do not count."""
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._files.clear()
        self.rows = self._committed

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The rows that count, read from the disk as they are asked for."""
        for file in self._files.values():
            file.flush()
        return {
            name: np.asarray(np.memmap(self._path(name), kind, "r", 0, (self.rows, *row)))
            if self.rows
            else np.zeros((0, *row), kind)
            for name, (kind, row) in self.shape.parts().items()
        }

    def keep(self, wanted: npt.NDArray[np.bool_], report: Callable[..., object] | None = None) -> None:
        """Leave out all rows but the wanted ones, by copying those; raises as ``append``."""
        self.close()
        arrays, rows = self.arrays(), np.flatnonzero(wanted)
        before, after = self._generation, self._generation + 1
        with self._writing():
            for name in self.shape.parts():
                with self._path(name, after).open("wb") as file:
                    for start in range(0, len(rows), BLOCK_ROWS):
                        if report is not None:
                            report(start, len(rows), "leaving out pictures that changed")
                        file.write(np.ascontiguousarray(arrays[name][rows[start : start + BLOCK_ROWS]]).data)
                    file.flush()
                    os.fsync(file.fileno())
        self.rows, self._generation = len(rows), after
        self.commit()
        for name in self.shape.parts():
            with contextlib.suppress(OSError):  # Windows keeps what is still looked at
                self._path(name, before).unlink()

    def _path(self, name: str, generation: int | None = None) -> Path:
        return self.folder / f"{name}.{self._generation if generation is None else generation}"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ExportError(
                f"What is seen of the pictures could not be written to {self.folder}: {error.strerror or error}.",
                "Free some space and open the dataset again: it goes on from there.",
            ) from error


@contextlib.contextmanager
def locked(folder: Path, report: Callable[..., object] | None = None, patience: float = 0.0) -> Iterator[bool]:
    """Whether nobody else uses a folder, until the block ends. Waits for ``patience`` seconds, longer with ``report``,
    which is called all the while and may raise."""
    path = folder.with_name(f"{folder.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise ExportError(
            f"{path.parent} cannot be written: {error.strerror or error}.", "Choose another folder for the cache."
        ) from error
    with file:
        started = time.monotonic()
        while not (is_ours := _lock(file)):
            if report is not None:
                report(0, 0, "waiting for another reading of the same pictures")
            elif time.monotonic() - started >= patience:
                break
            time.sleep(LOOK_AGAIN)
        yield is_ours  # the system lets go of the lock with the file


def _lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_room(home: Path, quota: int, spare: Path | None = None) -> int:
    """Delete the folders used longest ago until all take at most ``quota`` bytes; ``spare`` stays. Gives what is left.

    Folders in use stay as well, so more than the quota may be left.
    """
    folders = sorted((folder for folder in _folders(home)), key=_last_use)
    left = sum(map(used_bytes, folders))
    for folder in folders:
        if left <= quota:
            break
        if spare is not None and folder == spare:
            continue
        size = used_bytes(folder)
        with contextlib.suppress(OSError, ExplorerError), locked(folder) as is_ours:
            if is_ours:
                (folder / HEADER).unlink(missing_ok=True)  # nothing is trusted of what may stay behind
                shutil.rmtree(folder)
                left -= size
    return left


def used_bytes(folder: Path) -> int:
    """What the files of a folder take."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total


def _folders(home: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(home) if entry.is_dir()]
    except OSError:
        return []


def _last_use(folder: Path) -> float:
    try:
        return (folder / HEADER).stat().st_mtime
    except OSError:
        return 0.0


def _shape(data: Mapping[str, Any]) -> Shape:
    """A shape as its JSON says; raises what a wrong one makes of it."""
    thumbnail, residual = tuple(map(int, data["thumbnail"])), data["residual"]
    height, width, channels = thumbnail
    grid = None if residual is None else (int(residual[0]), int(residual[1]))
    return Shape(
        str(data["digest"]),
        int(data["dimensions"]),
        tuple(map(str, data["statistics"])),
        (height, width, channels),
        grid,
        int(data["version"]),
    )


def _generation_of(path: Path) -> int:
    return int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0
