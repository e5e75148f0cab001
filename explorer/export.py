"""Writing pictures and films of a generator: the window and the command line use these same functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from explorer.animation import Film, frame_count, scenes, write_film
from explorer.generators import Generator
from explorer.imaging import Picture, write_png
from explorer.recipe import Recipe
from explorer.render import render, render_many
from explorer.scene import Scene

__all__ = ["enlargement", "export_film", "export_picture"]

FRAMES_PER_BATCH = 8


def export_picture(generator: Generator, scene: Scene, path: Path, recipe: Recipe) -> Picture:
    """Render the scene and write it as PNG with its recipe inside. Raises as ``render`` and ``write_png``."""
    *_, picture = render(generator, scene)
    write_png(path, picture.pixels, recipe.to_json())
    return picture


def export_film(
    generator: Generator,
    film: Film,
    path: Path,
    recipe: Recipe,
    size: int = 0,
    report: Callable[[float, float, str], None] = lambda done, total, note: None,
) -> int:
    """Render a film and write it with its recipe inside; returns the number of frames written.

    Frames stream from the network to the encoder. ``size`` is the least shorter side in pixels (see ``enlargement``);
    ``report(done, total, note)`` is called for every frame and may raise to cancel, which leaves no file.
    """
    total = frame_count(film)

    def frames() -> Iterator[np.ndarray]:
        for index, picture in enumerate(render_many(generator, scenes(film), FRAMES_PER_BATCH)):
            report(index, total, f"frame {index + 1} of {total}")
            yield picture.pixels

    factor = enlargement(generator.image_shape, size)
    return write_film(path, frames(), film.frames_per_second, recipe.to_json(), factor)


def enlargement(image_shape: tuple[int, int, int], size: int) -> int:
    """How many times pictures (c, h, w) are enlarged so that their shorter side has at least ``size`` pixels."""
    return max(1, -(-size // min(image_shape[1:]))) if size > 0 else 1
