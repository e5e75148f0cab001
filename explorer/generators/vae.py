"""The VAE family (Kingma and Welling 2014; beta-VAE, Higgins et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.fitting import STATISTICS, fitted
from explorer.nets.vae import VAE, VAEShape, kl_to_standard_normal

__all__ = ["VAEGenerator"]

LIKELIHOOD_SAMPLES = 4
QUANTILES = 101


class VAEGenerator(Generator):
    """A trained VAE: decodes, encodes, knows its posterior and bounds the likelihood."""

    family: ClassVar[str] = "vae"
    family_title: ClassVar[str] = "VAE"
    likelihood_kind = "lower bound"
    net: VAE

    def __init__(
        self, config: Mapping[str, Any], net: VAE, statistics: Mapping[str, Tensor], device: torch.device
    ) -> None:
        super().__init__(config, net, device)
        size = net.shape.size
        self.image_shape = (net.shape.channels, size, size)
        self.latent_shape = (net.shape.latent,)
        self.statistics = statistics

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The VAE of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = fitted(checkpoint, "VAE", lambda architecture: VAE(VAEShape.from_json(architecture)))
        if net.prior is not None and not net.prior.is_invertible():
            where = checkpoint.path.name if checkpoint.path else checkpoint.name
            raise CheckpointError(f"{where} is damaged: its prior does not keep every latent.")
        d = net.shape.latent
        wanted = {"mean": (d,), "covariance": (d, d), "kl": (d,), "likelihood": (QUANTILES,)}
        statistics = {
            name: checkpoint.weights[STATISTICS + name].float()
            for name, size in wanted.items()
            if STATISTICS + name in checkpoint.weights and tuple(checkpoint.weights[STATISTICS + name].shape) == size
        }
        return cls(checkpoint.config, net, statistics, device)

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        weights = dict(self.net.state_dict())
        return Checkpoint(self.config, weights | {STATISTICS + name: t for name, t in self.statistics.items()})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """The centre of p(x|z), (n, c, h, w), nominal [-1, 1], for latents (n, d)."""
        return self.net.decode(latents)

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The point of the posterior mean, (n, d), of pictures (n, c, h, w) in [-1, 1]."""
        return self.net.encode(images)

    @torch.no_grad()
    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(z|x), both (n, d), in the coordinates of the encoder (before a learned prior)."""
        mean, log_variance = self.net.posterior(images)
        return mean, log_variance.exp()

    @torch.no_grad()
    def kl_per_dimension(self, images: Tensor) -> Tensor:
        """KL(q(z_i|x) || p(z_i)) in nats, (n, d)."""
        return kl_to_standard_normal(*self.net.posterior(images))

    def usual_kl_per_dimension(self) -> Tensor | None:
        """Mean KL (d,) in nats over the training data."""
        return self.statistics.get("kl")

    def data_covariance(self) -> Tensor | None:
        """Covariance (d, d) of the aggregate posterior over the training data."""
        return self.statistics.get("covariance")

    def log_likelihood(self, images: Tensor) -> Tensor:
        """The ELBO in nats, (n,): a lower bound on log p(x) of the 8-bit picture (Kingma and Welling 2014, eq. 3)."""
        return torch.stack(list(self.likelihood_parts(images).values())).sum(0)

    @torch.no_grad()
    def likelihood_parts(self, images: Tensor) -> dict[str, Tensor]:
        """The two terms of the ELBO in nats, (n,) each; their expectation over q(z|x) is the mean of four samples of
        fixed seed."""
        expected, divergence = (torch.zeros(len(images), dtype=torch.float64, device=images.device) for _ in range(2))
        generator = torch.Generator().manual_seed(0)
        for _ in range(LIKELIHOOD_SAMPLES):
            noise = torch.randn(self.latent_shape, generator=generator)  # the same for every picture of the batch,
            likelihood, kl = self.net.elbo_terms(images, noise.to(images.device))  # so that batches do not matter
            expected += likelihood.double() / LIKELIHOOD_SAMPLES
            divergence += kl.double() / LIKELIHOOD_SAMPLES
        return {"reconstruction, E log p(x|z)": expected.float(), "latents, -KL": -divergence.float()}

    def usual_likelihood(self) -> Tensor | None:
        """The quantiles (101,) of the ELBO in nats over held-out pictures, where the checkpoint carries them."""
        return self.statistics.get("likelihood")
