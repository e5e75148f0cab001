"""Autoencoders of diffusers by themselves: a folder with one network, the part of a pipeline, or one file.

``config["architecture"]`` holds the settings of the network, and the weights have the names of diffusers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from explorer.errors import CheckpointError
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values
from explorer.formats.diffusers_checks import AUTOENCODERS, check_config, check_part
from explorer.formats.diffusers_nets import build_empty, match_names, sizes_of
from explorer.formats.folders import OTHER_COPY, inside, read_json, told
from explorer.formats.stored import Stored, find_weights, read_stored
from explorer.preloading import IMPORTING

__all__ = [
    "FAMILY",
    "describe_autoencoder",
    "describe_autoencoder_file",
    "empty_autoencoder",
    "is_autoencoder_file",
    "read_autoencoder",
    "read_autoencoder_file",
]

FAMILY: Final = "autoencoder"
STEMS: Final = ("diffusion_pytorch_model", "model", "pytorch_model")
INHERITED: Final = ("preparation", "data", "licence")  # of the whole model, that hold for its autoencoder as well

PREFIX: Final = "first_stage_model."
FIRST: Final = "encoder.down.0.block.0."
GROUPS: Final = 32  # of every normalisation in Stable Diffusion; they are not in the file
MOST_BLOCKS: Final = 64
# By channels of the latents: whose scaling is taken, and what it is. It is not in the file either.
SCALINGS: Final = {
    4: ("Stable Diffusion", {"scaling_factor": 0.18215}),
    16: ("Stable Diffusion 3", {"scaling_factor": 1.5305, "shift_factor": 0.0609}),
}
FOLDER: Final = "Open the folder of this model in the layout of diffusers."


def read_autoencoder(
    folder: Path, own: Mapping[str, Any], name: str, whole: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Read a folder that is one autoencoder; the arguments are those of ``describe_autoencoder``.

    Raises:
        CheckpointError: with one sentence on what is wrong with it.
    """
    config = describe_autoencoder(folder, own, name, whole)
    part = config["architecture"]
    stored = find_weights(folder, STEMS)
    net = empty_autoencoder(folder.name, part)
    names, left = match_names(folder.name, sizes_of(net), {each: s.shape for each, s in stored.items()})
    weights = read_stored({new: stored[old] for new, old in names.items()})
    refuse_bad_values(folder, weights)
    warnings = [f"{len(left)} weights were ignored, such as {told(left[0])}."] if left else []
    if any(file.suffix == ".py" for file in folder.glob("*.py")):
        warnings.append("The programs (.py) in this folder were ignored.")
    return Checkpoint(config, weights, folder, "diffusers", tuple(warnings))


def describe_autoencoder(
    folder: Path, own: Mapping[str, Any], name: str, whole: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration of such a folder, without its weights.

    ``own`` is what we wrote of it, and ``whole`` what we wrote of the model that it is a part of.

    Raises:
        CheckpointError: it is no autoencoder that is known here, or describes an impossible one.
    """
    path = inside(folder, "config.json")
    if path is None:
        raise CheckpointError(f"{folder.name} is incomplete: its config.json is missing.", OTHER_COPY)
    config = read_json(path)
    kind = config.get("_class_name")
    check_part(folder.name, "autoencoder", kind if isinstance(kind, str) else told(kind), AUTOENCODERS, config)
    check_config(f"{folder.name}/config.json", config)
    shared = {key: whole[key] for key in INHERITED if key in whole} if whole else {}
    return {**shared, **own, "family": FAMILY, "name": name, "architecture": config}


def empty_autoencoder(where: str, architecture: Mapping[str, Any]) -> nn.Module:
    """The network without memory for its weights. The size of pictures, which may be missing, is nothing to it.

    Raises:
        CheckpointError: the settings do not fit together.
    """
    settings = {name: value for name, value in architecture.items() if name != "sample_size"}
    return build_empty(where, settings["_class_name"], settings)


# --- one file, with the names of its first authors ---


def is_autoencoder_file(names: Iterable[str]) -> bool:
    """Whether names of tensors are those of an autoencoder of Stable Diffusion and of nothing else."""
    known = list(names)
    return any(name.removeprefix(PREFIX).startswith(FIRST) for name in known) and not any(
        name.startswith(("model.diffusion_model.", "cond_stage_model.", "conditioner.", "control_model."))
        for name in known
    )


def read_autoencoder_file(path: Path, stored: Mapping[str, Stored]) -> Checkpoint:
    """Read an autoencoder of Stable Diffusion out of the tensors of one file, such as vae-ft-mse-840000.

    Raises:
        CheckpointError: it is incomplete, or of a kind that its weights do not tell enough of.
    """
    config = describe_autoencoder_file(path, stored)
    part = config["architecture"]
    known = {name.removeprefix(PREFIX): each for name, each in stored.items()}
    used = {name: each for name, each in known.items() if name.startswith(("encoder.", "decoder.", "quant_", "post_"))}
    net = empty_autoencoder(path.name, part)
    read = _renamed(path.name, part, read_stored(used))
    names, _ = match_names(path.name, sizes_of(net), {name: tuple(value.shape) for name, value in read.items()})
    weights = {new: read[old].contiguous() for new, old in names.items()}
    refuse_bad_values(path, weights)
    whose = SCALINGS.get(part["latent_channels"])
    warnings = [f"How its latents are scaled is not in the file; that of {whose[0]} was taken."] if whose else []
    return Checkpoint(config, weights, path, "stable-diffusion-autoencoder", tuple(warnings))


def describe_autoencoder_file(path: Path, stored: Mapping[str, Stored]) -> dict[str, Any]:
    """The configuration alone, told by the shapes of the weights. Raises as ``read_autoencoder_file``."""
    shapes = {name.removeprefix(PREFIX): each.shape for name, each in stored.items()}
    if any(name.startswith("quantize.") for name in shapes):
        raise CheckpointError(f"{path.name} is only the autoencoder of a diffusion model, with a codebook.", FOLDER)
    blocks = _counted(shapes, r"encoder\.down\.(\d+)\.block\.0\.conv1\.weight")
    layers = _counted(shapes, r"encoder\.down\.0\.block\.(\d+)\.conv1\.weight")
    widths = [shapes.get(f"encoder.down.{block}.block.0.conv1.weight", (0,))[0] for block in range(blocks)]
    ends = [
        shapes.get(name) for name in ("encoder.conv_in.weight", "decoder.conv_out.weight", "decoder.conv_in.weight")
    ]
    if not blocks or any(end is None or len(end) != 4 for end in ends):
        raise CheckpointError(f"{path.name} is incomplete: the first or last layer is missing.", OTHER_COPY)
    if blocks > MOST_BLOCKS or layers > MOST_BLOCKS:
        raise CheckpointError(f"{path.name} describes an impossible network: it has too many layers.", OTHER_COPY)
    if any(width < GROUPS or width % GROUPS for width in widths) or any(".attn." in name for name in shapes):
        raise CheckpointError(
            f"{path.name} is only the autoencoder of a diffusion model, and does not say how it is built.", FOLDER
        )
    first, last, latent = (end or (0, 0) for end in ends)
    part: dict[str, Any] = {
        "_class_name": "AutoencoderKL",
        "in_channels": first[1],
        "out_channels": last[0],
        "latent_channels": latent[1],
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D"] * blocks,
        "up_block_types": ["UpDecoderBlock2D"] * blocks,
        "layers_per_block": layers,
        "norm_num_groups": GROUPS,
        "mid_block_add_attention": "encoder.mid.attn_1.q.weight" in shapes,
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
        "sample_size": None,
        "scaling_factor": 1.0,
    }
    part |= SCALINGS[latent[1]][1] if latent[1] in SCALINGS else {}
    check_config(path.name, part)
    return {"family": FAMILY, "name": path.name.split(".")[0], "architecture": part}


def _counted(shapes: Mapping[str, object], pattern: str) -> int:
    """One more than the highest number that names matching ``pattern`` hold; 0 where there is none."""
    found = [int(match[1]) for name in shapes if (match := re.fullmatch(pattern, name)) and len(match[1]) < 6]
    return max(found, default=-1) + 1


def _renamed(where: str, part: Mapping[str, Any], weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the names that diffusers has for them."""
    with IMPORTING:
        from diffusers.loaders import single_file_utils

    utils: Any = single_file_utils  # without types
    try:
        made = utils.convert_ldm_vae_checkpoint(weights, dict(part))
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{where} is incomplete: it lacks {told(str(error))}.", OTHER_COPY) from error
    return {key: value for key, value in made.items() if value is not None}
