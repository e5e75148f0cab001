"""What a generator may be able to do beyond decoding. Panels and commands ask for these, never for a family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from torch import Tensor

from explorer.scene import Condition, Noise, Sampling, Transform

if TYPE_CHECKING:
    from explorer.diffusion import Level, Prediction, Schedule
    from explorer.generators.resume import Resume

__all__ = [
    "CAPABILITIES",
    "CodeLevel",
    "DecodesTruncated",
    "Denoises",
    "Embedding",
    "Encodes",
    "HasCodes",
    "HasLevels",
    "HasLikelihood",
    "HasLikelihoodParts",
    "HasPosterior",
    "HasStyles",
    "LatentLevel",
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
class DecodesTruncated(Protocol):
    """Has to know how far its latent points were pulled to the mean, beside the points themselves."""

    def decode_truncated(self, latents: Tensor, condition: Tensor | None, truncations: Sequence[float]) -> Tensor:
        """As ``Generator.decode``, of points that were multiplied by ``truncations``, one for every picture."""


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


@runtime_checkable
class HasLikelihoodParts(Protocol):
    """Can say what the likelihood of a picture is made of, and what pictures like those it learned usually have."""

    def likelihood_parts(self, images: Tensor) -> dict[str, Tensor]:
        """Terms in nats, (n,) each, under names in words; they add up to ``HasLikelihood.log_likelihood``."""

    def usual_likelihood(self) -> Tensor | None:
        """The quantiles (101,), from 0 to 100 %, of log p in nats over held-out pictures, where they are known."""


@dataclass(frozen=True, slots=True)
class LatentLevel:
    """A part of a flat latent point that decides details of one size: what it is called, which values it takes up,
    and the side of its features in pixels."""

    name: str
    first: int
    end: int  # one after its last value
    resolution: int


@runtime_checkable
class HasLevels(Protocol):
    """Has a latent point (d,) of levels, coarse first, each standard normal whatever the others are."""

    levels: tuple[LatentLevel, ...]


@dataclass(frozen=True, slots=True)
class CodeLevel:
    """A map of codes: what it is called, its size, and how many codes there are to choose from."""

    name: str
    rows: int
    columns: int
    codes: int


@runtime_checkable
class HasCodes(Protocol):
    """Makes pictures of maps of whole numbers, each of them an entry of a codebook (van den Oord et al. 2017)."""

    code_levels: tuple[CodeLevel, ...]  # coarse first

    def codes(self, latents: Tensor) -> tuple[Tensor, ...]:
        """The nearest codes of latents, int64 (n, rows, columns) for every level."""

    def decode_codes(self, codes: Sequence[Tensor]) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of code maps."""

    def code_usage(self) -> tuple[Tensor, ...] | None:
        """The share of each code (codes,) in the training data, for every level, where it is known."""


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


Embedding: TypeAlias = dict[str, Tensor]  # what a condition is to a network: tensors whose first dimension is n


@runtime_checkable
class Denoises(Protocol):
    """Gets from noise to a picture in steps: the starting noise, standard normal, is its latent point."""

    schedule: Schedule
    latent_shape: tuple[int, ...]  # (c, h, w) of x_t
    suggested: Sampling  # what the checkpoint is best sampled with: sampler, steps and guidance are known
    samplers: tuple[str, ...]  # the names of those in ``explorer.diffusion.SAMPLERS`` that fit
    can_guide: bool  # knows a prediction without the condition, or away from a negative one
    reads_text: bool
    inversion_steps: int  # from a picture to its noise, and back
    has_autoencoder: bool  # x_t is not a picture but its code

    def embed(self, conditions: Sequence[Condition]) -> Embedding:
        """The conditions as the network reads them."""

    def nothing(self, conditions: Sequence[Condition]) -> Embedding:
        """What guidance leads away from: no class, or the negative prompts."""

    def predict(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        """The clean x_0 and the noise in x_t (n, c, h, w), by one call of the network."""

    def to_images(self, latents: Tensor) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], of clean latents."""

    def from_images(self, images: Tensor) -> Tensor:
        """Clean latents of pictures in [-1, 1]; raises SceneError where nothing can encode."""

    def preview(self, latents: Tensor) -> Tensor:
        """Roughly the picture (n, c, h, w) of latents, by a linear map, at their resolution."""


CAPABILITIES = {
    "encodes": Encodes,
    "posterior": HasPosterior,
    "likelihood": HasLikelihood,
    "likelihood_parts": HasLikelihoodParts,
    "levels": HasLevels,
    "codes": HasCodes,
    "styles": HasStyles,
    "denoises": Denoises,
}


def capabilities(generator: object) -> tuple[str, ...]:
    """The names of what ``generator`` can do, ``decodes`` first; ``noise``, ``transform`` and ``classes`` too."""
    names = ["decodes", *(name for name, protocol in CAPABILITIES.items() if isinstance(generator, protocol))]
    if isinstance(generator, HasStyles):
        names += ["noise"] if generator.noise_layers else []
        names += ["transform"] if generator.has_transform else []
    return (*names, *(("classes",) if getattr(generator, "classes", 0) else ()))
