"""What a session file holds, as values: everything worth saving of the window, readable without one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from explorer.animation import EASINGS, Film, Output, film_from_json, output_from_json, output_to_json
from explorer.animation import to_json as film_to_json
from explorer.atlas.choices import Choices, choices_from_json, choices_to_json
from explorer.control import Setup, setup_from_json, setup_to_json
from explorer.errors import SceneError
from explorer.history import History
from explorer.runs import Branch
from explorer.scene import (
    ALL_LAYERS,
    MAX_NAME,
    AnyDirection,
    Direction,
    Examples,
    Scene,
    direction_from_json,
    direction_to_json,
    from_json,
    to_json,
)

__all__ = [
    "MOST_COMPARED",
    "Favourite",
    "SavedSession",
    "View",
    "Work",
    "direction_text",
    "read_direction",
    "read_session",
]

FORMAT = 1
DIRECTION_FORMAT = 1
MAX_SESSION_BYTES = 64 << 20
LONGEST_FILM = 3600.0  # seconds
MOST_COMPARED = 12  # models beside each other
MODES = ("picture", "grid", "beside", "table")
WORKSPACES = ("explore", "denoise", "atlas", "compare")
COMPARED_MODES = ("side", "wipe", "flicker", "difference")
COMPARED_BY = ("scene", "picture")
STEP_VIEWS = ("clean", "noisy", "noise", "to_final", "to_previous", "both")


@dataclass(frozen=True, slots=True)
class View:
    """How the scene is looked at; not part of the picture."""

    mode: str = "picture"  # picture, grid, beside or table
    across: AnyDirection = Direction("decoder", 0)
    up: AnyDirection = Direction("decoder", 1)
    cells: int = 7  # of the grid, along each side, odd
    span: float = 2.0  # standard deviations from the centre of the grid to its edge
    smooth: bool = True
    kind: str = "decoder"  # which directions the panel lists
    sketch: bool = True  # show a coarse picture first where a picture takes long
    table_layers: tuple[int, int] = (0, ALL_LAYERS)  # what a mixing table takes from its rows; all: the coarse ones
    layers: tuple[int, int] = (0, ALL_LAYERS)  # the first layer that directions move, and the one after the last
    workspace: str = "explore"  # one of WORKSPACES
    step_view: str = "clean"  # what is shown of a step of a run, one of STEP_VIEWS
    compare: str = ""  # the branch that is wiped against the run
    loop_run: bool = True
    run_speed: float = 1.0
    compared_mode: str = "side"  # how the pictures of several models are put against each other
    compared_by: str = "scene"  # what they are of: one scene, or one picture that each of them encodes


@dataclass(frozen=True, slots=True)
class Favourite:
    """A scene worth keeping, and the model it belongs to."""

    scene: Scene
    checkpoint: str  # the name of the model
    name: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What was done with one model: where one has been, the film of the timeline, one's own directions, kept runs.

    A direction in the making may have examples on one side only, or none.
    """

    history: History
    film: Film = field(default_factory=Film)
    directions: tuple[Examples, ...] = ()
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedSession:
    """Everything a session file holds."""

    checkpoint: str = ""
    digest: str = ""
    scene: Scene = Scene()
    history: History = field(default_factory=lambda: History.start(Scene()))
    favourites: tuple[Favourite, ...] = ()
    film: Film = field(default_factory=Film)
    output: Output = field(default_factory=Output)
    view: View = View()
    others: tuple[tuple[str, Work], ...] = ()  # by the SHA-256 of other models
    directions: tuple[Examples, ...] = ()
    branches: tuple[Branch, ...] = ()
    compared: tuple[str, ...] = ()  # the paths of models that are open beside this one
    dataset: str = ""  # the path of the dataset that is laid out as a map
    lens: str = ""  # the path of the model that it is seen through; empty: its pixels
    pictured: str = ""  # the fingerprint of that dataset, for which the choices hold
    choices: Choices = Choices()
    controls: Setup = field(default_factory=Setup)

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
                "film": film_to_json(self.film),
                "output": output_to_json(self.output),
                "view": {
                    **{key: value for key, value in asdict(self.view).items() if key not in ("across", "up")},
                    "across": direction_to_json(self.view.across),
                    "up": direction_to_json(self.view.up),
                },
                "others": [
                    {
                        "sha256": sha,
                        "history": work.history.to_json(),
                        "film": film_to_json(work.film),
                        "directions": [direction_to_json(direction) for direction in work.directions],
                        "branches": [_branch_to_json(branch) for branch in work.branches],
                    }
                    for sha, work in self.others
                ],
                "directions": [direction_to_json(direction) for direction in self.directions],
                "branches": [_branch_to_json(branch) for branch in self.branches],
                "compared": list(self.compared),
                "dataset": self.dataset,
                "lens": self.lens,
                "pictured": self.pictured,
                "choices": choices_to_json(self.choices),
                "controls": setup_to_json(self.controls),
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
            film=_film(data, data["film"]),
            output=_output(data),
            view=View(
                mode=view["mode"] if view["mode"] in MODES else "picture",
                cells=min(max(int(view["cells"]) | 1, 3), 15),
                span=min(max(float(view["span"]), 0.1), 10.0),
                smooth=bool(view["smooth"]),
                kind=str(view["kind"]),
                sketch=bool(view.get("sketch", True)),
                table_layers=_layers(view.get("table_layers", (0, ALL_LAYERS))),
                layers=_layers(view.get("layers", (0, ALL_LAYERS))),
                workspace=view["workspace"] if view.get("workspace") in WORKSPACES else "explore",
                step_view=view["step_view"] if view.get("step_view") in STEP_VIEWS else "clean",
                compare=str(view.get("compare", ""))[:MAX_NAME],
                loop_run=bool(view.get("loop_run", True)),
                run_speed=min(max(float(view.get("run_speed", 1.0)), 0.05), 20.0),
                compared_mode=view["compared_mode"] if view.get("compared_mode") in COMPARED_MODES else "side",
                compared_by=view["compared_by"] if view.get("compared_by") in COMPARED_BY else "scene",
                **axes,
            ),
            others=tuple(
                (
                    str(item["sha256"]),
                    Work(
                        History.from_json(item["history"]),
                        _film(item, data["film"]),
                        tuple(_examples(each) for each in item.get("directions", [])),
                        tuple(_branch_from_json(each) for each in item.get("branches", [])),
                    ),
                )
                for item in data.get("others", [])
            ),
            directions=tuple(_examples(each) for each in data.get("directions", [])),
            branches=tuple(_branch_from_json(each) for each in data.get("branches", [])),
            compared=tuple(str(each) for each in data.get("compared", []))[:MOST_COMPARED],
            dataset=str(data.get("dataset", "")),
            lens=str(data.get("lens", "")),
            pictured=str(data.get("pictured", "")),
            choices=choices_from_json(data.get("choices")),
            controls=setup_from_json(data.get("controls")),
        )
    except FileNotFoundError as error:
        raise SceneError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise SceneError(f"{path} cannot be opened: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise SceneError(f"{path.name} is not a session of this program, or it is damaged.") from error


def direction_text(examples: Examples, digest: str) -> str:
    """A direction of one's own as JSON, with the SHA-256 of the model that it was made with."""
    return json.dumps(
        {
            "latent-explorer-direction": DIRECTION_FORMAT,
            "checkpoint": {"sha256": digest},
            "direction": direction_to_json(examples),
        }
    )


def read_direction(path: Path) -> tuple[Examples, str]:
    """Read what ``direction_text`` wrote: the direction, and the SHA-256 of its model.

    Raises:
        SceneError: it is not a direction, is damaged, or is of a newer version of the program.
    """
    try:
        if path.stat().st_size > MAX_SESSION_BYTES:
            raise SceneError(f"{path.name} is far too large for a direction.")
        data = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
        version = data["latent-explorer-direction"]
        if version != DIRECTION_FORMAT:
            raise SceneError(f"{path.name} was saved by another version of this program ({version}).")
        direction = direction_from_json(data["direction"])
        if not isinstance(direction, Examples):
            raise TypeError("a direction without examples")
        return direction, str(data["checkpoint"]["sha256"])
    except FileNotFoundError as error:
        raise SceneError(f"{path} does not exist.", "It may have been moved or renamed.") from error
    except OSError as error:
        raise SceneError(f"{path} cannot be opened: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise SceneError(f"{path.name} is not a direction of this program, or it is damaged.") from error


def _film(data: Any, settings: Any) -> Film:
    """The film of a model as it is written now, or by the first version, which had one pace for all keyframes."""
    if "keyframes" not in data:
        return film_from_json(data["film"])
    easing = str(settings.get("easing", "ease"))
    film = film_from_json(
        {
            "keyframes": data["keyframes"],
            "frames_per_second": settings.get("frames_per_second", 30),
            "loop": settings.get("loop", False),
            "easing": easing if easing in EASINGS else "ease",
        }
    )
    pace = min(max(float(settings.get("pace", 2.0)), 0.1), 60.0, LONGEST_FILM / max(len(film.keyframes), 1))
    return replace(film, keyframes=tuple(replace(keyframe, seconds=pace) for keyframe in film.keyframes))


def _output(data: Any) -> Output:
    """How films are written; the first version kept the size alone, among the settings of the film."""
    if "output" in data:
        return output_from_json(data["output"])
    return Output(size=min(max(int(data["film"].get("size", 512)), 0), 4096))


def _axis(data: Any) -> AnyDirection:
    """A direction as it is written now, or by the first version."""
    first_form = isinstance(data, dict) and "kind" in data
    return direction_from_json((data["kind"], data["index"]) if first_form else data)


def _layers(data: Any) -> tuple[int, int]:
    """A range of layers; all of them where it is none."""
    first, end = (min(max(int(each), 0), ALL_LAYERS) for each in data)
    return (first, end) if first < end else (0, ALL_LAYERS)


def _examples(data: Any) -> Examples:
    """A direction of one's own, which may still lack a side."""
    having, lacking = data["having"], data["lacking"]
    if not having and not lacking:
        return Examples(str(data["name"]), (), ())
    direction = direction_from_json({**data, "having": having or lacking, "lacking": lacking or having})
    if not isinstance(direction, Examples):
        raise TypeError("a direction without examples")
    return replace(direction, having=direction.having if having else (), lacking=direction.lacking if lacking else ())


def _branch_to_json(branch: Branch) -> dict[str, Any]:
    return {"name": branch.name, "scene": to_json(branch.scene), "parent": branch.parent, "step": branch.step}


def _branch_from_json(data: Any) -> Branch:
    step = int(data["step"])
    return Branch(str(data["name"])[:MAX_NAME], from_json(data["scene"]), str(data["parent"])[:MAX_NAME], max(step, 0))


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError(constant)
