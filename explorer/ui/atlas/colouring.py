"""What the points of a map are coloured by: nothing, labels, p-values, scores, numbers of the pictures, clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from explorer.atlas.chart import Chart
    from explorer.atlas.values import Scores

__all__ = ["Colouring", "choices_for", "colouring_of", "values_of"]

PLAIN: Final = "plain"
LABEL: Final = "label"
ODDNESS: Final = "oddness"
CLUSTER: Final = "cluster"
SPREAD: Final = (1.0, 99.0)  # percentiles that the ends of a colour scale stand for


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """Either groups, int64 (m,) with their names, -1 for none, or numbers, float32 (m,) with their ends."""

    groups: npt.NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    numbers: npt.NDArray[np.float32] | None = None
    ends: tuple[float, float] = (0.0, 1.0)
    unit: str = ""


def choices_for(chart: Chart, scores: Scores | None) -> tuple[tuple[str, str], ...]:
    """Keys and words of everything the points can be coloured by, the most useful first."""
    found = [(LABEL, "label")] if chart.survey.dataset.labels is not None else []
    if scores is not None:
        found.append((ODDNESS, "how odd" if scores.is_calibrated else "rank of oddness"))
        found += [(f"score:{name}", f"score: {title}") for name, title in zip(scores.names, scores.titles, strict=True)]
    found.append((PLAIN, "nothing"))
    found.append((CLUSTER, "cluster"))
    found += [(f"statistic:{name}", name) for name in sorted(chart.survey.statistics)]
    found += [(f"column:{name}", name) for name in chart.survey.dataset.columns]
    return tuple(found)


def values_of(chart: Chart, scores: Scores | None, key: str) -> npt.NDArray[np.generic] | None:
    """The values (m,) of a number or column; None where there are none, or no longer."""
    kind, _, name = key.partition(":")
    if kind == ODDNESS and scores is not None:
        return np.asarray(-np.log10(scores.p_value), np.float32)
    if kind == "score" and scores is not None and name in scores.names:
        return np.asarray(scores.raw[:, scores.names.index(name)])
    if kind == "statistic" and name in chart.survey.statistics:
        return np.asarray(chart.survey.statistics[name])
    if kind == "column" and name in chart.survey.dataset.columns:
        return np.asarray(chart.survey.dataset.columns[name])[chart.survey.indices]
    return None


def colouring_of(
    chart: Chart, scores: Scores | None, key: str, clusters: npt.NDArray[np.int64] | None = None
) -> Colouring:
    """What the points are coloured by for a key of ``choices_for``; nothing where that is not known (yet)."""
    if key == LABEL and chart.survey.dataset.labels is not None:
        return Colouring(np.asarray(chart.survey.labels(), np.int64), chart.survey.dataset.label_names)
    if key == CLUSTER and clusters is not None:
        count = int(clusters.max(initial=-1)) + 1
        return Colouring(clusters, tuple(f"cluster {number + 1}" for number in range(count)))
    values = values_of(chart, scores, key)
    if values is None:
        return Colouring()
    if values.dtype.kind not in "fiub":
        names, groups = np.unique(values.astype(str), return_inverse=True)
        return Colouring(groups.astype(np.int64), tuple(names.tolist()))
    numbers = np.asarray(values, np.float32)
    known = numbers[np.isfinite(numbers)]
    low, high = np.percentile(known, SPREAD) if len(known) else (0.0, 1.0)
    unit = "-log10 p" if key == ODDNESS else ""
    return Colouring(numbers=numbers, ends=(float(low), float(max(high, low + 1e-6))), unit=unit)
