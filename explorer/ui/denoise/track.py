"""The filmstrip and the guidance curve below it, over one and the same axis of steps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollBar, QVBoxLayout, QWidget

from explorer.scene import Sampling
from explorer.ui.denoise.curve import GuidanceCurve
from explorer.ui.denoise.filmstrip import Filmstrip
from explorer.ui.denoise.places import StepPlaces

__all__ = ["Track"]

LOW_CURVE, HIGH_CURVE = 44, 80  # pixels
LOW_STRIP, HIGH_STRIP = 28, 44


class Track(QWidget):
    """Keeps both at the same places, with one scroll bar where not all steps fit."""

    def __init__(self, strip: Filmstrip, curve: GuidanceCurve, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strip, self.curve = strip, curve
        self._total, self._tallest, self._playhead = 0, HIGH_STRIP, -1
        self._bar = QScrollBar(Qt.Orientation.Horizontal, self)
        self._bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bar.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for each in (strip, curve, self._bar):
            column.addWidget(each)
        self._bar.valueChanged.connect(self.place)
        strip.scrolled.connect(self.move_left)

    def places(self) -> StepPlaces:
        """Where the steps lie."""
        return StepPlaces(max(self.width(), 1), self._total, self._tallest, float(self._bar.value()))

    def set_total(self, total: int) -> None:
        """Show so many steps."""
        if total != self._total:
            self._total = total
            self.place()

    def set_low(self, is_low: bool) -> None:
        """Take less room, in a low window."""
        self._tallest = LOW_STRIP if is_low else HIGH_STRIP
        self.curve.setFixedHeight(LOW_CURVE if is_low else HIGH_CURVE)
        self.place()

    def set_playhead(self, index: int) -> None:
        """Put the playhead on a step and bring it into sight."""
        self._playhead = index
        if index >= 0:
            self._bar.setValue(round(self.places().revealing(index)))
        self.strip.setPlayhead(index)
        self.curve.setPlayhead(index)

    def set_sampling(self, sampling: Sampling, start: int, before: Sequence[float]) -> None:
        """Show the guidance of the run."""
        self.curve.setSampling(sampling, start, before)

    @Slot(float)
    def move_left(self, pixels: float) -> None:
        """Move the steps to the left."""
        self._bar.setValue(self._bar.value() + round(pixels))

    @Slot()
    def place(self) -> None:
        """Lay both out again."""
        hidden = max(round(self.places().length) - self.width(), 0)
        blocker = QSignalBlocker(self._bar)
        self._bar.setRange(0, hidden)
        self._bar.setPageStep(self.width())
        self._bar.setSingleStep(round(self.places().pitch))
        del blocker
        self._bar.setVisible(hidden > 0)
        self.strip.setPlaces(self.places())
        self.curve.setPlaces(self.places())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.place()
        if self._playhead >= 0:
            self._bar.setValue(round(self.places().revealing(self._playhead)))
