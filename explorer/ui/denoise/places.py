"""Where the steps of a run lie side by side: one geometry for the filmstrip and what is drawn below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["GAP", "StepPlaces"]

GAP: Final = 4  # between two thumbnails
NARROWEST: Final = 22  # pixels from step to step; below, the strip scrolls
WIDEST: Final = 92


@dataclass(frozen=True, slots=True)
class StepPlaces:
    """Steps over a width in pixels, moved left by ``offset`` where they do not all fit."""

    width: float
    total: int
    tallest: int = 56  # a thumbnail at most
    offset: float = 0.0

    @property
    def pitch(self) -> float:
        """Pixels from step to step."""
        return min(max(self.width / max(self.total, 1), NARROWEST), WIDEST)

    @property
    def side(self) -> int:
        """The side of a thumbnail."""
        return max(int(min(self.pitch - GAP, self.tallest)), 1)

    @property
    def length(self) -> float:
        """Pixels that all steps take."""
        return self.pitch * self.total

    def left(self, index: float) -> float:
        """Where the room of a step begins."""
        return index * self.pitch - self.offset

    def x(self, index: float) -> float:
        """The middle of a step."""
        return self.left(index + 0.5)

    def index_at(self, x: float) -> int:
        """The step whose room holds ``x``; the first or last beyond the ends."""
        return min(max(int((x + self.offset) // self.pitch), 0), max(self.total - 1, 0))

    def fraction_x(self, fraction: float) -> float:
        """Where a fraction of the run lies: 0 is the middle of the first step, 1 that of the last."""
        return self.x(fraction * max(self.total - 1, 1))

    def fraction_at(self, x: float) -> float:
        """The fraction of the run at ``x``, from 0 to 1."""
        place = ((x + self.offset) / self.pitch - 0.5) / max(self.total - 1, 1)
        return min(max(place, 0.0), 1.0)

    def seen(self) -> range:
        """The steps in sight."""
        return range(self.index_at(0), min(self.index_at(self.width) + 1, self.total))

    def revealing(self, index: int) -> float:
        """The offset that brings a step into sight, changed as little as needed."""
        left, right = index * self.pitch, (index + 1) * self.pitch
        offset = min(self.offset, left)
        offset = max(offset, right - self.width)
        return min(max(offset, 0.0), max(self.length - self.width, 0.0))
