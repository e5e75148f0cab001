"""A judge: scores once fitted, and a reference that can change in an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.calibration import (
    Calibrated,
    Doubles,
    Ranking,
    benjamini_hochberg,
    calibrate,
    half_cauchy,
    p_values,
)
from explorer.atlas.local_errors import blurred_squares
from explorer.atlas.statistics import TITLES, Looked, Scorer
from explorer.atlas.values import Bools, Floats, Ints, Scores

__all__ = ["FEWEST_OF_A_LABEL", "Judge"]

FEWEST_OF_A_LABEL: Final = 100  # pictures of a reference with the same label; with fewer, all labels are counted
HEAT_SAMPLE: Final = 1_000  # error maps that the colours of a heat map are measured on
HEAT_QUANTILES: Final = (0.5, 0.999)
HAIR: Final = 1e-9  # by which equal combinations differ, so that the picture farther beyond the reference is first


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores of m pictures and what they are compared with. Any thread may use it.

    Attributes:
        scorer: gives scores to further pictures.
        raw: float32 (m + e, k): the rows of the survey, then e pictures of another reference, if there is one.
        count: m.
        reference: bool (m + e,): what p-values are counted against; all that is not of the survey always is.
        fitted: bool (m,): rows that densities were fitted on. They are never counted against where p-values are rates.
        residuals: some error maps of the reference, for the colours of heat maps.
        labels: int64 (m + e,), where p-values are counted within each label.
        leading: the one score that the ranking is by, if it takes part; else it is by all of them.
    """

    scorer: Scorer
    raw: Floats
    count: int
    reference: Bools
    fitted: Bools
    residuals: npt.NDArray[np.float16] | None
    is_calibrated: bool
    told: str
    labels: Ints | None = None
    leading: str = ""
    off: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tests: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that take part."""
        return tuple(name for name in self.scorer.names if name not in self.off)

    def scores(self) -> Scores:
        """All scores of the survey as things stand."""
        return self.recalibrate(self.reference[: self.count])

    def recalibrate(self, reference_rows: Bools) -> Scores:
        """The scores against these rows (m,) of the survey, and the other reference if there is one. Fits nothing."""
        reference = self._whole(reference_rows)
        found = calibrate(self._rankings, reference, self._counted)
        labels_told = ""
        if self.labels is not None:
            found, labels_told = self._by_label(found, reference)
        return self._scores(found, reference, self.told + labels_told)

    def judge(self, looked: Looked) -> Scores:
        """The scores of n other pictures, a ``Survey`` or ``Seen``: each as if it alone had come to the survey.

        P-values are counted over all labels.
        """
        return self.judge_raw(self.scorer.raw(looked))

    def judge_raw(self, raw: Floats) -> Scores:
        """The same, from scores (n, k) that are known."""
        p = self.p_of(raw)
        combined = half_cauchy(p if self._counted is None else p[:, self._counted])
        p_value = p_values(self.reference_combined, combined)
        nobody = np.zeros(len(raw), np.bool_)
        chosen = raw[:, self._columns]
        excess = self._excess(chosen)
        return Scores(
            names=self.names,
            titles=tuple(TITLES[name] for name in self.names),
            raw=chosen,
            p=p,
            combined=combined * (1.0 + HAIR * excess / (1.0 + excess)),
            p_value=p_value,
            q_value=benjamini_hochberg(p_value),
            reason=_reasons(p, self._beyond(chosen)),
            reference=nobody,
            fitted=nobody,
            reference_size=len(self.reference_combined),
            is_calibrated=self.is_calibrated,
            told=self.told,
            off=self.off,
            tests=self.tests,
        )

    def p_of(self, raw: Floats) -> Doubles:
        """The p-values (n, names) of scores (n, k) that are not of the survey."""
        columns = zip(self._columns, self._sorted, strict=True)
        return np.stack([p_values(reference, raw[:, column]) for column, reference in columns], axis=1)

    def switching_off(self, off: Mapping[str, str], tests: Mapping[tuple[str, str], tuple[float, float]]) -> Judge:
        """The judge without some scores, with what the self-test found."""
        return replace(self, off=MappingProxyType(dict(off)), tests=MappingProxyType(dict(tests)))

    def local_map(self, residual: npt.NDArray[Any]) -> Floats | None:
        """How unusual a difference (rows, columns) is in every cell, about 1 where it is usual; None without copies."""
        return None if self.scorer.local is None else self.scorer.local.maps(np.asarray(residual, np.float32)[None])[0]

    @cached_property
    def heat_scale(self) -> tuple[float, float]:
        """The blurred squared error that is usual in the reference, and that one cell of a thousand exceeds."""
        if self.residuals is None or not len(self.residuals):
            return 0.0, 1.0
        usual, hot = np.quantile(blurred_squares(self.residuals), HEAT_QUANTILES)
        return float(usual), max(float(hot), 1e-6)

    # --- private ---

    @cached_property
    def _columns(self) -> list[int]:
        return [place for place, name in enumerate(self.scorer.names) if name not in self.off]

    @property
    def _counted(self) -> list[int] | None:
        """The places among ``names`` of the scores that the ranking is by; None for all."""
        return [self.names.index(self.leading)] if self.leading in self.names else None

    @cached_property
    def _rankings(self) -> tuple[Ranking, ...]:
        return tuple(Ranking(self.raw[:, column]) for column in self._columns)

    @cached_property
    def _rankings_of_labels(self) -> dict[int, tuple[Ranking, ...]]:
        assert self.labels is not None, "there should be labels"
        return {
            int(label): tuple(Ranking(self.raw[self.labels == label, column]) for column in self._columns)
            for label in np.unique(self.labels)
        }

    @cached_property
    def _sorted(self) -> tuple[Floats, ...]:
        """The scores of the reference, each in ascending order."""
        return tuple(np.sort(self.raw[self.reference, column]) for column in self._columns)

    @cached_property
    def reference_combined(self) -> Doubles:
        """The combined scores of the reference, each within it, in ascending order."""
        return np.sort(calibrate(self._rankings, self.reference, self._counted).combined[self.reference])

    @cached_property
    def _spans(self) -> tuple[Floats, Floats]:
        """Per score the 99th percentile of the reference, and how far above the median that is."""
        chosen = self.raw[self.reference][:, self._columns]
        middle, high = np.quantile(chosen, (0.5, 0.99), axis=0).astype(np.float32)
        return high, np.maximum(high - middle, np.float32(1e-12))

    @cached_property
    def _own(self) -> tuple[Floats, Floats, Floats]:
        """Of the survey: the scores that take part, how far each is beyond the reference, and in all."""
        chosen = np.ascontiguousarray(self.raw[: self.count][:, self._columns])
        return chosen, self._beyond(chosen), self._excess(chosen)

    def _beyond(self, chosen: Floats) -> Floats:
        """How far scores are above the 99th percentile of the reference, in units of its distance to the median."""
        high, span = self._spans
        beyond: Floats = np.maximum(0.0, (chosen - high) / span)
        return beyond

    def _excess(self, chosen: Floats) -> Floats:
        excess: Floats = self._beyond(chosen).sum(1)
        return excess

    def _whole(self, rows: Bools) -> Bools:
        """A mask of the reference out of the rows of the survey that are meant to be in it."""
        assert rows.shape == (self.count,), "there should be a value per row"
        whole = self.reference.copy()
        whole[: self.count] = rows & ~self.fitted if self.is_calibrated else rows
        return whole

    def _by_label(self, found: Calibrated, reference: Bools) -> tuple[Calibrated, str]:
        """P-values counted within each label (Vovk, Gammerman and Shafer 2005, section 4.5), and that in words."""
        assert self.labels is not None, "there should be labels"
        p, combined, p_value = found.p.copy(), found.combined.copy(), found.p_value.copy()
        few = 0
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            among = reference[rows]
            if label < 0 or among.sum() < FEWEST_OF_A_LABEL:
                few += 1
                continue
            part = calibrate(self._rankings_of_labels[int(label)], among, self._counted)
            p[:, rows], combined[rows], p_value[rows] = part.p, part.combined, part.p_value
        told = ", p-values counted within each label"
        if few:
            told += f" ({few:,} with fewer than {FEWEST_OF_A_LABEL} pictures counted over all)"
        return Calibrated(p, combined, p_value, benjamini_hochberg(p_value[: self.count])), told

    def _scores(self, found: Calibrated, reference: Bools, told: str) -> Scores:
        chosen, beyond, excess = self._own
        own = slice(self.count)
        q_value = found.q_value
        if len(q_value) != self.count:
            q_value = benjamini_hochberg(found.p_value[own])
        p = found.p[:, own].T
        return Scores(
            names=self.names,
            titles=tuple(TITLES[name] for name in self.names),
            raw=chosen,
            p=p,
            combined=found.combined[own] * (1.0 + HAIR * excess / (1.0 + excess)),
            p_value=found.p_value[own],
            q_value=q_value,
            reason=_reasons(p, beyond),
            reference=reference[own],
            fitted=self.fitted,
            reference_size=int(reference.sum()),
            is_calibrated=self.is_calibrated,
            told=told,
            off=self.off,
            tests=self.tests,
        )


def _reasons(p: Doubles, beyond: Floats) -> Ints:
    """Which score is the oddest: the least p-value, of equals the one farthest beyond the reference."""
    best, reason = p[:, 0].copy(), np.zeros(len(p), np.int64)
    for column in range(1, p.shape[1]):
        values = p[:, column]
        is_odder = values < best
        tied = np.flatnonzero(values == best)
        is_odder[tied] = beyond[tied, column] > beyond[tied, reason[tied]]
        np.copyto(reason, column, where=is_odder)
        np.minimum(best, values, out=best)
    return reason
