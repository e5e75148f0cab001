"""Keeping several ways that a denoising run can go, and going from one to another."""

from __future__ import annotations

import string
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from explorer.runs import Branch, change_paint, common_steps
from explorer.scene import ImageFile, Scene
from explorer.session import Session

__all__ = ["Branching", "next_name"]


class Branching(QObject):
    """Which of the session's branches the scene belongs to, and the verbs for them. Main thread only.

    One is always on a branch, as soon as there is one: what is changed from its first step on changes that branch. A
    change that reaches further back makes the scene a run of its own, and the branch stays as it was. Branches take
    over the scene when it is settled, so that a drag writes them once.
    """

    changed = Signal()  # another branch is the current one, or there are others

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._name = ""  # of the branch one is on; nothing: a run that is not kept
        session.history_changed.connect(self.follow)
        session.scene_seen.connect(self.follow)
        session.kept_changed.connect(self.changed)
        session.model_changed.connect(self.forget)
        session.turn_changed.connect(self.changed)

    def current(self) -> Branch | None:
        """The branch that the scene belongs to, or None where the run is not kept."""
        return self.find(self._name)

    def find(self, name: str) -> Branch | None:
        """The branch of a name."""
        return next((branch for branch in self._session.branches if branch.name == name), None)

    def scene(self, branch: Branch) -> Scene:
        """The scene of a branch as it is now, also in the middle of a drag."""
        return self._session.scene if branch.name == self._name else branch.scene

    # --- verbs ---

    def branch_here(self, step: int) -> None:
        """Keep the present run, and have what is changed from now on act from ``step`` on only."""
        session = self._session
        if session.model is None:
            return
        if step == 0:  # nothing before it could be kept
            self.keep_run()
            self._name = ""
            session.set_turn_step(None)
            self.changed.emit()
            return
        parent = self.keep_run()
        branch = Branch(next_name(session.branches), session.scene, parent.name, step)
        self._name = branch.name
        session.set_branches((*session.branches, branch))
        session.set_turn_step(step)
        self.changed.emit()

    def keep_run(self) -> Branch:
        """Keep the present run under a name, if it is not kept yet; gives its branch."""
        self.follow()
        current = self.current()
        if current is None:
            current = Branch(next_name(self._session.branches), self._session.scene)
            self._name = current.name
            self._session.set_branches((*self._session.branches, current))
        return current

    def go_to(self, name: str) -> None:
        """Show the run of a branch, as a step of undo; changes act from where it begins."""
        branch, session = self.find(name), self._session
        if branch is None or name == self._name:
            return
        self._drop_unchanged()
        self._name = name
        session.change(branch.scene, f"Branch {name}")
        session.set_turn_step(branch.step or None)
        self.changed.emit()

    @Slot()
    def change_whole_run(self) -> None:
        """Have changes act on the whole run again, from its first step on."""
        self._session.set_turn_step(None)

    def rename(self, name: str, new: str) -> None:
        """Call a branch by another name; one that is taken, or empty, changes nothing."""
        new = new.strip()
        if not new or self.find(new) is not None:
            return
        renamed = tuple(
            replace(
                each,
                name=new if each.name == name else each.name,
                parent=new if each.parent == name else each.parent,
            )
            for each in self._session.branches
        )
        if self._name == name:
            self._name = new
        if self._session.view.compare == name:
            self._session.set_view(replace(self._session.view, compare=new))
        self._session.set_branches(renamed)

    def delete(self, name: str) -> None:
        """Let a branch go; those that left it now leave the one it left."""
        gone, session = self.find(name), self._session
        if gone is None:
            return
        if session.view.compare == name:
            session.set_view(replace(session.view, compare=""))
        parent = self.find(gone.parent)
        if self._name == name:
            self._name = ""
            if parent is not None:
                self._name = parent.name
                session.change(parent.scene, f"Branch {parent.name}")
                session.set_turn_step(parent.step or None)
        kept = (each for each in session.branches if each.name != name)
        session.set_branches(
            tuple(
                replace(each, parent=gone.parent, step=min(each.step, gone.step) if gone.parent else each.step)
                if each.parent == name
                else each
                for each in kept
            )
        )
        self.changed.emit()

    def paint(self, paint: ImageFile | None, step: int) -> None:
        """Lay a painting over the predicted picture of a step: a branch from there, unless one is on it already."""
        current = self.current()
        if paint is not None and step > 0 and (current is None or current.step != step):
            self.branch_here(step)
        self._session.change(change_paint(self._session.scene, paint, step), "Paint" if paint else "Clear the paint")

    # --- following the session ---

    @Slot()
    def follow(self) -> None:
        """Find the branch that the scene belongs to, and let that branch take it over where it is settled."""
        session, current = self._session, self.current()
        scene = session.scene
        if current is not None and current.scene == scene:
            return
        same = next((branch for branch in session.branches if branch.scene == scene), None)
        if same is not None:
            self._name = same.name
            session.set_turn_step(same.step or None)
        elif current is not None and not _continues(current, scene):
            self._name = ""
        elif current is not None and scene == session.history.entry.scene:
            taken = replace(current, scene=scene)
            session.set_branches(tuple(taken if each.name == current.name else each for each in session.branches))
        self.changed.emit()

    @Slot()
    def forget(self) -> None:
        """Another model has other branches."""
        scene = self._session.scene
        self._name = next((branch.name for branch in self._session.branches if branch.scene == scene), "")
        current = self.current()
        self._session.set_turn_step(current.step or None if current is not None else None)
        self.changed.emit()

    def _drop_unchanged(self) -> None:
        """Let go of the current branch where nothing was done on it."""
        current = self.current()
        parent = self.find(current.parent) if current is not None else None
        if current is not None and parent is not None and self._session.scene == parent.scene:
            self._name = ""
            self._session.set_branches(tuple(each for each in self._session.branches if each.name != current.name))


def next_name(branches: tuple[Branch, ...]) -> str:
    """The first of A, B, ..., Z, AA, AB, ... that no branch has."""
    taken, letters = {branch.name for branch in branches}, string.ascii_uppercase
    for count in range(len(branches) + 1):
        name = letters[count] if count < 26 else letters[count // 26 - 1] + letters[count % 26]
        if name not in taken:
            return name
    raise AssertionError("there should be a free name")


def _continues(branch: Branch, scene: Scene) -> bool:
    """Whether a scene is a branch led elsewhere, not before it begins."""
    return branch.step > 0 and common_steps(branch.scene, scene, branch.step) == branch.step
