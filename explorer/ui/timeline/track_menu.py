"""The menu of the track: what can be done with the selected keyframes, their ways, and the film."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from explorer.ui.timeline.track import TimelineTrack

__all__ = ["EASING_WORDS", "TrackMenu"]

EASING_WORDS: Final = {  # every easing with a name: what it is called, and what it does
    "linear": ("Linear", "The film moves evenly all the way."),
    "ease": ("Ease", "The film starts and arrives gently."),
    "ease-in": ("Ease in", "The film starts gently and arrives at full speed."),
    "ease-out": ("Ease out", "The film starts at full speed and arrives gently."),
    "hold": ("Hold", "The film rests at the keyframe and jumps to the next one."),
}


class TrackMenu(QMenu):
    """Made once; every time it is shown it follows what is selected."""

    def __init__(self, track: TimelineTrack) -> None:
        super().__init__(track)
        self.setToolTipsVisible(True)
        self._track, self._seconds = track, 0.0
        self._of_keyframes = [
            self.addAction("Go to keyframe\tReturn", track.go_to_current),
            self.addAction("Replace with the current point", track.replace_current),
            self.addAction("Duplicate\tCtrl+D", track.duplicate_selected),
            self.addAction("Remove\tDelete", track.remove_selected),
        ]
        self.easing = self.addMenu("Way to the next keyframe")
        self.easing.setToolTipsVisible(True)
        self._easings = QActionGroup(self.easing)
        self._named: dict[str, QAction] = {}
        for name, (words, sentence) in EASING_WORDS.items():
            action = self.easing.addAction(words, partial(track.ease_selected, name))
            action.setToolTip(sentence)
            action.setCheckable(True)
            self._named[name] = self._easings.addAction(action)
        self._own = self.easing.addAction("Own curve…", track.curveAsked.emit)
        self._own.setToolTip("Draw how the film moves along the way.")
        self._own.setCheckable(True)
        self._easings.addAction(self._own)
        self.addSeparator()
        self._insert = self.addAction("Insert the current point here", self._insert_here)
        self.addAction("Select all\tCtrl+A", track.select_all)
        self._unregion = self.addAction("Play the whole film again", track.clear_region)
        self.addSeparator()
        self._fit = self.addAction("Show the whole film\t0", track.fit)

    def show_for(self, seconds: float, place: QPoint) -> None:
        """Pop up at a place of the screen, for a moment of the film."""
        self._seconds = seconds
        self.follow()
        self.popup(place)

    def follow(self) -> None:
        """Offer what fits the selection."""
        track, film = self._track, self._track.film()
        chosen = track.selection()
        for action in (*self._of_keyframes, self.easing.menuAction()):
            action.setEnabled(bool(chosen))
        easings = {film.keyframes[index].easing for index in chosen}
        self._easings.setExclusive(False)
        for name, action in self._named.items():
            action.setChecked(easings == {name})
        self._own.setChecked(any(not isinstance(easing, str) for easing in easings))
        self._easings.setExclusive(True)
        self._insert.setText(f"Insert the current point at {self._seconds:.2f} s")
        self._unregion.setVisible(film.region is not None)
        self._fit.setEnabled(track.isZoomed())

    @Slot()
    def _insert_here(self) -> None:
        self._track.insertAsked.emit(self._seconds)
