"""Running a diffusion model for a scene: step by step, keeping the steps, and going on where a scene has changed.

A run is decided by its start and by what holds at every step; both have a key. Two scenes whose first k keys are equal
have the same first k steps, so a change from step k on costs the steps from k on and no more: that is branching.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from explorer.denoising.pictures import decoded, step_pictures
from explorer.denoising.plan import Run
from explorer.diffusion import Prediction, Step
from explorer.generators import Generator, leave_a_core
from explorer.runs import StepPictures
from explorer.scene import Scene

__all__ = ["Runs", "decode_steps", "run_many", "run_noise", "run_scene"]

BUDGET: Final = 256 << 20  # bytes of steps that are kept


class Runs:
    """The steps of runs, shared by all that begin alike; the least recently seen are forgotten. For one thread."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget = budget
        self._steps: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes that the kept steps take."""
        return self._bytes

    def get(self, key: str) -> _Kept | None:
        kept = self._steps.get(key)
        if kept is not None:
            self._steps.move_to_end(key)
        return kept

    def keep(self, key: str, kept: _Kept) -> None:
        """Keep a step. Where they take too much, the oldest are first kept in half precision, as far as nothing goes on
        from it, and then forgotten; never the newest."""
        before = self._steps.pop(key, None)
        self._bytes += kept.size - (before.size if before is not None else 0)
        self._steps[key] = kept
        if self._bytes <= self.budget:
            return
        for name, old in [each for each in self._steps.items() if not each[1].is_halved][:-1]:
            self._steps[name] = halved = old.halved()
            self._bytes -= old.size - halved.size
            if self._bytes <= self.budget:
                return
        while self._bytes > self.budget and len(self._steps) > 1:
            _, oldest = self._steps.popitem(last=False)
            self._bytes -= oldest.size


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A step as it is kept: ``step`` to go on from, and what is seen of it."""

    step: Step
    pictures: StepPictures
    is_halved: bool = False

    def halved(self) -> _Kept:
        """With the predicted noises in half precision; what the next step is made of stays as it is."""
        said = self.step.prediction
        parts = (said.noise, said.conditional, said.unconditional)
        noise, conditional, unconditional = (None if part is None else part.half() for part in parts)
        assert noise is not None
        fewer = Prediction(said.clean, noise, conditional, unconditional)
        return _Kept(replace(self.step, prediction=fewer), self.pictures, is_halved=True)

    @property
    def size(self) -> int:
        tensors = [self.step.noisy, self.step.clean, self.step.noise]
        tensors += [t for t in (self.step.prediction.conditional, self.step.prediction.unconditional) if t is not None]
        shown = (self.pictures.noisy, self.pictures.clean, self.pictures.noise, self.pictures.conditional)
        arrays = [a for a in (*shown, self.pictures.unconditional, self.pictures.difference) if a is not None]
        return sum(t.numel() * t.element_size() for t in tensors) + sum(a.nbytes for a in arrays)


@torch.no_grad()
def run_scene(generator: Generator, scene: Scene, kept: Runs) -> Iterator[StepPictures]:
    """The steps of the run of a scene, in order, each as soon as it is made; those in ``kept`` come at once.

    The clean pictures of models with an autoencoder are previews; ``decode_steps`` makes them real, and the very last
    one is real here too.

    Raises:
        SceneError: the scene does not fit the model. ImageError: a picture in it is gone or damaged.
        DeviceError: the device has too little memory.
    """
    run = Run(generator, [scene])
    before: Step | None = None
    keys = run.keys(scene)
    reused = 0
    for index, key in enumerate(keys):
        found = kept.get(key)
        if found is None:
            break
        reused, before = index + 1, found.step
        yield replace(
            found.pictures,
            scene=scene,
            total=run.total,
            reused=index + 1,
            run_bytes=kept.size,
            budget_bytes=kept.budget,
        )
    noisy = run.begin() if before is None else before.result
    steps = run.steps(noisy, before, reused)
    while True:
        leave_a_core()
        started = time.perf_counter()
        step = next(steps, None)
        if step is None:
            return
        is_last = step.index == run.total - 1
        shown = step_pictures(run, scene, step, is_last, time.perf_counter() - started)
        kept.keep(keys[step.index], _Kept(step, shown))
        yield replace(shown, reused=reused, run_bytes=kept.size, budget_bytes=kept.budget)


def decode_steps(generator: Generator, scene: Scene, kept: Runs) -> Iterator[StepPictures]:
    """The steps of a run that has been made, from the last one, with real pictures of all predictions of x_0.

    For when the hand rests: of models with an autoencoder this takes as long as many steps.
    """
    run = Run(generator, [scene])
    for key in reversed(run.keys(scene)):
        found = kept.get(key)
        if found is None or found.pictures.is_complete:
            continue
        with torch.inference_mode():
            real = replace(decoded(run, found.step, found.pictures), scene=scene)
        kept.keep(key, replace(found, pictures=real))
        yield replace(real, run_bytes=kept.size, budget_bytes=kept.budget)


@torch.no_grad()
def run_many(generator: Generator, scenes: Sequence[Scene]) -> Tensor:
    """The finished pictures (n, c, h, w) of scenes that are all denoised alike. Raises as ``run_scene``."""
    run = Run(generator, scenes)
    return run.finish(run.begin())


@torch.no_grad()
def run_noise(generator: Generator, noise: Tensor, scenes: Sequence[Scene]) -> Tensor:
    """As ``run_many``, from given starting noise (n, *latent_shape)."""
    run = Run(generator, scenes)
    return run.finish(run.begin(noise))
