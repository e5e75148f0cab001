"""The buttons that move the playhead of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from explorer.playback import SPEEDS, Playback
from explorer.ui.icon_button import IconButton
from explorer.ui.panel import Desk

__all__ = ["Transport"]

BUTTONS: Final = (
    ("start", "to-start", "To the mark in, then to the first step (Home)."),
    ("back", "step-back", "One step back (Left)."),
    ("play", "play", "Play or pause (Space). J, K and L play backwards, pause and play on; again is faster."),
    ("on", "step-on", "One step on (Right)."),
    ("end", "to-end", "To the mark out, then to the last step (End)."),
    ("loop", "loop", "Play round and round, or stop at the end."),
    ("in", "mark-in", "Play from this step on, or from the first again (I)."),
    ("out", "mark-out", "Play up to this step, or to the last again (O)."),
)


class Transport(QWidget):
    """Start, back, play, on, end, speed, loop, and the marks between which is played."""

    def __init__(self, desk: Desk, playback: Playback, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._playback = desk, playback
        self.buttons = {name: IconButton(icon, words, self, "text") for name, icon, words in BUTTONS}
        for name in ("loop", "in", "out"):
            self.buttons[name].setCheckable(True)
        self.buttons["play"].setProperty("flat", False)
        self.speed = QComboBox(self)
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}×", speed)
        self.speed.setFixedWidth(68)
        self.speed.setToolTip("How fast it plays: 1× is 12 steps a second.")
        self.speed.setAccessibleName("Speed")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for name in ("start", "back", "play", "on", "end"):
            row.addWidget(self.buttons[name])
        row.addSpacing(2)
        row.addWidget(self.speed)
        row.addSpacing(2)
        for name in ("loop", "in", "out"):
            row.addWidget(self.buttons[name])
        slots = {
            "start": playback.go_to_start,
            "back": playback.step_back,
            "play": playback.toggle,
            "on": playback.step_on,
            "end": playback.go_to_end,
            "loop": self.change,
            "in": playback.toggle_in,
            "out": playback.toggle_out,
        }
        for name, slot in slots.items():
            self.buttons[name].clicked.connect(slot)
        self.speed.activated.connect(self.change)
        playback.playing_changed.connect(self.show_playing)
        playback.marks_changed.connect(self.show_playing)
        playback.run_changed.connect(self.show_playing)
        playback.moved.connect(self.show_playing)
        desk.session.view_changed.connect(self.show_view)
        self.show_view()
        self.show_playing()

    @Slot()
    def show_view(self) -> None:
        """Show and follow the speed and the loop of the view."""
        view = self._desk.session.view
        blocker = QSignalBlocker(self.speed)
        nearest = min(range(len(SPEEDS)), key=lambda index: abs(SPEEDS[index] - view.run_speed))
        self.speed.setCurrentIndex(nearest)
        del blocker
        self.buttons["loop"].setChecked(view.loop_run)
        self._playback.speed, self._playback.loop = view.run_speed, view.loop_run

    @Slot()
    def show_playing(self) -> None:
        """Show whether it plays, and what is marked."""
        playback, rate = self._playback, self._playback.rate()
        play = self.buttons["play"]
        play.setIconName("pause" if rate else "play")
        play.setAccessibleName("Pause" if rate else "Play")
        here = playback.position()
        for name, mark in (("in", playback.mark_in), ("out", playback.mark_out)):
            self.buttons[name].setChecked(mark is not None and mark == here)
        for button in self.buttons.values():
            button.setEnabled(playback.run.total > 1)

    @Slot()
    def change(self) -> None:
        """Make the view what the controls say."""
        session = self._desk.session
        speed = float(self.speed.currentData())
        session.set_view(replace(session.view, loop_run=self.buttons["loop"].isChecked(), run_speed=speed))
