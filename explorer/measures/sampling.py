"""Samples of a model, drawn as a person sees them when the model is opened, and how long that takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.denoising import resolved
from explorer.errors import SceneError
from explorer.generators import Denoises, Generator, HasLevels, HasLikelihoodParts
from explorer.render import render_many
from explorer.scene import Condition, Denoising, Scene, Seed, Source, from_json

__all__ = ["Samples", "classes_for", "draw_samples", "sample_scene", "told"]

SEEDS_APART: Final = 1_000_000  # so that samples of two seeds are different ones
FEWEST_BATCHES: Final = 4  # the first one warms up


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Pictures uint8 (n, h, w, c), and the median time of one in a full batch after the first."""

    pixels: npt.NDArray[np.uint8]
    seconds_per_picture: float


def draw_samples(
    generator: Generator, count: int, seed: int, batch: int, classes: Sequence[int], report: Callable[[int], object]
) -> Samples:
    """``count`` samples of the prior, with the truncation, temperature and sampling that the checkpoint suggests.

    ``classes`` holds a class for every sample where the model knows classes. Raises as ``render_many``.
    """
    size = max(1, min(batch, -(-count // FEWEST_BATCHES)))
    scenes = [
        sample_scene(generator, (Seed(seed * SEEDS_APART + index),), (1.0,), classes[index] if classes else None)
        for index in range(count)
    ]
    parts, times = [], []
    for start in range(0, count, size):
        group = scenes[start : start + size]
        started = time.perf_counter()
        parts += [picture.pixels for picture in render_many(generator, group, size)]
        times.append((time.perf_counter() - started) / len(group))
        report(len(parts))
    full = times[: count // size]
    return Samples(np.stack(parts), statistics.median(full[1:] or full))


def sample_scene(
    generator: Generator, sources: Sequence[Source], weights: Sequence[float], chosen: int | None = None
) -> Scene:
    """The scene that a model's checkpoint suggests to begin with, at another place and perhaps of another class.

    Nothing else that a person may have done to that scene is kept.
    """
    start = _start_scene(generator)
    latent = replace(start.latent, sources=tuple(zip(sources, weights, strict=True)), moves=(), classes=())
    return Scene(
        latent=latent,
        condition=start.condition if chosen is None else Condition(((chosen, 1.0),)),
        noise=start.noise,
        denoising=Denoising(start.denoising.sampling),
    )


def classes_for(
    generator: Generator, count: int, labels: npt.NDArray[np.int64] | None, label_count: int
) -> tuple[int, ...]:
    """A class for every sample: those of real pictures where there are as many labels as classes, else all in turn."""
    if not generator.classes:
        return ()
    if labels is None or not len(labels) or label_count != generator.classes:
        return tuple(index % generator.classes for index in range(count))
    return tuple(int(labels[index % len(labels)]) for index in range(count))


def told(generator: Generator) -> str:
    """How samples are drawn, in words."""
    start = _start_scene(generator)
    is_flow = isinstance(generator, HasLikelihoodParts) and isinstance(generator, HasLevels)
    word = "temperature" if is_flow else "truncation"
    parts = [f"{word} {start.latent.truncation:g}"] if start.latent.truncation != 1.0 else []
    if isinstance(generator, Denoises):
        sampling = resolved(generator, start.denoising.sampling)
        parts.append(f"{sampling.sampler}, {sampling.steps} step{'s' if sampling.steps != 1 else ''}")
        if generator.can_guide and sampling.guidance not in (None, 1.0):
            parts.append(f"guidance {sampling.guidance:g}")
    return ", ".join(parts)


def _start_scene(generator: Generator) -> Scene:
    start = generator.config.get("start")
    try:
        return from_json(start) if start is not None else Scene()
    except SceneError:
        return Scene()
