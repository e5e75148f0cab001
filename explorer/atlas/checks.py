"""What to look at in a dataset beside its anomalies: copies, plain defects, labels that neighbours contradict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from explorer.atlas.duplicates import Duplicates, duplicates
from explorer.atlas.mislabels import mislabelled
from explorer.atlas.quality import flags

if TYPE_CHECKING:
    from explorer.atlas.values import Bools, Floats, Neighbours, Survey

__all__ = ["Check", "Checked", "check"]

CONTRADICTED: Final = 0.5  # by so much more neighbours have another label than the own one
MEANINGS: Final = {
    "blank": "Hardly any contrast.",
    "dark": "Much darker than the others.",
    "light": "Much lighter than the others.",
    "blurred": "Much less sharp than the others.",
    "odd_size": "A size that few others have.",
    "odd_aspect": "Much wider or higher than the others.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """A reason to look at pictures, in words, and the rows (n,) that have it, those most worth a look first."""

    key: str
    title: str
    meaning: str
    rows: Any


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """All reasons with at least one row, and what they were made of."""

    checks: tuple[Check, ...]
    duplicates: Duplicates
    mislabelled: Floats | None


def check(survey: Survey, neighbours: Neighbours, report: Callable[..., object]) -> Checked:
    """Look for copies, plain defects and labels that neighbours contradict."""
    found: list[Check] = []
    copies = duplicates(survey, neighbours, report=report)
    for is_exact, title, meaning in (
        (True, "exact copies", "Equal pixel for pixel."),
        (False, "near copies", f"Nearly the same to the model. {copies.told}"),
    ):
        groups = [group for group, exact in zip(copies.groups, copies.is_exact, strict=True) if bool(exact) is is_exact]
        if groups:
            found.append(Check("exact" if is_exact else "near", title, meaning, np.concatenate(groups)))
    for name, mask in flags(survey.statistics).items():
        rows = np.flatnonzero(mask)
        if len(rows):
            found.append(Check(name, name.replace("_", " "), MEANINGS.get(name, ""), rows))
    labels, doubts = survey.labels(), None
    if labels is not None and len(survey.dataset.label_names) > 1:
        doubts = mislabelled(labels, neighbours)
        rows = np.argsort(-doubts, kind="stable")[: int((doubts >= CONTRADICTED).sum())]
        if len(rows):
            meaning = "Most of the 20 nearest pictures have one other label."
            found.append(Check("label", "doubtful labels", meaning, rows))
    return Checked(tuple(found), copies, doubts)


def mask_of(rows: Any, count: int) -> Bools:
    """Rows as a mask (count,)."""
    mask = np.zeros(count, np.bool_)
    mask[rows] = True
    return mask
