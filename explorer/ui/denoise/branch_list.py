"""The runs that are kept, as a tree: which left which at what step, and what is different in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from explorer.actions import Message
from explorer.branching import Branching
from explorer.live import Tile
from explorer.runs import Branch
from explorer.scene import Scene
from explorer.ui.denoise.branch_row import BranchRow
from explorer.ui.denoise.words import change_words
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk
from explorer.ui.segments import Segments

__all__ = ["BranchList"]

LANE: Final = "branches"
WAYS: Final = (
    ("wipe", "wipe", "Compare with a divider in the picture, to be dragged (W)."),
    ("beside", "beside", "Compare side by side."),
)


class BranchList(QWidget):
    """Rows of branches, how two are compared, and the way back to a deleted one.

    Reads the session, asks the branching.
    """

    way_chosen = Signal(str)  # "wipe" or "beside"

    def __init__(self, desk: Desk, branching: Branching, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._branching = desk, branching
        self._rows: list[BranchRow] = []
        self._shape: tuple[tuple[str, int], ...] = ()  # names and depths of the rows
        self._pictures: dict[Scene, np.ndarray] = {}
        self._asked: tuple[Scene, ...] = ()
        self.ways = Segments("Compare", WAYS, self)
        self.ways.setValue("wipe")
        self.pair = ElidedLabel(self)
        self.back = QPushButton(self)
        self.back.setAccessibleName("Bring back the deleted branch")
        self.back.setToolTip("Put the branch that was deleted last back where it was.")
        self.back.hide()
        title = QLabel("Branches", self)
        title.setProperty("title", True)
        inner = QWidget(self)
        inner.setProperty("flat", True)
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 2, 0)
        self._column.setSpacing(4)
        self._column.addStretch(1)
        self._scroll = QScrollArea(self)
        self._scroll.setWidget(inner)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(title)
        column.addWidget(self._scroll, 1)
        for each in (self.back, self.pair, self.ways):
            column.addWidget(each)
        self.back.clicked.connect(branching.bring_back)
        self.ways.chosen.connect(self._choose_way)
        branching.changed.connect(self.show_branches)
        desk.session.scene_seen.connect(self.show_branches)
        desk.session.view_changed.connect(self.show_branches)
        desk.session.model_changed.connect(self.forget)
        self.show_branches()

    def rows(self) -> list[BranchRow]:
        """The rows from the top."""
        return list(self._rows)

    @Slot()
    def forget(self) -> None:
        """Another model has other pictures."""
        self._pictures, self._asked = {}, ()
        self.show_branches()

    @Slot()
    def show_branches(self) -> None:
        """Show the branches as they are."""
        session, branching = self._desk.session, self._branching
        listed, current = tree(session.branches), branching.current()
        shape = tuple((branch.name, depth) for branch, depth in listed)
        if listed and current is None:
            shape = (("", 0), *shape)
        if shape != self._shape:
            self._make_rows(shape)
        for row in self._rows:
            branch = branching.find(row.name)
            if branch is None:
                row.show_branch(("This run",), "not kept", True, False)
            else:
                title = branch.name, f"from step {branch.step + 1}" if branch.step else "whole run"
                is_current = current is not None and current.name == branch.name
                row.show_branch(title, self._words(branch), is_current, branch.name == session.view.compare)
            scene = session.scene if branch is None else branching.scene(branch)
            if scene in self._pictures:
                row.show_picture(self._pictures[scene])
        other, mine = branching.find(session.view.compare), current.name if current is not None else "this run"
        is_compared = other is not None and (current is None or current.name != other.name)
        self.pair.show_words(f"{mine} | {other.name}" if other is not None else "")
        self.pair.setVisible(is_compared)
        self.ways.setVisible(is_compared)
        self._show_deleted()
        self.setVisible(bool(listed) or branching.deleted is not None)
        self._ask_pictures()

    def keep_picture(self, scene: Scene, pixels: np.ndarray) -> None:
        """Take the last picture of a run that was made anyway."""
        known = {branch.scene for branch in self._desk.session.branches} | {self._desk.session.scene}
        self._pictures = {each: kept for each, kept in self._pictures.items() if each in known}
        self._pictures[scene] = pixels
        for row in self._rows:
            branch = self._branching.find(row.name)
            if (self._desk.session.scene if branch is None else self._branching.scene(branch)) == scene:
                row.show_picture(pixels)

    def ask_again(self) -> None:
        """Ask for the pictures that are still missing, also where they were asked for before."""
        self._asked = ()
        self.show_branches()

    # --- private ---

    def _show_deleted(self) -> None:
        """Offer the branch that was deleted last."""
        deleted = self._branching.deleted
        self.back.setVisible(deleted is not None)
        if deleted is not None:
            words, room = f"Bring back {deleted.branch.name}", self.width() - 24
            self.back.setText(self.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, max(room, 100)))
            self.back.setAccessibleName(words)

    def _words(self, branch: Branch) -> str:
        session = self._desk.session
        facts = session.model.facts if session.model is not None else None
        roots = [each for each in session.branches if not each.parent]
        parent = self._branching.find(branch.parent) or roots[0]
        scene = self._branching.scene(branch)
        if parent.name == branch.name:
            return f"guidance {self._guidance(scene):g}" if self._is_guided() else f"{len(session.branches)} kept"
        words = change_words(scene, self._branching.scene(parent), branch.step, facts)
        return words or ("as the run it left" if branch.step else "the same")

    def _is_guided(self) -> bool:
        model = self._desk.session.model
        return model is not None and model.facts.denoising is not None and model.facts.denoising.can_guide

    def _guidance(self, scene: Scene) -> float:
        model, own = self._desk.session.model, scene.denoising.sampling.guidance
        assert model is not None and model.facts.denoising is not None
        suggested = model.facts.denoising.sampling.guidance
        return own if own is not None else suggested if suggested is not None else 1.0

    def _make_rows(self, shape: tuple[tuple[str, int], ...]) -> None:
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._shape, self._rows = shape, [BranchRow(name, depth, self) for name, depth in shape]
        for place, row in enumerate(self._rows):
            self._column.insertWidget(place, row)
            row.chosen.connect(self._go)
            row.compared.connect(self._compare)
            row.renamed.connect(self._branching.rename)
            row.deleted.connect(self._delete)
            row.kept.connect(self._branching.keep_run)

    def _ask_pictures(self) -> None:
        """Ask for the pictures of branches that were not run since the program began."""
        scenes = tuple(branch.scene for branch in self._desk.session.branches if branch.scene not in self._pictures)
        scenes = tuple(dict.fromkeys(scene for scene in scenes if scene != self._desk.session.scene))
        if scenes and scenes != self._asked and self.isVisible():
            self._asked = scenes
            self._desk.live.tiles(LANE, list(scenes), partial(self._take, scenes))

    def _take(self, scenes: tuple[Scene, ...], tile: Tile) -> None:
        self.keep_picture(scenes[tile.index], tile.picture.pixels)

    @Slot(str)
    def _go(self, name: str) -> None:
        if name:
            self._desk.actions.motion.stop()
            self._branching.go_to(name)

    @Slot(str)
    def _delete(self, name: str) -> None:
        self._branching.delete(name)
        hint = f"“Bring back {name}” below the branches undoes it."
        self._desk.actions.told.emit(Message(f"Branch {name} is deleted.", hint, is_error=False))

    @Slot(str, bool)
    def _compare(self, name: str, is_on: bool) -> None:
        session = self._desk.session
        session.set_view(replace(session.view, compare=name if is_on else ""))
        self.show_branches()

    @Slot(object)
    def _choose_way(self, way: object) -> None:
        self.way_chosen.emit(str(way))


def tree(branches: tuple[Branch, ...]) -> tuple[tuple[Branch, int], ...]:
    """Branches below the ones they left, each with how deep it lies; one whose parent is gone is a root."""
    names = {branch.name for branch in branches}
    listed: list[tuple[Branch, int]] = []

    def put(branch: Branch, depth: int) -> None:
        listed.append((branch, depth))
        for child in branches:
            if child.parent == branch.name and len(listed) <= len(branches):
                put(child, depth + 1)

    for branch in branches:
        if branch.parent not in names:
            put(branch, 0)
    return tuple(listed)
