"""A normalizing flow as a lens: the terms of its exact likelihood are statistics (DoSE, Morningstar et al. 2021)."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from explorer.atlas.lens_models import ModelLens
from explorer.atlas.lens_parts import TEXTURE, norms, numbers, residual_maps, texture
from explorer.atlas.lenses import Seen
from explorer.atlas.values import Floats
from explorer.encoding import laid_out
from explorer.generators import Generator, HasLevels, HasLikelihoodParts

__all__ = ["FlowLens"]

DETERMINANT: Final = "log-determinant"  # of the parts of a likelihood, the change of volume
PRIOR: Final = "log p(z)"  # and how those begin that are densities of latents


class FlowLens(ModelLens):
    """The code is the latent point, from which the picture follows exactly, so a copy is made of its coarser levels
    alone: it has what the model expects of the finest details, given the rest.
    """

    def __init__(self, generator: Generator, digest: str) -> None:
        super().__init__(generator, digest)
        self.reconstructs = isinstance(generator, HasLevels) and len(generator.levels) > 1
        copied = ("reconstruction", "hot") if self.reconstructs else ()
        self.statistics = (*copied, "norm", "log_likelihood", "log_prior", "log_determinant", *TEXTURE)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        images = laid_out(images.to(self.generator.device))
        with texture(images) as wait:
            codes, residuals = self.encode(images), None
            found: dict[str, Floats] = {"norm": norms(codes), **self._terms(images)}
            if self.reconstructs:
                residuals, errors = residual_maps(images, self.decode(self._coarse(codes)))
                found |= errors
            return Seen(codes.cpu().numpy(), {**found, **wait()}, residuals)

    @torch.inference_mode()
    def reconstruct(self, images: Tensor) -> Tensor:
        """What the model expects of pictures that are known but for their finest details, (n, c, h, w)."""
        return self.decode(self._coarse(self.encode(images)))

    def _coarse(self, codes: Tensor) -> Tensor:
        """Codes whose finest level is at its mean given the others, which is 0."""
        generator = self.generator
        codes = codes.clone()
        if isinstance(generator, HasLevels):
            codes[:, generator.levels[-1].first : generator.levels[-1].end] = 0.0
        return codes

    def _terms(self, images: Tensor) -> dict[str, Floats]:
        """log p(x), log p(z) and the log-determinant, in nats."""
        generator = self.generator
        assert isinstance(generator, HasLikelihoodParts), "the model should know what its likelihood is made of"
        parts = generator.likelihood_parts(images)
        nothing = torch.zeros(len(images), device=images.device)
        prior = sum((value for name, value in parts.items() if name.startswith(PRIOR)), nothing)
        return {
            "log_likelihood": numbers(torch.stack(list(parts.values())).sum(0)),
            "log_prior": numbers(prior),
            "log_determinant": numbers(parts.get(DETERMINANT, nothing)),
        }
