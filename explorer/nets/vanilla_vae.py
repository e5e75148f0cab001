"""The VanillaVAE of the collection PyTorch-VAE: a VAE (Kingma and Welling 2014) of strided convolutions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

__all__ = ["VanillaVAE", "VanillaVAEShape"]


@dataclass(frozen=True, slots=True)
class VanillaVAEShape:
    """The architecture of a ``VanillaVAE``; raises ValueError where it is impossible.

    ``widths`` are the channels at half the side of the picture, a quarter and so on, down to ``start`` pixels.
    """

    latent: int
    channels: int
    widths: tuple[int, ...]
    start: int = 2

    def __post_init__(self) -> None:
        _require(1 <= self.latent <= 4096, "latent should be from 1 to 4096")
        _require(self.channels in (1, 3), "channels should be 1 or 3")
        _require(1 <= len(self.widths) <= 9, "there should be 1 to 9 layers")
        _require(all(1 <= width <= 8192 for width in self.widths), "widths should be from 1 to 8192")
        _require(1 <= self.start <= 64 and 8 <= self.size <= 1024, "pictures should have 8 to 1024 pixels a side")

    @property
    def size(self) -> int:
        """The side of the picture in pixels."""
        return self.start << len(self.widths)

    @staticmethod
    def from_json(data: dict[str, Any]) -> VanillaVAEShape:
        widths = tuple(map(int, data["widths"]))
        return VanillaVAEShape(int(data["latent"]), int(data["channels"]), widths, int(data.get("start", 2)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"widths": list(self.widths)}


class VanillaVAE(nn.Module):
    """q(z|x) = N(mean, variance) diagonal, and a decoder; weights are called as in that collection."""

    def __init__(self, shape: VanillaVAEShape) -> None:
        super().__init__()
        self.shape = shape
        widths, bottom = shape.widths, shape.widths[-1] * shape.start**2
        self.encoder = nn.Sequential(
            *(_halving(before, after) for before, after in pairwise((shape.channels, *widths)))
        )
        self.fc_mu = nn.Linear(bottom, shape.latent)
        self.fc_var = nn.Linear(bottom, shape.latent)
        self.decoder_input = nn.Linear(shape.latent, bottom)
        self.decoder = nn.Sequential(
            *(nn.Sequential(*_doubling(wide, narrow)) for wide, narrow in pairwise(widths[::-1]))
        )
        self.final_layer = nn.Sequential(
            *_doubling(widths[0], widths[0]), nn.Conv2d(widths[0], shape.channels, 3, padding=1), nn.Tanh()
        )

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), both (n, latent), for pictures (n, c, h, w) in the range of its training."""
        features = self.encoder(images).flatten(1)
        return self.fc_mu(features), self.fc_var(features)

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in the range of its training, of codes (n, latent)."""
        side = self.shape.start
        features = self.decoder_input(codes).view(len(codes), -1, side, side)
        images: Tensor = self.final_layer(self.decoder(features))
        return images


def _halving(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.LeakyReLU())


def _doubling(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.ConvTranspose2d(before, after, 3, 2, 1, 1), nn.BatchNorm2d(after), nn.LeakyReLU()


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
