"""Labels as numbers with names, from folder names, columns, arrays or a file beside the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from explorer.datasets.dataset import LabelArray, natural_key
from explorer.errors import DatasetError

__all__ = ["Labelling", "check_count", "labels_from_array", "labels_from_text"]

Labelling = tuple[LabelArray, tuple[str, ...]]

MAX_PLAIN_LABEL = 999  # larger numbers are years or article numbers rather than classes


def labels_from_text(texts: Sequence[str]) -> Labelling:
    """Labels (n,) and their names, in natural order; texts that are all plain numbers keep those numbers."""
    different = set(texts)
    if all(text.isascii() and text.isdigit() and text == str(int(text[:18])) for text in different):
        return _from_numbers(np.array([int(text) for text in texts], np.int64))
    names = tuple(sorted(different, key=natural_key))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[text] for text in texts], np.int64), names


def labels_from_array(values: npt.NDArray[Any], source: Path) -> Labelling:
    """Labels (n,) and their names from an array (n,) or (n, 1) of whole numbers or texts.

    Numbers from 0 to 999 stay as they are, so that a part of a dataset keeps the classes of the whole; anything else
    is numbered in order.

    Raises:
        DatasetError: the array has another shape, or holds something else.
    """
    if values.ndim not in (1, 2) or values.size != values.shape[0]:
        raise DatasetError(f"{source} should have one label per picture, not labels of shape {values.shape}.")
    values = values.reshape(-1)
    if values.dtype.kind == "U":
        return labels_from_text([str(value) for value in values])
    if values.dtype.kind == "f" and bool(np.all(np.isfinite(values) & (values == np.rint(values)))):
        values = values.astype(np.int64)
    if values.dtype.kind not in "iub":
        raise DatasetError(f"{source} has labels that are neither whole numbers nor text.")
    return _from_numbers(values.astype(np.int64))


def check_count(labels: LabelArray, pictures: int, source: Path) -> None:
    """Raise ``DatasetError`` unless there are as many labels as pictures."""
    if len(labels) != pictures:
        raise DatasetError(
            f"{source} has {len(labels):,} labels for {pictures:,} pictures.", "Choose the labels of these pictures."
        )


def _from_numbers(values: LabelArray) -> Labelling:
    if not len(values):
        return values, ()
    if values.min() >= 0 and values.max() <= MAX_PLAIN_LABEL:
        return values, tuple(str(number) for number in range(int(values.max()) + 1))
    different, places = np.unique(values, return_inverse=True)
    return places.astype(np.int64), tuple(str(number) for number in different)
