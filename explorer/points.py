"""Where a scene lies: points of latent space, or the styles of every layer, out of seeds, pictures and directions."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explorer.errors import SceneError
from explorer.files import digest
from explorer.generators import Encodes, Generator, HasLevels, HasStyles, leave_a_core
from explorer.imaging import FloatArray, prepare, read_image
from explorer.latents import Probe, blend, mean_difference, separate
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
    "class_weights",
    "encode_images",
    "from_mean",
    "locate",
    "map_points",
    "mix",
    "picture_tensor",
    "probe_examples",
    "read_prepared",
    "read_source",
    "style_part",
    "to_images",
    "to_uint8",
    "truncated",
]

NO_CONDITION: Final = Condition()


def locate(generator: Generator, latent: Latent, condition: Condition = NO_CONDITION) -> Tensor:
    """The point, float32 on the CPU, that a ``Latent`` describes for this generator: (*latent_shape), or for a
    style-based model the styles (layers, w).

    Raises:
        SceneError: a direction does not exist, or a picture has changed or cannot be encoded by this family.
        ImageError: a picture is gone or damaged.
    """
    condition = Condition(latent.classes) if latent.classes else condition
    point = _blended(generator, latent, condition)
    if isinstance(generator, HasStyles):
        point = truncated(generator, point[None], latent)[0]
    elif latent.truncation != 1.0:
        point = point * latent.truncation
    if isinstance(generator, HasLevels) and latent.temperatures:
        point = _heated(generator, point, latent.temperatures)
    for direction, amount in latent.moves:
        change = amount * _vector(generator, direction)
        if isinstance(generator, HasStyles):
            layers = torch.arange(len(point))[:, None]
            change = torch.where((layers >= direction.first) & (layers < direction.end), change, 0.0)
        elif isinstance(generator, HasLevels):
            change = _within(generator, change, direction.first, direction.end)
        point = point + change
    return point


def _blended(generator: Generator, latent: Latent, condition: Condition) -> Tensor:
    """The sources of a latent as one point, before truncation and moves.

    An arc through W makes no sense, because that is not centred: seeds are put on an arc where they are drawn, in Z.
    """
    sources = [(source, weight) for source, weight in latent.sources if weight != 0.0]
    weights = torch.tensor([weight for _, weight in sources], dtype=torch.float64)
    if isinstance(generator, HasStyles):
        seeds = [source for source, _ in sources if isinstance(source, Seed)]
        if latent.mixing == "slerp" and len(seeds) == len(sources) > 1:
            return _styles_of(
                generator, blend(torch.stack([generator.draw(s.number) for s in seeds]), weights, True), condition
            )
        spherical = False
    else:
        spherical = generator.spherical if not latent.mixing else latent.mixing == "slerp"
    points = torch.stack([_source_point(generator, source, condition) for source, _ in sources])
    return blend(points, weights, spherical)


def mix(generator: Generator, scene: Scene) -> Tensor:
    """The point, float32 on the CPU, of a scene with its rows: its own where no other row has painted. For a
    style-based model its styles (layers, w).

    The truncation of the scene holds for all rows. Raises as ``locate``.
    """
    own = locate(generator, scene.latent, scene.condition)
    if isinstance(generator, HasLevels):
        return _mix_levels(generator, scene, own)
    if not isinstance(generator, HasStyles):
        return own
    sums, others = torch.zeros(len(own)), torch.zeros_like(own)
    for row in scene.styles.rows:
        layers = [(layer, weight) for layer, weight in row.weights if layer < len(own) and weight > 0]
        if layers:
            point = locate(generator, _pulled_alike(row.latent, scene), scene.condition)
            for layer, weight in layers:
                sums[layer] += weight
                others[layer] += weight * point[layer]
    if not bool(sums.any()):
        return own
    scale = sums.clamp(min=1.0)[:, None]
    return (1.0 - (sums[:, None] / scale)) * own + others / scale


def _pulled_alike(latent: Latent, scene: Scene) -> Latent:
    own = scene.latent
    return replace(latent, truncation=own.truncation, cutoff=own.cutoff, temperatures=own.temperatures)


def _mix_levels(generator: HasLevels, scene: Scene, own: Tensor) -> Tensor:
    """A point (d,) whose levels are blends of those of the rows; what they leave is the scene's own."""
    assert isinstance(generator, Generator)
    mixed, points = own.clone(), dict[int, Tensor]()
    for number, level in enumerate(generator.levels):
        weights = [max(dict(row.weights).get(number, 0.0), 0.0) for row in scene.styles.rows]
        used = [index for index, weight in enumerate(weights) if weight > 0]
        if not used:
            continue
        for index in used:
            if index not in points:
                latent = _pulled_alike(scene.styles.rows[index].latent, scene)
                points[index] = locate(generator, latent, scene.condition)
        left = max(1.0 - sum(weights), 0.0)
        parts = [(own, left)] if left > 0 else []
        parts += [(points[index], weights[index]) for index in used]
        part = slice(level.first, level.end)
        shares = torch.tensor([weight for _, weight in parts], dtype=torch.float64)
        mixed[part] = blend(torch.stack([point[part] for point, _ in parts]), shares, generator.spherical)
    return mixed


def _heated(generator: HasLevels, point: Tensor, temperatures: tuple[tuple[int, float], ...]) -> Tensor:
    """A point (d,) with levels scaled by their factors; levels that a model lacks are left out."""
    point = point.clone()
    for number, factor in temperatures:
        if number < len(generator.levels):
            level = generator.levels[number]
            point[level.first : level.end] *= factor
    return point


def _within(generator: HasLevels, change: Tensor, first: int, end: int) -> Tensor:
    """A change (d,) in the levels from ``first`` up to, not including, ``end`` alone."""
    kept = torch.zeros_like(change)
    for level in generator.levels[first:end]:
        kept[level.first : level.end] = change[level.first : level.end]
    return kept


@torch.inference_mode()
def map_points(generator: Generator, points: FloatArray, conditions: FloatArray | None = None) -> FloatArray:
    """Styles (n, layers, w), before truncation, of points z (n, *latent_shape) and class weights (n, classes).

    Raises:
        SceneError: the model has no styles, or the arrays have the wrong shape.
    """
    styled = style_part(generator)
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


def probe_examples(generator: Generator, examples: Examples) -> Probe:
    """What separates the points of ``examples``, and how surely. Raises as ``locate``."""
    groups = [
        torch.stack([_flat(generator, locate(generator, latent)) for latent in latents])
        for latents in (examples.having, examples.lacking)
    ]
    found = mean_difference(*groups) if examples.method == "mean" else separate(*groups)
    return (
        found if isinstance(generator, HasStyles) else replace(found, vector=found.vector.view(generator.latent_shape))
    )


def to_images(pixels: np.ndarray, device: torch.device) -> Tensor:
    """uint8 (n, h, w, c) as float32 (n, c, h, w) in [-1, 1], converted on the device."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
    return images.float().div_(127.5).sub_(1.0).contiguous()


def truncated(styled: HasStyles, styles: Tensor, latent: Latent) -> Tensor:
    """Styles (n, layers, w) pulled to their mean (Karras et al. 2019, appendix B) below the cutoff."""
    if latent.truncation == 1.0:
        return styles
    average = styled.average_style()
    pulled = average + latent.truncation * (styles - average)
    return torch.where(torch.arange(styles.shape[1])[:, None] < latent.cutoff, pulled, styles)


def from_mean(styled: HasStyles, styles: Tensor) -> Tensor:
    """Where styles (n, layers, w) lie from their mean; the norm is the root mean square distance of the layers."""
    offsets: Tensor = styles - styled.average_style()
    return offsets / math.sqrt(styles.shape[1])


def style_part(generator: Generator) -> HasStyles:
    if not isinstance(generator, HasStyles):
        raise SceneError(f"{generator.name} has no styles.", "Only style-based models have a space W.")
    return generator


def _vector(generator: Generator, direction: AnyDirection) -> Tensor:
    """A direction as a vector on the CPU, one standard deviation long."""
    if isinstance(direction, Direction):
        return generator.direction(direction)
    vector: Tensor = generator.remember(direction, lambda: probe_examples(generator, direction).vector)
    return vector


def _flat(generator: Generator, point: Tensor) -> Tensor:
    return point.mean(0) if isinstance(generator, HasStyles) else point.flatten()


def _source_point(generator: Generator, source: Source, condition: Condition) -> Tensor:
    if isinstance(generator, HasStyles):
        if isinstance(source, StoredPoint):
            return generator.remember(source, lambda: _stored_styles(generator, source))
        if isinstance(source, Seed):
            return generator.remember(
                (source, condition), lambda: _styles_of(generator, generator.draw(source.number), condition)
            )
    if isinstance(source, ImageFile):
        return generator.remember(source, lambda: _encode_file(generator, source))
    if isinstance(source, StoredPoint):
        raise SceneError(f"{Path(source.path).name} holds styles, which {generator.name} has not.")
    return generator.draw(source.number)


@torch.no_grad()
def _styles_of(generator: Generator, point: Tensor, condition: Condition) -> Tensor:
    """Styles (layers, w) on the CPU of a point z and class weights."""
    weights = class_weights(generator, condition).to(generator.device) if generator.classes else None
    return style_part(generator).styles(point[None].to(generator.device), weights)[0].float().cpu()


def class_weights(generator: Generator, condition: Condition) -> Tensor:
    """The weights (1, classes) that a condition asks for, class 0 where it names none; raises SceneError where the
    model has no such class."""
    weights = torch.zeros(1, generator.classes)
    for index, weight in condition.classes or ((0, 1.0),):
        if index >= generator.classes:
            raise SceneError(f"{generator.name} has {generator.classes} classes, and none with the number {index}.")
        weights[0, index] = weight
    return weights


def _stored_styles(generator: Generator, source: StoredPoint) -> Tensor:
    """Styles (layers, w) in a .npy file, once found for a picture; (1, layers, w) there is good too."""
    path, styled = Path(source.path), style_part(generator)
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
    pixels = read_prepared(generator, source)
    images = to_images(pixels[None], generator.device)
    return encode_images(generator, images)[0].float().cpu()


def read_source(source: ImageFile) -> Image.Image:
    """The picture that a scene means. Raises ImageError where it is gone or damaged, SceneError where it changed."""
    path = Path(source.path)
    image = read_image(path)
    if source.digest and digest(path) != source.digest:
        raise SceneError(
            f"{path.name} is not the picture it was when this scene was made.", "Drop it on the window again."
        )
    return image


def read_prepared(generator: Generator, source: ImageFile) -> np.ndarray:
    """The picture that a scene means as the model wants it, uint8 (h, w, c). Raises as ``read_source``."""
    return prepare(read_source(source), generator.image_shape, generator.preparation)


def picture_tensor(generator: Generator, source: ImageFile) -> Tensor:
    """The picture that a scene means as (1, c, h, w) in [-1, 1] on the device. Raises as ``read_source``."""
    return to_images(read_prepared(generator, source)[None], generator.device)


@torch.inference_mode()
def to_uint8(images: Tensor) -> np.ndarray:
    """Floats (n, c, h, w) as uint8 (n, h, w, c), on the device, as ``explorer.imaging.to_pixels`` does on arrays."""
    scaled = torch.nan_to_num(images.float() * 127.5 + 127.5, nan=0.0).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def encode_images(generator: Generator, images: Tensor) -> Tensor:
    if not isinstance(generator, Encodes):
        raise SceneError(f"{generator.name} cannot encode pictures.", "Its family has no encoder.")
    leave_a_core()
    latents: Tensor = generator.encode(images)
    return latents
