"""Playing for an audience: controllers, recording and the picture on a screen of its own, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QScreen
from PySide6.QtWidgets import QWidget

from explorer.actions import Message
from explorer.animation import Film, duration
from explorer.control import Binding, named, told_address
from explorer.controlling import Controls
from explorer.recording import Recorder
from explorer.ui.control_box import ControlBox
from explorer.ui.learning import Learning
from explorer.ui.panel import Desk
from explorer.ui.stage import Stage, usual_screen

__all__ = ["Performing"]


class Performing(QObject):
    """What a window needs for live use. ``close`` before the program's threads end."""

    recording_changed = Signal(bool)

    def __init__(self, desk: Desk, window: QWidget, shortcuts: Iterable[QAction] = ()) -> None:
        """``shortcuts`` work on the stage too."""
        super().__init__(window)
        self._desk, self._window = desk, window
        actions, motion = desk.actions, desk.actions.motion
        self.recorder = Recorder(desk.session, self)
        verbs = {
            "do/walk": motion.toggle_walk,
            "do/play": motion.toggle_film,
            "do/random": actions.random_seed,
            "do/next": actions.next_seed,
            "do/previous": actions.previous_seed,
            "do/blend": actions.blend_seed,
            "do/keyframe": actions.add_keyframe,
            "do/favourite": actions.toggle_favourite,
            "do/record": self.recorder.toggle,
        }
        self.controls = Controls(desk.session, motion, actions.workers.background, actions.fail, verbs, self)
        self.learning = Learning(self.controls, window)
        self.stage = Stage(desk.session, window)
        self.stage.addActions(list(shortcuts))
        self._box: ControlBox | None = None
        self.stage.told.connect(self._tell)
        self.controls.learnt.connect(self._tell_learnt)
        self.controls.learning_changed.connect(self._tell_learning)
        self.recorder.changed.connect(self._tell_recording)
        self.recorder.recorded.connect(self.take_film)

    @Slot()
    def show_controls(self) -> None:
        """Show what moves the sliders from outside."""
        if self._box is None:
            self._box = ControlBox(self.controls, self._window)
        self._box.show()
        self._box.raise_()
        self._box.activateWindow()

    @Slot()
    def toggle_recording(self) -> None:
        """Record what happens to the picture, or stop and put it on the timeline."""
        self.recorder.toggle()

    @Slot()
    def toggle_stage(self) -> None:
        """Show the picture alone on the second screen, or no longer."""
        if self.stage.isVisible():
            self.stage.close()
        else:
            self.stage.open_on(usual_screen())

    def open_stage(self, screen: QScreen) -> None:
        """Show the picture alone on a screen."""
        self.stage.open_on(screen)

    @Slot(object)
    def take_film(self, film: Film) -> None:
        """Put what was recorded on the timeline."""
        kept = replace(self._desk.session.film, keyframes=film.keyframes, region=None, sound=None)
        kept = replace(kept, loop=False, path="natural", even=False)
        self._desk.session.change_film(kept, "Record a film")
        hint = "It is on the timeline; undo brings back what was there."
        self._say(f"{duration(film):.1f} seconds are recorded.", hint)

    def close(self) -> None:
        """Stop listening and close the stage. Safe to call twice."""
        self.controls.close()
        self.stage.close()

    @Slot(str)
    def _tell(self, words: str) -> None:
        self._say(words)

    @Slot(object)
    def _tell_learnt(self, binding: Binding) -> None:
        self._say(f"{told_address(binding.address)} is bound to {named(binding.target)}.")

    @Slot()
    def _tell_learning(self) -> None:
        target = self.controls.learning()
        if target:
            self._say(f"Learning {named(target)}:", "move a knob, press a key, or send a message.")

    @Slot()
    def _tell_recording(self) -> None:
        self.recording_changed.emit(self.recorder.is_recording())
        if self.recorder.is_recording():
            self._say("Recording.", "What happens to the picture becomes a film.")

    def _say(self, text: str, hint: str = "") -> None:
        self._desk.actions.told.emit(Message(text, hint, is_error=False))
