"""Invertible layers of pictures: each gives its output and the log-determinant of its Jacobian in one pass.

Every layer maps (n, c, h, w) to values of as many numbers, out of place, and ``inverse`` maps them back.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "SCALES",
    "ActNorm",
    "ChannelCoupling",
    "CheckerboardCoupling",
    "EdgeConv",
    "Invertible",
    "InvertibleConv",
    "Squeeze",
    "Swap",
    "coupling_net",
]

SCALES: Final = ("sigmoid", "tanh")  # how a coupling bounds its scale: see ``_log_scale``


class Invertible(nn.Module):
    """A bijection y = f(x); called, it gives y and log |det dy/dx|, (n,) or a single number for all."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def inverse(self, values: Tensor) -> Tensor:
        """x of y."""
        raise NotImplementedError


class Squeeze(Invertible):
    """Every 2 x 2 pixels become four channels (Dinh et al. 2017, section 3.6); the volume stays as it is."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return F.pixel_unshuffle(values, 2), values.new_zeros(())

    def inverse(self, values: Tensor) -> Tensor:
        return F.pixel_shuffle(values, 2)


class Swap(Invertible):
    """The two halves of the channels change places, so that the next coupling changes the other one."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return self.inverse(values), values.new_zeros(())

    def inverse(self, values: Tensor) -> Tensor:
        return torch.cat(_halves(values)[::-1], 1)


class ActNorm(Invertible):
    """y = s (x + b) with one s and b per channel (Kingma and Dhariwal 2018, section 3.1).

    The scale is kept as the logarithm of its size and a sign that is never learned.
    """

    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer("sign", torch.ones(channels))

    @torch.no_grad()
    def initialise(self, values: Tensor) -> None:
        """Give these values mean 0 and deviation 1 in every channel: the data-dependent start of Glow."""
        self.shift.copy_(-values.mean((0, 2, 3)))
        self.log_scale.copy_(-torch.log(values.std((0, 2, 3)) + 1e-6))

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        pixels = values.shape[2] * values.shape[3]
        return self._scale() * (values + self.shift.view(1, -1, 1, 1)), pixels * self.log_scale.sum()

    def inverse(self, values: Tensor) -> Tensor:
        return values / self._scale() - self.shift.view(1, -1, 1, 1)

    def _scale(self) -> Tensor:
        return (self.sign * self.log_scale.exp()).view(1, -1, 1, 1)


class InvertibleConv(Invertible):
    """A learned rotation of the channels: W = P L (U + diag(s)) (Kingma and Dhariwal 2018, eq. 10).

    L has ones on its diagonal, U zeros; P is a permutation and the signs of s are fixed, so that W is invertible
    whatever is learned, and log |det| = h w sum log |s|.
    """

    permutation: Tensor
    sign: Tensor
    kept: Tensor | None
    kept_inverse: Tensor | None

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("permutation", torch.eye(channels))
        self.lower = nn.Parameter(torch.zeros(channels, channels))
        self.upper = nn.Parameter(torch.zeros(channels, channels))
        self.log_diagonal = nn.Parameter(torch.zeros(channels))
        self.register_buffer("sign", torch.ones(channels))
        self.register_buffer("kept", None, persistent=False)
        self.register_buffer("kept_inverse", None, persistent=False)

    @torch.no_grad()
    def randomise(self) -> None:
        """Begin with a random rotation."""
        rotation, _ = torch.linalg.qr(torch.randn(self.lower.shape, dtype=torch.float64))
        permutation, lower, upper = torch.linalg.lu(rotation)
        self.permutation.copy_(permutation)
        self.lower.copy_(lower.tril(-1))
        self.upper.copy_(upper.triu(1))
        self.log_diagonal.copy_(upper.diagonal().abs().log())
        self.sign.copy_(upper.diagonal().sign())

    @torch.no_grad()
    def keep_matrices(self) -> None:
        """Compute W and its inverse once, for a network that is not trained any more."""
        self.kept = self._weight(torch.float64).to(self.lower.dtype)
        self.kept_inverse = self._inverse_weight()

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        weight = self._weight(self.lower.dtype) if self.kept is None else self.kept
        return _mixed(values, weight), values.shape[2] * values.shape[3] * self.log_diagonal.sum()

    def inverse(self, values: Tensor) -> Tensor:
        return _mixed(values, self._inverse_weight() if self.kept_inverse is None else self.kept_inverse)

    def _weight(self, dtype: torch.dtype) -> Tensor:
        lower, upper = self._factors(dtype)
        return self.permutation.to(dtype) @ lower @ upper

    def _inverse_weight(self) -> Tensor:
        """U^-1 L^-1 P^T, computed in double precision on the CPU, since some devices have none."""
        lower, upper = (factor.cpu() for factor in self._factors(torch.float64))
        half = torch.linalg.solve_triangular(lower, self.permutation.cpu().double().T, upper=False, unitriangular=True)
        inverse: Tensor = torch.linalg.solve_triangular(upper, half, upper=True).to(self.lower)
        return inverse

    def _factors(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        ones = torch.eye(len(self.sign), dtype=dtype, device=self.lower.device)
        diagonal = self.sign.to(dtype) * self.log_diagonal.to(dtype).exp()
        return self.lower.to(dtype).tril(-1) + ones, self.upper.to(dtype).triu(1) + torch.diag(diagonal)


class ChannelCoupling(Invertible):
    """The first half of the channels decides how the second is shifted and scaled: b' = (b + t(a)) s(a).

    Dinh et al. 2017, section 3.4. Without ``scale`` it is additive: b' = b + t(a).
    """

    def __init__(self, channels: int, width: int, scale: str | None) -> None:
        super().__init__()
        changed = channels - channels // 2
        self.scale = scale
        self.net = coupling_net(channels // 2, width, 2 * changed if scale else changed)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        kept, changed = _halves(values)
        log_scale, shift = self._told(kept)
        if log_scale is None:
            return torch.cat([kept, changed + shift], 1), values.new_zeros(())
        return torch.cat([kept, (changed + shift) * log_scale.exp()], 1), log_scale.flatten(1).sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        kept, changed = _halves(values)
        log_scale, shift = self._told(kept)
        return torch.cat([kept, (changed if log_scale is None else changed * (-log_scale).exp()) - shift], 1)

    def _told(self, kept: Tensor) -> tuple[Tensor | None, Tensor]:
        told = self.net(kept).to(kept.dtype)
        if self.scale is None:
            return None, told
        raw, shift = told.chunk(2, dim=1)
        return _log_scale(raw, self.scale), shift


class CheckerboardCoupling(Invertible):
    """The pixels of one colour of a checkerboard decide how the others are shifted and scaled (Dinh et al. 2017,
    eq. 9); ``colour`` 0 or 1 says which stay."""

    def __init__(self, channels: int, width: int, scale: str, colour: int) -> None:
        super().__init__()
        self.scale, self.colour = scale, colour
        self.net = coupling_net(channels, width, 2 * channels)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self._told(values)
        return (values + shift) * log_scale.exp(), log_scale.flatten(1).sum(1)

    def inverse(self, values: Tensor) -> Tensor:
        log_scale, shift = self._told(values)
        return values * (-log_scale).exp() - shift

    def _told(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """log s and t, both 0 where the pixels stay as they are."""
        rows, columns = (torch.arange(side, device=values.device) for side in values.shape[2:])
        stays = ((rows[:, None] + columns) % 2 == self.colour).to(values.dtype)
        raw, shift = self.net(values * stays).to(values.dtype).chunk(2, dim=1)
        return _log_scale(raw, self.scale) * (1 - stays), shift * (1 - stays)


class EdgeConv(nn.Module):
    """A 3 x 3 convolution that begins as zero, over a border of ones by which it knows the edge of the picture.

    The output is multiplied by exp(3 s) with a learned s per channel (Kingma and Dhariwal 2018, section 3.3).
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]  # it has one
        self.scale = nn.Parameter(torch.zeros(out))

    def forward(self, values: Tensor) -> Tensor:
        made: Tensor = self.conv(F.pad(values, (1, 1, 1, 1), value=1.0))
        return made * (3 * self.scale).exp().view(1, -1, 1, 1)


def coupling_net(channels: int, width: int, out: int) -> nn.Sequential:
    """The network inside a coupling (Kingma and Dhariwal 2018, section 3.3); it begins as zero."""
    first, middle = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 1)
    return nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), EdgeConv(width, out))


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    half = values.shape[1] // 2
    return values[:, :half], values[:, half:]


def _log_scale(raw: Tensor, scale: str) -> Tensor:
    """The logarithm of a scale: of sigmoid(r + 2), below 1, as Glow has it; or 2 tanh(r / 2), bounded both ways."""
    return F.logsigmoid(raw + 2.0) if scale == "sigmoid" else 2.0 * torch.tanh(0.5 * raw)


def _mixed(values: Tensor, weight: Tensor) -> Tensor:
    """The channels (n, c, h, w) multiplied by a matrix (c, c), never in half precision."""
    with torch.autocast(values.device.type, enabled=False):
        return F.conv2d(values, weight[:, :, None, None])
