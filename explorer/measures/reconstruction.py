"""How much of a real picture comes back after encoding and decoding it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explorer.errors import SceneError
from explorer.generators import Denoises, Encodes, Generator, leave_a_core
from explorer.render import decode_points
from explorer.scene import Denoising, Sampling, Scene

__all__ = ["reconstruction_count", "reconstruction_error"]

PICTURES: Final = 256
PICTURES_BY_INVERSION: Final = 8  # each takes two runs of a diffusion model
LARGE: Final = 50_000_000  # parameters of networks for which that would take minutes


def reconstruction_count(generator: Generator, available: int) -> int:
    """How many pictures are sent through; 0 where the model cannot encode.

    Raises:
        SceneError: it would take minutes, which is said.
    """
    if not isinstance(generator, Encodes):
        return 0
    if isinstance(generator, Denoises):
        if generator.parameters > LARGE:
            raise SceneError("The reconstruction was left out: with so large a network it would take minutes.")
        return min(PICTURES_BY_INVERSION, available)
    return min(PICTURES, available)


def reconstruction_error(generator: Generator, images: Tensor, batch: int, report: Callable[[int], object]) -> float:
    """The root mean square difference of pictures (n, c, h, w) in [-1, 1] to what is decoded of their codes.

    A diffusion model goes back to noise by DDIM and forth again, led by no condition.
    """
    assert isinstance(generator, Encodes), "the model should encode"
    leave_a_core()
    total = 0.0
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        with torch.inference_mode():
            codes = generator.encode(part.to(generator.device))
        difference = _decoded(generator, codes).clamp(-1, 1) - part.cpu()
        total += float(difference.double().square().sum())
        report(min(start + batch, len(images)))
    return float((total / images.numel()) ** 0.5)


def _decoded(generator: Generator, codes: Tensor) -> Tensor:
    if not isinstance(generator, Denoises):
        with torch.inference_mode():
            return generator.decode(codes).float().cpu()
    guidance = 0.0 if generator.can_guide else 1.0
    scene = Scene(denoising=Denoising(Sampling("ddim", generator.inversion_steps, guidance=guidance)))
    images, _ = decode_points(generator, codes.float().cpu().numpy(), [scene] * len(codes))
    return torch.from_numpy(images)
