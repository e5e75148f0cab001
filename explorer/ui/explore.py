"""The Explore workspace: one large picture, a live grid around the point, or the original beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.live import plane
from explorer.mixing import bands, table_layers
from explorer.scene import ImageFile, Latent, Scene, StoredPoint
from explorer.ui.canvas import Canvas
from explorer.ui.controls import IconButton
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.handles import Handles
from explorer.ui.panel import Desk
from explorer.ui.visited import Visited
from explorer.ui.words import direction_name, scene_title

if TYPE_CHECKING:
    from explorer.imaging import Picture
    from explorer.mixing import Table

__all__ = ["WAITING", "Explore", "is_edited"]

MODES = (
    ("picture", "picture", "Show one large picture (P)."),
    ("grid", "grid", "Show a grid of pictures around the point; click one to go there (G)."),
    ("table", "table", "Show a table of mixtures; click one to go there (T)."),
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
        self.handles = Handles(desk, self.canvas)
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
        self._buttons["table"].hide()
        self._table: Table | None = None  # the one shown
        self._original: np.ndarray | None = None
        self._source: ImageFile | None = None
        self._connect()
        self.show_view()

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Say which model is shown; its first picture is on its way."""
        self._original, self._source, self._table = None, None, None
        self._buttons["table"].setVisible(self._can_mix())
        if self._desk.session.view.mode == "table" and not self._can_mix():
            self.set_mode("picture")
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
        self._aside.show_words(self._explained() if session.view.mode == "table" else scene_title(session.scene))
        kept = (session.scene, session.model.facts.name)
        is_kept = any((favourite.scene, favourite.checkpoint) == kept for favourite in session.favourites)
        self._star.setIconName("star-filled" if is_kept else "star")
        source = session.scene.latent.sources[0][0]
        if isinstance(source, StoredPoint) and source.picture:
            source = ImageFile(source.picture)
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
            captions = (
                "original",
                "reconstruction, edited" if is_edited(self._desk.session.pictured) else "reconstruction",
            )
            self.canvas.show_beside(self._original, picture.pixels, captions)
        elif mode not in ("grid", "table"):
            self.canvas.show_picture(picture.pixels)

    @Slot(object)
    def show_grid(self, pixels: np.ndarray) -> None:
        """Show the pictures around the point."""
        if self._desk.session.view.mode == "grid":
            middle = pixels.shape[0] // 2
            self.canvas.show_grid(pixels, (middle, middle))

    @Slot(object, object)
    def show_table(self, table: Table, pixels: np.ndarray) -> None:
        """Show a mixing table, with the scene marked where it is one of the mixtures."""
        if self._desk.session.view.mode == "table":
            self._table = table
            self.canvas.show_table(pixels, table.place())

    @Slot()
    def show_view(self) -> None:
        """Show how the scene is looked at."""
        view = self._desk.session.view
        for name, button in self._buttons.items():
            button.setChecked(name == view.mode)
        self._smooth.setChecked(view.smooth)
        self.canvas.set_smooth(view.smooth)
        names = f"{direction_name(view.across)} from left to right, {direction_name(view.up)} upwards"
        tooltips = {
            "grid": f"{names}: click a picture to go there.",
            "table": f"{self._explained()}: click to go there.",
        }
        self.canvas.setToolTip(tooltips.get(view.mode, ""))
        self.show_scene()
        if view.mode == "beside" and self._source is not None and self._original is None:
            self._fetch_original()
        self._desk.live.show_scene()

    # --- changing ---

    @Slot(int, int)
    def go_to_cell(self, row: int, column: int) -> None:
        """Move the point to a picture of the grid."""
        session, view = self._desk.session, self._desk.session.view
        if view.mode == "table":
            self._go_to_mixture(row, column)
            return
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
    def choose_table(self) -> None:
        """Show the mixing table, or the one picture again where the table is shown."""
        if self._can_mix():
            self.set_mode("picture" if self._desk.session.view.mode == "table" else "table")

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

    def _can_mix(self) -> bool:
        model = self._desk.session.model
        return model is not None and bool(model.facts.mixable)

    def _explained(self) -> str:
        """What the mixing table shows."""
        model = self._desk.session.model
        if model is None or not model.facts.mixable:
            return ""
        sides = [side for _, side in model.facts.mixable]
        first, end = table_layers(self._desk.session.view.table_layers, sides)
        names = {(each.first, each.end): f"{each.name} {model.facts.mixable_word}" for each in bands(sides)}
        band = names.get((first, end), "")
        words = f"{band or model.facts.mixable[first][0]} from the left column, the rest from the top row"
        return words[0].upper() + words[1:]

    def _go_to_mixture(self, row: int, column: int) -> None:
        scene = self._table.at(row, column) if self._table is not None else None
        if scene is not None:
            self._desk.actions.motion.stop()
            self._desk.session.change(scene, "Mix in the table")

    def _fetch_original(self) -> None:
        model, source = self._desk.session.model, self._source
        if model is not None and source is not None:
            self._desk.live.original("original", model, source.path, self._take_original)

    def _take_original(self, pixels: np.ndarray) -> None:
        if self._source is not None:
            self._original = pixels
            self._desk.live.show_scene()

    def _connect(self) -> None:
        session, live = self._desk.session, self._desk.live
        session.model_changed.connect(self.show_model)
        session.scene_seen.connect(self.show_scene)
        session.picture_shown.connect(self.show_picture)
        session.view_changed.connect(self.show_view)
        live.grid_shown.connect(self.show_grid)
        live.table_shown.connect(self.show_table)
        self.canvas.painted.connect(live.note_painted)
        self.canvas.cell_clicked.connect(self.go_to_cell)
        self.canvas.pixel_hovered.connect(self.pixel_hovered)
        self._buttons["picture"].clicked.connect(self.choose_picture)
        self._buttons["grid"].clicked.connect(self.choose_grid)
        self._buttons["table"].clicked.connect(self.choose_table)
        self._buttons["beside"].clicked.connect(self.choose_beside)
        self._smooth.clicked.connect(self.toggle_smooth)
        self._fit.clicked.connect(self.canvas.fit)
        self._star.clicked.connect(self._desk.actions.toggle_favourite)
        session.kept_changed.connect(self.show_scene)


def is_edited(scene: Scene) -> bool:
    """Whether the picture of a scene shows more, or less, than the point that it comes from."""
    plain = Latent(scene.latent.sources[:1], classes=scene.latent.classes)
    is_mixed = any(weight > 0 for row in scene.styles.rows for _, weight in row.weights)
    return is_mixed or bool(scene.codes.cells) or scene.latent != plain
