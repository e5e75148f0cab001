"""Writing files so that a killed program leaves either the finished file or none, and telling files apart."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from explorer.errors import ExportError

__all__ = ["checkpoints_folder", "digest", "resources_folder", "write_atomically", "write_text"]


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``; when the block ends well it becomes ``path``, otherwise it is removed.

    The temporary name keeps the suffix, because encoders choose their format by it. Any ``OSError`` (full disk,
    no permission, missing folder) becomes an ``ExportError``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(
            f"{path} could not be written: {reason}.", "Choose another folder or free some space."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hexadecimal digits, read in pieces of 1 MiB."""
    sha = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 20):
            sha.update(piece)
    return sha.hexdigest()


def resources_folder() -> Path:
    """The folder with icons, style and the sample dataset, in a checkout or an installed package."""
    return _shipped("resources")


def checkpoints_folder() -> Path:
    """The folder with the bundled models, in a checkout or an installed package."""
    return _shipped("checkpoints")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent
    inside = package / f"_{name}"  # where the wheel puts it, see pyproject.toml
    return inside if inside.is_dir() else package.parent / name
