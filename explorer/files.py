"""Writing files so that a killed program leaves either the finished file or none, and telling files apart."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from explorer.errors import ExportError

__all__ = [
    "MODEL_INDEX",
    "checkpoints_folder",
    "checkpoints_in",
    "digest",
    "is_checkpoint",
    "model_files",
    "model_home",
    "resources_folder",
    "write_atomically",
    "write_text",
]

MODEL_INDEX: Final = "model_index.json"  # in a folder of diffusers
SINGLE_MODEL: Final = "config.json"
WEIGHTS: Final = (".safetensors", ".bin")
MODEL_SUFFIXES: Final = (".json", ".safetensors", ".bin", ".txt", ".model")


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
    """The SHA-256 of a file's content, as 64 hexadecimal digits, read in pieces of 1 MiB.

    That of a folder with a model is the one of its list of names and digests of files that decide pictures, and so is
    that of the file in it that tells of it.
    """
    home = model_home(Path(path))
    if not home.is_dir():
        return _file_digest(home)
    sha = hashlib.sha256()
    for part in model_files(home):
        sha.update(f"{part.relative_to(home).as_posix()} {_file_digest(part)}\n".encode())
    return sha.hexdigest()


def _file_digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            sha.update(piece)
    return sha.hexdigest()


def model_home(path: Path) -> Path:
    """The folder of a model, where ``path`` is the file in it that tells of it; any other path as it is."""
    if path.name == MODEL_INDEX and path.is_file():
        return path.parent
    if path.name == SINGLE_MODEL and path.is_file() and any(file.suffix in WEIGHTS for file in path.parent.iterdir()):
        return path.parent
    return path


def is_checkpoint(path: Path) -> bool:
    """Whether there is a file, or a folder with a model of diffusers, at this path."""
    return path.is_file() or (path / MODEL_INDEX).is_file() or (path / SINGLE_MODEL).is_file()


def model_files(folder: Path) -> tuple[Path, ...]:
    """The files of a folder with a model that decide its pictures, sorted: settings, weights and words."""
    found = [*folder.iterdir(), *(file for part in folder.iterdir() if part.is_dir() for file in part.iterdir())]
    return tuple(sorted(file for file in found if file.suffix in MODEL_SUFFIXES and file.is_file()))


def resources_folder() -> Path:
    """The folder with icons, style and the sample dataset, in a checkout or an installed package."""
    return _shipped("resources")


def checkpoints_folder() -> Path:
    """The folder with the bundled models, in a checkout or an installed package."""
    return _shipped("checkpoints")


def checkpoints_in(folder: Path) -> tuple[Path, ...]:
    """The files and folders of the models in a folder, sorted; states of a training are none."""
    files = [path for path in folder.glob("*.safetensors") if ".training." not in path.name]
    signs = (path for sign in (MODEL_INDEX, SINGLE_MODEL) for path in folder.glob(f"*/{sign}"))
    folders = {path.parent for path in signs if not path.parent.name.startswith(".")}
    return tuple(sorted((*files, *folders)))


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent
    inside = package / f"_{name}"  # where the wheel puts it, see pyproject.toml
    return inside if inside.is_dir() else package.parent / name
