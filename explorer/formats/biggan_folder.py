"""Folders of BigGAN as Hugging Face keeps them: a description, and weights with their spectral norms beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values
from explorer.formats.folders import OTHER_COPY, inside, read_json, told
from explorer.formats.stored import find_weights, read_stored

__all__ = ["is_biggan_folder", "read_biggan_folder", "read_biggan_folder_config"]

CONFIG: Final = "config.json"
OWN_CONFIG: Final = "latent-explorer.json"  # name, licence and names of the classes, where somebody added them
STEMS: Final = ("pytorch_model", "model")
ARCHITECTURE: Final = ("z_dim", "channel_width", "num_classes", "layers", "attention_layer_position", "eps", "n_stats")
SIGNS: Final = ("attention_layer_position", "channel_width", "z_dim")
USUAL: Final = {"eps": 1e-4, "n_stats": 51}  # what the published models have
ORIGINAL: Final = "_orig"


def is_biggan_folder(path: Path) -> bool:
    """Whether a path is a folder with the description of a BigGAN."""
    if not path.is_dir() or not (path / CONFIG).is_file():
        return False
    try:
        config = read_json(path / CONFIG)
    except CheckpointError:  # whoever opens it says what is wrong
        return False
    return all(sign in config for sign in SIGNS)


def read_biggan_folder(folder: Path) -> Checkpoint:
    """Read such a folder; every spectral norm becomes part of its weights.

    Raises:
        CheckpointError: with one sentence on what is wrong with it.
    """
    config = read_biggan_folder_config(folder)
    weights = _normalised(folder, read_stored(find_weights(folder, STEMS)))
    refuse_bad_values(folder, weights)
    return Checkpoint(config, weights, folder, "biggan")


def read_biggan_folder_config(folder: Path) -> dict[str, Any]:
    """The configuration of such a folder, without its weights.

    Raises:
        CheckpointError: as ``read_biggan_folder``, but for the weights.
    """
    path = inside(folder, CONFIG)
    if path is None:
        raise CheckpointError(f"{folder} is a folder without a model in it.", "Open a checkpoint file.")
    described = read_json(path)
    missing = [key for key in ARCHITECTURE if key not in described and key not in USUAL]
    if missing:
        raise CheckpointError(f"{folder.name} is damaged: its {CONFIG} does not say {told(missing[0])}.", OTHER_COPY)
    own_path = inside(folder, OWN_CONFIG)
    own = read_json(own_path) if own_path is not None else {}
    name = own.get("name") if isinstance(own.get("name"), str) and own.get("name") else folder.resolve().name
    architecture = {key: described.get(key, USUAL.get(key)) for key in ARCHITECTURE}
    names = described.get("class_names")
    labels = {"class_names": names} if isinstance(names, list) else {}
    return {**labels, **own, "family": "biggan", "name": name, "architecture": architecture}


def _normalised(folder: Path, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights W / sigma with sigma = u^T W v (Miyato et al. 2018, algorithm 1), where W, u and v are kept."""
    found: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        value = tensor.float() if tensor.is_floating_point() else tensor
        base, _, last = name.rpartition(".")
        if last == f"weight{ORIGINAL}":
            value = _without_norm(folder, name, value, stored.get(f"{base}.weight_u"), stored.get(f"{base}.weight_v"))
            found[f"{base}.weight"] = value
        elif last not in ("weight_u", "weight_v"):
            found[name] = value
    return found


def _without_norm(folder: Path, name: str, weight: Tensor, left: Tensor | None, right: Tensor | None) -> Tensor:
    matrix = weight.flatten(1) if weight.ndim > 1 else weight[None]
    if left is None or right is None or tuple(matrix.shape) != (left.numel(), right.numel()):
        raise CheckpointError(
            f"{folder.name} is damaged: the spectral norm of its weights {told(name)} is missing or of another size.",
            OTHER_COPY,
        )
    sigma = left.float().flatten() @ (matrix @ right.float().flatten())
    if not float(sigma.abs()) > 0:
        raise CheckpointError(f"{folder.name} is damaged: the spectral norm of its weights {told(name)} is 0.")
    return weight / sigma
