"""Model families behind one interface: a generator is what it can do."""

from __future__ import annotations

from explorer.generators.autoencoder import AutoencoderGenerator
from explorer.generators.base import Generator
from explorer.generators.biggan import BigGANGenerator
from explorer.generators.capabilities import (
    CodeLevel,
    DecodesTruncated,
    Denoises,
    Embedding,
    Encodes,
    HasCodes,
    HasLevels,
    HasLikelihood,
    HasLikelihoodParts,
    HasPosterior,
    HasStyles,
    LatentLevel,
    Look,
    StyleLayerInfo,
    capabilities,
)
from explorer.generators.dcgan import DCGANGenerator
from explorer.generators.diffusion import DiffusionGenerator
from explorer.generators.families import (
    FAMILIES,
    build_generator,
    families,
    leave_a_core,
    open_generator,
    pick_device,
)
from explorer.generators.flow import GlowGenerator, RealNVPGenerator
from explorer.generators.resume import Resume
from explorer.generators.style_based import StyleGenerator
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.generators.stylegan3 import StyleGAN3Generator
from explorer.generators.vae import VAEGenerator
from explorer.generators.vanilla_vae import VanillaVAEGenerator
from explorer.generators.vqvae import VQVAEGenerator

__all__ = [
    "FAMILIES",
    "AutoencoderGenerator",
    "BigGANGenerator",
    "CodeLevel",
    "DCGANGenerator",
    "DecodesTruncated",
    "Denoises",
    "DiffusionGenerator",
    "Embedding",
    "Encodes",
    "Generator",
    "GlowGenerator",
    "HasCodes",
    "HasLevels",
    "HasLikelihood",
    "HasLikelihoodParts",
    "HasPosterior",
    "HasStyles",
    "LatentLevel",
    "Look",
    "RealNVPGenerator",
    "Resume",
    "StyleGAN2Generator",
    "StyleGAN3Generator",
    "StyleGenerator",
    "StyleLayerInfo",
    "VAEGenerator",
    "VQVAEGenerator",
    "VanillaVAEGenerator",
    "build_generator",
    "capabilities",
    "families",
    "leave_a_core",
    "open_generator",
    "pick_device",
]
