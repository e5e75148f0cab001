"""What a session file holds, as values: everything worth saving of the window, readable without one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from explorer.animation import EASINGS, Film
from explorer.errors import SceneError
from explorer.history import History
from explorer.scene import (
    AnyDirection,
    Direction,
    Scene,
    direction_from_json,
    direction_to_json,
    from_json,
    to_json,
)

__all__ = ["Favourite", "FilmSettings", "SavedSession", "View", "Work", "read_session"]

FORMAT = 1
MAX_SESSION_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class View:
    """How the scene is looked at; not part of the picture."""

    mode: str = "picture"  # picture, grid or beside
    across: AnyDirection = Direction("decoder", 0)
    up: AnyDirection = Direction("decoder", 1)
    cells: int = 7  # of the grid, along each side, odd
    span: float = 2.0  # standard deviations from the centre of the grid to its edge
    smooth: bool = True
    kind: str = "decoder"  # which directions the panel lists
    sketch: bool = True  # show a coarse picture first where a picture takes long


@dataclass(frozen=True, slots=True)
class FilmSettings:
    """How the keyframes of the timeline become a film."""

    pace: float = 2.0  # seconds from keyframe to keyframe
    frames_per_second: int = 30
    easing: str = "ease"
    loop: bool = False
    size: int = 512  # the shorter side of the film in pixels, at least; pixels are enlarged by whole numbers

    def film(self, keyframes: tuple[Scene, ...]) -> Film:
        """The film through ``keyframes``; raises SceneError where there are fewer than two."""
        closes = self.loop and keyframes[0] != keyframes[-1]
        steps = len(keyframes) - (0 if closes else 1)
        return Film(keyframes, max(self.pace * steps, 0.1), self.frames_per_second, self.easing, self.loop)

    def like(self, film: Film) -> FilmSettings:
        """These settings with the pace, rate, easing and loop of a film."""
        closes = film.loop and film.keyframes[0] != film.keyframes[-1]
        pace = film.seconds / (len(film.keyframes) - (0 if closes else 1))
        return replace(self, pace=pace, frames_per_second=film.frames_per_second, easing=film.easing, loop=film.loop)

    @staticmethod
    def from_json(data: Any) -> FilmSettings:
        easing = str(data["easing"])
        return FilmSettings(
            pace=min(max(float(data["pace"]), 0.1), 60.0),
            frames_per_second=min(max(int(data["frames_per_second"]), 1), 120),
            easing=easing if easing in EASINGS else "ease",
            loop=bool(data["loop"]),
            size=min(max(int(data["size"]), 16), 4096),
        )


@dataclass(frozen=True, slots=True)
class Favourite:
    """A scene worth keeping, and the model it belongs to."""

    scene: Scene
    checkpoint: str  # the name of the model
    name: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What was done with one model: where one has been, and the film of the timeline."""

    history: History
    keyframes: tuple[Scene, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedSession:
    """Everything a session file holds."""

    checkpoint: str = ""
    digest: str = ""
    scene: Scene = Scene()
    history: History = field(default_factory=lambda: History.start(Scene()))
    favourites: tuple[Favourite, ...] = ()
    keyframes: tuple[Scene, ...] = ()
    film: FilmSettings = FilmSettings()
    view: View = View()
    others: tuple[tuple[str, Work], ...] = ()  # by the SHA-256 of other models

    def to_text(self) -> str:
        """The session as JSON. Slow for long histories: not for the main thread."""
        return json.dumps(
            {
                "latent-explorer-session": FORMAT,
                "checkpoint": {"path": self.checkpoint, "sha256": self.digest},
                "scene": to_json(self.scene),
                "history": self.history.to_json(),
                "favourites": [
                    {"scene": to_json(f.scene), "checkpoint": f.checkpoint, "name": f.name} for f in self.favourites
                ],
                "keyframes": [to_json(scene) for scene in self.keyframes],
                "film": asdict(self.film),
                "view": {
                    **{key: value for key, value in asdict(self.view).items() if key not in ("across", "up")},
                    "across": direction_to_json(self.view.across),
                    "up": direction_to_json(self.view.up),
                },
                "others": [
                    {"sha256": sha, "history": w.history.to_json(), "keyframes": [to_json(s) for s in w.keyframes]}
                    for sha, w in self.others
                ],
            }
        )


def read_session(path: Path) -> SavedSession:
    """Read a session file.

    Raises:
        SceneError: it is not a session, is damaged, or is of a newer version of the program.
    """
    try:
        if path.stat().st_size > MAX_SESSION_BYTES:
            raise SceneError(f"{path.name} is far too large for a session.")
        data = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
        version = data["latent-explorer-session"]
        if version != FORMAT:
            raise SceneError(f"{path.name} was saved by another version of this program ({version}).")
        checkpoint, view = data["checkpoint"], data["view"]
        axes = {name: _axis(view[name]) for name in ("across", "up")}
        return SavedSession(
            checkpoint=str(checkpoint["path"]),
            digest=str(checkpoint["sha256"]),
            scene=from_json(data["scene"]),
            history=History.from_json(data["history"]),
            favourites=tuple(
                Favourite(from_json(item["scene"]), str(item["checkpoint"]), str(item["name"]))
                for item in data["favourites"]
            ),
            keyframes=tuple(from_json(item) for item in data["keyframes"]),
            film=FilmSettings.from_json(data["film"]),
            view=View(
                mode=view["mode"] if view["mode"] in ("picture", "grid", "beside") else "picture",
                cells=min(max(int(view["cells"]) | 1, 3), 15),
                span=min(max(float(view["span"]), 0.1), 10.0),
                smooth=bool(view["smooth"]),
                kind=str(view["kind"]),
                sketch=bool(view.get("sketch", True)),
                **axes,
            ),
            others=tuple(
                (
                    str(item["sha256"]),
                    Work(History.from_json(item["history"]), tuple(from_json(each) for each in item["keyframes"])),
                )
                for item in data.get("others", [])
            ),
        )
    except FileNotFoundError as error:
        raise SceneError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise SceneError(f"{path} cannot be opened: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise SceneError(f"{path.name} is not a session of this program, or it is damaged.") from error


def _axis(data: Any) -> AnyDirection:
    """A direction as it is written now, or by the first version."""
    first_form = isinstance(data, dict) and "kind" in data
    return direction_from_json((data["kind"], data["index"]) if first_form else data)


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError(constant)
