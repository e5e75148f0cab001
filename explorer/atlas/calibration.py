"""From scores to statements about false alarms: p-values against a reference, their combination, q-values, intervals.

A score is a number that is higher for odder pictures. A reference is n pictures taken for normal. The p-value of a
picture is the share of the reference that is at least as odd, counting the picture itself; a normal picture has a
p-value of at most a with probability a, whatever the score (Vovk, Gammerman and Shafer 2005; Bates et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Bools

__all__ = [
    "Calibrated",
    "Doubles",
    "Ranking",
    "benjamini_hochberg",
    "calibrate",
    "expected_flags",
    "false_alarm_interval",
    "half_cauchy",
    "in_sample_ranks",
    "p_values",
]

Doubles = npt.NDArray[np.float64]


def p_values(reference_sorted: npt.NDArray[Any], values: npt.NDArray[Any]) -> Doubles:
    """The p-values of values (m,) against a reference (n,) in ascending order: (1 + #{r >= v}) / (n + 1)."""
    count = len(reference_sorted)
    at_least = count - np.searchsorted(reference_sorted, values, side="left")
    p: Doubles = ((1.0 + at_least) / (count + 1.0)).astype(np.float64)
    return p


def in_sample_ranks(reference: npt.NDArray[Any]) -> Doubles:
    """The p-values of the members of a reference (n,) within it: #{r >= r_i} / (n + 1), each counting itself once."""
    count = len(reference)
    at_least = count - np.searchsorted(np.sort(reference), reference, side="left")
    p: Doubles = at_least / (count + 1.0)
    return p


def half_cauchy(p: npt.NDArray[Any]) -> Doubles:
    """Several p-values as one score, higher is odder: the mean over the last axis of cot(pi p / 2).

    The quantile function of |Cauchy|. One small p-value suffices for a high score, as with the Cauchy combination of
    Liu and Xie (2020), but p-values near 1 cannot take that back.
    """
    combined: Doubles = np.asarray(_cot(np.asarray(p, np.float64)).mean(axis=-1), np.float64)
    return combined


def benjamini_hochberg(p: npt.NDArray[Any]) -> Doubles:
    """q-values (m,): flagging all that are at most q, a share of at most q is expected to be false alarms.

    Benjamini and Hochberg 1995: q_(i) is the least of m p_(j) / j over j >= i.
    """
    order = np.argsort(p, kind="stable")
    q = np.empty(len(p), np.float64)
    q[order] = _step_up(np.asarray(p, np.float64)[order])
    return q


def false_alarm_interval(rate: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """Between which true rates of false alarms a nominal ``rate`` lies, with probability ``level`` over references.

    The rate that n = ``count`` pictures of reference lead to is itself random, Beta(k, n + 1 - k) with
    k = floor(rate (n + 1)) (Vovk 2012, proposition 2a). (0, 0) where the rate is below 1 / (n + 1).
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # it has no stubs

    assert 0.0 <= rate <= 1.0 and count >= 0, "rate should be in [0, 1]"
    least = math.floor(rate * (count + 1) + 1e-9)
    if least < 1:
        return 0.0, 0.0
    if least > count:
        return 1.0, 1.0
    tail = (1.0 - level) / 2.0
    low, high = (float(betaincinv(least, count + 1 - least, part)) for part in (tail, 1.0 - tail))
    return low, high


def expected_flags(rate: float, normals: int, reference_size: int, level: float = 0.95) -> tuple[float, float, float]:
    """How many of ``normals`` normal pictures a rate flags: expected, and the interval that the reference allows."""
    low, high = false_alarm_interval(rate, reference_size, level)
    return rate * normals, low * normals, high * normals


class Ranking:
    """Values (m,) in descending order, so that any part of them can be counted at once.

    Attributes:
        order: the rows, the oddest first.
        last: for every row, the place in ``order`` of the last row that is as odd.
    """

    __slots__ = ("last", "order")

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.order = np.argsort(-values).astype(np.int32)
        self.last = np.empty(len(values), np.int32)
        self.last[self.order] = _ends(values[self.order])

    def at_least(self, mask: Bools) -> npt.NDArray[np.int32]:
        """For every row, how many rows of the mask are at least as odd."""
        return np.cumsum(mask.take(self.order, mode="clip"), dtype=np.int32).take(self.last, mode="clip")


class Calibrated:
    """What p-values (k, m) of k scores come to: ``combined``, ``p_value`` and ``q_value``, each (m,)."""

    __slots__ = ("combined", "p", "p_value", "q_value")

    def __init__(self, p: Doubles, combined: Doubles, p_value: Doubles, q_value: Doubles) -> None:
        self.p, self.combined, self.p_value, self.q_value = p, combined, p_value, q_value


def calibrate(rankings: tuple[Ranking, ...], reference: Bools, counted: Sequence[int] | None = None) -> Calibrated:
    """All p-values of all rows against those in the reference, without a split of it.

    Members of the reference are ranked within it, others against it; the combination is then calibrated in the same
    way, so that the dependence between scores does no harm. Takes no sorting but that of the combination, which is of
    the scores at the places ``counted``, or of all.
    """
    total, apart = int(reference.sum()) + 1, (~reference).astype(np.int32)
    table = _cot(np.arange(total + 1, dtype=np.float64).clip(0.5) / total)  # place 0 does not occur
    p = np.empty((len(rankings), len(reference)), np.float64)
    combined = np.zeros(len(reference), np.float64)
    for row, ranking in enumerate(rankings):
        counts = ranking.at_least(reference) + apart
        np.divide(counts, total, out=p[row])
        if counted is None or row in counted:
            combined += table.take(counts, mode="clip")
    combined /= len(rankings) if counted is None else len(counted)
    order = np.argsort(-combined)
    falling, is_member = combined.take(order, mode="clip"), reference.take(order, mode="clip")
    in_order = (np.cumsum(is_member, dtype=np.int32)[_ends(falling)] + ~is_member) / total
    p_value, q_value = np.empty_like(combined), np.empty_like(combined)
    p_value[order] = in_order
    # A member of the reference counts once less than its equals, so the order of p-values can differ by a place.
    q_value[order] = _step_up(np.maximum.accumulate(in_order))
    return Calibrated(p, combined, p_value, q_value)


def _ends(falling: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """For every place in a falling sequence, the place of its last equal."""
    count = len(falling)
    places = np.arange(count, dtype=np.int32)
    if count < 2:
        return places
    is_last = np.append(falling[1:] != falling[:-1], True)
    if is_last.all():
        return places
    ends = np.flatnonzero(is_last).astype(np.int32)
    return np.repeat(ends, np.diff(ends, prepend=-1))


def _step_up(rising: Doubles) -> Doubles:
    """The q-values of p-values that rise."""
    count = len(rising)
    scaled = rising * (count / np.arange(1, count + 1))
    q: Doubles = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1.0)
    return q


def _cot(p: Doubles) -> Doubles:
    cot: Doubles = 1.0 / np.tan(p * (math.pi / 2.0))
    return cot
