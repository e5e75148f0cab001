"""A learned prior over maps of codes: a small causal transformer, one code after another, coarse map first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CodePrior"]

NEIGHBOURS = 4  # above left, above, above right, left: what comes before a cell and touches it


class CodePrior(nn.Module):
    """p(codes) as a product over cells, row by row, each given all before (van den Oord et al. 2017, section 3.3).

    ``levels`` holds the side and the number of codes of every map, coarse first; a second map has twice the side of
    the first and is conditioned on it (Razavi et al. 2019, section 3.2). Instead of the code before it alone, a cell
    is fed those of the cells that touch it and of the coarse cell it lies in: attention need not find them first.
    """

    def __init__(self, levels: Sequence[tuple[int, int]], width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.levels = tuple(levels)
        total = sum(side * side for side, _ in self.levels)
        self.positions = nn.Parameter(0.02 * torch.randn(total, width))
        # One more code than there are, for what lies outside the map.
        self.neighbours = nn.ModuleList(_table(NEIGHBOURS * (codes + 1), width) for _, codes in self.levels)
        self.parents = nn.ModuleList(_table(codes, width) for _, codes in self.levels[:-1])
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.heads = nn.ModuleList(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, k)) for _, k in self.levels)

    def log_probabilities(self, codes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """log p(code | all cells before), (n, side, side, codes) for each map (n, side, side)."""
        features = torch.cat([self._level_features(codes, level) for level in range(len(self.levels))], 1)
        features = features + self.positions
        for block in self.blocks:
            features = block(features)
        parts = torch.split(features, [side * side for side, _ in self.levels], dim=1)
        return tuple(
            F.log_softmax(head(part).float(), -1).view(len(part), side, side, -1)
            for head, part, (side, _) in zip(self.heads, parts, self.levels, strict=True)
        )

    def log_likelihood(self, codes: Sequence[Tensor]) -> Tensor:
        """log p(codes) in nats, (n,)."""
        terms = [
            logs.gather(-1, maps[..., None]).flatten(1).sum(1)
            for logs, maps in zip(self.log_probabilities(codes), codes, strict=True)
        ]
        return torch.stack(terms).sum(0)

    @torch.inference_mode()
    def sample(self, chances: Tensor, temperature: float = 1.0) -> tuple[Tensor, ...]:
        """Maps (n, side, side) int64, one per level, from ``chances`` (n, cells) uniform in [0, 1), one for each cell.

        A cell takes the code at which the cumulated probability, of logits over ``temperature``, passes its chance.
        """
        caches = [Cache.empty(len(chances), len(self.positions), block) for block in self.blocks]
        maps: list[Tensor] = []
        place = 0
        for level, (side, none) in enumerate(self.levels):
            padded = chances.new_full((len(chances), side + 1, side + 2), none, dtype=torch.int64)
            offsets = self._offsets(level)
            for row in range(side):
                for column in range(side):
                    window = padded[:, row : row + 2, column : column + 3].flatten(1)[:, :NEIGHBOURS]
                    features = F.embedding_bag(window + offsets, _weight(self.neighbours[level]), mode="sum")
                    if level:
                        features = features + self.parents[level - 1](maps[level - 1][:, row // 2, column // 2])
                    features = (features + self.positions[place])[:, None]
                    for block, cache in zip(self.blocks, caches, strict=True):
                        features = block(features, cache, place)
                    shares = F.softmax(self.heads[level](features[:, 0]).double() / temperature, -1).cumsum(-1)
                    passed = shares <= chances[:, place, None].double() * shares[:, -1:]
                    padded[:, row + 1, column + 1] = passed.sum(-1).clamp(max=none - 1)
                    place += 1
            maps.append(padded[:, 1:, 1:-1].clone())
        return tuple(maps)

    def _level_features(self, codes: Sequence[Tensor], level: int) -> Tensor:
        """What every cell of a map is fed, (n, cells, width): nothing that its own or a later code decides."""
        side, none = self.levels[level]
        maps = codes[level]
        assert maps.shape[1:] == (side, side), f"codes should be (n, {side}, {side})"
        padded = F.pad(maps, (1, 1, 1, 0), value=none)
        above = [padded[:, :-1, shift : shift + side] for shift in range(3)]
        window = torch.stack([*above, padded[:, 1:, :side]], -1) + self._offsets(level)
        features = F.embedding_bag(window.view(-1, NEIGHBOURS), _weight(self.neighbours[level]), mode="sum")
        features = features.view(len(maps), side * side, -1)
        if level:
            parents = codes[level - 1].repeat_interleave(2, 1).repeat_interleave(2, 2)
            features = features + self.parents[level - 1](parents.flatten(1))
        return features

    def _offsets(self, level: int) -> Tensor:
        """Where each neighbour's part of the table begins."""
        return torch.arange(NEIGHBOURS, device=self.positions.device) * (self.levels[level][1] + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    """Keys and values (n, heads, cells, width of a head) of the cells that one layer has seen."""

    keys: Tensor
    values: Tensor

    @staticmethod
    def empty(count: int, cells: int, block: nn.Module) -> Cache:
        assert isinstance(block, Block)
        weight = block.mix_in.weight
        shape = (count, block.heads, cells, weight.shape[1] // block.heads)
        return Cache(weight.new_zeros(shape), weight.new_zeros(shape))


class Block(nn.Module):
    """Causal attention and two dense layers, each normalised before and added after (Radford et al. 2019)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first = nn.LayerNorm(width)
        self.mix_in = nn.Linear(width, 3 * width)
        self.mix_out = nn.Linear(width, width)
        self.dense = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), _zero(2 * width, width))
        nn.init.zeros_(self.mix_out.weight)

    def forward(self, features: Tensor, cache: Cache | None = None, place: int = 0) -> Tensor:
        """Features (n, cells, width) of all cells, or with a ``cache`` of the one cell at ``place``."""
        n, cells, width = features.shape
        mixed = self.mix_in(self.first(features)).view(n, cells, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each (n, heads, cells, width of a head)
        if cache is None:
            found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            cache.keys[:, :, place], cache.values[:, :, place] = key[:, :, 0], value[:, :, 0]
            seen = slice(0, place + 1)
            found = F.scaled_dot_product_attention(query, cache.keys[:, :, seen], cache.values[:, :, seen])
        features = features + self.mix_out(found.transpose(1, 2).reshape(n, cells, width))
        changed: Tensor = features + self.dense(features)
        return changed


def _table(rows: int, width: int) -> nn.Embedding:
    table = nn.Embedding(rows, width)
    nn.init.normal_(table.weight, std=0.1)
    return table


def _weight(table: nn.Module) -> Tensor:
    assert isinstance(table, nn.Embedding)
    return table.weight


def _zero(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    return layer
