"""What is measured and how: frozen values of plain numbers, which the window and the exports share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "FEWEST_PICTURES",
    "Circumstances",
    "Comparison",
    "ModelMeasures",
    "Report",
    "Settings",
    "Spread",
    "no_report",
]

FEWEST_PICTURES: Final = 50
Report: TypeAlias = Callable[[int, int, str], object]  # done, total, note; raises to cancel


def no_report(done: int, total: int, note: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure. ``features`` is "network", "pixels", or empty for the network where it is installed."""

    samples: int = 1000  # pictures drawn of every model; never more than half of the dataset
    seed: int = 0
    batch: int = 50  # pictures at a time
    device: str = "auto"
    features: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over pictures, how sure it is (standard error), and over how many."""

    mean: float
    error: float
    count: int


@dataclass(frozen=True, slots=True)
class ModelMeasures:
    """What was measured of one model, or of real pictures (``is_real``). None is what the family does not have, or
    what was left out; ``warnings`` say why, and ``failure`` why nothing could be measured."""

    name: str
    family_title: str = ""
    image_shape: tuple[int, int, int] | None = None  # (c, h, w)
    parameters: int = 0
    drawn: str = ""  # how its samples were drawn, in words
    seconds_per_picture: float | None = None
    bits_per_dimension: Spread | None = None
    likelihood_kind: str = ""  # "exact", "lower bound" or "ODE estimate"
    reconstruction_error: float | None = None  # root mean square, in the [-1, 1] range
    frechet: float | None = None
    precision: float | None = None
    recall: float | None = None
    path_length: float | None = None
    feature_name: str = ""  # what pictures were compared by
    samples: int = 0  # pictures drawn
    seconds: float = 0.0  # that all of it took
    warnings: tuple[str, ...] = ()
    failure: str = ""
    is_real: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where numbers come from; without it they mean little."""

    machine: str
    device: str
    dataset: str
    pictures: int  # of the dataset, used as reference or held out
    samples: int
    seed: int
    features: str
    version: str
    hint: str = ""  # how to get better features

    def told(self) -> str:
        """All of it in one line."""
        return (
            f"Measured by Latent Explorer {self.version} on {self.machine}, device {self.device}; "
            f"{self.pictures:,} pictures of {self.dataset}; {self.samples:,} samples of seed {self.seed}; "
            f"compared by {self.features}."
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models side by side, real pictures last."""

    rows: tuple[ModelMeasures, ...]
    circumstances: Circumstances
