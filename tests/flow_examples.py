"""Tiny flows that the tests share: random weights in every layer, also in those that start at zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from examples import CPU

from explorer.formats import Checkpoint
from explorer.generators.flow import GlowGenerator, RealNVPGenerator
from explorer.nets.glow import Glow, GlowShape
from explorer.nets.multiscale import MultiscaleFlow
from explorer.nets.realnvp import RealNVP, RealNVPShape

__all__ = ["flow_statistics", "make_glow", "make_realnvp", "randomised", "tiny_glow", "tiny_realnvp"]

Flow = TypeVar("Flow", bound=MultiscaleFlow)


def tiny_glow(
    coupling: str = "affine", scale: str = "tanh", size: int = 16, channels: int = 1, levels: int = 3, bits: int = 8
) -> Glow:
    """A Glow of two steps of flow at every level, for pictures of 16 x 16 pixels."""
    return randomised(lambda: Glow(GlowShape(size, channels, (2,) * levels, (8,) * levels, coupling, scale, bits)))


def tiny_realnvp(size: int = 16, channels: int = 1, levels: int = 2) -> RealNVP:
    """A RealNVP of two couplings of each kind at every level."""
    return randomised(lambda: RealNVP(RealNVPShape(size, channels, (2,) * levels, (8,) * levels)))


def make_glow(coupling: str = "affine", scale: str = "tanh", channels: int = 1, **config: Any) -> GlowGenerator:
    """A Glow with the statistics that a trained one carries."""
    net = tiny_glow(coupling, scale, channels=channels)
    told = {"family": "glow", "name": "tiny glow", "architecture": net.shape.to_json(), **config}
    statistics = flow_statistics(channels * net.shape.size**2)
    return GlowGenerator.build(Checkpoint(told, dict(net.state_dict()) | statistics), CPU)


def make_realnvp(**config: Any) -> RealNVPGenerator:
    """A RealNVP without statistics."""
    net = tiny_realnvp()
    told = {"family": "realnvp", "name": "tiny realnvp", "architecture": net.shape.to_json(), **config}
    return RealNVPGenerator.build(Checkpoint(told, dict(net.state_dict())), CPU)


def flow_statistics(dimensions: int) -> dict[str, torch.Tensor]:
    """Three directions of the data, and how likely its pictures are."""
    drawn = torch.randn(dimensions, 3, generator=torch.Generator().manual_seed(2))
    return {
        "statistics.directions": torch.linalg.qr(drawn)[0].T.contiguous(),
        "statistics.deviations": torch.tensor([2.0, 1.5, 1.0]),
        "statistics.likelihood": torch.linspace(-3000.0, -1000.0, 101),
    }


def randomised(make: Callable[[], Flow]) -> Flow:
    """The network that ``make`` builds, with rotations and weights of a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = make()
        net.randomise()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():  # little: what many layers multiply grows fast
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.03)
    return net.eval()
