"""Pictures of the keyframes in view: asked for when they are first seen, and kept small."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Slot

from explorer.live import Tile
from explorer.scene import Scene
from explorer.ui.panel import Desk
from explorer.ui.timeline.track import TimelineTrack

__all__ = ["KeyframePictures", "reduced"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

KEPT_SIDE: Final = 128  # pixels that a kept thumbnail needs at most
MOST: Final = 500  # pictures that are kept
MOST_AT_ONCE: Final = 120  # that are asked for
WAIT: Final = 40  # milliseconds: scrolling and dragging ask once when they rest


def reduced(pixels: Pixels) -> Pixels:
    """A picture (h, w, c) averaged in whole blocks, so that a kept thumbnail of a large one stays small."""
    block = min(pixels.shape[:2]) // KEPT_SIDE
    if block < 2:
        return pixels
    height, width = (length // block for length in pixels.shape[:2])
    blocks = pixels[: height * block, : width * block].reshape(height, block, width, block, -1)
    means: Pixels = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return means


class KeyframePictures(QObject):
    """Gives the track the pictures of what it shows. Main thread only."""

    def __init__(self, desk: Desk, track: TimelineTrack) -> None:
        super().__init__(track)
        self._desk, self._track = desk, track
        self._pictures: dict[Scene, Pixels] = {}
        self._asked: tuple[Scene, ...] = ()  # and not all there yet
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT)
        self._timer.timeout.connect(self.ask)
        track.set_thumbnails(self._pictures)
        track.viewChanged.connect(self.ask_soon)

    @Slot()
    def ask_soon(self) -> None:
        """Ask for what is seen when it has been seen for a moment."""
        self._timer.start()

    @Slot()
    def ask(self) -> None:
        """Ask for the pictures in view that are not there, unless they are on their way."""
        self._timer.stop()
        track, keyframes = self._track, self._track.film().keyframes
        places, seen = track.places(), track.visible()
        shown = [keyframes[index].scene for index in seen if places.side(index)]
        if places.count and places.side(0):
            shown.append(keyframes[0].scene)  # a loop ends on it
        missing = tuple(dict.fromkeys(scene for scene in shown if scene not in self._pictures))[:MOST_AT_ONCE]
        if missing and not set(missing) <= set(self._asked):
            self._asked = missing
            self._desk.live.tiles("film", list(missing), partial(self._take, missing))

    @Slot()
    def forget(self) -> None:
        """Another model has other pictures of the same keyframes."""
        self._pictures.clear()
        self._asked = ()
        self._track.update()
        self.ask()

    def _take(self, scenes: Sequence[Scene], tile: Tile) -> None:
        """Keep the picture of one of the scenes asked for, wherever it stands by now."""
        while len(self._pictures) >= MOST:
            del self._pictures[next(iter(self._pictures))]
        self._pictures[scenes[tile.index]] = reduced(tile.picture.pixels)
        if tile.index == len(scenes) - 1 and scenes == self._asked:
            self._asked = ()
        self._track.update()
