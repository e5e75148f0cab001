"""Writing a denoising run that was looked at: as a film, as one strip of pictures, or one picture of it.

Everything here is given finished pictures, so that what is written is what was seen and no network is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.animation import Output, write_film
from explorer.errors import ExportError
from explorer.imaging import contact_sheet, enlarge, write_png

__all__ = ["beside", "write_run", "write_step", "write_strip"]

Pixels = npt.NDArray[np.uint8]

LARGEST: Final = 4096  # pixels of the shorter side of a film
SMALLEST_STRIP: Final = 64  # pixels of the shorter side of one picture of a strip
LONGEST_STRIP: Final = 16_000  # pixels; beyond that the strip goes on in another row
STRIP_GAP: Final = 16  # that part of a picture's side lies between two of them


def write_run(
    path: Path,
    frames: Sequence[Pixels],
    frames_per_second: int,
    recipe: dict[str, Any],
    size: int = 0,
    report: Callable[[float, float, str], None] = lambda done, total, note: None,
) -> int:
    """Write pictures (h, w, c) of the steps as a film, with the recipe inside; gives the number of frames.

    The suffix chooses the format, none is a folder of numbered pictures. Pixels are enlarged so that the shorter side
    has at least ``size``. ``report`` is called for every frame and may raise to cancel, which leaves no file.
    Raises ExportError as ``write_film``.
    """

    def told() -> Iterator[Pixels]:
        for index, pixels in enumerate(frames):
            report(index, len(frames), f"step {index + 1} of {len(frames)}")
            yield pixels

    return write_film(path, told(), frames_per_second, recipe, Output(size=min(size, LARGEST)))


def write_strip(path: Path, frames: Sequence[Pixels], recipe: dict[str, Any]) -> None:
    """Write pictures (h, w, c) of the steps side by side as one PNG, with the recipe inside; raises ExportError."""
    if not frames:
        raise ExportError(f"{path} was not written, because the run has no steps yet.")
    factor = _factor(frames[0], SMALLEST_STRIP)
    pictures = np.stack([enlarge(pixels, factor) for pixels in frames])
    _, height, width, _ = pictures.shape
    gap = max(1, max(height, width) // STRIP_GAP)
    columns = min(len(frames), max(1, LONGEST_STRIP // (width + gap)))
    write_png(path, contact_sheet(pictures, columns, gap), recipe)


def write_step(path: Path, pixels: Pixels, recipe: dict[str, Any]) -> None:
    """Write the picture (h, w, c) of one step as PNG, with the recipe of the run inside; raises ExportError."""
    write_png(path, pixels, recipe)


def beside(left: Pixels, right: Pixels) -> Pixels:
    """Two pictures (h, w, c) of one size as one, with a narrow gap."""
    gap = np.zeros((left.shape[0], max(1, left.shape[1] // STRIP_GAP), left.shape[2]), np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _factor(pixels: Pixels, size: int) -> int:
    """By how much pixels are enlarged so that the shorter side has at least ``size`` of them."""
    side: int = min(pixels.shape[:2])
    return max(1, -(-size // side))
