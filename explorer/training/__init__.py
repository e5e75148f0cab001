"""One recipe per family, resumable, without the window. ``train`` and the bundled checkpoints use the same code."""

from __future__ import annotations

from explorer.training.loop import Report, Settings, train
from explorer.training.vae import VAERecipe

__all__ = ["RECIPES", "Report", "Settings", "VAERecipe", "train"]

# How to train each family by its name on the command line.
RECIPES = {"vae": VAERecipe}
