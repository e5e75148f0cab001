"""The BigGAN family (Brock, Donahue and Simonyan 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor

from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.fitting import fitted, kept
from explorer.latents import Shell
from explorer.nets.biggan import BigGAN, BigGANShape

__all__ = ["BigGANGenerator"]

CUT: Final = 2.0  # standard deviations at which the normal distribution of its points ends
LARGEST_OF_NUMPY: Final = (1 << 32) - 1
MEASURED: Final = 10_000


class BigGANGenerator(Generator):
    """A trained BigGAN: pictures of a class, or of a blend of classes.

    Truncation psi multiplies a point whose coordinates are drawn from N(0, 1) cut at two standard deviations, and
    chooses the statistics of the batch norms, which were measured for many truncations.
    """

    family: ClassVar[str] = "biggan"
    family_title: ClassVar[str] = "BigGAN"
    net: BigGAN

    def __init__(self, config: Mapping[str, Any], net: BigGAN, device: torch.device) -> None:
        super().__init__(config, net, device)
        self.image_shape = (3, net.shape.size, net.shape.size)
        self.latent_shape = (net.shape.z,)
        self.classes = net.shape.classes

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The BigGAN of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = fitted(checkpoint, "BigGAN", lambda data: BigGAN(BigGANShape.from_json(data)))
        return cls(checkpoint.config, net, device)

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        config = {**self.config, "family": self.family, "architecture": self.net.shape.to_json()}
        return Checkpoint(config, kept(self.net))

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, 3, h, w) in [-1, 1] of points (n, z) that nothing has truncated."""
        return self.decode_truncated(latents, condition, (1.0,))

    def decode_truncated(self, latents: Tensor, condition: Tensor | None, truncations: Sequence[float]) -> Tensor:
        """Pictures (n, 3, h, w) in [-1, 1] of points (n, z), which were multiplied by ``truncations``, 0 to 1, before:
        one for all pictures, or one for every picture. They choose the statistics of the batch norms.

        Class weights (n, classes) blend the embeddings of the classes.
        """
        if condition is None:
            condition = torch.zeros(len(latents), self.classes, device=latents.device)
            condition[:, 0] = 1.0
        assert len(truncations) in (1, len(latents)), "there should be one truncation, or one for every picture"
        images: Tensor = self.net(latents, condition, tuple(truncations))
        return images

    def draw(self, seed: int) -> Tensor:
        """The point (z,) of a seed, each coordinate from a normal distribution cut at -2 and 2.

        Uniform numbers through the inverse of its distribution function, as the usual tools draw it for this model, so
        that people find their pictures again.
        """
        return _cut_normal(seed, 1, self.net.shape.z)[0]

    @property
    def shell(self) -> Shell:
        """How far draws lie from the middle; the cut makes it less than that of a normal distribution."""
        return self.remember("shell", self._measure_shell)

    def _measure_shell(self) -> Shell:
        norms = _cut_normal(0, MEASURED, self.net.shape.z).double().norm(dim=1)
        return Shell(self.net.shape.z, float(norms.mean()), max(float(norms.std()), 1e-9))


def _cut_normal(seed: int, count: int, size: int) -> Tensor:
    """Draws (count, size), float32."""
    if seed <= LARGEST_OF_NUMPY:
        uniform = torch.from_numpy(np.random.RandomState(seed).uniform(size=(count, size)))
    else:
        uniform = torch.rand(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    low, high = torch.special.ndtr(torch.tensor([-CUT, CUT], dtype=torch.float64))
    drawn: Tensor = torch.special.ndtri(low + uniform * (high - low)).clamp(-CUT, CUT).float()
    return drawn
