"""Which pictures others are compared with: chosen by a person, or all but the oddest where nothing is known.

Pictures of a reference are split: densities are fitted on some, and p-values counted against the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from explorer.atlas.values import Bools, Ints, Survey
from explorer.errors import DatasetError

__all__ = ["FEWEST", "Reference", "split", "trimmed"]

FITTED_SHARE: Final = 0.5  # of a reference that densities are fitted on
MOST_FITTED: Final = 10_000  # and how many at most; p-values gain by more, densities hardly do
TRIMMED_SHARE: Final = 0.05  # of all pictures that are left out of a second fit
FEWEST: Final = 10  # pictures of a reference


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Which pictures are normal.

    Attributes:
        kind: "none": nothing is known; "rows": some rows of the survey; "survey": the pictures of another survey.
        rows: bool (m,), for "rows".
        survey: for "survey".
        told: what they are, in words that go on after "compared with".
    """

    kind: str = "none"
    rows: Bools | None = None
    survey: Survey | None = None
    told: str = ""


def split(rows: Ints, seed: int) -> tuple[Ints, Ints]:
    """Rows to fit on and rows to count against, both in ascending order, always the same for the same rows and seed.

    Raises:
        DatasetError: there are fewer than ten.
    """
    if len(rows) < FEWEST:
        raise DatasetError(
            f"The reference has {len(rows)} pictures that can be read, too few to say what is normal.",
            f"It needs at least {FEWEST}; some hundreds make it useful.",
        )
    mixed = np.random.default_rng(seed).permutation(rows)
    count = min(round(len(rows) * FITTED_SHARE), MOST_FITTED)
    return np.sort(mixed[:count]), np.sort(mixed[count:])


def trimmed(oddness: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Ints:
    """The rows that are left when the oddest twentieth is taken away."""
    keep = len(oddness) - round(len(oddness) * TRIMMED_SHARE)
    return np.sort(np.argsort(oddness, kind="stable")[:keep])
