"""Named tensors that were not read yet, out of safetensors files and files of PyTorch, in one piece or in several."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats.folders import OTHER_COPY, inside, read_json, told
from explorer.formats.opcodes import Refusal
from explorer.formats.records import TensorData
from explorer.formats.trees import read_tree

__all__ = ["Stored", "find_weights", "read_stored", "stored_in", "stored_of"]

MOST_TENSORS: Final = 100_000
MOST_DIMENSIONS: Final = 8
SHARD: Final = re.compile(r"[\w-][\w.-]{0,150}\.(safetensors|bin)")
# Full precision first: what is computed in less is decided when the network goes to its device.
VARIANTS: Final = ("", ".fp16", ".bf16", ".non_ema")


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor in a file: its shape, its bytes there, and how to read it (a copy, in the type it is stored in)."""

    path: Path
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


def find_weights(folder: Path, stems: tuple[str, ...]) -> dict[str, Stored]:
    """The tensors of a network, whose file is called like one of ``stems``: safetensors before files of PyTorch.

    Raises:
        CheckpointError: there is no such file, or it is damaged.
    """
    for suffix in ("safetensors", "bin"):
        for variant in VARIANTS:
            for stem in stems:
                path = inside(folder, f"{stem}{variant}.{suffix}")
                if path is not None:
                    return stored_in(path)
                for index in (f"{stem}.{suffix}.index{variant}.json", f"{stem}{variant}.{suffix}.index.json"):
                    path = inside(folder, index)
                    if path is not None:
                        return _shards(folder, path)
    raise CheckpointError(
        f"{folder.parent.name} is incomplete: the weights of its {folder.name} are missing.",
        "The download may have been cut short, or it left out the large files.",
    )


def stored_in(path: Path) -> dict[str, Stored]:
    """The tensors in one file of either kind, by their names.

    Raises:
        CheckpointError: it is damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be opened: {error.strerror or error}.") from error
    if start[8:9] == b"{":
        return _safetensors(path)
    if not start:
        raise CheckpointError(f"{_where(path)} is empty.", OTHER_COPY)
    if start.startswith(b"version "):
        raise CheckpointError(
            f"{_where(path)} is only a pointer to a file that was not downloaded.", "Fetch it with 'git lfs pull'."
        )
    return stored_of(path, read_tree(path).root)


def stored_of(path: Path, root: object) -> dict[str, Stored]:
    """The tensors in what was read from a file of PyTorch, by their names."""
    inner = root.get("state_dict") if isinstance(root, dict) else None
    values = inner if isinstance(inner, dict) else root
    if not isinstance(values, dict):
        raise CheckpointError(f"{_where(path)} holds no weights of a network.")
    return {
        name: Stored(path, value.shape, partial(_read_data, path, name, value))
        for name, value in values.items()
        if isinstance(name, str) and isinstance(value, TensorData)
    }


def read_stored(stored: Mapping[str, Stored]) -> dict[str, Tensor]:
    """All tensors.

    Raises:
        CheckpointError: one cannot be read, or there is not enough memory.
    """
    found: dict[str, Tensor] = {}
    for name, each in stored.items():
        try:
            found[name] = each.read()
        except (MemoryError, RuntimeError) as error:
            raise CheckpointError(f"{_where(each.path)} needs more memory than there is.") from error
    return found


def _safetensors(path: Path) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())
            if len(names) > MOST_TENSORS:
                raise CheckpointError(f"{_where(path)} holds {len(names)} tensors, more than any model has.")
            for name in names:
                shape = tuple(file.get_slice(name).get_shape())
                if len(shape) > MOST_DIMENSIONS:
                    raise CheckpointError(
                        f"{_where(path)} is damaged: {told(name)} has too many dimensions.", OTHER_COPY
                    )
                found[name] = Stored(path, shape, partial(_read_slice, path, name))
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return found


def _read_slice(path: Path, name: str) -> Tensor:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensor: Tensor = file.get_tensor(name)
            return tensor.clone()  # a map of the file, and a file cut short while it is open would end the program
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def _read_data(path: Path, name: str, data: TensorData) -> Tensor:
    try:
        return data.read()
    except Refusal as refusal:
        raise CheckpointError(
            f"{_where(path)} cannot be used: its weights {told(name)} {refusal.what}.", OTHER_COPY
        ) from refusal


def _shards(folder: Path, index: Path) -> dict[str, Stored]:
    """The tensors that an index spreads over files beside it."""
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not 0 < len(weight_map) <= MOST_TENSORS:
        raise CheckpointError(f"{_where(index)} is damaged: it names no weights.", OTHER_COPY)
    found: dict[str, Stored] = {}
    files: dict[str, dict[str, Stored]] = {}
    for name, file in weight_map.items():
        if not isinstance(file, str) or not SHARD.fullmatch(file):
            raise CheckpointError(
                f"{folder.parent.name} was not opened, because the weights of its {folder.name} are said to lie in "
                f"{told(file)}, outside of it.",
                "Nothing in it was run. No model needs this: the folder may be harmful.",
            )
        if file not in files:
            path = inside(folder, file)
            if path is None:
                raise CheckpointError(
                    f"{folder.parent.name} is incomplete: {folder.name}/{file} is missing.", OTHER_COPY
                )
            files[file] = stored_in(path)
        if name not in files[file]:
            raise CheckpointError(f"{folder.name}/{file} is damaged: {told(name)} is missing in it.", OTHER_COPY)
        found[name] = files[file][name]
    return found


def _where(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{_where(path)} is damaged or incomplete and cannot be read.", f"The reader says: {error}. {OTHER_COPY}"
    )
