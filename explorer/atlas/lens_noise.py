"""A denoiser as a lens: how long the noise is that it finds in a picture at ten levels (MSMA, Mahmood et al. 2021)."""

from __future__ import annotations

import math
from typing import Final, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.atlas.lens_models import ModelLens
from explorer.atlas.lens_parts import TEXTURE, norms, residual_maps, texture
from explorer.atlas.lenses import Seen
from explorer.atlas.values import Floats
from explorer.diffusion import Level, Prediction
from explorer.errors import SceneError
from explorer.generators import Denoises, Generator, leave_a_core
from explorer.latents import draw
from explorer.scene import Condition

__all__ = ["NoiseLens"]

LEVELS: Final = 10
LEAST, MOST = 0.02, 10.0  # sigma / alpha of the first and of the last
COPIED: Final = 6  # the level at which a copy is made: the noise is as strong as the picture
REPAIR: Final = (1.2, 0.6, 0.3, 0.12)  # sigma / alpha where codes are decoded, step by step
SEED: Final = 4_242  # of the noise, which is the same for all pictures
FINEST: Final = 32  # values along a side of a code


class NoiseLens(ModelLens):
    """Each of ten calls of the network adds a fixed noise and finds one. The copy is the clean picture predicted where
    noise and picture are about as strong.

    The code is what the model denoises: the code of its autoencoder, or else the pixels, at most 32 x 32 of them. What
    lies between two such codes is no picture, so decoding adds noise and takes it away in a few steps: what comes is a
    picture near to the code (Meng et al. 2022, algorithm 1).
    """

    together = 1 << 13

    def __init__(self, generator: Generator, digest: str) -> None:
        super().__init__(generator, digest)
        assert isinstance(generator, Denoises), "the model should denoise"
        self._denoiser: Denoises = generator
        self._noises = tuple(f"noise_{number:02d}" for number in range(LEVELS))
        self.statistics = ("reconstruction", "hot", *self._noises, *TEXTURE)
        channels, height, width = self._shape = cast(tuple[int, int, int], generator.latent_shape)
        self._grid = (min(height, FINEST), min(width, FINEST))
        self.dimensions = channels * math.prod(self._grid)
        self._levels = tuple(
            generator.schedule.level_of_sigma(LEAST * (MOST / LEAST) ** (number / (LEVELS - 1)))
            for number in range(LEVELS)
        )

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        leave_a_core()
        images = images.to(self.generator.device)
        with texture(images) as wait:
            clean = self._denoiser.from_images(images)
            found: dict[str, Floats] = {}
            copy = clean
            for number, level in enumerate(self._levels):
                prediction = self._predict(clean, number, level)
                found[self._noises[number]] = norms(prediction.noise)
                if number == COPIED:
                    copy = prediction.clean
            residuals, errors = residual_maps(images, self._denoiser.to_images(copy))
            return Seen(self._coded(clean).cpu().numpy(), {**found, **errors, **wait()}, residuals)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, d) of pictures."""
        leave_a_core()
        return self._coded(self._denoiser.from_images(images.to(self.generator.device)))

    @torch.inference_mode()
    def reconstruct(self, images: Tensor) -> Tensor:
        """The clean pictures (n, c, h, w) that are predicted under noise as strong as they are."""
        leave_a_core()
        clean = self._denoiser.from_images(images.to(self.generator.device))
        copy = self._predict(clean, COPIED, self._levels[COPIED]).clean
        return self._denoiser.to_images(copy).float().clamp(-1.0, 1.0)

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] near to codes (n, d)."""
        leave_a_core()
        clean = codes.float().to(self.generator.device).view(-1, self._shape[0], *self._grid)
        if self._grid != self._shape[1:]:
            clean = F.interpolate(clean, self._shape[1:], mode="bilinear")
        clean = self._repaired(clean)
        return self._denoiser.to_images(clean).float().clamp(-1.0, 1.0)

    def points(self, codes: Tensor) -> Tensor:
        """Codes are no latent points."""
        raise SceneError(f"{self.name} has no latent points for places on the map.", "Open the picture itself instead.")

    def _repaired(self, clean: Tensor) -> Tensor:
        """Clean latents (n, c, h, w) made likely, by the steps of DDIM from a little noise to none."""
        levels = [self._denoiser.schedule.level_of_sigma(ratio) for ratio in REPAIR]
        noise = self._noise(COPIED, clean)
        for level in levels:
            prediction = self._denoise(level.alpha * clean + level.sigma * noise, level)
            clean, noise = prediction.clean, prediction.noise
        return clean

    def _coded(self, clean: Tensor) -> Tensor:
        if clean.shape[2:] != self._grid:
            clean = F.adaptive_avg_pool2d(clean, self._grid)
        return clean.float().flatten(1)

    def _predict(self, clean: Tensor, number: int, level: Level) -> Prediction:
        """What the network finds in clean latents (n, c, h, w) with the noise of a level."""
        return self._denoise(level.alpha * clean + level.sigma * self._noise(number, clean), level)

    def _denoise(self, noisy: Tensor, level: Level) -> Prediction:
        denoiser, conditions = self._denoiser, [Condition()] * len(noisy)
        embedding = denoiser.nothing(conditions) if denoiser.can_guide else denoiser.embed(conditions)
        return denoiser.predict(noisy, level, embedding)

    def _noise(self, number: int, like: Tensor) -> Tensor:
        """The noise (c, h, w) of a level, the same for all pictures."""
        return self.generator.remember(("noise of a lens", number), lambda: draw(SEED + number, self._shape)).to(like)
