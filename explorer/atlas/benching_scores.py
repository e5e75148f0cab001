"""How long it takes until p-values follow a mark: calibration again, on made-up scores."""

from __future__ import annotations

import time
from statistics import median
from typing import Final

import numpy as np

from explorer.atlas.calibration import Ranking, calibrate

__all__ = ["calibration_seconds"]

SCORES: Final = 4
ROUNDS: Final = 5


def calibration_seconds(count: int = 1_000_000, rounds: int = ROUNDS) -> float:
    """The median time, in seconds, of new p-values and q-values of ``count`` pictures by four scores, half of which
    are the reference. Sorting the scores, once for a survey, is not counted."""
    random = np.random.default_rng(0)
    rankings = tuple(Ranking(random.standard_normal(count).astype(np.float32)) for _ in range(SCORES))
    reference = np.arange(count) % 2 == 0
    seconds = []
    for row in range(rounds):
        reference[row] = not reference[row]  # what a mark does
        started = time.perf_counter()
        calibrate(rankings, reference)
        seconds.append(time.perf_counter() - started)
    return float(median(seconds))
