"""Pickles of the StyleGAN2s written for TensorFlow (the original one, and StyleGAN2-ADA)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from explorer.formats.drafts import NO_AVERAGE, Draft, Weight, changed, reshaped, usual_filter, weight_of
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.persistence import numbers_of
from explorer.formats.records import ArrayData, Record
from explorer.formats.stylegan_shapes import Traits, stylegan2_architecture
from explorer.formats.trees import Tree

__all__ = ["tensorflow_draft"]

NETWORKS: Final = ("dnnlib.tflib.network", "dnnlib.tflib", "tfutil")
FIRST_STYLEGAN2: Final = 4  # the version of a network's record
BLOCK: Final = re.compile(r"synthesis/(\d{1,4})x(\d{1,4})/(Conv0_up|Conv1|Conv|ToRGB|Skip|Const)/(\w+)")
NOISE: Final = re.compile(r"synthesis/noise(\d{1,2})")
DENSE: Final = re.compile(r"mapping/Dense(\d{1,3})/(weight|bias)")
LAYERS: Final = {"Conv0_up": "conv0", "Conv1": "conv1", "Conv": "conv1", "ToRGB": "torgb", "Skip": "skip"}
OLD_COLOURS: Final = re.compile(r"synthesis/ToRGB_lod(\d{1,2})/(\w+)")
UNUSED: Final = ("lod", "synthesis/lod")  # how far the growing of a first StyleGAN had come


def tensorflow_draft(tree: Tree) -> Draft | None:
    """The averaged generator of such a pickle, or None if the file is something else.

    Raises:
        Refusal: it is of a program before StyleGAN2, or damaged.
    """
    root = tree.root
    if not isinstance(root, (tuple, list)) or not root or _state(root[-1]) is None:
        return None
    if len(root) != 3:
        raise Refusal(f"it holds {len(root)} networks instead of a generator, a discriminator and an average")
    state = _state(root[2])
    assert state is not None
    version = state.get("version")
    if not isinstance(version, int) or version < FIRST_STYLEGAN2:
        raise Refusal("it holds a StyleGAN1 or Progressive GAN, and of TensorFlow's only StyleGAN2 can be opened")
    settings = state.get("static_kwargs")
    if not isinstance(settings, dict):
        raise Refusal("the settings of its generator are missing")
    resolution = _number(settings, "resolution", 1024)
    weights: dict[str, Weight] = {}
    for name, array in _variables(state).items():
        if "LabelConcat" in name:
            raise Refusal("it joins classes to the latent in a way that only the first StyleGAN2 did")
        if name not in UNUSED:
            _add(weights, name, array, resolution)
    _add_filters(weights, settings)
    traits = Traits(
        _number(settings, "mapping_lrmul", 0.01),
        _word(settings, "mapping_nonlinearity"),
        _word(settings, "nonlinearity"),
        None if settings.get("conv_clamp") is None else _number(settings, "conv_clamp", 0),
    )
    architecture = stylegan2_architecture({name: weight.shape for name, weight in weights.items()}, traits)
    _check(settings, "architecture", architecture["architecture"])
    warnings = [
        "Its generator G was ignored in favour of the averaged one, Gs.",
        "Its discriminator D was ignored.",
        "The source text in it was not run.",
    ]
    if "mapping.w_avg" not in weights:
        architecture["estimate_average"] = True
        warnings.append(NO_AVERAGE)
    config: dict[str, Any] = {"family": "stylegan2", "name": tree.path.stem, "architecture": architecture}
    return Draft("tensorflow", config, weights, tuple(warnings))


def _state(value: object) -> dict[object, object] | None:
    """What is known of a network, if the value is one."""
    is_network = isinstance(value, Record) and value.name == "Network" and value.module in NETWORKS
    return value.state if is_network and isinstance(value, Record) and isinstance(value.state, dict) else None


def _variables(state: dict[object, object], prefix: str = "") -> dict[str, ArrayData]:
    """All variables of a network and of the two networks it consists of, by name."""
    listed = state.get("variables")
    if not isinstance(listed, (list, tuple)):
        raise Refusal("the variables of its generator are missing")
    found: dict[str, ArrayData] = {}
    for pair in listed:
        match pair:
            case (str() as name, ArrayData() as array) | [str() as name, ArrayData() as array]:
                found[prefix + name] = array
            case (str() as name, (int() | float()) as number) | [str() as name, (int() | float()) as number]:
                found[prefix + name] = _single(number)
            case _:
                raise Refusal("the variables of its generator are damaged")
    components = state.get("components")
    if not prefix and isinstance(components, dict):
        for name in ("mapping", "synthesis"):
            inner = _state(components.get(name))
            if inner is None:
                raise Refusal(f"its {name} network is missing")
            found |= _variables(inner, f"{name}/")
    return found


def _add(weights: dict[str, Weight], name: str, array: ArrayData, resolution: int) -> None:
    """Add a variable under NVIDIA's name for PyTorch, in PyTorch's order of axes."""
    weight = weight_of(array)
    if name == "dlatent_avg":
        weights["mapping.w_avg"] = weight
    elif name in ("mapping/LabelEmbed/weight", "mapping/LabelEmbed/bias"):
        weights["mapping.embed." + name.rpartition("/")[2]] = _transposed(weight)
    elif found := DENSE.fullmatch(name):
        weights[f"mapping.fc{int(found[1])}.{found[2]}"] = _transposed(weight)
    elif found := NOISE.fullmatch(name):
        index = int(found[1])  # 0 is that of 4x4, then two for every size
        layer = f"b{4 << (index + 1) // 2}.conv{0 if index % 2 else 1}"
        weights[f"synthesis.{layer}.noise_const"] = _without_ones(weight, 2)
    elif found := OLD_COLOURS.fullmatch(name):
        _add_of_layer(weights, resolution >> int(found[1]), "ToRGB", found[2], weight)
    elif (found := BLOCK.fullmatch(name)) and found[1] == found[2]:
        _add_of_layer(weights, int(found[1]), found[3], found[4], weight)
    else:
        raise Refusal(f"its variable {shown(name)} is none of a StyleGAN2's")


def _add_of_layer(weights: dict[str, Weight], size: int, layer: str, kind: str, weight: Weight) -> None:
    if layer == "Const":
        weights[f"synthesis.b{size}.const"] = _without_ones(weight, 3)
        return
    name = f"synthesis.b{size}.{LAYERS[layer]}"
    match kind:
        case "weight":
            is_flipped = layer in ("Conv0_up", "Skip")
            weights[f"{name}.weight"] = _convolution(weight, is_flipped)
        case "mod_weight":
            weights[f"{name}.affine.weight"] = _transposed(weight)
        case "mod_bias":
            weights[f"{name}.affine.bias"] = changed(weight, lambda tensor: tensor + 1)
        case "noise_strength":
            weights[f"{name}.{kind}"] = _without_ones(weight, 0)
        case "bias":
            weights[f"{name}.{kind}"] = weight
        case _:
            raise Refusal(f"its variable {shown(f'{size}x{size}/{layer}/{kind}')} is none of a StyleGAN2's")


def _add_filters(weights: dict[str, Weight], settings: dict[object, object]) -> None:
    """TensorFlow's networks have one filter for everything, among their settings."""
    taps = numbers_of(settings.get("resample_kernel", [1, 3, 3, 1]))
    if not taps or sum(taps) == 0:
        raise Refusal("its setting resample_kernel is not a filter")
    kernel = usual_filter(tuple(taps))
    for name in list(weights):
        layer, _, kind = name.rpartition(".")
        if kind == "weight" and name.startswith("synthesis.") and not layer.endswith("affine"):
            block, _, convolution = layer.rpartition(".")
            weights[f"{block}.resample_filter"] = kernel
            if convolution in ("conv0", "skip"):
                weights[f"{layer}.resample_filter"] = kernel


def _transposed(weight: Weight) -> Weight:
    return changed(weight, Tensor.t, weight.shape[::-1]) if len(weight.shape) == 2 else weight


def _convolution(weight: Weight, is_flipped: bool) -> Weight:
    """(height, width, inputs, outputs) as (outputs, inputs, height, width)."""
    if len(weight.shape) != 4:
        return weight
    height, width, inputs, outputs = weight.shape
    change: Callable[[Tensor], Tensor] = lambda tensor: tensor.permute(3, 2, 0, 1)  # noqa: E731
    if is_flipped:
        weight = changed(weight, lambda tensor: torch.flip(tensor, (0, 1)))
    return changed(weight, change, (outputs, inputs, height, width))


def _without_ones(weight: Weight, dimensions: int) -> Weight:
    """Only the last dimensions, where the ones before are 1."""
    extra = len(weight.shape) - dimensions
    if extra <= 0 or any(size != 1 for size in weight.shape[:extra]):
        return weight
    return reshaped(weight, weight.shape[extra:])


def _single(number: float) -> ArrayData:
    array = ArrayData()
    value = torch.tensor(float(number)).numpy()
    array.dtype, array.shape, array.data = value.dtype, (), value.tobytes()
    return array


def _number(settings: dict[object, object], name: str, default: Any) -> Any:
    numbers = numbers_of(settings.get(name, default))
    if len(numbers) != 1:
        raise Refusal(f"its setting {name} is not a number")
    return numbers[0] if isinstance(default, float) else int(numbers[0])


def _word(settings: dict[object, object], name: str) -> str:
    value = settings.get(name, "lrelu")
    if not isinstance(value, str):
        raise Refusal(f"its setting {name} is not a word")
    return value


def _check(settings: dict[object, object], name: str, found: object) -> None:
    said = settings.get(name, found)
    if isinstance(said, str) and said != found:
        raise Refusal(f"its setting {name} is {shown(said)}, but its variables are those of {found}")
