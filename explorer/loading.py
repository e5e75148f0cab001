"""What a file on disk is to this program, found out and loaded on a worker thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from explorer.errors import SceneError
from explorer.files import digest, is_checkpoint, model_home
from explorer.imaging import read_image
from explorer.preloading import preload
from explorer.recipe import Recipe, find_checkpoint, recipe_of
from explorer.saved import SavedSession, read_session
from explorer.scene import ImageFile
from explorer.session import Model
from explorer.workers import Report

__all__ = ["DATASET_SUFFIXES", "Loaded", "is_dataset", "load", "load_model"]

PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


DATASET_SUFFIXES: Final = (".npy", ".npz", ".csv", ".tsv", ".parquet", "-ubyte", "-ubyte.gz")


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """What was found: a model, and perhaps what to do with it. Without a model it is for the one already open."""

    model: Model | None = None
    session: SavedSession | None = None
    recipe: Recipe | None = None
    image: ImageFile | None = None
    dataset: Path | None = None


def load(path: Path, device: str, current: Model | None, known: Iterable[Path], report: Report) -> Loaded:
    """Load a checkpoint, a session, or a picture or film (with or without a recipe), decided by content.

    Raises:
        ExplorerError: with one sentence on what is wrong with the file.
    """
    path = model_home(path.absolute())
    if is_dataset(path):
        return Loaded(dataset=path)
    start = _first_bytes(path)
    if start[:4] in PICTURES or start[:3] in PICTURES or start[:2] in PICTURES or start[4:8] == b"ftyp":
        recipe = recipe_of(path)
        if recipe is None and start[4:8] == b"ftyp":
            raise SceneError(f"{path.name} is a film without a recipe of this program inside.")
        if recipe is None:
            return Loaded(image=ImageFile(str(path), digest(path)))
        model = _model_of(recipe.checkpoint, recipe.digest, recipe.name, device, current, known, report)
        return Loaded(model, recipe=recipe)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        read_image(path)  # says what is wrong with it
    if start.lstrip()[:1] == b"{":
        session = read_session(path)
        model = _model_of(session.checkpoint, session.digest, "", device, current, known, report)
        return Loaded(model or current, session=session)
    return Loaded(load_model(path, device, report))


def is_dataset(path: Path) -> bool:
    """Whether a path is a collection of pictures by its name: a folder that is no model, an array or a list."""
    return path.name.lower().endswith(DATASET_SUFFIXES) or (path.is_dir() and not is_checkpoint(path))


def load_model(path: Path, device: str, report: Report) -> Model:
    """Load a checkpoint; raises as ``open_generator``."""
    preload("torch", "_C*.so")
    from explorer.facts import describe  # these import torch, which takes longer than the window may wait
    from explorer.generators import open_generator

    report(0, 3, "reading")
    generator = open_generator(path, device)
    report(1, 3, "checking")
    sha256 = digest(path)
    report(2, 3, "ready")
    return Model(path.absolute(), sha256, generator, describe(generator))


def _model_of(
    path: str, sha256: str, name: str, device: str, current: Model | None, known: Iterable[Path], report: Report
) -> Model | None:
    """The model of a recipe; None where it is the one already open."""
    if current is not None and current.digest == sha256:
        return None
    return load_model(find_checkpoint(path, sha256, name, known), device, report)


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError:
        return b""  # the reader of checkpoints says what is wrong
