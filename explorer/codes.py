"""Painting over code maps as plain functions, and what the use of a codebook comes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np

from explorer.imaging import FloatArray
from explorer.scene import Codes

__all__ = [
    "Cell",
    "brushed",
    "by_use",
    "erase_codes",
    "paint_codes",
    "painted_cells",
    "painted_map",
    "perplexity",
    "used_codes",
]

Cell: TypeAlias = tuple[int, int]  # row and column
DEAD: Final = 0.0  # share of use of a code that the data never needs


def paint_codes(codes: Codes, level: int, cells: Iterable[Cell], code: int) -> Codes:
    """The painting with ``code`` in these cells of a level as well, instead of what was painted there."""
    kept = _by_place(codes) | {(level, row, column): code for row, column in cells}
    return Codes(tuple((*place, each) for place, each in sorted(kept.items())))


def erase_codes(codes: Codes, level: int, cells: Iterable[Cell]) -> Codes:
    """The painting without these cells of a level, which have their own codes again."""
    gone = {(level, row, column) for row, column in cells}
    return Codes(tuple(cell for cell in codes.cells if cell[:3] not in gone))


def painted_cells(codes: Codes, level: int, shape: tuple[int, int], count: int) -> dict[Cell, int]:
    """Which code is painted where on a map of ``shape`` (rows, columns) with ``count`` codes.

    What lies outside of the map, or is a code that it has not, paints nothing.
    """
    return {
        (row, column): code
        for at, row, column, code in codes.cells
        if at == level and row < shape[0] and column < shape[1] and code < count
    }


def painted_map(own: np.ndarray, painted: dict[Cell, int]) -> np.ndarray:
    """The code map (rows, columns) that ``own`` becomes with ``painted`` over it."""
    codes = own.copy()
    for cell, code in painted.items():
        codes[cell] = code
    return codes


def brushed(cells: Iterable[Cell], size: int, shape: tuple[int, int]) -> tuple[Cell, ...]:
    """The cells that a square brush of ``size`` cells covers where its middle goes over ``cells``, inside the map."""
    reach = range(-((size - 1) // 2), size // 2 + 1)
    found = {(row + down, column + right) for row, column in cells for down in reach for right in reach}
    return tuple(sorted(cell for cell in found if 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]))


def by_use(usage: FloatArray | None, count: int) -> tuple[int, ...]:
    """All ``count`` codes, most used first; in their own order where the use (codes,) is the same or not known."""
    return tuple(range(count)) if usage is None else tuple(np.argsort(-usage, kind="stable").tolist())


def used_codes(usage: FloatArray) -> int:
    """How many codes the training data needs at all, of shares (codes,)."""
    return int((usage > DEAD).sum())


def perplexity(usage: FloatArray) -> float:
    """exp of the entropy of shares (codes,): how many codes, all used alike, would be as varied."""
    shares = usage[usage > DEAD].astype(np.float64)
    shares = shares / shares.sum() if len(shares) else shares
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def _by_place(codes: Codes) -> dict[tuple[int, int, int], int]:
    return {(level, row, column): code for level, row, column, code in codes.cells}
