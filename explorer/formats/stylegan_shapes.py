"""What the shapes of StyleGAN's tensors tell about a network, for all the programs that write such networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from explorer.formats.opcodes import Refusal, shown

__all__ = ["Shapes", "Traits", "check_shapes", "dense", "mapping_architecture", "shape_of", "stylegan2_architecture"]

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

WIDEST: Final = 16_384
MOST_CLASSES: Final = 100_000
LARGEST: Final = 4096  # pixels along a side
LONGEST_FILTER: Final = 64
ACTIVATIONS: Final = ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish")


@dataclass(frozen=True, slots=True)
class Traits:
    """What shapes cannot tell; the values are StyleGAN2's own."""

    multiplier: float = 0.01
    mapping_activation: str = "lrelu"
    activation: str = "lrelu"
    clamp: float | None = None

    def __post_init__(self) -> None:
        for activation in (self.mapping_activation, self.activation):
            if activation not in ACTIVATIONS:
                raise Refusal(f"its activation {shown(activation)} is not known")
        if not 0 < self.multiplier <= 100:
            raise Refusal("the learning rate of its mapping is not plausible")
        if self.clamp is not None and not 0 < self.clamp <= 1e6:
            raise Refusal("the limit of its activations is not plausible")


def stylegan2_architecture(shapes: Shapes, traits: Traits) -> dict[str, Any]:
    """The architecture of the StyleGAN2 that has exactly tensors of these names and shapes.

    Raises:
        Refusal: a tensor is missing, has another shape than the others ask for, or is not one of StyleGAN2's.
    """
    description, expected = mapping_architecture(shapes, traits)
    w = description["w"]
    channels: list[int] = []
    while (resolution := 4 << len(channels)) <= LARGEST and f"synthesis.b{resolution}.conv1.weight" in shapes:
        channels.append(shape_of(shapes, f"synthesis.b{resolution}.conv1.weight", 4)[0])
    if not channels:
        raise Refusal("its weights synthesis.b4.conv1.weight are missing")
    resolution = 2 << len(channels)
    colours = shape_of(shapes, f"synthesis.b{resolution}.torgb.weight", 4)[0]
    if colours > 4:
        raise Refusal(f"its pictures have {colours} channels, and this version shows from 1 to 4")
    if f"synthesis.b{resolution}.skip.weight" in shapes:
        architecture = "resnet"
    else:
        architecture = "skip" if "synthesis.b4.torgb.weight" in shapes else "orig"
    has_noise = "synthesis.b4.conv1.noise_strength" in shapes
    for index, outputs in enumerate(channels):
        inputs = channels[index - 1] if index else 0
        block = f"synthesis.b{4 << index}"
        if not inputs:
            expected[f"{block}.const"] = (outputs, 4, 4)
        for layer, width in (("conv0", inputs), ("conv1", outputs)):
            if width:
                expected |= _layer(f"{block}.{layer}", width, outputs, w)
                if has_noise:
                    expected |= {
                        f"{block}.{layer}.noise_const": (4 << index,) * 2,
                        f"{block}.{layer}.noise_strength": (),
                    }
        if architecture == "skip" or 4 << index == resolution:
            expected |= _layer(f"{block}.torgb", outputs, colours, w, 1)
        expected[f"{block}.resample_filter"] = _filter(shapes, f"{block}.resample_filter")
        if inputs:
            expected[f"{block}.conv0.resample_filter"] = _filter(shapes, f"{block}.conv0.resample_filter")
        if inputs and architecture == "resnet":
            expected[f"{block}.skip.weight"] = (outputs, inputs, 1, 1)
            expected[f"{block}.skip.resample_filter"] = _filter(shapes, f"{block}.skip.resample_filter")
    check_shapes(shapes, expected, "StyleGAN2")
    return description | {
        "image_channels": colours,
        "resolution": resolution,
        "architecture": architecture,
        "channels": channels,
        "activation": traits.activation,
        "noise": has_noise,
        "clamp": traits.clamp,
    }


def mapping_architecture(shapes: Shapes, traits: Traits) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """z, w, classes and mapping of an architecture, and the shapes that the mapping's tensors should have."""
    expected: dict[str, tuple[int, ...]] = {}
    widths: list[int] = []
    while f"mapping.fc{len(widths)}.weight" in shapes:
        widths.append(shape_of(shapes, f"mapping.fc{len(widths)}.weight", 2)[0])
    inputs = shape_of(shapes, "mapping.fc0.weight", 2)[1]
    embed, classes = 0, 0
    if "mapping.embed.weight" in shapes:
        embed, classes = shape_of(shapes, "mapping.embed.weight", 2)
        expected |= dense("mapping.embed", classes, embed)
    if classes > MOST_CLASSES or len(widths) > 64:
        raise Refusal("its mapping is larger than that of any model")
    z = inputs - embed
    if z < 0:
        raise Refusal("its weights mapping.fc0.weight do not fit mapping.embed.weight")
    for index, width in enumerate(widths):
        expected |= dense(f"mapping.fc{index}", inputs, width)
        inputs = width
    if "mapping.w_avg" in shapes:
        expected["mapping.w_avg"] = (inputs,)
    description: dict[str, Any] = {
        "z": z,
        "w": inputs,
        "classes": classes,
        "mapping": {
            "widths": widths,
            "embed": embed,
            "multiplier": traits.multiplier,
            "activation": traits.mapping_activation,
        },
    }
    return description, expected


def dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """The shapes of a fully connected layer's tensors."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def shape_of(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    """The shape of a tensor that has to be there and to have this many dimensions, none of them absurd."""
    if name not in shapes:
        raise Refusal(f"its weights {shown(name)} are missing")
    shape = shapes[name]
    if len(shape) != dimensions:
        raise Refusal(f"its weights {shown(name)} are {_text(shape)} instead of having {dimensions} dimensions")
    if not all(1 <= size <= max(WIDEST, MOST_CLASSES) for size in shape):
        raise Refusal(f"its weights {shown(name)} have the impossible shape {_text(shape)}")
    return shape


def check_shapes(shapes: Shapes, expected: Shapes, family: str) -> None:
    """Make sure that exactly the expected tensors are there.

    Raises:
        Refusal: the name of the first tensor that is wrong.
    """
    for name, shape in expected.items():
        if name not in shapes:
            raise Refusal(f"its weights {shown(name)} are missing")
        if shapes[name] != shape:
            raise Refusal(f"its weights {shown(name)} are {_text(shapes[name])} instead of {_text(shape)}")
    unknown = next((name for name in shapes if name not in expected), None)
    if unknown is not None:
        raise Refusal(f"its weights {shown(unknown)} are none of a {family}'s")


def _layer(name: str, inputs: int, outputs: int, w: int, kernel: int = 3) -> dict[str, tuple[int, ...]]:
    """The shapes of a modulated convolution's tensors."""
    weights = {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
    return weights | dense(f"{name}.affine", w, inputs)


def _filter(shapes: Shapes, name: str) -> tuple[int, ...]:
    """The shape of a filter, which may be any small square."""
    shape = shape_of(shapes, name, 2)
    if shape[0] != shape[1] or shape[0] > LONGEST_FILTER:
        raise Refusal(f"its weights {shown(name)} have the impossible shape {_text(shape)}")
    return shape


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"
