"""Several open models side by side: who they are, which one is played, and what the others get of its scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal, Slot

from explorer.files import digest, resources_folder
from explorer.imaging import prepare, read_image, write_png
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene, StoredPoint
from explorer.session import Model, Session, first_scene
from explorer.workers import Jobs, Report

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["SAMPLE_DATASET", "Comparing", "picture_problem", "picture_scene", "scene_problem", "shared_scene"]

Pixels = npt.NDArray[np.uint8]

SAMPLE_DATASET: Final = ("fashion-mnist-test", "t10k-images-idx3-ubyte.gz")  # in the folder of resources
SAMPLES: Final = 10_000  # pictures in it


def shared_scene(scene: Scene, played: Model, other: Model) -> Scene:
    """The scene that another model gets of that of the played one: what means the same to both, no more.

    That is the sources with their weights, the truncation where neither denoises, classes whose names agree, and the
    prompts where it reads any. The rest is as its own checkpoint suggests.
    """
    own, latent = first_scene(other), scene.latent
    denoises = played.facts.denoising is not None or other.facts.denoising is not None
    truncation = own.latent.truncation if denoises else latent.truncation
    condition = Condition(shared_classes(scene.condition, played.facts, other.facts) or own.condition.classes)
    if other.facts.denoising is not None and other.facts.denoising.reads_text:
        condition = replace(condition, prompts=scene.condition.prompts, negative=scene.condition.negative)
    return Scene(Latent(latent.sources, truncation=truncation), condition=condition, denoising=own.denoising)


def shared_classes(condition: Condition, played: ModelFacts, other: ModelFacts) -> tuple[tuple[int, float], ...]:
    """The class weights of a condition, by the numbers that another model has for the same names."""
    numbers = {name.strip().casefold(): number for number, name in enumerate(other.class_names)}
    asked = condition.classes or (((0, 1.0),) if played.class_names else ())
    names = [(played.class_names[k], weight) for k, weight in asked if k < len(played.class_names)]
    known = [(numbers.get(name.strip().casefold(), -1), weight) for name, weight in names]
    return tuple(sorted((number, weight) for number, weight in known if number >= 0))


def scene_problem(scene: Scene, facts: ModelFacts) -> str:
    """Why another model cannot show a scene, in one sentence; empty where it can."""
    for source, _ in scene.latent.sources:
        if isinstance(source, StoredPoint):
            return "This point belongs to another model."
        if isinstance(source, ImageFile):
            return picture_problem(facts)
    return ""


def picture_problem(facts: ModelFacts) -> str:
    """Why a model cannot show what it makes of a picture, in one sentence; empty where it can."""
    return "" if "encodes" in facts.capabilities else "No encoder: it cannot take a picture in."


def picture_scene(model: Model, image: ImageFile) -> Scene:
    """The scene in which a model encodes a picture and decodes it again; diffusion models go back to its noise."""
    latent = Latent(((image, 1.0),))
    if model.facts.denoising is None:
        return Scene(latent)
    guidance = 0.0 if model.facts.denoising.can_guide else 1.0  # led by nothing, as it was found
    steps = int(getattr(model.generator, "inversion_steps", 0))
    return Scene(latent, denoising=Denoising(Sampling("ddim", steps, guidance=guidance)))


class Comparing(QObject):
    """The models in the order in which they are shown, and the picture they are all given. Main thread only.

    The order stays when another of them is played; a model that is opened in place of the played one takes its place.
    """

    changed = Signal()  # which models there are, or which of them is played
    picture_changed = Signal()

    def __init__(self, session: Session, background: Jobs, folder: Path, parent: QObject | None = None) -> None:
        """``folder`` is where pictures of the sample dataset are written to."""
        super().__init__(parent)
        self._session, self._background, self._folder = session, background, folder
        self._order: list[str] = []  # digests
        self._played = session.model
        self.image: ImageFile | None = None
        self.image_problem = ""
        self.sample = -1  # the number of the picture in the sample dataset; -1: it is one of the person's own
        self._source: Path | None = None
        self._originals: dict[str, Pixels] = {}  # the picture as each model wants it, by digest
        session.model_changed.connect(self.settle)
        session.compared_changed.connect(self.settle)
        self.settle()

    # --- the models ---

    def models(self) -> tuple[Model, ...]:
        """The models that are open, in the order of their tiles."""
        known = {each.digest: each for each in (*self._session.compared, self._session.model) if each is not None}
        return tuple(known[each] for each in self._order if each in known)

    def find(self, digest: str) -> Model | None:
        return next((each for each in self.models() if each.digest == digest), None)

    def is_played(self, model: Model) -> bool:
        return self._session.model is not None and self._session.model.digest == model.digest

    def play(self, model: Model) -> None:
        """Make another of the models the one that is played, at the scene that it shows."""
        before = self._session.model
        if before is None or model.digest == before.digest:
            return
        is_possible = not scene_problem(self._session.scene, model.facts)
        self._session.open_model(model, shared_scene(self._session.scene, before, model) if is_possible else None)

    def close(self, model: Model) -> None:
        """Let go of a model; where it is the one played, the next one is played."""
        if self.is_played(model):
            others = [each for each in self.models() if each.digest != model.digest]
            if not others:
                return
            self.play(others[min(self._order.index(model.digest), len(others) - 1)])
        self._session.set_compared(tuple(each for each in self._session.compared if each.digest != model.digest))

    @Slot()
    def settle(self) -> None:
        """Take in which models there are. A model is never there twice: the one played before takes its place."""
        session, before = self._session, self._played
        played = self._played = session.model
        if played is not None and any(each.digest == played.digest for each in session.compared):
            others = [each for each in session.compared if each.digest != played.digest]
            if before is not None and before.digest != played.digest:
                others.append(before)
            session.set_compared(tuple(others))  # comes back here
            return
        open_now = [each.digest for each in (session.model, *session.compared) if each is not None]
        new = [each for each in open_now if each not in self._order]
        gone = before.digest if before is not None and before.digest not in open_now else ""
        if played is not None and played.digest in new and gone in self._order:
            self._order[self._order.index(gone)] = played.digest
            new.remove(played.digest)
        self._order = [each for each in (*self._order, *new) if each in open_now]
        self._prepare_missing()
        self.changed.emit()

    # --- the picture ---

    def original(self, model: Model) -> Pixels | None:
        """The picture as a model wants it, uint8 (h, w, c); None where it is not read yet."""
        return self._originals.get(model.digest) if self.image is not None else None

    def choose_picture(self, path: Path) -> None:
        """Give all models a picture file."""
        self.sample = -1
        self._read(path)

    def choose_sample(self, number: int) -> None:
        """Give all models a picture of the sample dataset."""
        self.sample = number % SAMPLES
        self._read(self._folder / f"sample-{self.sample}.png")

    def _read(self, path: Path) -> None:
        self._source, self.image_problem = path, ""
        models, number = self.models(), self.sample

        def work(report: Report) -> tuple[ImageFile, dict[str, Pixels]]:
            if number >= 0 and not path.exists():
                _write_sample(path, number)
            return ImageFile(str(path.absolute()), digest(path)), _prepared(path, models)

        def take(read: tuple[ImageFile, dict[str, Pixels]]) -> None:
            if self._source == path:
                self.image, self._originals = read
                self._prepare_missing()
                self.picture_changed.emit()

        def fail(error: BaseException) -> None:
            if self._source == path:
                self.image, self._originals = None, {}
                self.image_problem = getattr(error, "message", "") or f"{path.name} cannot be read: {error}."
                self.picture_changed.emit()

        self._background.start(f"Read {path.name}", work, take, fail)

    def _prepare_missing(self) -> None:
        """Make the picture fit models that were opened after it was chosen."""
        missing = tuple(each for each in self.models() if each.digest not in self._originals)
        image = self.image
        if image is None or not missing:
            return

        def take(read: dict[str, Pixels]) -> None:
            if self.image == image:
                self._originals |= read
                self.picture_changed.emit()

        self._background.start("Read the picture", lambda report: _prepared(Path(image.path), missing), take)


def _prepared(path: Path, models: tuple[Model, ...]) -> dict[str, Pixels]:
    """A picture file as each model wants it. On a worker thread; raises as ``read_image``."""
    image = read_image(path)
    return {each.digest: prepare(image, each.facts.image_shape, each.generator.preparation) for each in models}


def _write_sample(path: Path, number: int) -> None:
    from explorer.datasets import open_dataset

    pixels = np.asarray(open_dataset(resources_folder().joinpath(*SAMPLE_DATASET)).picture(number))
    write_png(path, pixels[..., None] if pixels.ndim == 2 else pixels)
