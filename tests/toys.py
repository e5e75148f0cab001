"""Models whose right answers are known, for tests of what is built around models."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.diffusion import DiscreteSchedule, Level, Prediction, cosine_alphas_cumprod
from explorer.formats import Checkpoint
from explorer.generators import Generator
from explorer.generators.capabilities import Embedding
from explorer.scene import Condition, Sampling

__all__ = ["ToyDiffusion"]

SPREAD = 0.3  # of the pictures of one class around its mean
MEANS = (-0.6, 0.0, 0.6)


class ToyDiffusion(Generator):
    """Knows three classes of flat grey pictures exactly: N(mean of the class, SPREAD^2) for every pixel.

    With ``autoencoder`` a latent stands for four pixels and is half as large; ``calls`` counts calls of the network.
    """

    family = "diffusion"
    family_title = "Diffusion"
    classes = 3
    can_guide = True
    reads_text = False
    inversion_steps = 50
    samplers = ("ddim", "ddpm", "heun", "dpm++2m")

    def __init__(self, side: int = 8, autoencoder: bool = False, channels: int = 1) -> None:
        super().__init__({"family": "diffusion", "name": "toy"}, nn.Identity(), torch.device("cpu"))
        self.has_autoencoder = autoencoder
        self.image_shape = (channels, side, side)
        self.latent_shape = (channels, side // 2, side // 2) if autoencoder else self.image_shape
        self.schedule = DiscreteSchedule(tuple(cosine_alphas_cumprod(1000)), "trailing")
        self.suggested = Sampling("ddim", 10, guidance=2.0)
        self.calls = 0

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> ToyDiffusion:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.config, {})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.to_images(latents)

    def embed(self, conditions: Sequence[Condition]) -> Embedding:
        means = [sum(MEANS[index] * weight for index, weight in c.classes or ((0, 1.0),)) for c in conditions]
        return {"mean": torch.tensor(means), "spread": torch.full((len(means),), SPREAD)}

    def nothing(self, conditions: Sequence[Condition]) -> Embedding:
        return {"mean": torch.zeros(len(conditions)), "spread": torch.ones(len(conditions))}

    def predict(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        """E[x_0 | x_t] of a Gaussian."""
        self.calls += 1
        mean, variance = embedding["mean"].view(-1, 1, 1, 1), embedding["spread"].view(-1, 1, 1, 1) ** 2
        gain = level.alpha * variance / (level.alpha**2 * variance + level.sigma**2)
        clean = mean + gain * (noisy - level.alpha * mean)
        noise = (noisy - level.alpha * clean) / max(level.sigma, 1e-12)
        return Prediction(clean, noise)

    def to_images(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents, scale_factor=2.0) if self.has_autoencoder else latents

    def from_images(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images, 2) if self.has_autoencoder else images

    def preview(self, latents: Tensor) -> Tensor:
        return latents
