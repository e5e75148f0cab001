"""Ready motions: each makes a film of the point one is at, on any model that has what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from explorer.animation.film import Film, Keyframe, through
from explorer.scene import AnyDirection, Scene, Seed, StyleRow, Styles, moved

__all__ = ["PRESETS", "Preset", "Stage"]

AROUND: Final = 24  # keyframes of a circle
RADIUS: Final = 1.5  # standard deviations
CIRCLE_SECONDS: Final = 6.0
OTHER_SEED: Final = 7_919  # what a point is mixed with is so many seeds further on
MOST_CLASSES: Final = 12
WAYPOINTS: Final = 6
LARGEST_SEED: Final = 99_999


@dataclass(frozen=True, slots=True)
class Stage:
    """What a motion can play with: the scene, two directions of the plane, and what the model has."""

    scene: Scene
    across: AnyDirection
    up: AnyDirection
    layers: int = 0  # that styles can be mixed in
    classes: int = 0
    can_guide: bool = False
    guidance: float = 1.0  # the guidance scale of the model
    starts_from_picture: bool = False  # the run starts from a picture, so that its strength means something


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready motion."""

    name: str
    sentence: str
    fits: Callable[[Stage], bool]
    make: Callable[[Stage], Film]


def _circle(stage: Stage) -> Film:
    own = stage.scene.latent
    centre = own.amount(stage.across), own.amount(stage.up)
    scenes = []
    for index in range(AROUND):
        angle = 2 * math.pi * index / AROUND
        scene = moved(stage.scene, stage.across, centre[0] + RADIUS * math.cos(angle))
        scenes.append(moved(scene, stage.up, centre[1] + RADIUS * math.sin(angle)))
    return _loop(scenes, CIRCLE_SECONDS / AROUND, path="spline")


def _breathe(stage: Stage) -> Film:
    own = stage.scene.latent
    flat = replace(stage.scene, latent=replace(own, truncation=0.0))
    full = replace(stage.scene, latent=replace(own, truncation=max(own.truncation, 1.0)))
    return _there_and_back([full, flat])


def _along(stage: Stage) -> Film:
    amounts = (0.0, 3.0, 0.0, -3.0)
    own = stage.scene.latent.amount(stage.across)
    return _there_and_back([moved(stage.scene, stage.across, own + amount) for amount in amounts])


def _seeds(stage: Stage) -> Film:
    first = stage.scene.latent.sources[0][0]
    number = first.number if isinstance(first, Seed) else 0
    latents = (
        replace(stage.scene.latent, sources=((Seed((number + k) % LARGEST_SEED), 1.0),)) for k in range(WAYPOINTS)
    )
    return _loop([replace(stage.scene, latent=latent) for latent in latents], 2.0, path="spline")


def _sweep(stage: Stage) -> Film:
    """Another point takes over layer by layer, the coarse ones first."""
    first = stage.scene.latent.sources[0][0]
    number = first.number if isinstance(first, Seed) else 0
    other = replace(stage.scene.latent, sources=((Seed((number + OTHER_SEED) % LARGEST_SEED), 1.0),), moves=())
    scenes = []
    for reached in range(stage.layers + 1):
        weights = tuple((layer, 1.0 if layer < reached else 0.0) for layer in range(stage.layers))
        scenes.append(replace(stage.scene, styles=Styles((StyleRow(other, weights),))))
    return _there_and_back(scenes, 0.6)


def _classes(stage: Stage) -> Film:
    count = min(stage.classes, MOST_CLASSES)
    conditions = (replace(stage.scene.condition, classes=((index, 1.0),)) for index in range(count))
    return _there_and_back([replace(stage.scene, condition=condition) for condition in conditions], 1.5)


def _guide(stage: Stage) -> Film:
    sampling = stage.scene.denoising.sampling
    scales = (1.0, max(stage.guidance, 1.5), max(2.5 * stage.guidance, 4.0))
    scenes = []
    for scale in scales:
        guided = replace(sampling, guidance=scale, curve=())
        scenes.append(replace(stage.scene, denoising=replace(stage.scene.denoising, sampling=guided)))
    return _there_and_back(scenes)


def _dissolve(stage: Stage) -> Film:
    """The picture that a run starts from goes to noise and comes back as others."""
    denoising = stage.scene.denoising
    strengths = (0.05, 0.35, 0.65, 1.0)
    starts = (replace(denoising.start, strength=strength) for strength in strengths)
    return _there_and_back([replace(stage.scene, denoising=replace(denoising, start=start)) for start in starts])


def _loop(scenes: list[Scene], seconds: float, path: str = "natural") -> Film:
    return through(tuple(scenes), Film(loop=True, path=path), seconds, "linear" if path == "spline" else "ease")


def _there_and_back(scenes: list[Scene], seconds: float = 2.0) -> Film:
    """Through the scenes and back again without resting at the far end, for ever."""
    back = scenes[-2:0:-1]
    return Film(tuple(Keyframe(scene, seconds) for scene in (*scenes, *back)), loop=True)


PRESETS: Final[tuple[Preset, ...]] = (
    Preset(
        "Circle in a plane", "Around the point in the plane of the pad, 1.5 σ away, for ever.", lambda s: True, _circle
    ),
    Preset("Along a direction", "Three σ to both sides along the direction across the pad.", lambda s: True, _along),
    Preset("Breathing truncation", "To the mean picture of the model and back.", lambda s: True, _breathe),
    Preset("Walk of seeds", "Smoothly through six seeds and back to the first.", lambda s: True, _seeds),
    Preset(
        "Style sweep",
        "Another seed takes over layer by layer, from coarse to fine, and gives way again.",
        lambda s: s.layers > 0,
        _sweep,
    ),
    Preset("Tour of classes", "The same point in one class after the other.", lambda s: s.classes > 1, _classes),
    Preset(
        "Guidance sweep",
        "From the condition alone to far more guidance than usual, and back.",
        lambda s: s.can_guide,
        _guide,
    ),
    Preset(
        "Denoise and renoise",
        "The picture that the run starts from dissolves in noise and comes back another one.",
        lambda s: s.starts_from_picture,
        _dissolve,
    ),
)
