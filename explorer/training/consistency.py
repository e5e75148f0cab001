"""Distilling a diffusion model into one that needs a few steps (latent consistency models)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.imaging import Preparation
from explorer.training.autoencoder import trapezoid
from explorer.training.diffusion import sample_grid, weights_of
from explorer.training.folders import library, write_folder
from explorer.training.gan_measures import compare
from explorer.training.loop import Images, Moment, descend
from explorer.training.processes import TRAIN_STEPS, VariancePreserving
from explorer.training.unets import Classes, Space, guided

__all__ = ["ConsistencyRecipe"]

ORIGINAL_STEPS: Final = 50  # a student's steps are some of so many
STRIDE: Final = TRAIN_STEPS // ORIGINAL_STEPS
JUMP: Final = 200  # times between two points that should agree: what is right near the picture must reach the noise
TEACHER_STEPS: Final = 2  # the teacher takes for one jump
SIGMA_DATA: Final = 0.5  # these two shape the boundary condition, as diffusers' scheduler has them
TIME_SCALE: Final = 10.0
HUBER: Final = 1e-3  # between absolute (0) and squared (large) differences (Song and Dhariwal 2024, eq. 8)
MEASURED: Final = 200


@dataclass
class ConsistencyRecipe:
    """d(f(x_t, t), f(x_s, s)), where the guided teacher leads from x_t to x_s (Luo et al. 2023, algorithm 1).

    ``teacher`` predicts v on the cosine schedule; ``student`` is what learns, a copy of the teacher if not given.
    ``latents`` are the pictures of the dataset in ``space``, or None where that is pictures themselves.
    """

    teacher: nn.Module
    space: Space
    latents: Tensor | None
    classes: Classes | None = None
    teacher_guidance: float = 2.0
    steps: int = 4  # when pictures are made
    about: dict[str, Any] = field(default_factory=dict)
    student: nn.Module | None = None

    def __post_init__(self) -> None:
        self.teacher.eval().requires_grad_(False)
        self.net: nn.Module = (self.student or copy.deepcopy(self.teacher)).requires_grad_(True)
        self.process = VariancePreserving.cosine()

    def averaged(self, net: nn.Module) -> nn.Module:
        return net

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        return (torch.optim.AdamW(net.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.0),)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step: what the student says of x_t comes closer to what it says of x_s."""
        for group in optimizers[0].param_groups:
            group["lr"] = moment.rate * trapezoid(moment.step, moment.done)
        clean = images if self.latents is None else self.latents[torch.from_numpy(chosen)].to(moment.device)
        told = None if self.classes is None else self.classes.of(chosen, moment.device)
        noise = torch.randn(clean.shape, generator=moment.generator, device=clean.device)
        drawn = torch.randint(ORIGINAL_STEPS, (len(clean),), generator=moment.generator, device=clean.device)
        here = (drawn + 1) * STRIDE - 1.0
        there = (here - JUMP).clamp(min=-1.0)  # -1: clean
        noisy = self.process.mixed(clean, noise, here)
        with moment.autocast():
            with torch.no_grad():
                less = self._led(noisy, here, there, told)
                target = self._consistent(net, less, there, told)
            made = self._consistent(net, noisy, here, told)
        loss = ((made - target).square() + HUBER**2).sqrt().mean() - HUBER
        descend(loss, optimizers[0], 1.0)
        return {"loss": loss}

    def _led(self, noisy: Tensor, here: Tensor, there: Tensor, classes: Tensor | None) -> Tensor:
        """Where the teacher leads from time ``here`` to ``there`` in a few deterministic steps."""
        time = here
        for step in range(TEACHER_STEPS):
            after = (here + (there - here) * (step + 1) / TEACHER_STEPS).floor()
            said = guided(self.teacher, noisy, time, classes, self.teacher_guidance)
            noisy = self.process.mixed(*self.process.split(said, noisy, time), after)
            time = after
        return noisy

    def _consistent(self, net: nn.Module, noisy: Tensor, time: Tensor, classes: Tensor | None) -> Tensor:
        """f(x, t) = c_skip x + c_out clean (Song et al. 2023, eq. 5), which is x where t is the least."""
        told = time.clamp(min=0)
        clean, _ = self.process.split(net(noisy, told, classes).sample, noisy, told)
        scaled = (told * TIME_SCALE).reshape(-1, 1, 1, 1)
        skip = SIGMA_DATA**2 / (scaled.square() + SIGMA_DATA**2)
        out = scaled / (scaled.square() + SIGMA_DATA**2).sqrt()
        return skip * noisy + out * clean

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """How samples compare with held-out pictures."""
        device = next(net.parameters()).device
        real = held_out[:MEASURED]
        told = self.classes.spread(len(real), device) if self.classes else None
        noise = torch.randn(len(real), *self.space.shape, generator=torch.Generator().manual_seed(2)).to(device)
        return compare(self._make(net, told, noise), real)

    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint; of the autoencoder the weights are copied."""
        config = {
            "family": "diffusion",
            "version": 1,
            "preparation": Preparation().to_json(),
            **({"classes": self.classes.count} if self.classes else {}),
            "sampling": {"sampler": "lcm", "steps": self.steps, "guidance": 1.0},
            **self.about,
            "training": {"teacher_guidance": self.teacher_guidance, **self.about.get("training", {})},
        }
        return config, weights_of(net, self.space)

    def write(self, out: Path, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """A folder that diffusers opens part by part."""
        scheduler = library().LCMScheduler.from_config(
            self.process.scheduler().config,
            original_inference_steps=ORIGINAL_STEPS,
            timestep_scaling=TIME_SCALE,
            timestep_spacing="leading",  # its steps are always spread over the original ones
        )
        parts: dict[str, Any] = {"unet": self.net, "scheduler": scheduler}
        if self.space.autoencoder is not None:
            parts["vae"] = self.space.autoencoder
        write_folder(out, config, parts, weights, "DiffusionPipeline")

    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Rows of ten samples, a class for every column where there are classes."""
        return sample_grid(net, self.space, self.classes, lambda told, noise: self._make(net, told, noise))

    @torch.no_grad()
    def _make(self, net: nn.Module, classes: Tensor | None, noise: Tensor) -> Images:
        """Pictures (n, H, W, C): every step says what is clean and drowns it again in fresh noise of the next level."""
        draws, parts = torch.Generator().manual_seed(3), []
        times = [float(TRAIN_STEPS - 1 - STRIDE * (i * ORIGINAL_STEPS // self.steps)) for i in range(self.steps)]
        for start in range(0, len(noise), 100):
            noisy = noise[start : start + 100]
            told = None if classes is None else classes[start : start + 100]
            for index, time in enumerate(times):
                clean = self._consistent(net, noisy, torch.full((len(noisy),), time, device=noise.device), told)
                if index + 1 < len(times):
                    fresh = torch.randn(noisy.shape, generator=draws).to(noise.device)
                    after = torch.full((len(noisy),), times[index + 1], device=noise.device)
                    noisy = self.process.mixed(clean, fresh, after)
            parts.append(clean)
        return self.space.decode(torch.cat(parts))
