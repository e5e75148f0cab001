"""The one road from (generator, scene) to pixels. Qt ends above this module, torch ends here."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.errors import DeviceError, SceneError
from explorer.files import digest
from explorer.generators import (
    Encodes,
    Generator,
    HasLikelihood,
    HasPosterior,
    HasStyles,
    Look,
    Resume,
    StyleGenerator,
    leave_a_core,
)
from explorer.imaging import FloatArray, Picture, prepare, read_image
from explorer.latents import Probe, blend, draw, separate
from explorer.scene import (
    AnyDirection,
    Condition,
    Direction,
    Examples,
    ImageFile,
    Latent,
    Scene,
    Seed,
    Source,
    StoredPoint,
)

__all__ = [
    "Reading",
    "Resume",
    "decode_points",
    "decode_styles",
    "locate",
    "map_points",
    "mix",
    "probe_examples",
    "read_picture",
    "render",
    "render_images",
    "render_many",
    "to_images",
]

DEFAULT: Final = Scene()
NO_CONDITION: Final = Condition()
SKETCHED: Final = 4  # a sketch has at least this fraction of the picture's side


def render(generator: Generator, scene: Scene, resume: Resume | None = None, sketch: bool = False) -> Iterator[Picture]:
    """The pictures a scene goes through, the last one being the finished one (for a VAE there is only one).

    ``resume`` keeps what a later, similar scene can start from; the pixels do not depend on it. With ``sketch`` a
    style-based model gives a picture from its lower layers first.

    Raises:
        SceneError: the scene does not fit the generator, or names a picture that has changed.
        ImageError: the scene names a picture that is gone or damaged.
        DeviceError: the device has too little memory.
    """
    if isinstance(generator, StyleGenerator) and (resume is not None or sketch):
        yield from _render_styles(generator, scene, resume, sketch)
    else:
        yield from render_many(generator, (scene,), 1)


def render_many(generator: Generator, scenes: Iterable[Scene], batch: int = 32, side: int = 0) -> Iterator[Picture]:
    """The finished pictures of many scenes, in order, ``batch`` at a time through the network. Raises as ``render``.

    With ``side``, pictures for thumbnails: a model that grows its pictures stops once they have so many pixels.
    """
    waiting = iter(scenes)
    while group := list(islice(waiting, batch)):
        started = time.perf_counter()
        images, points = _images_of(generator, group, side)
        pixels = _to_uint8(images)
        seconds = (time.perf_counter() - started) / len(group)
        for point, image in zip(points.numpy(), pixels, strict=True):
            yield Picture(image, point, seconds)


def render_images(generator: Generator, scenes: Iterable[Scene], batch: int = 32) -> FloatArray:
    """Pictures as float32 (n, c, h, w), nominal [-1, 1], not clipped: what ``-o OUT.npy`` holds."""
    waiting, parts = iter(scenes), []
    while group := list(islice(waiting, batch)):
        parts.append(_images_of(generator, group)[0].cpu().numpy())
    return np.concatenate(parts)


def decode_points(generator: Generator, points: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """Floats (n, c, h, w) and pixels (n, h, w, c) of given latent points (n, *latent_shape), without truncation.

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


def decode_styles(generator: Generator, given: FloatArray, scene: Scene = DEFAULT) -> tuple[FloatArray, np.ndarray]:
    """As ``decode_points``, of a style-based model.

    ``given`` are styles (n, layers, w), or (n, w) for all layers; ``scene`` gives truncation, noise and transform.

    Raises:
        SceneError: the model has no styles, or the arrays have the wrong shape.
    """
    styled = _styled(generator)
    rows, width = len(styled.style_layers), len(styled.average_style())
    styles = torch.from_numpy(np.ascontiguousarray(given, np.float32))
    if styles.ndim == 2 and styles.shape[1] == width:
        styles = styles[:, None].expand(-1, rows, -1)
    if tuple(styles.shape[1:]) != (rows, width):
        raise SceneError(
            f"{generator.name} needs styles of shape (n, {rows}, {width}) or (n, {width}), not {tuple(given.shape)}."
        )
    images = _synthesise(
        styled, generator, _truncated(styled, styles, scene.latent), Look(scene.noise, scene.transform)
    )
    return images.cpu().numpy(), _to_uint8(images)


@torch.inference_mode()
def map_points(generator: Generator, points: FloatArray, conditions: FloatArray | None = None) -> FloatArray:
    """Styles (n, layers, w), before truncation, of points z (n, *latent_shape) and class weights (n, classes).

    Raises:
        SceneError: the model has no styles, or the arrays have the wrong shape.
    """
    styled = _styled(generator)
    if tuple(points.shape[1:]) != generator.latent_shape:
        raise SceneError(
            f"{generator.name} needs latents of shape (n, {', '.join(map(str, generator.latent_shape))}), "
            f"not {tuple(points.shape)}."
        )
    latents = torch.from_numpy(np.ascontiguousarray(points, np.float32)).to(generator.device)
    condition = None
    if conditions is not None:
        if conditions.shape != (len(points), generator.classes):
            raise SceneError(
                f"{generator.name} needs class weights of shape ({len(points)}, {generator.classes}), "
                f"not {tuple(conditions.shape)}."
            )
        condition = torch.from_numpy(np.ascontiguousarray(conditions, np.float32)).to(generator.device)
    styles: FloatArray = styled.styles(latents, condition).cpu().numpy()
    return styles


def locate(generator: Generator, latent: Latent, condition: Condition = NO_CONDITION) -> Tensor:
    """The point, float32 on the CPU, that a ``Latent`` describes for this generator: (*latent_shape), or for a
    style-based model the styles (layers, w).

    Raises:
        SceneError: a direction does not exist, or a picture has changed or cannot be encoded by this family.
        ImageError: a picture is gone or damaged.
    """
    condition = Condition(latent.classes) if latent.classes else condition
    points = torch.stack([_source_point(generator, source, condition) for source, _ in latent.sources])
    weights = torch.tensor([weight for _, weight in latent.sources], dtype=torch.float64)
    point = blend(points[weights > 0], weights[weights > 0], generator.spherical)
    if isinstance(generator, HasStyles):
        point = _truncated(generator, point[None], latent)[0]
    elif latent.truncation != 1.0:
        point = point * latent.truncation
    for direction, amount in latent.moves:
        change = amount * _vector(generator, direction)
        if isinstance(generator, HasStyles):
            layers = torch.arange(len(point))[:, None]
            change = torch.where((layers >= direction.first) & (layers < direction.end), change, 0.0)
        point = point + change
    return point


def mix(generator: Generator, scene: Scene) -> Tensor:
    """The styles (layers, w), float32 on the CPU, of a scene: its own point where no other row has painted.

    The truncation of the scene holds for all rows. Raises as ``locate``.
    """
    own = locate(generator, scene.latent, scene.condition)
    sums, others = torch.zeros(len(own)), torch.zeros_like(own)
    for row in scene.styles.rows:
        layers = [(layer, weight) for layer, weight in row.weights if layer < len(own) and weight > 0]
        if layers:
            latent = replace(row.latent, truncation=scene.latent.truncation, cutoff=scene.latent.cutoff)
            point = locate(generator, latent, scene.condition)
            for layer, weight in layers:
                sums[layer] += weight
                others[layer] += weight * point[layer]
    if not bool(sums.any()):
        return own
    scale = sums.clamp(min=1.0)[:, None]
    return (1.0 - (sums[:, None] / scale)) * own + others / scale


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


@torch.no_grad()  # not inference mode, in which directions of a decoder cannot be found
def _images_of(generator: Generator, scenes: list[Scene], side: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures (n, c, h, w) of scenes, and where their points lie (n, ...): in latent space, or from the mean of W."""
    if not isinstance(generator, HasStyles):
        points = torch.stack([locate(generator, scene.latent) for scene in scenes])
        return _decode(generator, points), points
    parts: list[tuple[Tensor, Tensor]] = []
    for (noise, transform), part in groupby(scenes, lambda scene: (scene.noise, scene.transform)):
        styles = torch.stack([mix(generator, scene) for scene in part])
        look = Look(noise, transform)
        small = _synthesise_small(generator, styles, look, side) if side else None
        images = _synthesise(generator, generator, styles, look) if small is None else small
        parts.append((images, _from_mean(generator, styles)))
    return torch.cat([images for images, _ in parts]), torch.cat([points for _, points in parts])


@torch.inference_mode()
def _render_styles(generator: StyleGenerator, scene: Scene, resume: Resume | None, sketch: bool) -> Iterator[Picture]:
    started = time.perf_counter()
    styles, look = mix(generator, scene)[None], Look(scene.noise, scene.transform)
    point = _from_mean(generator, styles)[0].numpy()
    leave_a_core()
    height = generator.image_shape[1]
    sketched = not sketch
    try:
        for image, is_finished in generator.sketches(styles.to(generator.device), look, resume):
            if is_finished:
                pixels = _to_uint8(image)[0]
                told = ("", 0.0) if resume is None else (resume.restarted, resume.saved)
                yield Picture(pixels, point, time.perf_counter() - started, *told)
            elif not sketched and image.shape[2] * SKETCHED >= height:
                sketched = True
                larger = torch.nn.functional.interpolate(image, generator.image_shape[1:], mode="bilinear")
                yield Picture(_to_uint8(larger)[0], point, time.perf_counter() - started, is_sketch=True)
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(generator, 1) from error


def _synthesise_small(generator: Generator, styles: Tensor, look: Look, side: int) -> Tensor | None:
    """The picture of the first layers that end with one of ``side`` pixels or more; None where that saves nothing."""
    if not isinstance(generator, StyleGenerator) or generator.image_shape[1] <= side:
        return None
    leave_a_core()
    try:
        with torch.inference_mode():
            for image, _ in generator.sketches(styles.to(generator.device), look):
                if image.shape[2] >= side:
                    return image
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(generator, len(styles)) from error
    return None


def _synthesise(styled: HasStyles, generator: Generator, styles: Tensor, look: Look) -> Tensor:
    leave_a_core()
    try:
        with torch.inference_mode():
            return styled.synthesise(styles.to(generator.device), look)
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(generator, len(styles)) from error


@torch.inference_mode()
def _decode(generator: Generator, points: Tensor) -> Tensor:
    leave_a_core()
    try:
        return generator.decode(points.to(generator.device))
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(generator, len(points)) from error


def _out_of_memory(generator: Generator, count: int) -> DeviceError:
    pictures = "a picture" if count == 1 else f"{count} pictures"
    return DeviceError(f"{generator.device} ran out of memory while drawing {pictures}.", "Close other programs.")


def _styled(generator: Generator) -> HasStyles:
    if not isinstance(generator, HasStyles):
        raise SceneError(f"{generator.name} has no styles.", "Only style-based models have a space W.")
    return generator


def _truncated(styled: HasStyles, styles: Tensor, latent: Latent) -> Tensor:
    """Styles (n, layers, w) pulled to their mean (Karras et al. 2019, appendix B) below the cutoff."""
    if latent.truncation == 1.0:
        return styles
    average = styled.average_style()
    pulled = average + latent.truncation * (styles - average)
    return torch.where(torch.arange(styles.shape[1])[:, None] < latent.cutoff, pulled, styles)


def _from_mean(styled: HasStyles, styles: Tensor) -> Tensor:
    """Where styles (n, layers, w) lie from their mean; the norm is the root mean square distance of the layers."""
    offsets: Tensor = styles - styled.average_style()
    return offsets / math.sqrt(styles.shape[1])


def _vector(generator: Generator, direction: AnyDirection) -> Tensor:
    """A direction as a vector on the CPU, one standard deviation long."""
    if isinstance(direction, Direction):
        return generator.direction(direction)
    vector: Tensor = generator.remember(direction, lambda: probe_examples(generator, direction).vector)
    return vector


def probe_examples(generator: Generator, examples: Examples) -> Probe:
    """What separates the points of ``examples``, and how surely. Raises as ``locate``."""
    groups = [
        torch.stack([_flat(generator, locate(generator, latent)) for latent in latents])
        for latents in (examples.having, examples.lacking)
    ]
    found = separate(*groups)
    return (
        found if isinstance(generator, HasStyles) else replace(found, vector=found.vector.view(generator.latent_shape))
    )


def _flat(generator: Generator, point: Tensor) -> Tensor:
    return point.mean(0) if isinstance(generator, HasStyles) else point.flatten()


@torch.inference_mode()
def _to_uint8(images: Tensor) -> np.ndarray:
    """Floats (n, c, h, w) as uint8 (n, h, w, c), on the device, as ``explorer.imaging.to_pixels`` does on arrays."""
    scaled = torch.nan_to_num(images.float() * 127.5 + 127.5, nan=0.0).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _source_point(generator: Generator, source: Source, condition: Condition) -> Tensor:
    if isinstance(generator, HasStyles):
        if isinstance(source, StoredPoint):
            return generator.remember(source, lambda: _stored_styles(generator, source))
        if isinstance(source, Seed):
            return generator.remember((source, condition), lambda: _seed_styles(generator, source, condition))
    if isinstance(source, ImageFile):
        return generator.remember(source, lambda: _encode_file(generator, source))
    if isinstance(source, StoredPoint):
        raise SceneError(f"{Path(source.path).name} holds styles, which {generator.name} has not.")
    return draw(source.number, generator.latent_shape)


@torch.no_grad()
def _seed_styles(generator: Generator, source: Seed, condition: Condition) -> Tensor:
    """Styles (layers, w) on the CPU of a seed and class weights."""
    weights = None
    if generator.classes:
        weights = torch.zeros(1, generator.classes)
        for index, weight in condition.classes or ((0, 1.0),):
            if index >= generator.classes:
                raise SceneError(f"{generator.name} has {generator.classes} classes, and none with the number {index}.")
            weights[0, index] = weight
        weights = weights.to(generator.device)
    latents = draw(source.number, generator.latent_shape)[None].to(generator.device)
    return _styled(generator).styles(latents, weights)[0].float().cpu()


def _stored_styles(generator: Generator, source: StoredPoint) -> Tensor:
    """Styles (layers, w) in a .npy file, once found for a picture; (1, layers, w) there is good too."""
    path, styled = Path(source.path), _styled(generator)
    try:
        if source.digest and digest(path) != source.digest:
            raise SceneError(f"{path.name} is not the point it was when this scene was made.")
        styles = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
        styles = styles[0] if styles.ndim == 3 and len(styles) == 1 else styles
    except FileNotFoundError as error:
        raise SceneError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except (OSError, ValueError, TypeError, EOFError, AttributeError) as error:  # the last one: several arrays
        raise SceneError(f"{path.name} is damaged and holds no point.") from error
    rows, width = len(styled.style_layers), len(styled.average_style())
    if styles.shape != (rows, width) or not bool(torch.isfinite(styles).all()):
        raise SceneError(f"{path.name} is a point of another model than {generator.name}.")
    return styles


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
