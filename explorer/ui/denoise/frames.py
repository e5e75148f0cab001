"""The steps of a run as images that are ready to be painted, so that a playhead can move at the rate of a hand."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from explorer.runs import Run, seen
from explorer.ui.images import qimage, thumbnail

__all__ = ["Frames", "views_of"]

PAINTED: Final = QImage.Format.Format_RGB32  # painted two to three times as fast as the formats of pixels
SLICE_SECONDS: Final = 0.006  # of the main thread at a time

_Made = tuple[npt.NDArray[np.uint8] | None, ...]  # the pixels that an image was made of


def views_of(view: str) -> tuple[str, ...]:
    """The pictures that a view shows side by side."""
    return ("noisy", "clean") if view == "both" else (view,)


class Frames:
    """Images and thumbnails of the steps of one run, made once and kept while the steps are the same."""

    def __init__(self) -> None:
        self._images: dict[tuple[str, int], tuple[_Made, QImage]] = {}
        self._thumbnails: dict[tuple[str, int], tuple[_Made, int, float, QImage]] = {}

    def image(self, run: Run, index: int, view: str) -> QImage | None:
        """What a view of ``explorer.runs.VIEWS`` shows of a step; None where it is not there yet."""
        made, kept = _sources(run, index, view), self._images.get((view, index))
        if kept is not None and _same(kept[0], made):
            return kept[1]
        pixels = seen(run, index, view)
        if pixels is None:
            return None
        image = qimage(pixels).convertToFormat(PAINTED)
        self._images[view, index] = made, image
        return image

    def thumbnail(self, run: Run, index: int, view: str, side: int, ratio: float) -> QImage | None:
        """The same as a square of ``side`` logical pixels."""
        made, kept = _sources(run, index, view), self._thumbnails.get((view, index))
        if kept is not None and _same(kept[0], made) and kept[1:3] == (side, ratio):
            return kept[3]
        pixels = seen(run, index, view)
        if pixels is None:
            return None
        image = thumbnail(pixels, side, ratio).convertToFormat(PAINTED)
        self._thumbnails[view, index] = made, side, ratio, image
        return image

    def prepare(self, run: Run, view: str, side: int, ratio: float) -> bool:
        """Make some of the missing images of a view; gives whether there are more to make."""
        end = time.perf_counter() + SLICE_SECONDS
        for index in range(run.total):
            for each in views_of(view):
                self.image(run, index, each)
            self.thumbnail(run, index, views_of(view)[-1], side, ratio)
            if time.perf_counter() > end:
                return index + 1 < run.total
        return False

    def keep_only(self, view: str) -> None:
        """Forget the images of other views."""
        views = views_of(view)
        self._images = {key: kept for key, kept in self._images.items() if key[0] in views}
        self._thumbnails = {key: kept for key, kept in self._thumbnails.items() if key[0] in views}

    def clear(self) -> None:
        self._images.clear()
        self._thumbnails.clear()


def _sources(run: Run, index: int, view: str) -> _Made:
    """The pixels that a view of a step is made of: the same arrays as long as the step is not made anew."""
    step = run.steps[index] if index < run.total else None
    if step is None:
        return (None,)
    if view == "noisy":
        return (step.noisy,)
    if view == "noise":
        return (step.noise,)
    other = run.steps[-1] if view == "to_final" else run.steps[index - 1] if view == "to_previous" and index else step
    return step.clean, other.clean if other is not None else None


def _same(one: _Made, other: _Made) -> bool:
    return len(one) == len(other) and all(mine is its for mine, its in zip(one, other, strict=True))
