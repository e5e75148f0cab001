"""What is open and chosen now, and how it got there. Panels read it and ask it to change; it tells when it has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from explorer.animation import Film, Output
from explorer.atlas.choices import Choices
from explorer.control import Setup
from explorer.errors import SceneError
from explorer.history import Entry, History
from explorer.imaging import Picture
from explorer.runs import Branch
from explorer.saved import Favourite, SavedSession, View, Work
from explorer.scene import ALL_LAYERS, Direction, Examples, ImageFile, Latent, Scene, StoredPoint, from_json
from explorer.trail import Trail

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.generators import Generator

__all__ = ["Mapped", "Model", "Session", "first_scene"]

SEEING_MILLISECONDS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """An open checkpoint."""

    path: Path
    digest: str
    generator: Generator
    facts: ModelFacts


@dataclass(frozen=True, slots=True)
class Mapped:
    """What is laid out as a map, and what was chosen on it; paths are empty where there is none."""

    dataset: str = ""
    lens: str = ""
    fingerprint: str = ""
    choices: Choices = Choices()


@dataclass(frozen=True, slots=True)
class _Edit:
    """A film, and the entry of the history at which it became so: undo takes things back in the order of doing."""

    film: Film
    entry: int


class Session(QObject):
    """The one place where the state of the window lives. Main thread only.

    A change is *settled* when it is worth a step of undo: while a slider is dragged changes are not, its release is.
    Undo knows changes of the scene and of the film, and takes back whichever was done last.
    """

    model_changed = Signal()
    scene_changed = Signal()  # at every change: for rendering
    scene_seen = Signal()  # at once after a settled change, otherwise 20 times a second: for panels
    picture_shown = Signal(object)  # Picture: the newest finished one of ``scene`` or of one shortly before
    history_changed = Signal()
    view_changed = Signal()
    kept_changed = Signal()  # favourites, the film, own directions or branches
    film_changed = Signal()  # the film, or how it is written
    turn_changed = Signal()  # where changes of a denoising run begin to act
    compared_changed = Signal()  # which models are open beside this one
    controls_changed = Signal()  # what knobs and keys of controllers move
    directions_changed = Signal()  # strengths or the accuracy of directions became known

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model: Model | None = None
        self.scene = Scene()
        self.picture: Picture | None = None
        self.pictured = self.scene  # the scene of ``picture``
        self.history = History.start(self.scene)
        self.favourites: tuple[Favourite, ...] = ()
        self.film = Film()
        self.output = Output()  # how films are written
        self.directions: tuple[Examples, ...] = ()  # the person's own of this model; one side may still be empty
        self.compared: tuple[Model, ...] = ()  # open beside ``model``, to be compared with it
        self.branches: tuple[Branch, ...] = ()  # runs of this model worth keeping
        self.mapped = Mapped()
        self.turn_step: int | None = None  # changes of sampling and condition act from this step on; None: all the way
        self.view = View()
        self.controls = Setup()
        self.strengths: dict[str, Any] = {}  # kind of direction -> float32 (k,)
        self.accuracies: dict[Examples, float] = {}  # of own directions: the share of examples on the right side
        self._edits = Trail.start(_Edit(self.film, 0))
        self._others: dict[str, Work] = {}  # by digest, of models that are not open
        self._seeing = QTimer(self)  # panels need not repaint at the rate of a mouse
        self._seeing.setSingleShot(True)
        self._seeing.setInterval(SEEING_MILLISECONDS)
        self._seeing.timeout.connect(self.scene_seen)

    # --- the scene ---

    def change(self, scene: Scene, label: str = "", settled: bool = True) -> None:
        """Go to ``scene``; ``label`` says what was done, for undo."""
        changed = scene != self.scene
        self.scene = scene
        if changed:
            self.scene_changed.emit()
            if not self._seeing.isActive():
                self._seeing.start()
        if settled:
            self.settle(label)

    def change_latent(self, latent: Latent, label: str = "", settled: bool = True) -> None:
        self.change(replace(self.scene, latent=latent), label, settled)

    def settle(self, label: str) -> None:
        """Make the scene as it is a step of undo."""
        self._see_now()
        self._set_history(self.history.visit(self.scene, label))

    def undo(self) -> None:
        if self.film != self._edits.now.film:  # in the middle of a change: take that back first
            self._show_film(self._edits.now.film)
        elif self.scene != self.history.entry.scene:
            self.change(self.history.entry.scene, settled=False)
            self._see_now()
        elif self._is_film_next(back=True):
            self._go_along(self._edits.undo())
        else:
            self._travel(self.history.undo())

    def redo(self) -> None:
        if self._is_film_next(back=False):
            self._go_along(self._edits.redo())
        else:
            self._travel(self.history.redo())

    def undo_label(self) -> str | None:
        """What undo would take back; None where there is nothing."""
        if self._is_film_next(back=True):
            return self._edits.label
        can_travel = self.history.undo() is not self.history or self.scene != self.history.entry.scene
        return self.history.entry.label if can_travel else None

    def redo_label(self) -> str | None:
        """What redo would do again; None where there is nothing."""
        if self._is_film_next(back=False):
            return self._edits.next_label
        redone = self.history.redo()
        return redone.entry.label if redone is not self.history else None

    def go_to(self, entry: Entry) -> None:
        """Go back (or on) to a visited point."""
        self._travel(self.history.go_to(entry.key))

    def show_picture(self, picture: Picture, scene: Scene) -> None:
        """Take the finished picture of ``scene`` from the render thread."""
        self.picture, self.pictured = picture, scene
        self.picture_shown.emit(picture)

    # --- the model ---

    def open_model(self, model: Model, scene: Scene | None = None) -> None:
        """Switch to a loaded model, at ``scene``, or where one was when it was last open, or at its first seed."""
        if self.model is not None:
            self._others[self.model.digest] = Work(self.history, self.film, self.directions, self.branches)
        work = self._others.pop(model.digest, None)
        known = work.history if work is not None else None
        self.film = work.film if work is not None else replace(self.film, keyframes=(), region=None)
        self.directions = work.directions if work is not None else ()
        self.branches, self.turn_step = work.branches if work is not None else (), None
        self.model, self.picture, self.strengths, self.accuracies = model, None, {}, {}
        self.history = known or History.start(scene or first_scene(model))
        if scene is not None and known is not None:
            self.history = known.visit(scene, "Open")
        self.scene = self.history.entry.scene
        self._edits = Trail.start(_Edit(self.film, self.history.current))
        kinds = model.facts.direction_kinds
        if self.view.kind not in kinds:
            self.view = replace(self.view, kind=kinds[0])
        if not _suits(self.view.mode, self.scene, model):
            self.view = replace(self.view, mode="picture")
        across, up = self.view.across, self.view.up
        if not all(
            replace(axis, first=0, end=ALL_LAYERS) in self.directions
            if isinstance(axis, Examples)
            else axis.kind in kinds
            for axis in (across, up)
        ):
            self.view = replace(self.view, across=Direction(kinds[0], 0), up=Direction(kinds[0], 1))
        self.model_changed.emit()
        self.scene_changed.emit()
        self.scene_seen.emit()
        self.history_changed.emit()
        self.view_changed.emit()
        self.film_changed.emit()
        self.kept_changed.emit()
        self.turn_changed.emit()

    def set_strengths(self, kind: str, strengths: object) -> None:
        """Take how much each direction of ``kind`` changes the picture, float32 (k,)."""
        self.strengths = {**self.strengths, kind: strengths}
        self.directions_changed.emit()

    def set_accuracy(self, examples: Examples, accuracy: float) -> None:
        """Take the share of examples that the others would put on the right side."""
        self.accuracies = {**self.accuracies, examples: accuracy}
        self.directions_changed.emit()

    # --- looking, keeping ---

    def set_view(self, view: View) -> None:
        if view != self.view:
            self.view = view
            self.view_changed.emit()

    def set_favourites(self, favourites: tuple[Favourite, ...]) -> None:
        if favourites != self.favourites:
            self.favourites = favourites
            self.kept_changed.emit()

    def change_film(self, film: Film, label: str = "", settled: bool = True) -> None:
        """Make the film another one; ``label`` says what was done, for undo."""
        self._show_film(film)
        if settled:
            self.settle_film(label)

    def settle_film(self, label: str) -> None:
        """Make the film as it is a step of undo."""
        if self.film != self._edits.now.film:
            self._edits = self._edits.visit(_Edit(self.film, self.history.current), label or "Change the film")
            self.history_changed.emit()

    def amend_film(self, film: Film) -> None:
        """Add to the film what became known of it, which is no change of the person's and no step of undo."""
        if self.film == self._edits.now.film:
            self._edits = self._edits.amend(replace(self._edits.now, film=film))
        self._show_film(film)

    def set_output(self, output: Output) -> None:
        """Write films in another way."""
        if output != self.output:
            self.output = output
            self.film_changed.emit()
            self.kept_changed.emit()

    def set_directions(self, directions: tuple[Examples, ...]) -> None:
        """Keep these directions of the person's own."""
        if directions != self.directions:
            self.directions = directions
            self.kept_changed.emit()

    def set_branches(self, branches: tuple[Branch, ...]) -> None:
        """Keep these runs."""
        if branches != self.branches:
            self.branches = branches
            self.kept_changed.emit()

    def set_compared(self, models: tuple[Model, ...]) -> None:
        """Have these models open beside the one that is played."""
        if models != self.compared:
            self.compared = models
            self.compared_changed.emit()

    def set_controls(self, setup: Setup) -> None:
        """Have these knobs and keys move these parts."""
        if setup != self.controls:
            self.controls = setup
            self.controls_changed.emit()
            self.kept_changed.emit()

    def set_turn_step(self, step: int | None) -> None:
        """Have changes of sampling and condition act from a step on, or all the way."""
        if step != self.turn_step:
            self.turn_step = step
            self.turn_changed.emit()

    # --- saving ---

    def snapshot(self) -> SavedSession:
        """Everything worth saving, as an immutable value that another thread may write."""
        return SavedSession(
            checkpoint=str(self.model.path) if self.model else "",
            digest=self.model.digest if self.model else "",
            scene=self.scene,
            history=self.history,
            favourites=self.favourites,
            film=self.film,
            output=self.output,
            view=self.view,
            others=tuple(self._others.items()),
            directions=self.directions,
            branches=self.branches,
            compared=tuple(str(each.path) for each in self.compared),
            dataset=self.mapped.dataset,
            lens=self.mapped.lens,
            pictured=self.mapped.fingerprint,
            choices=self.mapped.choices,
            controls=self.controls,
        )

    def remember(self, saved: SavedSession) -> None:
        """Keep what a saved session holds for when its models are opened, and its favourites."""
        self._others |= dict(saved.others)
        if saved.digest:
            self._others[saved.digest] = Work(saved.history, saved.film, saved.directions, saved.branches)
        self.favourites = tuple(dict.fromkeys((*saved.favourites, *self.favourites)))
        self.output = saved.output
        if not self.film.keyframes:
            settings = replace(saved.film, keyframes=(), region=None, sound=None)
            self.film, self._edits = settings, Trail.start(_Edit(settings, self.history.current))
        self.film_changed.emit()
        self.kept_changed.emit()

    def restore(self, saved: SavedSession, model: Model) -> None:
        """Become the saved session, with its model already loaded."""
        if self.model is not None and self.model.digest == model.digest:
            self.model = None  # its history is replaced by the saved one
        self.remember(replace(saved, digest=model.digest))
        self.set_controls(saved.controls)
        self.view = saved.view
        self.open_model(model, saved.scene)

    def _is_film_next(self, back: bool) -> bool:
        """Whether undo, or redo, comes to a change of the film before it comes to one of the scene."""
        if back:
            if not self._edits.at:
                return False
            return self._edits.now.entry == self.history.current or self.history.undo() is self.history
        if not self._edits.next_label:
            return False
        following = self._edits.redo().now
        return following.entry == self.history.current or self.history.redo() is self.history

    def _go_along(self, edits: Trail[_Edit]) -> None:
        self._edits = edits
        self._show_film(edits.now.film)
        self.history_changed.emit()

    def _show_film(self, film: Film) -> None:
        if film != self.film:
            self.film = film
            self.film_changed.emit()
            self.kept_changed.emit()

    def _see_now(self) -> None:
        if self._seeing.isActive():
            self._seeing.stop()
            self.scene_seen.emit()

    def _travel(self, history: History) -> None:
        if history is not self.history:
            self._set_history(history)
            self.change(history.entry.scene, settled=False)
            self._see_now()

    def _set_history(self, history: History) -> None:
        if history is not self.history:
            self.history = history
            self.history_changed.emit()


def first_scene(model: Model) -> Scene:
    """Where a model is first seen: the seed and truncation its checkpoint suggests, or seed 0."""
    start = model.facts.config.get("start")
    try:
        return from_json(start) if start is not None else Scene()
    except SceneError:
        return Scene()


def _suits(mode: str, scene: Scene, model: Model) -> bool:
    """Whether a model at a scene has what a mode shows: styles to mix, or an original to put beside."""
    if mode == "table":
        return bool(model.facts.mixable)
    source = scene.latent.sources[0][0]
    return (
        mode != "beside" or isinstance(source, ImageFile) or (isinstance(source, StoredPoint) and source.picture != "")
    )
