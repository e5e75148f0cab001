"""The StyleGAN2 generator (Karras et al. 2020; conditional and with ADA's defaults, Karras et al. 2020b).

Written from the papers. Parameters are named as in the checkpoints people have, so that these load without renaming.
The synthesis is a list of steps, one per layer, so that a picture can be continued from where a change begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn

from explorer.nets.modulation import EPSILON, blur, filter_of, resize_pads, upsample
from explorer.nets.style_mapping import (
    ACTIVATIONS,
    WIDEST,
    Dense,
    Mapping,
    MappingShape,
    activate,
    gain_inside,
    require,
)

__all__ = ["NoiseOf", "State", "Step", "StyleGAN2", "StyleGAN2Shape", "StyleLayer", "Synthesis", "random_noise"]

ARCHITECTURES: Final = ("skip", "resnet", "orig")
LARGEST: Final = 4096  # pixels along a side


@dataclass(frozen=True, slots=True)
class StyleGAN2Shape:
    """The architecture of a ``StyleGAN2``; raises ValueError where it is impossible.

    ``channels`` are those of the blocks at 4x4, 8x8 and so on up to ``resolution``, a power of two.
    """

    z: int
    w: int
    classes: int
    image_channels: int
    resolution: int
    channels: tuple[int, ...]
    mapping: MappingShape
    architecture: str = "skip"
    activation: str = "lrelu"
    noise: bool = True
    clamp: float | None = None

    def __post_init__(self) -> None:
        size = self.resolution
        require(4 <= size <= LARGEST and size & (size - 1) == 0, f"resolution should be a power of two up to {LARGEST}")
        require(len(self.channels) == int(math.log2(size)) - 1, "channels should be one for every block from 4x4 on")
        require(all(1 <= each <= WIDEST for each in self.channels), f"channels should be from 1 to {WIDEST}")
        require(0 <= self.z <= WIDEST and 1 <= self.w <= WIDEST, f"z and w should be up to {WIDEST}")
        require(0 <= self.classes <= 100_000, "classes should be up to 100,000")
        require(self.z + self.classes > 0, "there should be a latent or a class")
        require(1 <= self.image_channels <= 4, "pictures should have from 1 to 4 channels")
        require(self.architecture in ARCHITECTURES, f"the architecture {self.architecture!r} is not known")
        require(self.activation in ACTIVATIONS, f"the activation {self.activation!r} is not known")
        require(self.clamp is None or self.clamp > 0, "clamp should be above zero")

    @property
    def layers(self) -> int:
        """How many styles a picture takes: two for every block."""
        return 2 * len(self.channels)

    @staticmethod
    def of(resolution: int, image_channels: int, z: int, classes: int, width: int, layers: int = 4) -> StyleGAN2Shape:
        """A small generator whose blocks narrow from 2 ``width`` at 4x4 to ``width`` / 2 at the full resolution."""
        blocks = int(math.log2(max(resolution, 4))) - 1
        channels = tuple(max(8, round(width * 2 ** (1 - 2 * i / max(blocks - 1, 1)) / 8) * 8) for i in range(blocks))
        mapping = MappingShape((z,) * layers, z if classes else 0, 0.1)
        return StyleGAN2Shape(z, z, classes, image_channels, resolution, channels, mapping)

    @staticmethod
    def from_json(data: dict[str, Any]) -> StyleGAN2Shape:
        clamp = data.get("clamp")
        return StyleGAN2Shape(
            int(data["z"]),
            int(data["w"]),
            int(data["classes"]),
            int(data["image_channels"]),
            int(data["resolution"]),
            tuple(map(int, data["channels"])),
            MappingShape.from_json(data["mapping"]),
            str(data.get("architecture", "skip")),
            str(data.get("activation", "lrelu")),
            bool(data.get("noise", True)),
            None if clamp is None else float(clamp),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"channels": list(self.channels), "mapping": self.mapping.to_json()}


class StyleLayer(nn.Module):
    """A convolution modulated by a style, noise, bias and activation (Karras et al. 2020, section 2.2, figure 2d).

    Scaling the input by the style and the output by the demodulation is the same function as scaling the weights of
    every picture of the batch, without a grouped convolution.
    """

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, up: bool, shape: StyleGAN2Shape) -> None:
        super().__init__()
        self.resolution, self.up = resolution, up
        self.activation, self.clamp = shape.activation, shape.clamp
        self.affine = Dense(shape.w, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3).to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if shape.noise:
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.zeros(()))
        if up:
            self.register_buffer("resample_filter", filter_of())
        self._squares: Tensor | None = None
        self._half: Tensor | None = None

    def freeze(self, half: bool) -> None:
        """Keep what follows from the weights, which will not change any more; ``half`` computes in 16 bits.

        Weights in 16 bits are scaled first, so that no sum leaves their range; the demodulation cancels it.
        """
        weight = self.weight.detach()
        if half:
            largest = weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=EPSILON)
            weight = weight / (largest * math.sqrt(weight[0].numel()))
            self._half = weight.half().contiguous(memory_format=torch.channels_last)
        self._squares = weight.square().sum((2, 3))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None = None, gain: float = 1.0) -> Tensor:
        """Features (n, inputs, h, w) and styles (n, w) to (n, outputs, resolution, resolution).

        ``noise`` (1 or n, 1, resolution, resolution) is added as it is.
        """
        scales = self.affine(style)
        squares = self.weight.square().sum((2, 3)) if self._squares is None else self._squares
        if self._half is not None:  # a common factor of the scales cancels, and keeps the sums in range
            x = x.half()
            scales = scales / scales.abs().amax(1, keepdim=True).clamp(min=EPSILON)
        demodulation = (scales.square() @ squares.T + EPSILON).rsqrt()
        x = x * scales.to(x.dtype)[:, :, None, None]
        weight = self.weight.to(x.dtype) if self._half is None else self._half
        if self.up:
            x = nn.functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = blur(x, self.resample_filter * 4.0, resize_pads(len(self.resample_filter)))
        else:
            x = nn.functional.conv2d(x, weight, padding=1)
        inside = gain_inside(self.activation, gain)
        x = x * (demodulation * inside).to(x.dtype)[:, :, None, None]
        if noise is not None:
            x = x + (noise * inside).to(x.dtype)
        x = x + (self.bias * inside).to(x.dtype)[None, :, None, None]
        return activate(x, self.activation, gain, None if self.clamp is None else self.clamp * gain, is_inside=True)


class ToRGB(nn.Module):
    """Features to picture channels, modulated but not demodulated (Karras et al. 2020, section 2.2 and 3.4)."""

    def __init__(self, inputs: int, shape: StyleGAN2Shape) -> None:
        super().__init__()
        self.clamp = shape.clamp
        self.affine = Dense(shape.w, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(shape.image_channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(shape.image_channels))
        self.gain = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Features (n, inputs, h, w) and styles (n, w) to pictures (n, c, h, w)."""
        scales = (self.affine(style) * self.gain).to(x.dtype)
        image = nn.functional.conv2d(x * scales[:, :, None, None], self.weight.to(x.dtype), self.bias.to(x.dtype))
        image = image.float()
        return image if self.clamp is None else image.clamp(-self.clamp, self.clamp)


class Skip(nn.Module):
    """The residual path of a block: a 1x1 convolution, then twice the size."""

    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.register_buffer("resample_filter", filter_of())
        self.gain = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.conv2d(x, self.weight.to(x.dtype) * self.gain)
        return upsample(x, self.resample_filter) * math.sqrt(0.5)


class Block(nn.Module):
    """The layers of one resolution."""

    const: nn.Parameter
    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, shape: StyleGAN2Shape) -> None:
        super().__init__()
        self.is_residual = shape.architecture == "resnet" and inputs > 0
        if inputs:
            self.conv0 = StyleLayer(inputs, outputs, resolution, True, shape)
        else:
            self.const = nn.Parameter(torch.randn(outputs, resolution, resolution))
        self.conv1 = StyleLayer(outputs, outputs, resolution, False, shape)
        if shape.architecture == "skip" or resolution == shape.resolution:
            self.torgb = ToRGB(outputs, shape)
        if self.is_residual:
            self.skip = Skip(inputs, outputs)
        self.register_buffer("resample_filter", filter_of())

    def first(self, state: State, style: Tensor, noise: Tensor | None) -> State:
        """conv0; a residual block keeps its input."""
        assert state.x is not None
        kept = self.skip(state.x) if self.is_residual else None
        return replace(state, x=self.conv0(state.x, style, noise), kept=kept)

    def second(self, state: State, style: Tensor, noise: Tensor | None) -> State:
        """conv1; the first block begins with its constant."""
        x = self.const.expand(len(style), *self.const.shape) if state.x is None else state.x
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.conv1(x, style, noise, math.sqrt(0.5) if self.is_residual else 1.0)
        return replace(state, x=x if state.kept is None else state.kept + x, kept=None)

    def colour(self, state: State, style: Tensor, noise: Tensor | None) -> State:
        """torgb, added to the enlarged picture of the block before."""
        assert state.x is not None
        image = self.torgb(state.x, style)
        if state.image is not None:
            image = image + upsample(state.image, self.resample_filter)
        return replace(state, image=image)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where a picture is on its way: features, the picture so far, and the residual path of a block under way."""

    x: Tensor | None = None
    image: Tensor | None = None
    kept: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One layer of the synthesis, and the row of the styles that feeds it."""

    name: str
    row: int
    resolution: int
    run: Callable[[State, Tensor, Tensor | None], State]
    layer: StyleLayer | None  # the layer that takes noise


NoiseOf: TypeAlias = Callable[[int, StyleLayer], Tensor | None]  # noise (1 or n, 1, r, r) of the layer of a step


class Synthesis(nn.Module):
    """Styles to pictures."""

    def __init__(self, shape: StyleGAN2Shape) -> None:
        super().__init__()
        self.shape = shape
        inputs = 0
        for index, outputs in enumerate(shape.channels):
            resolution = 4 << index
            setattr(self, f"b{resolution}", Block(inputs, outputs, resolution, shape))
            inputs = outputs

    def steps(self) -> list[Step]:
        """All layers in their order; a picture is there after every ``torgb``."""
        steps, row = [], 0
        for index in range(len(self.shape.channels)):
            resolution = 4 << index
            block = getattr(self, f"b{resolution}")
            assert isinstance(block, Block)
            name = f"{resolution}x{resolution}"
            if index:
                steps.append(Step(f"{name} conv0", row, resolution, block.first, block.conv0))
                row += 1
            steps.append(Step(f"{name} conv1", row, resolution, block.second, block.conv1))
            row += 1
            if hasattr(block, "torgb"):
                steps.append(Step(f"{name} torgb", row, resolution, block.colour, None))
        return steps

    def freeze(self, half_from: int = LARGEST + 1) -> None:
        """Prepare for weights that will not change any more; layers from ``half_from`` pixels on compute in 16 bits."""
        for module in self.modules():
            if isinstance(module, StyleLayer):
                module.freeze(module.resolution >= half_from)

    def forward(self, styles: Tensor, noise: NoiseOf | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of styles (n, layers, w)."""
        state = State()
        for index, step in enumerate(self.steps()):
            added = noise(index, step.layer) if noise is not None and step.layer is not None else None
            state = step.run(state, styles[:, step.row], added)
        assert state.image is not None
        return state.image


class StyleGAN2(nn.Module):
    """Mapping and synthesis."""

    def __init__(self, shape: StyleGAN2Shape) -> None:
        super().__init__()
        self.shape = shape
        self.mapping = Mapping(shape.z, shape.w, shape.classes, shape.mapping)
        self.synthesis = Synthesis(shape)

    def styles(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Styles (n, w), before truncation, of points (n, z) and class weights (n, classes)."""
        styles: Tensor = self.mapping(latents, condition)
        return styles

    def broadcast(self, styles: Tensor) -> Tensor:
        """Styles (n, w) for every layer: (n, layers, w)."""
        return styles[:, None].expand(-1, self.shape.layers, -1)


def random_noise(count: int, generator: torch.Generator | None = None) -> NoiseOf:
    """Fresh noise for every picture, as in training."""

    def noise(index: int, layer: StyleLayer) -> Tensor | None:
        if not hasattr(layer, "noise_strength"):
            return None
        size = (count, 1, layer.resolution, layer.resolution)
        device = layer.noise_strength.device
        return torch.randn(size, generator=generator, device=device) * layer.noise_strength

    return noise
