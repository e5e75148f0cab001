"""Precision and recall of samples: how many look real, and how much of what is real they reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

__all__ = ["NEIGHBOURS", "precision_and_recall"]

NEIGHBOURS: Final = 3
BLOCK: Final = 1024  # rows of distances at a time


def precision_and_recall(real: Tensor, made: Tensor, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Shares of ``made`` (m, d) within the manifold of ``real`` (n, d), and of real within that of made.

    A manifold is the union of balls around its points, each reaching to its k-th nearest neighbour (Kynkaanniemi et
    al. 2019, eq. 1 and 2). Distances are exact.
    """
    assert min(len(real), len(made)) > neighbours, "there should be more points than neighbours"
    real, made = real.double(), made.double()
    return _share_within(made, real, neighbours), _share_within(real, made, neighbours)


def _share_within(points: Tensor, manifold: Tensor, neighbours: int) -> float:
    radii = _radii(manifold, neighbours)
    inside = [(_distances(part, manifold) <= radii).any(1) for part in _blocks(points)]
    return float(torch.cat(inside).double().mean())


def _radii(points: Tensor, neighbours: int) -> Tensor:
    """The distance (n,) of every point to its k-th nearest neighbour; the nearest of all is itself."""
    return torch.cat([_distances(part, points).kthvalue(neighbours + 1, 1).values for part in _blocks(points)])


def _blocks(points: Tensor) -> Iterator[Tensor]:
    return (points[start : start + BLOCK] for start in range(0, len(points), BLOCK))


def _distances(points: Tensor, others: Tensor) -> Tensor:
    """(n, m), without the short cut by products, in which a point is not quite at its own place."""
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist")
