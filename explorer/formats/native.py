"""Our own checkpoint: one safetensors file whose metadata holds the configuration as JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.files import write_atomically
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values

__all__ = ["CONFIG_KEY", "read_native", "read_native_config", "write_native"]

CONFIG_KEY = "latent-explorer"
MAX_HEADER = 16 << 20  # bytes; a header of ours is some kilobytes
MAX_TENSORS = 100_000
MAX_RANK = 8


def write_native(path: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write a checkpoint, atomically. ``config`` is plain JSON and contains at least ``family``."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    with write_atomically(path) as temporary:
        temporary.write_bytes(save(tensors, {CONFIG_KEY: json.dumps(dict(config), allow_nan=False)}))


def read_native(path: Path) -> Checkpoint:
    """Read what ``write_native`` wrote.

    Raises:
        CheckpointError: the file is damaged, truncated, filled with NaN, or another program's.
    """
    config = read_native_config(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())
            if len(names) > MAX_TENSORS:
                raise CheckpointError(f"{path.name} holds {len(names)} tensors, more than any model has.")
            for name in names:
                if len(file.get_slice(name).get_shape()) > MAX_RANK:
                    raise CheckpointError(f"{path.name} is damaged: the tensor {name} has too many dimensions.")
            # Copies: the tensors are maps of the file, and a file cut short while it is open would end the program.
            weights = {name: file.get_tensor(name).clone() for name in names}
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise _damaged(path, error) from error
    refuse_bad_values(path, weights)
    return Checkpoint(config, weights, path)


def read_native_config(path: Path) -> dict[str, Any]:
    """The configuration alone, without reading the weights; what the model cards show.

    Raises:
        CheckpointError: the header is damaged or is not ours.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(MAX_HEADER, path.stat().st_size):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length), object_pairs_hook=_without_duplicates)
        text = header.get("__metadata__", {}).get(CONFIG_KEY)
        config = json.loads(text, parse_constant=_refuse_constant) if text is not None else None
    except (OSError, ValueError, struct.error, RecursionError, AttributeError, TypeError) as error:
        raise _damaged(path, error) from error
    if config is None:
        raise CheckpointError(
            f"{path.name} is a safetensors file of another program, and holds no description of its network.",
            "Files made by 'latent-explorer train' or 'latent-explorer convert' can be opened.",
        )
    if not isinstance(config, dict) or not isinstance(config.get("family"), str):
        raise CheckpointError(f"{path.name} is damaged: its configuration does not name a model family.")
    return config


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; libraries disagree on which of two equal names counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name in its header appears twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"its configuration contains {name}")


def _damaged(path: Path, error: Exception) -> CheckpointError:
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"{path} does not exist.", "It may have been moved or renamed.")
    if isinstance(error, PermissionError):
        return CheckpointError(f"{path} cannot be opened: permission denied.")
    return CheckpointError(f"{path.name} is damaged or incomplete and cannot be read.", f"The reader says: {error}")
