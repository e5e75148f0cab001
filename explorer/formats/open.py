"""Which reader a file needs, decided by its content, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from explorer.errors import CheckpointError
from explorer.files import model_home
from explorer.formats.biggan_folder import is_biggan_folder, read_biggan_folder, read_biggan_folder_config
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.dialects import read_foreign, read_foreign_config
from explorer.formats.diffusers_folder import is_model_folder, read_folder, read_folder_config
from explorer.formats.native import read_native, read_native_config
from explorer.formats.single_file import is_single_file, read_single_config, read_single_file
from explorer.formats.trees import CONTAINERS

__all__ = ["FORMATS", "read_checkpoint", "read_config"]


def _read_safetensors(path: Path) -> Checkpoint:
    return read_single_file(path) if is_single_file(path) else read_native(path)


def _read_safetensors_config(path: Path) -> dict[str, Any]:
    return read_single_config(path) if is_single_file(path) else read_native_config(path)


# One entry per container: its name, what its first bytes look like, its reader, and a quick reader of its description.
FORMATS: Final[
    tuple[tuple[str, Callable[[bytes], bool], Callable[[Path], Checkpoint], Callable[[Path], dict[str, Any]]], ...]
] = (
    ("safetensors", lambda start: len(start) >= 9 and start[8:9] == b"{", _read_safetensors, _read_safetensors_config),
    (
        "pytorch",
        lambda start: any(recognises(start) for recognises, _, _ in CONTAINERS),
        read_foreign,
        read_foreign_config,
    ),
)

# Files people try that are not models, and what to tell them.
STRANGERS: Final = (
    (
        b"version https://git-lfs",
        "is only a pointer to a file that was not downloaded",
        "Fetch it with 'git lfs pull'.",
    ),
    (b"{", "is a description without a model", "Open the folder that it lies in, or a checkpoint file."),
    (b"<", "is a saved web page, not a model", "Download the file itself again."),
    (b"\x89PNG", "is a picture, not a model", "Drop it on the window to encode it."),
    (b"\xff\xd8\xff", "is a picture, not a model", "Drop it on the window to encode it."),
)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read any supported checkpoint, a file or a folder of diffusers, without running anything in it.

    Raises:
        CheckpointError: with one sentence on what is wrong with the file.
    """
    path = model_home(path)
    if is_biggan_folder(path):
        return read_biggan_folder(path)
    if is_model_folder(path):
        return read_folder(path)
    _, read, _ = _format_of(path)
    return read(path)


def read_config(path: Path) -> dict[str, Any]:
    """The configuration of a checkpoint without its weights; quickly, but for pickles of hundreds of megabytes.

    Raises:
        CheckpointError: as ``read_checkpoint``.
    """
    path = model_home(path)
    if is_biggan_folder(path):
        return read_biggan_folder_config(path)
    if is_model_folder(path):
        return read_folder_config(path)
    _, _, describe = _format_of(path)
    return describe(path)


def _format_of(path: Path) -> tuple[str, Callable[[Path], Checkpoint], Callable[[Path], dict[str, Any]]]:
    start = _first_bytes(path)
    for name, recognises, read, describe in FORMATS:
        if recognises(start):
            return name, read, describe
    for magic, what, hint in STRANGERS:
        if start.lstrip()[: len(magic)] == magic:
            raise CheckpointError(f"{path.name} {what}.", hint)
    raise CheckpointError(
        f"{path.name} is not a checkpoint this program can read.",
        "It opens files made by 'latent-explorer train', StyleGAN2, StyleGAN3, Glow, DCGAN and VAEs of other programs, "
        "folders of diffusers and BigGAN, and single files of Stable Diffusion.",
    )


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise CheckpointError(
            f"{path} is a folder without a model in it.",
            "Open a checkpoint file, or a folder of diffusers, which has a model_index.json.",
        )
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened: {error.strerror}.") from error
    if not start:
        raise CheckpointError(f"{path.name} is empty.", "The download or the training may have been cut short.")
    return start
