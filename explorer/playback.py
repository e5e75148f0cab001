"""Playing a denoising run: the steps that are kept, and a playhead that moves over them without asking the network."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from explorer.runs import Run, StepPictures

__all__ = ["SPEEDS", "STEPS_PER_SECOND", "Playback"]

TICK_MILLISECONDS: Final = 15
STEPS_PER_SECOND: Final = 12.0  # at speed 1
SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
FASTEST: Final = 8  # times as fast, by pressing J or L again


class Playback(QObject):
    """The run of the session's scene, another one to compare it with, and where in it the playhead is.

    Main thread only. Steps are counted from 0. What is played goes round between the marks, or ends there.
    """

    run_changed = Signal()  # another run has begun, or there is none
    step_taken = Signal(int)  # the pictures of a step are new
    compared = Signal(int)  # the pictures of a step of the other run are new; -1: all of them
    moved = Signal(int)  # the step at the playhead
    playing_changed = Signal()
    marks_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run, self.other = Run(), Run()
        self.speed, self.loop = 1.0, True
        self.mark_in: int | None = None
        self.mark_out: int | None = None
        self._place = 0.0  # a step is shown while the place is from its number to the next
        self._rate = 0  # how many times as fast, below 0 backwards; 0: pause
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)

    # --- the steps ---

    @Slot(object)
    def take(self, step: StepPictures) -> None:
        """Take a step of the session's run. A run of another length keeps the playhead at the same part of it."""
        before = self.run.total
        begins = self.run.take(step)
        if step.total != before:
            is_at_end = before == 0 or self.position() >= before - 1
            part = 1.0 if is_at_end else self.position() / (before - 1)
            self._place = float(round(part * (step.total - 1)))
            self.mark_in = self.mark_out = None
            self.marks_changed.emit()
        if begins or step.total != before:
            self.run_changed.emit()
        self.step_taken.emit(step.index)

    @Slot(object)
    def take_other(self, step: StepPictures) -> None:
        """Take a step of the run that is compared."""
        self.other.take(step)
        self.compared.emit(step.index)

    def forget_other(self) -> None:
        """Compare with nothing."""
        self.other.clear()
        self.compared.emit(-1)

    @Slot()
    def clear(self) -> None:
        """Forget all steps, because another model is open."""
        self.pause()
        self.run.clear()
        self.mark_in = self.mark_out = None
        self.forget_other()
        self.marks_changed.emit()
        self.run_changed.emit()

    # --- the playhead ---

    def position(self) -> int:
        """The step at the playhead, whether there is a picture of it yet or not."""
        return min(max(int(self._place), 0), max(self.run.total - 1, 0))

    def shown(self) -> int:
        """The step whose picture is shown: that at the playhead, or the newest before it; -1 for none."""
        step = self.run.at(self.position())
        return -1 if step is None else step.index

    def span(self) -> tuple[int, int]:
        """The first and the last step that are played."""
        last = max(self.run.total - 1, 0)
        low = 0 if self.mark_in is None else min(self.mark_in, last)
        return low, last if self.mark_out is None else max(min(self.mark_out, last), low)

    @Slot(int)
    def go_to(self, index: int) -> None:
        """Pause at a step."""
        self.pause()
        self._move(float(min(max(index, 0), max(self.run.total - 1, 0))))

    @Slot()
    def step_on(self) -> None:
        self.go_to(self.position() + 1)

    @Slot()
    def step_back(self) -> None:
        self.go_to(self.position() - 1)

    @Slot()
    def go_to_start(self) -> None:
        """To the mark in, and from there to the first step."""
        low = self.span()[0]
        self.go_to(low if self.position() > low else 0)

    @Slot()
    def go_to_end(self) -> None:
        """To the mark out, and from there to the last step."""
        high = self.span()[1]
        self.go_to(high if self.position() < high else self.run.total - 1)

    # --- playing ---

    def is_playing(self) -> bool:
        return self._rate != 0

    def rate(self) -> int:
        """How many times as fast it plays, below 0 backwards; 0 where it does not."""
        return self._rate

    @Slot()
    def toggle(self) -> None:
        """Play, or pause."""
        if self._rate:
            self.pause()
        else:
            self._play(1)

    @Slot()
    def forward(self) -> None:
        """Play, and again: twice as fast."""
        self._play(min(self._rate * 2, FASTEST) if self._rate > 0 else 1)

    @Slot()
    def backward(self) -> None:
        """Play backwards, and again: twice as fast."""
        self._play(max(self._rate * 2, -FASTEST) if self._rate < 0 else -1)

    @Slot()
    def pause(self) -> None:
        if self._rate:
            self._rate = 0
            self._timer.stop()
            self._place = float(self.position())
            self.playing_changed.emit()

    @Slot()
    def toggle_in(self) -> None:
        """Mark the playhead as the first step to play, or take that mark away."""
        here = self.position()
        self.mark_in = None if self.mark_in == here else here
        if self.mark_in is not None and self.mark_out is not None and self.mark_out < self.mark_in:
            self.mark_out = None
        self.marks_changed.emit()

    @Slot()
    def toggle_out(self) -> None:
        """Mark the playhead as the last step to play, or take that mark away."""
        here = self.position()
        self.mark_out = None if self.mark_out == here else here
        if self.mark_out is not None and self.mark_in is not None and self.mark_in > self.mark_out:
            self.mark_in = None
        self.marks_changed.emit()

    def advance(self, seconds: float) -> None:
        """Move as far as is played in so many seconds. Steps that are not there yet are waited for."""
        low, high = self.span()
        place, count = self._place + seconds * STEPS_PER_SECOND * self.speed * self._rate, high - low + 1
        if place >= high + 1 or place < low:
            if not self.loop:
                self._move(float(high if place >= low else low))
                self.pause()
                return
            place = low + (place - low) % count
        self._move(min(place, self.run.reach() + 0.999))

    @Slot()
    def _tick(self) -> None:
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        self.advance(elapsed)

    def _play(self, rate: int) -> None:
        if self.run.total < 2:
            return
        low, high = self.span()
        here, is_paused = self.position(), self._rate == 0
        if is_paused and rate > 0 and not low <= here < high:
            self._move(float(low))
        elif is_paused and rate < 0 and not low < here <= high:
            self._move(high + 0.999)
        if not self._timer.isActive():
            self._last = time.monotonic()
            self._timer.start()
        self._rate = rate
        self.playing_changed.emit()

    def _move(self, place: float) -> None:
        before, self._place = self.position(), max(place, 0.0)
        if self.position() != before:
            self.moved.emit(self.position())
