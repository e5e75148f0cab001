"""Films: keyframes, easing, and writing what was rendered as MP4, GIF, WebP, APNG or numbered pictures."""

from __future__ import annotations

from explorer.animation.easing import EASINGS, Bezier, Easing, ease, easing_from_json
from explorer.animation.film import (
    PATHS,
    Film,
    Keyframe,
    Sound,
    duration,
    frame_count,
    frame_time,
    place_at,
    position_at,
    scene_at,
    scene_on_way,
    scenes,
    starts,
    through,
    ways,
)
from explorer.animation.film_json import film_from_json, to_json
from explorer.animation.output import Output, output_from_json, output_to_json
from explorer.animation.recipes import read_film_recipe
from explorer.animation.writers import WRITERS, Writer, write_film

__all__ = [
    "EASINGS",
    "PATHS",
    "WRITERS",
    "Bezier",
    "Easing",
    "Film",
    "Keyframe",
    "Output",
    "Sound",
    "Writer",
    "duration",
    "ease",
    "easing_from_json",
    "film_from_json",
    "frame_count",
    "frame_time",
    "output_from_json",
    "output_to_json",
    "place_at",
    "position_at",
    "read_film_recipe",
    "scene_at",
    "scene_on_way",
    "scenes",
    "starts",
    "through",
    "to_json",
    "ways",
    "write_film",
]
