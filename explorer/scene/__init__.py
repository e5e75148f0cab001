"""A scene: everything that decides what a picture looks like, as one small frozen value.

A picture is a pure function of (generator, scene). Scenes convert to JSON and back; a blend of scenes is a scene.
Parts that a generator has no use for are ignored by it.
"""

from __future__ import annotations

from explorer.scene.blending import along, between, blend, moved, walk
from explorer.scene.reading import MAX_NAME, direction_from_json, direction_to_json, from_json, to_json
from explorer.scene.values import (
    ALL_LAYERS,
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

__all__ = [
    "ALL_LAYERS",
    "MAX_NAME",
    "AnyDirection",
    "Codes",
    "Condition",
    "Denoising",
    "Direction",
    "Examples",
    "ImageFile",
    "Latent",
    "Noise",
    "Sampling",
    "Scene",
    "Seed",
    "Source",
    "Start",
    "StoredPoint",
    "StyleRow",
    "Styles",
    "Transform",
    "Turn",
    "along",
    "between",
    "blend",
    "direction_from_json",
    "direction_to_json",
    "from_json",
    "moved",
    "to_json",
    "walk",
]
