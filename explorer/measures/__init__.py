"""Models compared by numbers measured here and now, on one machine and one dataset. Torch, no window."""

from __future__ import annotations

from explorer.measures.comparing import Candidate, compare
from explorer.measures.frechet import frechet_distance
from explorer.measures.manifolds import precision_and_recall
from explorer.measures.measuring import measure
from explorer.measures.reference import Reference, make_reference, measure_real
from explorer.measures.table import MEASURES, Measure, best_of, to_csv, to_json, to_markdown, to_rows, write_table
from explorer.measures.values import Circumstances, Comparison, ModelMeasures, Settings, Spread

__all__ = [
    "MEASURES",
    "Candidate",
    "Circumstances",
    "Comparison",
    "Measure",
    "ModelMeasures",
    "Reference",
    "Settings",
    "Spread",
    "best_of",
    "compare",
    "frechet_distance",
    "make_reference",
    "measure",
    "measure_real",
    "precision_and_recall",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_rows",
    "write_table",
]
