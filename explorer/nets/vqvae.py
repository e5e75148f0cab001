"""An autoencoder with a vector-quantised code: VQ-VAE (van den Oord et al. 2017), VQ-VAE-2 (Razavi et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from explorer.nets.code_prior import CodePrior
from explorer.nets.vae import ResidualBlock

__all__ = ["VQVAE", "VQVAEShape", "nearest", "perplexity"]

AT_ONCE = 1 << 22  # distances computed at once, which bounds the memory


@dataclass(frozen=True, slots=True)
class VQVAEShape:
    """The architecture of a ``VQVAE``; raises ValueError where it is impossible.

    ``size`` is a power of two from 16 to 256; ``channels`` 1 or 3; ``widths`` are the channels at half resolution, a
    quarter and so on down to the finest code map, each a multiple of 8; ``codes`` says how many codes each map has,
    coarse first: one map, or two of which the first has half the side. ``code_width`` is the length of a code vector.
    ``prior_layers``, ``prior_width`` and ``prior_heads`` describe the learned prior, which 0 layers leave out.
    """

    size: int
    channels: int
    widths: tuple[int, ...]
    codes: tuple[int, ...]
    code_width: int = 8
    prior_layers: int = 3
    prior_width: int = 96
    prior_heads: int = 3

    def __post_init__(self) -> None:
        _require(self.size in (16, 32, 64, 128, 256), "size should be a power of two from 16 to 256")
        _require(self.channels in (1, 3), "channels should be 1 or 3")
        _require(1 <= len(self.widths) <= 6, "widths should have from 1 to 6 entries")
        _require(all(8 <= w <= 2048 and w % 8 == 0 for w in self.widths), "widths should be multiples of 8 up to 2048")
        _require(4 <= self.size >> len(self.widths) <= 32, "the finest code map should have a side from 4 to 32")
        _require(1 <= len(self.codes) <= 2, "codes should have one or two entries")
        _require(all(2 <= codes <= 8192 for codes in self.codes), "codes should be from 2 to 8192")
        _require(1 <= self.code_width <= 256, "code_width should be from 1 to 256")
        _require(0 <= self.prior_layers <= 48, "prior_layers should be from 0 to 48")
        _require(8 <= self.prior_width <= 2048, "prior_width should be from 8 to 2048")
        _require(
            1 <= self.prior_heads <= 64 and self.prior_width % self.prior_heads == 0,
            "prior_heads should divide prior_width",
        )

    @property
    def sides(self) -> tuple[int, ...]:
        """The side of every code map, coarse first."""
        finest = self.size >> len(self.widths)
        return (finest,) if len(self.codes) == 1 else (finest // 2, finest)

    @property
    def parts(self) -> tuple[int, ...]:
        """How many numbers the embeddings of every map have."""
        return tuple(self.code_width * side * side for side in self.sides)

    @staticmethod
    def of(
        size: int, channels: int, codes: tuple[int, ...], width: int = 32, prior_layers: int = 3, prior_width: int = 96
    ) -> VQVAEShape:
        """Code maps of 8x8 for pictures up to 32 pixels, 16x16 up to 128, else 32x32; widths double from ``width``."""
        finest = 8 if size <= 32 else 16 if size <= 128 else 32
        levels = max(int(math.log2(max(size, 16) // finest)), 1)
        widths = tuple(min(width << level, 2 * width) for level in range(levels))
        return VQVAEShape(size, channels, widths, codes, 8, prior_layers, prior_width, max(prior_width // 32, 1))

    @staticmethod
    def from_json(data: dict[str, Any]) -> VQVAEShape:
        return VQVAEShape(
            int(data["size"]),
            int(data["channels"]),
            tuple(map(int, data["widths"])),
            tuple(map(int, data["codes"])),
            int(data["code_width"]),
            int(data["prior_layers"]),
            int(data["prior_width"]),
            int(data["prior_heads"]),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"widths": list(self.widths), "codes": list(self.codes)}


class VQVAE(nn.Module):
    """Pictures to maps of codes and back; every code is a learned vector, and a cell takes the nearest.

    With two maps the coarse one is found first, and its decoded features help to find the fine one (Razavi et al.
    2019, algorithm 1). Embeddings are tuples of (n, code_width, side, side), maps of codes tuples of (n, side, side),
    coarse first. Codebooks are parameters that no gradient moves: training sets them to means of what they stand for.
    """

    def __init__(self, shape: VQVAEShape) -> None:
        super().__init__()
        self.shape = shape
        widths, deepest = shape.widths, shape.widths[-1]
        two = len(shape.codes) == 2
        encoder: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * shape.channels, widths[0], 3, padding=1)]
        for narrow, wide in pairwise(widths):
            encoder += [ResidualBlock(narrow), nn.Conv2d(narrow, wide, 3, stride=2, padding=1)]
        self.encoder = nn.Sequential(*encoder, ResidualBlock(deepest))
        self.coarse = (
            nn.Sequential(nn.Conv2d(deepest, deepest, 3, stride=2, padding=1), ResidualBlock(deepest)) if two else None
        )
        self.to_codes = nn.ModuleList(
            _to_codes(deepest if which == 0 else 2 * deepest, shape.code_width) for which in range(len(shape.codes))
        )
        self.from_coarse = (
            nn.Sequential(
                nn.Conv2d(shape.code_width, deepest, 3, padding=1),
                ResidualBlock(deepest),
                nn.Upsample(scale_factor=2.0),
            )
            if two
            else None
        )
        self.codebooks = nn.ParameterList(
            nn.Parameter(torch.zeros(codes, shape.code_width), requires_grad=False) for codes in shape.codes
        )
        decoder: list[nn.Module] = [
            nn.Conv2d(len(shape.codes) * shape.code_width, deepest, 3, padding=1),
            ResidualBlock(deepest),
            ResidualBlock(deepest),
        ]
        for wide, narrow in pairwise(widths[::-1]):
            decoder += [nn.Upsample(scale_factor=2.0), nn.Conv2d(wide, narrow, 3, padding=1), ResidualBlock(narrow)]
        decoder += [nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], 64, 3, padding=1), nn.PixelShuffle(2)]
        self.decoder = nn.Sequential(*decoder, nn.SiLU(), nn.Conv2d(16, shape.channels, 3, padding=1))
        levels = tuple(zip(shape.sides, shape.codes, strict=True))
        self.prior = (
            CodePrior(levels, shape.prior_width, shape.prior_layers, shape.prior_heads) if shape.prior_layers else None
        )

    def encode(self, images: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Embeddings before quantisation, and the maps of codes they take, of pictures (n, c, h, w) in [-1, 1]."""
        features = self.encoder(images)
        if self.coarse is None or self.from_coarse is None:
            found = self.to_codes[0](features).float()
            return (found,), self.quantise((found,))
        top = self.to_codes[0](self.coarse(features)).float()
        (codes,) = self.quantise((top,))
        chosen = straight_through(top, self.vectors(codes, 0))
        bottom = self.to_codes[1](torch.cat([features, self.from_coarse(chosen).to(features.dtype)], 1)).float()
        return (top, bottom), (codes, nearest(bottom, self.codebooks[1]))

    def quantise(self, embeddings: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The code nearest to every embedding."""
        return tuple(nearest(part, book) for part, book in zip(embeddings, self.codebooks, strict=False))

    def vectors(self, codes: Tensor, level: int) -> Tensor:
        """The vectors (n, code_width, side, side) of one map of codes (n, side, side)."""
        vectors: Tensor = self.codebooks[level][codes].permute(0, 3, 1, 2)
        return vectors

    def embeddings(self, codes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The vectors of all maps of codes."""
        return tuple(self.vectors(maps, level) for level, maps in enumerate(codes))

    def picture(self, embeddings: Sequence[Tensor]) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of embeddings, which should be vectors of codes."""
        finest = embeddings[-1]
        coarse = [nn.functional.interpolate(part, scale_factor=2.0) for part in embeddings[:-1]]
        images: Tensor = self.decoder(torch.cat([*coarse, finest], 1))
        return images

    def decode(self, codes: Sequence[Tensor]) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of maps of codes."""
        return self.picture(self.embeddings(codes))


def nearest(embeddings: Tensor, codebook: Tensor) -> Tensor:
    """The index (n, h, w) of the row of ``codebook`` (k, d) nearest to embeddings (n, d, h, w) (eq. 1 and 2 of 2017).

    Of rows equally near it is the first.
    """
    n, d, h, w = embeddings.shape
    rows = embeddings.permute(0, 2, 3, 1).reshape(-1, d)
    # |z - e|^2 without |z|^2, which is the same for all codes.
    squares = codebook.square().sum(1)
    parts = [
        torch.addmm(squares, part, codebook.T, alpha=-2.0).argmin(1)
        for part in torch.split(rows, max(AT_ONCE // len(codebook), 1))
    ]
    return torch.cat(parts).view(n, h, w) if parts else rows.new_zeros((n, h, w), dtype=torch.int64)


def straight_through(embeddings: Tensor, vectors: Tensor) -> Tensor:
    """The vectors of codes, with the gradient of what was quantised (van den Oord et al. 2017, section 3.2)."""
    return embeddings + (vectors - embeddings).detach()


def perplexity(usage: Tensor) -> float:
    """exp of the entropy of how often each code is used: how many codes equally used would be as varied."""
    shares = usage.double() / usage.double().sum().clamp(min=1e-300)
    return math.exp(float(-torch.xlogy(shares, shares).sum()))


def _to_codes(width: int, code_width: int) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, code_width, 1))


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
