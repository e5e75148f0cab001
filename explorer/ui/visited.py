"""The points visited, as thumbnails below the picture; favourites instead, when asked for."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from explorer.animation import through
from explorer.animation.editing import added
from explorer.live import Tile
from explorer.saved import Favourite
from explorer.scene import Scene
from explorer.ui.controls import ThumbnailStrip
from explorer.ui.panel import Desk
from explorer.ui.words import scene_title

__all__ = ["Visited"]

SIDE = 52
STRIP_HEIGHT = SIDE + 14


class Visited(QWidget):
    """History or favourites of the open model. A click goes there, a right click offers more."""

    film_asked = Signal(object)  # Film through a visited point and the current one
    picture_asked = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._thumbnails: dict[Scene, np.ndarray] = {}
        self._items: tuple[tuple[Hashable, Scene, str], ...] = ()
        self._strip = ThumbnailStrip("Visited points", SIDE, parent=self)
        self._strip.setFixedHeight(STRIP_HEIGHT)
        self._only_favourites = QPushButton("Favourites", self)
        self._only_favourites.setToolTip("Show the favourites of this model instead of the points visited.")
        self._only_favourites.setCheckable(True)
        self._nothing = QLabel("No favourites of this model yet: F keeps the point.", self)
        self._nothing.setProperty("dim", True)
        self._nothing.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._nothing, 1)
        row.addWidget(self._strip, 1)
        row.addWidget(self._only_favourites, 0, Qt.AlignmentFlag.AlignTop)
        self._strip.chosen.connect(self.go_to)
        self._strip.menuAsked.connect(self.show_menu)
        self._only_favourites.toggled.connect(self.show_points)
        desk.session.model_changed.connect(self.forget)
        desk.session.history_changed.connect(self.show_points)
        desk.session.kept_changed.connect(self.show_points)
        desk.session.picture_shown.connect(self.keep_thumbnail)

    @Slot()
    def forget(self) -> None:
        """Thumbnails belong to a model."""
        self._thumbnails = {}
        self.show_points()

    @Slot()
    def show_points(self) -> None:
        """Show the points there are, and ask for the thumbnails that are missing."""
        session = self._desk.session
        if session.model is None:
            return
        name = session.model.facts.name
        stars = {favourite.scene for favourite in session.favourites if favourite.checkpoint == name}
        if self._only_favourites.isChecked():
            kept = tuple(f for f in session.favourites if f.checkpoint == name)
            self._items = tuple((index, f.scene, f.name or scene_title(f.scene)) for index, f in enumerate(kept))
        else:
            self._items = tuple((e.key, e.scene, f"{e.label}: {scene_title(e.scene)}") for e in session.history.entries)
        self._nothing.setVisible(not self._items)
        self._strip.setVisible(bool(self._items))
        self._show_items()
        self._strip.setBadges({key: "★" for key, scene, _ in self._items if scene in stars})
        here = session.history.entry.scene
        current = [key for key, scene, _ in self._items if scene == here]
        if not self._only_favourites.isChecked():
            self._strip.setCurrent(session.history.current)
        elif current:
            self._strip.setCurrent(current[-1])
        missing = list(dict.fromkeys(scene for _, scene, _ in self._items if scene not in self._thumbnails))
        if missing:  # newest first: that is what is looked at
            missing.reverse()
            self._desk.live.tiles("strip", missing, partial(self._show_thumbnail, missing))

    @Slot(object)
    def keep_thumbnail(self, picture: object) -> None:
        """Take the thumbnail of the current point from the picture that was made of it anyway."""
        session = self._desk.session
        is_here = session.pictured == session.history.entry.scene and session.pictured not in self._thumbnails
        if session.picture is not None and is_here:
            self._thumbnails[session.pictured] = _small(session.picture.pixels)
            self._show_items()

    @Slot(object)
    def go_to(self, key: int) -> None:
        session = self._desk.session
        self._desk.actions.motion.stop()
        if self._only_favourites.isChecked():
            session.change(self._scene(key), "Favourite")
        else:
            session.go_to(session.history.find(key))

    @Slot(object, QPoint)
    def show_menu(self, key: int, position: QPoint) -> None:
        """What can be done with a visited point."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Go here", partial(self.go_to, key))
        menu.addAction("Add to the timeline", partial(self.add_keyframe, key))
        menu.addAction("Film from here to the current point…", partial(self.ask_film, key))
        menu.addAction("Favourite, or no longer", partial(self.toggle_favourite, key))
        menu.popup(position)

    def add_keyframe(self, key: int) -> None:
        """Put a visited point at the end of the timeline."""
        session = self._desk.session
        session.change_film(added(session.film, [self._scene(key)]), "Add a keyframe")

    def ask_film(self, key: int) -> None:
        """Ask for a film from a visited point to the current one."""
        session = self._desk.session
        self.film_asked.emit(through((self._scene(key), session.scene), session.film))

    def toggle_favourite(self, key: int) -> None:
        """Keep a visited point as a favourite, or let it go."""
        session = self._desk.session
        assert session.model is not None
        favourite = Favourite(self._scene(key), session.model.facts.name)
        kept = tuple(
            f for f in session.favourites if (f.scene, f.checkpoint) != (favourite.scene, favourite.checkpoint)
        )
        session.set_favourites(kept if len(kept) < len(session.favourites) else (*kept, favourite))

    def _scene(self, key: int) -> Scene:
        return next(scene for known, scene, _ in self._items if known == key)

    def _show_items(self) -> None:
        self._strip.setItems([(key, self._thumbnails.get(scene), words) for key, scene, words in self._items])

    def _show_thumbnail(self, scenes: list[Scene], tile: Tile) -> None:
        self._thumbnails[scenes[tile.index]] = _small(tile.picture.pixels)
        if tile.index % 7 == 6 or tile.index == len(scenes) - 1:
            self._show_items()


def _small(pixels: np.ndarray) -> np.ndarray:
    """Every n-th pixel, so that hundreds of thumbnails of large pictures stay small."""
    step = max(1, min(pixels.shape[:2]) // (2 * SIDE))
    return np.ascontiguousarray(pixels[::step, ::step])
