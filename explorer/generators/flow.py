"""Normalizing flows: pictures and latent points are the same thing, one to one (Glow, RealNVP)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.capabilities import LatentLevel
from explorer.generators.fitting import STATISTICS, fitted
from explorer.generators.flow_directions import decoder_directions, strengths_along, strengths_of_axes
from explorer.latents import Directions
from explorer.nets.dequantised import log_likelihood_parts
from explorer.nets.glow import Glow, GlowShape
from explorer.nets.multiscale import MultiscaleFlow
from explorer.nets.realnvp import RealNVP, RealNVPShape
from explorer.scene import Direction

__all__ = ["FlowGenerator", "GlowGenerator", "RealNVPGenerator"]

QUANTILES: Final = 101
MOST_AXES: Final = 1024  # that are listed; a table of all would not fit for large pictures


class FlowGenerator(Generator):
    """A trained flow: decodes, encodes exactly, and knows the likelihood of every picture.

    A point (d,) holds the latents of all levels, the coarsest first, each standardised under its own prior given the
    coarser ones. So a temperature, a blend or a direction means the same at every level.
    """

    likelihood_kind = "exact"
    net: MultiscaleFlow
    levels: tuple[LatentLevel, ...]

    def __init__(
        self,
        config: Mapping[str, Any],
        net: MultiscaleFlow,
        shape: GlowShape | RealNVPShape,
        statistics: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        net.keep_matrices()  # while it is on the CPU
        super().__init__(config, net, device)
        self.image_shape = (shape.channels, shape.size, shape.size)
        self.latent_shape = (shape.channels * shape.size**2,)
        self.bits = shape.bits
        self.levels = _levels(net)
        self.statistics = statistics

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The flow of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = fitted(checkpoint, cls.family_title, cls._make)
        if not net.is_invertible():
            where = checkpoint.path.name if checkpoint.path else checkpoint.name
            raise CheckpointError(f"{where} is damaged: its layers do not keep every picture.")
        shape = net.shape
        assert isinstance(shape, (GlowShape, RealNVPShape)), "the network should have been made by _make"
        return cls(checkpoint.config, net, shape, _statistics(checkpoint, shape.channels * shape.size**2), device)

    @classmethod
    def _make(cls, architecture: Mapping[str, Any]) -> MultiscaleFlow:
        """The network of a description; raises ValueError where it is impossible."""
        raise NotImplementedError

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        weights = dict(self.net.state_dict())
        return Checkpoint(self.config, weights | {STATISTICS + name: t for name, t in self.statistics.items()})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of standardised latents (n, d)."""
        return 2 * self.net.inverse(latents)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The point (n, d) of pictures (n, c, h, w) in [-1, 1]: the inverse of ``decode``, up to rounding."""
        points: Tensor = self.net(images / 2).points
        return points

    def log_likelihood(self, images: Tensor) -> Tensor:
        """log p(x) in nats, (n,), of pictures (n, c, h, w) in [-1, 1], as whole numbers of ``bits`` bits.

        It is the density of the flow, which is exact, at x + u, times the volume of a cell of the grid, for one uniform
        noise u that is always the same. Over u its mean is a lower bound on log P(x) (Theis et al. 2016, eq. 3).
        """
        return torch.stack(list(self.likelihood_parts(images).values())).sum(0)

    def likelihood_parts(self, images: Tensor) -> dict[str, Tensor]:
        """The terms of ``log_likelihood`` in nats, (n,) each: the prior of every level, coarse first, the change of
        volume from the picture to its latents, and the volume of a cell of the grid of pixel values."""
        sides = (f"log p(z), {level.resolution} x {level.resolution}" for level in self.levels)
        names = (*sides, "log-determinant", f"{self.bits}-bit grid")
        return dict(zip(names, log_likelihood_parts(self.net, images, self.bits), strict=True))

    def usual_likelihood(self) -> Tensor | None:
        """The quantiles (101,) of log p in nats over held-out pictures, where the checkpoint carries them."""
        return self.statistics.get("likelihood")

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """Principal directions of the codes of its training pictures come first, where the checkpoint has them."""
        return ("data", "decoder", "axis") if "directions" in self.statistics else ("decoder", "axis")

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (d,) on the CPU, one standard deviation long.

        Raises:
            SceneError: the model has no such direction.
        """
        if direction.kind == "axis":  # all of them can be moved along, not only those that are listed
            return super().direction(direction)
        vectors = self.directions(direction.kind).vectors
        if not 0 <= direction.index < len(vectors):
            raise SceneError(
                f"{self.name} has {len(vectors)} directions of this kind, and none with the number {direction.index}."
            )
        return vectors[direction.index]

    def _find_directions(self, kind: str) -> Directions:
        if kind == "axis":
            count = min(MOST_AXES, self.latent_shape[0])
            vectors = torch.zeros(count, self.latent_shape[0])
            vectors.fill_diagonal_(1.0)
            return Directions(vectors, strengths_of_axes(self.decode, self.latent_shape[0], self.device)[:count])
        if kind == "decoder":
            return decoder_directions(self.decode, self.latent_shape[0], self.device)
        if kind == "data" and "directions" in self.statistics:
            vectors = self.statistics["directions"] * self.statistics["deviations"][:, None]
            return Directions(vectors, strengths_along(self.decode, vectors, self.device))
        raise SceneError(f"{self.name} has no directions of the kind '{kind}'.")


class GlowGenerator(FlowGenerator):
    """A trained Glow (Kingma and Dhariwal 2018)."""

    family: ClassVar[str] = "glow"
    family_title: ClassVar[str] = "Glow"

    @classmethod
    def _make(cls, architecture: Mapping[str, Any]) -> MultiscaleFlow:
        return Glow(GlowShape.from_json(architecture))


class RealNVPGenerator(FlowGenerator):
    """A trained RealNVP (Dinh, Sohl-Dickstein and Bengio 2017)."""

    family: ClassVar[str] = "realnvp"
    family_title: ClassVar[str] = "RealNVP"

    @classmethod
    def _make(cls, architecture: Mapping[str, Any]) -> MultiscaleFlow:
        return RealNVP(RealNVPShape.from_json(architecture))


def _levels(net: MultiscaleFlow) -> tuple[LatentLevel, ...]:
    """The levels of a flow, coarse first, called by the size of their features."""
    levels, first = [], 0
    for number, (channels, height, width) in enumerate(net.shapes):
        end = first + math.prod((channels, height, width))
        place = "coarse " if number == 0 else "fine " if number == len(net.shapes) - 1 else ""
        levels.append(LatentLevel(f"{place}{height} x {width}", first, end, height))
        first = end
    return tuple(levels)


def _statistics(checkpoint: Checkpoint, dimensions: int) -> dict[str, Tensor]:
    """What the checkpoint knows of its training data, as far as it is whole."""
    found = {
        name: checkpoint.weights[STATISTICS + name].float()
        for name in ("directions", "deviations", "likelihood")
        if STATISTICS + name in checkpoint.weights
    }
    if "likelihood" in found and tuple(found["likelihood"].shape) != (QUANTILES,):
        del found["likelihood"]
    none = torch.zeros(0)
    directions, deviations = found.get("directions", none), found.get("deviations", none)
    if directions.shape != (len(deviations), dimensions) or deviations.ndim != 1 or not len(deviations):
        found.pop("directions", None)
        found.pop("deviations", None)
    return found
