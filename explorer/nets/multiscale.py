"""A normalizing flow of several scales: pictures to standardised latents and back, with the exact density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from explorer.nets.flow_layers import ActNorm, EdgeConv, Invertible, InvertibleConv

__all__ = ["Coded", "FlowLevel", "MultiscaleFlow"]


class Coded(NamedTuple):
    """What a flow makes of pictures x (n, c, h, w), all in nats.

    ``latents`` (n, c, h, w) are those of every level, coarse first, standardised: (z - mean) / deviation under the
    prior of that level. ``priors`` (n,) are the log p(z) of every level, coarse first. With ``log_determinant`` (n,)
    of dz/dx they add up to log p(x), by the change of variables (Dinh et al. 2017, eq. 3).
    """

    latents: tuple[Tensor, ...]
    priors: tuple[Tensor, ...]
    log_determinant: Tensor

    @property
    def points(self) -> Tensor:
        """The latents as flat points (n, d), coarse first."""
        return torch.cat([part.flatten(1) for part in self.latents], 1)

    @property
    def log_density(self) -> Tensor:
        """log p(x) (n,)."""
        return torch.stack([*self.priors, self.log_determinant]).sum(0)


class FlowLevel(nn.Module):
    """Invertible layers, after which half of the channels is done and the other half goes on, unless it is the last.

    ``prior`` tells the mean and the log deviation of what is done from what goes on (Kingma and Dhariwal 2018, as in
    their code); the last level has nothing to tell them from but the edge of the picture. Without it, N(0, 1).
    """

    def __init__(self, layers: Sequence[Invertible], channels: int, is_last: bool, has_prior: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.is_last = is_last
        done = channels if is_last else channels // 2
        self.prior = EdgeConv(done, 2 * done) if has_prior else None

    def forward(self, values: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """What goes on, the standardised latents, their log p(z) and the log-determinant."""
        change = values.new_zeros(len(values))
        for layer in self.layers:
            values, added = layer(values)
            change = change + added
        on, done = (None, values) if self.is_last else values.chunk(2, dim=1)
        mean, log_deviation = self._expected(torch.zeros_like(done) if on is None else on)
        latents = (done - mean) * (-log_deviation).exp()
        density = -0.5 * (latents.square() + math.log(2 * math.pi)) - log_deviation
        return on, latents, density.flatten(1).sum(1), change

    def inverse(self, on: Tensor | None, latents: Tensor) -> Tensor:
        """What came into this level."""
        mean, log_deviation = self._expected(torch.zeros_like(latents) if on is None else on)
        done = latents * log_deviation.exp() + mean
        values = done if on is None else torch.cat([on, done], 1)
        for layer in reversed(self.layers):
            assert isinstance(layer, Invertible)
            values = layer.inverse(values)
        return values

    def _expected(self, given: Tensor) -> tuple[Tensor, Tensor]:
        if self.prior is None:
            return torch.zeros_like(given), torch.zeros_like(given)
        mean, log_deviation = self.prior(given).to(given.dtype).chunk(2, dim=1)
        return mean, log_deviation


class MultiscaleFlow(nn.Module):
    """Levels of invertible layers, the finest first; ``shapes`` (c, h, w) are those of their latents, coarse first."""

    def __init__(self, levels: Sequence[FlowLevel], shapes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.shapes = tuple(shapes)

    def forward(self, images: Tensor) -> Coded:
        """Latents and density of pictures (n, c, h, w) in the range of the network, [-0.5, 0.5]."""
        values: Tensor | None = images
        latents, priors = [], []
        change = images.new_zeros(len(images))
        for level in self.levels:
            values, coded, density, added = level(values)
            latents.append(coded)
            priors.append(density)
            change = change + added
        return Coded(tuple(reversed(latents)), tuple(reversed(priors)), change)

    def inverse(self, points: Tensor) -> Tensor:
        """Pictures (n, c, h, w), nominal [-0.5, 0.5], of flat points (n, d): the inverse of ``forward``."""
        values: Tensor | None = None
        parts = torch.split(points, [math.prod(shape) for shape in self.shapes], dim=1)
        for level, shape, part in zip(reversed(self.levels), self.shapes, parts, strict=True):
            assert isinstance(level, FlowLevel)
            values = level.inverse(values, part.reshape(-1, *shape))
        assert values is not None, "a flow should have a level"
        return values

    def randomise(self) -> None:
        """Begin the training with random rotations, drawn from torch's own generator."""
        for layer in self.modules():
            if isinstance(layer, InvertibleConv):
                layer.randomise()

    @torch.no_grad()
    def initialise(self, images: Tensor) -> None:
        """Normalise what every layer makes of these pictures, from the first to the last (data-dependent start)."""
        values: Tensor | None = images
        for level in self.levels:
            assert isinstance(level, FlowLevel) and values is not None
            for layer in level.layers:
                if isinstance(layer, ActNorm):
                    layer.initialise(values)
                values, _ = layer(values)
            values = None if level.is_last else values.chunk(2, dim=1)[0]

    def keep_matrices(self) -> None:
        """Prepare for use: the matrices and their inverses are computed once. Nothing may be learned afterwards."""
        for layer in self.modules():
            if isinstance(layer, InvertibleConv):
                layer.keep_matrices()

    def is_invertible(self) -> bool:
        """Whether what is never learned is as it should be: a damaged file's signs and permutations may not be."""
        return all(
            _are_signs(layer.sign) and (not isinstance(layer, InvertibleConv) or _is_permutation(layer.permutation))
            for layer in self.modules()
            if isinstance(layer, (ActNorm, InvertibleConv))
        )


def _are_signs(values: Tensor) -> bool:
    return bool((values.abs() == 1).all())


def _is_permutation(matrix: Tensor) -> bool:
    is_binary = bool(((matrix == 0) | (matrix == 1)).all())
    return is_binary and bool((matrix.sum(0) == 1).all()) and bool((matrix.sum(1) == 1).all())
