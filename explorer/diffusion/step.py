"""One step of a denoising run, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from torch import Tensor

from explorer.diffusion.levels import Level
from explorer.diffusion.predictions import Prediction

__all__ = ["Advance", "Predict", "Step"]

Predict: TypeAlias = Callable[[Tensor, Level], Prediction]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step of a run: ``noisy`` pictures (n, c, h, w) at the level ``here`` became ``result`` at ``there``.

    Nothing else is needed to make the step after it.
    """

    index: int
    here: Level
    there: Level
    noisy: Tensor
    prediction: Prediction
    result: Tensor

    @property
    def clean(self) -> Tensor:
        """The predicted x_0."""
        return self.prediction.clean

    @property
    def noise(self) -> Tensor:
        """The predicted eps."""
        return self.prediction.noise


class Advance(Protocol):
    """One step. ``before`` is the step that led here, if any; ``fresh`` is noise shaped like the pictures."""

    def __call__(
        self,
        predict: Predict,
        noisy: Tensor,
        here: Level,
        there: Level,
        before: Step | None,
        fresh: Tensor | None,
        eta: float,
        index: int,
    ) -> Step: ...
