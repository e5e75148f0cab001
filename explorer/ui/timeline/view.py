"""Which part of a film a timeline shows: zooming and scrolling, with a scroll bar where not all is seen."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QScrollBar, QSizePolicy, QWidget

from explorer.animation import Film, duration
from explorer.ui.timeline.moves import keyframe_times
from explorer.ui.timeline.places import EDGE, LARGEST_SCALE, Places, fitting_scale

__all__ = ["TimeView"]

ZOOM_STEP: Final = 1.25  # of one notch of the wheel, and of a key
NOTCH: Final = 120  # in the units of Qt
SCROLL_PART: Final = 0.12  # of what is seen, by one notch
TICKS: Final = 1000  # of the scroll bar per second
BAR_HEIGHT: Final = 8


class TimeView(QWidget):
    """Shows a film from some second on, at some scale; as a whole until a person zooms.

    Ctrl and the wheel zoom about the mouse, the wheel alone scrolls.
    """

    viewChanged = Signal()  # other keyframes are in view now

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._film = Film()
        self._times: tuple[float, ...] = ()
        self._seconds = 1.0
        self._scale: float | None = None  # None: the film fits
        self._offset = 0.0
        self._known: Places | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._bar = QScrollBar(Qt.Orientation.Horizontal, self)
        self._bar.setAccessibleName("Part of the film in view")
        self._bar.setCursor(Qt.CursorShape.ArrowCursor)
        self._bar.hide()
        self._bar.valueChanged.connect(self._scroll_to_tick)

    # --- public ---

    def film(self) -> Film:
        """The film that is shown."""
        return self._film

    def places(self) -> Places:
        """Where everything lies."""
        scale = self._scale or fitting_scale(self.width(), self._seconds)
        known = self._known
        if known is None or (known.width, known.scale, known.offset) != (self.width(), scale, self._offset):
            known = self._known = Places(self.width(), self._times, self._seconds, scale, self._offset)
        return known

    def isZoomed(self) -> bool:
        """Whether a person chose a scale."""
        return self._scale is not None

    @Slot()
    def fit(self) -> None:
        """Show the whole film."""
        self._look(None, 0.0)

    @Slot()
    def zoomIn(self) -> None:
        """Come closer, about the middle of what is seen."""
        self.zoom(ZOOM_STEP, self.width() / 2)

    @Slot()
    def zoomOut(self) -> None:
        """Show more of the film."""
        self.zoom(1 / ZOOM_STEP, self.width() / 2)

    def zoom(self, factor: float, x: float) -> None:
        """Come ``factor`` times closer; the moment at ``x`` stays there."""
        places = self.places()
        fitting = fitting_scale(self.width(), self._seconds)
        scale = min(places.scale * factor, max(LARGEST_SCALE, fitting))
        if scale <= fitting * 1.001:
            self.fit()
            return
        self._look(scale, places.seconds_at(x) - (x - EDGE) / scale)

    def scrollTo(self, seconds: float) -> None:
        """Bring a moment into view, where it is not."""
        places = self.places()
        if self._scale is not None and not 0 <= places.x_at(seconds) <= self.width():
            self._look(self._scale, seconds - places.seen / 4)

    # --- Qt ---

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM_STEP ** (delta / NOTCH), event.position().x())
        elif self._scale is not None:
            self._look(self._scale, self._offset - delta / NOTCH * SCROLL_PART * self.places().seen)
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._look(self._scale, self._offset)

    # --- for the track ---

    def _take_film(self, film: Film) -> None:
        """Have another film, at the same scale."""
        self._film, self._known = film, None
        self._times = keyframe_times(film)
        alone = film.keyframes[0].seconds if film.keyframes else 1.0
        self._seconds = duration(film) or alone

    def _look(self, scale: float | None, offset: float, free: bool = False) -> None:
        """See the film at a scale from a second on; ``free``, it may also begin within the view."""
        if scale is not None and not free:
            seen = (self.width() - 2 * EDGE) / scale
            offset = min(max(offset, 0.0), max(self._seconds - seen * 0.9, 0.0))
        self._scale, self._offset = scale, offset if scale is not None else 0.0
        self._show_bar()
        self.update()
        self.viewChanged.emit()

    def _show_bar(self) -> None:
        places = self.places()
        blocker = QSignalBlocker(self._bar)
        self._bar.setRange(0, max(round((self._seconds - places.seen * 0.9) * TICKS), 0))
        self._bar.setPageStep(max(round(places.seen * TICKS), 1))
        self._bar.setSingleStep(max(round(places.seen * TICKS * SCROLL_PART), 1))
        self._bar.setValue(round(self._offset * TICKS))
        del blocker
        self._bar.setGeometry(0, self.height() - BAR_HEIGHT, self.width(), BAR_HEIGHT)
        self._bar.setVisible(self._scale is not None)

    @Slot(int)
    def _scroll_to_tick(self, tick: int) -> None:
        self._look(self._scale, tick / TICKS)
