"""Pictures whose label their neighbours do not share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.atlas.values import Floats, Ints, Neighbours

__all__ = ["mislabelled", "rivals"]

Report = Callable[..., object]

ASKED = 20  # neighbours
BLOCK = 4096  # rows at a time


def mislabelled(labels: Ints, neighbours: Neighbours, report: Report | None = None) -> Floats:
    """How much the 20 nearest neighbours disagree with each label (m,): the share of the commonest other label among
    them minus that of the own label, in [-1, 1]. Higher is more likely wrong; -1 where the label is negative.
    """
    return _asked(labels, neighbours, report)[0]


def rivals(labels: Ints, neighbours: Neighbours) -> Ints:
    """The commonest other label among the 20 nearest neighbours (m,), the smallest of several; -1 if there is none."""
    return _asked(labels, neighbours)[1]


def _asked(labels: Ints, neighbours: Neighbours, report: Report | None = None) -> tuple[Floats, Ints]:
    around = neighbours.indices[:, :ASKED]
    count, asked = around.shape
    assert len(labels) == count, "labels should be (m,)"
    scores, others = np.full(count, -1.0, np.float32), np.full(count, -1, np.int64)
    if not asked:
        return scores, others
    for start in range(0, count, BLOCK):
        rows = slice(start, start + BLOCK)
        own = labels[rows, None]
        found = np.sort(labels[around[rows]], 1)
        alike = (found[:, :, None] == found[:, None, :]).sum(2)  # how many neighbours have each neighbour's label
        alike[(found == own) | (found < 0)] = 0
        best = alike.argmax(1)[:, None]
        most = np.take_along_axis(alike, best, 1)[:, 0]
        agreeing = (found == own).sum(1)
        scores[rows] = (most - agreeing) / asked
        if report is not None:
            report(min(start + BLOCK, count), count, "comparing labels")
        others[rows] = np.where(most > 0, np.take_along_axis(found, best, 1)[:, 0], -1)
    scores[labels < 0] = -1.0
    return scores, others
