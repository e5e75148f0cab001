"""One recipe per family, resumable, without the window. ``train`` and the bundled checkpoints use the same code."""

from __future__ import annotations

from explorer.training.autoencoder import AutoencoderRecipe
from explorer.training.consistency import ConsistencyRecipe
from explorer.training.dcgan import DCGANRecipe
from explorer.training.diffusion import DiffusionRecipe
from explorer.training.flows import FlowRecipe
from explorer.training.loop import Recipe, Report, Settings, train
from explorer.training.stylegan2 import StyleGAN2Recipe
from explorer.training.vae import VAERecipe
from explorer.training.vqvae import VQVAERecipe

__all__ = [
    "AutoencoderRecipe",
    "ConsistencyRecipe",
    "DCGANRecipe",
    "DiffusionRecipe",
    "FlowRecipe",
    "Recipe",
    "Report",
    "Settings",
    "StyleGAN2Recipe",
    "VAERecipe",
    "VQVAERecipe",
    "train",
]
