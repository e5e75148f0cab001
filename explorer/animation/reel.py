"""A reel: the frames of one film on their way into a file, with what every writer has to know about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Pixels", "Reel"]

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Reel:
    """Frames that can be taken once, all of one shape."""

    frames: Iterator[Pixels]  # uint8 (height, width, c), c is 1 or 3, contiguous; at least one
    width: int  # pixels
    height: int  # pixels
    frames_per_second: int  # 1 to 120
    recipe: str  # ASCII JSON, or nothing
    quality: int = 90  # 0 to 100: how little is lost where a format loses anything
    codec: str = "h264"  # of an MP4

    def ticks(self, index: int, per_second: int) -> int:
        """When frame ``index`` starts, in whole ticks of which ``per_second`` make a second; rounding never adds up."""
        return (2 * index * per_second + self.frames_per_second) // (2 * self.frames_per_second)
