"""The pictures of the models that are compared: what is asked of the render thread, and what has arrived."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from explorer.comparing import Comparing, picture_problem, picture_scene, scene_problem, shared_scene
from explorer.imaging import Picture
from explorer.live import Tile
from explorer.scene import Scene
from explorer.session import Model
from explorer.ui.panel import Desk

__all__ = ["Pictures", "Shown"]

LANE: Final = "compare"
QUICK_SECONDS: Final = 0.06  # models that take no longer for a picture follow the hand
REST_MILLISECONDS: Final = 250  # the others wait until it has rested so long
NOT_MADE: Final = "This picture could not be made."


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What there is to show of one model."""

    picture: Picture | None = None
    problem: str = ""  # one sentence, where there will be no picture
    is_stale: bool = False  # a picture of the scene before; the new one is on its way


class Pictures(QObject):
    """Asks for the pictures of all models while somebody looks, quick models first. Main thread only."""

    changed = Signal()

    def __init__(self, desk: Desk, comparing: Comparing, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._comparing = desk, comparing
        self._is_seen = False
        self._made: dict[tuple[str, str], tuple[Scene, Picture]] = {}  # by what is compared by, and digest
        self._failed: set[tuple[str, Scene]] = set()
        self._seconds: dict[str, float] = {}
        self._asked: list[tuple[str, Scene]] = []
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(REST_MILLISECONDS)
        self._resting.timeout.connect(self.ask_all)
        session = desk.session
        session.scene_seen.connect(self.follow)
        session.picture_shown.connect(self.show_played)
        session.view_changed.connect(self.follow)
        comparing.changed.connect(self.begin_again)
        comparing.picture_changed.connect(self.begin_again)

    def shown(self, model: Model) -> Shown:
        """The newest picture of a model, or why there is none."""
        session, by = self._desk.session, self._desk.session.view.compared_by
        if by == "scene" and self._comparing.is_played(model):
            return Shown(session.picture, is_stale=session.picture is not None and session.pictured != session.scene)
        problem, scene = self._problem(model), self._scene(model)
        if problem or scene is None:
            return Shown(problem=problem)
        if (model.digest, scene) in self._failed:
            return Shown(problem=NOT_MADE)
        made = self._made.get((by, model.digest))
        return Shown() if made is None else Shown(made[1], is_stale=made[0] != scene)

    def scene(self, model: Model) -> Scene | None:
        """The scene that a model shows; None where there is none."""
        if self._desk.session.view.compared_by == "scene" and self._comparing.is_played(model):
            return self._desk.session.scene
        return None if self._problem(model) else self._scene(model)

    def set_seen(self, is_seen: bool) -> None:
        """Whether anyone looks; nothing is asked for while nobody does."""
        self._is_seen = is_seen
        if is_seen:
            self.follow()
        else:
            self._resting.stop()
            self._asked = []
            self._desk.live.drop(LANE)

    @Slot()
    def begin_again(self) -> None:
        """Other models, or another picture: what was asked for is forgotten."""
        known = {each.digest for each in self._comparing.models()}
        self._made = {key: made for key, made in self._made.items() if key[1] in known}
        self._asked, self._failed = [], set()
        self.follow()

    @Slot()
    def follow(self) -> None:
        """Ask for what quick models show of the scene now, and for the others once it rests."""
        if self._is_seen:
            missing = self._missing()
            self._ask([each for each in missing if self.is_quick(each[0])])
            if missing:
                self._resting.start()
        self.changed.emit()

    @Slot()
    def ask_all(self) -> None:
        """Ask for all that is missing."""
        if self._is_seen:
            self._ask(self._missing())

    @Slot(object)
    def show_played(self, picture: Picture) -> None:
        """The picture of the played model is new."""
        if self._is_seen and self._desk.session.view.compared_by == "scene":
            self.changed.emit()

    def is_quick(self, model: Model) -> bool:
        """Whether a model follows the hand; the others wait until it rests."""
        unknown = QUICK_SECONDS if model.facts.denoising is None else 1.0
        return self._seconds.get(model.digest, unknown) <= QUICK_SECONDS

    # --- private ---

    def _problem(self, model: Model) -> str:
        if self._desk.session.view.compared_by == "picture":
            return picture_problem(model.facts)
        return scene_problem(self._desk.session.scene, model.facts)

    def _scene(self, model: Model) -> Scene | None:
        session, image = self._desk.session, self._comparing.image
        if session.view.compared_by == "picture":
            return picture_scene(model, image) if image is not None else None
        return shared_scene(session.scene, session.model, model) if session.model is not None else None

    def _missing(self) -> list[tuple[Model, Scene]]:
        """What is still to be made, the quickest models first."""
        by, missing = self._desk.session.view.compared_by, []
        for model in self._comparing.models():
            is_live = by == "scene" and self._comparing.is_played(model)
            scene = None if is_live or self._problem(model) else self._scene(model)
            made = self._made.get((by, model.digest))
            is_there = made is not None and made[0] == scene
            if scene is not None and not is_there and (model.digest, scene) not in self._failed:
                missing.append((model, scene))
        return sorted(missing, key=lambda each: self._seconds.get(each[0].digest, float(not self.is_quick(each[0]))))

    def _ask(self, wanted: list[tuple[Model, Scene]]) -> None:
        asked = [(model.digest, scene) for model, scene in wanted]
        if wanted and any(each not in self._asked for each in asked):
            self._asked = asked
            by = self._desk.session.view.compared_by
            self._desk.live.pictures(LANE, wanted, partial(self._take, by, wanted), partial(self._note_failure, wanted))

    def _note_failure(self, wanted: list[tuple[Model, Scene]], index: int) -> None:
        model, scene = wanted[index]
        self._failed.add((model.digest, scene))
        self.changed.emit()

    def _take(self, by: str, wanted: list[tuple[Model, Scene]], tile: Tile) -> None:
        model, scene = wanted[tile.index]
        self._made[by, model.digest] = scene, tile.picture
        self._seconds[model.digest] = tile.picture.seconds
        self.changed.emit()
