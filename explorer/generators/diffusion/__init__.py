"""Diffusion, flow matching and consistency models, put together from parts that are told apart by their settings."""

from __future__ import annotations

from explorer.generators.diffusion.family import ConsistencyGenerator, DenoisingGenerator, DiffusionGenerator

__all__ = ["ConsistencyGenerator", "DenoisingGenerator", "DiffusionGenerator"]
