"""What lies behind the points: pictures decoded at empty places and over the whole view, and lines of equal density."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot

from explorer.charting import Charting
from explorer.ui.atlas.map_canvas import MapCanvas
from explorer.ui.atlas.panels.layout import LayoutPanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.atlas.chart import Chart
    from explorer.atlas.grounds import Tiled
    from explorer.atlas.values import Bytes, Floats

__all__ = ["Ground"]

CELLS: Final = 256  # of the density, along a side
FAR: Final = 8.0  # times the usual distance to the next picture: nothing is known of such a place
REST_MILLISECONDS: Final = 150  # that the view has to stay before tiles are drawn again


class Ground(QObject):
    """Asks the thread that looks at places for pictures, and hands them to the map. Main thread only."""

    def __init__(self, charting: Charting, canvas: MapCanvas, panel: LayoutPanel) -> None:
        super().__init__(canvas)
        self._charting, self._canvas, self._panel = charting, canvas, panel
        self._finder: tuple[Any, Any] = (None, None)  # positions, and what finds places among them
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self.draw_tiles)
        canvas.place_hovered.connect(self.look_at)
        canvas.view_changed.connect(self._view_changed)
        charting.chart_changed.connect(self.draw)
        charting.moved.connect(self.draw)
        panel.tiles.toggled.connect(self.draw)
        panel.contours.toggled.connect(self.draw)

    @Slot()
    def draw(self) -> None:
        """Draw what is switched on again: the points have moved, or a switch was."""
        chart = self._charting.chart
        is_settled = chart is not None and "…" not in chart.layout
        if chart is not None and is_settled and self._panel.contours.isChecked():
            self._charting.looking.submit("lines", partial(_density, chart.positions), self._show_lines)
        else:
            self._canvas.set_contours(None)
        if is_settled and self._panel.tiles.isChecked():
            self.draw_tiles()
        else:
            self._canvas.set_background(None)

    @Slot()
    def draw_tiles(self) -> None:
        """Fill what is in sight with decoded pictures."""
        chart = self._charting.chart
        if chart is None or not self._panel.tiles.isChecked() or not chart.lens.can_decode:
            return
        rect = self._canvas.visible_rect()
        self._charting.looking.submit("tiles", partial(self._tiled, chart, rect), self._show_tiles)

    @Slot(object)
    def look_at(self, place: tuple[float, float] | None) -> None:
        """Decode what would be at an empty place under the mouse."""
        chart = self._charting.chart
        if place is not None and chart is not None and chart.lens.can_decode and "…" not in chart.layout:
            self._charting.looking.submit("place", partial(self._decoded, chart, place), self._show_place)

    @Slot()
    def _view_changed(self) -> None:
        if self._panel.tiles.isChecked():
            self._rest.start()

    def _show_lines(self, found: tuple[Floats, tuple[float, float, float, float]]) -> None:
        if self._panel.contours.isChecked():
            self._canvas.set_contours(*found)

    def _show_tiles(self, found: Tiled) -> None:
        if self._panel.tiles.isChecked():
            self._canvas.set_background(found.pixels, found.rect)

    def _show_place(self, found: tuple[Bytes, float]) -> None:
        pixels, far = found
        words = "what the model draws here"
        self._canvas.show_place(pixels, f"{words}\nfar from all pictures" if far > FAR else words)

    # --- on the thread that looks ---

    def _find(self, chart: Chart) -> Any:
        positions, finder = self._finder
        if positions is not chart.positions:
            from explorer.atlas.inverse import PlaceFinder

            finder = PlaceFinder(chart.positions, np.asarray(chart.survey.codes))
            self._finder = (chart.positions, finder)
        return finder

    def _tiled(self, chart: Chart, rect: tuple[float, float, float, float]) -> Iterator[Tiled]:
        from explorer.atlas.grounds import tiled  # imports torch

        yield tiled(chart, self._find(chart), rect)

    def _decoded(self, chart: Chart, place: tuple[float, float]) -> Iterator[tuple[Bytes, float]]:
        from explorer.atlas.grounds import decoded_at  # imports torch

        yield decoded_at(chart, self._find(chart), place)


def _density(positions: Floats) -> Iterator[tuple[Floats, tuple[float, float, float, float]]]:
    from explorer.atlas.density import density

    low, high = positions.min(0).astype(float), positions.max(0).astype(float)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    (left, top), (right, bottom) = low - margin, high + margin
    yield density(positions, (left, top, right, bottom), (CELLS, CELLS)), (left, top, right - left, bottom - top)
