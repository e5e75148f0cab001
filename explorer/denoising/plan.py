"""One denoising run as a plan: its noise levels, what holds at every step, and how it is followed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.diffusion import Level, Prediction, Step, denoise, guide, noised, scale_at
from explorer.errors import DeviceError, SceneError
from explorer.generators import Denoises, Embedding, Generator, leave_a_core
from explorer.latents import blend, draw
from explorer.points import locate, picture_tensor, read_source
from explorer.runs import effective, paint_at
from explorer.scene import Condition, ImageFile, Sampling, Scene, Seed

__all__ = ["Run", "quick", "resolved"]

QUICK_STEPS: Final = 8  # of a thumbnail's run


def resolved(generator: Denoises, sampling: Sampling) -> Sampling:
    """The sampling with what it leaves open filled in as the checkpoint suggests.

    Raises:
        SceneError: the model has no such sampler.
    """
    own = generator.suggested
    name = sampling.sampler or own.sampler
    if name not in generator.samplers:
        known = ", ".join(generator.samplers)
        raise SceneError(f"The sampler '{name}' does not suit this model.", f"It can be sampled with {known}.")
    guidance = own.guidance if sampling.guidance is None else sampling.guidance
    return replace(
        sampling,
        sampler=name,
        steps=sampling.steps or own.steps,
        guidance=1.0 if guidance is None else guidance,
        spacing=sampling.spacing or own.spacing,
    )


def quick(generator: Denoises, scene: Scene) -> Scene:
    """The scene in a few steps, for a thumbnail; as it is where steps are counted in it, or are few already."""
    sampling = scene.denoising.sampling
    if scene.denoising.turns or (sampling.steps or generator.suggested.steps) <= QUICK_STEPS:
        return scene
    return replace(scene, denoising=replace(scene.denoising, sampling=replace(sampling, steps=QUICK_STEPS)))


class Run:
    """One plan, followed by one picture or several."""

    def __init__(self, generator: Generator, scenes: Sequence[Scene]) -> None:
        if not isinstance(generator, Denoises):
            raise SceneError(f"{generator.name} does not denoise.", "Only diffusion models have steps.")
        self.generator, self.model, self.scenes = generator, cast(Denoises, generator), scenes
        self.denoising = scenes[0].denoising
        self.sampling = resolved(self.model, self.denoising.sampling)
        levels = self.model.schedule.levels(self.sampling.steps, self.sampling.spacing)
        start = self.denoising.start
        skipped = round((1.0 - start.strength) * self.sampling.steps) if start.picture is not None else 0
        self.levels = levels[min(skipped, len(levels) - 2) :]
        self.total = len(self.levels) - 1
        self._embeddings: dict[tuple[tuple[Condition, ...], bool], Embedding] = {}
        self._known: tuple[Tensor, Tensor, Tensor] | None = None  # a mask, what is kept outside of it, and its noise

    # --- keys ---

    def keys(self, scene: Scene) -> tuple[str, ...]:
        """A key for every step: equal for steps that are equal."""
        start = (scene.latent, self.denoising.start, self.sampling.steps, self.sampling.spacing)
        sha, keys = hashlib.sha256(repr(start).encode()), []
        for index in range(self.total):
            sampling, condition = self.settings(scene, index)
            told = (sampling.sampler, sampling.eta, sampling.seed, self.scale(sampling, index), sampling.rescale)
            sha.update(repr((told, condition, paint_at(scene, index))).encode())
            keys.append(sha.hexdigest())
        return tuple(keys)

    def settings(self, scene: Scene, index: int) -> tuple[Sampling, Condition]:
        sampling, condition = effective(scene, index)
        return resolved(self.model, sampling), condition

    def scale(self, sampling: Sampling, index: int) -> float:
        """The guidance scale of a step; 1, which asks for one prediction alone, where the model cannot be guided."""
        if not self.model.can_guide:
            return 1.0
        fraction = index / max(self.total - 1, 1)
        return scale_at(fraction, sampling.guidance or 0.0, sampling.curve, sampling.interval)

    # --- running ---

    def begin(self, noise: Tensor | None = None) -> Tensor:
        """x_t of the first step, (n, c, h, w) on the device."""
        device = self.generator.device
        if noise is None:
            noise = torch.stack([locate(self.generator, s.latent, s.condition) for s in self.scenes])
        noise = noise.to(device)
        start = self.denoising.start
        if start.picture is None:
            return noise * self.model.schedule.start_scale
        clean = self.model.from_images(picture_tensor(self.generator, start.picture)).expand_as(noise)
        if start.mask is not None:
            mask = _mask(self.generator, start.mask, noise.shape[-2:]).to(device)
            self._known = mask, clean, noise
        return noised(clean, noise, self.levels[0])

    def steps(self, noisy: Tensor, before: Step | None = None, first: int = 0) -> Iterator[Step]:
        """The steps from ``first`` on."""
        if first and self.denoising.start.mask is not None:
            self.begin()  # what is kept outside of the mask
        for index in range(first, self.total):
            here = self.levels[index]
            settings = [self.settings(scene, index) for scene in self.scenes]
            sampling = settings[0][0]
            scale = self.scale(sampling, index)
            told = self._told(tuple(condition for _, condition in settings), scale != 1.0)
            predict = _Guided(self.model, told, scale, sampling.rescale)
            paint = paint_at(self.scenes[0], index)
            if paint is not None:
                predict.paint, predict.painted = here, _paint(self.generator, paint)
            fresh = partial(self._fresh, sampling.seed, noisy)
            one = denoise(predict, noisy, self.levels, sampling.sampler, sampling.eta, fresh, before, index, index + 1)
            try:
                before = next(one)
            except (torch.OutOfMemoryError, MemoryError) as error:
                raise self._out_of_memory() from error
            except RuntimeError as error:
                if "allocate memory" not in str(error):  # how torch says it of the processor's memory
                    raise
                raise self._out_of_memory() from error
            before = self._kept_outside(before)
            noisy = before.result
            yield before

    def finish(self, noisy: Tensor) -> Tensor:
        """The pictures (n, c, h, w) at the end of the run."""
        leave_a_core()
        for step in self.steps(noisy):
            noisy = step.result
        return self.model.to_images(noisy)

    def _out_of_memory(self) -> DeviceError:
        return DeviceError(f"{self.generator.device} ran out of memory while denoising.", "Close other programs.")

    def _told(self, conditions: tuple[Condition, ...], is_guided: bool) -> Embedding:
        """The conditions as the network reads them, followed by what guidance leads away from."""
        key = conditions, is_guided
        if key not in self._embeddings:
            embedding = self.model.embed(conditions)
            if is_guided:
                nothing = self.model.nothing(conditions)
                embedding = {name: torch.cat([value, nothing[name]]) for name, value in embedding.items()}
            self._embeddings[key] = embedding
        return self._embeddings[key]

    def _fresh(self, seed: int, noisy: Tensor, index: int) -> Tensor:
        """The noise (n, c, h, w) that is added at a step: of a seed, and blended as the starting noise is, so that it
        differs from picture to picture and changes smoothly on a walk."""
        return torch.stack([self._fresh_of(scene, seed, index) for scene in self.scenes]).to(noisy)

    def _fresh_of(self, scene: Scene, seed: int, index: int) -> Tensor:
        draws, weights = [], []
        for source, weight in scene.latent.sources:
            if weight != 0.0:
                told = f"{source.number if isinstance(source, Seed) else 0}/{seed}/{index}"
                number = int.from_bytes(hashlib.sha256(told.encode()).digest()[:8], "big") >> 1
                draws.append(draw(number, tuple(self.generator.latent_shape)))
                weights.append(weight)
        spherical = scene.latent.mixing == "slerp" if scene.latent.mixing else self.generator.spherical
        return blend(torch.stack(draws), torch.tensor(weights, dtype=torch.float64), spherical)

    def _kept_outside(self, step: Step) -> Step:
        """The step with the known picture outside of the mask (Lugmayr et al. 2022, eq. 8), under the run's noise."""
        if self._known is None:
            return step
        mask, clean, noise = self._known
        result = mask * step.result + (1 - mask) * noised(clean, noise, step.there)
        kept = mask * step.clean + (1 - mask) * clean
        return replace(step, result=result, prediction=replace(step.prediction, clean=kept))


class _Guided:
    """The prediction at a step: under the conditions, led away from nothing by the guidance scale.

    ``embedding`` is that of the conditions, and of what guidance leads away from after it where the scale is not 1.
    """

    def __init__(self, model: Denoises, embedding: Embedding, scale: float, rescale: float) -> None:
        self._model, self._embedding, self._scale, self._rescale = model, embedding, scale, rescale
        self.paint: Level | None = None  # where ``painted`` is laid over the clean picture
        self.painted: Tensor | None = None  # (1, c + 1, H, W) in [-1, 1], opacity last

    def __call__(self, noisy: Tensor, level: Level) -> Prediction:
        if self._scale == 1.0:
            prediction = self._model.predict(noisy, level, self._embedding)
        else:
            both = self._model.predict(torch.cat([noisy, noisy]), level, self._embedding)
            (clean, empty), (noise, other) = both.clean.chunk(2), both.noise.chunk(2)
            prediction = guide(
                Prediction(clean, noise), Prediction(empty, other), noisy, level, self._scale, self._rescale
            )
        if self.painted is not None and level == self.paint:
            return replace(prediction, clean=self._over(prediction.clean))
        return prediction

    def _over(self, clean: Tensor) -> Tensor:
        """The clean latents with paint over their picture; untouched where there is none."""
        assert self.painted is not None
        picture = self._model.to_images(clean)
        colour, opacity = self.painted[:, :-1].to(picture), self.painted[:, -1:].to(picture)
        changed = self._model.from_images(picture + (colour - picture) * opacity)
        if opacity.shape[-2:] == clean.shape[-2:]:
            return changed
        touched = F.adaptive_max_pool2d(opacity, clean.shape[-2:])
        return clean + (changed - clean) * touched


def _mask(generator: Generator, file: ImageFile, side: Sequence[int]) -> Tensor:
    """A mask (1, 1, h, w) from 0 to 1 at the size of the latents; 1 where the picture is made anew."""
    _, height, width = generator.image_shape
    grey = np.asarray(read_source(file).convert("L").resize((width, height)), np.float32) / 255
    return F.interpolate(torch.from_numpy(grey)[None, None], tuple(side), mode="area")


def _paint(generator: Generator, file: ImageFile) -> Tensor:
    """Paint (1, c + 1, H, W): colours in [-1, 1], then opacity from 0 to 1."""
    channels, height, width = generator.image_shape
    image = read_source(file).convert("RGBA").resize((width, height))
    pixels = torch.from_numpy(np.array(image, np.float32)).permute(2, 0, 1)[None] / 255
    colour, opacity = pixels[:, :3] * 2 - 1, pixels[:, 3:]
    if channels == 1:
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R BT.601, as Pillow's mode L
        colour = (colour * weights).sum(1, keepdim=True)
    return torch.cat([colour, opacity], 1).to(generator.device)
