"""Where keyframes, seconds and marks lie on a timeline of some width: the arithmetic of the track, without Qt."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import ceil
from typing import Final

__all__ = ["CLOSEST", "EDGE", "FULL_SIDE", "LARGEST_SCALE", "Places", "fitting_scale"]

FULL_SIDE: Final = 48  # of a keyframe's thumbnail
SMALLEST_SIDE: Final = 20  # where keyframes are closer than this, their thumbnails overlap
APART: Final = 6.0  # between two thumbnails, if they have the room
CLOSEST: Final = 8.0  # pixels between keyframes; where they are closer, they are bars
REACH: Final = 4.0  # pixels beside a bar that still belong to it
EDGE: Final = FULL_SIDE // 2 + 4  # from the end of the widget to the first moment
FILLED: Final = 0.92  # of the width, by a film that fits: room is left to drag its end to
LARGEST_SCALE: Final = 4_000.0  # pixels per second
MARK_ROOM: Final = 72.0  # between two marks of the ruler
MARKS: Final = (  # seconds between two marks
    *(0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    *(15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0),
)


def fitting_scale(width: int, seconds: float) -> float:
    """Pixels per second at which a film is seen as a whole, with some room at its end."""
    return max(width - 2 * EDGE, 1) * FILLED / seconds


@dataclass(frozen=True, slots=True)
class Places:
    """Keyframes at ``times`` (rising, in seconds) of a film of ``seconds``, at ``scale`` pixels per second.

    ``offset`` is the second at the left edge. Places are in pixels from the left of the widget.
    """

    width: int
    times: tuple[float, ...]
    seconds: float
    scale: float
    offset: float = 0.0

    @property
    def count(self) -> int:
        return len(self.times)

    @property
    def seen(self) -> float:
        """How many seconds are in view."""
        return (self.width - 2 * EDGE) / self.scale

    def x_at(self, seconds: float) -> float:
        return EDGE + (seconds - self.offset) * self.scale

    def seconds_at(self, x: float) -> float:
        """The moment at ``x``, which may lie before or after the film."""
        return self.offset + (x - EDGE) / self.scale

    def within(self, x: float) -> float:
        """The moment of the film nearest to ``x``."""
        return min(max(self.seconds_at(x), 0.0), self.seconds)

    def keyframe_x(self, index: int) -> float:
        """The middle of a keyframe."""
        return self.x_at(self.times[index])

    def gap(self, index: int) -> float:
        """Pixels from a keyframe to the nearest of its neighbours."""
        time, times = self.times[index], self.times
        before = time - times[index - 1] if index else float("inf")
        after = times[index + 1] - time if index + 1 < len(times) else float("inf")
        return min(before, after) * self.scale

    def side(self, index: int) -> int:
        """Of the thumbnail of a keyframe; 0 where it is a bar."""
        gap = self.gap(index)
        return 0 if gap < CLOSEST else round(min(max(gap - APART, SMALLEST_SIDE), FULL_SIDE))

    def between(self, left: float, right: float) -> range:
        """The keyframes of which something may be seen between two places."""
        reach = FULL_SIDE / 2 / self.scale
        first = bisect_left(self.times, self.seconds_at(left) - reach)
        return range(first, bisect_right(self.times, self.seconds_at(right) + reach))

    def nearest(self, seconds: float) -> int:
        """The keyframe nearest to a moment; there is one."""
        after = min(bisect_left(self.times, seconds), self.count - 1)
        before = max(after - 1, 0)
        return before if seconds - self.times[before] <= self.times[after] - seconds else after

    def keyframe_at(self, x: float) -> int:
        """The keyframe that is at ``x``, the nearest where several are; -1 where none is."""
        if not self.count:
            return -1
        index = self.nearest(self.seconds_at(x))
        return index if abs(x - self.keyframe_x(index)) <= max(self.side(index) / 2, REACH) else -1

    def way_at(self, x: float) -> int:
        """The way that is gone at ``x``, as the keyframe it starts from; -1 outside of the film."""
        seconds = self.seconds_at(x)
        return bisect_right(self.times, seconds) - 1 if 0.0 <= seconds < self.seconds else -1

    def marks(self) -> tuple[tuple[float, str], ...]:
        """The marks of the ruler that are in view: their place, and their time in words."""
        step = next((mark for mark in MARKS if mark * self.scale >= MARK_ROOM), MARKS[-1])
        decimals = 2 if step < 0.1 else 1 if step < 1 else 0
        first = max(0, ceil(self.seconds_at(0) / step))
        last = int(self.seconds_at(self.width) / step)
        return tuple((self.x_at(i * step), f"{i * step:.{decimals}f} s") for i in range(first, last + 1))
