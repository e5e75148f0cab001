"""Models as lenses, each by what it can do: encode, know a posterior, use a codebook, tell likelihoods, denoise."""

from __future__ import annotations

import hashlib
import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from explorer.atlas.lens_parts import TEXTURE, norms, residual_maps, texture
from explorer.atlas.lenses import Lens, Seen
from explorer.encoding import laid_out
from explorer.errors import SceneError
from explorer.generators import (
    Denoises,
    Encodes,
    Generator,
    HasCodes,
    HasLikelihood,
    HasLikelihoodParts,
    HasPosterior,
    HasStyles,
    leave_a_core,
)

__all__ = ["EncodingLens", "ModelLens", "PosteriorLens", "model_lens", "weights_digest"]


@runtime_checkable
class DrawsCodes(Protocol):
    """A network that may have a learned prior between its points and its codes: codes are drawn without it."""

    def picture(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) of means (n, d) of q(z|x)."""

    def points(self, codes: Tensor) -> Tensor:
        """The latent points (n, d) of means."""


def model_lens(generator: Generator, digest: str = "") -> Lens:
    """The lens that a model is. ``digest`` tells models apart; without it, one is made of the weights.

    Raises:
        SceneError: the model can neither encode nor denoise, nor has styles that can be searched.
    """
    digest = digest or weights_digest(generator)
    if isinstance(generator, Denoises):
        from explorer.atlas.lens_noise import NoiseLens

        return NoiseLens(generator, digest)
    if isinstance(generator, HasPosterior):
        return PosteriorLens(generator, digest)
    if isinstance(generator, Encodes):
        from explorer.atlas.lens_codes import CodesLens
        from explorer.atlas.lens_flow import FlowLens

        if isinstance(generator, HasCodes):
            return CodesLens(generator, digest)
        if isinstance(generator, HasLikelihoodParts) and isinstance(generator, HasLikelihood):
            return FlowLens(generator, digest)
        return EncodingLens(generator, digest)
    if isinstance(generator, HasStyles):
        from explorer.atlas.lens_styles import StylesLens

        return StylesLens(generator, digest)
    raise SceneError(
        f"{generator.name} cannot look at pictures: it only makes them.",
        "Choose a model that encodes, or map the pictures by their pixels.",
    )


def weights_digest(generator: Generator) -> str:
    """The SHA-256 of the weights of a model, as 64 hexadecimal digits."""
    sha = hashlib.sha256(generator.family.encode())
    for name, value in sorted(generator.net.state_dict().items()):
        sha.update(name.encode())
        sha.update(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


class ModelLens:
    """What all models share as lenses; what they see is up to the kinds."""

    statistics: tuple[str, ...]
    reconstructs = True
    can_decode = True
    most: int | None = None
    together = 1 << 17  # pixels that a processor looks at in a fraction of a second

    def __init__(self, generator: Generator, digest: str) -> None:
        self.generator, self.digest = generator, digest
        self.name, self.device = generator.name, generator.device
        self.image_shape = generator.image_shape
        self.preparation = generator.preparation
        self.dimensions = math.prod(generator.latent_shape)
        pixels = math.prod(generator.image_shape[1:])
        self.at_once = max(1, self.together // pixels) if generator.device.type == "cpu" else None

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of codes (n, d)."""
        leave_a_core()
        return self.generator.decode(self.points(codes)).clamp(-1.0, 1.0)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Copies (n, c, h, w) in [-1, 1] of pictures."""
        return self.decode(self.encode(images))

    def points(self, codes: Tensor) -> Tensor:
        """The latent points (n, *latent_shape) at codes (n, d)."""
        return codes.float().to(self.generator.device).view(-1, *self.generator.latent_shape)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, d) of pictures."""
        generator = self.generator
        assert isinstance(generator, Encodes), "the model should be able to encode"
        leave_a_core()
        return generator.encode(laid_out(images.to(generator.device))).float().flatten(1)


class EncodingLens(ModelLens):
    """Any model that encodes: the code is its latent point, a copy is what it makes of that."""

    statistics = ("reconstruction", "hot", "reencoding", "norm", *TEXTURE)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        images = laid_out(images.to(self.generator.device))
        with texture(images) as wait:
            codes = self.encode(images)
            copies = self.decode(codes)
            residuals, found = residual_maps(images, copies)
            found |= {
                "reencoding": norms(self.encode(copies) - codes),
                "norm": norms(codes),
            }
            return Seen(codes.cpu().numpy(), {**found, **wait()}, residuals)


class PosteriorLens(ModelLens):
    """A VAE: the code is the mean of q(z|x), in the coordinates of the encoder.

    A learned prior makes one round cloud of what the encoder keeps apart, which is no map, hence not its points.
    """

    statistics = ("reconstruction", "hot", "reencoding", "norm", "spread", *TEXTURE)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        generator = self.generator
        assert isinstance(generator, HasPosterior), "the model should have a posterior"
        leave_a_core()
        images = laid_out(images.to(generator.device))
        with texture(images) as wait:
            mean, variance = generator.posterior(images)
            codes = self._codes(images, mean)
            copies = self.decode(codes)
            residuals, found = residual_maps(images, copies)
            again, _ = generator.posterior(laid_out(copies))
            found |= {"reencoding": norms(again - mean), "norm": norms(mean), "spread": norms(variance.sqrt())}
            return Seen(codes.cpu().numpy(), {**found, **wait()}, residuals)

    def encode(self, images: Tensor) -> Tensor:
        """Codes (n, d) of pictures."""
        generator = self.generator
        assert isinstance(generator, HasPosterior), "the model should have a posterior"
        leave_a_core()
        with torch.inference_mode():
            images = laid_out(images.to(generator.device))
            return self._codes(images, generator.posterior(images)[0])

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of codes (n, d)."""
        net = self.generator.net
        if not isinstance(net, DrawsCodes):
            return super().decode(codes)
        leave_a_core()
        return net.picture(codes.float().to(self.generator.device)).clamp(-1.0, 1.0)

    @torch.inference_mode()
    def points(self, codes: Tensor) -> Tensor:
        """The latent points (n, *latent_shape) at codes (n, d)."""
        net = self.generator.net
        return (
            net.points(codes.float().to(self.generator.device))
            if isinstance(net, DrawsCodes)
            else super().points(codes)
        )

    def _codes(self, images: Tensor, mean: Tensor) -> Tensor:
        """The codes of pictures, of whose posterior the mean is known."""
        generator = self.generator
        if isinstance(generator.net, DrawsCodes):
            return mean.float()
        if generator.remember("means are points", lambda: self._are_points(images, mean)):
            return mean.float()
        return super().encode(images)

    def _are_points(self, images: Tensor, mean: Tensor) -> bool:
        """Whether the latent points of pictures are the means themselves."""
        return torch.equal(super().encode(images), mean.float().flatten(1))
