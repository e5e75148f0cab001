"""Model families behind one interface: a generator is what it can do."""

from __future__ import annotations

from explorer.generators.base import Generator
from explorer.generators.capabilities import Encodes, HasLikelihood, HasPosterior, capabilities
from explorer.generators.families import (
    FAMILIES,
    build_generator,
    families,
    leave_a_core,
    open_generator,
    pick_device,
)
from explorer.generators.vae import VAEGenerator

__all__ = [
    "FAMILIES",
    "Encodes",
    "Generator",
    "HasLikelihood",
    "HasPosterior",
    "VAEGenerator",
    "build_generator",
    "capabilities",
    "families",
    "leave_a_core",
    "open_generator",
    "pick_device",
]
