"""Files as other programs write them, built here from the facts about their formats, with random small networks."""

from __future__ import annotations

import io
import pickle
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

RECONSTRUCT: Final = ("torch_utils.persistence", "_reconstruct_persistent_obj")
NETWORK: Final = ("dnnlib.tflib.network", "Network")
SOURCE: Final = "raise SystemExit('the source text was run')\n"


class Global:
    """A name in a pickle, whether or not anything of that name exists."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self) -> None:
        """Pickles call only what can be called."""


class Call:
    """A function that the reader of a pickle is to call, or with ``is_new`` a class to make an object of."""

    def __init__(self, of: tuple[str, str], *args: object, state: object = None, is_new: bool = False) -> None:
        self.of = Global(*of)
        self.args = args
        self.state = state
        self.is_new = is_new


class Pickler(pickle._Pickler):  # type: ignore[misc, name-defined]  # the one in Python, which can be taught names
    """Writes ``Global`` and ``Call`` beside everything else."""

    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Global):
            self._save_name(obj)
        elif isinstance(obj, Call):
            known = self.memo.get(id(obj))
            if known is not None:
                self.write(self.get(known[0]))
                return
            self.save(obj.of)
            self.save(obj.args)
            self.write(pickle.NEWOBJ if obj.is_new else pickle.REDUCE)
            self.memoize(obj)
            if obj.state is not None:
                self.save(obj.state)
                self.write(pickle.BUILD)
        else:
            super().save(obj, save_persistent_id)

    def _save_name(self, obj: Global) -> None:
        if self.proto >= 4:
            self.save(obj.module)
            self.save(obj.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())


def pickled(value: object, protocol: int = 4) -> bytes:
    """The pickle of a value that may contain names and calls."""
    file = io.BytesIO()
    Pickler(file, protocol).dump(value)
    return file.getvalue()


# --- networks ---


def style_weights(
    *,
    z: int = 8,
    w: int = 8,
    classes: int = 0,
    colours: int = 3,
    channels: tuple[int, ...] = (8, 6, 4),
    architecture: str = "skip",
    noise: bool = True,
    layers: int = 2,
    taps: tuple[float, ...] = (1, 3, 3, 1),
    seed: int = 0,
) -> dict[str, Tensor]:
    """Random weights of a StyleGAN2 under NVIDIA's names."""
    chance = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=chance)

    def dense(name: str, inputs: int, outputs: int) -> dict[str, Tensor]:
        return {f"{name}.weight": draw(outputs, inputs), f"{name}.bias": draw(outputs)}

    line = torch.tensor(taps, dtype=torch.float32)
    kernel = torch.outer(line, line) / line.sum() ** 2
    found = {"mapping.w_avg": draw(w)}
    if classes:
        found |= dense("mapping.embed", classes, w)
    for index in range(layers):
        found |= dense(f"mapping.fc{index}", w if index else z + (w if classes else 0), w)
    for index, outputs in enumerate(channels):
        block, size = f"synthesis.b{4 << index}", 4 << index
        inputs = channels[index - 1] if index else 0
        found[f"{block}.resample_filter"] = kernel
        if not index:
            found[f"{block}.const"] = draw(outputs, 4, 4)
        for layer, width in (("conv0", inputs), ("conv1", outputs)):
            if not width:
                continue
            found |= {f"{block}.{layer}.weight": draw(outputs, width, 3, 3), f"{block}.{layer}.bias": draw(outputs)}
            found |= dense(f"{block}.{layer}.affine", w, width)
            found[f"{block}.{layer}.resample_filter"] = kernel
            if noise:
                found |= {f"{block}.{layer}.noise_const": draw(size, size), f"{block}.{layer}.noise_strength": draw()}
        if architecture == "skip" or index == len(channels) - 1:
            found |= {f"{block}.torgb.weight": draw(colours, outputs, 1, 1), f"{block}.torgb.bias": draw(colours)}
            found |= dense(f"{block}.torgb.affine", w, outputs)
        if architecture == "resnet" and index:
            found |= {f"{block}.skip.weight": draw(outputs, inputs, 1, 1), f"{block}.skip.resample_filter": kernel}
    return found


def expected_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the filters that no layer uses."""
    return {name: value for name, value in weights.items() if not name.endswith("conv1.resample_filter")}


BUFFERS: Final = ("w_avg", "resample_filter", "noise_const", "freqs", "phases", "transform", "magnitude_ema")
Attributes = Callable[[str], dict[str, object]]


def layer_attributes(name: str, clamp: float | None = 256, multiplier: float = 0.01) -> dict[str, object]:
    """What NVIDIA's layers of StyleGAN2 remember."""
    last = name.rpartition(".")[2]
    if last.startswith("fc"):
        return {"activation": "lrelu", "weight_gain": np.float64(0.1), "bias_gain": multiplier}
    if last in ("affine", "embed"):
        return {"activation": "linear", "weight_gain": np.float64(0.1), "bias_gain": 1}
    if last in ("conv0", "conv1"):
        return {"activation": "lrelu", "conv_clamp": clamp, "up": 2 if last == "conv0" else 1, "act_gain": np.sqrt(2)}
    if last == "torgb":
        return {"conv_clamp": clamp}
    if last == "skip":
        return {"conv_clamp": None, "activation": "linear"}
    return {}


def nested(weights: dict[str, Any], attributes: Attributes, kind: str = "Generator", prefix: str = "") -> Call:
    """The persistence record of a network with these weights, None for buffers that are left out."""
    parameters: dict[str, object] = OrderedDict()
    buffers: dict[str, object] = OrderedDict()
    children: dict[str, dict[str, Any]] = OrderedDict()
    for name, value in weights.items():
        first, _, rest = name.partition(".")
        if rest:
            children.setdefault(first, {})[rest] = value
        elif first in BUFFERS or first.endswith("_filter"):
            buffers[first] = value
        else:
            parameters[first] = torch.nn.Parameter(value)
    modules = OrderedDict(
        (name, nested(inner, attributes, "Layer", f"{prefix}.{name}" if prefix else name))
        for name, inner in children.items()
    )
    modules["nothing"] = None
    state: dict[str, object] = {"training": False, "_parameters": parameters, "_buffers": buffers, "_modules": modules}
    state |= {"_non_persistent_buffers_set": set(), "_backward_hooks": OrderedDict(), "_init_args": (1, 2)}
    state |= {"_init_kwargs": Call(("dnnlib.util", "EasyDict"), is_new=True), **attributes(prefix)}
    meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": kind, "state": state}
    return Call(RECONSTRUCT, meta)


def nvidia_file(generator: object, protocol: int = 4, **parts: object) -> bytes:
    """A pickle as NVIDIA's training writes it."""
    return pickled({"training_set_kwargs": {"path": "x"}, "G": None, "D": None, "G_ema": generator, **parts}, protocol)


# --- StyleGAN3 ---


def style3_network(is_radial: bool = False, classes: int = 0, w: int = 8) -> tuple[dict[str, Any], Attributes]:
    """Random weights and layer settings of a StyleGAN3 with two layers and a torgb, 16 samples with margins."""
    weights = {name: value for name, value in style_weights(w=w, classes=classes).items() if name.startswith("mapping")}
    kernel = 1 if is_radial else 3

    def settings(up: int, down: int, taps: tuple[int, int], size: tuple[int, int], is_last: bool) -> dict[str, object]:
        width = 1 if is_last else kernel
        total = (size[1] - 1) * down + 1 - (size[0] + width - 1) * up + sum(taps) - 2
        low = (total + up) // 2
        sizes = {"in_size": np.array([size[0]] * 2), "out_size": np.array([size[1]] * 2)}
        padding = [low, total - low, low, total - low]
        rates = {"in_sampling_rate": np.float64(16), "out_sampling_rate": 16}
        other = {"up_factor": up, "down_factor": down, "padding": padding, "conv_clamp": 256, "is_torgb": is_last}
        return sizes | rates | other

    known: dict[str, dict[str, object]] = {
        "synthesis.input": {"channels": 6, "size": np.array([20, 20]), "sampling_rate": 16, "bandwidth": np.float64(2)},
        "synthesis": {"output_scale": 0.25},
    }
    names = ["L0_20_6", "L1_36_4", "L2_16_3"]
    plans = ((6, 6, (20, 20), (2, 2, 12, 12)), (6, 4, (20, 36), (4, 2, 24, 12)), (4, 3, (36, 16), (1, 1, 1, 1)))
    weights |= {
        "synthesis.input.weight": torch.randn(6, 6),
        "synthesis.input.freqs": torch.randn(6, 2),
        "synthesis.input.phases": torch.randn(6),
        "synthesis.input.transform": torch.eye(3),
        "synthesis.input.affine.weight": torch.randn(4, w),
        "synthesis.input.affine.bias": torch.randn(4),
    }
    for name, (inputs, outputs, size, (up, down, *taps)) in zip(names, plans, strict=True):
        is_last = name == names[-1]
        width = 1 if is_last else kernel
        square = (taps[1], taps[1]) if is_radial else (taps[1],)
        weights |= {
            f"synthesis.{name}.weight": torch.randn(outputs, inputs, width, width),
            f"synthesis.{name}.bias": torch.randn(outputs),
            f"synthesis.{name}.affine.weight": torch.randn(inputs, w),
            f"synthesis.{name}.affine.bias": torch.randn(inputs),
            f"synthesis.{name}.magnitude_ema": torch.tensor(1.5),
            f"synthesis.{name}.up_filter": None if is_last else torch.randn(taps[0]),
            f"synthesis.{name}.down_filter": None if is_last else torch.randn(square),
        }
        known[f"synthesis.{name}"] = settings(up, down, (taps[0], taps[1]), size, is_last)
    known["synthesis"]["layer_names"] = names
    return weights, lambda name: known.get(name, layer_attributes(name))


# --- rosinality, TensorFlow ---


def rosinality_state(weights: dict[str, Tensor], channels: int = 3) -> dict[str, Tensor]:
    """The weights of a StyleGAN2 under rosinality's names."""
    found: dict[str, Tensor] = OrderedDict()
    for name, value in weights.items():
        part, *rest = name.split(".")
        if part == "mapping":
            if rest[0].startswith("fc"):
                found[f"style.{int(rest[0][2:]) + 1}.{rest[1]}"] = value
            continue
        index = int(rest[0][1:]).bit_length() - 3  # 0 for 4x4
        match rest[1:]:
            case ["const"]:
                found["input.input"] = value[None]
            case ["resample_filter"]:
                if index:
                    found[f"to_rgbs.{index - 1}.upsample.kernel"] = value * 4
            case ["torgb", *kind]:
                layer = f"to_rgbs.{index - 1}" if index else "to_rgb1"
                _rosinality_layer(found, layer, kind, value, True)
            case [convolution, *kind]:
                number = 2 * index - 2 + int(convolution[-1])
                layer = f"convs.{number}" if index else "conv1"
                if kind == ["noise_const"]:
                    found[f"noises.noise_{number + 1 if index else 0}"] = value[None, None]
                elif kind != ["resample_filter"]:
                    _rosinality_layer(found, layer, kind, value, False)
                elif convolution == "conv0":
                    found[f"{layer}.conv.blur.kernel"] = value * 4
    return found


def _rosinality_layer(found: dict[str, Tensor], layer: str, kind: list[str], value: Tensor, is_colour: bool) -> None:
    match kind:
        case ["weight"]:
            found[f"{layer}.conv.weight"] = value[None]
        case ["bias"]:
            found[f"{layer}.bias" if is_colour else f"{layer}.activate.bias"] = (
                value[None, :, None, None] if is_colour else value
            )
        case ["affine", which]:
            found[f"{layer}.conv.modulation.{which}"] = value
        case ["noise_strength"]:
            found[f"{layer}.noise.weight"] = value[None]


def tensorflow_variables(weights: dict[str, Tensor]) -> dict[str, list[tuple[str, np.ndarray[Any, Any]]]]:
    """The variables of the three networks, as TensorFlow's StyleGAN2 has them."""
    found: dict[str, list[tuple[str, np.ndarray[Any, Any]]]] = {"": [], "mapping": [], "synthesis": []}
    layers = {"conv0": "Conv0_up", "conv1": "Conv1", "torgb": "ToRGB", "skip": "Skip"}
    for name, tensor in weights.items():
        value = tensor.numpy()
        match name.split("."):
            case ["mapping", "w_avg"]:
                found[""].append(("dlatent_avg", value))
            case ["mapping", layer, kind]:
                label = "LabelEmbed" if layer == "embed" else f"Dense{layer[2:]}"
                found["mapping"].append((f"{label}/{kind}", value.T if kind == "weight" else value))
            case ["synthesis", "b4", "const"]:
                found["synthesis"].append(("4x4/Const/const", value[None]))
            case ["synthesis", *_, "resample_filter"]:
                continue
            case ["synthesis", block, layer, "noise_const"]:
                index = 2 * (int(block[1:]).bit_length() - 1) - (5 if layer == "conv0" else 4)
                found["synthesis"].append((f"noise{index}", value[None, None]))
            case ["synthesis", block, layer, *kind]:
                place = f"{block[1:]}x{block[1:]}/{'Conv' if (block, layer) == ('b4', 'conv1') else layers[layer]}"
                if kind == ["weight"]:
                    value = value.transpose(2, 3, 1, 0)
                    value = value[::-1, ::-1] if layer in ("conv0", "skip") else value
                elif kind == ["affine", "weight"]:
                    value = value.T
                elif kind == ["affine", "bias"]:
                    value = value - 1
                word = "_".join(kind).replace("affine", "mod")
                found["synthesis"].append((f"{place}/{word}", np.array(value, order="C")[()]))
    return found


def tensorflow_file(weights: dict[str, Tensor], protocol: int = 3, version: int = 4, **settings: object) -> bytes:
    """A pickle of (G, D, Gs) as TensorFlow's StyleGAN2 writes it."""
    variables = tensorflow_variables(weights)

    def network(name: str, components: dict[str, Call]) -> Call:
        state = {"version": version, "name": name or "Gs", "static_kwargs": settings, "components": components}
        state |= {"build_module_src": SOURCE, "build_func_name": "G", "variables": variables[name]}
        return Call(NETWORK, state=state, is_new=True)

    whole = network("", {name: network(name, {}) for name in ("synthesis", "mapping")})
    return pickled((whole, whole, whole), protocol)


def namespace(**values: object) -> types.SimpleNamespace:
    """An object whose class no reader should need."""
    return types.SimpleNamespace(**values)
