"""Writing pictures and films of a generator: the window and the command line use these same functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from explorer.animation import Film, Output, frame_count, scenes, write_film
from explorer.generators import Generator
from explorer.imaging import Picture, contact_sheet, write_png
from explorer.mixing import Table
from explorer.recipe import Recipe
from explorer.render import render, render_many
from explorer.scene import Scene

__all__ = ["export_film", "export_picture", "export_table"]

FRAMES_PER_BATCH = 8
TELLING_SECONDS = 1.0  # before that, nobody knows how long it takes
TABLE_GAP = 32  # of a mixing table: that part of a picture's side lies between two of them


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
    output: Output | None = None,
    report: Callable[[float, float, str], None] = lambda done, total, note: None,
    seen: Callable[[np.ndarray], None] = lambda pixels: None,
) -> int:
    """Render a film and write it with its recipe inside; returns the number of frames written.

    Frames stream from the network to the encoder. ``output`` says which of them, how large they are and how much may
    be lost; ``report(done, total, note)`` is called for every frame and may raise to cancel, which leaves no file.
    ``seen`` gets every frame (h, w, c) as it was rendered.
    """
    output = output or Output(size=0)
    part = film.region if output.region else None
    total, begun = frame_count(film, part), time.monotonic()

    def frames() -> Iterator[np.ndarray]:
        for index, picture in enumerate(render_many(generator, scenes(film, part), FRAMES_PER_BATCH)):
            report(index, total, f"frame {index + 1} of {total}{_time_left(index, total, begun)}")
            seen(picture.pixels)
            yield picture.pixels

    return write_film(path, frames(), film.frames_per_second, recipe.to_json(), output)


def export_table(
    generator: Generator,
    table: Table,
    path: Path,
    recipe: Recipe,
    report: Callable[[float, float, str], None] = lambda done, total, note: None,
) -> None:
    """Write a mixing table as one PNG, its sources in the first row and column, with a recipe inside.

    ``report`` is called for every picture and may raise to cancel. Raises as ``render`` and ``write_png``.
    """
    scenes, pictures = table.sheet(), []
    for index, picture in enumerate(render_many(generator, scenes, table.columns)):
        report(index, len(scenes), f"picture {index + 1} of {len(scenes)}")
        pictures.append(picture.pixels)
    pictures[0] = np.zeros_like(pictures[0])  # the corner
    gap = max(1, max(generator.image_shape[1:]) // TABLE_GAP)
    write_png(path, contact_sheet(np.stack(pictures), table.columns, gap), recipe.to_json())


def _time_left(done: int, total: int, begun: float) -> str:
    """How long it still takes, once that can be told; ``begun`` is a moment of the monotonic clock."""
    passed = time.monotonic() - begun
    if passed < TELLING_SECONDS or not done:
        return ""
    seconds = round(passed / done * (total - done))
    return f", {seconds // 60}:{seconds % 60:02d} left"
