"""The one training loop: seeded, resumable, interruptible at any moment without losing work.

``train`` yields a ``Report`` after every few steps; the caller shows progress and may stop by closing the iterator,
upon which everything needed to go on is written. What is particular to a family is its ``Recipe``.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.errors import TrainingError
from explorer.imaging import write_png
from explorer.training.state import State, state_path

__all__ = ["Diverged", "Moment", "Recipe", "Report", "Settings", "descend", "images_to_tensor", "train"]

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says about a training run."""

    out: Path
    images: int  # how many pictures are seen in all
    batch: int = 64
    learning_rate: float = 1e-3
    seed: int = 0
    device: str = "cpu"
    precision: str = "auto"  # auto, float32 or bfloat16
    average: float = 0.999  # decay, per step, of the moving average of the weights that becomes the checkpoint
    save_seconds: float = 120.0
    half: bool = False  # store matrices of the finished checkpoint in 16 bits


@dataclass(frozen=True, slots=True)
class Report:
    """Where a run is: ``images`` of ``total`` seen, mean losses since the last report, held-out measures when new."""

    images: int
    total: int
    losses: dict[str, float]
    images_per_second: float
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float:
        return (self.total - self.images) / max(self.images_per_second, 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Where a run is when a step is taken, and what the step may draw from."""

    step: int
    done: float  # the finished fraction of the run
    rate: float  # the learning rate that was asked for
    generator: torch.Generator
    device: torch.device
    bfloat16: bool

    def autocast(self) -> torch.autocast:
        """Computing in bfloat16 where it helps."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


class Recipe(Protocol):
    """What a family adds to the loop."""

    net: nn.Module  # everything that is trained

    def averaged(self, net: nn.Module) -> nn.Module:
        """The part of ``net`` whose moving average becomes the checkpoint."""

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        """What takes the steps."""

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """Take one step on pictures (n, c, h, w), ``chosen`` from the dataset; gives scalars by name, among them
        ``loss``. Raises ``Diverged`` instead of taking a step that is not finite."""

    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """Numbers on pictures (n, h, w, c) the network was not trained on."""

    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Configuration and weights of the checkpoint."""

    def write(self, out: Path, config: dict[str, Any], weights: dict[str, Tensor], /) -> None:
        """Put what ``finish`` gave where ``out`` says, atomically."""

    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """A picture (H, W, c) to judge the run by."""


class Diverged(Exception):
    """A step that cannot be taken; the text says why, as the end of a sentence."""


def descend(loss: Tensor, optimizer: torch.optim.Optimizer, clip: float = math.inf) -> None:
    """One step of ``optimizer`` down ``loss``, gradients no longer than ``clip``; raises ``Diverged``."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, clip)
    if not math.isfinite(float(norm)):
        raise Diverged("its loss is not a number any more")
    optimizer.step()


def train(
    recipe: Recipe, images: Images, held_out: Images, settings: Settings, resume: bool
) -> Generator[Report, None, None]:
    """Train on pictures (n, h, w, c), reporting about once a second, and write ``settings.out``.

    The checkpoint is written every ``save_seconds`` and at the end; beside it, ``*.training.safetensors`` keeps what
    ``resume`` needs and ``*.samples.png`` shows how it looks. A resumed run takes the steps of one that never stopped.

    Raises:
        TrainingError: the training has diverged, or there is nothing fitting to resume.
    """
    device = torch.device(settings.device)
    net = recipe.net.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # its stub lacks it
    average = copy.deepcopy(recipe.averaged(net)).requires_grad_(False).eval()
    optimizers = recipe.optimizers(net, settings.learning_rate)
    generator = torch.Generator(device).manual_seed(settings.seed)
    state = State(net, average, optimizers, generator, settings.batch, settings.seed, len(images))
    step = state.read(settings.out) if resume else 0
    steps = math.ceil(settings.images / settings.batch)
    bfloat16 = _uses_bfloat16(settings.precision, device)
    measures: dict[str, float] = {}
    saved_at = reported_at = time.monotonic()
    saved_step, sums, count = step, dict[str, float](), 0
    try:
        while step < steps:
            chosen = _choose(len(images), settings, step)
            moment = Moment(step, step / steps, settings.learning_rate, generator, device, bfloat16)
            try:
                losses = recipe.update(net, optimizers, images_to_tensor(images[chosen], device), chosen, moment)
            except Diverged as error:
                saved_step = step  # what there is now is not worth keeping
                raise TrainingError(
                    f"The training of {settings.out.name} has diverged at {step * settings.batch:,} images: {error}.",
                    "The last checkpoint is kept. Try a smaller --learning-rate.",
                ) from error
            step += 1
            _follow(average, recipe.averaged(net), min(settings.average, (1 + step) / (10 + step)))
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            count += 1
            now = time.monotonic()
            fresh = now - saved_at > settings.save_seconds or step == steps
            if fresh:
                measures = _save(recipe, average, images, held_out, settings, step)
                state.write(settings.out, step)
                saved_at, saved_step = time.monotonic(), step
            if fresh or now - reported_at > 1.0:
                speed = count * settings.batch / max(now - reported_at, 1e-9)
                means = {name: value / count for name, value in sums.items()}
                yield Report(min(step * settings.batch, settings.images), settings.images, means, speed, measures)
                reported_at, sums, count, measures = time.monotonic(), {}, 0, {}
    finally:
        if step > saved_step and all(bool(torch.isfinite(p).all()) for p in net.parameters()):
            _save(recipe, average, images, held_out, settings, step)
            state.write(settings.out, step)
    if step == steps:
        state_path(settings.out).unlink(missing_ok=True)


def images_to_tensor(pixels: Images, device: torch.device | str = "cpu") -> Tensor:
    """uint8 (n, h, w, c) as float32 (n, c, h, w) in [-1, 1], channels last in memory."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
    return images.float().div_(127.5).sub_(1.0).contiguous(memory_format=torch.channels_last)


def _choose(count: int, settings: Settings, step: int) -> npt.NDArray[np.int64]:
    """The pictures of one step: every epoch is a fresh permutation that depends on seed and epoch only."""
    first = step * settings.batch
    wanted = np.arange(first, first + settings.batch)
    chosen = np.empty(settings.batch, np.int64)
    for epoch in np.unique(wanted // count):
        order = np.random.default_rng((settings.seed, int(epoch))).permutation(count)
        here = wanted // count == epoch
        chosen[here] = order[wanted[here] % count]
    return chosen


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    old, new = [p.data for p in average.parameters()], [p.data for p in net.parameters()]
    torch._foreach_lerp_(old, new, 1.0 - decay)  # the public loop over lerp_ is ten times slower for small networks


def _save(
    recipe: Recipe, average: nn.Module, images: Images, held_out: Images, settings: Settings, step: int
) -> dict[str, float]:
    measures = recipe.measure(average, held_out)
    config, weights = recipe.finish(average, images)
    seen = min(step * settings.batch, settings.images)
    config["training"] = {
        **config.get("training", {}),
        "images_seen": seen,
        "images": len(images),
        "held_out": measures,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
    }
    if settings.half:
        weights = {name: t.half() if t.ndim > 1 and t.is_floating_point() else t for name, t in weights.items()}
    recipe.write(settings.out, config, weights)
    write_png(settings.out.with_suffix(".samples.png"), recipe.samples(average, held_out))
    return measures


def _uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as asked, or where the device multiplies in it natively."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        native: bool = torch.cuda.is_bf16_supported()
    else:  # there is no public question for it
        native = device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return native
