"""One recipe per family, resumable, without the window. ``train`` and the bundled checkpoints use the same code."""

from __future__ import annotations

from explorer.training.loop import Recipe, Report, Settings, train
from explorer.training.stylegan2 import StyleGAN2Recipe
from explorer.training.vae import VAERecipe

__all__ = ["Recipe", "Report", "Settings", "StyleGAN2Recipe", "VAERecipe", "train"]
