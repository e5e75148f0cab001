"""The menus of ready motions and of the sound of a film."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QMenu, QWidget

from explorer.filming import Filming
from explorer.ui.dialogs import ask_open
from explorer.ui.panel import Desk

__all__ = ["MotionsMenu", "SoundMenu", "filming"]

SOUNDS: Final = "Sound (*.wav *.mp3 *.flac *.ogg *.m4a *.aac *.opus *.mp4 *.mov *.webm);;All files (*)"
EVERY: Final = {1: "every beat", 2: "every second beat", 4: "every fourth beat", 8: "every eighth beat"}


def filming(desk: Desk) -> Filming:
    """The verbs of films that take a while: measuring, sound, ready motions."""
    return desk.actions.filming


class MotionsMenu(QMenu):
    """The ready motions that fit the open model; choosing one puts it on the timeline."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """Offer what fits now."""
        self.clear()
        verbs = filming(self._desk)
        for preset in verbs.presets():
            action = self.addAction(preset.name, partial(verbs.add_preset, preset.name))
            action.setToolTip(preset.sentence)
        if not self.actions():
            self.addAction("No ready motion fits this model").setEnabled(False)


class SoundMenu(QMenu):
    """Open or remove the sound of a film, and put its keyframes on the beats."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setToolTipsVisible(True)
        self._open = self.addAction("Open a sound file…", self.ask_sound)
        self._open.setToolTip("Its beats are found, and pull at keyframes; the film is exported with it.")
        self._drop = self.addAction("Remove the sound", self.drop_sound)
        self.addSeparator()
        self._beats = {every: self.addAction(f"Keyframes on {words}") for every, words in EVERY.items()}
        for every, action in self._beats.items():
            action.triggered.connect(partial(self.put_on_beats, every))
        self.aboutToShow.connect(self.follow)

    @Slot()
    def follow(self) -> None:
        """Offer what the film has."""
        film = self._desk.session.film
        sound = film.sound
        self._drop.setEnabled(sound is not None)
        self._drop.setText(f"Remove {Path(sound.path).name}" if sound is not None else "Remove the sound")
        for action in self._beats.values():
            action.setEnabled(sound is not None and bool(sound.beats) and film.is_playable)

    @Slot()
    def ask_sound(self) -> None:
        ask_open(self.window(), "Sound of the film", "", SOUNDS, filming(self._desk).load_sound)

    @Slot()
    def drop_sound(self) -> None:
        filming(self._desk).drop_sound()

    def put_on_beats(self, every: int, checked: bool = False) -> None:
        filming(self._desk).on_beats(every)
