"""A learned prior over latent vectors: a small RealNVP (Dinh, Sohl-Dickstein and Bengio 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["CouplingPrior"]


class CouplingPrior(nn.Module):
    """An invertible map between codes z, as they are distributed, and points u, which are standard normal.

    A plain VAE's samples are poor where its encoder leaves holes in N(0, 1). Fitting the density of the codes closes
    them (two-stage VAE, Dai and Wipf 2019; here the second stage is a flow, so that it is exact both ways).
    """

    def __init__(self, dimensions: int, couplings: int, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(dimensions))
        self.shift = nn.Parameter(torch.zeros(dimensions))
        generator = torch.Generator().manual_seed(0)
        self.couplings = nn.ModuleList(
            Coupling(torch.randperm(dimensions, generator=generator, device="cpu"), width)  # also under a meta device
            for _ in range(couplings)
        )

    def is_invertible(self) -> bool:
        """Whether every stored order is a permutation, as a damaged file's may not be."""
        orders = [coupling.order for coupling in self.couplings if isinstance(coupling, Coupling)]
        return all(torch.equal(torch.sort(order).values, torch.arange(len(order))) for order in orders)

    def points(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Points u (n, d) of codes z (n, d), and log |det du/dz| (n,)."""
        points = codes * self.scale.exp() + self.shift
        log_determinant = self.scale.sum().expand(len(codes))
        for coupling in self.couplings:
            points, change = coupling(points)
            log_determinant = log_determinant + change
        return points, log_determinant

    def codes(self, points: Tensor) -> Tensor:
        """Codes z (n, d) of points u (n, d): the inverse of ``points``."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            points = coupling.inverse(points)
        return (points - self.shift) * (-self.scale).exp()

    def log_density(self, codes: Tensor) -> Tensor:
        """log p(z) in nats, (n,), by the change of variables (Dinh et al. 2017, eq. 3)."""
        points, log_determinant = self.points(codes)
        normal = -0.5 * (points.square() + math.log(2 * math.pi)).sum(1)
        return normal + log_determinant


class Coupling(nn.Module):
    """Affine coupling: one half of the coordinates scales and shifts the other (Dinh et al. 2017, eq. 4 to 8)."""

    order: Tensor  # stored with the weights: what a random generator draws may differ between versions of torch

    def __init__(self, order: Tensor, width: int) -> None:
        super().__init__()
        self.kept = (len(order) + 1) // 2
        changed = len(order) - self.kept
        self.register_buffer("order", order)
        last = nn.Linear(width, 2 * changed)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(nn.Linear(self.kept, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        kept, changed, log_scale, shift = self._split(values)
        joined = torch.cat([kept, (changed + shift) * log_scale.exp()], 1)
        return torch.index_copy(values, 1, self.order, joined), log_scale.sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        kept, changed, log_scale, shift = self._split(values)
        joined = torch.cat([kept, changed * (-log_scale).exp() - shift], 1)
        return torch.index_copy(values, 1, self.order, joined)

    def _split(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        ordered = values[:, self.order]
        kept, changed = ordered[:, : self.kept], ordered[:, self.kept :]
        log_scale, shift = self.net(kept).chunk(2, dim=1)
        return kept, changed, 2.0 * torch.tanh(0.5 * log_scale), shift
