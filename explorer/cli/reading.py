"""Scenes and films out of every kind of file that can hold one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from explorer.animation import Film, Output, film_from_json
from explorer.errors import SceneError
from explorer.recipe import Recipe, recipe_of
from explorer.scene import Scene, from_json

if TYPE_CHECKING:
    from explorer.saved import SavedSession

__all__ = ["FoundFilm", "read_film", "read_scene"]

MAX_BYTES: Final = 64 << 20
SESSION_KEY: Final = "latent-explorer-session"
RECIPE_KEY: Final = "latent-explorer"


@dataclass(frozen=True, slots=True)
class FoundFilm:
    """A film, how it wants to be written, and the model it was made for, where that is said."""

    film: Film
    output: Output = field(default_factory=Output)
    checkpoint: str = ""
    digest: str = ""
    name: str = ""


def read_scene(path: Path) -> Scene:
    """The scene in a scene file, a session, a recipe, or a picture or film that carries one.

    Raises:
        SceneError: the file is missing or damaged, or holds no scene.
    """
    data = _read_json(path)
    if isinstance(data, dict) and SESSION_KEY in data:
        return _read_session(path).scene
    if isinstance(data, dict) and RECIPE_KEY in data:
        return Recipe.from_json(data).scene
    try:
        return from_json(data)
    except SceneError as error:
        raise SceneError(f"{path} is not a scene, or it is damaged.", error.hint) from error


def read_film(path: Path, loop: bool | None) -> FoundFilm:
    """The film in a session, a list of scenes, a film's description, or a film that carries its recipe.

    ``loop`` overrides what the file says; where the file gives a pace, the way back takes its time too.

    Raises:
        SceneError: the file is missing or damaged, or holds no film.
    """
    data = _read_json(path)
    if isinstance(data, dict) and SESSION_KEY in data:
        saved = _read_session(path)
        film = saved.film if loop is None else replace(saved.film, loop=loop)
        return FoundFilm(_playable(film, path), saved.output, saved.checkpoint, saved.digest)
    if isinstance(data, dict) and RECIPE_KEY in data:
        recipe = Recipe.from_json(data)
        if recipe.film is None:
            raise SceneError(f"{path} carries the recipe of a picture, not of a film.")
        film = recipe.film if loop is None else replace(recipe.film, loop=loop)
        output = recipe.output or Output()
        return FoundFilm(_playable(film, path), output, recipe.checkpoint, recipe.digest, recipe.name)
    values = {"keyframes": data} if isinstance(data, list) else data
    if isinstance(values, dict) and loop is not None:
        values = {**values, "loop": loop}
    try:
        return FoundFilm(_playable(film_from_json(values), path))
    except SceneError as error:
        raise SceneError(f"{path} cannot be made into a film: {error.message}", error.hint) from error


def _playable(film: Film, path: Path) -> Film:
    if not film.is_playable:
        raise SceneError(f"{path} has {len(film.keyframes)} keyframes.", "A film needs at least two.")
    return film


def _read_json(path: Path) -> Any:
    """The JSON in a file, or the recipe in a picture or film."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SceneError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise SceneError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if text.lstrip()[:1] not in (b"{", b"["):
        recipe = recipe_of(path)
        if recipe is None:
            raise SceneError(f"{path} holds no scene: it is no JSON, and carries no recipe of this program.")
        return recipe.to_json()
    if len(text) > MAX_BYTES:
        raise SceneError(f"{path} is far too large for scenes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SceneError(f"{path} is damaged and cannot be read as JSON.") from error


def _read_session(path: Path) -> SavedSession:
    import explorer.render  # noqa: F401  # torch first: on Windows it cannot be loaded once Qt is
    from explorer.saved import read_session

    return read_session(path)
