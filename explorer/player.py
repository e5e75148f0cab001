"""Motion on screen: a function of time played in real time, whatever the speed of the network."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from explorer.scene import Scene

__all__ = ["Player"]

TICK_MILLISECONDS = 15


class Player(QObject):
    """Plays ``scene_at(seconds)``. Frames that the network is too slow for are skipped, time never is."""

    moved = Signal(object, float)  # the scene now, and the time in seconds
    stopped = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.speed = 1.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        self._scene_at: Callable[[float], Scene] | None = None
        self._duration = 0.0
        self._loop = False
        self._position = 0.0
        self._origin = 0.0
        self._last = 0.0

    def is_playing(self) -> bool:
        return self._timer.isActive()

    def play(
        self, scene_at: Callable[[float], Scene], duration: float, loop: bool, start: float = 0.0, origin: float = 0.0
    ) -> None:
        """Play ``duration`` seconds from ``start``; a loop goes on until it is stopped.

        ``origin`` is added to the times that are told: of a part of something, where that part begins.
        """
        self._scene_at, self._duration, self._loop, self._origin = scene_at, duration, loop, origin
        self._position, self._last = start, time.monotonic()
        self._timer.start()

    def set_loop(self, loop: bool) -> None:
        self._loop = loop

    def stop(self) -> None:
        """Pause where it is; emits ``stopped`` if it was playing."""
        if self._timer.isActive():
            self._timer.stop()
            self.stopped.emit()

    @Slot()
    def _tick(self) -> None:
        assert self._scene_at is not None
        now = time.monotonic()
        self._position += (now - self._last) * self.speed
        self._last = now
        ended = self._position >= self._duration
        if ended:
            self._position = self._position % self._duration if self._loop else self._duration
        self.moved.emit(self._scene_at(self._position), self._origin + self._position)
        if ended and not self._loop:
            self.stop()
