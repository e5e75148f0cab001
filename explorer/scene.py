"""A scene: everything that decides what a picture looks like, as one small frozen value.

A picture is a pure function of (generator, scene). Scenes convert to JSON and back; a blend of scenes is a scene.
Parts that a generator has no use for are ignored by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from explorer.errors import SceneError

__all__ = [
    "ALL_LAYERS",
    "MAX_NAME",
    "AnyDirection",
    "Condition",
    "Direction",
    "Examples",
    "ImageFile",
    "Latent",
    "Noise",
    "Scene",
    "Seed",
    "Source",
    "StoredPoint",
    "StyleRow",
    "Styles",
    "Transform",
    "between",
    "blend",
    "direction_from_json",
    "direction_to_json",
    "from_json",
    "moved",
    "to_json",
    "walk",
]

DIRECTION_KINDS: Final = ("axis", "decoder", "data", "ganspace", "sefa")
NOISE_MODES: Final = ("const", "random", "none")
LARGEST: Final = 1e9  # weights and amounts beyond this are damage
MAX_PARTS: Final = 4096  # sources or moves in one latent; more is not something a hand or this program makes
MAX_NAME: Final = 80
ALL_LAYERS: Final = 1 << 16  # an end of a range that no model reaches


@dataclass(frozen=True, slots=True, order=True)
class Seed:
    """A draw from the model's prior, by its number (0 to 2^63 - 1)."""

    number: int


@dataclass(frozen=True, slots=True, order=True)
class ImageFile:
    """A real picture, encoded by the model. ``digest`` is the SHA-256 of the file: the picture that was meant."""

    path: str
    digest: str = ""


@dataclass(frozen=True, slots=True, order=True)
class StoredPoint:
    """A point kept in a file: styles (layers, w) of a style-based model. See ``ImageFile``. ``picture`` is the path of
    the real picture that it was found for, where it was."""

    path: str
    digest: str = ""
    picture: str = ""


Source: TypeAlias = Seed | ImageFile | StoredPoint


@dataclass(frozen=True, slots=True, order=True)
class Direction:
    """A named direction of a model's latent space.

    ``axis`` is one coordinate; ``decoder`` a principal direction of what the decoder does (0 changes the picture most);
    ``data`` a principal direction of the aggregate posterior (0 has the largest variance). Of the style space W:
    ``ganspace`` is a principal direction of its distribution (Harkonen et al. 2020), ``sefa`` one that the layers
    respond to most (Shen and Zhou 2021). Only the layers from ``first`` up to, not including, ``end`` are moved.
    """

    kind: str
    index: int
    first: int = 0
    end: int = ALL_LAYERS


@dataclass(frozen=True, slots=True)
class Examples:
    """A direction given by points that have something and points that do not, under a name of the person's own."""

    name: str
    having: tuple[Latent, ...]
    lacking: tuple[Latent, ...]
    first: int = 0
    end: int = ALL_LAYERS


AnyDirection: TypeAlias = Direction | Examples


@dataclass(frozen=True, slots=True)
class Latent:
    """A point of latent space, written so that it stays small.

    The sources are blended with their weights (see ``explorer.latents.blend``), the blend is pulled towards the mean
    of the prior by ``truncation`` (psi: 1 leaves it, 0 is the mean), then every move adds its amount, in standard
    deviations, along its direction. Style-based models are pulled in W, and only in the layers below ``cutoff``.
    ``classes`` are class weights that this point keeps in any scene, as an example does; without any, those of the
    scene hold.
    """

    sources: tuple[tuple[Source, float], ...] = ((Seed(0), 1.0),)
    moves: tuple[tuple[AnyDirection, float], ...] = ()
    truncation: float = 1.0
    cutoff: int = ALL_LAYERS
    classes: tuple[tuple[int, float], ...] = ()

    def amount(self, direction: AnyDirection) -> float:
        """How far this point is moved along ``direction``, in standard deviations."""
        return next((amount for known, amount in self.moves if known == direction), 0.0)


@dataclass(frozen=True, slots=True)
class StyleRow:
    """Another point, and how much of each layer's style comes from it: (layer, weight up to 1) pairs, sorted."""

    latent: Latent
    weights: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Styles:
    """Which points feed the layers of a style-based model beside the scene's own, which has what they leave."""

    rows: tuple[StyleRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """How much of each class is asked of a model that knows classes: (class, weight) pairs, sorted.

    Weights are given to the model as they are; 1 for one class is the usual. Without any, class 0 is asked for.
    """

    classes: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise that the layers of a style-based model add: the model's own, one of another seed, or none.

    ``strength`` multiplies that of the model, and ``layers`` again those of single layers: (layer, factor) pairs.
    """

    mode: str = "const"
    seed: int = 0
    strength: float = 1.0
    layers: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Transform:
    """Where a StyleGAN3 puts its picture: moved by ``x`` and ``y`` picture widths, turned by ``degrees``."""

    x: float = 0.0
    y: float = 0.0
    degrees: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides what a picture looks like."""

    latent: Latent = Latent()
    styles: Styles = Styles()
    condition: Condition = Condition()
    noise: Noise = Noise()
    transform: Transform = Transform()


def moved(scene: Scene, direction: AnyDirection, amount: float) -> Scene:
    """The scene with its move along ``direction`` set to ``amount`` standard deviations; 0 takes the move away."""
    moves = dict(scene.latent.moves)
    moves[direction] = amount
    return replace(scene, latent=replace(scene.latent, moves=_canonical(moves.items())))


def between(start: Scene, end: Scene, t: float) -> Scene:
    """The scene a fraction ``t`` (0 to 1) of the way from ``start`` to ``end``; exactly those at 0 and 1."""
    return blend(((start, 1.0 - t), (end, t)))


def blend(parts: Iterable[tuple[Scene, float]]) -> Scene:
    """The weighted blend of scenes; weights are not negative and are scaled to sum to 1."""
    kept = [(scene, weight) for scene, weight in parts if weight > 0]
    total = math.fsum(weight for _, weight in kept)
    if not kept:
        raise SceneError("A blend of scenes needs at least one weight above zero.")
    if len(kept) == 1 or all(scene == kept[0][0] for scene, _ in kept):
        return kept[0][0]
    shares = [(scene, weight / total) for scene, weight in kept]
    nearest = max(shares, key=lambda part: part[1])[0]
    return Scene(
        _blend_latents([(scene.latent, share) for scene, share in shares]),
        _blend_styles([(scene.styles, share) for scene, share in shares]),
        _blend_conditions([(scene.condition, share) for scene, share in shares]),
        _blend_noise([(scene.noise, share) for scene, share in shares], nearest.noise),
        Transform(*(_mean([(getattr(s.transform, name), w) for s, w in shares]) for name in ("x", "y", "degrees"))),
    )


def walk(waypoints: tuple[Scene, ...], position: float) -> Scene:
    """A point on the smooth path that starts at the first waypoint and passes near the others.

    ``position`` counts waypoints, 0 to len(waypoints) - 1. The weights are those of a uniform cubic B-spline whose end
    points are tripled: speed and acceleration are continuous, and the path starts and ends at rest exactly on the first
    and last waypoint. Repeat the first waypoint at the end for a loop. Every point is a blend of at most four
    waypoints, so it stays in the typical shell whenever they are in it.
    """
    last = len(waypoints) - 1
    stretched = min(max(position, 0.0), last) * (last + 2) / max(last, 1)  # tripled ends add two spans
    span = min(int(stretched), last + 1)
    u = stretched - span
    weights = ((1 - u) ** 3 / 6, (3 * u**3 - 6 * u**2 + 4) / 6, (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6, u**3 / 6)
    points = (waypoints[min(max(span - 2 + k, 0), last)] for k in range(4))
    return blend(zip(points, weights, strict=True))


def to_json(scene: Scene) -> dict[str, Any]:
    """The scene as plain JSON values; parts that are as usual are left out."""
    data: dict[str, Any] = {"latent": _latent_to_json(scene.latent)}
    if scene.styles != Styles():
        data["styles"] = [
            {"latent": _latent_to_json(row.latent), "weights": [list(pair) for pair in row.weights]}
            for row in scene.styles.rows
        ]
    if scene.condition != Condition():
        data["condition"] = {"classes": [list(pair) for pair in scene.condition.classes]}
    if scene.noise != Noise():
        noise = scene.noise
        layers = [list(pair) for pair in noise.layers]
        data["noise"] = {"mode": noise.mode, "seed": noise.seed, "strength": noise.strength, "layers": layers}
    if scene.transform != Transform():
        moved = scene.transform
        data["transform"] = {"x": moved.x, "y": moved.y, "degrees": moved.degrees}
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
        condition, noise, transform = (data.get(name, {}) for name in ("condition", "noise", "transform"))
        return Scene(
            _latent_from_json(data["latent"]),
            Styles(rows),
            Condition(_pairs(condition.get("classes", []))),
            Noise(
                _one_of(noise.get("mode", "const"), NOISE_MODES),
                _index(noise.get("seed", 0)),
                _number(noise.get("strength", 1.0)),
                _pairs(noise.get("layers", [])),
            ),
            Transform(*(_number(transform.get(name, 0.0)) for name in ("x", "y", "degrees"))),
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
        return Examples(name[:MAX_NAME], having, lacking, *_range(data.get("layers", [])))
    kind, index, *layers = data
    return Direction(_one_of(kind, DIRECTION_KINDS), _index(index), *_range(layers))


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
    return data


def _latent_from_json(data: Any) -> Latent:
    sources = tuple((_source_from_json(source), _number(weight)) for source, weight in _short(data["sources"]))
    moves = tuple((direction_from_json(direction), _number(amount)) for direction, amount in _short(data["moves"]))
    if len(dict(moves)) < len(moves):
        raise ValueError("a direction that is moved along twice")
    if any(weight < 0 for _, weight in sources) or not math.fsum(weight for _, weight in sources) > 0:
        raise ValueError("its sources, whose weights should be positive")
    cutoff, classes = _index(data.get("cutoff", ALL_LAYERS)), _pairs(data.get("classes", []))
    return Latent(sources, _canonical(moves), _number(data["truncation"]), cutoff, classes)


def _blend_latents(parts: list[tuple[Latent, float]]) -> Latent:
    if all(latent == parts[0][0] for latent, _ in parts):
        return parts[0][0]
    sources: dict[Source, float] = {}
    moves: dict[AnyDirection, float] = {}
    for latent, share in parts:
        own = math.fsum(amount for _, amount in latent.sources)
        for source, amount in latent.sources:
            sources[source] = sources.get(source, 0.0) + share * amount / own
        for direction, amount in latent.moves:
            moves[direction] = moves.get(direction, 0.0) + share * amount
    truncation = _mean([(latent.truncation, share) for latent, share in parts])
    nearest = max(parts, key=lambda part: part[1])[0]
    return Latent(tuple(sources.items()), _canonical(moves.items()), truncation, nearest.cutoff, nearest.classes)


def _blend_styles(parts: list[tuple[Styles, float]]) -> Styles:
    if all(styles == parts[0][0] for styles, _ in parts):
        return parts[0][0]
    rows: dict[Latent, list[tuple[tuple[tuple[int, float], ...], float]]] = {}
    for styles, share in parts:
        for row in styles.rows:
            rows.setdefault(row.latent, []).append((row.weights, share))
    return Styles(tuple(StyleRow(latent, _blend_pairs(weights)) for latent, weights in rows.items()))


def _blend_conditions(parts: list[tuple[Condition, float]]) -> Condition:
    if all(condition == parts[0][0] for condition, _ in parts):
        return parts[0][0]
    return Condition(_blend_pairs([(condition.classes or ((0, 1.0),), share) for condition, share in parts]))


def _blend_noise(parts: list[tuple[Noise, float]], nearest: Noise) -> Noise:
    """Strengths blend; of two kinds or seeds of noise there is the nearest one."""
    if all(noise == parts[0][0] for noise, _ in parts):
        return parts[0][0]
    factors: dict[int, float] = {}
    for layer in {layer for noise, _ in parts for layer, _ in noise.layers}:
        factors[layer] = _mean([(dict(noise.layers).get(layer, 1.0), share) for noise, share in parts])
    strength = _mean([(0.0 if noise.mode == "none" else noise.strength, share) for noise, share in parts])
    kinds = [noise for noise, _ in parts if noise.mode != "none"]
    kind = nearest if nearest.mode != "none" or not kinds else kinds[0]
    layers = tuple(sorted((layer, factor) for layer, factor in factors.items() if factor != 1.0))
    return Noise(kind.mode, kind.seed, strength, layers)


def _blend_pairs(parts: list[tuple[tuple[tuple[int, float], ...], float]]) -> tuple[tuple[int, float], ...]:
    if all(pairs == parts[0][0] for pairs, _ in parts) and math.isclose(math.fsum(share for _, share in parts), 1.0):
        return parts[0][0]
    sums: dict[int, float] = {}
    for pairs, share in parts:
        for key, weight in pairs:
            sums[key] = sums.get(key, 0.0) + share * weight
    return tuple(sorted((key, weight) for key, weight in sums.items() if weight != 0.0))


def _mean(parts: list[tuple[float, float]]) -> float:
    first = parts[0][0]
    return first if all(value == first for value, _ in parts) else math.fsum(value * share for value, share in parts)


def _canonical(moves: Iterable[tuple[AnyDirection, float]]) -> tuple[tuple[AnyDirection, float], ...]:
    return tuple(sorted(((d, amount) for d, amount in moves if amount != 0.0), key=lambda move: _rank(move[0])))


def _rank(direction: AnyDirection) -> tuple[str, int, int, int, str]:
    if isinstance(direction, Direction):
        return direction.kind, direction.index, direction.first, direction.end, ""
    return "examples", 0, direction.first, direction.end, direction.name


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


def _short(values: Any) -> list[Any]:
    if not isinstance(values, list) or len(values) > MAX_PARTS:
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
