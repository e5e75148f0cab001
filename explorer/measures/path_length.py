"""How smoothly pictures change along the way between two points of latent space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.errors import SceneError
from explorer.generators import Denoises, Generator, capabilities
from explorer.measures.features import Features
from explorer.measures.sampling import SEEDS_APART, sample_scene
from explorer.render import render_images
from explorer.scene import Scene, Seed

__all__ = ["EPSILON", "path_count", "perceptual_path_length", "trimmed_mean"]

EPSILON: Final = 1e-4
PATHS: Final = 256
PATHS_OF_RUNS: Final = 32  # each takes two runs of a diffusion model
LARGE: Final = 50_000_000  # parameters of networks for which that would take minutes
TRIMMED: Final = 1.0  # per cent at either end
FIRST_SEED: Final = SEEDS_APART // 2  # beyond those of the samples


def path_count(generator: Generator, samples: int) -> int:
    """How many places are looked at.

    Raises:
        SceneError: there is no way between two points, or it would take minutes, which is said.
    """
    if "codes" in capabilities(generator):
        raise SceneError("The path length was left out: codes change by jumps.")
    if isinstance(generator, Denoises):
        if generator.parameters > LARGE:
            raise SceneError("The path length was left out: with so large a network it would take minutes.")
        return min(PATHS_OF_RUNS, samples)
    return min(PATHS, samples)


def perceptual_path_length(
    generator: Generator,
    features: Features,
    count: int,
    seed: int,
    batch: int,
    classes: Sequence[int],
    report: Callable[[int], object],
) -> float:
    """The mean of d(g(t), g(t + eps)) / eps^2 over ``count`` random places t between two random points (Karras et al.
    2019, section 4.1), without the lowest and the highest per cent.

    The way is a great circle where the prior is a standard normal, and straight in W for style-based models. d is the
    squared distance of unit-normalised features; it is not LPIPS. Pictures are drawn as samples are.
    """
    places = torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (1 - 2 * EPSILON)
    scenes: list[Scene] = []
    for index, place in enumerate((places + EPSILON / 2).tolist()):
        number = seed * SEEDS_APART + FIRST_SEED + 2 * index
        ends, chosen = (Seed(number), Seed(number + 1)), classes[index] if classes else None
        scenes += [sample_scene(generator, ends, (1 - t, t), chosen) for t in (place, place + EPSILON)]
    lengths, pairs = [], max(1, batch // 2)
    for start in range(0, count, pairs):
        group = scenes[2 * start : 2 * (start + pairs)]
        images = torch.from_numpy(render_images(generator, group, len(group))).to(generator.device)
        units = _unit(features.of(images).cpu().double())
        lengths.append((units[1::2] - units[::2]).square().sum(1) / EPSILON**2)
        report(min(start + pairs, count))
    return trimmed_mean(torch.cat(lengths))


def trimmed_mean(values: Tensor) -> float:
    """The mean of values (n,) from the 1st to the 99th percentile."""
    array = values.numpy()
    low = np.percentile(array, TRIMMED, method="lower")
    high = np.percentile(array, 100 - TRIMMED, method="higher")
    return float(array[(array >= low) & (array <= high)].mean())


def _unit(features: Tensor) -> Tensor:
    unit: Tensor = features / features.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return unit
