"""A diffusion model without a network: the ideal denoiser of pictures spread around one mean for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from explorer.diffusion import CosineSchedule, Level, Prediction, Schedule, invert
from explorer.facts import describe
from explorer.formats import Checkpoint
from explorer.generators import Embedding, Generator
from explorer.scene import Condition, Sampling
from explorer.session import Model

__all__ = ["ToyDenoiser", "toy_model"]

SIDE = 16
SPREAD = 0.2  # standard deviation of the pictures of one class


class ToyDenoiser(Generator):
    """Pictures of a bar, one for each of three classes, under Gaussian noise: x_0 given x_t is known exactly.

    A prompt brightens the picture, by its length; a negative prompt darkens what guidance leads away from.
    """

    family, family_title = "toy", "Toy"

    def __init__(self, can_guide: bool = True, reads_text: bool = True, **config: Any) -> None:
        super().__init__({"name": "Toy", **config}, nn.Linear(1, 1), torch.device("cpu"))
        self.image_shape, self.latent_shape, self.classes = (1, SIDE, SIDE), (1, SIDE, SIDE), 3
        self.schedule: Schedule = CosineSchedule()
        self.suggested = Sampling("ddim", 10, guidance=2.0 if can_guide else 1.0)
        self.samplers = ("ddim", "ddpm", "heun")
        self.can_guide, self.reads_text, self.has_autoencoder = can_guide, reads_text, False
        self.inversion_steps = 60
        self.means = torch.full((4, 1, SIDE, SIDE), -0.8)  # the last is that of no class
        for index in range(3):
            self.means[index, :, 4 * index + 2 : 4 * index + 6] = 0.8
        self.means[3] = self.means[:3].mean(0)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(dict(self.config), {})

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        return ("axis",)

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return latents

    def _measure_decoder(self) -> Tensor:
        return torch.eye(SIDE**2)  # decoding changes nothing

    def encode(self, images: Tensor) -> Tensor:
        nothing = self.nothing([Condition()] * len(images))
        levels = self.schedule.levels(self.inversion_steps)[::-1]
        *_, last = invert(lambda noisy, level: self.predict(noisy, level, nothing), images, levels)
        return last.result

    def embed(self, conditions: Sequence[Condition]) -> Embedding:
        means = []
        for condition in conditions:
            mean = sum(weight * self.means[index] for index, weight in condition.classes or ((0, 1.0),))
            means.append(mean + 0.02 * sum(len(text) * weight for text, weight in condition.prompts))
        return {"mean": torch.stack(means)}

    def nothing(self, conditions: Sequence[Condition]) -> Embedding:
        return {"mean": torch.stack([self.means[3] - 0.02 * len(condition.negative) for condition in conditions])}

    def predict(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        mean, variance = embedding["mean"], (level.alpha * SPREAD) ** 2 + level.sigma**2
        clean = mean + level.alpha * SPREAD**2 / max(variance, 1e-9) * (noisy - level.alpha * mean)
        return Prediction(clean, (noisy - level.alpha * clean) / max(level.sigma, 1e-6))

    def to_images(self, latents: Tensor) -> Tensor:
        return latents

    def from_images(self, images: Tensor) -> Tensor:
        return images

    def preview(self, latents: Tensor) -> Tensor:
        return latents


def toy_model(**options: Any) -> Model:
    """The toy as an open model, without a file."""
    generator = ToyDenoiser(**options)
    return Model(Path("toy.safetensors").absolute(), f"{options}", generator, describe(generator))
