"""The DCGAN family (Radford, Metz and Chintala 2016; trained as a Wasserstein GAN, Gulrajani et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.fitting import fitted, kept
from explorer.nets import dcgan

__all__ = ["DCGANGenerator"]


class DCGANGenerator(Generator):
    """A trained generator of transposed convolutions: decodes, with the statistics that its batch norms kept."""

    family: ClassVar[str] = "dcgan"
    family_title: ClassVar[str] = "DCGAN"
    net: dcgan.DCGAN

    def __init__(self, config: Mapping[str, Any], net: dcgan.DCGAN, device: torch.device) -> None:
        super().__init__(config, net, device)
        self.image_shape = (net.shape.channels, net.shape.size, net.shape.size)
        self.latent_shape = (net.shape.latent,)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The DCGAN of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = fitted(checkpoint, "DCGAN", lambda data: dcgan.DCGAN(dcgan.DCGANShape.from_json(data)))
        return cls(checkpoint.config, net, device)

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        config = {**self.config, "family": self.family, "architecture": self.net.shape.to_json()}
        return Checkpoint(config, kept(self.net))

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of points z (n, d)."""
        images: Tensor = self.net(latents)
        return images
