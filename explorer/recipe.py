"""The recipe that every exported picture and film carries: which model and scene made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.animation import Film, Output, film_from_json, output_from_json, output_to_json, read_film_recipe
from explorer.animation import to_json as film_to_json
from explorer.errors import CheckpointError, SceneError
from explorer.files import digest, is_checkpoint
from explorer.imaging import read_recipe
from explorer.scene import Scene, from_json, to_json

__all__ = ["Recipe", "find_checkpoint", "recipe_of"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """A checkpoint, known by the SHA-256 of its file, and either a scene or a film made with it."""

    checkpoint: str
    digest: str
    name: str
    scene: Scene = Scene()
    film: Film | None = None
    output: Output | None = None  # how the film was written

    def to_json(self) -> dict[str, Any]:
        made = {"scene": to_json(self.scene)} if self.film is None else {"film": film_to_json(self.film)}
        if self.output is not None:
            made["output"] = output_to_json(self.output)
        checkpoint = {"path": self.checkpoint, "sha256": self.digest, "name": self.name}
        return {"latent-explorer": FORMAT, "checkpoint": checkpoint, **made}

    @staticmethod
    def from_json(data: Any) -> Recipe:
        """Read what ``to_json`` wrote; raises SceneError where it is damaged."""
        try:
            checkpoint = data["checkpoint"]
            path, sha, name = (str(checkpoint[key]) for key in ("path", "sha256", "name"))
            film = film_from_json(data["film"]) if "film" in data else None
            output = output_from_json(data["output"]) if "output" in data else None
            scene = film.scenes[0] if film is not None else from_json(data["scene"])
            return Recipe(path, sha, name, scene, film, output)
        except (KeyError, TypeError, IndexError) as error:
            raise SceneError("The recipe in this file is damaged.") from error


def recipe_of(path: Path) -> Recipe | None:
    """The recipe inside a picture or film, or None where it carries none; raises SceneError where it is damaged."""
    data = read_recipe(path) or read_film_recipe(path)
    return None if data is None else Recipe.from_json(data)


def find_checkpoint(path: str, sha256: str, name: str, known: Iterable[Path]) -> Path:
    """Where the checkpoint of a recipe or session is now: where it was, or any known file with the same content.

    Raises:
        CheckpointError: it is not on this machine, or has changed since.
    """
    for candidate in dict.fromkeys((Path(path), *known)):
        if is_checkpoint(candidate) and digest(candidate) == sha256:
            return candidate
    changed = " has changed since" if is_checkpoint(Path(path)) else " was not found on this machine"
    raise CheckpointError(
        f"The model {name or Path(path).name}, which made this,{changed}.", "Open the model first, then try again."
    )
