"""StyleGAN2 as rosinality/stylegan2-pytorch and the programs built on it write it (pSp, e4e, StyleCLIP).

It is the same network as NVIDIA's with other names; the filters are stored multiplied by 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torch import Tensor

from explorer.formats.drafts import NO_AVERAGE, Draft, Weight, changed, drawn_noise, reshaped, usual_filter, weight_of
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import TensorData
from explorer.formats.stylegan_shapes import Traits, stylegan2_architecture
from explorer.formats.trees import Tree

__all__ = ["rosinality_draft"]

SIGNS: Final = ("input.input", "style.1.weight", "conv1.conv.modulation.weight")
IGNORED: Final = {
    "g": "Its generator g was ignored in favour of the averaged one, g_ema.",
    "d": "Its discriminator d was ignored.",
    "g_optim": "The state of its training was ignored.",
    "args": "The settings of its training were ignored.",
    "opts": "The settings of its training were ignored.",
}
QUIET: Final = ("g_ema", "latent_avg", "state_dict", "d_optim", "ada_aug_p", "iter")
UNUSED: Final = ("latent_avg", "mean_latent")


def rosinality_draft(tree: Tree) -> Draft | None:
    """The generator of such a file, or None if it is something else.

    Raises:
        Refusal: it is damaged.
    """
    root = tree.root
    if not isinstance(root, dict):
        return None
    found = next(_generators(root), None)
    if found is None:
        return None
    where, prefix, tensors = found
    warnings: list[str] = []
    if where is not root:
        warnings += [
            IGNORED.get(key, f"Its part {shown(key)} was ignored.") for key in list(root)[:20] if key not in QUIET
        ]
    if prefix and any(not key.startswith(prefix) and key not in UNUSED for key in where if isinstance(key, str)):
        warnings.append(f"Everything outside of {shown(prefix.rstrip('.'))} was ignored.")
    weights = _renamed(tensors)
    average = root.get("latent_avg", where.get("latent_avg"))
    if isinstance(average, TensorData):
        weights["mapping.w_avg"] = _average(average)
    missing = _fill(weights)
    architecture = stylegan2_architecture({name: weight.shape for name, weight in weights.items()}, Traits())
    if missing:
        warnings.append("This file holds no fixed noise; it was drawn.")
    if "mapping.w_avg" not in weights:
        architecture["estimate_average"] = True
        warnings.append(NO_AVERAGE)
    config = {"family": "stylegan2", "name": tree.path.stem, "architecture": architecture}
    return Draft("rosinality", config, weights, tuple(dict.fromkeys(warnings)))


def _generators(root: dict[object, object]) -> Iterator[tuple[dict[object, object], str, dict[str, TensorData]]]:
    """Dictionaries that hold such a generator, averaged ones first: where, with what prefix, and its tensors."""
    inner = [root.get(key) for key in ("g_ema", "state_dict", "generator", "model", "g")]
    for where in (*inner, root):
        if not isinstance(where, dict):
            continue
        tensors = {key: value for key, value in where.items() if isinstance(key, str) and isinstance(value, TensorData)}
        prefixes = [key.removesuffix(SIGNS[0]) for key in tensors if key == SIGNS[0] or key.endswith("." + SIGNS[0])]
        for prefix in sorted(prefixes, key=lambda prefix: ("ema" not in prefix, len(prefix))):
            if all(prefix + sign in tensors for sign in SIGNS):
                start = len(prefix)
                yield where, prefix, {key[start:]: value for key, value in tensors.items() if key.startswith(prefix)}


def _renamed(tensors: dict[str, TensorData]) -> dict[str, Weight]:
    """The tensors under NVIDIA's names."""
    weights: dict[str, Weight] = {}
    for name, tensor in tensors.items():
        if name in UNUSED:
            continue
        renamed = _new_name(name)
        if renamed is None:
            raise Refusal(f"its weights {shown(name)} are none of a StyleGAN2's")
        if renamed in weights:
            raise Refusal(f"it holds the weights {shown(name)} twice")
        weights[renamed] = _new_value(renamed, weight_of(tensor))
    first = weights.get("synthesis.b8.resample_filter")
    if first is not None:  # the picture of the first block is not enlarged, so it has no filter of its own
        weights["synthesis.b4.resample_filter"] = first
    return weights


def _new_name(name: str) -> str | None:
    parts = name.split(".")
    match parts:
        case ["input", "input"]:
            return "synthesis.b4.const"
        case ["style", number, ("weight" | "bias") as kind] if number.isdecimal() and len(number) < 4:
            return f"mapping.fc{int(number) - 1}.{kind}"
        case ["noises", noise] if (number := noise.removeprefix("noise_")).isdecimal() and len(number) < 4:
            return f"{_layer(int(number) - 1)}.noise_const"
        case ["conv1", *rest]:
            return _in_layer(_layer(-1), rest)
        case ["convs", number, *rest] if number.isdecimal() and len(number) < 4:
            return _in_layer(_layer(int(number)), rest)
        case ["to_rgb1", *rest]:
            return _in_layer("synthesis.b4.torgb", rest)
        case ["to_rgbs", number, *rest] if number.isdecimal() and len(number) < 4:
            block = f"synthesis.b{8 << int(number) if int(number) < 12 else 0}"
            return f"{block}.resample_filter" if rest == ["upsample", "kernel"] else _in_layer(f"{block}.torgb", rest)
    return None


def _layer(number: int) -> str:
    """The name of a convolution: -1 is that of 4x4, then two for every size."""
    if number < 0:
        return "synthesis.b4.conv1"
    return f"synthesis.b{8 << number // 2 if number < 24 else 0}.conv{number % 2}"


def _in_layer(layer: str, rest: list[str]) -> str | None:
    match rest:
        case ["conv", "weight"]:
            return f"{layer}.weight"
        case ["conv", "modulation", ("weight" | "bias") as kind]:
            return f"{layer}.affine.{kind}"
        case ["conv", "blur", "kernel"]:
            return f"{layer}.resample_filter"
        case ["noise", "weight"]:
            return f"{layer}.noise_strength"
        case ["activate", "bias"] | ["bias"]:
            return f"{layer}.bias"
    return None


def _new_value(name: str, weight: Weight) -> Weight:
    """What NVIDIA's networks have under this name."""
    shape = weight.shape
    if name.endswith("noise_strength") and shape == (1,):
        return reshaped(weight, ())
    if name.endswith("noise_const") and shape[:2] == (1, 1):
        return reshaped(weight, shape[2:])
    if name.endswith("resample_filter"):
        return changed(weight, lambda tensor: tensor / 4)
    if name.endswith(".bias") and len(shape) == 4 and shape[0] == shape[2] == shape[3] == 1:
        return reshaped(weight, shape[1:2])
    if (name.endswith(".const") and len(shape) == 4) or (name.endswith(".weight") and len(shape) == 5):
        return reshaped(weight, shape[1:]) if shape[0] == 1 else weight
    return weight


def _average(average: TensorData) -> Weight:
    """The average style, which encoders repeat for every layer."""
    weight = weight_of(average)
    if len(average.shape) != 2:
        return weight

    def change(tensor: Tensor) -> Tensor:
        return tensor[0] if bool((tensor == tensor[0]).all()) else tensor.mean(0)

    return changed(weight, change, average.shape[1:])


def _fill(weights: dict[str, Weight]) -> bool:
    """Add the filters and the noise that some files leave out, and say whether noise was missing."""
    missing = False
    for name in [name for name in weights if name.endswith(".weight") and ".conv" in name and "affine" not in name]:
        layer = name.removesuffix(".weight")
        block, _, kind = layer.rpartition(".")
        size = int(block.removeprefix("synthesis.b"))
        weights.setdefault(f"{block}.resample_filter", usual_filter())
        if kind == "conv0":
            weights.setdefault(f"{layer}.resample_filter", usual_filter())
        if f"{layer}.noise_const" not in weights and f"{layer}.noise_strength" in weights:
            weights[f"{layer}.noise_const"] = drawn_noise(size)
            missing = True
    return missing
