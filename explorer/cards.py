"""Model cards: what a checkpoint is called, how large it is, and four pictures it draws.

A card that was made once is kept in a cache folder as one small PNG, the words in its text chunk, so that the next
start needs neither the weights nor torch. A kept card belongs to a path, a size and a time of change; whatever does not
fit or cannot be read is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.errors import ExplorerError, ExportError, ImageError, SceneError
from explorer.files import model_files
from explorer.imaging import Picture, contact_sheet, read_image, read_recipe, write_png
from explorer.scene import Condition, Scene, Seed, from_json

if TYPE_CHECKING:
    from explorer.generators import Generator

__all__ = ["SAMPLES", "ModelCard", "read_card"]

Pixels = npt.NDArray[np.uint8]

SAMPLES: Final = 4
FORMAT: Final = 2  # of a kept card; a new number makes all of them again
LARGEST_SIDE: Final = 128  # of a sample, in pixels
LONGEST_TEXT: Final = 80
LARGEST_DRAWN: Final = 1_000_000_000  # bytes; nobody waits for the samples of larger models, which take minutes
MOST_KEPT: Final = 200
LARGEST_SEED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class ModelCard:
    """A checkpoint in a few words and pictures. ``problem`` is one sentence where it cannot be opened."""

    path: Path
    name: str
    family_title: str
    details: str  # "64×64 · 2.5 M · 64 latents"
    samples: Pixels | None  # (4, h, w, c), c is 1 or 3
    problem: str = ""


def read_card(path: Path, cache: Path, pause: Callable[[], object] = lambda: None) -> ModelCard:
    """The card of a checkpoint, from the cache folder where it is known, else drawn by the model itself, on the CPU.

    Takes milliseconds or, at the first time, seconds: not for the main thread. A damaged file gives a card with a
    ``problem``, which is not kept. ``pause`` is called every now and then while it draws, and may raise to end it.
    """
    path = path.absolute()
    kept = _kept_file(path, cache)
    card = _read_kept(kept, path)
    if card is None:
        card = _make_card(path, pause)
        _keep(card, kept)
    return card


def _make_card(path: Path, pause: Callable[[], object]) -> ModelCard:
    from explorer.formats import read_config  # these import torch
    from explorer.generators import families, open_generator

    card = ModelCard(path, path.stem, "", "", None)
    try:
        config = read_config(path)
        family = families().get(str(config["family"]))
        title = family.family_title if family else str(config["family"])
        card = replace(card, name=_words(config.get("name")) or path.stem, family_title=_words(title))
        size = _size(path)
        if size > LARGEST_DRAWN:
            return replace(card, details=f"{size / 1e9:.1f} GB")
        generator = open_generator(path, "cpu")
        return replace(card, details=_details(generator), samples=_draw(generator, config, pause))
    except ExplorerError as error:
        return replace(card, problem=error.message)
    except OSError as error:
        return replace(card, problem=f"{path.name} cannot be opened: {error.strerror or error}.")


def _size(path: Path) -> int:
    """Bytes of a checkpoint, a file or a folder."""
    return sum(file.stat().st_size for file in (model_files(path) if path.is_dir() else (path,)))


def _details(generator: Generator) -> str:
    _, height, width = generator.image_shape
    told = [f"{width}×{height}", _amount(generator.parameters)]
    parts = {  # of what a point is made, the most telling first
        "class": generator.classes,
        "layer": len(getattr(generator, "style_layers", ())),
        "level": len(getattr(generator, "levels", ())),
        "code map": len(getattr(generator, "code_levels", ())),
        "latent": math.prod(generator.latent_shape),
    }
    name, count = next((name, count) for name, count in parts.items() if count)
    told.append(f"{count} {name}{'' if count == 1 else 'es' if name == 'class' else 's'}")
    return " · ".join(told)


def _draw(generator: Generator, config: Mapping[str, Any], pause: Callable[[], object]) -> Pixels:
    """Pictures (4, h, w, c) of four fixed seeds, with the truncation the checkpoint suggests, in different classes."""
    from explorer.generators import Denoises  # these import torch
    from explorer.render import render_many

    start = _start(config).latent
    scenes = [Scene(replace(start, sources=((Seed(seed), 1.0),), moves=())) for seed in _seeds(config)]
    if generator.classes > 1:
        classes = [place * generator.classes // SAMPLES for place in range(SAMPLES)]
        scenes = [replace(s, condition=Condition(((k, 1.0),))) for s, k in zip(scenes, classes, strict=True)]
    is_slow = isinstance(generator, Denoises)  # and a run of a few steps would not do it justice
    pictures = _run_in_full(generator, scenes, pause) if is_slow else render_many(generator, scenes, 1, LARGEST_SIDE)
    drawn = []
    for picture in pictures:
        drawn.append(_smaller(picture.pixels))
        pause()
    return np.stack(drawn)


def _run_in_full(generator: Generator, scenes: list[Scene], pause: Callable[[], object]) -> Iterator[Picture]:
    """The pictures of a diffusion model, with a pause after every step."""
    from explorer.render import render  # imports torch

    for scene in scenes:
        for picture in render(generator, scene, sketch=True):
            pause()
            if not picture.is_sketch:
                yield picture


def _seeds(config: Mapping[str, Any]) -> list[int]:
    """The seeds the checkpoint suggests, made up to four."""
    suggested = config.get("samples")
    numbers = suggested if isinstance(suggested, list) else []
    good = [number for number in numbers if type(number) is int and 0 <= number <= LARGEST_SEED]
    return list(dict.fromkeys([*good, *range(SAMPLES)]))[:SAMPLES]


def _start(config: Mapping[str, Any]) -> Scene:
    try:
        return from_json(config["start"]) if "start" in config else Scene()
    except SceneError:
        return Scene()


def _smaller(pixels: Pixels) -> Pixels:
    """The picture (h, w, c), averaged down by a whole number to at most ``LARGEST_SIDE`` pixels a side."""
    height, width, channels = pixels.shape
    factor = -(-max(height, width) // LARGEST_SIDE)
    if factor == 1:
        return pixels
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels).reduce(factor)
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def _amount(count: int) -> str:
    """A count in three letters or so: 950, 12 k, 2.5 M, 1.3 G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            value = count / size
            return f"{value:.1f} {letter}" if value < 9.95 and letter != "k" else f"{value:.0f} {letter}"
    return str(count)


def _words(text: object) -> str:
    """A text of a file as one short line, and anything else as nothing."""
    return " ".join(text.split())[:LONGEST_TEXT] if isinstance(text, str) else ""


# --- the cache ---


def _kept_file(path: Path, cache: Path) -> Path | None:
    """Where the card of this very file is kept; None where the file cannot be looked at."""
    try:
        states = [file.stat() for file in (model_files(path) if path.is_dir() else (path,))]
    except OSError:
        return None
    size, changed = sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)
    key = f"{FORMAT} {size} {changed} ".encode() + os.fsencode(path)
    return cache / f"card-{hashlib.sha256(key).hexdigest()[:32]}.png"


def _read_kept(kept: Path | None, path: Path) -> ModelCard | None:
    """The kept card, or None where there is none or anything about it is not as ``_keep`` wrote it."""
    told = read_recipe(kept) if kept is not None else None
    if kept is None or told is None:
        return None
    words, shape = [told.get(key) for key in ("name", "family", "details")], told.get("shape")
    if not all(isinstance(word, str) and word == _words(word) for word in words):
        return None
    if not isinstance(shape, list) or len(shape) != 3 or any(type(size) is not int for size in shape):
        return None
    height, width, channels = shape
    try:
        sheet = read_image(kept)
    except ImageError:
        return None
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE and sheet.size == (SAMPLES * width, height)):
        return None
    if sheet.mode != {1: "L", 3: "RGB"}.get(channels):
        return None
    samples = np.asarray(sheet, np.uint8).reshape(height, SAMPLES, width, channels).swapaxes(0, 1)
    name, family, details = map(str, words)
    return ModelCard(path, name, family, details, np.ascontiguousarray(samples))


def _keep(card: ModelCard, kept: Path | None) -> None:
    """Keep a sound card, and only the newest ones; where nothing can be written, the next start only takes longer."""
    if kept is None or card.samples is None or card.problem:
        return
    told = {"name": card.name, "family": card.family_title, "details": card.details}
    with contextlib.suppress(ExportError):
        write_png(kept, contact_sheet(card.samples, SAMPLES), {**told, "shape": list(card.samples.shape[1:])})
    with contextlib.suppress(OSError):
        files = sorted(kept.parent.glob("card-*.png"), key=_time_of_change, reverse=True)
        for old in files[MOST_KEPT:]:
            old.unlink(missing_ok=True)


def _time_of_change(file: Path) -> int:
    return file.stat().st_mtime_ns
