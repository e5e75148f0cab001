"""The one road from (generator, scene) to pixels. Qt ends above this module, torch ends here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.denoising import Runs, quick, run_many, run_noise, run_scene
from explorer.errors import DeviceError, SceneError
from explorer.generators import (
    DecodesTruncated,
    Denoises,
    Generator,
    HasCodes,
    HasStyles,
    Look,
    Resume,
    StyleGenerator,
    leave_a_core,
)
from explorer.imaging import FloatArray, Picture
from explorer.points import (
    class_weights,
    from_mean,
    locate,
    mix,
    read_prepared,
    style_part,
    to_uint8,
    truncated,
)
from explorer.runs import StepPictures
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene

__all__ = [
    "Resume",
    "Runs",
    "decode_points",
    "decode_styles",
    "inversion_scene",
    "render",
    "render_images",
    "render_many",
    "render_steps",
    "round_trip",
]

DEFAULT: Final = Scene()
SKETCHED: Final = 4  # a sketch has at least this fraction of the picture's side


def render(generator: Generator, scene: Scene, resume: Resume | None = None, sketch: bool = False) -> Iterator[Picture]:
    """The pictures a scene goes through, the last one being the finished one (for a VAE there is only one).

    ``resume`` keeps what a later, similar scene can start from; the pixels do not depend on it. With ``sketch`` a
    style-based model gives a picture from its lower layers first, and a diffusion model one at every step.

    Raises:
        SceneError: the scene does not fit the generator, or names a picture that has changed.
        ImageError: the scene names a picture that is gone or damaged.
        DeviceError: the device has too little memory.
    """
    if isinstance(generator, StyleGenerator) and (resume is not None or sketch):
        yield from _render_styles(generator, scene, resume, sketch)
    elif isinstance(generator, Denoises) and sketch:
        for _, picture in render_steps(generator, scene, Runs()):
            yield picture
    else:
        yield from render_many(generator, (scene,), 1)


def render_steps(generator: Generator, scene: Scene, kept: Runs) -> Iterator[tuple[StepPictures, Picture]]:
    """Every step of a diffusion model's run, and the picture predicted then; the last one is the finished picture.

    Steps in ``kept`` are not made again. Raises as ``render``.
    """
    started, point = time.perf_counter(), locate(generator, scene.latent, scene.condition).numpy()
    saved = 0.0
    for step in run_scene(generator, scene, kept):
        saved += step.seconds if step.index < step.reused else 0.0
        is_last = step.index == step.total - 1
        told = f"step {step.reused + 1}" if 0 < step.reused < step.total else ""
        seconds = time.perf_counter() - started
        yield step, Picture(step.clean, point, seconds, told, saved, is_sketch=not is_last)


def render_many(generator: Generator, scenes: Iterable[Scene], batch: int = 32, side: int = 0) -> Iterator[Picture]:
    """The finished pictures of many scenes, in order, ``batch`` at a time through the network. Raises as ``render``.

    With ``side``, pictures for thumbnails: a model that grows its pictures stops once they have so many pixels, and a
    run that nothing turns takes a few steps only.
    """
    waiting = iter(scenes)
    while group := list(islice(waiting, batch)):
        started = time.perf_counter()
        images, points = _images_of(generator, group, side)
        pixels = to_uint8(_checked(generator, images))
        seconds = (time.perf_counter() - started) / len(group)
        for point, image in zip(points.numpy(), pixels, strict=True):
            yield Picture(image, point, seconds)


def render_images(generator: Generator, scenes: Iterable[Scene], batch: int = 32) -> FloatArray:
    """Pictures as float32 (n, c, h, w), nominal [-1, 1], not clipped: what ``-o OUT.npy`` holds."""
    waiting, parts = iter(scenes), []
    while group := list(islice(waiting, batch)):
        parts.append(_checked(generator, _images_of(generator, group)[0]).cpu().numpy())
    return np.concatenate(parts)


def decode_points(
    generator: Generator, points: FloatArray, scenes: Sequence[Scene] = ()
) -> tuple[FloatArray, np.ndarray]:
    """Floats (n, c, h, w) and pixels (n, h, w, c) of given latent points (n, *latent_shape), without truncation.

    Points of a diffusion model are its starting noise; each is denoised as its scene says, all by the same sampling.

    Raises:
        SceneError: the points have the wrong shape.
    """
    if tuple(points.shape[1:]) != generator.latent_shape:
        raise SceneError(
            f"{generator.name} needs latents of shape (n, {', '.join(map(str, generator.latent_shape))}), "
            f"not {tuple(points.shape)}."
        )
    latents = torch.from_numpy(np.ascontiguousarray(points, np.float32))
    if isinstance(generator, Denoises):
        images = run_noise(generator, latents, scenes or [DEFAULT] * len(latents))
    else:
        images = _decode(generator, latents)
    return _checked(generator, images).cpu().numpy(), to_uint8(images)


def decode_styles(generator: Generator, given: FloatArray, scene: Scene = DEFAULT) -> tuple[FloatArray, np.ndarray]:
    """As ``decode_points``, of a style-based model.

    ``given`` are styles (n, layers, w), or (n, w) for all layers; ``scene`` gives truncation, noise and transform.

    Raises:
        SceneError: the model has no styles, or the arrays have the wrong shape.
    """
    styled = style_part(generator)
    rows, width = len(styled.style_layers), len(styled.average_style())
    styles = torch.from_numpy(np.ascontiguousarray(given, np.float32))
    if styles.ndim == 2 and styles.shape[1] == width:
        styles = styles[:, None].expand(-1, rows, -1)
    if tuple(styles.shape[1:]) != (rows, width):
        raise SceneError(
            f"{generator.name} needs styles of shape (n, {rows}, {width}) or (n, {width}), not {tuple(given.shape)}."
        )
    images = _synthesise(styled, generator, truncated(styled, styles, scene.latent), Look(scene.noise, scene.transform))
    return _checked(generator, images).cpu().numpy(), to_uint8(images)


def inversion_scene(generator: Generator, image: ImageFile) -> Scene:
    """The scene in which a diffusion model makes a picture of the noise that was found for it: led by no condition."""
    if not isinstance(generator, Denoises):
        raise SceneError(f"{generator.name} does not denoise.", "Only diffusion models start from noise.")
    guidance = 0.0 if generator.can_guide else 1.0
    sampling = Sampling("ddim", generator.inversion_steps, guidance=guidance)
    return Scene(Latent(((image, 1.0),)), denoising=Denoising(sampling))


def round_trip(generator: Generator, scene: Scene) -> float:
    """The root mean square difference, in the [-1, 1] range, of an encoded picture to what its scene draws."""
    (image, _), *_ = scene.latent.sources
    assert isinstance(image, ImageFile)
    original = read_prepared(generator, image).astype(np.float32)
    *_, picture = render_many(generator, (scene,), 1)
    return float(np.sqrt(np.square((picture.pixels - original) / 127.5).mean()))


@torch.no_grad()  # not inference mode, in which directions of a decoder cannot be found
def _images_of(generator: Generator, scenes: list[Scene], side: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures (n, c, h, w) of scenes, and where their points lie (n, ...): in latent space, or from the mean of W."""
    if isinstance(generator, Denoises):
        return _denoised(generator, [quick(generator, scene) for scene in scenes] if side else scenes)
    if not isinstance(generator, HasStyles):
        points = torch.stack([mix(generator, scene) for scene in scenes])
        return _decode_scenes(generator, scenes, points), points
    parts: list[tuple[Tensor, Tensor]] = []
    for (noise, transform), part in groupby(scenes, lambda scene: (scene.noise, scene.transform)):
        styles = torch.stack([mix(generator, scene) for scene in part])
        look = Look(noise, transform)
        small = _synthesise_small(generator, styles, look, side) if side else None
        images = _synthesise(generator, generator, styles, look) if small is None else small
        parts.append((images, from_mean(generator, styles)))
    return torch.cat([images for images, _ in parts]), torch.cat([points for _, points in parts])


def _denoised(generator: Generator, scenes: list[Scene]) -> tuple[Tensor, Tensor]:
    """Pictures and starting noise of scenes; those that are denoised alike go through the network together."""
    points = torch.stack([locate(generator, scene.latent, scene.condition) for scene in scenes])
    parts = [run_many(generator, list(part)) for _, part in groupby(scenes, lambda scene: scene.denoising)]
    return torch.cat(parts), points


@torch.inference_mode()
def _render_styles(generator: StyleGenerator, scene: Scene, resume: Resume | None, sketch: bool) -> Iterator[Picture]:
    started = time.perf_counter()
    styles, look = mix(generator, scene)[None], Look(scene.noise, scene.transform)
    point = from_mean(generator, styles)[0].numpy()
    leave_a_core()
    height = generator.image_shape[1]
    sketched = not sketch
    try:
        for image, is_finished in generator.sketches(styles.to(generator.device), look, resume):
            if is_finished:
                pixels = to_uint8(_checked(generator, image))[0]
                told = ("", 0.0) if resume is None else (resume.restarted, resume.saved)
                yield Picture(pixels, point, time.perf_counter() - started, *told)
            elif not sketched and image.shape[2] * SKETCHED >= height:
                sketched = True
                larger = torch.nn.functional.interpolate(image, generator.image_shape[1:], mode="bilinear")
                yield Picture(to_uint8(larger)[0], point, time.perf_counter() - started, is_sketch=True)
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
def _decode(
    generator: Generator,
    points: Tensor,
    condition: Tensor | None = None,
    truncations: Sequence[float] | None = None,
) -> Tensor:
    leave_a_core()
    try:
        if truncations is not None and isinstance(generator, DecodesTruncated):
            return generator.decode_truncated(points.to(generator.device), condition, truncations)
        return generator.decode(points.to(generator.device), condition)
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(generator, len(points)) from error


def _decode_scenes(generator: Generator, scenes: list[Scene], points: Tensor) -> Tensor:
    """Pictures (n, c, h, w) of scenes whose points are known."""
    if isinstance(generator, HasCodes) and any(scene.codes.cells for scene in scenes):
        return _decode_painted(generator, scenes, points)
    if not generator.classes:
        return _decode(generator, points)
    conditions = [Condition(scene.latent.classes) if scene.latent.classes else scene.condition for scene in scenes]
    weights = torch.cat([class_weights(generator, condition) for condition in conditions])
    truncations = [scene.latent.truncation for scene in scenes] if isinstance(generator, DecodesTruncated) else None
    return _decode(generator, points, weights.to(generator.device), truncations)


@torch.inference_mode()
def _decode_painted(generator: Generator, scenes: list[Scene], points: Tensor) -> Tensor:
    """Pictures of code maps with what is painted over them; cells outside of the maps are left out."""
    assert isinstance(generator, HasCodes)
    leave_a_core()
    codes = [each.clone() for each in generator.codes(points.to(generator.device))]
    for index, scene in enumerate(scenes):
        for level, row, column, code in scene.codes.cells:
            if level < len(codes):
                known = generator.code_levels[level]
                if row < known.rows and column < known.columns and code < known.codes:
                    codes[level][index, row, column] = code
    return generator.decode_codes(codes)


def _checked(generator: Generator, images: Tensor) -> Tensor:
    """Pictures as they are; raises SceneError where one holds no numbers, which would look black."""
    if bool(torch.isfinite(images).all()):
        return images
    raise SceneError(
        f"{generator.name} draws values that are not numbers here.",
        "Its file may be damaged, or the point lies far outside of what it knows.",
    )


def _out_of_memory(generator: Generator, count: int) -> DeviceError:
    pictures = "a picture" if count == 1 else f"{count} pictures"
    return DeviceError(f"{generator.device} ran out of memory while drawing {pictures}.", "Close other programs.")
