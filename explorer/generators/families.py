"""The families this program knows, and the one way to open a checkpoint."""

from __future__ import annotations

import logging
import os
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import torch

from explorer.errors import CheckpointError, DeviceError
from explorer.formats import Checkpoint, read_checkpoint
from explorer.generators.autoencoder import AutoencoderGenerator
from explorer.generators.base import Generator
from explorer.generators.biggan import BigGANGenerator
from explorer.generators.dcgan import DCGANGenerator
from explorer.generators.diffusion import ConsistencyGenerator, DiffusionGenerator
from explorer.generators.flow import GlowGenerator, RealNVPGenerator
from explorer.generators.stylegan2 import StyleGAN2Generator
from explorer.generators.stylegan3 import StyleGAN3Generator
from explorer.generators.vae import VAEGenerator
from explorer.generators.vanilla_vae import VanillaVAEGenerator
from explorer.generators.vqvae import VQVAEGenerator

__all__ = ["FAMILIES", "build_generator", "families", "leave_a_core", "open_generator", "pick_device"]

FAMILIES: Final[tuple[type[Generator], ...]] = (
    VAEGenerator,
    StyleGAN2Generator,
    StyleGAN3Generator,
    DiffusionGenerator,
    ConsistencyGenerator,
    VQVAEGenerator,
    AutoencoderGenerator,
    VanillaVAEGenerator,
    DCGANGenerator,
    BigGANGenerator,
    GlowGenerator,
    RealNVPGenerator,
)
ENTRY_POINTS: Final = "explorer.families"
log = logging.getLogger(__name__)


@cache
def families() -> dict[str, type[Generator]]:
    """All families by name: ours, then those other installed packages offer under ``explorer.families``.

    An entry point names a subclass of ``Generator``; ours cannot be replaced.
    """
    known = {family.family: family for family in FAMILIES}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            known.setdefault(entry.name, entry.load())
        except Exception as error:  # whatever another package does wrong, our own families still open
            log.warning("The family %s of another package cannot be loaded: %s", entry.name, error)
    return known


def open_generator(path: Path | str, device: str = "auto") -> Generator:
    """Open a checkpoint on ``device`` ("auto", "cpu", "cuda", "cuda:1", "mps").

    Raises:
        CheckpointError: the file is damaged, foreign or of an unknown family.
        DeviceError: the device is missing or has too little memory.
    """
    chosen = pick_device(device)
    return build_generator(read_checkpoint(Path(path)), chosen)


def build_generator(checkpoint: Checkpoint, device: torch.device) -> Generator:
    """The generator of a checkpoint already read. Raises as ``open_generator``."""
    family = families().get(str(checkpoint.config.get("family")))
    if family is None:
        known = ", ".join(sorted(families()))
        raise CheckpointError(
            f"{checkpoint.name} is a model of the family '{checkpoint.config.get('family')}', which is not known here.",
            f"Known families: {known}. A newer version or another package may add it.",
        )
    try:
        made = family.build(checkpoint, device)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{checkpoint.name} does not fit into the memory of {device}.", "Try --device cpu."
        ) from error
    made.warnings = (*made.warnings, *checkpoint.warnings)
    return made


def leave_a_core() -> None:
    """Have networks called from this thread leave one processor core to the window.

    Torch keeps this number per thread. Every command does the same, so that pictures do not depend on who asks.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, then MPS, then the CPU.


    Raises:
        DeviceError: there is no such device here.
    """
    if name == "auto":
        best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(best)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # fails on "meta", which holds no numbers
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"There is no computing device '{name}' here.", "Try --device cpu.") from error
    return device
