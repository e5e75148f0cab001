"""Stable Diffusion in one file, with the names of its first authors: versions 1, 2 and XL.

What such a file leaves out (the sizes of its networks, the noise schedule) is the same for every file of a version, and
lies in ``resources/stable-diffusion``. The words of the tokenizer are not in it either; they may lie beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from explorer.errors import CheckpointError
from explorer.files import resources_folder
from explorer.formats.autoencoders import describe_autoencoder_file, is_autoencoder_file, read_autoencoder_file
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values
from explorer.formats.diffusers_folder import FAMILY, tokenizer_files
from explorer.formats.diffusers_nets import Sizes, build_empty, match_names, sizes_of
from explorer.formats.folders import read_json
from explorer.formats.native import CONFIG_KEY
from explorer.formats.stored import Stored, read_stored, stored_in
from explorer.preloading import IMPORTING

__all__ = [
    "convert", "is_single_file", "is_single_tree", "read_single_config", "read_single_file", "refuse_or_version",
]  # fmt: skip

UNET: Final = "model.diffusion_model."
KEY: Final = f"{UNET}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"  # its width is that of the text
FIRST: Final = f"{UNET}input_blocks.0.0.weight"
WIDTHS: Final = {768: "v1", 1024: "v2"}
XL: Final = "conditioner.embedders.1.model.positional_embedding"
REFINER: Final = "conditioner.embedders.0.model.positional_embedding"
FOLDER: Final = "Open the folder of this model in the layout of diffusers."
NO_WORDS: Final = (
    "This file holds no words, so prompts cannot be read: put vocab.json and merges.txt of CLIP into a folder "
    "'tokenizer' beside it."
)
PREDICTS_V: Final = "What its network predicts is not in the file; v was taken, as for pictures of 768 x 768."

# Names that say what a file is that cannot be played, and what to say of it.
STRANGERS: Final = (
    (REFINER, "is the refiner of Stable Diffusion XL, which only finishes pictures of another model", ""),
    ("control_model.", "is a ControlNet, which needs a picture to follow", ""),
    ("joint_blocks.", "is Stable Diffusion 3 in one file, which does not say how it is built", FOLDER),
    ("double_blocks.", "is Flux, which is not known here", ""),
    ("lora_", "is a LoRA: only a change to another model", "Merge it into its model first."),
    ("first_stage_model.encoder.down.0.block.0.", "is only a part of a diffusion model", FOLDER),
    ("encoder.down.0.block.0.", "is only a part of a diffusion model", FOLDER),
    ("down_blocks.0.resnets.0.", "is one network of a model that is a folder", "Open the folder it lies in."),
    ("encoder.down_blocks.0.resnets.0.", "is one network of a model that is a folder", "Open the folder it lies in."),
)


def is_single_file(path: Path) -> bool:
    """Whether a safetensors file is one of other programs that is known here, if only to say what is wrong with it."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return CONFIG_KEY not in (file.metadata() or {}) and _looks_known(file.keys())
    except (SafetensorError, OSError, ValueError):
        return False


def is_single_tree(root: object) -> bool:
    """As ``is_single_file``, of what was read from a file of PyTorch."""
    inner = root.get("state_dict") if isinstance(root, dict) else None
    return any(isinstance(names, dict) and _looks_known(names) for names in (inner, root))


def _looks_known(names: Iterable[object]) -> bool:
    """Whether names of tensors are those of Stable Diffusion or a part of it."""
    known = (UNET, *(sign for sign, _, _ in STRANGERS))
    return any(isinstance(name, str) and name.startswith(known) for name in names)


def read_single_file(path: Path) -> Checkpoint:
    """Read Stable Diffusion, or its autoencoder alone, out of a safetensors or PyTorch file.

    Raises:
        CheckpointError: it is damaged or incomplete, or of a kind that cannot be played from one file.
    """
    stored = stored_in(path)
    if is_autoencoder_file(stored):
        return read_autoencoder_file(path, stored)
    version = refuse_or_version(path.name, {name: each.shape for name, each in stored.items()})
    architecture, warnings = _architecture(path, version, stored)
    weights: dict[str, Tensor] = {}
    for name, part in architecture.items():
        if name in PREFIXES:
            prefixes = PREFIXES[name]
            own = {key: each for key, each in stored.items() if key.startswith(prefixes)}
            net = build_empty(f"{path.name}/{name}", part["_class_name"], part)
            read = convert(name, version, part, net, read_stored(own))
            if not read:
                raise CheckpointError(f"{path.name} is incomplete: its {TITLES[name]} is missing.", FOLDER)
            sizes: Sizes = {key: tuple(value.shape) for key, value in read.items()}
            names, _ = match_names(path.name, sizes_of(net), sizes)
            weights |= {f"{name}.{new}": read[old].contiguous() for new, old in names.items()}
    refuse_bad_values(path, weights)
    words = _words(path, architecture)
    if not words:
        warnings.append(NO_WORDS)
    config = {"family": FAMILY, "name": path.stem, "architecture": architecture}
    return Checkpoint(config, {**weights, **words}, path, f"stable-diffusion-{version}", tuple(warnings))


def read_single_config(path: Path) -> dict[str, Any]:
    """The configuration alone. Raises as ``read_single_file``."""
    stored = stored_in(path)
    if is_autoencoder_file(stored):
        return describe_autoencoder_file(path, stored)
    version = refuse_or_version(path.name, {name: each.shape for name, each in stored.items()})
    return {"family": FAMILY, "name": path.stem, "architecture": _architecture(path, version, stored)[0]}


def refuse_or_version(where: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Which version of Stable Diffusion these tensors are of: "v1", "v2" or "xl".

    Raises:
        CheckpointError: none that can be played.
    """
    first = shapes.get(FIRST)
    for sign, what, hint in STRANGERS:
        whole = sign in (REFINER,) or FIRST not in shapes or sign == "control_model."
        if whole and any(name.removeprefix(UNET).startswith(sign) for name in shapes):
            raise CheckpointError(f"{where} {what}.", hint)
    if first is None:
        raise CheckpointError(f"{where} is of another program, and no model that is known here.")
    channels = first[1] if len(first) == 4 else 0
    if channels == 9:
        raise CheckpointError(f"{where} is made for filling in parts of a picture, and cannot be used without one.")
    if channels != 4:
        raise CheckpointError(f"{where} needs a picture beside the noise: it reads {channels} channels.")
    if XL in shapes:
        return "xl"
    key = shapes.get(KEY, (0,))
    if key[-1] not in WIDTHS:
        raise CheckpointError(f"{where} is a version of Stable Diffusion that is not known here.", FOLDER)
    return WIDTHS[key[-1]]


# The parts of a file by their names in it, and what to call them.
PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "unet": (UNET,),
    "vae": ("first_stage_model.",),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0."),
    "text_encoder_2": ("conditioner.embedders.1.",),
}
TITLES: Final = {
    "unet": "network",
    "vae": "autoencoder",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}


def convert(
    name: str, version: str, part: Mapping[str, Any], net: nn.Module, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of one part under the names that diffusers and transformers have for them."""
    with IMPORTING:
        from diffusers.loaders import single_file_utils

    utils: Any = single_file_utils  # without types
    given, made = dict(weights), {}
    try:
        if name == "unet":
            made = utils.convert_ldm_unet_checkpoint(given, dict(part))
        elif name == "vae":
            made = utils.convert_ldm_vae_checkpoint(given, dict(part))
        elif version == "v2":
            made = utils.convert_open_clip_checkpoint(net, given)
        elif name == "text_encoder_2":
            made = utils.convert_open_clip_checkpoint(net, given, prefix="conditioner.embedders.1.model.")
        else:
            made = utils.convert_ldm_clip_checkpoint(given)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise CheckpointError(f"A Stable Diffusion file is incomplete: its {TITLES[name]} lacks {error}.") from error
    return {key: value for key, value in made.items() if value is not None}


def _architecture(path: Path, version: str, stored: Mapping[str, Stored]) -> tuple[dict[str, Any], list[str]]:
    """The settings of all parts, and what to tell of them."""
    architecture = read_json(resources_folder() / "stable-diffusion" / f"{version}.json")
    warnings = [PREDICTS_V] if version == "v2" else []
    if "v_pred" in stored:
        architecture["scheduler"]["prediction_type"] = "v_prediction"
        architecture["scheduler"]["rescale_betas_zero_snr"] = "ztsnr" in stored
    return architecture, warnings


def _words(path: Path, architecture: Mapping[str, Any]) -> dict[str, Tensor]:
    """The files of tokenizers that lie beside the file, in folders of their names; the first serves for the second."""
    found: dict[str, Tensor] = {}
    for name in architecture:
        if not name.startswith("tokenizer"):
            continue
        own = tokenizer_files(path.parent, name)
        shared = own or {
            **tokenizer_files(path.parent, "tokenizer"),
            "tokenizer_config.json": _bytes({"pad_token": "!"}),  # of OpenCLIP, which counts from 0
        }
        if "vocab.json" in shared or "tokenizer.json" in shared:
            found |= {f"{name}/{file}": data for file, data in shared.items()}
    return found


def _bytes(value: Mapping[str, str]) -> Tensor:
    return torch.frombuffer(bytearray(json.dumps(dict(value)).encode()), dtype=torch.uint8)
