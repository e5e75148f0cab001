"""The Explore workspace: one large picture, a live grid around the point, or the original beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.live import plane
from explorer.scene import ImageFile
from explorer.ui.canvas import Canvas
from explorer.ui.controls import IconButton
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk
from explorer.ui.visited import Visited
from explorer.ui.words import direction_name, scene_title

if TYPE_CHECKING:
    from explorer.imaging import Picture
    from explorer.render import Reading

__all__ = ["WAITING", "Explore"]

MODES = (
    ("picture", "picture", "Show one large picture (P)."),
    ("grid", "grid", "Show a grid of pictures around the point; click one to go there (G)."),
    ("beside", "beside", "Show the encoded picture beside what the model makes of it (O)."),
)
WAITING = "Open a model on the left, or drop one here."
DROP_PICTURE = "Drop a picture here, and the model shows what it makes of it."


class Explore(QFrame):
    """The picture as the hero, with the points visited below it."""

    pixel_hovered = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._desk = desk
        self.canvas = Canvas(self)
        self.canvas.clear(WAITING)
        self.visited = Visited(desk, self)
        self._title = QLabel(self)
        self._title.setProperty("title", True)
        self._aside = ElidedLabel(self)
        self._buttons = {name: self._mode_button(name, icon, tip) for name, icon, tip in MODES}
        self._smooth = IconButton("smooth", "Smooth or sharp pixels (S).", self)
        self._smooth.setCheckable(True)
        self._star = IconButton("star", "Keep this point as a favourite, or let it go (F).", self)
        self._fit = IconButton("fit", "Fit the picture into the window (0); 1 shows its true size.", self)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._title)
        top.addSpacing(8)
        top.addWidget(self._aside, 1)
        for button in (self._star, *self._buttons.values(), self._smooth, self._fit):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.visited)
        self._original: np.ndarray | None = None
        self._source: ImageFile | None = None
        self._connect()
        self.show_view()

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Say which model is shown; its first picture is on its way."""
        self._original, self._source = None, None
        if self.canvas.sequence() == 0:
            self.canvas.clear()
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Name the scene, and fetch the original where it has one."""
        session = self._desk.session
        if session.model is None:
            return
        self._title.setText(session.model.facts.name)
        self._aside.show_words(scene_title(session.scene))
        kept = (session.scene, session.model.facts.name)
        is_kept = any((favourite.scene, favourite.checkpoint) == kept for favourite in session.favourites)
        self._star.setIconName("star-filled" if is_kept else "star")
        source = session.scene.latent.sources[0][0]
        if isinstance(source, ImageFile) and source != self._source:
            self._source, self._original = source, None
            if session.view.mode == "beside":
                self._fetch_original()
        elif not isinstance(source, ImageFile):
            self._source, self._original = None, None

    @Slot(object)
    def show_picture(self, picture: Picture) -> None:
        """Show a finished picture, in the way the view asks for."""
        mode = self._desk.session.view.mode
        if mode == "beside" and self._original is not None:
            has_moves = bool(self._desk.session.pictured.latent.moves)
            captions = ("original", "reconstruction, edited" if has_moves else "reconstruction")
            self.canvas.show_beside(self._original, picture.pixels, captions)
        elif mode != "grid":
            self.canvas.show_picture(picture.pixels)

    @Slot(object)
    def show_grid(self, pixels: np.ndarray) -> None:
        """Show the pictures around the point."""
        if self._desk.session.view.mode == "grid":
            middle = pixels.shape[0] // 2
            self.canvas.show_grid(pixels, (middle, middle))

    @Slot()
    def show_view(self) -> None:
        """Show how the scene is looked at."""
        view = self._desk.session.view
        for name, button in self._buttons.items():
            button.setChecked(name == view.mode)
        self._smooth.setChecked(view.smooth)
        self.canvas.set_smooth(view.smooth)
        names = f"{direction_name(view.across)} from left to right, {direction_name(view.up)} upwards"
        self.canvas.setToolTip(f"{names}: click a picture to go there." if view.mode == "grid" else "")
        if view.mode == "beside" and self._source is not None and self._original is None:
            self._fetch_original()
        self._desk.live.show_scene()

    # --- changing ---

    @Slot(int, int)
    def go_to_cell(self, row: int, column: int) -> None:
        """Move the point to a picture of the grid."""
        session, view = self._desk.session, self._desk.session.view
        scene = plane(session.pictured, view.across, view.up, view.span, view.cells)[row * view.cells + column]
        self._desk.actions.motion.stop()
        session.change(scene, "Move in the grid")

    def set_mode(self, mode: str) -> None:
        """Look at the scene in another way."""
        self._desk.session.set_view(replace(self._desk.session.view, mode=mode))

    @Slot()
    def choose_picture(self) -> None:
        self.set_mode("picture")

    @Slot()
    def choose_grid(self) -> None:
        """Show the grid, or the one picture again where the grid is shown."""
        self.set_mode("picture" if self._desk.session.view.mode == "grid" else "grid")

    @Slot()
    def choose_beside(self) -> None:
        """Show the original beside the picture, or the picture alone again; say how to get an original."""
        self.set_mode("picture" if self._desk.session.view.mode == "beside" else "beside")
        if self._source is None:
            self._aside.show_words(DROP_PICTURE)

    @Slot()
    def toggle_smooth(self) -> None:
        view = self._desk.session.view
        self._desk.session.set_view(replace(view, smooth=not view.smooth))

    def _mode_button(self, name: str, icon: str, tooltip: str) -> IconButton:
        button = IconButton(icon, tooltip, self)
        button.setCheckable(True)
        return button

    def _fetch_original(self) -> None:
        model, source = self._desk.session.model, self._source
        if model is not None and source is not None:
            self._desk.live.reading("original", model, source.path, self._take_reading)

    def _take_reading(self, reading: Reading) -> None:
        if self._source is not None:
            self._original = reading.original.pixels
            self._desk.live.show_scene()

    def _connect(self) -> None:
        session, live = self._desk.session, self._desk.live
        session.model_changed.connect(self.show_model)
        session.scene_seen.connect(self.show_scene)
        session.picture_shown.connect(self.show_picture)
        session.view_changed.connect(self.show_view)
        live.grid_shown.connect(self.show_grid)
        self.canvas.painted.connect(live.note_painted)
        self.canvas.cell_clicked.connect(self.go_to_cell)
        self.canvas.pixel_hovered.connect(self.pixel_hovered)
        self._buttons["picture"].clicked.connect(self.choose_picture)
        self._buttons["grid"].clicked.connect(self.choose_grid)
        self._buttons["beside"].clicked.connect(self.choose_beside)
        self._smooth.clicked.connect(self.toggle_smooth)
        self._fit.clicked.connect(self.canvas.fit)
        self._star.clicked.connect(self._desk.actions.toggle_favourite)
        session.kept_changed.connect(self.show_scene)
