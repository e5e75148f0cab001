"""Folders of diffusers: one subfolder per network, read as data, with nothing downloaded and nothing run.

``config["architecture"]`` of what comes out holds the settings of every part, and the weights are called "part.name",
so that the same model can also be kept in one safetensors file of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats.autoencoders import FAMILY as AUTOENCODER
from explorer.formats.autoencoders import describe_autoencoder, read_autoencoder
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values
from explorer.formats.diffusers_checks import (
    AUTOENCODERS,
    CONSISTENCY,
    ENCODERS,
    NETWORKS,
    PARTS,
    TOKENIZERS,
    check_config,
    check_part,
    kind_of_part,
)
from explorer.formats.diffusers_nets import build_empty, match_names, sizes_of
from explorer.formats.folders import OTHER_COPY, inside, read_json, told
from explorer.formats.stored import find_weights, read_stored

__all__ = ["FAMILY", "FOLDER_SIGNS", "is_model_folder", "read_folder", "read_folder_config", "tokenizer_files"]

FAMILY: Final = "diffusion"
CONSISTENCY_FAMILY: Final = "consistency"
LATENT_CONSISTENCY: Final = "LCMScheduler"
OWN_CONFIG: Final = "latent-explorer.json"
INDEX: Final = "model_index.json"
FOLDER_SIGNS: Final = (INDEX, "config.json")

BRIEF: Final = ("force_zeros_for_empty_prompt", "id2label")  # settings of a pipeline that pictures depend on
TOKENIZER_FILES: Final = ("vocab.json", "merges.txt", "tokenizer.json", "spiece.model", "tokenizer_config.json",
                          "special_tokens_map.json")  # fmt: skip
LARGEST_TOKENIZER: Final = 32 << 20  # bytes of one file
STEMS: Final = ("diffusion_pytorch_model", "model", "pytorch_model")
ASSUMED_SCHEDULER: Final = {"_class_name": "DDPMScheduler"}


def is_model_folder(path: Path) -> bool:
    """Whether a path is a folder that looks like one of diffusers."""
    return path.is_dir() and any((path / sign).is_file() for sign in FOLDER_SIGNS)


def read_folder(folder: Path) -> Checkpoint:
    """Read a folder of diffusers: a whole pipeline, or one network.

    Raises:
        CheckpointError: with one sentence on what is wrong with it.
    """
    alone = _autoencoder(folder)
    if alone is not None:
        return read_autoencoder(*alone)
    config, warnings = _describe(folder)
    weights: dict[str, Tensor] = {}
    for name, part in config["architecture"].items():
        where = f"{folder.name}/{name}"
        if part["_class_name"] in PARTS.get(name, ()):
            home = folder if part.get("is_alone") else _home(folder, name)
            stored = find_weights(home, STEMS)
            net = build_empty(where, part["_class_name"], part)
            names, left = match_names(where, sizes_of(net), {each: s.shape for each, s in stored.items()})
            if left:
                warnings.append(f"{len(left)} weights of {name} were ignored, such as {told(left[0])}.")
            read = read_stored({new: stored[old] for new, old in names.items()})
            refuse_bad_values(folder / name, read)
            weights |= {f"{name}.{each}": value for each, value in read.items()}
        elif part["_class_name"] in TOKENIZERS:
            weights |= {f"{name}/{file}": data for file, data in tokenizer_files(folder, name).items()}
    return Checkpoint(config, weights, folder, "diffusers", tuple(warnings))


def read_folder_config(folder: Path) -> dict[str, Any]:
    """The configuration of such a folder, without its weights.

    Raises:
        CheckpointError: as ``read_folder``, but for the weights.
    """
    alone = _autoencoder(folder)
    return _describe(folder)[0] if alone is None else describe_autoencoder(*alone)


def _autoencoder(folder: Path) -> tuple[Path, dict[str, Any], str, dict[str, Any]] | None:
    """Where the autoencoder of a folder lies that holds nothing else, what we wrote of it, its name, and what we wrote
    of the model it is a part of; None where the folder is something else."""
    own = _own(folder)
    home = folder
    if inside(folder, INDEX) is not None:
        coder = next((name for name in ("vae", "vqvae") if inside(folder, name) is not None), None)
        if own.get("family") != AUTOENCODER or coder is None:
            return None
        home = _home(folder, coder)  # as our training writes it
    else:
        path = inside(folder, "config.json")
        kind = None if path is None else read_json(path).get("_class_name")
        if not isinstance(kind, str) or kind not in AUTOENCODERS:
            return None
    if own.get("family", AUTOENCODER) not in (AUTOENCODER, FAMILY):
        return None
    parent = folder.resolve().parent
    is_part = home is folder and (parent / INDEX).is_file()
    whole = _own(parent) if is_part else {}
    name = _name(own, folder) if not is_part or own.get("name") else f"{_name(whole, parent)} (autoencoder)"
    return home, own, name, whole


def _own(folder: Path) -> dict[str, Any]:
    """What we wrote of a model; nothing for those of others."""
    path = inside(folder, OWN_CONFIG)
    return read_json(path) if path is not None else {}


def _name(own: Mapping[str, Any], folder: Path) -> str:
    name = own.get("name")
    return name if isinstance(name, str) and name else folder.resolve().name


def _describe(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The configuration, and what a person should know of how it was read."""
    warnings: list[str] = []
    own = _own(folder)
    if own.get("family", FAMILY) not in (FAMILY, CONSISTENCY_FAMILY):
        raise CheckpointError(
            f"{folder.name} holds a model of the family {told(own.get('family'))}, which cannot be opened as a folder.",
            "Open a folder of a diffusion model.",
        )
    index_path = inside(folder, INDEX)
    parts = _single(folder, warnings) if index_path is None else _pipeline(folder, read_json(index_path))
    if any(file.suffix == ".py" for file in folder.glob("*.py")):
        warnings.append("The programs (.py) in this folder were ignored.")
    jumps = parts.get("scheduler", {}).get("_class_name") in (CONSISTENCY, LATENT_CONSISTENCY)
    family = CONSISTENCY_FAMILY if jumps else FAMILY
    return {**own, "family": family, "name": _name(own, folder), "architecture": parts}, warnings


def _named(value: object) -> str:
    """The program in [file, class], the way that a pipeline names one that lies in its folder."""
    return f": {told(value[0])}" if isinstance(value, list) and value and isinstance(value[0], str) else ""


def _pipeline(folder: Path, index: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of every part that a pipeline names."""
    if not isinstance(index.get("_class_name", ""), str):
        program = _named(index["_class_name"])
        raise CheckpointError(
            f"{folder.name} was not opened, because it is a program of its own{program}.",
            "Nothing in it was run. Only the networks of diffusers and transformers can be opened.",
        )
    parts: dict[str, dict[str, Any]] = {}
    for name, value in index.items():
        found = kind_of_part(folder.name, name, value)
        if found is None:
            continue
        _, kind = found
        if name in PARTS:
            parts[name] = _settings(folder, name, kind)
        elif name == "scheduler":
            parts[name] = _scheduler(folder, kind)
        elif name.startswith("tokenizer"):
            if kind not in TOKENIZERS:
                check_part(folder.name, name, kind, TOKENIZERS, {})
            parts[name] = {"_class_name": kind}
        else:
            raise CheckpointError(
                f"{folder.name} needs a part that is not known here: {told(name)}, a {told(kind)}.",
                "Models that make pictures from noise, from classes and from text can be opened.",
            )
    if not {"unet", "transformer"} & parts.keys():
        raise CheckpointError(f"{folder.name} holds no network that removes noise.", OTHER_COPY)
    brief: dict[str, Any] = {key: index[key] for key in BRIEF if key in index}
    if brief:
        parts["index"] = {"_class_name": "", **brief}
    return parts


def _single(folder: Path, warnings: list[str]) -> dict[str, dict[str, Any]]:
    """The settings of a folder that is one network."""
    path = inside(folder, "config.json")
    if path is None:
        raise CheckpointError(f"{folder} is a folder without a model in it.", "Open a checkpoint file.")
    config = read_json(path)
    kind = config.get("_class_name")
    if kind != "UNet2DModel":
        what = f"a {told(kind)}" if isinstance(kind, str) else "of another program"
        raise CheckpointError(
            f"{folder.name} holds a single network that cannot be played by itself ({what}).",
            "Open the folder of the whole model, which has a model_index.json.",
        )
    check_part(folder.name, "unet", kind, NETWORKS, config)
    check_config(f"{path.parent.name}/{path.name}", config)
    warnings.append("This folder holds no noise schedule; that of DDPM was taken.")
    return {"unet": {**config, "is_alone": True}, "scheduler": dict(ASSUMED_SCHEDULER)}


def _settings(folder: Path, name: str, kind: str) -> dict[str, Any]:
    path = inside(_home(folder, name), "config.json")
    if path is None:
        raise CheckpointError(f"{folder.name} is incomplete: {name}/config.json is missing.", OTHER_COPY)
    config = read_json(path)
    check_part(folder.name, name, kind, PARTS[name], config)
    if kind in ENCODERS and isinstance(config.get("text_config"), dict):
        config = config["text_config"]  # of a model that reads pictures as well
    check_config(f"{path.parent.name}/{path.name}", config)
    return {**config, "_class_name": kind}


def _scheduler(folder: Path, kind: str) -> dict[str, Any]:
    path = inside(_home(folder, "scheduler"), "scheduler_config.json")
    if path is None:
        raise CheckpointError(f"{folder.name} is incomplete: scheduler/scheduler_config.json is missing.", OTHER_COPY)
    return {**read_json(path), "_class_name": kind}


def tokenizer_files(folder: Path, name: str) -> dict[str, Tensor]:
    """The files of a tokenizer as bytes; none where it is missing, which is said when a prompt is read."""
    home = inside(folder, name)
    found: dict[str, Tensor] = {}
    for file in TOKENIZER_FILES if home is not None else ():
        path = inside(folder, name, file)
        if path is None or not path.is_file():
            continue
        if path.stat().st_size > LARGEST_TOKENIZER:
            raise CheckpointError(f"{name}/{file} is far too large for a list of words.", OTHER_COPY)
        data = path.read_bytes()
        if file.endswith(".json"):
            try:
                json.loads(data)
            except (ValueError, RecursionError) as error:
                raise CheckpointError(f"{name}/{file} is damaged.", OTHER_COPY) from error
        found[file] = torch.frombuffer(bytearray(data or b" "), dtype=torch.uint8)
    return found


def _home(folder: Path, name: str) -> Path:
    home = inside(folder, name)
    if home is None or not home.is_dir():
        raise CheckpointError(f"{folder.name} is incomplete: its part {name} is missing.", OTHER_COPY)
    return home
