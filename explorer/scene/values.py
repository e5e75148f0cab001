"""The parts of a scene: small frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "ALL_LAYERS",
    "MIXINGS",
    "AnyDirection",
    "Codes",
    "Condition",
    "Denoising",
    "Direction",
    "Examples",
    "ImageFile",
    "Latent",
    "Noise",
    "Sampling",
    "Scene",
    "Seed",
    "Source",
    "Start",
    "StoredPoint",
    "StyleRow",
    "Styles",
    "Transform",
    "Turn",
]

ALL_LAYERS: Final = 1 << 16  # an end of a range that no model reaches
MIXINGS: Final = ("", "lerp", "slerp")  # how the sources of a point are blended


@dataclass(frozen=True, slots=True, order=True)
class Seed:
    """A draw from the model's prior, by its number (0 to 2^63 - 1)."""

    number: int


@dataclass(frozen=True, slots=True, order=True)
class ImageFile:
    """A real picture, encoded by the model. ``digest`` is the SHA-256 of the file: the picture that was meant."""

    path: str
    digest: str = ""


@dataclass(frozen=True, slots=True, order=True)
class StoredPoint:
    """A point kept in a file: styles (layers, w) of a style-based model. See ``ImageFile``. ``picture`` is the path of
    the real picture that it was found for, where it was."""

    path: str
    digest: str = ""
    picture: str = ""


Source: TypeAlias = Seed | ImageFile | StoredPoint


@dataclass(frozen=True, slots=True, order=True)
class Direction:
    """A named direction of a model's latent space.

    ``axis`` is one coordinate; ``decoder`` a principal direction of what the decoder does (0 changes the picture most);
    ``data`` a principal direction of the aggregate posterior (0 has the largest variance). Of the style space W:
    ``ganspace`` is a principal direction of its distribution (Harkonen et al. 2020), ``sefa`` one that the layers
    respond to most (Shen and Zhou 2021). ``pattern`` is a wave across the starting noise of a diffusion model, the
    slowest first. Only the layers from ``first`` up to, not including, ``end`` are moved.
    """

    kind: str
    index: int
    first: int = 0
    end: int = ALL_LAYERS


@dataclass(frozen=True, slots=True)
class Examples:
    """A direction given by points that have something and points that do not, under a name of the person's own.

    ``method`` is "probe" for what tells the points apart (a linear probe), or "mean" for the way between their means.
    """

    name: str
    having: tuple[Latent, ...]
    lacking: tuple[Latent, ...]
    first: int = 0
    end: int = ALL_LAYERS
    method: str = "probe"


AnyDirection: TypeAlias = Direction | Examples


@dataclass(frozen=True, slots=True)
class Latent:
    """A point of latent space, written so that it stays small.

    The sources are blended with their weights (see ``explorer.latents.blend``), the blend is pulled towards the mean
    of the prior by ``truncation`` (psi: 1 leaves it, 0 is the mean), then every move adds its amount, in standard
    deviations, along its direction. Style-based models are pulled in W, and only in the layers below ``cutoff``.
    For flows the truncation is the temperature; ``temperatures`` multiply it in single levels, (level, factor) pairs.
    ``classes`` are class weights that this point keeps in any scene, as an example does; without any, those of the
    scene hold. ``mixing`` is how sources are blended: "lerp" straight, "slerp" along the arc, or "" as the latent
    distribution calls for. The weight of a source may be below zero, as long as all of them together are not: a curve
    through other points passes beyond them.
    """

    sources: tuple[tuple[Source, float], ...] = ((Seed(0), 1.0),)
    moves: tuple[tuple[AnyDirection, float], ...] = ()
    truncation: float = 1.0
    cutoff: int = ALL_LAYERS
    classes: tuple[tuple[int, float], ...] = ()
    temperatures: tuple[tuple[int, float], ...] = ()
    mixing: str = ""

    def amount(self, direction: AnyDirection) -> float:
        """How far this point is moved along ``direction``, in standard deviations."""
        return next((amount for known, amount in self.moves if known == direction), 0.0)


@dataclass(frozen=True, slots=True)
class StyleRow:
    """Another point, and how much of each layer's style comes from it: (layer, weight up to 1) pairs, sorted.

    Models whose latent point has levels, such as flows, take levels for layers.
    """

    latent: Latent
    weights: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Styles:
    """Which points feed the layers of a model beside the scene's own, which has what they leave."""

    rows: tuple[StyleRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """How much of each class is asked of a model that knows classes: (class, weight) pairs, sorted.

    Weights are given to the model as they are; 1 for one class is the usual. Without any, class 0 is asked for.
    ``prompts`` are texts with their weights, for models that read text; ``negative`` is what guidance leads away from.
    """

    classes: tuple[tuple[int, float], ...] = ()
    prompts: tuple[tuple[str, float], ...] = ()
    negative: str = ""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise that the layers of a style-based model add: the model's own, one of another seed, or none.

    ``strength`` multiplies that of the model, and ``layers`` again those of single layers: (layer, factor) pairs.
    """

    mode: str = "const"
    seed: int = 0
    strength: float = 1.0
    layers: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Transform:
    """Where a StyleGAN3 puts its picture: moved by ``x`` and ``y`` picture widths, turned by ``degrees``."""

    x: float = 0.0
    y: float = 0.0
    degrees: float = 0.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a diffusion model gets from noise to a picture. What is left at 0, empty or None is up to the checkpoint.

    ``guidance`` is the guidance scale s = 1 + w (Ho and Salimans 2022): 1 follows the condition alone. ``curve`` puts
    other scales at fractions of the run, (fraction from 0 to 1, scale), straight in between. Guidance acts only in
    the part of the run inside ``interval`` (Kynkaanniemi et al. 2024). ``rescale`` takes back that share of the
    contrast that guidance adds (phi, Lin et al. 2023). ``eta`` is the share of fresh noise (Song et al. 2021, eq. 16)
    and ``seed`` draws it. ``spacing`` "karras" places the noise levels as Karras et al. 2022, eq. 5.
    """

    sampler: str = ""
    steps: int = 0
    eta: float = 0.0
    guidance: float | None = None
    curve: tuple[tuple[float, float], ...] = ()
    interval: tuple[float, float] = (0.0, 1.0)
    rescale: float = 0.0
    seed: int = 0
    spacing: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """A real picture that a run starts from, and how much of its way to noise it goes first: 1 leaves nothing of it.

    Where ``mask`` is white the picture is made anew, elsewhere it is kept; without a mask all of it is.
    """

    picture: ImageFile | None = None
    strength: float = 1.0
    mask: ImageFile | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What is different from one step of a run on, counted from 0: a branch of the run without it.

    ``paint`` is a picture with transparency that is laid over the predicted picture of that step. The number of steps
    is that of the whole run.
    """

    step: int
    sampling: Sampling | None = None
    condition: Condition | None = None
    paint: ImageFile | None = None


@dataclass(frozen=True, slots=True)
class Denoising:
    """How a diffusion model is run: from what, how, and where it is led elsewhere on the way."""

    sampling: Sampling = Sampling()
    start: Start = Start()
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Codes:
    """What is painted over the code maps of a model with a codebook: (level, row, column, code), sorted."""

    cells: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides what a picture looks like."""

    latent: Latent = Latent()
    styles: Styles = Styles()
    condition: Condition = Condition()
    noise: Noise = Noise()
    transform: Transform = Transform()
    denoising: Denoising = Denoising()
    codes: Codes = Codes()
