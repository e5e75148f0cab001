"""What can be moved from outside, by name: parts of the scene, the playhead, verbs, any slider of the window.

A target is a short text, so that sessions can keep it: "truncation", "class/3", "move/decoder/4/0/65536",
"do/random", "slider/Guidance/Scale s".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from explorer.scene import ALL_LAYERS, AnyDirection, Direction, Examples, Scene, Seed, moved

__all__ = ["VERBS", "changed", "limits", "move_target", "named", "presses", "targets_of"]

VERBS: Final = {  # what a key or a button does
    "do/walk": "Walk, or pause",
    "do/play": "Play the film, or pause",
    "do/random": "Random seed",
    "do/next": "Next seed",
    "do/previous": "Seed before",
    "do/blend": "Blend in a seed",
    "do/keyframe": "Add a keyframe",
    "do/favourite": "Favourite, or no longer",
    "do/record": "Record, or stop",
}
PLAIN: Final = {  # name, low and high
    "pad/across": ("Pad, across", -3.0, 3.0),
    "pad/up": ("Pad, up", -3.0, 3.0),
    "truncation": ("Truncation ψ", 0.0, 1.5),
    "seed": ("Seed", 0.0, 127.0),
    "guidance": ("Guidance scale", 0.0, 15.0),
    "noise": ("Strength of the noise", 0.0, 3.0),
    "right": ("Move right", -0.5, 0.5),
    "down": ("Move down", -0.5, 0.5),
    "turn": ("Turn", -180.0, 180.0),
    "film": ("Playhead of the film", 0.0, 1.0),
}
REACH: Final = 4.0  # standard deviations, of moves
HALF: Final = 0.5


def targets_of(scene: Scene, class_names: Sequence[str] = ()) -> tuple[str, ...]:
    """What may be bound by name: all that is always there, then the sources and classes of a scene and its model."""
    sources = [f"source/{index}" for index in range(len(scene.latent.sources))] if len(scene.latent.sources) > 1 else []
    classes = [f"class/{index}" for index in range(len(class_names))]
    return (*PLAIN, *VERBS, *sources, *classes)


def move_target(direction: AnyDirection) -> str:
    """The target that moves the point along a direction."""
    if isinstance(direction, Examples):
        return f"own/{direction.first}/{direction.end}/{direction.name}"
    return f"move/{direction.kind}/{direction.index}/{direction.first}/{direction.end}"


def named(target: str, class_names: Sequence[str] = ()) -> str:
    """A target in words."""
    if target in PLAIN:
        return PLAIN[target][0]
    if target in VERBS:
        return VERBS[target]
    kind, _, rest = target.partition("/")
    number = _whole(rest)
    if kind == "source" and number is not None:
        return f"Weight of source {number + 1}"
    if kind == "class" and number is not None:
        return f"Class {class_names[number] if number < len(class_names) else number}"
    if kind == "own":
        return rest.split("/", 2)[-1]
    if kind == "move":
        direction = _direction(target, ())
        return f"{direction.kind.capitalize()} {direction.index + 1}" if isinstance(direction, Direction) else rest
    return rest.replace("/", " · ") or target


def limits(target: str) -> tuple[float, float]:
    """What a target usually goes from and to."""
    if target in PLAIN:
        return PLAIN[target][1:]
    return (-REACH, REACH) if target.startswith(("move/", "own/")) else (0.0, 1.0)


def presses(address: str, before: float, now: float) -> bool:
    """Whether a message presses what it is bound to: a key from rest, anything else over its half."""
    rest = 0.0 if address.startswith("note/") else HALF
    return before <= rest < now


def changed(
    scene: Scene,
    target: str,
    value: float,
    axes: tuple[AnyDirection, AnyDirection] = (Direction("decoder", 0), Direction("decoder", 1)),
    own: Sequence[Examples] = (),
    base: Scene | None = None,
) -> Scene:
    """The scene with ``target`` at ``value``; the scene as it is where it has no such part.

    ``axes`` are those of the pad, ``own`` the person's own directions, ``base`` the scene before the movement that goes
    on: the other classes keep the proportions they had in it.
    """
    if not math.isfinite(value):
        return scene
    latent, sampling = scene.latent, scene.denoising.sampling
    if target == "truncation":
        return replace(scene, latent=replace(latent, truncation=value))
    if target == "seed":
        return replace(scene, latent=replace(latent, sources=((Seed(max(round(value), 0)), 1.0),)))
    if target == "guidance":
        return replace(scene, denoising=replace(scene.denoising, sampling=replace(sampling, guidance=max(value, 0.0))))
    if target == "noise":
        return replace(scene, noise=replace(scene.noise, strength=max(value, 0.0)))
    if target in ("right", "down", "turn"):
        field = {"right": "x", "down": "y", "turn": "degrees"}[target]
        return replace(scene, transform=replace(scene.transform, **{field: value}))
    if target in ("pad/across", "pad/up"):
        return moved(scene, axes[target == "pad/up"], value)
    kind, _, rest = target.partition("/")
    if kind == "source":
        return _weigh_source(scene, _whole(rest), value)
    if kind == "class":
        return _weigh_class(scene, _whole(rest), value, base or scene)
    direction = _direction(target, own)
    return scene if direction is None else moved(scene, direction, value)


def _weigh_source(scene: Scene, index: int | None, weight: float) -> Scene:
    """The blend with another weight of one source; the last weight above zero stays above zero."""
    sources = list(scene.latent.sources)
    if index is None or index >= len(sources):
        return scene
    sources[index] = (sources[index][0], max(weight, 0.0))
    if sum(each for _, each in sources) <= 0.0:
        return scene
    return replace(scene, latent=replace(scene.latent, sources=tuple(sources)))


def _weigh_class(scene: Scene, index: int | None, weight: float, base: Scene) -> Scene:
    """One class with a weight of 0 to 1; the others share the rest as they shared it in ``base``. Alone it has all."""
    if index is None:
        return scene
    weight = min(max(weight, 0.0), 1.0)
    others = {key: each for key, each in base.condition.classes or ((0, 1.0),) if key != index and each > 0.0}
    total = math.fsum(others.values())
    shares = {key: each / total * (1.0 - weight) for key, each in others.items()} if total else {}
    shares[index] = weight if total else 1.0
    classes = tuple(sorted((key, each) for key, each in shares.items() if each > 0.0))
    return replace(scene, condition=replace(scene.condition, classes=classes))


def _direction(target: str, own: Sequence[Examples]) -> AnyDirection | None:
    kind, _, rest = target.partition("/")
    parts = rest.split("/", 3 if kind == "move" else 2)
    if kind == "move" and len(parts) == 4:
        numbers = [_whole(part) for part in parts[1:]]
        index, first, end = numbers
        if index is not None and first is not None and end is not None and first < end:
            return Direction(parts[0], index, first, end)
    if kind == "own" and len(parts) == 3:
        first, end = _whole(parts[0]), _whole(parts[1])
        known = next((each for each in own if each.name == parts[2]), None)
        if known is not None and known.having and known.lacking and first is not None and end is not None:
            return replace(known, first=first, end=min(end, ALL_LAYERS))
    return None


def _whole(text: str) -> int | None:
    """A whole number from 0 up to what a scene may hold, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
