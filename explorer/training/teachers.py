"""Reading the networks that a new training builds on: an autoencoder to work in, a diffusion model to distil."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from explorer.errors import TrainingError
from explorer.training.folders import CONFIG_NAME, library

__all__ = ["read_autoencoder", "read_teacher", "training_of"]


def read_autoencoder(folder: Path) -> nn.Module:
    """The autoencoder in the subfolder ``vae`` of a folder, in 32 bits.

    Raises:
        TrainingError: there is none, or it is incomplete or damaged.
    """
    net: nn.Module = _read(library().AutoencoderKL, folder, "vae", "autoencoder")
    return net


def read_teacher(folder: Path) -> Any:
    """The network of a diffusion model that predicts v on the cosine schedule, in 32 bits.

    Raises:
        TrainingError: there is none, it is incomplete or damaged, or it was trained otherwise.
    """
    net = _read(library().UNet2DModel, folder, "unet", "diffusion model")
    try:
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} does not say how its noise is scheduled, or it cannot be read.") from error
    found = (scheduler.get("prediction_type"), scheduler.get("beta_schedule"), scheduler.get("num_train_timesteps"))
    if found != ("v_prediction", "squaredcos_cap_v2", 1000):
        raise TrainingError(
            f"{folder} is no model that this program can distil.",
            "Give one that 'latent-explorer train diffusion' or 'train latent-diffusion' made.",
        )
    return net


def training_of(folder: Path) -> dict[str, Any]:
    """What the folder of a network says of its training; nothing where it says nothing that can be read."""
    try:
        told = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))["training"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def _read(kind: Any, folder: Path, part: str, what: str) -> Any:
    if not (folder / part / "config.json").exists():
        raise TrainingError(f"{folder} holds no {what}.", f"It should be a folder with a subfolder '{part}'.")
    options = {"output_loading_info": True, "local_files_only": True, "low_cpu_mem_usage": False}
    try:
        net, about = kind.from_pretrained(folder, subfolder=part, **options)
    except Exception as error:  # the reader raises whatever its parts do, and all of it means this
        raise TrainingError(f"The {what} in {folder} is damaged or incomplete.", f"The reader says: {error}") from error
    if about["missing_keys"] or about["mismatched_keys"]:
        raise TrainingError(f"The {what} in {folder} is incomplete: some of its weights are missing.")
    return net.float()
