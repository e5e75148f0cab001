"""The pictures of examples, and menus of points that could become some."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QWidget

from explorer.live import Tile
from explorer.scene import Latent, Scene
from explorer.ui.controls import qimage
from explorer.ui.panel import Desk
from explorer.ui.panels.example_moves import example_of
from explorer.ui.words import scene_title

__all__ = ["ExamplePictures"]

ICON = 32  # side of the pictures in menus
KEPT_SIDE = 128  # pixels
OFFERED = 20  # favourites, and visited points


class ExamplePictures(QObject):
    """Keeps a small picture of every example that was asked for, and draws those that are missing."""

    arrived = Signal()  # another picture is there

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._wanted: tuple[Latent, ...] = ()
        self._actions: dict[Latent, list[QAction]] = {}  # of the menu that is open
        self.known: dict[Latent, np.ndarray] = {}

    def forget(self) -> None:
        """Forget all pictures: they belong to a model."""
        self._wanted, self._actions, self.known = (), {}, {}

    def ask(self, latents: Iterable[Latent]) -> None:
        """Draw these examples, where they are not known."""
        self._wanted = tuple(latents)
        missing = [each for each in dict.fromkeys((*self._wanted, *self._actions)) if each not in self.known]
        if missing:
            scenes = [Scene(latent) for latent in missing]
            self._desk.live.tiles("examples", scenes, partial(self._take, missing))

    def menu(self, parent: QWidget, take: Callable[[Scene], None]) -> QMenu:
        """A menu of the favourites of the model and the points visited, newest first."""
        session, menu = self._desk.session, QMenu(parent)
        assert session.model is not None, "points should belong to a model"
        facts = session.model.facts
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setStyleSheet(f"QMenu {{ icon-size: {ICON}px; }}")
        menu.aboutToHide.connect(self._forget_menu)
        favourites = [each.scene for each in session.favourites if each.checkpoint == facts.name]
        visited = [entry.scene for entry in session.history.entries]
        self._actions = {}
        for title, scenes in (("Favourites", favourites), ("Visited points", visited)):
            offered = list(dict.fromkeys(reversed(scenes)))[:OFFERED]
            part = menu.addMenu(title if offered else f"{title}: none")
            part.setEnabled(bool(offered))
            for scene in offered:
                action = part.addAction(scene_title(scene), partial(take, scene))
                self._actions.setdefault(example_of(scene, bool(facts.class_names)), []).append(action)
        for latent in self._actions:
            self._show_icons(latent)
        self.ask(self._wanted)
        return menu

    @Slot()
    def _forget_menu(self) -> None:
        self._actions = {}

    def _take(self, latents: list[Latent], tile: Tile) -> None:
        latent, pixels = latents[tile.index], tile.picture.pixels
        step = max(1, min(pixels.shape[:2]) // KEPT_SIDE)
        self.known[latent] = np.ascontiguousarray(pixels[::step, ::step])
        self._show_icons(latent)
        self.arrived.emit()

    def _show_icons(self, latent: Latent) -> None:
        if latent in self.known:
            picture = QIcon(QPixmap.fromImage(qimage(self.known[latent])))
            for action in self._actions.get(latent, []):
                action.setIcon(picture)
