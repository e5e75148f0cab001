"""A style-based model as a lens: the style of every picture is searched for, which takes seconds each."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import torch
from torch import Tensor

from explorer.atlas.lens_models import ModelLens
from explorer.atlas.lens_parts import TEXTURE, norms, residual_maps, texture
from explorer.atlas.lenses import Seen
from explorer.generators import Generator, HasStyles, Look, leave_a_core
from explorer.inversion import invert
from explorer.latents import draw
from explorer.points import to_images, to_uint8

__all__ = ["StylesLens"]

STEPS: Final = 60  # of the search in W for every picture
LARGEST_SET: Final = 500  # pictures
DRAWS, SEED = 2_000, 20_202  # of W, for its covariance
AT_ONCE: Final = 250
FLOOR: Final = 0.01  # of the mean variance of W, so that no direction is infinitely unlikely


class StylesLens(ModelLens):
    """The code is the style w nearest to a picture, one for all layers; a copy is what the model makes of it.

    The norm is the distance from the mean style in standard deviations of W (Mahalanobis). Where the search ends
    depends on where it starts: this is the weakest of the lenses.
    """

    most = LARGEST_SET
    together = 1
    statistics = ("reconstruction", "hot", "norm", *TEXTURE)

    def __init__(self, generator: Generator, digest: str) -> None:
        super().__init__(generator, digest)
        self._mean, self._whiten = generator.remember("spread of w", self._measure)
        self.dimensions = len(self._mean)

    @torch.no_grad()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        with texture(images) as wait:
            codes, copies = self._searched(images)
            residuals, found = residual_maps(images.cpu(), copies)
            return Seen(
                codes.numpy(), {**found, "norm": norms((codes - self._mean) @ self._whiten), **wait()}, residuals
            )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Styles (n, w) found for pictures."""
        return self._searched(images)[0]

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """What the model makes of the styles found for pictures, (n, c, h, w) in [-1, 1]."""
        return self._searched(images)[1]

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of styles (n, w)."""
        generator = self.generator
        assert isinstance(generator, HasStyles), "the model should have styles"
        leave_a_core()
        return generator.synthesise(self.points(codes).to(generator.device), Look()).float().clamp(-1.0, 1.0)

    def points(self, codes: Tensor) -> Tensor:
        """The styles (n, layers, w) at codes (n, w): the same for all layers."""
        generator = self.generator
        assert isinstance(generator, HasStyles), "the model should have styles"
        return codes.float()[:, None].repeat(1, len(generator.style_layers), 1)

    def _searched(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Styles (n, w) and copies (n, c, h, w), on the CPU."""
        styles, copies = [], []
        for pixels in to_uint8(images):
            found = deque(invert(self.generator, pixels, "w", STEPS), maxlen=1).pop()
            styles.append(found.styles[0])
            copies.append(found.picture.pixels)
        return torch.from_numpy(np.stack(styles)).float(), to_images(np.stack(copies), torch.device("cpu"))

    @torch.no_grad()
    def _measure(self) -> tuple[Tensor, Tensor]:
        """The mean style (w,), and the matrix (w, w) that gives W unit variance, on the CPU."""
        generator = self.generator
        assert isinstance(generator, HasStyles), "the model should have styles"
        leave_a_core()
        latents, classes = draw(SEED, (DRAWS, *generator.latent_shape)), generator.classes
        weights = torch.eye(classes).repeat(-(-DRAWS // max(classes, 1)), 1)[:DRAWS] if classes else None
        parts = []
        for start in range(0, DRAWS, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            given = None if weights is None else weights[part].to(generator.device)
            parts.append(generator.styles(latents[part].to(generator.device), given)[:, 0].double().cpu())
        draws = torch.cat(parts)
        values, vectors = torch.linalg.eigh(torch.cov(draws.T))
        whiten = vectors / (values.clamp(min=0) + FLOOR * values.mean().clamp(min=1e-12)).sqrt()
        return draws.mean(0).float(), whiten.float()
