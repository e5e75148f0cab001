"""What a generator may be able to do beyond decoding. Panels and commands ask for these, never for a family."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

__all__ = ["CAPABILITIES", "Encodes", "HasLikelihood", "HasPosterior", "capabilities"]


@runtime_checkable
class Encodes(Protocol):
    """Finds the latent point of a real picture."""

    def encode(self, images: Tensor) -> Tensor:
        """Latents (n, *latent_shape) of pictures (n, c, h, w) in [-1, 1]."""


@runtime_checkable
class HasPosterior(Protocol):
    """Knows a whole distribution of latent points for a picture."""

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of q(z|x), both (n, d), of pictures (n, c, h, w) in [-1, 1]."""

    def kl_per_dimension(self, images: Tensor) -> Tensor:
        """KL(q(z_i|x) || p(z_i)) in nats, (n, d): a dimension near 0 for all pictures is not used (collapsed)."""

    def usual_kl_per_dimension(self) -> Tensor | None:
        """The mean KL (d,) over the training data, where the checkpoint carries it."""


@runtime_checkable
class HasLikelihood(Protocol):
    """Can say how probable a picture is."""

    likelihood_kind: str  # "exact", "lower bound" or "ODE estimate"

    def log_likelihood(self, images: Tensor) -> Tensor:
        """log p(x) in nats, (n,), of 8-bit pictures (n, c, h, w) in [-1, 1]."""


CAPABILITIES = {"encodes": Encodes, "posterior": HasPosterior, "likelihood": HasLikelihood}


def capabilities(generator: object) -> tuple[str, ...]:
    """The names of what ``generator`` can do, ``decodes`` first."""
    return ("decodes", *(name for name, protocol in CAPABILITIES.items() if isinstance(generator, protocol)))
