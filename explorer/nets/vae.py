"""A convolutional variational autoencoder (Kingma and Welling 2014) with a discretised logistic likelihood."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.nets.prior import CouplingPrior

__all__ = ["VAE", "VAEShape", "discretised_logistic", "kl_to_standard_normal"]

SMALLEST = 4  # the side of the picture where convolutions end and the latent vector begins


@dataclass(frozen=True, slots=True)
class VAEShape:
    """The architecture of a ``VAE``; raises ValueError where it is impossible.

    ``size`` is a power of two from 16 to 256; ``channels`` 1 or 3; ``widths`` are the channels at half resolution, a
    quarter and so on down to 4x4, each a multiple of 8; ``couplings`` and ``prior_width`` describe the learned prior,
    which 0 couplings leave out.
    """

    size: int
    channels: int
    latent: int
    widths: tuple[int, ...]
    couplings: int = 0
    prior_width: int = 256

    def __post_init__(self) -> None:
        _require(self.size in (16, 32, 64, 128, 256), "size should be a power of two from 16 to 256")
        _require(self.channels in (1, 3), "channels should be 1 or 3")
        _require(1 <= self.latent <= 4096, "latent should be from 1 to 4096")
        levels = int(math.log2(self.size // SMALLEST))
        _require(len(self.widths) == levels, f"widths should have {levels} entries for pictures of {self.size}")
        _require(all(8 <= w <= 2048 and w % 8 == 0 for w in self.widths), "widths should be multiples of 8 up to 2048")
        _require(0 <= self.couplings <= 64, "couplings should be from 0 to 64")
        _require(1 <= self.prior_width <= 8192, "prior_width should be from 1 to 8192")
        _require(self.couplings == 0 or self.latent > 1, "a learned prior needs at least two latent dimensions")

    @staticmethod
    def of(size: int, channels: int, latent: int, width: int = 48, couplings: int = 0) -> VAEShape:
        """Widths that grow by half per level from ``width``, up to four times ``width``."""
        levels = max(int(math.log2(max(size, 8) // SMALLEST)), 1)
        widths = tuple(min(round(width * 1.6**level / 8) * 8, 4 * width) for level in range(levels))
        return VAEShape(size, channels, latent, widths, couplings)

    @staticmethod
    def from_json(data: dict[str, Any]) -> VAEShape:
        return VAEShape(
            int(data["size"]),
            int(data["channels"]),
            int(data["latent"]),
            tuple(map(int, data["widths"])),
            int(data.get("couplings", 0)),
            int(data.get("prior_width", 256)),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"widths": list(self.widths)}


class VAE(nn.Module):
    """q(z|x) = N(mean, variance) diagonal, p(x|z) a discretised logistic around the decoded picture.

    The encoder is trained against N(0, 1). Codes z and points u, which are what a person moves, are the same unless
    there is a learned prior: then ``CouplingPrior`` maps between them, p(u) = N(0, 1) and p(z) is what it learned.

    The scale of the logistic is one learned number per channel, so that the balance of reconstruction and KL follows
    from the data (Rybkin, Daniilidis and Levine 2021) and the ELBO is a bound on the probability of the 8-bit picture.
    """

    def __init__(self, shape: VAEShape) -> None:
        super().__init__()
        self.shape = shape
        widths, bottom = shape.widths, shape.widths[-1] * SMALLEST**2
        encoder: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * shape.channels, widths[0], 3, padding=1)]
        for narrow, wide in pairwise(widths):
            encoder += [ResidualBlock(narrow), nn.Conv2d(narrow, wide, 3, stride=2, padding=1)]
        encoder += [ResidualBlock(widths[-1]), nn.GroupNorm(8, widths[-1]), nn.SiLU(), nn.Flatten()]
        self.encoder = nn.Sequential(*encoder, nn.Linear(bottom, 2 * shape.latent))
        decoder: list[nn.Module] = [
            nn.Linear(shape.latent, bottom),
            nn.Unflatten(1, (widths[-1], SMALLEST, SMALLEST)),
            ResidualBlock(widths[-1]),
        ]
        for wide, narrow in pairwise(widths[::-1]):
            decoder += [nn.Upsample(scale_factor=2.0), nn.Conv2d(wide, narrow, 3, padding=1), ResidualBlock(narrow)]
        decoder += [nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], 64, 3, padding=1), nn.PixelShuffle(2)]
        self.decoder = nn.Sequential(*decoder, nn.SiLU(), nn.Conv2d(16, shape.channels, 3, padding=1))
        self.log_scale = nn.Parameter(torch.full((shape.channels,), -2.0))
        self.prior = CouplingPrior(shape.latent, shape.couplings, shape.prior_width) if shape.couplings else None

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), both (n, latent), for images (n, c, h, w) in [-1, 1]."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance.clamp(-14.0, 8.0)

    def picture(self, codes: Tensor) -> Tensor:
        """The centre of p(x|z), (n, c, h, w), nominal [-1, 1], for codes z (n, latent)."""
        images: Tensor = self.decoder(codes)
        return images

    def decode(self, points: Tensor) -> Tensor:
        """The centre of p(x|z), (n, c, h, w), nominal [-1, 1], for points u (n, latent)."""
        return self.picture(points if self.prior is None else self.prior.codes(points))

    def encode(self, images: Tensor) -> Tensor:
        """The point u (n, latent) of the posterior mean of images (n, c, h, w) in [-1, 1]."""
        return self.points(self.posterior(images)[0])

    def points(self, codes: Tensor) -> Tensor:
        """Points u (n, latent) of codes z (n, latent)."""
        return codes if self.prior is None else self.prior.points(codes)[0]

    def elbo_terms(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """log p(x|z) and the KL term, (n,) in nats, for z = mean + noise * deviation; their difference is the ELBO.

        The KL to N(0, 1) is exact (Kingma and Welling 2014, appendix B); to a learned prior it is the one-sample
        estimate log q(z|x) - log p(z).
        """
        mean, log_variance = self.posterior(images)
        codes = mean + noise * (0.5 * log_variance).exp()
        likelihood = self.log_likelihood(images, self.picture(codes))
        if self.prior is None:
            return likelihood, kl_to_standard_normal(mean, log_variance).sum(1)
        own = -0.5 * (noise.square() + log_variance + math.log(2 * math.pi)).sum(1)
        return likelihood, own - self.prior.log_density(codes)

    def log_likelihood(self, images: Tensor, decoded: Tensor) -> Tensor:
        """log p(x|z) in nats, (n,), of 8-bit images in [-1, 1] given their decoded latents."""
        log_scale = self.log_scale.clamp(-7.0, 2.0).view(1, -1, 1, 1)
        return discretised_logistic(images, decoded, log_scale).flatten(1).sum(1)


class ResidualBlock(nn.Module):
    """Two normalised 3x3 convolutions around which the input passes unchanged; (n, width, h, w) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(last.weight)
        first = (nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
        self.inner = nn.Sequential(*first, nn.GroupNorm(8, width), nn.SiLU(), last)

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.inner(features)
        return features + changed


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)


def discretised_logistic(images: Tensor, centre: Tensor, log_scale: Tensor) -> Tensor:
    """log P of each 8-bit value under a logistic density integrated over its bin (Salimans et al. 2017, eq. 2).

    ``images`` holds the 256 values -1, -1 + 2/255, ..., 1; the outermost bins reach to infinity, so that the
    probabilities of all 256 values sum to 1. All tensors broadcast; the result is in nats per channel value.
    """
    inverse = torch.exp(-log_scale)
    upper = (images - centre + 1 / 255) * inverse
    lower = (images - centre - 1 / 255) * inverse
    # log(sigmoid(upper) - sigmoid(lower)) without cancellation: with w = upper - lower > 0,
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(-w)).
    width = (2 / 255) * inverse
    middle = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-width))
    first = F.logsigmoid(upper)
    last = F.logsigmoid(-lower)
    return torch.where(images < -0.999, first, torch.where(images > 0.999, last, middle))


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, elementwise (Kingma and Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)
