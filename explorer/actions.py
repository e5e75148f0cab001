"""The verbs a menu, a shortcut or a panel can ask for. Each returns at once; results arrive through the session."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from explorer.animation import Film, Output
from explorer.animation.editing import added
from explorer.charting import Charting
from explorer.errors import ExplorerError
from explorer.files import checkpoints_folder, checkpoints_in, digest, is_checkpoint, write_atomically, write_text
from explorer.filming import Filming
from explorer.finding import SPACE_TITLES, Finder, Found
from explorer.kept_files import given_name
from explorer.live import Live
from explorer.loading import Loaded, load, load_model
from explorer.maps import Maps
from explorer.motion import LARGEST_SEED, Motion
from explorer.preferences import Preferences
from explorer.preloading import preload
from explorer.recipe import Recipe
from explorer.saved import MOST_COMPARED, Favourite, SavedSession, direction_text, read_direction, read_session
from explorer.scene import ALL_LAYERS, Codes, Examples, ImageFile, Latent, Seed, Styles
from explorer.session import Model, Session, first_scene
from explorer.workers import Cancelled, Failed, Jobs, JobState, MainThread, Report

__all__ = ["MOST_COMPARED", "MOST_SOURCES", "Actions", "Message", "Workers", "bundled_checkpoints"]

MOST_SOURCES: Final = 8  # in a blend made by hand


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the person; ``details`` is a traceback where the failure was not foreseen."""

    text: str
    hint: str = ""
    details: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Workers:
    """The serial workers: ``jobs`` for exports, ``loader`` for opening, ``background`` for what nobody waits for,
    ``atlas`` for the map of a dataset."""

    jobs: Jobs
    loader: Jobs
    background: Jobs
    atlas: Jobs

    @staticmethod
    def make(main: MainThread, failed: Failed, parent: QObject | None = None) -> Workers:
        return Workers(*(Jobs(main, failed, name.name, parent) for name in fields(Workers)))

    def all(self) -> tuple[Jobs, ...]:
        return (self.loader, self.jobs, self.background, self.atlas)


class Actions(QObject):
    """Everything the window can do, without a widget. Main thread only."""

    told = Signal(object)  # Message
    loading = Signal(str)  # the name of what is being opened; empty when that has ended
    opened = Signal(object)  # Path of a checkpoint that was opened
    exported = Signal(object)  # Path
    preferences_changed = Signal()
    blended = Signal()  # a source was added to the point by hand

    def __init__(
        self,
        session: Session,
        live: Live,
        workers: Workers,
        preferences: Preferences,
        state_folder: Path,
        parent: QObject | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self.session, self.live, self.workers, self.preferences = session, live, workers, preferences
        self.motion = Motion(session, self)
        self.filming = Filming(session, workers.background, self.fail, self)
        self.finder = Finder(session, live, workers.loader, state_folder / "points", self)
        self.charting = Charting(workers.atlas, cache_folder or state_folder, self.fail, self)
        self.maps = Maps(self, self.charting, self)
        self.autosave_path = state_folder / "autosave.json"
        self._opening: int | None = None
        self._is_last_kept = True  # what the last run left is part of the session, and may be written over
        session.model_changed.connect(self._measure_directions)
        workers.loader.changed.connect(self._follow_opening)

    # --- opening ---

    def open(self, path: Path) -> None:
        """Open whatever it is: a checkpoint, a session, a picture with a recipe, or a picture to encode."""
        self.motion.stop()
        if self._opening is not None:
            self.workers.loader.cancel(self._opening)
        self.loading.emit(path.name)
        work = partial(load, path, self.preferences.device, self.session.model, self.known_checkpoints())
        self._opening = self.workers.loader.start(f"Open {path.name}", work, self._take_loaded)

    def open_compared(self, path: Path) -> None:
        """Open a checkpoint beside the model that is played, to compare the two."""

        def take(model: Model) -> None:
            known = {each.digest for each in (*self.session.compared, self.session.model) if each is not None}
            if model.digest in known:
                self.told.emit(Message(f"{path.name} is open already.", is_error=False))
            elif len(self.session.compared) + 1 >= MOST_COMPARED:
                self.told.emit(
                    Message(f"No more than {MOST_COMPARED} models are compared.", "Close one of them first.")
                )
            else:
                self.session.set_compared((*self.session.compared, model))

        self.workers.loader.start(f"Open {path.name}", partial(load_model, path, self.preferences.device), take)

    def _open_compared_again(self, paths: tuple[str, ...]) -> None:
        """Open the models that a session had beside its own, as far as they are still there."""
        open_now = {str(each.path) for each in (*self.session.compared, self.session.model) if each is not None}
        for path in paths:
            if path not in open_now and is_checkpoint(Path(path)):
                self.open_compared(Path(path))

    def close_compared(self, index: int) -> None:
        """Let go of a model that was open for comparing."""
        models = self.session.compared
        self.session.set_compared((*models[:index], *models[index + 1 :]))

    def begin(self, path: Path) -> None:
        """Open what the program was started with; what the last run left is kept for its models."""
        if not self.autosave_path.exists():
            self.open(path)
            return

        self._remember_last(partial(self.open, path), path)

    def restore(self, otherwise: Path) -> None:
        """Open the autosaved session of the last run; where there is none that works, ``otherwise``."""
        if not self.autosave_path.exists():
            self.open(otherwise)
            return

        def load_it() -> None:
            work = partial(load, self.autosave_path, self.preferences.device, None, self.known_checkpoints())
            self._opening = self.workers.loader.start(
                "Restore the last session", work, self._take_loaded, partial(self._open_instead, otherwise)
            )

        self._remember_last(load_it, otherwise)

    def known_checkpoints(self) -> tuple[Path, ...]:
        """Bundled checkpoints, then recent ones."""
        return (*bundled_checkpoints(), *(Path(path) for path in self.preferences.recent))

    # --- the scene ---

    def change_latent(self, latent: Latent, label: str, settled: bool = True) -> None:
        """Go to ``latent``; a walk or film that plays stops first. Without a model nothing happens."""
        if self.session.model is None:
            return
        self.motion.stop()
        self.session.change_latent(latent, label, settled)

    def set_seed(self, number: int) -> None:
        """Go to a seed, truncated as the point was; where that was a picture, as the model is first seen."""
        model, latent = self.session.model, self.session.scene.latent
        if model is not None and not isinstance(latent.sources[0][0], Seed):
            latent = first_scene(model).latent
        self.change_latent(replace(latent, sources=((Seed(number), 1.0),), moves=()), f"Seed {number}")

    @Slot()
    def random_seed(self) -> None:
        self.set_seed(random.randint(0, LARGEST_SEED))

    @Slot()
    def next_seed(self) -> None:
        self.set_seed(self._seed() + 1)

    @Slot()
    def previous_seed(self) -> None:
        self.set_seed(max(self._seed() - 1, 0))

    @Slot()
    def blend_seed(self) -> None:
        """Mix a random seed into the point, with as much weight as the sources have on average."""
        latent = self.session.scene.latent
        if len(latent.sources) < MOST_SOURCES:
            mean = sum(weight for _, weight in latent.sources) / len(latent.sources)
            seed = Seed(random.randint(0, LARGEST_SEED))
            sources = (*latent.sources, (seed, mean))
            self.change_latent(replace(latent, sources=sources), f"Blend in seed {seed.number}")
            self.blended.emit()

    @Slot()
    def reset_moves(self) -> None:
        """Back to the point itself: no moves, no truncation."""
        self.change_latent(replace(self.session.scene.latent, moves=(), truncation=1.0), "Reset")

    @Slot()
    def undo(self) -> None:
        self.motion.stop()
        self.session.undo()

    @Slot()
    def redo(self) -> None:
        self.motion.stop()
        self.session.redo()

    def invert_picture(self, path: Path) -> None:
        """Find the starting noise that a diffusion model makes this picture of (DDIM inversion), and go there."""
        model = self.session.model
        if model is not None:
            self.workers.background.start(
                f"Read {path.name}",
                lambda report: ImageFile(str(path.absolute()), digest(path)),
                partial(self._encode, model),
            )

    # --- keeping ---

    @Slot()
    def toggle_favourite(self) -> None:
        """Keep the scene as a favourite, or let it go."""
        session = self.session
        if session.model is None:
            return
        favourite = Favourite(session.scene, session.model.facts.name)
        kept = tuple(
            f for f in session.favourites if f.scene != favourite.scene or f.checkpoint != favourite.checkpoint
        )
        session.set_favourites(kept if len(kept) < len(session.favourites) else (*kept, favourite))

    @Slot()
    def add_keyframe(self) -> None:
        self.session.change_film(added(self.session.film, [self.session.scene]), "Add a keyframe")

    # --- directions of one's own ---

    def test_direction(self, examples: Examples) -> None:
        """Find out how surely the examples of a direction are told apart; the session gets to know."""
        model = self.session.model
        if model is None:
            return

        def work(report: Report) -> float:
            from explorer.points import probe_examples  # imports torch

            return probe_examples(model.generator, examples).accuracy

        def take(accuracy: float) -> None:
            if self.session.model is model:
                self.session.set_accuracy(examples, accuracy)

        self.workers.background.start(f"Test {examples.name}", work, take)

    def export_direction(self, path: Path, examples: Examples) -> None:
        """Write a direction as a vector, one standard deviation long, or as JSON that holds its examples."""
        model = self.session.model
        if model is None:
            return
        if path.suffix.lower() not in (".npy", ".json"):
            self.told.emit(Message(f"Directions are exported as .npy or .json; {path.name} should end in one of them."))
            return

        def work(report: Report) -> Path:
            if path.suffix.lower() == ".json":
                write_text(path, direction_text(examples, model.digest))
                return path
            import numpy as np

            from explorer.points import probe_examples  # imports torch

            vector = probe_examples(model.generator, examples).vector.numpy()
            with write_atomically(path) as temporary, temporary.open("wb") as file:
                np.save(file, vector)
            return path

        self.workers.jobs.start(f"Export {path.name}", work, self._tell_exported)

    def load_direction(self, path: Path) -> None:
        """Read a direction that was exported with its examples, and keep it with the open model."""
        model = self.session.model
        if model is None:
            return

        def take(read: tuple[Examples, str]) -> None:
            examples, digest = read
            if self.session.model is not model:
                return
            taken, name, number = {each.name for each in self.session.directions}, examples.name, 2
            while name in taken:
                name, number = f"{examples.name} {number}", number + 1
            kept = replace(examples, name=name, first=0, end=ALL_LAYERS)
            self.session.set_directions((*self.session.directions, kept))
            if digest != model.digest:
                text, hint = f"{path.name} was made with another model.", "Its examples are other pictures here."
                self.told.emit(Message(text, hint, is_error=False))

        self.workers.background.start(f"Load {path.name}", lambda report: read_direction(path), take)

    # --- writing ---

    def export_picture(self, path: Path) -> None:
        """Write the picture of the scene as PNG, with its recipe inside."""
        model = self.session.model
        if model is None:
            return
        if path.suffix.lower() != ".png":
            self.told.emit(Message(f"Pictures are exported as PNG; {path.name} should end in .png."))
            return
        scene, recipe = self.session.scene, Recipe(str(model.path), model.digest, model.facts.name, self.session.scene)

        def work(report: Report) -> Path:
            from explorer.export import export_picture  # imports torch

            export_picture(model.generator, scene, path, recipe)
            return path

        self.workers.jobs.start(f"Export {path.name}", work, self._tell_exported)

    def export_table(self, path: Path) -> None:
        """Write the mixing table of the scene as one PNG, with the recipe of the scene inside."""
        model, table = self.session.model, self.live.table()
        if model is None:
            return
        if table is None:
            self.told.emit(Message(f"{model.facts.name} has no layers to mix.", "Style-based models and flows have."))
            return
        if path.suffix.lower() != ".png":
            self.told.emit(Message(f"Tables are exported as PNG; {path.name} should end in .png."))
            return
        recipe = Recipe(str(model.path), model.digest, model.facts.name, self.session.scene)

        def work(report: Report) -> Path:
            from explorer.export import export_table  # imports torch

            export_table(model.generator, table, path, recipe, report)
            return path

        self.workers.jobs.start(f"Export {path.name}", work, self._tell_exported)

    def export_film(self, path: Path, film: Film | None = None, output: Output | None = None) -> None:
        """Write the film of the timeline, or any other; the suffix chooses the format."""
        model, film = self.session.model, film or self.motion.film()
        if model is None:
            return
        if film is None:
            self.told.emit(Message("A film needs at least two keyframes.", "Add some to the timeline."))
            return
        output = output or self.session.output
        recipe = Recipe(str(model.path), model.digest, model.facts.name, film=film, output=output)

        def work(report: Report) -> Path:
            preload("av", "_core*.so")
            from explorer.export import export_film  # imports torch

            export_film(model.generator, film, path, recipe, output, report)
            return path

        self.workers.jobs.start(f"Export {path.name}", work, self._tell_exported)

    def save_session(self, path: Path) -> None:
        """Write the session to a file the person chose."""
        saved = self.session.snapshot()

        def work(report: Report) -> Path:
            write_text(path, saved.to_text())
            return path

        self.workers.jobs.start(f"Save {path.name}", work, self._tell_exported)

    def autosave(self, then: Callable[[None], None] | None = None) -> None:
        """Keep the session for the next start, in the background."""
        if self.session.model is None or not self._is_last_kept:
            return
        saved, path = self.session.snapshot(), self.autosave_path
        self.workers.background.start("Autosave", lambda report: write_text(path, saved.to_text()), then)

    def autosave_now(self) -> None:
        """Keep the session for the next start, before returning: for closing."""
        if self.session.model is not None and self._is_last_kept:
            write_text(self.autosave_path, self.session.snapshot().to_text())

    # --- telling ---

    def fail(self, error: BaseException) -> None:
        """Show any error: foreseen ones as their sentence, others with their traceback."""
        if isinstance(error, ExplorerError):
            self.told.emit(Message(error.message, error.hint))
        elif not isinstance(error, Cancelled):
            details = "".join(traceback.format_exception(error))
            self.told.emit(Message(f"Something went wrong: {error or type(error).__name__}.", "", details))

    def set_preferences(self, preferences: Preferences) -> None:
        self.preferences = preferences
        self.preferences_changed.emit()

    def _seed(self) -> int:
        first = self.session.scene.latent.sources[0][0]
        return first.number if isinstance(first, Seed) else -1

    def _take_loaded(self, loaded: Loaded) -> None:
        self.motion.stop()  # what moved meanwhile belongs to the model before
        session = self.session
        if loaded.model is not None and (session.model is None or loaded.model.digest != session.model.digest):
            self.set_preferences(replace(self.preferences, recent=self.preferences.with_recent(str(loaded.model.path))))
        model = loaded.model or session.model
        if loaded.dataset is not None:
            self.maps.open(loaded.dataset)
        elif model is None:
            self.told.emit(Message("Open a model first.", "Then drop a picture on the window to encode it."))
        elif loaded.session is not None:
            session.restore(loaded.session, model)
            self._open_compared_again(loaded.session.compared)
            self.maps.reopen(loaded.session)
        elif loaded.image is not None:
            can = model.facts.capabilities
            reach = self._find if "styles" in can and "encodes" not in can else self._encode
            reach(model, loaded.image)
        elif loaded.recipe is not None:
            if loaded.model is not None:
                session.open_model(loaded.model)
            if loaded.recipe.film is not None:
                session.change_film(loaded.recipe.film, "Open a film")
            if loaded.recipe.output is not None:
                session.set_output(loaded.recipe.output)
            session.change(loaded.recipe.scene, "Recipe")
        else:
            session.open_model(model)
        if loaded.model is not None:
            self.opened.emit(loaded.model.path)
            if loaded.model.facts.warnings:
                self.told.emit(
                    Message(f"{loaded.model.path.name} is open.", " ".join(loaded.model.facts.warnings), is_error=False)
                )

    def _find(self, model: Model, image: ImageFile) -> None:
        """Search the point of a picture for a model that has styles and no encoder."""
        name = Path(image.path).name

        def take(found: Found) -> None:
            if self.session.model is model:
                self.motion.stop()
                scene = replace(self.session.scene, latent=Latent(((found.point, 1.0),)), styles=Styles())
                self.session.change(scene, f"Find {name}")
                self.session.set_view(replace(self.session.view, mode="beside"))
            self.told.emit(Message(f"{name} found in {SPACE_TITLES[found.space]}: {found.told}.", is_error=False))

        self.loading.emit(name)
        space = self.preferences.find_space if self.preferences.find_space in SPACE_TITLES else "w+"
        self._opening = self.finder.start(model, image, space, max(self.preferences.find_steps, 2), take)

    def _encode(self, model: Model, image: ImageFile) -> None:
        if "encodes" not in model.facts.capabilities:
            self.told.emit(Message(f"{model.facts.name} cannot encode pictures.", "Open a model with an encoder."))
            return
        name, latent = given_name(image.path), Latent(((image, 1.0),))
        denoises = model.facts.denoising is not None

        def work(report: Report) -> tuple[float, str] | None:
            from explorer.points import locate  # these import torch
            from explorer.reading import ode_likelihood
            from explorer.render import inversion_scene, round_trip

            locate(model.generator, latent)  # the generator remembers the point
            if not denoises:
                return None
            report(1, 3, "there and back")
            error = round_trip(model.generator, inversion_scene(model.generator, image))
            report(2, 3, "likelihood")
            return error, ode_likelihood(model.generator, image)

        def take(found: tuple[float, str] | None) -> None:
            self.loading.emit("")
            if self.session.model is not model:
                return
            if found is None:
                self.motion.stop()
                scene = replace(self.session.scene, latent=latent, styles=Styles(), codes=Codes())
                self.session.change(scene, f"Encode {name}")
            else:
                self._take_inversion(model, image, *found)
            self.session.set_view(replace(self.session.view, mode="beside"))

        self.loading.emit(name)
        self._opening = self.workers.loader.start(f"Encode {name}", work, take)

    def _take_inversion(self, model: Model, image: ImageFile, error: float, likelihood: str) -> None:
        """Go to the noise of a picture, sampled as it was found: there and back again."""
        from explorer.render import inversion_scene  # torch is here already: there is a model

        found, name = inversion_scene(model.generator, image), given_name(image.path)
        scene = replace(self.session.scene, latent=found.latent, denoising=found.denoising)
        self.motion.stop()
        self.session.change(scene, f"Find the noise of {name}")
        can_guide = model.facts.denoising is not None and model.facts.denoising.can_guide
        hint = f"{likelihood} " + ("Raise the guidance scale to lead it towards a class." if can_guide else "")
        words = f"The noise of {name} is found: there and back differs by {error * 127.5:.1f} of 255 grey levels (RMS)."
        self.told.emit(Message(words, hint.strip(), is_error=False))

    @Slot(object)
    def _follow_opening(self, states: tuple[JobState, ...]) -> None:
        """An opening ends without a result where the person cancels it."""
        if self._opening is not None and all(state.key != self._opening for state in states):
            self._opening = None
            self.loading.emit("")

    def _remember_last(self, then: Callable[[], None], otherwise: Path) -> None:
        """Read what the last run left and keep it, whatever is opened meanwhile; ``then`` goes on if nothing was."""

        def take(saved: SavedSession) -> None:
            self.session.remember(saved)
            self._is_last_kept = True
            if self._opening is None:
                then()

        def fail(error: BaseException) -> None:
            self._is_last_kept = True  # there is nothing in it to lose
            if self._opening is None:
                self._open_instead(otherwise, error)

        self._is_last_kept = False
        self.loading.emit("last session")
        self.workers.loader.start(
            "Read the last session", lambda report: read_session(self.autosave_path), take, fail
        )  # not ``_opening``: to open something else does not cancel it

    def _open_instead(self, otherwise: Path, error: BaseException) -> None:
        self.open(otherwise)
        self.fail(error)

    @Slot()
    def _measure_directions(self) -> None:
        model = self.session.model
        if model is None:
            return

        def work(report: Report) -> dict[str, object]:
            from explorer.facts import direction_strengths  # imports torch

            return {kind: direction_strengths(model.generator, kind) for kind in model.facts.direction_kinds}

        def take(strengths: dict[str, object]) -> None:
            if self.session.model is model:
                for kind, values in strengths.items():
                    self.session.set_strengths(kind, values)

        self.workers.background.start("Measure directions", work, take)

    def _tell_exported(self, path: Path) -> None:
        self.set_preferences(replace(self.preferences, last_folder=str(path.parent)))
        self.told.emit(Message(f"{path.name} is written.", str(path.parent), is_error=False))
        self.exported.emit(path)


def bundled_checkpoints() -> tuple[Path, ...]:
    """The checkpoints that come with the program."""
    return checkpoints_in(checkpoints_folder())
