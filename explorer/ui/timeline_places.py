"""Where keyframes, seconds and marks lie on a timeline of some width: the arithmetic of the track, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FULL_SIDE", "Places"]

FULL_SIDE: Final = 48  # of a keyframe's thumbnail
APART: Final = 6.0  # between two thumbnails, if they have the room
SMALLEST_SIDE: Final = 24  # where keyframes are closer than this, their thumbnails overlap
EDGE: Final = FULL_SIDE // 2 + 4  # from the end of the widget to the first and the last moment
MARK_ROOM: Final = 72.0  # between two marks of the ruler
MARKS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0)  # seconds


@dataclass(frozen=True, slots=True)
class Places:
    """``count`` keyframes with ``steps`` equal ways between them over ``seconds``; a loop has a step more."""

    width: int
    count: int
    steps: int
    seconds: float

    @property
    def spacing(self) -> float:
        """From the middle of one keyframe to that of the next."""
        return (self.width - 2 * EDGE) / max(self.steps, 1)

    @property
    def side(self) -> int:
        """Of the thumbnails."""
        return FULL_SIDE if self.steps == 0 else round(min(max(self.spacing - APART, SMALLEST_SIDE), FULL_SIDE))

    def keyframe_x(self, index: int) -> float:
        """The middle of a keyframe; the index ``count`` is where a loop closes."""
        return EDGE + index * self.spacing

    def keyframe_at(self, x: float) -> int:
        """The keyframe whose thumbnail is at ``x``, the nearest where several are; -1 where none is."""
        index = self.slot_at(x)
        return index if self.count and abs(x - self.keyframe_x(index)) <= self.side / 2 else -1

    def slot_at(self, x: float) -> int:
        """The index of the keyframe nearest to ``x``."""
        return min(max(round((x - EDGE) / self.spacing), 0), self.count - 1)

    def keyframe_seconds(self, index: int) -> float:
        return self.seconds * index / max(self.steps, 1)

    def x_at(self, seconds: float) -> float:
        return EDGE + min(max(seconds / self.seconds, 0.0), 1.0) * (self.width - 2 * EDGE)

    def seconds_at(self, x: float) -> float:
        """The moment at ``x``, within the film."""
        return min(max((x - EDGE) / (self.width - 2 * EDGE), 0.0), 1.0) * self.seconds

    def marks(self) -> tuple[tuple[float, str], ...]:
        """The marks of the ruler: their place, and their time in words."""
        scale = (self.width - 2 * EDGE) / self.seconds
        step = next((mark for mark in MARKS if mark * scale >= MARK_ROOM), MARKS[-1])
        decimals = 1 if step < 1 else 0
        count = int(self.seconds / step + 1e-6) + 1
        return tuple((self.x_at(index * step), f"{index * step:.{decimals}f} s") for index in range(count))
