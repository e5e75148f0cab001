"""A denoising run as it arrives step by step, and what can be looked at of each step."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from explorer.runs.steps import StepPictures
from explorer.scene import Scene

__all__ = ["VIEWS", "Run", "decibels", "seen"]

Pixels = npt.NDArray[np.uint8]

VIEWS: Final = ("noisy", "clean", "noise", "to_final", "to_previous")  # of one step; "both" is the first two
GREY: Final = 127.5  # nothing has changed
PREVIOUS_GAIN: Final = 2.0  # one step changes little


class Run:
    """The steps of one scene, in their order; those of the run before stand in for what has not arrived yet."""

    def __init__(self) -> None:
        self.scene: Scene | None = None
        self.steps: list[StepPictures | None] = []
        self.made = 0  # so many first steps are of this scene

    @property
    def total(self) -> int:
        return len(self.steps)

    def take(self, step: StepPictures) -> bool:
        """Put a step at its place; gives whether it is the first of another run."""
        begins = self.scene is None or (step.scene is not self.scene and step.scene != self.scene)
        if begins or step.total != len(self.steps):
            self.scene, self.made = step.scene, 0
            if not _is_like(self.steps, step):
                self.steps = [None] * step.total
        self.steps[step.index] = step
        self.made = max(self.made, step.index + 1)
        return begins

    def clear(self) -> None:
        """Forget everything, because another model is open."""
        self.scene, self.steps, self.made = None, [], 0

    def is_complete(self) -> bool:
        """Whether every step is of this scene."""
        return self.total > 0 and self.made == self.total

    def reach(self) -> int:
        """The last step that there is a picture of, this run's or that of the one before; -1 for none."""
        return next((index for index in range(self.total - 1, -1, -1) if self.steps[index] is not None), -1)

    def at(self, index: int) -> StepPictures | None:
        """The step, or the newest one before it that there is."""
        for each in range(min(index, self.total - 1), -1, -1):
            step = self.steps[each]
            if step is not None:
                return step
        return None


def seen(run: Run, index: int, view: str) -> Pixels | None:
    """What a view of ``VIEWS`` shows of a step, uint8 (h, w, c); None where it is not there yet.

    ``to_final`` is what the predicted picture still lacks and ``to_previous`` what this step has changed of it: grey is
    nothing, lighter is more light. Differences to the step before are shown twice as strong.
    """
    step = run.steps[index] if index < run.total else None
    if step is None:
        return None
    if view == "noisy":
        return step.noisy
    if view == "noise":
        return step.noise
    if view == "to_final":
        last = run.steps[-1]
        return None if last is None else _difference(last.clean, step.clean, 1.0)
    if view == "to_previous":
        before = run.steps[index - 1] if index else step
        return None if before is None else _difference(step.clean, before.clean, PREVIOUS_GAIN)
    return step.clean


def decibels(step: StepPictures) -> float:
    """The signal-to-noise ratio alpha^2 / sigma^2 of a step in decibels; infinite where there is no noise."""
    if step.sigma <= 0:
        return math.inf
    return 20 * math.log10(step.alpha / step.sigma) if step.alpha > 0 else -math.inf


def _difference(one: Pixels, other: Pixels, gain: float) -> Pixels:
    if one.shape != other.shape:  # a preview beside a decoded picture of another size
        return np.full_like(one, round(GREY))
    change = one.astype(np.float32) - other.astype(np.float32)
    shown: Pixels = (GREY + gain * change).round().clip(0, 255).astype(np.uint8)
    return shown


def _is_like(steps: list[StepPictures | None], step: StepPictures) -> bool:
    """Whether the steps of the run before can stand in."""
    if len(steps) != step.total:
        return False
    known = next((each for each in steps if each is not None), step)
    return known.clean.shape == step.clean.shape
