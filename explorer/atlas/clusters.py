"""Groups of pictures on a map, found by how crowded it is."""

from __future__ import annotations

from typing import Final

import numpy as np

from explorer.atlas.values import Floats, Ints

__all__ = ["find"]

MOST_ROWS: Final = 30_000  # that are grouped themselves; the others join the group of their nearest
SMALLEST: Final = 20


def find(positions: Floats, smallest: int | None = None) -> Ints:
    """The group of every row, int64 (m,), numbered by size from 0, -1 for rows between groups.

    HDBSCAN (Campello, Moulavi and Sander 2013), on positions in a map or on codes (m, d). A group has at least
    ``smallest`` rows, by default 1 % of all. From more than ``MOST_ROWS`` rows a part is grouped.
    """
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]  # it has no types
    from sklearn.cluster import HDBSCAN  # type: ignore[import-untyped]  # it has no types

    count = len(positions)
    rows = np.arange(count)
    if count > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(count, MOST_ROWS, replace=False))
    least = max(2, (max(SMALLEST, count // 100) if smallest is None else smallest) * len(rows) // count)
    if len(rows) < 2 * least:
        return np.zeros(count, np.int64)
    points = np.asarray(positions[rows], np.float64)
    grouping = HDBSCAN(min_cluster_size=least, min_samples=min(10, least), copy=True)
    found = np.asarray(grouping.fit_predict(points), np.int64)
    if len(rows) < count:
        found = found[np.asarray(cKDTree(points).query(np.asarray(positions, np.float64))[1])]
    sizes = np.bincount(found[found >= 0])
    ranks = np.empty(len(sizes) + 1, np.int64)
    ranks[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    ranks[-1] = -1
    return ranks[found]
