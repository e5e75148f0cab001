"""Training a variational autoencoder: the (beta-)ELBO, measured on held-out pictures as it goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.formats import write_native
from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.nets.vae import VAE, VAEShape, kl_to_standard_normal
from explorer.training.loop import Images, Moment, descend, images_to_tensor

__all__ = ["VAERecipe"]

WARM_UP = 0.04  # fraction of the run over which the KL term rises to full weight, against early posterior collapse
MEASURED = 2_000  # pictures a measurement uses at most
NATS_PER_BIT = float(np.log(2.0))
QUANTILES = 101  # of the bounds, from 0 to 100 %


@dataclass
class VAERecipe:
    """L = E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)) (Kingma and Welling 2014, eq. 3; Higgins et al. 2017, eq. 4)."""

    write = staticmethod(write_native)
    shape: VAEShape
    beta: float = 1.0
    about: dict[str, Any] = field(
        default_factory=dict
    )  # name, preparation, data, licence, training: for the checkpoint
    seed: int = 0
    bounds: Tensor = field(init=False, default_factory=lambda: torch.zeros(0))  # ELBO of held-out pictures, in nats

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net: nn.Module = VAE(self.shape)

    def averaged(self, net: nn.Module) -> nn.Module:
        return net

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        return (torch.optim.AdamW(net.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01),)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step; the learning rate rises over 200 steps and then falls along a cosine."""
        for group in optimizers[0].param_groups:
            group["lr"] = moment.rate * min((moment.step + 1) / 200, 0.5 + 0.5 * math.cos(math.pi * moment.done))
        with moment.autocast():
            losses = self.losses(net, images, moment.done, moment.generator)
        descend(losses["loss"], optimizers[0], 1.0)
        return losses

    def losses(self, net: nn.Module, images: Tensor, done: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms in nats per picture, but ``loss``, which is per channel value: the scale of bits."""
        assert isinstance(net, VAE)
        mean, log_variance = (part.float() for part in net.posterior(images))
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        codes = mean + noise * (0.5 * log_variance).exp()
        decoded = net.picture(codes).float()
        reconstruction = -net.log_likelihood(images, decoded).mean()
        kl = kl_to_standard_normal(mean, log_variance).sum(1).mean()
        weight = self.beta * min(1.0, done / WARM_UP)
        loss = (reconstruction + weight * kl) / images[0].numel()
        if net.prior is None:
            return {"loss": loss, "reconstruction": reconstruction, "kl": kl}
        with torch.autocast(images.device.type, enabled=False):
            prior = -net.prior.log_density(codes.detach()).mean()  # fits the codes without shaping them
        return {"loss": loss + prior / mean.shape[1], "reconstruction": reconstruction, "kl": kl, "prior": prior}

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """ELBO, KL and their like on held-out pictures: one posterior sample each, fixed by a seed."""
        assert isinstance(net, VAE)
        device = next(net.parameters()).device
        generator = torch.Generator(device).manual_seed(0)
        totals, bounds = torch.zeros(3, dtype=torch.float64), list[Tensor]()
        count = min(len(held_out), MEASURED)
        for start in range(0, count, 100):
            images = images_to_tensor(held_out[start : min(start + 100, count)], device)
            noise = torch.randn(len(images), self.shape.latent, generator=generator, device=device)
            likelihoods, kls = net.elbo_terms(images, noise)
            rebuilt = net.picture(net.posterior(images)[0]).clamp(-1, 1)
            error = (rebuilt - images).double().square().mean((1, 2, 3)).sum() / 4
            bounds.append((likelihoods - kls).double().cpu())
            totals += torch.stack([likelihoods.double().sum(), kls.double().sum(), error]).cpu()
        self.bounds = torch.cat(bounds) if bounds else self.bounds
        likelihood, kl, error = (totals / max(count, 1)).tolist()
        values = held_out[0].size if count else 1
        return {
            "images": count,
            "elbo_nats": round(likelihood - kl, 2),
            "kl_nats": round(kl, 2),
            "bits_per_dimension_at_most": round((kl - likelihood) / values / NATS_PER_BIT, 4),
            "reconstruction_psnr_db": round(-10 * float(np.log10(max(error, 1e-12))), 2),
        }

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint with its aggregate posterior, mean and covariance as points u, the KL per code, and how
        likely held-out pictures are."""
        assert isinstance(net, VAE)
        device = next(net.parameters()).device
        chosen = np.random.default_rng(0).permutation(len(images))[:10_000]
        parts = [
            net.posterior(images_to_tensor(images[chosen[i : i + 250]], device)) for i in range(0, len(chosen), 250)
        ]
        mean = torch.cat([mean for mean, _ in parts])
        log_variance = torch.cat([log_variance for _, log_variance in parts])
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0)).to(device)
        points = net.points(mean + noise * (0.5 * log_variance).exp()).double()
        statistics = {
            "statistics.mean": points.mean(0).float(),
            "statistics.covariance": torch.cov(points.T, correction=0).reshape(self.shape.latent, -1).float(),
            "statistics.kl": kl_to_standard_normal(mean, log_variance).mean(0).float(),
        }
        if len(self.bounds):
            shares = torch.linspace(0, 1, QUANTILES, dtype=torch.float64)
            statistics["statistics.likelihood"] = torch.quantile(self.bounds, shares).float()
        config = {
            "family": "vae",
            "version": 1,
            "architecture": self.shape.to_json(),
            "preparation": Preparation().to_json(),
            **self.about,
            "training": {"beta": self.beta, **self.about.get("training", {})},
        }
        weights = {name: value.detach().cpu() for name, value in net.state_dict().items()}
        return config, weights | {name: value.cpu() for name, value in statistics.items()}

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Two rows of held-out pictures, each above its reconstructions, then four rows of samples from the prior."""
        assert isinstance(net, VAE)
        device = next(net.parameters()).device
        real = np.stack([held_out[i % len(held_out)] for i in range(32)])
        rebuilt = net.picture(net.posterior(images_to_tensor(real, device))[0])
        drawn = net.decode(torch.randn(64, self.shape.latent, generator=torch.Generator().manual_seed(1)).to(device))
        made = to_pixels(torch.cat([rebuilt, drawn]).float().cpu().numpy())
        rows = (real[:16], made[:16], real[16:], made[16:32], made[32:])
        return contact_sheet(np.concatenate(rows), 16, gap=2)
