"""The VQ-VAE family (van den Oord et al. 2017; two maps of codes: VQ-VAE-2, Razavi et al. 2019)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.capabilities import CodeLevel
from explorer.generators.fitting import STATISTICS, fitted
from explorer.latents import Directions, Shell, typical_shell
from explorer.nets.vqvae import VQVAE, VQVAEShape, perplexity
from explorer.scene import Direction

__all__ = ["VQVAEGenerator"]

MOST_AXES: Final = 1024  # single coordinates that are offered as directions
MOST_DIRECTIONS: Final = 4096  # that a file may hold
MEASURED: Final = 4  # points at which the strength of a direction is measured
AT_ONCE: Final = 1 << 21  # channel values decoded at once while measuring


class VQVAEGenerator(Generator):
    """A trained VQ-VAE: decodes and encodes by way of maps of codes, and draws them from a learned prior.

    A latent point is the embeddings before quantisation, less their mean over the training data and in units of their
    deviation, one number per map: (code_width, side, side) for one map, flat and the coarse map first for two. So 0 is
    the mean, truncation pulls to it, and a draw is about as long as one of a standard normal. Decoding quantises.
    """

    family: ClassVar[str] = "vqvae"
    family_title: ClassVar[str] = "VQ-VAE"
    spherical: ClassVar[bool] = False  # embeddings are not normal: a blend of two lies between them
    net: VQVAE

    def __init__(
        self, config: Mapping[str, Any], net: VQVAE, statistics: Mapping[str, Tensor], device: torch.device
    ) -> None:
        # Draws are made on the CPU, so that a seed gives the same codes on every device.
        self._prior = net.prior if net.prior is None or device.type == "cpu" else copy.deepcopy(net.prior).eval()
        super().__init__(config, net, device)
        shape = net.shape
        self.image_shape = (shape.channels, shape.size, shape.size)
        self.latent_shape = (
            (shape.code_width, shape.sides[0], shape.sides[0]) if len(shape.codes) == 1 else (sum(shape.parts),)
        )
        names = ("codes",) if len(shape.codes) == 1 else ("top", "bottom")
        self.code_levels = tuple(
            CodeLevel(name, side, side, codes)
            for name, side, codes in zip(names, shape.sides, shape.codes, strict=True)
        )
        self.statistics = statistics
        self.temperature = float(config.get("temperature", 1.0))
        mean = statistics.get("mean", torch.zeros(sum(shape.parts)))
        scale = statistics.get("scale", torch.ones(len(shape.codes)))
        self._mean = mean.to(device)
        self._scale = torch.repeat_interleave(scale, torch.tensor(shape.parts)).to(device)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The VQ-VAE of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        where = checkpoint.path.name if checkpoint.path else checkpoint.name
        temperature = checkpoint.config.get("temperature", 1.0)
        if not isinstance(temperature, (int, float)) or not 0.0 < temperature <= 10.0:
            raise CheckpointError(f"{where} describes an impossible VQ-VAE: its temperature is not from 0 to 10.")
        net = fitted(checkpoint, "VQ-VAE", lambda architecture: VQVAE(VQVAEShape.from_json(architecture)))
        shape = net.shape
        return cls(checkpoint.config, net, _statistics(where, checkpoint.weights, shape), device)

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        weights = dict(self.net.state_dict())
        return Checkpoint(self.config, weights | {STATISTICS + name: t for name, t in self.statistics.items()})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of the codes nearest to latents (n, *latent_shape)."""
        return self.decode_codes(self.codes(latents))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The quantised embeddings (n, *latent_shape) of pictures (n, c, h, w) in [-1, 1]."""
        return self.latents(self.net.encode(images)[1])

    def codes(self, latents: Tensor) -> tuple[Tensor, ...]:
        """The nearest codes of latents (n, *latent_shape), int64 (n, rows, columns) for every map."""
        return self.net.quantise(self._embeddings(latents))

    def decode_codes(self, codes: Sequence[Tensor]) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of code maps (n, rows, columns), one for every level."""
        return self.net.decode(codes)

    def latents(self, codes: Sequence[Tensor]) -> Tensor:
        """The points (n, *latent_shape) at which code maps (n, rows, columns) lie."""
        flat = torch.cat([part.flatten(1) for part in self.net.embeddings(codes)], 1)
        return ((flat - self._mean) / self._scale).view(-1, *self.latent_shape)

    def code_usage(self) -> tuple[Tensor, ...] | None:
        """The share of each code (codes,) in the training data, for every map; 0 for a dead code."""
        found = [self.statistics.get(f"usage.{level}") for level in range(len(self.code_levels))]
        known = [usage for usage in found if usage is not None]
        return tuple(usage / usage.sum().clamp(min=1e-12) for usage in known) if len(known) == len(found) else None

    def code_perplexity(self) -> tuple[float, ...] | None:
        """exp of the entropy of ``code_usage`` for every map: how many codes equally used would be as varied."""
        usage = self.code_usage()
        return None if usage is None else tuple(map(perplexity, usage))

    @torch.no_grad()
    def code_log_likelihood(self, images: Tensor) -> Tensor | None:
        """log p(codes) in nats, (n,), of the codes of pictures under the learned prior, where there is one.

        It is that of the codes, not of the pictures: what the codes leave out is not counted.
        """
        return None if self.net.prior is None else self.net.prior.log_likelihood(self.net.encode(images)[1])

    def draw(self, seed: int) -> Tensor:
        """The point (*latent_shape), float32 on the CPU, of code maps drawn from the learned prior.

        Without one, every code is drawn by how often the training data use it, or evenly where that is not known.
        """
        return self.remember(("draw", seed), lambda: self._draw(seed))

    @torch.no_grad()
    def _draw(self, seed: int) -> Tensor:
        cells = [level.rows * level.columns for level in self.code_levels]
        chances = torch.rand(1, sum(cells), generator=torch.Generator().manual_seed(seed))
        if self._prior is not None:
            codes: Sequence[Tensor] = self._prior.sample(chances, self.temperature)
        else:
            usage = self.code_usage() or tuple(torch.ones(level.codes) for level in self.code_levels)
            codes = [
                _inverse(shares, part).view(1, level.rows, level.columns)
                for shares, part, level in zip(usage, torch.split(chances, cells, 1), self.code_levels, strict=True)
            ]
        return self.latents([maps.to(self.device) for maps in codes])[0].float().cpu()

    @property
    def shell(self) -> Shell:
        """How far the codes of the training data lie from their mean."""
        dimensions = math.prod(self.latent_shape)
        norm = self.statistics.get("norm")
        return typical_shell(dimensions) if norm is None else Shell(dimensions, float(norm[0]), float(norm[1]))

    # --- directions ---

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """Principal directions of the training data, and single numbers where they are few."""
        data = ("data",) if "directions" in self.statistics else ()
        return (*data, "axis") if math.prod(self.latent_shape) <= MOST_AXES or not data else data

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (*latent_shape) on the CPU, one standard deviation of the data long, or 1.

        Raises:
            SceneError: the model has no such direction.
        """
        if direction.kind == "data" and "directions" in self.statistics:
            known = self._data_directions()
            if not 0 <= direction.index < len(known):
                raise SceneError(
                    f"{self.name} has {len(known)} directions, and none with the number {direction.index}."
                )
            return known[direction.index]
        return super().direction(direction)

    def _find_directions(self, kind: str) -> Directions:
        if kind == "data" and kind in self.direction_kinds:
            vectors = self._data_directions()
        elif kind == "axis" and kind in self.direction_kinds:
            dimensions = math.prod(self.latent_shape)
            count = min(dimensions, MOST_AXES)
            vectors = torch.eye(count, dimensions).view(count, *self.latent_shape)
        else:
            raise SceneError(f"{self.name} has no directions of the kind '{kind}'.")
        return Directions(vectors, self._strengths(vectors))

    def _data_directions(self) -> Tensor:
        """Vectors (k, *latent_shape) on the CPU, one standard deviation of the data long."""
        lengths = self.statistics["deviations"][:, None]
        return (self.statistics["directions"] * lengths).view(-1, *self.latent_shape)

    @torch.no_grad()
    def _strengths(self, vectors: Tensor) -> Tensor:
        """The root mean square change of the picture, summed over its values, along vectors (k, *latent_shape).

        Measured over whole steps at some drawn points: quantising leaves no gradient to measure.
        """
        total = torch.zeros(len(vectors), dtype=torch.float64)
        count = max(AT_ONCE // math.prod(self.image_shape), 1)
        for seed in range(MEASURED):
            point = self.draw(seed)[None].to(self.device)
            here = self.decode(point)
            moved = [self.decode(point + part.to(self.device)) for part in torch.split(vectors, count)]
            total += torch.cat([(images - here).double().square().flatten(1).sum(1).cpu() for images in moved])
        return (total / MEASURED).sqrt().float()

    def _embeddings(self, latents: Tensor) -> tuple[Tensor, ...]:
        """Embeddings (n, code_width, side, side) for every map, before quantisation."""
        shape = self.net.shape
        flat = latents.flatten(1) * self._scale + self._mean
        return tuple(
            part.reshape(-1, shape.code_width, side, side)
            for part, side in zip(torch.split(flat, list(shape.parts), 1), shape.sides, strict=True)
        )


def _statistics(where: str, weights: Mapping[str, Tensor], shape: VQVAEShape) -> dict[str, Tensor]:
    """What a checkpoint knows of its training data, float32; raises CheckpointError where that cannot be."""
    d, levels = sum(shape.parts), len(shape.codes)
    found = {
        name.removeprefix(STATISTICS): tensor.float() for name, tensor in weights.items() if name.startswith(STATISTICS)
    }
    kept = len(found["deviations"]) if "deviations" in found and found["deviations"].ndim == 1 else 0
    wanted = {"mean": (d,), "scale": (levels,), "norm": (2,), "directions": (kept, d), "deviations": (kept,)}
    wanted |= {f"usage.{level}": (codes,) for level, codes in enumerate(shape.codes)}
    for name, tensor in found.items():
        if tuple(tensor.shape) != wanted.get(name):
            raise CheckpointError(
                f"{where} does not fit its own description: "
                f"{STATISTICS}{name} is {_told(tuple(tensor.shape))}, not {_told(wanted.get(name))}."
            )
    positive = ("scale", "norm")
    if any(name in found and not bool((found[name] > 0).all()) for name in positive):
        raise CheckpointError(f"{where} is damaged: a deviation of its codes is not above 0.")
    if any(bool((tensor < 0).any()) for name, tensor in found.items() if name.startswith("usage")):
        raise CheckpointError(f"{where} is damaged: a code is used less than never.")
    if ("directions" in found) != ("deviations" in found) or kept > MOST_DIRECTIONS:
        raise CheckpointError(f"{where} is damaged: its directions and their deviations do not belong together.")
    return found


def _inverse(shares: Tensor, chances: Tensor) -> Tensor:
    """The codes at which the cumulated ``shares`` (k,) pass ``chances`` (1, cells)."""
    cumulated = shares.double().cumsum(0)
    places = torch.searchsorted(cumulated, chances.double() * cumulated[-1], right=True)
    return places.clamp(max=len(shares) - 1)


def _told(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape)) or "a single number"
