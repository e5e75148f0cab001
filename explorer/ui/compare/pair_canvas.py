"""Two pictures against each other: a handle between them, in turn, or how they differ."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from explorer.ui.compare.differences import Difference, alike, difference
from explorer.ui.denoise.step_canvas import NUDGE, StepCanvas
from explorer.ui.images import qimage

__all__ = ["PairCanvas"]

Pixels = npt.NDArray[np.uint8]

USUAL_RATE: Final = 1.5  # changes a second; more than three flashes a second are not safe for everyone


class PairCanvas(StepCanvas):
    """Shows A and B (h, w, c) at the size of the larger one. Left and Right move the handle of a wipe."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode, self._gain, self._rate = "wipe", 4.0, USUAL_RATE
        self._pair: tuple[Pixels, Pixels] | None = None
        self._titles = ("", "")
        self._is_other, self._is_held_over = False, False  # B is shown: by turns, or while a key is held
        self.found: Difference | None = None
        self._turning = QTimer(self)
        self._turning.timeout.connect(self.turn)
        self.setAccessibleName("A and B")

    # --- public ---

    def show_pair(self, first: Pixels, second: Pixels, titles: tuple[str, str]) -> None:
        """Show two pictures, in the way that was set."""
        self._pair, self._titles = (first, second), titles
        self.found = difference(first, second, self._gain)
        self._draw()

    def show_nothing(self, words: str) -> None:
        """Show a sentence where a picture is missing."""
        self._pair, self.found = None, None
        self.show_others(())
        self.clear(words)

    def set_mode(self, mode: str) -> None:
        """Show them in the way ``mode``: wipe, flicker or difference."""
        if mode != self._mode:
            self._mode, self._is_other = mode, False
            self._follow()
            self._draw()

    def set_gain(self, gain: float) -> None:
        """Make differences so many times stronger."""
        if gain != self._gain:
            self._gain = gain
            if self._pair is not None:
                self.found = difference(*self._pair, gain)
                self._draw()

    def set_rate(self, rate: float) -> None:
        """Change between the two so many times a second; 0: only while the key is held."""
        if rate != self._rate:
            self._rate = rate
            self._follow()

    def hold_other(self, is_held: bool) -> None:
        """Show B alone as long as this holds."""
        if is_held != self._is_held_over:
            self._is_held_over = is_held
            self._draw()

    def shows_other(self) -> bool:
        """Whether B is what is seen, where one of the two is seen alone."""
        return self._is_held_over or (self._mode == "flicker" and self._is_other)

    @Slot()
    def turn(self) -> None:
        """Show the other one of the two."""
        self._is_other = not self._is_other
        self._draw()

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._turning.stop()
        self._is_held_over = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = {Qt.Key.Key_Left: -NUDGE, Qt.Key.Key_Right: NUDGE}.get(Qt.Key(event.key()), 0.0)
        if way and self.has_divider():
            self.set_divider(self.divider() + way)
        elif event.key() == Qt.Key.Key_Home and self.has_divider():
            self.set_divider(0.0)
        elif event.key() == Qt.Key.Key_End and self.has_divider():
            self.set_divider(1.0)
        else:
            super().keyPressEvent(event)

    # --- private ---

    def _follow(self) -> None:
        if self._mode == "flicker" and self._rate > 0 and self.isVisible():
            self._turning.start(round(1000 / self._rate))
        else:
            self._turning.stop()
            self._is_other = False

    def _draw(self) -> None:
        if self._pair is None or self.found is None:
            return
        first, second, _ = alike(*self._pair)
        size = first.shape[1], first.shape[0]
        left, right = self._titles
        if self.shows_other():
            self.show_others(())
            self.show_images([qimage(second)], [right], size)
        elif self._mode == "difference":
            self.show_others(())
            caption = " · ".join(part for part in (f"| A − B | × {self._gain:g}", self.found.told) if part)
            self.show_images([qimage(self.found.pixels)], [caption], size)
        elif self._mode == "flicker":
            self.show_others(())
            self.show_images([qimage(first)], [left], size)
        else:
            self.show_images([qimage(first)], [""], size)
            self.show_others([qimage(second)], self._names_that_fit())

    def _names_that_fit(self) -> tuple[str, str]:
        """The titles, or in a small picture their letters."""
        room, width = self.screen_rect(0).width() - 48, self.fontMetrics().horizontalAdvance
        return self._titles if sum(map(width, self._titles)) <= room else (self._titles[0][:1], self._titles[1][:1])
