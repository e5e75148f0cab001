"""Keeping several ways that a denoising run can go, and going from one to another."""

from __future__ import annotations

import string
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from explorer.runs import Branch, DeletedBranch, change_paint, common_steps, with_branch, without_branch
from explorer.scene import ImageFile, Scene
from explorer.session import Session

__all__ = ["Branching", "next_name"]


class Branching(QObject):
    """Which of the session's branches the scene belongs to, and the verbs for them. Main thread only.

    One is always on a branch, as soon as there is one: what is changed from its first step on changes that branch. A
    change that reaches further back makes the scene a run of its own, and the branch stays as it was. Branches take
    over the scene when it is settled, so that a drag writes them once. A branch on which nothing was done goes when one
    leaves it. Changes act from where the branch begins; in a run that is not kept, from its last turn on.
    """

    changed = Signal()  # another branch is the current one, or there are others

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._name = ""  # of the branch one is on; nothing: a run that is not kept
        self._turns: tuple[int, ...] = ()  # where the scene seen last is led elsewhere
        self._stays = False  # on its branch, whatever the scene becomes
        self.deleted: DeletedBranch | None = None  # the newest one, to be brought back
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
        branch = self.find(name)
        if branch is None or name == self._name:
            return
        left = self.current()
        self._arrive(branch)
        self._drop_if_empty(left)
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
        """Let a branch go; those that left it now leave the one it left. ``bring_back`` undoes it."""
        session = self._session
        kept, gone = without_branch(session.branches, name)
        if gone is None:
            return
        if session.view.compare == name:
            session.set_view(replace(session.view, compare=""))
        if self._name == name:
            self._name = ""
            parent = self.find(gone.branch.parent)
            if parent is not None:
                self._arrive(parent)
        self.deleted = gone
        session.set_branches(kept)
        self.changed.emit()

    @Slot()
    def bring_back(self) -> None:
        """Put the branch that was deleted last back where it was, and go to it."""
        if self.deleted is None:
            return
        branches, deleted = self._session.branches, self.deleted
        name = deleted.branch.name if self.find(deleted.branch.name) is None else next_name(branches)
        self.deleted = None
        self._session.set_branches(with_branch(branches, deleted, name))
        self.go_to(name)
        self.changed.emit()

    def paint(self, paint: ImageFile | None, step: int) -> None:
        """Lay a painting over the predicted picture of a step: a branch from there, unless one is on it already."""
        current = self.current()
        is_there = current is not None and current.step == step
        if paint is not None and step > 0 and not is_there:
            self.branch_here(step)
        self._stays = is_there and step > 0  # without paint it may be as the run it left, and is still this branch
        self._session.change(change_paint(self._session.scene, paint, step), "Paint" if paint else "Clear the paint")
        self._stays = False

    # --- following the session ---

    @Slot()
    def follow(self) -> None:
        """Find the branch that the scene belongs to, and let that branch take it over where it is settled."""
        session, current, before = self._session, self.current(), self._turns
        scene = session.scene
        self._turns = tuple(turn.step for turn in scene.denoising.turns)
        if current is not None and current.scene == scene:
            return
        same = None if self._stays else self._like(scene)
        if same is not None or (current is not None and not _continues(current, scene)):
            self._name = same.name if same is not None else ""
            self._drop_if_empty(current)
        elif current is not None and scene == session.history.entry.scene:
            taken = replace(current, scene=scene)
            session.set_branches(tuple(taken if each.name == current.name else each for each in session.branches))
        if same is not None or not self._fits(before):
            session.set_turn_step(self._begins())
        self.changed.emit()

    @Slot()
    def forget(self) -> None:
        """Another model has other branches."""
        scene = self._session.scene
        same = self._like(scene)
        self._name, self.deleted = same.name if same is not None else "", None
        self._turns = tuple(turn.step for turn in scene.denoising.turns)
        self._session.set_turn_step(self._begins())
        self.changed.emit()

    # --- private ---

    def _arrive(self, branch: Branch) -> None:
        """Show the run of a branch, and have changes act from where it begins."""
        self._name = branch.name
        self._session.change(branch.scene, f"Branch {branch.name}")
        self._session.set_turn_step(self._begins())

    def _like(self, scene: Scene) -> Branch | None:
        """The branch of a scene; the newest, since an empty one is as the run it left, and there while one is on it."""
        return next((branch for branch in reversed(self._session.branches) if branch.scene == scene), None)

    def _begins(self) -> int | None:
        """The step that changes of the scene should act from: nothing that turns later may hide them."""
        current, turns = self.current(), self._session.scene.denoising.turns
        begins = current.step if current is not None else 0
        return max(begins, turns[-1].step if turns else 0) or None

    def _fits(self, before: tuple[int, ...]) -> bool:
        """Whether the step that changes act from is one where the scene turns, or where its branch begins.

        That changes act all the way is the person's wish as long as the scene turns where it did ``before``.
        """
        step, current = self._session.turn_step, self.current()
        if step is None:
            return before == self._turns or self._begins() is None
        return step in self._turns or (current is not None and current.step == step)

    def _drop_if_empty(self, branch: Branch | None) -> None:
        """Let a branch go on which nothing was done."""
        parent = self.find(branch.parent) if branch is not None else None
        if branch is not None and parent is not None and branch.scene == parent.scene:
            kept, _ = without_branch(self._session.branches, branch.name)
            self._session.set_branches(kept)


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
