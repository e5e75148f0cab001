"""What a generator may be able to do beyond decoding. Panels and commands ask for these, never for a family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor

from explorer.scene import Noise, Transform

if TYPE_CHECKING:
    from explorer.generators.resume import Resume

__all__ = [
    "CAPABILITIES",
    "Encodes",
    "HasLikelihood",
    "HasPosterior",
    "HasStyles",
    "Look",
    "StyleLayerInfo",
    "capabilities",
]


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


@dataclass(frozen=True, slots=True)
class StyleLayerInfo:
    """A layer that a style feeds: what it is called and the side of its features in pixels."""

    name: str
    resolution: int


@dataclass(frozen=True, slots=True)
class Look:
    """What besides the styles decides the picture of a style-based model."""

    noise: Noise = Noise()
    transform: Transform = Transform()


@runtime_checkable
class HasStyles(Protocol):
    """Makes pictures from styles w, one for every layer: the space W+, (layers, w)."""

    style_layers: tuple[StyleLayerInfo, ...]  # one for every row of the styles
    noise_layers: tuple[str, ...]  # the layers that add noise, in their order; empty where there is none
    has_transform: bool  # whether the picture can be moved and turned

    def styles(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Styles (n, layers, w), before truncation, of points z (n, *latent_shape) and class weights (n, classes)."""

    def average_style(self) -> Tensor:
        """The mean style (w,), on the CPU, that truncation pulls to."""

    def synthesise(self, styles: Tensor, look: Look, resume: Resume | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of styles (n, layers, w); ``resume`` saves what has not changed."""


CAPABILITIES = {"encodes": Encodes, "posterior": HasPosterior, "likelihood": HasLikelihood, "styles": HasStyles}


def capabilities(generator: object) -> tuple[str, ...]:
    """The names of what ``generator`` can do, ``decodes`` first; ``noise``, ``transform`` and ``classes`` too."""
    names = ["decodes", *(name for name, protocol in CAPABILITIES.items() if isinstance(generator, protocol))]
    if isinstance(generator, HasStyles):
        names += ["noise"] if generator.noise_layers else []
        names += ["transform"] if generator.has_transform else []
    return (*names, *(("classes",) if getattr(generator, "classes", 0) else ()))
