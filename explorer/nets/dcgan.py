"""The networks of DCGAN (Radford, Metz and Chintala 2016), and the critics it is trained against."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["DCGAN", "SIZES", "Critic", "DCGANShape", "Layer"]

SIZES: Final = (16, 32, 64, 128)  # the sides that ``DCGANShape.of`` makes
START: Final = 4  # and the side their first layer makes
SPREAD: Final = 0.02  # of the first weights (Radford et al. 2016, section 4)
LEAK: Final = 0.2
NORMS: Final = ("batch", "layer", "none")


class Layer(NamedTuple):
    """A transposed convolution: its channels, and how it enlarges."""

    channels: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    extra: int = 0  # rows and columns added at one side, as kernels of odd size need to double

    def side(self, before: int) -> int:
        """The side of its features, of features with the side ``before``."""
        return (before - 1) * self.stride - 2 * self.padding + self.kernel + self.extra


@dataclass(frozen=True, slots=True)
class DCGANShape:
    """The architecture of a ``DCGAN``; raises ValueError where it is impossible.

    ``layers`` are its transposed convolutions, from a picture of one pixel with ``latent`` channels to the picture
    itself, whose channels are 1 or 3; ``bias`` says whether the last one adds a number to every channel.
    """

    latent: int
    layers: tuple[Layer, ...]
    bias: bool = False

    def __post_init__(self) -> None:
        _require(1 <= self.latent <= 4096, "latent should be from 1 to 4096")
        _require(2 <= len(self.layers) <= 12, "it should have 2 to 12 layers")
        _require(all(1 <= layer.channels <= 8192 for layer in self.layers), "channels should be from 1 to 8192")
        _require(self.layers[-1].channels in (1, 3), "pictures should have 1 or 3 channels")
        for layer in self.layers:
            is_known = 1 <= layer.kernel <= 16 and 1 <= layer.stride <= 4
            is_known = is_known and 0 <= layer.padding < layer.kernel and 0 <= layer.extra < layer.stride
            _require(is_known, "kernels should be from 1 to 16, strides from 1 to 4, paddings smaller than kernels")
        side = 1
        for layer in self.layers:
            side = layer.side(side)
            _require(1 <= side <= 1024, "no layer should be larger than 1024 pixels")
        _require(self.size >= 8, "pictures should have at least 8 pixels a side")

    @property
    def channels(self) -> int:
        """Of the picture."""
        return self.layers[-1].channels

    @property
    def size(self) -> int:
        """The side of the picture in pixels."""
        return self.sides[-1]

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of the features after every layer."""
        sides = [1]
        for layer in self.layers:
            sides.append(layer.side(sides[-1]))
        return tuple(sides[1:])

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels between the layers, coarse first."""
        return tuple(layer.channels for layer in self.layers[:-1])

    @staticmethod
    def of(size: int, channels: int, latent: int, width: int = 64) -> DCGANShape:
        """The generator of the paper: ``width`` channels before the picture, twice as many at half the side ..."""
        _require(size in SIZES, f"size should be {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]}")
        count = (size // START).bit_length() - 1
        widths = [width << level for level in reversed(range(count))]
        first = Layer(widths[0], START, 1, 0)
        return DCGANShape(latent, (first, *(Layer(wide) for wide in widths[1:]), Layer(channels)))

    @staticmethod
    def from_json(data: dict[str, Any]) -> DCGANShape:
        layers = tuple(Layer(*map(int, layer)) for layer in data["layers"])
        return DCGANShape(int(data["latent"]), layers, bool(data.get("bias", False)))

    def to_json(self) -> dict[str, Any]:
        return {"latent": self.latent, "layers": [list(layer) for layer in self.layers], "bias": self.bias}


class DCGAN(nn.Module):
    """Points z (n, latent) to pictures (n, c, h, w) in [-1, 1]: each layer but the last is normalised and rectified.

    Its weights are called as those of the example of PyTorch: ``main.0.weight``, ``main.1.running_mean`` ...
    """

    def __init__(self, shape: DCGANShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before = shape.latent
        for index, (channels, kernel, stride, padding, extra) in enumerate(shape.layers):
            is_last = index == len(shape.layers) - 1
            bias = is_last and shape.bias
            layers.append(nn.ConvTranspose2d(before, channels, kernel, stride, padding, extra, bias=bias))
            layers += [nn.Tanh()] if is_last else [nn.BatchNorm2d(channels), nn.ReLU(True)]
            before = channels
        self.main = nn.Sequential(*layers)
        self.apply(_begin)

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.main(latents[:, :, None, None])
        return images

    @torch.no_grad()
    def settle(self, latents: Tensor) -> None:
        """Take the statistics of every layer from points (n, latent), instead of those kept from training.

        A moving average of weights has features of its own, for which the running statistics of no single moment hold.
        """
        features = latents[:, :, None, None]
        for module in self.main:
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.copy_(features.mean((0, 2, 3)))
                module.running_var.copy_(features.var((0, 2, 3)))
            features = module(features)


class Critic(nn.Module):
    """A score (n,) of pictures (n, c, h, w): a convolution that halves the picture for each one that doubled it.

    ``norm`` is "batch" as in the paper; "layer" for a gradient penalty, which asks something of every picture by
    itself (Gulrajani et al. 2017, section 4); or "none". The first layer is never normalised.
    """

    def __init__(self, size: int, channels: int, widths: tuple[int, ...], norm: str = "batch") -> None:
        super().__init__()
        _require(norm in NORMS, f"the norm should be one of {', '.join(NORMS)}")
        _require(size >> len(widths) << len(widths) == size, "the picture should halve once for every width")
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1), nn.LeakyReLU(LEAK)]
        for narrow, wide in pairwise(widths):
            layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=norm != "batch")]
            if norm != "none":
                layers.append(nn.BatchNorm2d(wide) if norm == "batch" else nn.GroupNorm(1, wide))
            layers.append(nn.LeakyReLU(LEAK))
        self.main = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, size >> len(widths)))
        self.apply(_begin)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.main(images).flatten()
        return scores


def _begin(module: nn.Module) -> None:
    """Weights from N(0, 0.02^2) (Radford et al. 2016, section 4), gains from N(1, 0.02^2) as in PyTorch's example."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, SPREAD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, SPREAD)


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
