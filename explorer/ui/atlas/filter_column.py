"""What a filter is about: a column of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FilterColumn"]


@dataclass(frozen=True, slots=True, eq=False)
class FilterColumn:
    """A column (m,): numbers, or with ``names`` the place of each row's word among them, -1 for none."""

    key: str
    title: str
    values: npt.NDArray[np.generic]
    names: tuple[str, ...] = ()
