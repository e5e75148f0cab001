"""The sources of a blended point: a thumbnail, a weight and a way out for each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSize, Slot
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.actions import MOST_SOURCES
from explorer.live import Tile
from explorer.scene import Latent, Scene, Source
from explorer.ui.controls import IconButton, SliderRow, qimage
from explorer.ui.panel import Desk
from explorer.ui.words import source_name

__all__ = ["BlendRows"]

THUMBNAIL = 24


class BlendRows(QWidget):
    """Blends seeds and pictures: weights are shares, whatever they sum to."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._shown: tuple[Source, ...] = ()
        self._rows: list[_SourceRow] = []
        self._note = QLabel(self)
        self._note.setProperty("dim", True)
        self._add = QPushButton("Blend in a seed", self)
        self._add.setToolTip("Mix another random seed into the point (B).")
        self._add.clicked.connect(desk.actions.blend_seed)
        desk.actions.blended.connect(self.open_weights)
        bottom = QHBoxLayout()
        self._weights = QPushButton("Weights", self)
        self._weights.setCheckable(True)
        self._weights.setToolTip("Show the sources of the blend and their weights.")
        self._weights.toggled.connect(self.show_weights)
        bottom.addWidget(self._note, 1)
        bottom.addWidget(self._weights)
        bottom.addWidget(self._add)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addLayout(bottom)
        desk.session.model_changed.connect(self.forget)

    def show_sources(self, latent: Latent) -> None:
        """Show the sources of a point and their weights; a single one needs no rows."""
        sources = tuple(source for source, _ in latent.sources)
        if len(sources) > MOST_SOURCES:  # on a walk through a long blend there is nothing a hand could set
            sources = ()
        shown = sources if self._weights.isChecked() and len(sources) > 1 else ()
        if shown != self._shown:
            self._rebuild(shown)
        for row, (_, weight) in zip(self._rows, latent.sources, strict=False):
            row.slider.setValue(weight)
        count = len(latent.sources)
        self._note.setText(f"blend of {count}" if count > 1 else "")
        self._weights.setVisible(count > 1)
        self._add.setEnabled(count < MOST_SOURCES)

    @Slot()
    def open_weights(self) -> None:
        """Show the weights, to balance a source that was added."""
        self._weights.setChecked(True)

    @Slot(bool)
    def show_weights(self, is_shown: bool) -> None:
        self.show_sources(self._desk.session.scene.latent)

    @Slot()
    def forget(self) -> None:
        """Draw the thumbnails anew for another model."""
        self._rebuild(())
        self.show_sources(self._desk.session.scene.latent)

    def set_weight(self, index: int, weight: float) -> None:
        """Give the source at ``index`` another weight; the last weight above zero stays above zero."""
        latent = self._desk.session.scene.latent
        sources = list(latent.sources)
        sources[index] = (sources[index][0], weight)
        if sum(each for _, each in sources) > 0:
            self._desk.actions.change_latent(replace(latent, sources=tuple(sources)), "", settled=False)

    def remove(self, index: int) -> None:
        """Take the source at ``index`` out of the blend."""
        latent = self._desk.session.scene.latent
        sources = tuple(pair for place, pair in enumerate(latent.sources) if place != index)
        if sum(weight for _, weight in sources) <= 0:
            sources = tuple((source, 1.0) for source, _ in sources)
        self._desk.actions.change_latent(replace(latent, sources=sources), "Remove from the blend")

    @Slot()
    def settle(self) -> None:
        self._desk.session.settle("Blend")

    def _rebuild(self, sources: tuple[Source, ...]) -> None:
        self._shown = sources
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [_SourceRow(source, index, self) for index, source in enumerate(sources)]
        for place, row in enumerate(self._rows):
            self._column.insertWidget(place, row)
        scene = self._desk.session.scene
        own = Scene(condition=scene.condition, denoising=scene.denoising)
        scenes = [replace(own, latent=Latent(((source, 1.0),))) for source in sources]
        if scenes:
            self._desk.live.tiles("blend", scenes, partial(self._show_thumbnail, sources))

    def _show_thumbnail(self, sources: tuple[Source, ...], tile: Tile) -> None:
        if sources == self._shown:
            self._rows[tile.index].show_thumbnail(tile)


class _SourceRow(QWidget):
    """One source of the blend."""

    def __init__(self, source: Source, index: int, blend: BlendRows) -> None:
        super().__init__(blend)
        self._blend, self._index = blend, index
        self._thumbnail = QLabel(self)
        self._thumbnail.setFixedSize(QSize(THUMBNAIL, THUMBNAIL))
        self._thumbnail.setScaledContents(True)
        self.slider = SliderRow(source_name(source), 0.0, 1.0, 1.0, tooltip="The share of this source in the blend.")
        self.slider.valueChanged.connect(self.change_weight)
        self.slider.settled.connect(blend.settle)
        remove = IconButton("close", "Take this out of the blend.", self)
        remove.clicked.connect(self.remove)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._thumbnail)
        row.addWidget(self.slider, 1)
        row.addWidget(remove)

    def show_thumbnail(self, tile: Tile) -> None:
        self._thumbnail.setPixmap(QPixmap.fromImage(qimage(tile.picture.pixels)))

    @Slot(float)
    def change_weight(self, weight: float) -> None:
        self._blend.set_weight(self._index, weight)

    @Slot()
    def remove(self) -> None:
        self._blend.remove(self._index)
