"""Scenes as JSON and back: what is read may be damaged, or not a scene at all."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Final

from explorer.errors import SceneError
from explorer.scene.blending import canonical
from explorer.scene.values import (
    ALL_LAYERS,
    MIXINGS,
    AnyDirection,
    Codes,
    Condition,
    Denoising,
    Direction,
    Examples,
    ImageFile,
    Latent,
    Noise,
    Sampling,
    Scene,
    Seed,
    Source,
    Start,
    StoredPoint,
    StyleRow,
    Styles,
    Transform,
    Turn,
)

__all__ = ["MAX_NAME", "direction_from_json", "direction_to_json", "from_json", "to_json"]

DIRECTION_KINDS: Final = ("axis", "decoder", "data", "ganspace", "sefa", "pattern")
NOISE_MODES: Final = ("const", "random", "none")
LARGEST: Final = 1e9  # weights and amounts beyond this are damage
MOST_BEYOND: Final = 2.0  # the sum of all weights without their signs, in sums with them; a curve has at most 1.3
MAX_PARTS: Final = 4096  # sources or moves in one latent; more is not something a hand or this program makes
MAX_NAME: Final = 80
MAX_PROMPT: Final = 10_000  # characters
MAX_STEPS: Final = 10_000  # of a run
MAX_CELLS: Final = 1 << 16  # painted, of code maps


def to_json(scene: Scene) -> dict[str, Any]:
    """The scene as plain JSON values; parts that are as usual are left out."""
    data: dict[str, Any] = {"latent": _latent_to_json(scene.latent)}
    if scene.styles != Styles():
        data["styles"] = [
            {"latent": _latent_to_json(row.latent), "weights": [list(pair) for pair in row.weights]}
            for row in scene.styles.rows
        ]
    if scene.condition != Condition():
        data["condition"] = _condition_to_json(scene.condition)
    if scene.noise != Noise():
        noise = scene.noise
        layers = [list(pair) for pair in noise.layers]
        data["noise"] = {"mode": noise.mode, "seed": noise.seed, "strength": noise.strength, "layers": layers}
    if scene.transform != Transform():
        moved = scene.transform
        data["transform"] = {"x": moved.x, "y": moved.y, "degrees": moved.degrees}
    if scene.denoising != Denoising():
        data["denoising"] = _denoising_to_json(scene.denoising)
    if scene.codes != Codes():
        data["codes"] = [list(cell) for cell in scene.codes.cells]
    return data


def from_json(data: Any) -> Scene:
    """Read what ``to_json`` wrote.

    Raises:
        SceneError: anything is missing, of the wrong type, not finite or absurdly long.
    """
    try:
        rows = tuple(
            StyleRow(_latent_from_json(row["latent"]), _pairs(row["weights"])) for row in _short(data.get("styles", []))
        )
        noise, transform = (data.get(name, {}) for name in ("noise", "transform"))
        return Scene(
            _latent_from_json(data["latent"]),
            Styles(rows),
            _condition_from_json(data.get("condition", {})),
            Noise(
                _one_of(noise.get("mode", "const"), NOISE_MODES),
                _index(noise.get("seed", 0)),
                _number(noise.get("strength", 1.0)),
                _pairs(noise.get("layers", [])),
            ),
            Transform(*(_number(transform.get(name, 0.0)) for name in ("x", "y", "degrees"))),
            _denoising_from_json(data.get("denoising", {})),
            _codes_from_json(data.get("codes", [])),
        )
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError) as error:
        raise SceneError("This is not a scene, or it is damaged.", f"The unreadable part is {error}.") from error


def direction_to_json(direction: AnyDirection) -> Any:
    """A direction as plain JSON values."""
    layers = [] if (direction.first, direction.end) == (0, ALL_LAYERS) else [direction.first, direction.end]
    if isinstance(direction, Direction):
        return [direction.kind, direction.index, *layers]
    return {
        "name": direction.name,
        "having": [_latent_to_json(latent) for latent in direction.having],
        "lacking": [_latent_to_json(latent) for latent in direction.lacking],
        **({"layers": layers} if layers else {}),
        **({"method": direction.method} if direction.method != "probe" else {}),
    }


def direction_from_json(data: Any) -> AnyDirection:
    """Read a direction; raises TypeError, KeyError or ValueError where it is none."""
    if isinstance(data, dict):
        name = data["name"]
        if not isinstance(name, str):
            raise TypeError("the name of a direction")
        having, lacking = (
            tuple(_latent_from_json(latent) for latent in _short(data[key])) for key in ("having", "lacking")
        )
        if not having or not lacking:
            raise ValueError("a direction without examples")
        method = _one_of(data.get("method", "probe"), ("probe", "mean"))
        return Examples(name[:MAX_NAME], having, lacking, *_range(data.get("layers", [])), method=method)
    kind, index, *layers = data
    return Direction(_one_of(kind, DIRECTION_KINDS), _index(index), *_range(layers))


def _condition_to_json(condition: Condition) -> dict[str, Any]:
    data: dict[str, Any] = {"classes": [list(pair) for pair in condition.classes]}
    if condition.prompts:
        data["prompts"] = [list(pair) for pair in condition.prompts]
    return data | ({"negative": condition.negative} if condition.negative else {})


def _condition_from_json(data: Any) -> Condition:
    prompts = tuple((_text(prompt), _number(weight)) for prompt, weight in _short(data.get("prompts", [])))
    return Condition(_pairs(data.get("classes", [])), prompts, _text(data.get("negative", "")))


def _codes_from_json(data: Any) -> Codes:
    cells: dict[tuple[int, int, int], int] = {}
    for level, row, column, code in _short(data, MAX_CELLS):
        cells[_index(level), _index(row), _index(column)] = _index(code)
    return Codes(tuple((*place, code) for place, code in sorted(cells.items())))


def _denoising_to_json(denoising: Denoising) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if denoising.sampling != Sampling():
        data["sampling"] = _sampling_to_json(denoising.sampling)
    start = denoising.start
    if start != Start():
        files = {"picture": start.picture, "mask": start.mask}
        data["start"] = {name: _source_to_json(file) for name, file in files.items() if file is not None}
        data["start"]["strength"] = start.strength
    if denoising.turns:
        data["turns"] = [_turn_to_json(turn) for turn in denoising.turns]
    return data


def _denoising_from_json(data: Any) -> Denoising:
    start = data.get("start", {})
    picture, mask = (_file_from_json(start.get(name)) for name in ("picture", "mask"))
    strength = _number(start.get("strength", 1.0))
    if not 0.0 <= strength <= 1.0:
        raise ValueError("a strength that is not from 0 to 1")
    turns = tuple(_turn_from_json(turn) for turn in _short(data.get("turns", [])))
    if [turn.step for turn in turns] != sorted({turn.step for turn in turns}):
        raise ValueError("branches that are out of order")
    return Denoising(_sampling_from_json(data.get("sampling", {})), Start(picture, strength, mask), turns)


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    data: dict[str, Any] = {"step": turn.step}
    if turn.sampling is not None:
        data["sampling"] = _sampling_to_json(turn.sampling)
    if turn.condition is not None:
        data["condition"] = _condition_to_json(turn.condition)
    return data | ({"paint": _source_to_json(turn.paint)} if turn.paint is not None else {})


def _turn_from_json(data: Any) -> Turn:
    return Turn(
        _index(data["step"]),
        _sampling_from_json(data["sampling"]) if "sampling" in data else None,
        _condition_from_json(data["condition"]) if "condition" in data else None,
        _file_from_json(data.get("paint")),
    )


def _sampling_to_json(sampling: Sampling) -> dict[str, Any]:
    values = asdict(sampling)
    return {name: value for name, value in values.items() if value != getattr(Sampling(), name)}


def _sampling_from_json(data: Any) -> Sampling:
    guidance, (first, last) = data.get("guidance"), data.get("interval", (0.0, 1.0))
    curve = tuple((_number(place), _number(scale)) for place, scale in _short(data.get("curve", [])))
    if [place for place, _ in curve] != sorted(place for place, _ in curve):
        raise ValueError("a guidance curve that is out of order")
    steps = _index(data.get("steps", 0))
    if steps > MAX_STEPS:
        raise ValueError("more steps than any run has")
    return Sampling(
        _text(data.get("sampler", "")),
        steps,
        _number(data.get("eta", 0.0)),
        None if guidance is None else _number(guidance),
        curve,
        (_number(first), _number(last)),
        _number(data.get("rescale", 0.0)),
        _index(data.get("seed", 0)),
        _text(data.get("spacing", "")),
    )


def _file_from_json(data: Any) -> ImageFile | None:
    source = None if data is None else _source_from_json(data)
    if source is not None and not isinstance(source, ImageFile):
        raise TypeError("a picture of a run")
    return source


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_PROMPT:
        raise TypeError("a text of reasonable length")
    return value


def _range(layers: Any) -> tuple[int, int]:
    if not layers:
        return 0, ALL_LAYERS
    first, end = map(_index, layers)
    if not first < end <= ALL_LAYERS:
        raise ValueError("a range of layers that is empty")
    return first, end


def _latent_to_json(latent: Latent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "sources": [[_source_to_json(source), weight] for source, weight in latent.sources],
        "moves": [[direction_to_json(direction), amount] for direction, amount in latent.moves],
        "truncation": latent.truncation,
    }
    if latent.cutoff != ALL_LAYERS:
        data["cutoff"] = latent.cutoff
    if latent.classes:
        data["classes"] = [list(pair) for pair in latent.classes]
    if latent.temperatures:
        data["temperatures"] = [list(pair) for pair in latent.temperatures]
    if latent.mixing:
        data["mixing"] = latent.mixing
    return data


def _latent_from_json(data: Any) -> Latent:
    sources = tuple((_source_from_json(source), _number(weight)) for source, weight in _short(data["sources"]))
    moves = tuple((direction_from_json(direction), _number(amount)) for direction, amount in _short(data["moves"]))
    if len(dict(moves)) < len(moves):
        raise ValueError("a direction that is moved along twice")
    total = math.fsum(weight for _, weight in sources)
    if not total > 0 or math.fsum(abs(weight) for _, weight in sources) > MOST_BEYOND * total:
        raise ValueError("its sources, whose weights should be positive")
    cutoff, classes = _index(data.get("cutoff", ALL_LAYERS)), _pairs(data.get("classes", []))
    temperatures = _pairs(data.get("temperatures", []))
    mixing = _one_of(data.get("mixing", ""), MIXINGS)
    return Latent(sources, canonical(moves), _number(data["truncation"]), cutoff, classes, temperatures, mixing)


def _source_to_json(source: Source) -> dict[str, Any]:
    match source:
        case Seed(number):
            return {"seed": number}
        case ImageFile(path, digest):
            return {"image": path, "sha256": digest}
        case StoredPoint(path, digest, picture):
            return {"point": path, "sha256": digest, **({"picture": picture} if picture else {})}


def _source_from_json(data: Any) -> Source:
    if "seed" in data:
        return Seed(_index(data["seed"]))
    is_point = "point" in data
    path, digest, picture = data["point" if is_point else "image"], data.get("sha256", ""), data.get("picture", "")
    if not all(isinstance(text, str) for text in (path, digest, picture)):
        raise TypeError("the path of a picture")
    return StoredPoint(path, digest, picture) if is_point else ImageFile(path, digest)


def _pairs(data: Any) -> tuple[tuple[int, float], ...]:
    pairs = {_index(key): _number(weight) for key, weight in _short(data)}
    return tuple(sorted(pairs.items()))


def _short(values: Any, most: int = MAX_PARTS) -> list[Any]:
    if not isinstance(values, list) or len(values) > most:
        raise TypeError("a list of reasonable length")
    return values


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -LARGEST <= value <= LARGEST:
        raise ValueError("a number that is not finite or far too large")
    return float(value)


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise ValueError("a whole number that is negative or too large")
    return value


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"the kind {value!r}")
    return str(value)
