"""What is seen of the steps of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.denoising.plan import Run
from explorer.diffusion import Level, Step, noised
from explorer.generators import Generator
from explorer.points import picture_tensor, to_uint8
from explorer.runs import StepPictures
from explorer.scene import Denoising, ImageFile, Sampling, Scene

__all__ = ["Dissolved", "decoded", "dissolve", "step_pictures"]

NOISE_SHOWN: Final = 3.0  # standard deviations of noise that are white


@torch.inference_mode()
def step_pictures(run: Run, scene: Scene, step: Step, is_last: bool, seconds: float) -> StepPictures:
    """What is seen of a step."""
    model, side = run.model, run.generator.image_shape[1:]
    prediction = step.prediction
    is_real = not model.has_autoencoder or is_last
    shown = [_as_picture(step.noisy, step.here), step.noise, torch.zeros_like(step.noise)]
    guided = prediction.conditional is not None and prediction.unconditional is not None
    if not is_real:
        shown.append(step.clean)
    latents = torch.cat(shown)
    previews = model.preview(latents) if model.has_autoencoder else latents
    noise = previews[1:2] - previews[2:3]  # without the constant of the preview
    previews = torch.cat([previews[:1], noise / (NOISE_SHOWN * noise.std().clamp(min=1e-6)), previews[3:]])
    if previews.shape[-2:] != side:
        previews = F.interpolate(previews, side, mode="bilinear")
    pixels = to_uint8(previews)
    clean = to_uint8(model.to_images(step.clean if not is_last else step.result))[0] if is_real else pixels[2]
    difference = None
    if guided:
        assert prediction.conditional is not None and prediction.unconditional is not None
        size = (prediction.conditional - prediction.unconditional).float().square().mean(1).sqrt()
        size = size if size.shape[-2:] == side else F.interpolate(size[None], side, mode="bilinear")[0]
        difference = size[0].cpu().numpy()
    sampling, _ = run.settings(scene, step.index)
    return StepPictures(
        scene,
        step.index,
        run.total,
        step.here.time,
        step.here.alpha,
        step.here.sigma,
        run.scale(sampling, step.index),
        noisy=pixels[0],
        clean=clean,
        noise=pixels[1],
        difference=difference,
        is_decoded=is_real,
        seconds=seconds,
    )


def decoded(run: Run, step: Step, shown: StepPictures) -> StepPictures:
    """The same step with real pictures of x_t and of everything that is a prediction of x_0."""
    prediction, parts = step.prediction, [step.clean, _as_picture(step.noisy, step.here)]
    if prediction.conditional is not None and prediction.unconditional is not None:
        noises = (prediction.conditional, prediction.unconditional)
        parts += [_clean(step, noise.to(step.noisy)) for noise in noises]
    pixels = to_uint8(run.model.to_images(torch.cat(parts)))
    clean = shown.clean if step.index == run.total - 1 else pixels[0]
    both = pixels[2:] if len(parts) > 2 else (None, None)
    return replace(
        shown,
        noisy=pixels[1],
        clean=clean,
        conditional=both[0],
        unconditional=both[1],
        is_decoded=True,
        is_complete=True,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Dissolved:
    """A picture on its way to noise: uint8 (h, w, c), and the ratio of signal to noise there in decibels."""

    pixels: np.ndarray
    time: float
    decibels: float  # 10 log10(alpha^2 / sigma^2); infinite for the picture itself


@torch.no_grad()
def dissolve(generator: Generator, path: str, fraction: float, steps: int = 0, seed: int = 0) -> Dissolved:
    """The forward process at a fraction of the run, from 0 (the picture) to 1 (noise): q(x_t | x_0) with the noise of a
    seed (Ho et al. 2020, eq. 4).

    Raises:
        SceneError: the model does not denoise. ImageError: the file cannot be read.
    """
    run = Run(generator, [Scene(denoising=Denoising(Sampling(steps=steps)))])
    picture = picture_tensor(generator, ImageFile(path))
    level = run.levels[round((1.0 - min(max(fraction, 0.0), 1.0)) * run.total)]
    clean = run.model.from_images(picture)
    noisy = _as_picture(noised(clean, generator.draw(seed)[None].to(clean), level), level)
    shown = run.model.to_images(noisy) if run.model.has_autoencoder else noisy
    return Dissolved(to_uint8(shown)[0], level.time, 10 * level.log_snr * 2 / math.log(10))


def _as_picture(noisy: Tensor, level: Level) -> Tensor:
    """x_t in the range of clean latents: divided by the size it has for data of size 1."""
    return noisy / max(level.alpha, level.sigma, 1e-6) if level.sigma > 1 else noisy


def _clean(step: Step, noise: Tensor) -> Tensor:
    """The x_0 that goes with another noise in the same x_t; that of the step where alpha is near 0."""
    if step.here.alpha < 1e-3:
        return step.clean
    return (step.noisy - step.here.sigma * noise) / step.here.alpha
