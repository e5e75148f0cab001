"""A flow that fits on a page, for tests of what the window does with levels and likelihoods."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor, nn

from explorer.facts import describe
from explorer.formats import Checkpoint
from explorer.generators import Generator
from explorer.generators.capabilities import LatentLevel
from explorer.session import Model

__all__ = ["SIDE", "ToyFlow", "toy_flow"]

SIDE: Final = 8
COUNT: Final = SIDE * SIDE
GAIN: Final = 0.4


class ToyFlow(Generator):
    """Pictures tanh(gain A z) of an orthogonal matrix A, in two levels: 16 latents decide the coarse half of it."""

    family = "toy-flow"
    family_title = "Toy flow"
    likelihood_kind = "exact"
    image_shape = (1, SIDE, SIDE)
    latent_shape = (COUNT,)
    levels = (LatentLevel("4 × 4", 0, 16, 4), LatentLevel("8 × 8", 16, COUNT, SIDE))

    def __init__(self, has_usual: bool = True) -> None:
        super().__init__({"family": self.family, "name": "toy flow"}, nn.Identity(), torch.device("cpu"))
        random = torch.randn(COUNT, COUNT, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.turn = torch.linalg.qr(random).Q.float()
        self.has_usual = has_usual

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(dict(self.config), {})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.tanh(GAIN * latents @ self.turn.T).view(-1, *self.image_shape)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        inside = images.flatten(1).clamp(-0.999, 0.999)
        return torch.atanh(inside) @ self.turn / GAIN

    def log_likelihood(self, images: Tensor) -> Tensor:
        return torch.stack(list(self.likelihood_parts(images).values())).sum(0)

    @torch.no_grad()
    def likelihood_parts(self, images: Tensor) -> dict[str, Tensor]:
        latents = self.encode(images)
        normal = -0.5 * (latents.square() + math.log(2 * math.pi))
        slopes = GAIN * (1 - images.flatten(1).clamp(-0.999, 0.999).square())
        parts = {f"log p(z), {level.name}": normal[:, level.first : level.end].sum(1) for level in self.levels}
        return {**parts, "log-determinant": -slopes.log().sum(1), "8-bit values": torch.full((len(images),), -310.0)}

    def usual_likelihood(self) -> Tensor | None:
        if not self.has_usual:
            return None
        pictures = self.decode(torch.stack([self.draw(seed) for seed in range(1000, 1400)]))  # stand for real ones
        return torch.quantile(self.log_likelihood(pictures), torch.linspace(0, 1, 101))


def toy_flow(has_usual: bool = True) -> Model:
    """The toy as an open model."""
    generator = ToyFlow(has_usual)
    return Model(Path("toy.safetensors"), f"toy{has_usual}", generator, describe(generator))
