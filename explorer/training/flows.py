"""Training a normalizing flow: the exact likelihood of pictures with noise that fills their 8-bit grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.formats import write_native
from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.latents import draw
from explorer.nets.dequantised import dequantised, log_likelihood_parts
from explorer.nets.glow import Glow, GlowShape
from explorer.nets.multiscale import MultiscaleFlow
from explorer.nets.realnvp import RealNVP, RealNVPShape
from explorer.scene import Latent, Scene, from_json, to_json
from explorer.training.loop import Images, Moment, descend, images_to_tensor

__all__ = ["FlowRecipe"]

MEASURED: Final = 2_000  # pictures a measurement uses at most
ENCODED: Final = 2_000  # pictures whose codes tell the principal directions
DIRECTIONS: Final = 64
TEMPERATURE: Final = 0.7  # of the samples, and where the model opens (Kingma and Dhariwal 2018, section 5)
WARM_UP: Final = 300  # steps
FIRST: Final = 256  # pictures that the layers are normalised on


@dataclass
class FlowRecipe:
    """L = -log p(x + u) with uniform noise u, in bits per dimension (Theis et al. 2016, section 3.1)."""

    write = staticmethod(write_native)
    shape: GlowShape | RealNVPShape
    about: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    likelihoods: Tensor = field(init=False, default_factory=lambda: torch.zeros(0))  # of held-out pictures, in nats

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        net = Glow(self.shape) if isinstance(self.shape, GlowShape) else RealNVP(self.shape)
        net.randomise()
        self.net: nn.Module = net

    def averaged(self, net: nn.Module) -> nn.Module:
        return net

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        # A flow has hundreds of small weights, and a call for each takes as long as the network. Not fused: that kernel
        # takes moments that were read back, whose order in memory is another, for those of other weights.
        return (torch.optim.Adam(net.parameters(), rate, betas=(0.9, 0.99), foreach=True),)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step; the learning rate rises over 300 steps and then falls along a cosine."""
        assert isinstance(net, MultiscaleFlow)
        noise = torch.rand(images.shape, generator=moment.generator, device=images.device)
        values = dequantised(images, noise, self.shape.bits)
        if moment.step == 0:
            net.initialise(values[:FIRST])
        for group in optimizers[0].param_groups:
            group["lr"] = moment.rate * min((moment.step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * moment.done))
        with moment.autocast():
            nats = net(values).log_density.float().mean()
        bits = self.shape.bits - nats / (images[0].numel() * math.log(2))
        descend(bits, optimizers[0], 1.0)
        return {"loss": bits}

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """Bits per dimension of held-out pictures, with noise of a fixed seed."""
        assert isinstance(net, MultiscaleFlow)
        parts = [_nats(net, images, self.shape.bits) for images in _batches(net, held_out[:MEASURED])]
        self.likelihoods = torch.cat(parts).double() if parts else torch.zeros(0)
        values = self.shape.channels * self.shape.size**2
        mean = float(self.likelihoods.mean()) if parts else 0.0
        return {
            "images": len(self.likelihoods),
            "log_likelihood_nats": round(mean, 2),
            "bits_per_dimension": round(-mean / values / math.log(2), 4),
        }

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint with principal directions of the codes, and how likely held-out pictures are."""
        assert isinstance(net, MultiscaleFlow)
        weights = {name: value.detach().cpu() for name, value in net.state_dict().items()}
        some = np.random.default_rng(0).permutation(len(images))[:ENCODED]
        codes = torch.cat([net(part / 2).points.cpu() for part in _batches(net, images[some])])
        directions, deviations = principal_codes(codes)
        weights |= {"statistics.directions": directions, "statistics.deviations": deviations}
        if len(self.likelihoods):
            shares = torch.linspace(0, 1, 101, dtype=torch.float64)
            weights["statistics.likelihood"] = torch.quantile(self.likelihoods, shares).float()
        config = {
            "family": "glow" if isinstance(self.shape, GlowShape) else "realnvp",
            "version": 1,
            "architecture": self.shape.to_json(),
            "preparation": Preparation().to_json(),
            **self.about,
            "start": _start(self.about),
            "training": {**self.about.get("training", {})},
        }
        return config, weights

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Two rows of held-out pictures and six rows of samples at a temperature of 0.7."""
        assert isinstance(net, MultiscaleFlow)
        device = next(net.parameters()).device
        real = np.stack([held_out[i % len(held_out)] for i in range(32)])
        points = draw(1, (96, sum(math.prod(shape) for shape in net.shapes)))
        drawn = 2 * net.inverse(points.to(device) * TEMPERATURE)
        made = to_pixels(torch.nan_to_num(drawn).float().cpu().numpy())
        return contact_sheet(np.concatenate([real, made]), 16, gap=2)


def principal_codes(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Up to 64 orthonormal principal directions (k, d) of codes (n, d), and the deviations (k,) along them.

    By the Gram matrix where there are fewer codes than dimensions. The largest component of each is positive.
    """
    centred = codes.double() - codes.double().mean(0)
    count = min(DIRECTIONS, len(codes), codes.shape[1])
    if len(codes) < codes.shape[1]:
        values, vectors = torch.linalg.eigh(centred @ centred.T / len(codes))
        along = vectors.flip(1)[:, :count].T @ centred
    else:
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(codes))
        along = vectors.flip(1)[:, :count].T
    directions = torch.linalg.qr(along.T)[0].T
    signs = directions.gather(1, directions.abs().argmax(1, keepdim=True)).sign()
    return (directions * signs).float().contiguous(), values.flip(0)[:count].clamp(min=0).sqrt().float()


def _start(about: dict[str, Any]) -> dict[str, Any]:
    """Where the model opens: as the command line says, at a temperature of 0.7."""
    scene = from_json(about["start"]) if "start" in about else Scene(Latent())
    started: dict[str, Any] = to_json(replace(scene, latent=replace(scene.latent, truncation=TEMPERATURE)))
    return started


def _batches(net: nn.Module, images: Images) -> list[Tensor]:
    device = next(net.parameters()).device
    return [images_to_tensor(images[first : first + 200], device) for first in range(0, len(images), 200)]


def _nats(net: MultiscaleFlow, images: Tensor, bits: int) -> Tensor:
    return torch.stack(list(log_likelihood_parts(net, images, bits))).sum(0).cpu()
