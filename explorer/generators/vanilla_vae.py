"""The family of the VAEs of convolutions that courses and the collection PyTorch-VAE train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.fitting import fitted, kept
from explorer.latents import draw
from explorer.nets.vae import kl_to_standard_normal
from explorer.nets.vanilla_vae import VanillaVAE, VanillaVAEShape

__all__ = ["VanillaVAEGenerator"]

SIGNED, UNIT = "signed", "unit"  # values of pictures from -1 to 1, or from 0 to 1
GUESSED: Final = {
    SIGNED: "Its file does not say how bright its pictures are; its samples look as if trained on values from -1 to 1.",
    UNIT: "Its file does not say how bright its pictures are; its samples look as if trained on values from 0 to 1.",
}
SAMPLES: Final = 64
DARK: Final = -0.25  # values below it are no errors of a model of values from 0 to 1
FEW: Final = 0.01  # of them may be, all the same


class VanillaVAEGenerator(Generator):
    """Decodes, encodes and knows its posterior. What its training took the probability of a picture to be is not in
    its file, so it gives none."""

    family: ClassVar[str] = "vanilla-vae"
    family_title: ClassVar[str] = "Vanilla VAE"
    net: VanillaVAE

    def __init__(self, config: Mapping[str, Any], net: VanillaVAE, device: torch.device) -> None:
        super().__init__(config, net, device)
        self.image_shape = (net.shape.channels, net.shape.size, net.shape.size)
        self.latent_shape = (net.shape.latent,)
        told = config["architecture"].get("range")
        self.range = told if told is not None else self._guess_range()
        if told is None:
            self.warnings = (GUESSED[self.range],)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The VAE of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = fitted(checkpoint, "VAE", lambda data: VanillaVAE(VanillaVAEShape.from_json(data)))
        if checkpoint.config["architecture"].get("range", SIGNED) not in (SIGNED, UNIT):
            raise CheckpointError(f"{checkpoint.name} describes an impossible VAE: its pictures have an unknown range.")
        return cls(checkpoint.config, net, device)

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        architecture = self.net.shape.to_json() | {"range": self.range}
        return Checkpoint({**self.config, "family": self.family, "architecture": architecture}, kept(self.net))

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of latents (n, d)."""
        images = self.net.decode(latents)
        return images * 2 - 1 if self.range == UNIT else images

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The posterior mean (n, d) of pictures (n, c, h, w) in [-1, 1]."""
        return self._posterior(images)[0]

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(z|x), both (n, d)."""
        mean, log_variance = self._posterior(images)
        return mean, log_variance.exp()

    @torch.no_grad()
    def kl_per_dimension(self, images: Tensor) -> Tensor:
        """KL(q(z_i|x) || N(0, 1)) in nats, (n, d)."""
        return kl_to_standard_normal(*self._posterior(images)).clamp(min=0.0)  # rounding may go below

    def usual_kl_per_dimension(self) -> Tensor | None:
        """Nothing: its file says nothing of its training data."""
        return None

    def _posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.net.posterior((images + 1) / 2 if self.range == UNIT else images)
        return mean, log_variance.clamp(-30.0, 30.0)

    @torch.no_grad()
    def _guess_range(self) -> str:
        """The range of its training data, by whether samples have values well below 0."""
        images = self.net.decode(draw(0, (SAMPLES, *self.latent_shape)).to(self.device))
        return SIGNED if float((images < DARK).float().mean()) > FEW or float(images.mean()) < 0 else UNIT
