"""Training the autoencoder in whose latent space a diffusion model works, in the form that diffusers keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.training.folders import library, write_folder
from explorer.training.loop import Images, Moment, descend, images_to_tensor

__all__ = ["AutoencoderRecipe", "encode_all", "normalise", "picture", "trapezoid"]

LATENT_CHANNELS: Final = 4
KL_WEIGHT: Final = 1e-4  # per latent position: enough to keep latents near the origin, too little to blur
MEASURED: Final = 500  # held-out pictures a measurement uses at most
COUNTED: Final = 1_000  # training pictures that decide mean and deviation of the latents
WARM_UP: Final = 100  # steps


@dataclass
class AutoencoderRecipe:
    """|x - x'|_1 + |x - x'|^2 / 2 + w KL(q(z|x) || N(0, 1)) (Rombach et al. 2022, section 3.1, without a critic)."""

    image_shape: tuple[int, int, int]
    widths: tuple[int, ...] = (16, 32, 64)  # every one after the first halves the sides
    about: dict[str, Any] = field(default_factory=dict)  # name, preparation, data, licence, training
    seed: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        channels, side, _ = self.image_shape
        self.net: nn.Module = library().AutoencoderKL(
            in_channels=channels,
            out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * len(self.widths),
            up_block_types=("UpDecoderBlock2D",) * len(self.widths),
            block_out_channels=self.widths,
            layers_per_block=1,
            latent_channels=LATENT_CHANNELS,
            norm_num_groups=8,
            sample_size=side,
            scaling_factor=1.0,
            force_upcast=False,
        )

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
        """One step with one sample of the posterior per picture."""
        for group in optimizers[0].param_groups:
            group["lr"] = moment.rate * trapezoid(moment.step, moment.done)
        with moment.autocast():
            mean, log_variance = _posterior(net, images)
            noise = torch.randn(mean.shape, generator=moment.generator, device=mean.device)
            decoded = _decoder(net)(mean + noise * (0.5 * log_variance).exp()).float()
        error = decoded - images
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()  # nats per position
        losses = {"absolute": error.abs().mean(), "squared": error.square().mean(), "kl": kl}
        losses = {"loss": losses["absolute"] + 0.5 * losses["squared"] + KL_WEIGHT * kl, **losses}
        descend(losses["loss"], optimizers[0], 1.0)
        return losses

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """How far held-out pictures are from themselves decoded from the posterior's mean."""
        count = min(len(held_out), MEASURED)
        error = 0.0
        for images in _batches(held_out[:count], net):
            rebuilt = _decoder(net)(_posterior(net, images)[0]).clamp(-1, 1)
            error += float((rebuilt - images).double().square().mean((1, 2, 3)).sum()) / 4
        psnr = -10 * math.log10(max(error / max(count, 1), 1e-12))
        return {"images": count, "reconstruction_psnr_db": round(psnr, 2)}

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint, with mean and deviation of every latent channel over some training pictures."""
        chosen = np.random.default_rng(0).permutation(len(images))[:COUNTED]
        means = torch.cat([_posterior(net, batch)[0] for batch in _batches(images[chosen], net)]).double()
        module: Any = self.net
        module.register_to_config(
            latents_mean=[round(value, 5) for value in means.mean((0, 2, 3)).tolist()],
            latents_std=[round(max(value, 1e-3), 5) for value in means.std((0, 2, 3)).tolist()],
        )
        config = {
            "family": "autoencoder",
            "version": 1,
            "preparation": Preparation().to_json(),
            **self.about,
        }
        return config, {f"vae.{name}": value.detach().cpu() for name, value in net.state_dict().items()}

    def write(self, out: Path, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """A folder whose part ``vae`` diffusers opens."""
        write_folder(out, config, {"vae": self.net}, weights, "DiffusionPipeline")

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Two rows of held-out pictures, each above itself decoded from its latent."""
        real = np.stack([held_out[i % len(held_out)] for i in range(32)])
        rebuilt = [_decoder(net)(_posterior(net, batch)[0]) for batch in _batches(real, net)]
        made = to_pixels(torch.cat(rebuilt).float().cpu().numpy())
        return contact_sheet(np.concatenate((real[:16], made[:16], real[16:], made[16:])), 16, gap=2)


def trapezoid(step: int, done: float) -> float:
    """The share of the full learning rate: it rises over the first steps and falls over the last two fifths."""
    return min((step + 1) / WARM_UP, (1 - done) / 0.4, 1.0)


@torch.no_grad()
def encode_all(autoencoder: nn.Module, images: Images) -> Tensor:
    """Normalised posterior means (n, c, h, w) of pictures (n, H, W, C), on the processor."""
    means = [_posterior(autoencoder, batch)[0].cpu() for batch in _batches(images, autoencoder)]
    return normalise(autoencoder, torch.cat(means))


def normalise(autoencoder: nn.Module, latents: Tensor) -> Tensor:
    """Latents (n, c, h, w) with mean 0 and deviation 1 in every channel, as a diffusion model sees them."""
    mean, deviation = _statistics(autoencoder, latents)
    return (latents - mean) / deviation


@torch.no_grad()
def picture(autoencoder: nn.Module, latents: Tensor) -> Tensor:
    """Pictures (n, C, H, W) of normalised latents (n, c, h, w)."""
    mean, deviation = _statistics(autoencoder, latents)
    made: Tensor = _decoder(autoencoder)(latents * deviation + mean)
    return made


def _statistics(autoencoder: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    values = (autoencoder.config.latents_mean, autoencoder.config.latents_std)
    mean, deviation = (torch.tensor(value, device=like.device).reshape(1, -1, 1, 1) for value in values)
    return mean, deviation


def _posterior(net: Any, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance (n, c, h, w) of q(z|x), in 32 bits."""
    mean, log_variance = net.quant_conv(net.encoder(images)).float().chunk(2, 1)
    return mean, log_variance.clamp(-30, 20)  # the bounds of diffusers


def _decoder(net: Any) -> Any:
    return lambda latents: net.decoder(net.post_quant_conv(latents))


def _batches(images: Images, net: nn.Module, size: int = 250) -> Iterator[Tensor]:
    device = next(net.parameters()).device
    for start in range(0, len(images), size):
        yield images_to_tensor(images[start : start + size], device)
