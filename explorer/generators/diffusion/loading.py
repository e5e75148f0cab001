"""A diffusion model put together out of a checkpoint: every part built, filled, and found to fit the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from explorer.errors import CheckpointError, DeviceError
from explorer.formats import Checkpoint
from explorer.formats.diffusers_checks import PARTS, TOKENIZERS, check_config
from explorer.formats.diffusers_nets import build_empty, fill
from explorer.generators.diffusion.conditions import ClassReader, NoReader, PromptReader, Reader
from explorer.generators.diffusion.parts import Autoencoder, Network, class_count, weigh_classes
from explorer.generators.diffusion.schedules import SchedulePlan, plan_of, told_sampling
from explorer.generators.diffusion.text import TextReader, Tokens, check_encoders
from explorer.scene import Sampling

__all__ = ["Assembly", "assemble"]

HALVED: Final = 200_000_000  # parameters; larger networks are computed in half precision on graphics cards
SPARE: Final = 1.15  # memory that pictures on their way need, relative to the weights
TURBO_STEPS: Final = 4
COLOURS: Final = (1, 3)  # channels of a picture: grey, and red, green and blue


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """All that a generator consists of. ``extra`` are the files of tokenizers."""

    net: nn.ModuleDict
    network: Network
    autoencoder: Autoencoder
    plan: SchedulePlan
    sampling: Sampling
    reader: Callable[[torch.device], Reader]
    latent_shape: tuple[int, int, int]
    image_shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...]
    most_steps: int
    extra: Mapping[str, Tensor]


def assemble(checkpoint: Checkpoint, device: torch.device) -> Assembly:
    """The parts of a checkpoint. Raises CheckpointError where they do not fit, DeviceError where memory is short."""
    where = checkpoint.path.name if checkpoint.path else checkpoint.name
    parts = _parts(where, checkpoint.config)
    _check_memory(where, checkpoint, device)
    net = nn.ModuleDict()
    for name, config in parts.items():
        kind = config["_class_name"]
        if kind in PARTS.get(name, ()):
            net[name] = _filled(f"{where}/{name}", name, config, checkpoint, device)
    if not {"unet", "transformer"} & parts.keys():
        raise CheckpointError(f"{where} holds no network that removes noise.")
    name = "unet" if "unet" in parts else "transformer"
    kind, config = parts[name]["_class_name"], parts[name]
    plan = plan_of(where, parts.get("scheduler", {}))
    network = Network(where, kind, config, net[name], plan)
    coder = next((each for each in ("vae", "vqvae") if each in net), None)
    autoencoder = Autoencoder(parts[coder]["_class_name"] if coder else "", net[coder] if coder else None)
    latent, image = _shapes(where, network, autoencoder)
    places = class_count(kind, config)
    has_none = kind != "UNet2DModel" or checkpoint.config.get("classes") == places - 1
    classes = 0 if not places else places - 1 if has_none else places
    if places:
        weigh_classes(net[name])
    extra = {each: value for each, value in checkpoint.weights.items() if "/" in each}
    reader = _reader(where, checkpoint.name, kind, net, parts, name, image[1:], extra, places, has_none)
    most = len(getattr(plan.schedule, "alphas_cumprod", ())) or 1000
    most = getattr(plan.schedule, "original_steps", most) if "lcm" in plan.samplers else most
    return Assembly(
        net,
        network,
        autoencoder,
        plan,
        _sampling(kind, config, parts, plan, checkpoint.config, bool(places and has_none)),
        reader,
        latent,
        image,
        classes,
        _names(parts.get("index", {}).get("id2label"), classes),
        most,
        extra,
    )


def _parts(where: str, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of the parts; checked again, because a file of ours may hold anything, too."""
    parts = config.get("architecture")
    if not isinstance(parts, Mapping) or len(parts) > 20:
        raise CheckpointError(f"{where} does not describe its networks.")
    found: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        if not isinstance(part, Mapping) or not isinstance(part.get("_class_name"), str) or "." in name or "/" in name:
            raise CheckpointError(f"{where} does not describe its networks.")
        if name in PARTS and part["_class_name"] not in PARTS[name]:
            raise CheckpointError(f"{where} holds a network that is not known here: its {name}.")
        if name in PARTS:
            check_config(f"{where}/{name}", part)
        found[name] = dict(part)
    return found


def _filled(
    where: str, name: str, config: Mapping[str, Any], checkpoint: Checkpoint, device: torch.device
) -> nn.Module:
    kind = config["_class_name"]
    net = build_empty(where, kind, config)
    prefix = f"{name}."
    weights = {key.removeprefix(prefix): value for key, value in checkpoint.weights.items() if key.startswith(prefix)}
    large = sum(value.numel() for value in net.parameters()) > HALVED
    dtype = torch.float32
    if device.type == "cuda" and large:  # T5 overflows in 16 bits with few digits of exponent
        dtype = torch.bfloat16 if kind == "T5EncoderModel" else torch.float16
    fill(where, net, weights, dtype)
    return net


def _shapes(where: str, network: Network, coder: Autoencoder) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(c, h, w) of the latents and of the pictures."""
    height, width = network.side
    if not network.fits(height, width):
        raise CheckpointError(f"{where} describes an impossible network: its pictures are {width} x {height}.")
    latent = (network.channels, height, width)
    if coder.net is None:
        if network.channels not in COLOURS:
            raise CheckpointError(
                f"{where} is incomplete: it works on codes of {network.channels} channels, and has no autoencoder.",
                "Open the folder of the whole model.",
            )
        return latent, latent
    channels, colours = coder.channels
    if colours not in COLOURS or not coder.is_sound():
        raise CheckpointError(f"{where} has an autoencoder whose settings are impossible.")
    if channels != network.channels:
        raise CheckpointError(
            f"{where} does not fit together: its network works on {network.channels} channels, and its autoencoder "
            f"has {channels}."
            if network.out >= network.channels
            else f"{where} is made for changing a picture, and cannot start from noise alone."
        )
    return latent, (colours, height * coder.factor, width * coder.factor)


def _reader(
    where: str,
    name: str,
    kind: str,
    net: nn.ModuleDict,
    parts: Mapping[str, Mapping[str, Any]],
    network: str,
    size: tuple[int, int],
    extra: Mapping[str, Tensor],
    places: int,
    has_none: bool,
) -> Callable[[torch.device], Reader]:
    """What makes the reader of conditions, once the networks are on their device."""
    if places:
        return lambda device: ClassReader(name, places, has_none, device)
    if kind not in ("UNet2DConditionModel", "SD3Transformer2DModel"):
        return NoReader
    encoders: list[tuple[Tokens, nn.Module]] = []
    for number in ("", "_2", "_3"):
        if f"text_encoder{number}" in net:
            part = f"tokenizer{number}"
            kind_of_words = str(parts.get(part, {}).get("_class_name", "CLIPTokenizer"))
            if kind_of_words not in TOKENIZERS:
                raise CheckpointError(f"{where} has a tokenizer that is not known here.")
            files = {key.removeprefix(f"{part}/"): data for key, data in extra.items() if key.startswith(f"{part}/")}
            encoder = f"text_encoder{number}"
            empty = _empty_prompt(parts.get(part, {}).get("empty_prompt"), int(parts[encoder].get("vocab_size") or 0))
            encoders.append((Tokens(where, kind_of_words, files, empty), net[encoder]))
    if not encoders:
        raise CheckpointError(f"{where} is incomplete: it reads text, and its text encoder is missing.")
    config = parts[network]
    widths = [int(getattr(encoder.config, "hidden_size", 0)) for _, encoder in encoders]
    check_encoders(where, kind, config, widths)
    zeros = parts.get("index", {}).get("force_zeros_for_empty_prompt", True) is not False
    return lambda device: PromptReader(TextReader(kind, net[network], encoders, size, zeros))


def _empty_prompt(told: object, words: int) -> tuple[int, int, int] | None:
    """The first, last and padding token of a checkpoint without words, where they are possible."""
    match told:
        case [int() as first, int() as last, int() as padding] if all(0 <= each < words for each in told):
            return first, last, padding
    return None


def _sampling(
    kind: str,
    config: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    plan: SchedulePlan,
    own: Mapping[str, Any],
    has_none: bool,
) -> Sampling:
    """What the checkpoint suggests, or what its kind is usually sampled with."""
    scheduler = str(parts.get("scheduler", {}).get("_class_name", ""))
    guidance = 1.0
    if kind == "SD3Transformer2DModel":
        guidance = 7.0
    elif kind == "UNet2DConditionModel":
        guidance = 5.0 if config.get("addition_embed_type") == "text_time" else 7.5
    elif kind != "UNet2DModel":
        guidance = 4.0
    elif has_none:
        guidance = 2.0
    if scheduler == "LCMScheduler" or config.get("time_cond_proj_dim"):
        guidance = 1.0
    elif kind == "UNet2DConditionModel" and scheduler.startswith("Euler") and _is_trailing(parts["scheduler"]):
        plan = replace(plan, suggested=replace(plan.suggested, steps=TURBO_STEPS))  # distilled for a few steps
        guidance = 1.0
    return told_sampling(plan, own.get("sampling"), guidance)


def _is_trailing(scheduler: Mapping[str, Any]) -> bool:
    return scheduler.get("timestep_spacing") == "trailing"


def _names(labels: object, classes: int) -> tuple[str, ...]:
    """The names of classes in a pipeline, {"0": "tench", ...}; none where they are not all there."""
    if not isinstance(labels, Mapping) or not classes:
        return ()
    names = [labels.get(str(index)) for index in range(classes)]
    return tuple(str(name)[:80] for name in names) if all(isinstance(name, str) for name in names) else ()


def _check_memory(where: str, checkpoint: Checkpoint, device: torch.device) -> None:
    """Refuse what cannot fit, before anything is moved.

    Raises:
        DeviceError: the weights are larger than the memory of the device.
    """
    count = sum(value.numel() for name, value in checkpoint.weights.items() if value.is_floating_point())
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        needed = count * (2 if count > HALVED else 4)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        needed = count * 4
    else:
        return
    if needed * SPARE > free:
        raise DeviceError(
            f"{where} needs about {needed * SPARE / 1e9:.0f} GB of memory, and {device} has {free / 1e9:.0f} GB.",
            "Choose a smaller model, or another device.",
        )
