"""Latent Explorer: a desktop instrument for exploring the latent spaces of generative image models."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
