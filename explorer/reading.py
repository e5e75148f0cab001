"""What a model finds in a picture: its likelihood and what it keeps of it, and the codes of a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch

from explorer.errors import SceneError
from explorer.generators import (
    DiffusionGenerator,
    Generator,
    HasCodes,
    HasLikelihood,
    HasLikelihoodParts,
    HasPosterior,
    leave_a_core,
)
from explorer.imaging import FloatArray, Picture, Pixels
from explorer.points import encode_images, mix, picture_tensor, read_prepared, to_images, to_uint8
from explorer.render import render_many
from explorer.scene import ImageFile, Scene

__all__ = [
    "CodeMaps",
    "LikelihoodReading",
    "Reading",
    "ode_likelihood",
    "read_codes",
    "read_likelihood",
    "read_picture",
]

LARGE: Final = 50_000_000  # parameters of networks that take minutes to tell a likelihood
PATCH: Final = 4  # cells along a side of what is drawn of one code: the network looks around each cell
DRAWN: Final = 16  # pictures of codes at a time


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a model makes of a real picture: everything in nats where it is a probability."""

    original: Picture
    reconstruction: Picture
    log_likelihood: float | None = None
    likelihood_kind: str = ""
    kl: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))  # (d,)
    error: float = 0.0  # root mean square difference, in the [-1, 1] range

    @property
    def bits_per_dimension(self) -> float | None:
        """The likelihood as bits per channel value: -log2 p(x) / (c h w)."""
        if self.log_likelihood is None:
            return None
        return -self.log_likelihood / float(np.log(2)) / self.original.pixels.size


@torch.inference_mode()
def read_picture(generator: Generator, path: Path) -> Reading:
    """Encode a picture file and look at what the model keeps of it.

    Raises:
        SceneError: the family cannot encode. ImageError: the file cannot be read.
    """
    pixels = read_prepared(generator, ImageFile(str(path)))
    images = to_images(pixels[None], generator.device)
    latents = encode_images(generator, images)
    rebuilt = generator.decode(latents)
    likelihood, kind, kl = None, "", np.zeros(0, np.float32)
    if isinstance(generator, HasLikelihood):
        likelihood, kind = float(generator.log_likelihood(images)[0]), generator.likelihood_kind
    if isinstance(generator, HasPosterior):
        kl = generator.kl_per_dimension(images)[0].float().cpu().numpy()
    error = float((rebuilt.clamp(-1, 1) - images).square().mean().sqrt())
    point = latents[0].float().cpu().numpy()
    return Reading(Picture(pixels, point), Picture(to_uint8(rebuilt)[0], point), likelihood, kind, kl, error)


def ode_likelihood(generator: Generator, image: ImageFile) -> str:
    """How likely a diffusion model finds a picture, in words; empty where that would take minutes or is not known."""
    if not isinstance(generator, DiffusionGenerator) or generator.parameters > LARGE:
        return ""
    images = picture_tensor(generator, image)
    if isinstance(generator, HasLikelihood):
        nats = float(generator.log_likelihood(images)[0])
        bits = -nats / math.log(2) / images[0].numel()
        return f"log p = {nats:,.0f} nats, {bits:.2f} bits per dimension ({generator.likelihood_kind})."
    nats = float(generator.latent_log_likelihood(images)[0])
    return f"log p of its latents = {nats:,.0f} nats (ODE estimate)."


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodReading:
    """How likely a model finds the picture that it shows: log p of its 8-bit values, in nats.

    Attributes:
        kind: exact, lower bound or ODE estimate.
        parts: names and nats of what ``nats`` is the sum of; empty where that is not known.
        usual: quantiles (101,), from 0 to 100 %, of held-out pictures; None where the checkpoint does not carry them.
        simple: pictures that are no pictures of its data, a plain grey one among them, and the nats they get.
    """

    nats: float
    dimensions: int
    kind: str
    parts: tuple[tuple[str, float], ...] = ()
    usual: FloatArray | None = None
    simple: tuple[tuple[str, float], ...] = ()

    def bits(self, nats: float) -> float:
        """A log p in nats as bits per dimension: -log2 p / (c h w)."""
        return -nats / math.log(2) / self.dimensions

    @property
    def quantile(self) -> float | None:
        """The share of held-out pictures that are less likely; None where that is not known."""
        if self.usual is None:
            return None
        return float(np.interp(self.nats, self.usual, np.linspace(0.0, 1.0, len(self.usual))))


def read_likelihood(generator: Generator, scene: Scene, pixels: Pixels | None = None) -> LikelihoodReading:
    """How likely a model finds the picture of a scene: ``pixels`` uint8 (h, w, c) where it has been drawn already.

    Raises:
        SceneError: the model knows no likelihood. Otherwise as ``render``.
    """
    if not isinstance(generator, HasLikelihood):
        raise SceneError(f"{generator.name} knows no likelihood.", "Flows do, and VAEs know a bound.")
    if pixels is None:
        *_, picture = render_many(generator, (scene,), 1)
        pixels = picture.pixels
    simple = generator.remember("simple pictures", lambda: _simple_likelihoods(generator))
    with torch.inference_mode():
        leave_a_core()
        images = to_images(pixels[None], generator.device)
        parts: tuple[tuple[str, float], ...] = ()
        usual: FloatArray | None = None
        if isinstance(generator, HasLikelihoodParts):
            parts = tuple((name, float(nats[0])) for name, nats in generator.likelihood_parts(images).items())
            quantiles = generator.usual_likelihood()
            usual = None if quantiles is None else quantiles.float().cpu().numpy()
            nats = math.fsum(each for _, each in parts)
        else:
            nats = float(generator.log_likelihood(images)[0])
    return LikelihoodReading(nats, pixels.size, generator.likelihood_kind, parts, usual, simple)


@torch.inference_mode()
def _simple_likelihoods(generator: Generator) -> tuple[tuple[str, float], ...]:
    """log p in nats of pictures that hold next to nothing: models of likelihood often prefer them to real ones."""
    assert isinstance(generator, HasLikelihood)
    _, height, width = generator.image_shape
    across = torch.linspace(-0.5, 0.5, width).expand(height, width)
    plain = {
        "all black": torch.full((height, width), -1.0),
        "plain grey": torch.zeros(height, width),
        "a smooth ramp": across,
    }
    pixels = to_uint8(torch.stack(list(plain.values()))[:, None].expand(-1, *generator.image_shape))
    nats = generator.log_likelihood(to_images(pixels, generator.device))
    return tuple((name, float(each)) for name, each in zip(plain, nats, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class CodeMaps:
    """The code maps of a scene, level by level, coarse first.

    Attributes:
        maps: whole numbers (rows, columns), with what is painted.
        own: the same without it.
        usage: shares (codes,) of the training data, where they are known.
        swatches: a small picture uint8 (codes, side, side, c) of every code: the middle of a map of nothing else.
    """

    maps: tuple[np.ndarray, ...]
    own: tuple[np.ndarray, ...]
    usage: tuple[FloatArray, ...] | None
    swatches: tuple[np.ndarray, ...]


def read_codes(generator: Generator, scene: Scene) -> CodeMaps:
    """The code maps of a scene; raises SceneError where the model has no codes."""
    if not isinstance(generator, HasCodes):
        raise SceneError(f"{generator.name} has no codes.", "VQ-VAEs have.")
    point = mix(generator, scene)
    with torch.inference_mode():
        leave_a_core()
        own = [each[0].cpu().numpy() for each in generator.codes(point[None].to(generator.device))]
    maps = [each.copy() for each in own]
    for level, row, column, code in scene.codes.cells:
        if level < len(maps) and row < maps[level].shape[0] and column < maps[level].shape[1]:
            maps[level][row, column] = code if code < generator.code_levels[level].codes else maps[level][row, column]
    usage = generator.code_usage()
    told = None if usage is None else tuple(each.float().cpu().numpy() for each in usage)
    swatches = generator.remember("swatches", lambda: _swatches(generator))
    return CodeMaps(tuple(maps), tuple(own), told, swatches)


@torch.inference_mode()
def _swatches(generator: Generator) -> tuple[np.ndarray, ...]:
    """A small picture of every code of every level: the middle of a patch of that code. A large map has room for many
    patches. The other levels hold their most usual code, and once it is known what their codes look like, a medium
    one: with a dark one every code of a finer level may look black."""
    assert isinstance(generator, HasCodes)
    usage, levels = generator.code_usage(), generator.code_levels
    usual = [int(each.argmax()) for each in usage] if usage is not None else [0] * len(levels)
    found = []
    for number, level in enumerate(levels):
        patch = min(level.rows, level.columns, PATCH)
        down, across = level.rows // patch, level.columns // patch
        codes = torch.arange(math.ceil(level.codes / (down * across)) * down * across).clamp(max=level.codes - 1)
        maps = codes.view(-1, down, across).repeat_interleave(patch, 1).repeat_interleave(patch, 2)
        maps = torch.nn.functional.pad(
            maps[None].float(), (0, level.columns - across * patch, 0, level.rows - down * patch), mode="replicate"
        )[0].long()
        parts = []
        for some in torch.split(maps.to(generator.device), DRAWN):
            filled = [
                torch.full((len(some), each.rows, each.columns), usual[index], device=generator.device)
                for index, each in enumerate(levels)
            ]
            filled[number] = some
            parts.append(to_uint8(generator.decode_codes(filled)))
        pictures = np.concatenate(parts)
        height, width = pictures.shape[1] // level.rows, pictures.shape[2] // level.columns
        middles = [
            pictures[:, top * height : (top + 1) * height, left * width : (left + 1) * width]
            for top in range(patch // 2, down * patch, patch)
            for left in range(patch // 2, across * patch, patch)
        ]
        swatches = np.stack(middles, 1).reshape(-1, height, width, pictures.shape[3])[: level.codes]
        usual[number] = int(np.abs(swatches.mean((1, 2, 3)) - 127.5).argmin())
        found.append(swatches)
    return tuple(found)
