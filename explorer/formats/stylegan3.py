"""The architecture of a StyleGAN3, from its tensors' shapes and its layers' own settings."""

from __future__ import annotations

import re
from typing import Any, Final

from explorer.formats.opcodes import Refusal, shown
from explorer.formats.persistence import Module, attribute, numbers_of
from explorer.formats.stylegan_shapes import Shapes, Traits, check_shapes, dense, mapping_architecture, shape_of

__all__ = ["stylegan3_architecture"]

LAYER: Final = re.compile(r"L(\d{1,3})_\d+_\d+")
LARGEST: Final = 8192  # samples along a side, with margins
MOST_LAYERS: Final = 64


def stylegan3_architecture(synthesis: Module, shapes: Shapes, traits: Traits) -> dict[str, Any]:
    """The architecture of the StyleGAN3 that has exactly tensors of these names and shapes.

    Raises:
        Refusal: a tensor or setting is missing, impossible or does not fit the others.
    """
    description, expected = mapping_architecture(shapes, traits)
    entry = _input(synthesis, shapes)
    channels, size = entry["channels"], entry["size"]
    expected |= {
        "synthesis.input.freqs": (channels, 2),
        "synthesis.input.phases": (channels,),
        "synthesis.input.weight": (channels, channels),
        "synthesis.input.transform": (3, 3),
    }
    expected |= dense("synthesis.input.affine", description["w"], 4)
    layers = [_layer(synthesis, name, shapes) for name in _names(synthesis)]
    for index, layer in enumerate(layers):
        name = layer["name"]
        if (layer["in_channels"], layer["in_size"]) != (channels, size):
            raise Refusal(f"its layer {shown(name)} does not fit the one before")
        if layer["is_torgb"] != (index == len(layers) - 1):
            raise Refusal(f"its layer {shown(name)} is not where it should be")
        channels, size = layer["out_channels"], layer["out_size"]
        expected |= _expected(layer, shapes, description["w"])
    check_shapes(shapes, expected, "StyleGAN3")
    if channels > 4:
        raise Refusal(f"its pictures have {channels} channels, and this version shows from 1 to 4")
    scale = attribute(synthesis, "output_scale", 0.25)
    if scale is None or not 0 < abs(scale) <= 1000:
        raise Refusal("its output_scale is not plausible")
    return description | {
        "image_channels": channels,
        "resolution": size,
        "input": entry,
        "layers": layers,
        "output_scale": scale,
    }


def _names(synthesis: Module) -> list[str]:
    """The names of the layers, in their order."""
    found = [name for name in synthesis.parts("_modules") if LAYER.fullmatch(name)]
    order = synthesis.state.get("layer_names")
    if order is None:
        order = sorted(found, key=lambda name: int(name[1:].partition("_")[0]))
    if not isinstance(order, (list, tuple)) or not all(isinstance(name, str) for name in order):
        raise Refusal("the list of its layers is damaged")
    if not 2 <= len(order) <= MOST_LAYERS or sorted(order) != sorted(found):
        raise Refusal("the list of its layers does not name those it has")
    return list(order)


def _input(synthesis: Module, shapes: Shapes) -> dict[str, Any]:
    """The Fourier features that a picture begins with."""
    module = synthesis.child("input")
    channels = shape_of(shapes, "synthesis.input.weight", 2)[0]
    return {
        "channels": channels,
        "size": _side(module, "size", "input"),
        "sampling_rate": _positive(module, "sampling_rate", "input"),
        "bandwidth": _positive(module, "bandwidth", "input"),
    }


def _layer(synthesis: Module, name: str, shapes: Shapes) -> dict[str, Any]:
    module = synthesis.child(name)
    assert module is not None, "names should be those of layers"
    outputs, inputs, kernel, width = shape_of(shapes, f"synthesis.{name}.weight", 4)
    if kernel != width or kernel > 15:
        raise Refusal(f"its weights synthesis.{shown(name)}.weight have an impossible shape")
    padding = [int(number) for number in numbers_of(module.state.get("padding"))]
    if len(padding) != 4 or any(abs(number) > LARGEST for number in padding):
        raise Refusal(f"the padding of its layer {shown(name)} is not plausible")
    clamp = attribute(module, "conv_clamp", None)
    if clamp is not None and not 0 < clamp <= 1e6:
        raise Refusal(f"the limit of its layer {shown(name)} is not plausible")
    return {
        "name": name,
        "in_channels": inputs,
        "out_channels": outputs,
        "in_size": _side(module, "in_size", name),
        "out_size": _side(module, "out_size", name),
        "kernel": kernel,
        "up": _whole(module, "up_factor", name, 16),
        "down": _whole(module, "down_factor", name, 16),
        "padding": padding,
        "is_torgb": module.state.get("is_torgb") is True,
        "clamp": clamp,
        "in_rate": _positive(module, "in_sampling_rate", name),
        "out_rate": _positive(module, "out_sampling_rate", name),
    }


def _expected(layer: dict[str, Any], shapes: Shapes, w: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a layer's tensors; checks that its filters lead from its input's size to its output's."""
    prefix = f"synthesis.{layer['name']}"
    up, down = (shapes.get(f"{prefix}.{direction}_filter") for direction in ("up", "down"))
    expected = dense(f"{prefix}.affine", w, layer["in_channels"])
    expected[f"{prefix}.weight"] = (layer["out_channels"], layer["in_channels"], layer["kernel"], layer["kernel"])
    expected[f"{prefix}.bias"] = (layer["out_channels"],)
    expected[f"{prefix}.magnitude_ema"] = ()
    for direction, shape in (("up", up), ("down", down)):
        if shape is None:
            continue
        if not 1 <= len(shape) <= 2 or shape[0] != shape[-1] or not 1 <= shape[0] <= 256:
            raise Refusal(f"its weights {shown(f'{prefix}.{direction}_filter')} have an impossible shape")
        expected[f"{prefix}.{direction}_filter"] = shape
    taps = (up[0] if up else 1) + (down[0] if down else 1)
    for low, high in (layer["padding"][:2], layer["padding"][2:]):
        full = (layer["in_size"] + layer["kernel"] - 1) * layer["up"] + low + high - taps + 2
        if full < 1 or -(-full // layer["down"]) != layer["out_size"]:
            raise Refusal(f"the size of its layer {shown(layer['name'])} does not fit its filters")
    return expected


def _side(module: Module | None, name: str, layer: str) -> int:
    """A size in samples, which may be stored as width and height."""
    sides = set(numbers_of(None if module is None else module.state.get(name)))
    if len(sides) != 1:
        raise Refusal(f"the {name} of its layer {shown(layer)} is missing or not square")
    side = sides.pop()
    if side != int(side) or not 1 <= side <= LARGEST:
        raise Refusal(f"the {name} of its layer {shown(layer)} is not plausible")
    return int(side)


def _whole(module: Module | None, name: str, layer: str, most: int) -> int:
    value = attribute(module, name, None)
    if value is None or value != int(value) or not 1 <= value <= most:
        raise Refusal(f"the {name} of its layer {shown(layer)} is missing or not plausible")
    return int(value)


def _positive(module: Module | None, name: str, layer: str) -> float:
    value = attribute(module, name, None)
    if value is None or not 0 < value <= LARGEST:
        raise Refusal(f"the {name} of its layer {shown(layer)} is missing or not plausible")
    return value
