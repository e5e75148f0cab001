"""The other run that the one shown is compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from explorer.branching import Branching
from explorer.playback import Playback
from explorer.runs import Branch
from explorer.scene import Scene
from explorer.ui.panel import Desk

__all__ = ["Comparing"]

LANE: Final = "branch"


class Comparing(QObject):
    """Asks for the steps of the branch named by the view, and says how both are shown. Main thread only."""

    changed = Signal()

    def __init__(self, desk: Desk, branching: Branching, playback: Playback, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._branching, self._playback = desk, branching, playback
        self.way = "wipe"  # or beside
        self.is_seen = False  # nothing is asked for while nobody looks
        self._asked: Scene | None = None
        branching.changed.connect(self.follow)
        desk.session.view_changed.connect(self.follow)

    def branch(self) -> Branch | None:
        """The branch compared with; None where there is none, or it is the one shown."""
        branch, current = self._branching.find(self._desk.session.view.compare), self._branching.current()
        return None if branch is None or (current is not None and branch.name == current.name) else branch

    def title(self) -> str:
        """What the run shown is called."""
        current = self._branching.current()
        return current.name if current is not None else "this run"

    @Slot()
    def toggle(self) -> None:
        """Compare with the branch that this one left, or the first other; where one is compared, stop that."""
        session, current = self._desk.session, self._branching.current()
        if self.branch() is not None:
            session.set_view(replace(session.view, compare=""))
            return
        names = [each.name for each in session.branches if current is None or each.name != current.name]
        parent = current.parent if current is not None else ""
        if names:
            session.set_view(replace(session.view, compare=parent if parent in names else names[0]))

    def set_way(self, way: str) -> None:
        """Compare with a divider ("wipe") or side by side ("beside")."""
        if way != self.way:
            self.way = way
            self.changed.emit()

    def set_seen(self, is_seen: bool) -> None:
        """Whether anyone looks."""
        self.is_seen = is_seen
        self.follow()

    @Slot()
    def follow(self) -> None:
        """Ask for the steps of the branch where they are not those there are."""
        model, branch = self._desk.session.model, self.branch()
        if model is None or branch is None:
            if self._asked is not None:
                self._asked = None
                self._playback.forget_other()
        elif self.is_seen and branch.scene != self._asked:
            self._asked = branch.scene
            self._desk.live.steps(LANE, model, branch.scene, self._playback.take_other)
        self.changed.emit()
