"""Tiny models and pictures that the tests share: made in milliseconds, the same in every run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from explorer.formats import Checkpoint, write_native
from explorer.generators import Generator, StyleGAN2Generator, StyleGAN3Generator, VAEGenerator, build_generator
from explorer.nets.style_mapping import MappingShape
from explorer.nets.stylegan2 import StyleGAN2, StyleGAN2Shape
from explorer.nets.stylegan3 import StyleGAN3, StyleGAN3Shape
from explorer.nets.vae import VAE, VAEShape

__all__ = [
    "CPU",
    "fill",
    "make_autoencoder",
    "make_consistency",
    "make_diffusion",
    "make_prior_vae",
    "make_stylegan2",
    "make_stylegan3",
    "make_vae",
    "noise_pictures",
    "save_model",
    "tiny_vae",
    "toy_pictures",
]

CPU: Final = torch.device("cpu")


def tiny_vae(latent: int = 5, couplings: int = 0, channels: int = 1) -> VAE:
    """A network for 16 x 16 pictures with random weights in every layer, also in those that start at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = VAE(VAEShape(16, channels, latent, (8, 8), couplings, prior_width=16))
    fill(net, 1)
    return net


def fill(net: torch.nn.Module, seed: int) -> None:
    """Add small noise of a fixed seed to every parameter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)


def make_vae(channels: int = 1, **config: Any) -> VAEGenerator:
    """A plain VAE, with the statistics that a trained one carries."""
    return _generator(tiny_vae(channels=channels), config)


def make_prior_vae(**config: Any) -> VAEGenerator:
    """A VAE with a learned prior."""
    return _generator(tiny_vae(couplings=2), config)


def make_stylegan2(classes: int = 0, noise: bool = True, **config: Any) -> StyleGAN2Generator:
    """A conditional or plain StyleGAN2 for 16 x 16 colour pictures: 6 styles of 8 numbers."""
    shape = StyleGAN2Shape(
        8, 8, classes, 3, 16, (16, 16, 8), MappingShape((8, 8), 8 if classes else 0, 0.1), noise=noise
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = StyleGAN2(shape)
    fill(net, 1)
    with torch.no_grad():
        net.mapping.w_avg += 0.1
    told = {"family": "stylegan2", "name": "tiny stylegan2", "architecture": shape.to_json(), **config}
    return StyleGAN2Generator.build(Checkpoint(told, net.state_dict()), CPU)


def make_stylegan3(rotation: bool = False, **config: Any) -> StyleGAN3Generator:
    """A StyleGAN3 for 16 x 16 colour pictures, of strong contrast: 5 styles of 8 numbers."""
    shape = StyleGAN3Shape.of(16, z=8, rotation=rotation, channel_base=64, channel_max=4, layers=3)
    shape = replace(shape, output_scale=2.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = StyleGAN3(shape)
    fill(net, 1)
    told = {"family": "stylegan3", "name": "tiny stylegan3", "architecture": shape.to_json(), **config}
    return StyleGAN3Generator.build(Checkpoint(told, net.state_dict()), CPU)


def make_diffusion(classes: int = 0, prediction: str = "v_prediction", **config: Any) -> Generator:
    """A diffusion model for grey pictures of 8 x 8 pixels, perhaps with classes and a place that means none."""
    scheduler = {
        "_class_name": "DDIMScheduler",
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": prediction,
        "timestep_spacing": "trailing",
        "clip_sample": False,
    }
    told = {"sampling": {"sampler": "ddim", "steps": 4, "guidance": 2.0}, "classes": classes, **config}
    return _diffusion("diffusion", scheduler, classes + 1 if classes else None, told)


def make_consistency(**config: Any) -> Generator:
    """A consistency model for grey pictures of 8 x 8 pixels."""
    return _diffusion("consistency", {"_class_name": "CMStochasticIterativeScheduler"}, None, config)


def make_autoencoder(kind: str, **config: Any) -> Generator:
    """An autoencoder of diffusers, of one of its three kinds, for grey pictures of 8 x 8 pixels."""
    from diffusion_folders import autoencoder

    net = autoencoder(kind)
    told = {name: value for name, value in net.config.items() if not name.startswith("_")}
    architecture = json.loads(json.dumps(told)) | {"sample_size": 8, "_class_name": kind}
    return build_generator(
        Checkpoint({"family": "autoencoder", "name": kind, "architecture": architecture, **config}, net.state_dict()),
        CPU,
    )


def save_model(path: Path, model: Generator | None = None) -> Path:
    """Write a checkpoint of ``model``, or of ``make_vae()``."""
    checkpoint = (model or make_vae()).checkpoint()
    write_native(path, checkpoint.config, checkpoint.weights)
    return path


def toy_pictures(count: int, size: int = 16) -> npt.NDArray[np.uint8]:
    """Grey pictures (n, size, size, 1) of a bright bar on a dark ground, at changing heights."""
    pictures = np.full((count, size, size, 1), 20, np.uint8)
    for index, picture in enumerate(pictures):
        top = index * 3 % (size - 4)
        picture[top : top + 4] = 220
    return pictures


def noise_pictures(count: int, channels: int = 1, size: int = 16, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Pictures (n, size, size, c) of uniform noise."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), np.uint8)


def _generator(net: VAE, config: dict[str, Any]) -> VAEGenerator:
    d = net.shape.latent
    weights = dict(net.state_dict())
    weights["statistics.mean"] = torch.zeros(d)
    weights["statistics.covariance"] = torch.diag(torch.linspace(0.5, 1.5, d))
    weights["statistics.kl"] = torch.linspace(0.0, 2.0, d)
    config = {"family": "vae", "name": "Tiny", "architecture": net.shape.to_json(), **config}
    return VAEGenerator.build(Checkpoint(config, weights), CPU)


def _diffusion(family: str, scheduler: dict[str, Any], places: int | None, config: dict[str, Any]) -> Generator:
    from diffusers import UNet2DModel

    settings: dict[str, Any] = {
        "sample_size": 8,
        "in_channels": 1,
        "out_channels": 1,
        "block_out_channels": [8, 16],
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 8,
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
        "num_class_embeds": places,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = UNet2DModel(**settings)
    fill(net, 1)
    parts = {"unet": {"_class_name": "UNet2DModel", **settings}, "scheduler": scheduler}
    told = {"family": family, "name": f"tiny {family}", "architecture": parts, **config}
    weights = {f"unet.{name}": value for name, value in net.state_dict().items()}
    return build_generator(Checkpoint(told, weights), CPU)
