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
    "Direction",
    "ImageFile",
    "Latent",
    "Scene",
    "Seed",
    "Source",
    "between",
    "blend",
    "direction_from_json",
    "from_json",
    "moved",
    "to_json",
    "walk",
]

DIRECTION_KINDS: Final = ("axis", "decoder", "data")
LARGEST: Final = 1e9  # weights and amounts beyond this are damage
MAX_PARTS: Final = 4096  # sources or moves in one latent; more is not something a hand or this program makes


@dataclass(frozen=True, slots=True, order=True)
class Seed:
    """A draw from the model's prior, by its number (0 to 2^63 - 1)."""

    number: int


@dataclass(frozen=True, slots=True, order=True)
class ImageFile:
    """A real picture, encoded by the model. ``digest`` is the SHA-256 of the file: the picture that was meant."""

    path: str
    digest: str = ""


Source: TypeAlias = Seed | ImageFile


@dataclass(frozen=True, slots=True, order=True)
class Direction:
    """A named direction of a model's latent space.

    ``axis`` is one coordinate; ``decoder`` a principal direction of what the decoder does (0 changes the picture most);
    ``data`` a principal direction of the aggregate posterior (0 has the largest variance).
    """

    kind: str
    index: int


@dataclass(frozen=True, slots=True)
class Latent:
    """A point of latent space, written so that it stays small.

    The sources are blended with their weights (see ``explorer.latents.blend``), the blend is pulled towards the mean
    of the prior by ``truncation`` (psi: 1 leaves it, 0 is the mean), then every move adds its amount, in standard
    deviations, along its direction.
    """

    sources: tuple[tuple[Source, float], ...] = ((Seed(0), 1.0),)
    moves: tuple[tuple[Direction, float], ...] = ()
    truncation: float = 1.0

    def amount(self, direction: Direction) -> float:
        """How far this point is moved along ``direction``, in standard deviations."""
        return next((amount for known, amount in self.moves if known == direction), 0.0)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides what a picture looks like."""

    latent: Latent = Latent()


def moved(scene: Scene, direction: Direction, amount: float) -> Scene:
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
    sources: dict[Source, float] = {}
    moves: dict[Direction, float] = {}
    for scene, weight in kept:
        share = weight / total
        own = math.fsum(amount for _, amount in scene.latent.sources)
        for source, amount in scene.latent.sources:
            sources[source] = sources.get(source, 0.0) + share * amount / own
        for direction, amount in scene.latent.moves:
            moves[direction] = moves.get(direction, 0.0) + share * amount
    truncation = math.fsum(weight / total * scene.latent.truncation for scene, weight in kept)
    return Scene(Latent(tuple(sources.items()), _canonical(moves.items()), truncation))


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
    """The scene as plain JSON values."""
    latent = scene.latent
    return {
        "latent": {
            "sources": [[_source_to_json(source), weight] for source, weight in latent.sources],
            "moves": [[[direction.kind, direction.index], amount] for direction, amount in latent.moves],
            "truncation": latent.truncation,
        }
    }


def from_json(data: Any) -> Scene:
    """Read what ``to_json`` wrote.

    Raises:
        SceneError: anything is missing, of the wrong type, not finite or absurdly long.
    """
    try:
        latent = data["latent"]
        sources = tuple((_source_from_json(source), _number(weight)) for source, weight in _short(latent["sources"]))
        moves = tuple(
            (direction_from_json(direction), _number(amount)) for direction, amount in _short(latent["moves"])
        )
        truncation = _number(latent["truncation"])
        if len(dict(moves)) < len(moves):
            raise ValueError("a direction that is moved along twice")
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise SceneError("This is not a scene, or it is damaged.", f"The unreadable part is {error}.") from error
    if any(weight < 0 for _, weight in sources) or not math.fsum(weight for _, weight in sources) > 0:
        raise SceneError("This scene is damaged: the weights of its sources should be positive.")
    return Scene(Latent(sources, _canonical(moves), truncation))


def direction_from_json(data: Any) -> Direction:
    """Read a direction, [kind, index]; raises TypeError or ValueError where it is none."""
    kind, index = data
    return Direction(_one_of(kind, DIRECTION_KINDS), _index(index))


def _canonical(moves: Iterable[tuple[Direction, float]]) -> tuple[tuple[Direction, float], ...]:
    return tuple(sorted((direction, amount) for direction, amount in moves if amount != 0.0))


def _source_to_json(source: Source) -> dict[str, Any]:
    match source:
        case Seed(number):
            return {"seed": number}
        case ImageFile(path, digest):
            return {"image": path, "sha256": digest}


def _source_from_json(data: Any) -> Source:
    if "seed" in data:
        return Seed(_index(data["seed"]))
    path, digest = data["image"], data.get("sha256", "")
    if not isinstance(path, str) or not isinstance(digest, str):
        raise TypeError("an image path")
    return ImageFile(path, digest)


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
