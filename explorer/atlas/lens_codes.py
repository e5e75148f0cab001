"""A model with a codebook as a lens: how well pictures fit its codes, and how usual those codes are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from explorer.atlas.lens_models import EncodingLens
from explorer.atlas.lens_parts import TEXTURE, norms, numbers, residual_maps, texture
from explorer.atlas.lenses import Seen
from explorer.atlas.values import Floats
from explorer.encoding import laid_out
from explorer.generators import Generator, HasCodes, leave_a_core

__all__ = ["CodesLens"]

RAREST: Final = 1e-6  # share of a code that training pictures never use


@runtime_checkable
class Quantises(Protocol):
    """A network that tells what its embeddings were before they were rounded to codes."""

    def encode(self, images: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Embeddings (n, d, rows, columns) and codes (n, rows, columns), for every level."""

    def embeddings(self, codes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The entries of the codebook that codes stand for."""


@runtime_checkable
class Places(Protocol):
    """Knows the latent points of maps of codes."""

    def latents(self, codes: Sequence[Tensor]) -> Tensor:
        """Points (n, *latent_shape)."""


@runtime_checkable
class HasCodePrior(Protocol):
    """Learned which codes go together."""

    def code_log_likelihood(self, images: Tensor) -> Tensor | None:
        """log p(codes) in nats, (n,), of pictures; None where no prior was learned."""


class CodesLens(EncodingLens):
    """The code of a picture is its quantised embeddings, flat. How surprising they are is what the learned prior says,
    or where there is none how rare each is in the training pictures."""

    def __init__(self, generator: Generator, digest: str) -> None:
        super().__init__(generator, digest)
        self._tells = isinstance(generator.net, Quantises) and isinstance(generator, Places)
        knows = isinstance(generator, HasCodes) and (self._has_prior() or generator.code_usage() is not None)
        told = ("quantisation",) if self._tells else ()
        self.statistics = (*EncodingLens.statistics[:4], *told, *(("code_surprise",) if knows else ()), *TEXTURE)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        leave_a_core()
        images = laid_out(images.to(self.generator.device))
        with texture(images) as wait:
            codes, found = self._quantised(images)
            copies = self.decode(codes)
            residuals, errors = residual_maps(images, copies)
            again, _ = self._quantised(laid_out(copies))
            found |= {"reencoding": norms(again - codes), "norm": norms(codes), **errors}
            if "code_surprise" in self.statistics:
                found["code_surprise"] = self._surprise(images, codes)
            return Seen(codes.cpu().numpy(), {**found, **wait()}, residuals)

    def _quantised(self, images: Tensor) -> tuple[Tensor, dict[str, Floats]]:
        """Codes (n, d), and how far from the codebook the embeddings were where that can be told."""
        net, generator = self.generator.net, self.generator
        if not (self._tells and isinstance(net, Quantises) and isinstance(generator, Places)):
            return self.encode(images), {}
        before, maps = net.encode(images)
        after = net.embeddings(maps)
        missed = [(a - b).square().flatten(1).mean(1) for a, b in zip(before, after, strict=True)]
        codes = generator.latents(maps).float().flatten(1)
        return codes, {"quantisation": numbers(torch.stack(missed).mean(0))}

    def _surprise(self, images: Tensor, codes: Tensor) -> Floats:
        """Minus log p of the codes in nats, (n,)."""
        generator = self.generator
        if isinstance(generator, HasCodePrior) and self._has_prior():
            nats = generator.code_log_likelihood(images)
            assert nats is not None, "the model should have a prior"
            return numbers(-nats)
        assert isinstance(generator, HasCodes), "the model should have codes"
        maps = generator.codes(codes.view(-1, *generator.latent_shape))
        usage = generator.code_usage()
        assert usage is not None, "it should be known how often codes are used"
        rare = [
            -share.to(each.device).clamp(min=RAREST).log()[each].flatten(1).sum(1)
            for share, each in zip(usage, maps, strict=True)
        ]
        return numbers(torch.stack(rare).sum(0))

    def _has_prior(self) -> bool:
        return isinstance(self.generator, HasCodePrior) and getattr(self.generator.net, "prior", None) is not None
