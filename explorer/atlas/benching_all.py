"""Everything that is measured of maps, with the numbers to reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from explorer.atlas.benching import encoding_ratio, memory_at
from explorer.atlas.benching_map import first_map, frames, lasso_milliseconds
from explorer.atlas.benching_scores import calibration_seconds
from explorer.generators import Encodes, open_generator

__all__ = ["MILLION", "bench_maps"]

MILLION: Final = 1_000_000
TARGETS: Final = (  # where in the report, which way, and how much
    (("encoding", "encode_per_bare_encoder"), "at least", 0.9),
    (("encoding", "survey_per_bare_networks"), "at least", 0.9),
    (("first_map", "pca_seconds"), "at most", 1.0),
    (("first_map", "first_umap_seconds"), "at most", 15.0),
    (("frames", f"map_ms_{MILLION}"), "at most", 1_000 / 60),
    (("calibration", "seconds"), "at most", 0.2),
    (("memory", "mebibytes"), "at most", 2_048.0),
)


def bench_maps(checkpoint: Path, pictures: int = MILLION) -> dict[str, Any]:
    """Measure reading, laying out, drawing, selecting and scoring; plain JSON with ``goals`` at its end.

    ``pictures`` is how many synthetic ones are read for the row on memory, which takes most of the time; 0 leaves it
    out. Models that do not encode leave out the row on encoding.
    """
    generator = open_generator(checkpoint, "cpu")
    report: dict[str, Any] = {
        "encoding": encoding_ratio(generator) if isinstance(generator, Encodes) else {},
        "first_map": first_map(),
        "frames": frames(),
        "lasso": {"milliseconds": lasso_milliseconds()},
        "calibration": {"seconds": calibration_seconds()},
        "memory": memory_at(pictures) if pictures else {},
    }
    goals = []
    for (part, name), sense, target in TARGETS:
        value = report[part].get(name)
        if value is not None:
            met = value >= target if sense == "at least" else value <= target
            goals.append({"goal": name, "target": f"{sense} {target:.3g}", "measured": value, "met": met})
    return report | {"goals": goals}
