"""The one road from (generator, scene) to pixels. Qt ends above this module, torch ends here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer.errors import DeviceError, SceneError
from explorer.files import digest
from explorer.generators import Encodes, Generator, HasLikelihood, HasPosterior, leave_a_core
from explorer.imaging import FloatArray, Picture, prepare, read_image
from explorer.latents import blend, draw
from explorer.scene import ImageFile, Latent, Scene, Source

__all__ = [
    "Reading",
    "decode_points",
    "locate",
    "read_picture",
    "render",
    "render_images",
    "render_many",
    "to_images",
]


def render(generator: Generator, scene: Scene) -> Iterator[Picture]:
    """The pictures a scene goes through, the last one being the finished one (for a VAE there is only one).

    Raises:
        SceneError: the scene does not fit the generator, or names a picture that has changed.
        ImageError: the scene names a picture that is gone or damaged.
        DeviceError: the device has too little memory.
    """
    yield from render_many(generator, (scene,), 1)


def render_many(generator: Generator, scenes: Iterable[Scene], batch: int = 32) -> Iterator[Picture]:
    """The finished pictures of many scenes, in order, ``batch`` at a time through the network. Raises as ``render``."""
    waiting = iter(scenes)
    while group := list(islice(waiting, batch)):
        started = time.perf_counter()
        points = torch.stack([locate(generator, scene.latent) for scene in group])
        pixels = _to_uint8(_decode(generator, points))
        seconds = (time.perf_counter() - started) / len(group)
        for point, image in zip(points.numpy(), pixels, strict=True):
            yield Picture(image, point, seconds)


def render_images(generator: Generator, scenes: Iterable[Scene], batch: int = 32) -> FloatArray:
    """Pictures as float32 (n, c, h, w), nominal [-1, 1], not clipped: what ``-o OUT.npy`` holds."""
    points = torch.stack([locate(generator, scene.latent) for scene in scenes])
    return np.concatenate([_decode(generator, part).cpu().numpy() for part in torch.split(points, batch)])


def decode_points(generator: Generator, points: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Floats (n, c, h, w) and pixels (n, h, w, c) of given latent points (n, *latent_shape).

    Raises:
        SceneError: the points have the wrong shape.
    """
    if tuple(points.shape[1:]) != generator.latent_shape:
        raise SceneError(
            f"{generator.name} needs latents of shape (n, {', '.join(map(str, generator.latent_shape))}), "
            f"not {tuple(points.shape)}."
        )
    images = _decode(generator, torch.from_numpy(np.ascontiguousarray(points, np.float32)))
    return images.cpu().numpy(), _to_uint8(images)


def locate(generator: Generator, latent: Latent) -> Tensor:
    """The point (*latent_shape), float32 on the CPU, that a ``Latent`` describes for this generator.

    Raises:
        SceneError: a direction does not exist, or a picture has changed or cannot be encoded by this family.
        ImageError: a picture is gone or damaged.
    """
    points = torch.stack([_source_point(generator, source) for source, _ in latent.sources])
    weights = torch.tensor([weight for _, weight in latent.sources], dtype=torch.float64)
    point = blend(points[weights > 0], weights[weights > 0], generator.spherical)
    if latent.truncation != 1.0:
        point = point * latent.truncation
    for direction, amount in latent.moves:
        point = point + amount * generator.direction(direction)
    return point


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
    pixels = _prepared(generator, ImageFile(str(path)))
    images = to_images(pixels[None], generator.device)
    latents = _encode(generator, images)
    rebuilt = generator.decode(latents)
    likelihood, kind, kl = None, "", np.zeros(0, np.float32)
    if isinstance(generator, HasLikelihood):
        likelihood, kind = float(generator.log_likelihood(images)[0]), generator.likelihood_kind
    if isinstance(generator, HasPosterior):
        kl = generator.kl_per_dimension(images)[0].float().cpu().numpy()
    error = float((rebuilt.clamp(-1, 1) - images).square().mean().sqrt())
    point = latents[0].float().cpu().numpy()
    return Reading(Picture(pixels, point), Picture(_to_uint8(rebuilt)[0], point), likelihood, kind, kl, error)


def to_images(pixels: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (n, h, w, c) as float32 (n, c, h, w) in [-1, 1], converted on the device."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
    return images.float().div_(127.5).sub_(1.0).contiguous()


@torch.inference_mode()
def _decode(generator: Generator, points: Tensor) -> Tensor:
    leave_a_core()
    try:
        return generator.decode(points.to(generator.device))
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{generator.device} ran out of memory while drawing {len(points)} pictures.", "Close other programs."
        ) from error


@torch.inference_mode()
def _to_uint8(images: Tensor) -> np.ndarray:
    """Floats (n, c, h, w) as uint8 (n, h, w, c), on the device, as ``explorer.imaging.to_pixels`` does on arrays."""
    scaled = torch.nan_to_num(images.float() * 127.5 + 127.5, nan=0.0).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _source_point(generator: Generator, source: Source) -> Tensor:
    if isinstance(source, ImageFile):
        return generator.remember(source, lambda: _encode_file(generator, source))
    return draw(source.number, generator.latent_shape)


@torch.no_grad()
def _encode_file(generator: Generator, source: ImageFile) -> Tensor:
    pixels = _prepared(generator, source)
    images = to_images(pixels[None], generator.device)
    return _encode(generator, images)[0].float().cpu()


def _prepared(generator: Generator, source: ImageFile) -> np.ndarray:
    path = Path(source.path)
    image = read_image(path)
    if source.digest and digest(path) != source.digest:
        raise SceneError(
            f"{path.name} is not the picture it was when this scene was made.", "Drop it on the window again."
        )
    return prepare(image, generator.image_shape, generator.preparation)


def _encode(generator: Generator, images: Tensor) -> Tensor:
    if not isinstance(generator, Encodes):
        raise SceneError(f"{generator.name} cannot encode pictures.", "Its family has no encoder.")
    leave_a_core()
    latents: Tensor = generator.encode(images)
    return latents
