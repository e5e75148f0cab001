"""Lenses: what a dataset is looked at through. A model that can find codes of pictures, a network, or pixels alone.

Every lens gives codes and statistics of the same names, so that nothing else asks which family a model is of:

    reconstruction  the sum of squared differences between a picture and its copy, values in [0, 1]
    hot             the mean of the largest hundredth of those
    reencoding      how far the code of the copy lies from the code
    norm            how far the code lies from the middle
    spread          the length of the standard deviations of q(z|x)
    bytes           size as a PNG of 8 bits, zlib level 6
    laplacian       mean squared Laplacian
    log_likelihood, log_prior, log_determinant      nats
    quantisation    mean squared distance to the nearest entries of the codebook
    code_surprise   - mean log share of the codes among those of the training pictures, nats
    noise_00 ...    the length of the noise that a denoiser finds in a picture with a little to much noise (MSMA)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor

from explorer.atlas.values import Floats
from explorer.imaging import Preparation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch

    from explorer.datasets import Dataset
    from explorer.generators import Generator

__all__ = ["Learns", "Lens", "Seen", "features_lens", "lens_for"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a lens sees in n pictures: codes (n, d), numbers by name (n,), error maps (n, rows, columns) if any."""

    codes: Floats
    statistics: Mapping[str, Floats]
    residuals: npt.NDArray[np.float16] | None


class Lens(Protocol):
    """A way to look at pictures; any thread may use it, and pictures do not influence each other.

    Attributes:
        name: what it is called.
        digest: changes with what it sees.
        image_shape: (c, h, w) of the pictures it looks at.
        preparation: how a picture is made to fit.
        statistics: the names of the numbers it gives, in order.
        dimensions: of a code.
        reconstructs: whether it makes copies of pictures, and therefore error maps.
        can_decode: whether it makes pictures of codes.
        most: how many pictures it can look at in reasonable time; None for any number.
        at_once: how many it should be given together so that it is soon done; None for any number.
        device: where it works; pictures may come from elsewhere.
    """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def image_shape(self) -> tuple[int, int, int]: ...
    @property
    def preparation(self) -> Preparation: ...
    @property
    def statistics(self) -> tuple[str, ...]: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def reconstructs(self) -> bool: ...
    @property
    def can_decode(self) -> bool: ...
    @property
    def most(self) -> int | None: ...
    @property
    def at_once(self) -> int | None: ...
    @property
    def device(self) -> torch.device: ...

    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Copies (n, c, h, w) in [-1, 1] of pictures; raises SceneError where ``reconstructs`` is not so."""

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of codes (n, d); raises SceneError where ``can_decode`` is not so."""

    def points(self, codes: Tensor) -> Tensor:
        """The latent points of the model at codes (n, d): (n, *latent_shape), or styles (n, layers, w). Raises
        SceneError where codes are no points: of pixels, of denoisers, whose points are noise, and of features."""


@runtime_checkable
class Learns(Protocol):
    """A lens that has to see pictures of a dataset before it can look; afterwards it stays as it is."""

    @property
    def is_ready(self) -> bool: ...

    def learn(self, dataset: Dataset, report: Callable[..., object] | None = None) -> None:
        """Learn from some hundred pictures, always the same of a dataset; raises DatasetError if none can be read."""

    def save(self, path: Path) -> None:
        """Write what was learned; raises ExportError."""

    def load(self, path: Path) -> bool:
        """Take over what was learned before; whether that was possible."""


def lens_for(generator: Generator | None, digest: str = "") -> Lens:
    """The lens that a model is, by what it can do; without one, principal components of the pixels.

    ``digest`` tells models apart; without it, one is made of the weights.

    Raises:
        SceneError: the model can neither encode nor denoise.
    """
    if generator is None:
        from explorer.atlas.lens_pixels import PixelLens

        return PixelLens()
    from explorer.atlas.lens_models import model_lens

    return model_lens(generator, digest)


def features_lens(device: str = "cpu") -> Lens:
    """Features of EfficientNet-Lite0, (n, 112), for a second opinion; raises SceneError where it is not installed."""
    from explorer.atlas.lens_features import FeaturesLens

    return FeaturesLens(device)
