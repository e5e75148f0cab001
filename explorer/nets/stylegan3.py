"""The StyleGAN3 generator, configurations T and R (Karras et al. 2021, Alias-Free GAN).

Written from the paper. Parameters are named as in the checkpoints people have, so that these load without renaming.
The synthesis is a list of steps, one per layer, so that a picture can be continued from where a change begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.nets.alias_free import filtered_lrelu, jinc_filter, sinc_filter
from explorer.nets.style_mapping import Dense, Mapping
from explorer.nets.stylegan3_shape import InputShape, LayerShape, StyleGAN3Shape

__all__ = ["FilteredLayer", "FourierInput", "StyleGAN3", "StyleGAN3Shape", "Synthesis", "transform_matrix"]

EPSILON: Final = 1e-8
TINY: Final = 1e-20
MANY: Final = 256  # channels from which convolutions are faster where these are not last, measured on a CPU


class FourierInput(nn.Module):
    """Waves over an infinite plane, of which a style and a person choose the part to show (section 3.2, appendix F)."""

    freqs: Tensor  # (channels, 2) in cycles per picture
    phases: Tensor  # (channels,) in cycles
    transform: Tensor  # (3, 3), see ``transform_matrix``

    def __init__(self, shape: InputShape, w: int) -> None:
        super().__init__()
        self.shape = shape
        radius, angle = shape.bandwidth * torch.rand(shape.channels).sqrt(), 2 * math.pi * torch.rand(shape.channels)
        self.register_buffer("freqs", torch.stack([radius * angle.cos(), radius * angle.sin()], 1))
        self.register_buffer("phases", torch.rand(shape.channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))
        self.weight = nn.Parameter(torch.randn(shape.channels, shape.channels))
        self.affine = Dense(w, 4)
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))

    def forward(self, style: Tensor, transform: Tensor | None = None) -> Tensor:
        """Features (n, channels, size, size) of styles (n, w) and a transform (3, 3) or (n or 1, 3, 3).

        Without a transform that of the checkpoint holds.
        """
        shape = self.shape
        given = self.transform if transform is None else transform
        matrices = _rigid(self.affine(style)) @ given.to(style)  # (n, 3, 3)
        freqs = self.freqs.to(style.dtype)
        phases = self.phases.to(style.dtype) + (freqs @ matrices[:, :2, 2:])[:, :, 0]  # (n, c)
        freqs = freqs @ matrices[:, :2, :2]  # (n, c, 2)
        # Waves that the transform takes beyond half of the rate fade out, for they would alias.
        excess = (freqs.norm(dim=2) - shape.bandwidth) / (shape.sampling_rate / 2 - shape.bandwidth)
        strength = (1 - excess).clamp(0, 1)
        places = torch.arange(shape.size, device=style.device, dtype=style.dtype) + 0.5 - shape.size / 2
        places = places / shape.sampling_rate
        across = freqs[:, :, 0, None, None] * places + phases[:, :, None, None]  # (n, c, 1, x)
        waves = (2 * math.pi * (across + freqs[:, :, 1, None, None] * places[:, None])).sin()  # (n, c, y, x)
        weight = self.weight.to(style.dtype) / math.sqrt(shape.channels)
        return F.conv2d(waves * strength[:, :, None, None], weight[:, :, None, None])


class FilteredLayer(nn.Module):
    """A convolution modulated by a style, bias and a nonlinearity that does not alias (section 3.2, figure 4b).

    Scaling the input by the style and the output by the demodulation is the same function as scaling the weights of
    every picture of the batch, without a grouped convolution. The paper normalises styles over the batch, which the
    demodulation cancels; here every picture is on its own.
    """

    up_filter: Tensor
    down_filter: Tensor
    magnitude_ema: Tensor  # the mean square of the input in training, which is scaled to 1 (section 3.2, appendix C)

    def __init__(self, shape: LayerShape, w: int) -> None:
        super().__init__()
        self.shape = shape
        self.affine = Dense(w, shape.in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(shape.out_channels, shape.in_channels, shape.kernel, shape.kernel))
        self.bias = nn.Parameter(torch.zeros(shape.out_channels))
        self.register_buffer("magnitude_ema", torch.ones(()))
        high = shape.in_rate * shape.up
        if shape.up > 1:
            cutoff, half_width = shape.in_band or (shape.in_rate / 2, shape.in_rate / 2)
            self.register_buffer("up_filter", sinc_filter(shape.up_taps, cutoff, half_width, high))
        if shape.down > 1:
            cutoff, half_width = shape.out_band or (shape.out_rate / 2, shape.out_rate / 2)
            design = jinc_filter if shape.radial else sinc_filter
            self.register_buffer("down_filter", design(shape.down_taps, cutoff, half_width, high))
        self._frozen: tuple[Tensor, Tensor] | None = None

    @torch.no_grad()
    def freeze(self) -> None:
        """Keep what follows from the weights, which will not change any more."""
        self._frozen = self._norms()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Features (n, in, h, h) and styles (n, w) to (n, out, h', h')."""
        shape = self.shape
        scales = self.affine(style).to(x.dtype)
        gain = self.magnitude_ema.to(x.dtype).rsqrt()
        bias = self.bias.to(x.dtype)[None, :, None, None]
        weight = self.weight.to(x.dtype)
        if shape.is_torgb:
            scales = scales * gain / math.sqrt(shape.in_channels * shape.kernel**2)
            x = F.conv2d(x * scales[:, :, None, None], weight, padding=shape.kernel - 1) + bias
            x = F.pad(x, shape.padding) if any(shape.padding) else x
            return x if shape.clamp is None else x.clamp(-shape.clamp, shape.clamp)
        norms, squares = self._norms() if self._frozen is None else self._frozen
        scales = scales * (scales.square().mean(1, keepdim=True) + TINY).rsqrt()
        demodulation = norms.to(x) * (scales.square() @ squares.to(x).T + EPSILON).rsqrt()
        x = (
            x * (scales * gain)[:, :, None, None]
        ).contiguous()  # measured: faster than channels last with many channels
        x = F.conv2d(x, weight, padding=shape.kernel - 1)
        x = torch.addcmul(bias, x, demodulation[:, :, None, None])
        up = self.up_filter if shape.up > 1 else x.new_ones(1)
        down = self.down_filter if shape.down > 1 else x.new_ones(1)
        return filtered_lrelu(x, up, down, shape.up, shape.down, shape.padding[:2], shape.clamp)

    def _norms(self) -> tuple[Tensor, Tensor]:
        """What scales every output's weights to a mean square of 1, (out,), and their squares after it, (out, in)."""
        squares = self.weight.square()
        norms = (squares.mean((1, 2, 3)) + TINY).rsqrt()
        return norms, squares.sum((2, 3)) * norms.square()[:, None]


class Synthesis(nn.Module):
    """Styles to pictures."""

    def __init__(self, shape: StyleGAN3Shape) -> None:
        super().__init__()
        self.shape = shape
        self.input = FourierInput(shape.input, shape.w)
        for layer in shape.layers:
            self.add_module(layer.name, FilteredLayer(layer, shape.w))

    @property
    def steps(self) -> tuple[Callable[..., Tensor], ...]:
        """The input, a function of a style, then all layers, functions of features and a style."""
        return (self.input, *map(self.layer, range(len(self.shape.layers))))

    def layer(self, index: int) -> FilteredLayer:
        found = getattr(self, self.shape.layers[index].name)
        assert isinstance(found, FilteredLayer)
        return found

    def begin(self, style: Tensor, transform: Tensor | None = None) -> Tensor:
        """The input (n, c, h, h) of the first styles (n, w) and a transform as ``transform_matrix`` gives it."""
        features: Tensor = self.input(style, transform)
        return features

    def finish(self, x: Tensor) -> Tensor:
        """Pictures (n, c, h, h), nominal [-1, 1], of what the last layer gave."""
        return x * self.shape.output_scale

    def freeze(self) -> None:
        """Prepare for weights that will not change any more."""
        for index in range(len(self.shape.layers)):
            self.layer(index).freeze()

    def forward(self, styles: Tensor, transform: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, h), nominal [-1, 1], of styles (n, num_ws, w), shown through a transform."""
        x = self.begin(styles[:, 0], transform)
        for index in range(len(self.shape.layers)):
            x = self.layer(index)(x, styles[:, index + 1])
        return self.finish(x)


class StyleGAN3(nn.Module):
    """Mapping and synthesis."""

    def __init__(self, shape: StyleGAN3Shape) -> None:
        super().__init__()
        self.shape = shape
        self.mapping = Mapping(shape.z, shape.w, shape.classes, shape.mapping)
        self.synthesis = Synthesis(shape)

    def styles(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Styles (n, w), before truncation, of points (n, z) and class weights (n, classes)."""
        styles: Tensor = self.mapping(latents, condition)
        return styles

    def broadcast(self, styles: Tensor) -> Tensor:
        """Styles (n, w) for the input and every layer: (n, num_ws, w)."""
        return styles[:, None].expand(-1, self.shape.num_ws, -1)


def transform_matrix(translate_x: float, translate_y: float, degrees: float) -> Tensor:
    """The transform (3, 3) that moves the picture right and down by parts of its side, turned counterclockwise.

    It is the inverse of the person's matrix, because it says where a place of the picture lies in the plane of waves.
    """
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    rows = [[cos, sin, translate_x], [-sin, cos, translate_y], [0.0, 0.0, 1.0]]
    inverse: Tensor = torch.linalg.inv(torch.tensor(rows, dtype=torch.float64, device="cpu"))
    return inverse.float()


def _rigid(values: Tensor) -> Tensor:
    """R T (n, 3, 3): the turn and the translation that a style chooses (appendix F), of values (n, 4)."""
    cos, sin, x, y = (values / values[:, :2].norm(dim=1, keepdim=True)).unbind(1)
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1).view(-1, 3, 3)
    translation = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1).view(-1, 3, 3)
    return rotation @ translation
