"""Everything known of the pictures of a dataset as one table, the same for exports of the window and ``score``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explorer.atlas.duplicates import Duplicates
from explorer.atlas.quality import flags
from explorer.atlas.values import Scores, Survey

__all__ = ["Column", "duplicate_columns", "table", "with_unreadable"]

Column = npt.NDArray[Any]


def table(
    survey: Survey, scores: Scores | None = None, extra: Mapping[str, npt.ArrayLike] | None = None
) -> dict[str, Column]:
    """Columns in their order by name, each (m,), a row for every row of the survey.

    First come what a picture is called, its place in the dataset and its label; then how odd it is: ``score`` (higher
    is odder), ``p_value``, ``q_value``, ``reason``, whether it is part of the ``reference`` or densities were
    ``fitted`` on it, and each score with its p-value; then the numbers of the lens and of quality, with what stands
    out by them as True or False; then ``extra``; then the columns of the list that the dataset came from. A column
    whose name is taken has ``_in_list`` at its end.
    """
    dataset = survey.dataset
    columns: dict[str, Column] = {
        "id": np.array([dataset.identity(int(index)) for index in survey.indices], object),
        "index": survey.indices,
    }
    labels = survey.labels()
    if labels is not None:
        columns["label"] = _named(labels, dataset.label_names)
    if scores is not None:
        assert len(scores.combined) == len(survey), "scores should be of this survey"
        columns |= {
            "score": scores.combined,
            "p_value": scores.p_value,
            "q_value": scores.q_value,
            "reason": _named(scores.reason, scores.titles),
            "reference": scores.reference,
            "fitted": scores.fitted,
        }
        columns |= {f"score_{name}": scores.raw[:, place] for place, name in enumerate(scores.names)}
        columns |= {f"p_{name}": scores.p[:, place] for place, name in enumerate(scores.names)}
    columns |= survey.statistics
    columns |= flags(survey.statistics)
    for name, values in (extra or {}).items():
        columns[name] = np.asarray(values)
        assert columns[name].shape == (len(survey),), f"{name} should be (m,)"
    for name, values in dataset.columns.items():
        columns[_free(name, columns)] = values[survey.indices]
    return columns


def duplicate_columns(duplicates: Duplicates, count: int) -> dict[str, Column]:
    """The number of the group of duplicates of every row, -1 for none, and of what kind the group is."""
    numbers = duplicates.numbers(count)
    kinds = np.array(["exact" if exact else "near" for exact in duplicates.is_exact] + [""], object)
    return {"duplicate_group": numbers, "duplicate": kinds[numbers]}


def with_unreadable(columns: Mapping[str, Column], survey: Survey) -> dict[str, Column]:
    """The table of a survey with a row at its end for every picture that cannot be read, and why in ``unreadable``.

    Other columns are NaN, -1, False or empty there. A survey without such pictures gives the same table.
    """
    left_out = survey.unreadable
    if not left_out:
        return dict(columns)
    places = np.array([each.index for each in left_out], np.int64)
    names = np.array([survey.dataset.identity(int(place)) for place in places], object)
    known: dict[str, Column] = {"id": names, "index": places}
    if survey.dataset.labels is not None and "label" in columns:
        known["label"] = _named(survey.dataset.labels[places], survey.dataset.label_names)
    longer = {
        name: np.concatenate([values, known[name] if name in known else _nothing(values.dtype, len(places))])
        for name, values in columns.items()
    }
    reasons = [each.reason for each in left_out]
    longer["unreadable"] = np.array([""] * len(survey) + reasons, object)
    return longer


def _named(numbers: npt.NDArray[np.int64], names: tuple[str, ...]) -> Column:
    """Names instead of numbers; a number without a name stays one, a negative one is empty."""
    most = int(numbers.max(initial=-1)) + 1
    words = [names[number] if number < len(names) else str(number) for number in range(most)]
    return np.array([*words, ""], object)[np.maximum(numbers, -1)]


def _free(name: str, columns: Mapping[str, Column]) -> str:
    """A name that no column has, in whatever case."""
    taken = {known.casefold() for known in columns}
    while name.casefold() in taken:
        name += "_in_list"
    return name


def _nothing(kind: np.dtype[Any], count: int) -> Column:
    if kind == np.bool_:
        return np.zeros(count, np.bool_)
    if kind.kind in "iu":
        return np.full(count, -1, np.int64)
    return np.full(count, np.nan, kind) if kind.kind == "f" else np.full(count, "", object)
