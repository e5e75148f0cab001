"""What is odd about pictures, in four numbers: scores made of what a lens saw, fitted on pictures taken for normal.

latent      - log density of the code, a mixture of normal distributions
statistics  - log joint density of all numbers a lens gives, with the distance to known codes and the local score:
              a density of the state (DoSE, Morningstar et al. 2021) that is joint, so that it has two sides
local       the hottest hundredth of an error map, measured by what is usual in every cell
hot         the mean of the largest hundredth of the squared errors, as they are
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from explorer.atlas.densities import BLOCK, Mixture, fit_mixture, mean_distance
from explorer.atlas.local_errors import LocalErrors, fit_local_errors
from explorer.atlas.values import Bools, Floats, Ints

__all__ = ["TITLES", "Looked", "Scorer", "fit_scorer"]

Report = Callable[..., object]

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "latent": "an unlikely kind of picture",
        "statistics": "unlikely texture, size or fit",
        "local": "a region unlike the same place elsewhere",
        "hot": "some pixels are far from the copy",
    }
)
# Taken as they are, for they have a logarithm in them or may be negative; of all others the logarithm is taken.
LINEAR: Final = ("log_likelihood", "log_prior", "log_determinant", "code_surprise")
LEFT_OUT: Final = ("hot", "width", "height", "brightness", "contrast", "sharpness")
OFFSETS: Final[Mapping[str, float]] = MappingProxyType({"laplacian": 1e-4})
TINY: Final = 1e-12
BEYOND: Final = 1e30  # the score of a picture whose score is no finite number: it is as odd as can be
# Which errors count by themselves, by a statistic that tells the kind of model. A copy by a flow lacks the finest
# details whatever the picture, and one by a denoiser is worst where a picture has most: both are in the joint density,
# but alone they find little and cost the combination a quarter of what it finds (measured on Fashion-MNIST).
ERRORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"log_prior": (), "noise_00": ("hot",)})
EVERY_ERROR: Final = ("local", "hot")
MOST_FITTED: Final = 10_000  # pictures that densities are fitted on
MOST_KNOWN: Final = 5_000  # codes that others are measured against
NEAREST: Final = 10
MOST_COORDINATES: Final = 64  # of a code; longer ones are projected on their principal components
PER_COMPONENT: Final = 250  # pictures
MOST_LATENT, MOST_STATISTICS = 20, 8  # components
RIDGE: Final = 1e-3
FEW: Final = 5_000  # pictures; below, the joint density of statistics is smoothed more
RIDGE_FEW: Final = 1e-2


class Looked(Protocol):
    """What a lens saw in n pictures: a ``Survey``, or ``Seen``."""

    @property
    def codes(self) -> Floats: ...
    @property
    def statistics(self) -> Mapping[str, Floats]: ...
    @property
    def residuals(self) -> npt.NDArray[np.float16] | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Codes:
    """Coordinates of codes in which lengths mean something: centred, projected where they are long, of scale 1."""

    mean: Floats
    basis: Floats | None  # (d, p)
    scale: float

    def __call__(self, codes: npt.NDArray[Any]) -> Floats:
        centred = np.asarray(codes, np.float32) - self.mean
        placed: Floats = centred if self.basis is None else (centred @ self.basis).astype(np.float32)
        return placed / np.float32(self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Gives every picture its scores; made by ``fit_scorer``.

    Attributes:
        names: of the scores, in order.
        fitted: rows of what it was fitted on.
    """

    names: tuple[str, ...]
    fitted: Ints
    coordinates: _Codes
    latent: Mixture
    bank: Floats
    bank_rows: Ints
    offset: float
    local: LocalErrors | None
    joint_names: tuple[str, ...]
    joint_mean: Floats
    joint_deviation: Floats
    joint: Mixture | None

    def raw(self, looked: Looked, report: Report | None = None, in_bank: Bools | None = None) -> Floats:
        """The scores of n pictures, float32 (n, k), higher is odder. ``in_bank`` says which of them are in the bank."""
        tell = report or _silent
        count = len(looked.codes)
        columns = {name: np.empty(count, np.float32) for name in self.names}
        for start in range(0, count, BLOCK):
            part = slice(start, min(start + BLOCK, count))
            with np.errstate(all="ignore"):  # what a model makes of very odd pictures may be beyond all numbers
                found = self._block(looked, part, None if in_bank is None else in_bank[part], tell)
            for name in self.names:
                columns[name][part] = np.nan_to_num(found[name], nan=BEYOND, posinf=BEYOND, neginf=-BEYOND)
            tell(part.stop, count, "scoring")
        return np.stack([columns[name] for name in self.names], axis=1)

    def _block(self, looked: Looked, part: slice, in_bank: Bools | None, tell: Report) -> dict[str, Floats]:
        def tell_place(done: float, total: float, note: str = "") -> None:
            tell(part.start, len(looked.codes), "scoring")

        codes = self.coordinates(looked.codes[part])
        found = {"latent": self.latent.oddness(codes)}
        if self.local is not None and looked.residuals is not None:
            found["local"] = self.local.top(looked.residuals[part])
        if "hot" in self.names:
            found["hot"] = np.asarray(looked.statistics["hot"][part], np.float32)
        if self.joint is not None:
            distances = np.log(mean_distance(self.bank, codes, NEAREST, in_bank, tell_place) + self.offset)
            table = _table(looked, part, distances, found.get("local"), self.joint_names)
            found["statistics"] = self.joint.oddness((table - self.joint_mean) / self.joint_deviation)
        return found


def fit_scorer(looked: Looked, rows: Ints, seed: int = 0, report: Report | None = None) -> Scorer:
    """Scores fitted on these rows of what was looked at, at most 10,000 of them.

    Raises:
        whatever ``report`` raises.
    """
    tell = report or _silent
    random = np.random.default_rng(seed)
    fitted = np.sort(random.choice(rows, MOST_FITTED, replace=False)) if len(rows) > MOST_FITTED else np.sort(rows)
    assert len(fitted) > 1, "there should be rows to fit"
    tell(0, 5, "fitting densities")
    raw_codes = np.asarray(looked.codes[fitted], np.float32)
    coordinates = _coordinates(raw_codes)
    codes = coordinates(raw_codes)
    latent = fit_mixture(codes, _components(len(codes), MOST_LATENT), seed, RIDGE, report)
    tell(2, 5, "fitting densities")
    chosen = np.sort(random.choice(len(fitted), min(MOST_KNOWN, len(fitted)), replace=False))
    bank, in_bank = codes[chosen], np.zeros(len(fitted), np.bool_)
    in_bank[chosen] = True
    distances = mean_distance(bank, codes, NEAREST, in_bank, report)
    offset = max(1e-3 * float(np.median(distances)), TINY)
    local, tops = None, None
    if looked.residuals is not None:
        residuals = looked.residuals[fitted]
        local = fit_local_errors(residuals)
        tops = local.top(residuals, report)
    tell(3, 5, "fitting densities")
    part = _Rows(looked, fitted)
    names = tuple(name for name in looked.statistics if name not in LEFT_OUT)
    names = (*names, "neighbours", *(("local",) if tops is not None else ()))
    table = _table(part, slice(None), np.log(distances + offset), tops, names)
    mean: Floats = np.asarray(table.mean(axis=0, dtype=np.float64), np.float32)
    deviation: Floats = np.asarray(table.std(axis=0, dtype=np.float64), np.float32)
    varies = deviation > 1e-5 * np.maximum(1.0, np.abs(mean))  # what is the same in all pictures says nothing
    names = tuple(name for name, keeps in zip(names, varies, strict=True) if keeps)
    table, mean, deviation = table[:, varies], mean[varies], deviation[varies]
    joint = None
    if len(names) > 1:
        ridge = RIDGE if len(fitted) >= FEW else RIDGE_FEW
        count = _components(len(fitted), MOST_STATISTICS)
        joint = fit_mixture((table - mean) / deviation, count, seed, ridge, report)
    counted = next((errors for name, errors in ERRORS.items() if name in names), EVERY_ERROR)
    possible = {"local": local is not None, "hot": "hot" in looked.statistics}
    scores = ("latent", *(["statistics"] if joint is not None else []), *(name for name in counted if possible[name]))
    tell(5, 5, "fitting densities")
    return Scorer(
        scores, fitted, coordinates, latent, bank, fitted[chosen], offset, local, names, mean, deviation, joint
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Some rows of what was looked at, only their numbers."""

    looked: Looked
    rows: Ints

    @property
    def codes(self) -> Floats:
        return self.looked.codes[self.rows]

    @property
    def statistics(self) -> Mapping[str, Floats]:
        return {name: values[self.rows] for name, values in self.looked.statistics.items()}

    @property
    def residuals(self) -> None:
        return None


def _components(count: int, most: int) -> int:
    """How many normal distributions so many pictures can carry."""
    return min(max(count // PER_COMPONENT, 1), most)


def _coordinates(codes: Floats) -> _Codes:
    mean = codes.mean(0, dtype=np.float64).astype(np.float32)
    basis = None
    if codes.shape[1] > MOST_COORDINATES:
        centred = (codes - mean).astype(np.float64)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        basis = np.ascontiguousarray(vectors[:, : -MOST_COORDINATES - 1 : -1], np.float32)
        codes = centred.astype(np.float32) @ basis
        scale = float(np.sqrt(np.square(codes).mean()))
    else:
        scale = float(np.sqrt(np.square(codes - mean).mean()))
    return _Codes(mean, basis, max(scale, TINY))


def _table(looked: Looked, part: slice, distances: Floats, tops: Floats | None, names: tuple[str, ...]) -> Floats:
    """What the joint density is of, (n, d): logarithms of most numbers, so that they are closer to normal."""
    columns = []
    for name in names:
        if name == "neighbours":
            columns.append(distances)
        elif name == "local":
            assert tops is not None, "there should be error maps"
            columns.append(np.log(tops + TINY))
        else:
            values = np.asarray(looked.statistics[name][part], np.float32)
            columns.append(values if name in LINEAR else np.log(values.clip(0.0) + OFFSETS.get(name, TINY)))
    return np.stack(columns, axis=1).astype(np.float32)


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
