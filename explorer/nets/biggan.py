"""The generator of BigGAN-deep (Brock, Donahue and Simonyan 2019, appendix B), with classes and truncation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["BigGAN", "BigGANShape"]

START: Final = 4  # the side of the first features
FIRST: Final = 16  # their channels, in widths
NARROWED: Final = 4  # the share of channels in the middle of a block

Truncations: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class BigGANShape:
    """The architecture of a ``BigGAN``; raises ValueError where it is impossible.

    ``layers`` are the blocks: whether each doubles the picture, and its channels before and after, in ``width``.
    Attention comes before the block ``attention``. ``stats`` is how many truncations there are statistics for.
    """

    z: int
    width: int
    classes: int
    layers: tuple[tuple[bool, int, int], ...]
    attention: int
    eps: float = 1e-4
    stats: int = 51

    def __post_init__(self) -> None:
        _require(1 <= self.z <= 4096 and 1 <= self.classes <= 100_000, "latent and classes should be of usual size")
        _require(4 <= self.width <= 512, "the channel width should be from 4 to 512")
        _require(1 <= len(self.layers) <= 64, "there should be 1 to 64 blocks")
        _require(self.layers[0][1] == FIRST and self.layers[-1][2] == 1, "blocks should go from 16 widths to one")
        _require(all(after == before or 2 * after == before for _, before, after in self.layers),
                 "a block should keep its channels or halve them")  # fmt: skip
        _require(all(one[2] == two[1] for one, two in pairwise(self.layers)), "blocks should fit each other")
        _require(0 <= self.attention <= len(self.layers), "attention should be before one of the blocks")
        _require(self.attention == len(self.layers) or self.width * self.layers[self.attention][1] >= 8,
                 "attention needs at least 8 channels")  # fmt: skip
        _require(0 < self.eps < 1 and 2 <= self.stats <= 10_001, "its statistics should be at least two")
        _require(self.size <= 2048, "pictures should have at most 2048 pixels a side")

    @property
    def size(self) -> int:
        """The side of the picture in pixels."""
        return START << sum(enlarges for enlarges, _, _ in self.layers)

    @staticmethod
    def from_json(data: dict[str, Any]) -> BigGANShape:
        """The shape of a description as Hugging Face's folders have it."""
        layers = tuple((bool(enlarges), int(before), int(after)) for enlarges, before, after in data["layers"])
        return BigGANShape(
            int(data["z_dim"]), int(data["channel_width"]), int(data["num_classes"]), layers,
            int(data["attention_layer_position"]), float(data["eps"]), int(data["n_stats"]),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "z_dim": self.z,
            "channel_width": self.width,
            "num_classes": self.classes,
            "layers": [list(layer) for layer in self.layers],
            "attention_layer_position": self.attention,
            "eps": self.eps,
            "n_stats": self.stats,
        }


class BigGAN(nn.Module):
    """Points and classes to pictures, with statistics that suit the truncation.

    Spectral norms are expected to be part of the weights: a frozen W / sigma is one matrix.
    """

    def __init__(self, shape: BigGANShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.Linear(shape.classes, shape.z, bias=False)
        self.generator = Generator(shape)

    def forward(self, latents: Tensor, classes: Tensor, truncations: Truncations = (1.0,)) -> Tensor:
        """Pictures (n, 3, h, w) in [-1, 1] of points (n, z), already truncated, and class weights (n, classes).

        There is one truncation for each picture, or a single one for all of them.
        """
        images: Tensor = self.generator(torch.cat([latents, self.embeddings(classes)], 1), truncations)
        return images


class Generator(nn.Module):
    """Conditions (n, 2 z), the point and its class, to pictures."""

    def __init__(self, shape: BigGANShape) -> None:
        super().__init__()
        width, condition = shape.width, 2 * shape.z
        self.gen_z = nn.Linear(condition, FIRST * width * START**2)
        layers: list[nn.Module] = []
        for index, (enlarges, before, after) in enumerate(shape.layers):
            if index == shape.attention:
                layers.append(Attention(width * before))
            layers.append(Block(width * before, width * after, condition, enlarges, shape))
        self.layers = nn.ModuleList(layers)
        self.bn = Normalisation(width, shape)
        self.conv_to_rgb = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, condition: Tensor, truncations: Truncations) -> Tensor:
        features = self.gen_z(condition)
        features = features.view(len(features), START, START, -1).permute(0, 3, 1, 2).contiguous()
        for layer in self.layers:
            is_block = isinstance(layer, Block)
            features = layer(features, condition, truncations) if is_block else layer(features)
        # There are as many channels as features, of which the first three are the colours.
        images: Tensor = self.conv_to_rgb(self.bn(features, truncations).relu())[:, :3].tanh()
        return images


class Block(nn.Module):
    """Four convolutions with fewer channels between, around which the input passes; the upper half of its channels
    is dropped where there are to be fewer (Brock et al. 2019, figure 16)."""

    def __init__(self, before: int, after: int, condition: int, enlarges: bool, shape: BigGANShape) -> None:
        super().__init__()
        middle = before // NARROWED
        self.after, self.enlarges = after, enlarges
        for index, (inputs, outputs, kernel) in enumerate(
            ((before, middle, 1), (middle, middle, 3), (middle, middle, 3), (middle, after, 1))
        ):
            self.add_module(f"bn_{index}", ConditionalNormalisation(inputs, condition, shape))
            self.add_module(f"conv_{index}", nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))

    def forward(self, features: Tensor, condition: Tensor, truncations: Truncations) -> Tensor:
        changed, kept = features, features[:, : self.after]
        for index in range(4):
            changed = self.get_submodule(f"bn_{index}")(changed, truncations, condition).relu()
            if index == 1 and self.enlarges:
                changed = F.interpolate(changed, scale_factor=2)
            changed = self.get_submodule(f"conv_{index}")(changed)
        return changed + (F.interpolate(kept, scale_factor=2) if self.enlarges else kept)


class Attention(nn.Module):
    """Every place looks at all places of a picture of half the size (Zhang et al. 2019, section 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.snconv1x1_theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.snconv1x1_phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.snconv1x1_g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.snconv1x1_o_conv = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        questions = self.snconv1x1_theta(features).flatten(2)
        keys = F.max_pool2d(self.snconv1x1_phi(features), 2).flatten(2)
        values = F.max_pool2d(self.snconv1x1_g(features), 2).flatten(2)
        shares = (questions.transpose(1, 2) @ keys).softmax(-1)  # (n, places, places / 4)
        seen = (values @ shares.transpose(1, 2)).unflatten(2, (height, width))
        changed: Tensor = features + self.gamma * self.snconv1x1_o_conv(seen)
        return changed


class Normalisation(nn.Module):
    """Batch norm with the statistics of each picture's truncation."""

    running_means: Tensor
    running_vars: Tensor

    def __init__(self, channels: int, shape: BigGANShape, is_plain: bool = True) -> None:
        super().__init__()
        self.eps = shape.eps
        self.register_buffer("running_means", torch.zeros(shape.stats, channels))
        self.register_buffer("running_vars", torch.ones(shape.stats, channels))
        if is_plain:
            self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, truncations: Truncations) -> Tensor:
        return self.normalised(features, truncations) * self.weight[:, None, None] + self.bias[:, None, None]

    def normalised(self, features: Tensor, truncations: Truncations) -> Tensor:
        """Features (n, c, h, w) less their mean, divided by their deviation."""
        mean, variance = (
            _chosen(rows, truncations)[:, :, None, None] for rows in (self.running_means, self.running_vars)
        )
        return (features - mean) / (variance + self.eps).sqrt()


class ConditionalNormalisation(Normalisation):
    """Batch norm whose gain and shift come from the point and its class (Brock et al. 2019, section 3.1)."""

    def __init__(self, channels: int, condition: int, shape: BigGANShape) -> None:
        super().__init__(channels, shape, is_plain=False)
        self.scale = nn.Linear(condition, channels, bias=False)
        self.offset = nn.Linear(condition, channels, bias=False)

    def forward(self, features: Tensor, truncations: Truncations, condition: Tensor) -> Tensor:  # type: ignore[override]  # it takes a condition besides
        gain, shift = 1 + self.scale(condition), self.offset(condition)
        changed: Tensor = self.normalised(features, truncations) * gain[:, :, None, None] + shift[:, :, None, None]
        return changed


def _chosen(rows: Tensor, truncations: Truncations) -> Tensor:
    """The statistics (n, c), or (1, c) where all truncations are the same, of rows (stats, c)."""
    known = {truncation: _between(rows, truncation) for truncation in truncations}
    return torch.stack([known[truncation] for truncation in (known if len(known) == 1 else truncations)])


def _between(rows: Tensor, truncation: float) -> Tensor:
    """The statistics (c,) for a truncation from 0 to 1, of rows (stats, c) for evenly spaced ones.

    Between two rows, the published models were run with the weights of both swapped. It is kept, so that pictures are
    the same as everywhere else; at the rows themselves it makes no difference.
    """
    step = 1.0 / (len(rows) - 1)
    rest, whole = math.modf(min(max(truncation, 0.0), 1.0) / step)  # this very expression decides where a row begins
    first = int(whole)
    return rows[first] if rest == 0.0 else rows[first] * rest + rows[first + 1] * (1 - rest)


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
