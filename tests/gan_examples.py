"""Tiny GANs and course models for the tests, as generators and as the files that other programs write."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from examples import CPU, fill
from torch import Tensor, nn

from explorer.formats import Checkpoint
from explorer.generators.biggan import BigGANGenerator
from explorer.generators.dcgan import DCGANGenerator
from explorer.generators.vanilla_vae import VanillaVAEGenerator
from explorer.nets.biggan import BigGAN, BigGANShape
from explorer.nets.dcgan import DCGAN, DCGANShape
from explorer.nets.vanilla_vae import VanillaVAE, VanillaVAEShape

__all__ = [
    "BIGGAN_CONFIG",
    "biggan_weights",
    "dcgan_weights",
    "make_biggan",
    "make_dcgan",
    "make_vanilla_vae",
    "vanilla_vae_weights",
    "write_biggan_folder",
]

BIGGAN_CONFIG: dict[str, Any] = {
    "attention_layer_position": 1,
    "channel_width": 4,
    "class_embed_dim": 6,
    "eps": 1e-4,
    "layers": [[True, 16, 16], [False, 16, 8], [True, 8, 4], [False, 4, 2], [True, 2, 1]],
    "n_stats": 51,
    "num_classes": 5,
    "output_dim": 32,
    "z_dim": 6,
}


def lively(net: nn.Module, seed: int = 1) -> nn.Module:
    """A network whose parameters and kept statistics are all different from where they start."""
    fill(net, seed)
    chance = torch.Generator().manual_seed(seed)
    for name, value in net.named_buffers():
        if name.endswith(("running_mean", "running_means")):
            value.copy_(0.3 * torch.randn(value.shape, generator=chance))
        elif name.endswith(("running_var", "running_vars")):
            value.copy_(0.5 + torch.rand(value.shape, generator=chance))
    return net.eval()


def made(make: type[nn.Module], *arguments: object) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return lively(make(*arguments))


def dcgan_weights(shape: DCGANShape | None = None) -> OrderedDict[str, Tensor]:
    """What ``torch.save(netG.state_dict(), ...)`` of PyTorch's example keeps."""
    return OrderedDict(made(DCGAN, shape or DCGANShape.of(16, 1, 8, 8)).state_dict())


def make_dcgan(channels: int = 1, **config: Any) -> DCGANGenerator:
    """A DCGAN for pictures of 16 x 16 pixels."""
    shape = DCGANShape.of(16, channels, 8, 8)
    told = {"family": "dcgan", "name": "tiny dcgan", "architecture": shape.to_json(), **config}
    return DCGANGenerator.build(Checkpoint(told, dcgan_weights(shape)), CPU)


def vanilla_vae_weights(shape: VanillaVAEShape | None = None) -> OrderedDict[str, Tensor]:
    """What PyTorch-VAE's ``VanillaVAE`` keeps."""
    return OrderedDict(made(VanillaVAE, shape or VanillaVAEShape(6, 3, (8, 8, 16))).state_dict())


def make_vanilla_vae(**config: Any) -> VanillaVAEGenerator:
    """A VAE for colour pictures of 16 x 16 pixels."""
    shape = VanillaVAEShape(6, 3, (8, 8, 16))
    told = {"family": "vanilla-vae", "name": "tiny", "architecture": {**shape.to_json(), "range": "signed"}, **config}
    return VanillaVAEGenerator.build(Checkpoint(told, vanilla_vae_weights(shape)), CPU)


def make_biggan(**config: Any) -> BigGANGenerator:
    """A BigGAN of five classes for pictures of 32 x 32 pixels, with attention."""
    shape = BigGANShape.from_json(BIGGAN_CONFIG)
    told = {"family": "biggan", "name": "tiny biggan", "architecture": shape.to_json(), **config}
    return BigGANGenerator.build(Checkpoint(told, made(BigGAN, shape).state_dict()), CPU)


def biggan_weights(seed: int = 0) -> OrderedDict[str, Tensor]:
    """Weights of such a model as Hugging Face's program keeps them: matrices before their norm, and its two vectors."""
    chance = torch.Generator().manual_seed(seed)
    found: OrderedDict[str, Tensor] = OrderedDict()
    for name, value in made(BigGAN, BigGANShape.from_json(BIGGAN_CONFIG)).state_dict().items():
        base, _, last = name.rpartition(".")
        if last != "weight" or value.ndim < 2 or base == "embeddings":
            found[name] = value
            continue
        left, right = (torch.randn(n, generator=chance) for n in value.flatten(1).shape)
        for _ in range(3):  # near the largest singular value, as after training
            right = nn.functional.normalize(value.flatten(1).T @ left, dim=0)
            left = nn.functional.normalize(value.flatten(1) @ right, dim=0)
        found |= {f"{base}.weight_orig": value, f"{base}.weight_u": left, f"{base}.weight_v": right}
    return found


def write_biggan_folder(folder: Path, config: dict[str, Any] | None = None, legacy: bool = True) -> Path:
    """A folder of Hugging Face's program."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(BIGGAN_CONFIG if config is None else config))
    torch.save(biggan_weights(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    return folder
