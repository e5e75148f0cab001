"""What the parts of an atlas hand to each other, and to the window: frozen values of numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from explorer.datasets import Dataset, Unreadable

__all__ = ["Bools", "Bytes", "Floats", "Ints", "Neighbours", "Scores", "Survey"]

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What a lens saw in a dataset: a row for every picture that could be read. The arrays may be maps of files.

    Attributes:
        lens: what the pictures were looked at through, in words, such as the name of a model.
        digest: changes with the lens: the SHA-256 of the model file, or a word.
        indices: (m,) which picture of ``dataset`` a row is about.
        codes: float32 (m, d), finite.
        statistics: by name, float32 (m,): see ``explorer.atlas.lenses`` for what each is.
        residuals: float16 (m, rows, columns): picture minus reconstruction, values in [0, 1], the mean of the channels
            and of the pixels of a cell; None where the lens reconstructs nothing.
        thumbnails: uint8 (m, h, w, c), c is 1 or 3.
        unreadable: the pictures without a row, and why.
    """

    dataset: Dataset
    lens: str
    digest: str
    indices: Ints
    codes: Floats
    statistics: Mapping[str, Floats]
    residuals: npt.NDArray[np.float16] | None
    thumbnails: Bytes
    unreadable: tuple[Unreadable, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    def labels(self) -> Ints | None:
        """(m,) an index into ``dataset.label_names`` for every row, where there are labels."""
        return None if self.dataset.labels is None else self.dataset.labels[self.indices]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The k nearest other rows of every row, the nearest first: ``indices`` int32 (m, k), ``distances`` float32 (m, k).

    Distances are Euclidean.
    """

    indices: npt.NDArray[np.int32]
    distances: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How odd every row is.

    Attributes:
        names: the scores that take part, (k,), such as "latent"; ``titles`` say them in words for a reason column.
        raw: float32 (m, k), higher is odder.
        p: float64 (m, k), each score's p-value against the reference.
        combined: float64 (m,), mean of cot(pi p / 2) (half-Cauchy); the ranking is by it.
        p_value: float64 (m,); q_value: float64 (m,), Benjamini and Hochberg 1995.
        reason: int64 (m,), which score is the oddest: an index into ``names``.
        reference: bool (m,): rows that others are compared with. All False where the reference is another dataset.
        fitted: bool (m,): rows that densities were fitted on: their own p-values are a little too large.
        reference_size: how many pictures p-values were counted against.
        is_calibrated: whether p-values mean a rate of false alarms. Without a reference they are ranks.
        told: in a sentence, what the reference is.
        off: scores that the self-test switched off, and why.
        tests: what the self-test found: (kind of damage, score name) -> (AUROC, true positive rate at 1 %).
    """

    names: tuple[str, ...]
    titles: tuple[str, ...]
    raw: Floats
    p: npt.NDArray[np.float64]
    combined: npt.NDArray[np.float64]
    p_value: npt.NDArray[np.float64]
    q_value: npt.NDArray[np.float64]
    reason: Ints
    reference: Bools
    fitted: Bools
    reference_size: int
    is_calibrated: bool
    told: str
    off: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    @property
    def least(self) -> float:
        """The smallest p-value there can be."""
        return 1 / (self.reference_size + 1)
