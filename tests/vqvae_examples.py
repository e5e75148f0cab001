"""Tiny VQ-VAEs that tests share: made in milliseconds, the same in every run."""

from __future__ import annotations

from typing import Any, Final

import torch
from examples import CPU, fill

from explorer.formats import Checkpoint
from explorer.generators.vqvae import VQVAEGenerator
from explorer.nets.code_prior import CodePrior
from explorer.nets.vqvae import VQVAE, VQVAEShape

__all__ = ["ONE", "TWO", "make_vqvae", "tiny_prior", "tiny_vqvae", "two_level_vqvae"]

ONE: Final = VQVAEShape(16, 1, (8, 8), (7,), 3, 2, 16, 2)  # one map of 4 x 4
TWO: Final = VQVAEShape(16, 3, (8,), (5, 9), 3, 2, 16, 2)  # 4 x 4 and 8 x 8


def tiny_vqvae(shape: VQVAEShape = ONE) -> VQVAE:
    """A network with random weights in every layer, also in those that start at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = VQVAE(shape)
        for book in net.codebooks:
            torch.nn.init.normal_(book)
    fill(net, 1)
    return net


def tiny_prior(levels: tuple[tuple[int, int], ...] = ((2, 5), (4, 7))) -> CodePrior:
    """A prior in double precision, of two maps if not said otherwise, whose cells depend on each other strongly."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        prior = CodePrior(levels, 16, 2, 2)
    for seed in (1, 2, 3):
        fill(prior, seed)
    return prior.double().eval().requires_grad_(False)


def make_vqvae(shape: VQVAEShape = ONE, statistics: bool = True, **config: Any) -> VQVAEGenerator:
    """A VQ-VAE, with the statistics that a trained one carries."""
    weights: dict[str, torch.Tensor] = dict(tiny_vqvae(shape).state_dict())
    d = sum(shape.parts)
    if statistics:
        generator = torch.Generator().manual_seed(2)
        weights["statistics.mean"] = 0.1 * torch.randn(d, generator=generator)
        weights["statistics.scale"] = torch.linspace(1.1, 0.9, len(shape.codes))
        weights["statistics.norm"] = torch.tensor([d**0.5, 1.0])
        weights["statistics.directions"] = torch.linalg.qr(torch.randn(d, 6, generator=generator)).Q.T.contiguous()
        weights["statistics.deviations"] = torch.linspace(6.0, 3.0, 6)
        for level, codes in enumerate(shape.codes):
            weights[f"statistics.usage.{level}"] = torch.arange(codes).float() / sum(range(codes))
    told = {"family": "vqvae", "name": "tiny vqvae", "architecture": shape.to_json(), **config}
    return VQVAEGenerator.build(Checkpoint(told, weights), CPU)


def two_level_vqvae(**config: Any) -> VQVAEGenerator:
    """A colour VQ-VAE with a coarse and a fine map."""
    return make_vqvae(TWO, **config)
