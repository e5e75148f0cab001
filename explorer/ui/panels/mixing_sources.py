"""The pictures of what may feed layers, each by itself, and the menu of favourites to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QWidget

from explorer.live import Tile
from explorer.mixing import alone
from explorer.scene import Latent, Scene
from explorer.ui.images import qimage
from explorer.ui.mixer_places import SIDE
from explorer.ui.panel import Desk
from explorer.ui.words import scene_title

__all__ = ["FavouriteMenu", "SourcePictures"]

ICON: Final = 32  # side of the pictures in the menu


class SourcePictures(QObject):
    """Keeps small pictures of the scenes that are wanted, and asks for those that are missing."""

    arrived = Signal(object)  # Scene

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._kept: dict[Scene, np.ndarray] = {}
        self._asked: list[Scene] = []

    def of(self, scene: Scene) -> np.ndarray | None:
        """The picture of a scene, uint8 (h, w, c), where it is known."""
        return self._kept.get(scene)

    def want(self, scenes: Iterable[Scene]) -> None:
        """Keep the pictures of these scenes alone; what is missing arrives later."""
        session, wanted = self._desk.session, list(dict.fromkeys(scenes))
        shown = session.picture
        if shown is not None and not shown.is_sketch and session.pictured in wanted:
            self._kept[session.pictured] = _small(shown.pixels)
        self._kept = {scene: self._kept[scene] for scene in wanted if scene in self._kept}
        missing = [scene for scene in wanted if scene not in self._kept]
        if missing and missing != self._asked:
            self._asked = missing
            self._desk.live.tiles("styles", missing, partial(self._take, missing))

    def forget(self) -> None:
        """Pictures belong to a model."""
        self._kept, self._asked = {}, []

    def _take(self, scenes: list[Scene], tile: Tile) -> None:
        self._kept[scenes[tile.index]] = _small(tile.picture.pixels)
        self.arrived.emit(scenes[tile.index])


class FavouriteMenu(QMenu):
    """The favourites of the open model, as rows of its scene would show them."""

    chosen = Signal(object, str)  # Latent, and what it is called

    def __init__(self, desk: Desk, pictures: SourcePictures, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._pictures = desk, pictures
        self._entries: dict[Scene, QAction] = {}
        self.setStyleSheet(f"QMenu {{ icon-size: {ICON}px; }}")
        pictures.arrived.connect(self._show_picture)

    def fill(self) -> None:
        """List the favourites there are."""
        self.clear()
        self._entries = {}
        for name, latent in self.favourites():
            source = alone(self._desk.session.scene, latent)
            action = self.addAction(_icon(self._pictures.of(source)), name, partial(self.chosen.emit, latent, name))
            self._entries[source] = action

    def scenes(self) -> tuple[Scene, ...]:
        """The scenes whose pictures the menu shows."""
        return tuple(self._entries)

    def favourites(self) -> list[tuple[str, Latent]]:
        """Name and point of the model's favourites."""
        session = self._desk.session
        name = session.model.facts.name if session.model is not None else ""
        return [(f.name or scene_title(f.scene), f.scene.latent) for f in session.favourites if f.checkpoint == name]

    @Slot(object)
    def _show_picture(self, scene: Scene) -> None:
        if scene in self._entries:
            self._entries[scene].setIcon(_icon(self._pictures.of(scene)))


def _small(pixels: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that thumbnails of large pictures stay small."""
    step = max(1, min(pixels.shape[:2]) // (3 * SIDE))
    return np.ascontiguousarray(pixels[::step, ::step])


def _icon(pixels: np.ndarray | None) -> QIcon:
    """A picture for the menu, or an empty square of the same size."""
    pixmap = QPixmap(ICON, ICON)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap if pixels is None else QPixmap.fromImage(qimage(pixels).scaled(ICON, ICON)))
