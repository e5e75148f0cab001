"""The family of diffusion models (Ho et al. 2020; Rombach et al. 2022): pictures out of noise, step by step.

One class for all of them, put together from parts: a network that predicts, an autoencoder or none, and what is known
of conditions (nothing, classes, or text).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, Self, cast
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.diffusion import (
    SAMPLERS,
    Level,
    Predict,
    Prediction,
    Schedule,
    denoise,
    guide,
    invert,
    log_likelihood,
)
from explorer.errors import SceneError
from explorer.formats import Checkpoint
from explorer.generators.base import Generator
from explorer.generators.capabilities import Embedding
from explorer.generators.diffusion.conditions import ClassReader, Reader
from explorer.generators.diffusion.loading import Assembly, assemble
from explorer.generators.diffusion.patterns import MOST_PATTERNS, measured, patterns
from explorer.generators.diffusion.preview import fit_preview
from explorer.latents import Directions, draw
from explorer.scene import Condition, Direction, Sampling

__all__ = ["ConsistencyGenerator", "DenoisingGenerator", "DiffusionGenerator", "PixelDiffusionGenerator"]

STEPS_PER_SEED: Final = 1 << 20  # that the fresh noise of a run can count
LARGE: Final = 50_000_000  # parameters; larger networks are too slow for what is only an estimate
INVERSION_STEPS: Final = 50
LIKELIHOOD_STEPS: Final = 24
LIKELIHOOD_PROBES: Final = 1
GREY_LEVEL: Final = 2 / 255  # in the [-1, 1] range
ROUNDS: Final = 2  # of correction for every step back to noise, where the network is small


class DenoisingGenerator(Generator):
    """What all of them have in common. The latent point is the starting noise."""

    net: nn.ModuleDict

    def __init__(self, config: Mapping[str, Any], made: Assembly, device: torch.device) -> None:
        super().__init__(config, made.net, device)
        self._network, self._autoencoder, self._extra = made.network, made.autoencoder, made.extra
        self.schedule: Schedule = made.plan.schedule
        self.samplers: tuple[str, ...] = made.plan.samplers
        self.suggested: Sampling = made.sampling
        self.latent_shape = made.latent_shape
        self.image_shape = made.image_shape
        self.classes = made.classes
        self.warnings = made.plan.warnings
        self._names = made.class_names
        self._reader: Reader = made.reader(device)
        self.can_guide: bool = self._reader.can_guide
        self.reads_text: bool = self._reader.reads_text
        self.has_autoencoder: bool = made.autoencoder.net is not None
        self.inversion_steps: int = min(INVERSION_STEPS, made.most_steps)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The model of a checkpoint.

        Raises:
            CheckpointError: a part is unknown or missing, or parts and weights do not fit each other.
            DeviceError: the device has too little memory.
        """
        return cls(checkpoint.config, assemble(checkpoint, device), device)

    def checkpoint(self) -> Checkpoint:
        """Configuration, weights, and the files of tokenizers as bytes."""
        weights = {
            name: value for name, value in self.net.state_dict().items() if not name.endswith(".embed_tokens.weight")
        }
        return Checkpoint({**self.config, "family": self.family}, {**weights, **self._extra})

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, or their numbers."""
        return self._names or super().class_names

    # --- conditions ---

    def embed(self, conditions: Sequence[Condition]) -> Embedding:
        """The conditions as the network reads them.

        Raises:
            SceneError: the model has no such class, or cannot read prompts because files are missing.
        """
        return self._joined("embed", conditions, self._reader.embed)

    def nothing(self, conditions: Sequence[Condition]) -> Embedding:
        """What guidance leads away from: no class, or the negative prompts."""
        return self._joined("nothing", conditions, self._reader.nothing)

    def _joined(self, what: str, conditions: Sequence[Condition], make: Callable[[Condition], Embedding]) -> Embedding:
        def made(condition: Condition) -> Embedding:
            with torch.inference_mode(False), torch.no_grad():  # usable wherever, as it is remembered
                return make(condition)

        known = [self.remember((what, condition), partial(made, condition)) for condition in conditions]
        return {name: torch.cat([each[name] for each in known]) for name in known[0]}

    # --- predictions and pictures ---

    def predict(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        """The clean x_0 and the noise in x_t (n, c, h, w), by one call of the network."""
        return self._network.predict(noisy, level, embedding)

    def to_images(self, latents: Tensor) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of clean latents."""
        return self._autoencoder.decode(latents)

    def from_images(self, images: Tensor) -> Tensor:
        """Clean latents of pictures in [-1, 1]."""
        return self._autoencoder.encode(images)

    def preview(self, latents: Tensor) -> Tensor:
        """Roughly the picture (n, c, h, w) of latents, by a linear map, at their resolution."""
        if not self.has_autoencoder:
            return latents
        weights = self.remember("preview", self._fit_preview).to(latents)  # (C, c + 1)
        return F.conv2d(latents, weights[:, :-1, None, None], weights[:, -1])

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures of starting noise (n, c, h, w), sampled as the checkpoint suggests.

        ``condition`` holds class weights (n, classes); without it class 0 is asked for, or the empty prompt.
        """
        if condition is not None and isinstance(self._reader, ClassReader):
            embedding = self._reader.of_weights(condition)
        else:
            embedding = self.embed([Condition()] * len(latents))
        return self.to_images(self._sample(latents, embedding, self.suggested))

    @torch.no_grad()
    def _sample(self, noise: Tensor, embedding: Embedding, sampling: Sampling) -> Tensor:
        """Clean latents of starting noise, without a scene."""
        scale = sampling.guidance if self.can_guide and sampling.guidance is not None else 1.0
        both = embedding
        if scale != 1.0:
            nothing = self.nothing([Condition()] * len(noise))
            both = {name: torch.cat([value, nothing[name]]) for name, value in embedding.items()}

        def predict(noisy: Tensor, level: Level) -> Prediction:
            if scale == 1.0:
                return self.predict(noisy, level, embedding)
            given = self.predict(torch.cat([noisy, noisy]), level, both)
            (clean, empty), (eps, other) = given.clean.chunk(2), given.noise.chunk(2)
            return guide(Prediction(clean, eps), Prediction(empty, other), noisy, level, scale)

        seeds = [crc32(each.cpu().numpy().tobytes()) for each in noise]  # each picture has fresh noise of its own

        def fresh(index: int) -> Tensor:
            draws = [draw(seed * STEPS_PER_SEED + index, self.latent_shape) for seed in seeds]
            return torch.stack(draws).to(noise)

        levels = self.schedule.levels(sampling.steps, sampling.spacing)
        noisy = noise * self.schedule.start_scale
        for step in denoise(predict, noisy, levels, sampling.sampler, fresh=fresh):
            noisy = step.result
        return noisy

    @torch.no_grad()
    def _fit_preview(self) -> Tensor:
        with torch.inference_mode(False):
            draws = None
            if self.parameters <= LARGE and not self.reads_text:
                sampler = next((name for name in self.samplers if not SAMPLERS[name].is_stochastic), self.samplers[0])
                embedding = self.embed([Condition(((k % max(self.classes, 1), 1.0),)) for k in range(4)])
                quick = Sampling(sampler, 6, guidance=1.0)
                draws = self._sample(draw(1, (4, *self.latent_shape)).to(self.device), embedding, quick)
            return fit_preview(self.to_images, self.latent_shape, draws, self.device)

    # --- directions ---

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """Waves across the starting noise, and single numbers of it where they are few."""
        count = 1
        for size in self.latent_shape:
            count *= size
        return ("pattern", "axis") if count <= MOST_PATTERNS else ("pattern",)

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (c, h, w) on the CPU, one standard deviation long.

        Raises:
            SceneError: the model has no such direction.
        """
        if direction.kind == "pattern":
            known = self.remember("patterns", lambda: patterns(self.latent_shape))
            if not 0 <= direction.index < len(known):
                raise SceneError(
                    f"{self.name} has {len(known)} directions, and none with the number {direction.index}."
                )
            return known[direction.index]
        return super().direction(direction)

    def _find_directions(self, kind: str) -> Directions:
        if kind == "pattern":
            vectors = self.remember("patterns", lambda: patterns(self.latent_shape))
        elif kind == "axis" and kind in self.direction_kinds:
            count = len(self.remember("patterns", lambda: patterns(self.latent_shape)))
            vectors = torch.eye(count).view(count, *self.latent_shape)
        else:
            raise SceneError(f"{self.name} has no directions of the kind '{kind}'.")
        if self.parameters > LARGE:  # what the spectrum of pictures suggests: their power falls with frequency
            return Directions(vectors, 1.0 / torch.arange(1, len(vectors) + 1, dtype=torch.float32).sqrt())
        return Directions(vectors, self._measure(vectors))

    def _measure(self, vectors: Tensor) -> Tensor:
        with torch.inference_mode(False):
            embedding = self.embed([Condition()])
            levels = self.schedule.levels(max(self.suggested.steps, 2), self.suggested.spacing)
            level = levels[(len(levels) - 1) // 2]
            return measured(self.predict, embedding, level, vectors, self.latent_shape, self.device)


class DiffusionGenerator(DenoisingGenerator):
    """A trained diffusion or flow matching model, which also leads from a picture back to noise."""

    family: ClassVar[str] = "diffusion"
    family_title: ClassVar[str] = "Diffusion"

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """As ``DenoisingGenerator.build``; a ``PixelDiffusionGenerator`` where there is no autoencoder."""
        made = assemble(checkpoint, device)
        kind = (
            PixelDiffusionGenerator
            if made.autoencoder.net is None and issubclass(PixelDiffusionGenerator, cls)
            else cls
        )
        return cast(Self, kind(checkpoint.config, made, device))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The starting noise of pictures (n, c, h, w) in [-1, 1]: the steps of DDIM backwards, led by no condition."""
        levels = self.schedule.levels(self.inversion_steps, self.suggested.spacing)[::-1]
        rounds = 0 if self.parameters > LARGE else ROUNDS
        noise = self.from_images(images)
        for step in invert(self._without_condition(len(images)), noise, levels, rounds):
            noise = step.result
        return noise / self.schedule.start_scale

    def latent_log_likelihood(self, images: Tensor) -> Tensor:
        """log p of the clean latents of pictures (n, c, h, w), in nats, (n,): a density, without a condition.

        An estimate by the probability flow (Song et al. 2021, eq. 39), with the same random probe for every picture.
        """
        probe = torch.Generator().manual_seed(0)
        latents = self.from_images(images)
        nats = log_likelihood(
            self._without_condition(len(images)), latents, self.schedule, LIKELIHOOD_STEPS, probe, LIKELIHOOD_PROBES
        )
        return nats.float()

    def _without_condition(self, count: int) -> Predict:
        conditions = [Condition()] * count
        embedding = self.nothing(conditions) if self.can_guide else self.embed(conditions)
        return lambda noisy, level: self.predict(noisy, level, embedding)


class PixelDiffusionGenerator(DiffusionGenerator):
    """A diffusion model of pictures themselves, which therefore knows how likely a picture is."""

    likelihood_kind = "ODE estimate"

    def log_likelihood(self, images: Tensor) -> Tensor:
        """log p(x) in nats, (n,), of 8-bit pictures: their density, times the width of a grey level in every value."""
        return self.latent_log_likelihood(images) + images[0].numel() * math.log(GREY_LEVEL)


class ConsistencyGenerator(DenoisingGenerator):
    """A trained consistency model (Song et al. 2023; Luo et al. 2023): it jumps to the picture; no way leads back."""

    family: ClassVar[str] = "consistency"
    family_title: ClassVar[str] = "Consistency"
