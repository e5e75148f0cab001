"""Films: keyframes, easing, and writing what was rendered as MP4, GIF, WebP, APNG or numbered pictures."""

from __future__ import annotations

from explorer.animation.easing import EASINGS, Easing
from explorer.animation.film import Film, film_from_json, frame_count, scene_at, scenes, to_json
from explorer.animation.recipes import read_film_recipe
from explorer.animation.writers import WRITERS, Writer, write_film

__all__ = [
    "EASINGS",
    "WRITERS",
    "Easing",
    "Film",
    "Writer",
    "film_from_json",
    "frame_count",
    "read_film_recipe",
    "scene_at",
    "scenes",
    "to_json",
    "write_film",
]
