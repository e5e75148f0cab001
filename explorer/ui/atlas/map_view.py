"""Which part of a map is shown: a place and a scale, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["MapView", "fitted", "is_near"]

SAMPLED: Final = 20_000  # points are enough to find out where most of them are
MOST: Final = (0.002, 0.998)  # the share of points that has to be in the middle, where a few lie very far away
STRETCH: Final = 2.5  # what points may lie further away than most, as a multiple, and still be shown
SMALLEST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class MapView:
    """The map position of the left top corner, and pixels per unit of the map. Both axes point right and down."""

    left: float
    top: float
    scale: float

    def to_screen(self, positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Where positions (n, 2) of the map lie on the screen, in pixels from the corner."""
        return (np.asarray(positions, np.float64) - (self.left, self.top)) * self.scale

    def to_map(self, x: float, y: float) -> tuple[float, float]:
        """The position in the map of a pixel."""
        return self.left + x / self.scale, self.top + y / self.scale

    def moved(self, right: float, down: float) -> MapView:
        """The view after its content was dragged by so many pixels."""
        return MapView(self.left - right / self.scale, self.top - down / self.scale, self.scale)

    def zoomed(self, scale: float, x: float, y: float) -> MapView:
        """The view at another scale, with what is under the pixel (x, y) staying there."""
        at_x, at_y = self.to_map(x, y)
        return MapView(at_x - x / scale, at_y - y / scale, scale)


def fitted(positions: npt.NDArray[np.float32], width: float, height: float, margin: float) -> MapView:
    """The largest view of ``width`` by ``height`` pixels that shows the positions (m, 2) with a margin around them.

    Points that lie far away from nearly all others may be left out, as they would make the others a dot.
    """
    if not len(positions):
        return MapView(-width / 2, -height / 2, 1.0)
    low, high = _bounds(positions)
    size = np.maximum(high - low, SMALLEST)
    room = max(width - 2 * margin, 1.0), max(height - 2 * margin, 1.0)
    scale = float(min(room[0] / size[0], room[1] / size[1]))
    middle = (low + high) / 2
    return MapView(float(middle[0] - width / 2 / scale), float(middle[1] - height / 2 / scale), scale)


def is_near(first: MapView, second: MapView, width: float, height: float, share: float) -> bool:
    """Whether two views of that size differ by less than a share of it, in scale and in where their corners lie."""
    if abs(first.scale / second.scale - 1) > share:
        return False
    corners: tuple[Callable[[MapView], tuple[float, float]], ...] = (
        lambda view: (view.left, view.top),
        lambda view: view.to_map(width, height),
    )
    for corner in corners:
        (x, y), (other_x, other_y) = corner(first), corner(second)
        if abs(x - other_x) * second.scale > share * width or abs(y - other_y) * second.scale > share * height:
            return False
    return True


def _bounds(positions: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The corners of what should be seen: all points, or those not far from where most are."""
    across, down = positions[:, 0], positions[:, 1]  # one at a time: numpy is slow along the short axis
    all_low = np.array((across.min(), down.min()), np.float64)
    all_high = np.array((across.max(), down.max()), np.float64)
    sample = positions[:: max(1, len(positions) // SAMPLED)].astype(np.float64)
    low, high = np.quantile(sample, MOST, axis=0)
    spread = (high - low) * (STRETCH - 1) / 2
    if len(sample) < 20 or not (spread > 0).all():
        return all_low, all_high
    return np.maximum(all_low, low - spread), np.minimum(all_high, high + spread)
