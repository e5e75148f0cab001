"""What a drag on the map does: move it, or draw a lasso or a box around points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt

from explorer.ui.atlas.map_view import MapView

__all__ = ["BOX", "LASSO", "PAN", "Hand", "Outline", "mode_of", "tool_for"]

PAN: Final = ""
LASSO: Final = "lasso"
BOX: Final = "box"
STILL: Final = 4.0  # pixels: a press that moves less is a click
NEAR: Final = 3.0  # pixels between the corners of a lasso, at least


@dataclass(frozen=True, slots=True)
class Outline:
    """A lasso or box while it is drawn, in positions of the map; a box is held at its first and last corner."""

    tool: str
    mode: str
    corners: tuple[tuple[float, float], ...]

    def polygon(self) -> npt.NDArray[np.float64]:
        """The corners (k, 2) of what it encloses."""
        if self.tool == LASSO:
            return np.array(self.corners, np.float64)
        (left, top), (right, bottom) = self.corners[0], self.corners[-1]
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def tool_for(chosen: str, modifiers: Qt.KeyboardModifier) -> str:
    """What a drag does: the tool that was chosen, or else a lasso with Shift held and moving without."""
    if chosen == PAN and modifiers & Qt.KeyboardModifier.ShiftModifier:
        return LASSO
    return chosen


def mode_of(modifiers: Qt.KeyboardModifier) -> str:
    """How what is enclosed joins the selection: Shift adds, Alt (or Ctrl) takes away, both keep what is in both."""
    adds = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    takes = bool(modifiers & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier))
    return {(False, False): "set", (True, False): "add", (False, True): "subtract", (True, True): "intersect"}[
        adds, takes
    ]


class Hand:
    """What the mouse holds between a press and a release: nothing, the map, or an outline."""

    def __init__(self) -> None:
        self.tool = PAN
        self.outline: Outline | None = None
        self._pressed: QPointF | None = None  # until it moves: a press that does not is a click
        self._map: tuple[QPointF, MapView] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the map is held or an outline drawn."""
        return self.outline is not None or self._map is not None

    @property
    def is_moving(self) -> bool:
        """Whether the map is held and has been moved."""
        return self._map is not None and self._pressed is None

    def press(self, point: QPointF, modifiers: Qt.KeyboardModifier, view: MapView, only_moves: bool) -> None:
        """Take hold at a point of the widget; ``only_moves`` holds the map whatever the tool."""
        self._pressed = point
        tool = PAN if only_moves else tool_for(self.tool, modifiers)
        if tool == PAN:
            self._map = (point, view)
        else:
            self.outline = Outline(tool, mode_of(modifiers), (view.to_map(point.x(), point.y()),))

    def move(self, point: QPointF, view: MapView) -> MapView | None:
        """Go to a point: the view with the map there, or None where it is not the map that is moved."""
        if self._pressed is not None and (point - self._pressed).manhattanLength() > STILL:
            self._pressed = None
        if self.outline is not None:
            self.outline = _extended(self.outline, view.to_map(point.x(), point.y()), view.scale)
        elif self._map is not None and self._pressed is None:
            start, before = self._map
            return before.moved(point.x() - start.x(), point.y() - start.y())
        return None

    def take_view(self, point: QPointF | None, view: MapView) -> None:
        """Hold the map where it is after something else has moved it."""
        if self._map is not None and point is not None:
            self._map = (point, view)

    def release(self) -> tuple[bool, Outline | None]:
        """Let go: whether it was a click, and the outline that encloses something."""
        was_click, outline = self._pressed is not None, self.outline
        self.drop()
        return was_click, outline if not was_click and outline is not None and len(outline.corners) > 1 else None

    def drop(self) -> None:
        """Let go, and forget what was held."""
        self.outline, self._pressed, self._map = None, None, None


def _extended(outline: Outline, place: tuple[float, float], scale: float) -> Outline:
    """The outline with the mouse at a place of the map; ``scale`` is pixels per unit."""
    corners = outline.corners
    if outline.tool == BOX:
        return Outline(outline.tool, outline.mode, (corners[0], place))
    last = corners[-1]
    if max(abs(place[0] - last[0]), abs(place[1] - last[1])) * scale < NEAR:
        return outline
    return Outline(outline.tool, outline.mode, (*corners, place))
