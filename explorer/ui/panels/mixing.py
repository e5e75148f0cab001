"""Which point feeds which layer of a style-based model: a grid to paint with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from explorer.mixing import Band, add_row, bands, erase, paint, remove_row, shares, source_scenes, weigh
from explorer.motion import LARGEST_SEED
from explorer.scene import Latent, Scene, Seed, Styles
from explorer.session import SEEING_MILLISECONDS
from explorer.ui.brushes import Brushes
from explorer.ui.controls import SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.mixer import Mixer
from explorer.ui.mixer_places import Cell
from explorer.ui.panel import Desk, Panel
from explorer.ui.panels.mixing_sources import FavouriteMenu, SourcePictures
from explorer.ui.words import scene_title

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["MixingPanel"]

HEADER: Final = 148  # what the title and the buttons of the card take from the words beside them


class MixingPanel(Panel):
    """Sources down, layers across: the current point first, which feeds what no row below it takes."""

    title = "Style mixing"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._layers: tuple[tuple[str, int], ...] = ()  # name and side in pixels
        self._bands: tuple[Band, ...] = ()
        self._word = "layers"
        self._sources: list[Scene] = []  # of the rows shown
        self._pictures = SourcePictures(desk, self)
        self.favourites = FavouriteMenu(desk, self._pictures, self)
        self._base: Styles | None = None  # before the change of a weight that is under way
        self._label = ""  # of the change under way
        self.mixer = Mixer(self.describe, self)
        self.brushes = Brushes(self.mixer.columnsRect, self)
        self._words = ElidedLabel(self)
        self.weight = SliderRow(
            "Weight", 0.0, 100.0, 100.0, "%", 0, tooltip="How much of the marked layer comes from the marked row."
        )
        self._seed = self._button("Add seed", "Add a row with a random seed, then paint the layers it should feed.")
        self._point = self._button("Add point", "Add the current point, as it is now, as a row of its own.")
        self._favourite = self._button("Add favourite", "")
        self._favourite.setMenu(self.favourites)
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.setInterval(SEEING_MILLISECONDS)
        self._lay_out()
        self._connect()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return bool(facts.mixable)

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """Show the layers of the model."""
        model = self.desk.session.model
        self._layers = model.facts.mixable if model is not None else ()
        self._sources, self._base, self._label = [], None, ""
        self._pictures.forget()
        if not self._layers:
            return
        self.heading_changed.emit(self.title if model is not None and model.facts.style_layers else "Level mixing")
        self._word = model.facts.mixable_word if model is not None else "layers"
        self._bands = bands([side for _, side in self._layers])
        self.mixer.setColumns(len(self._layers), [band.first for band in self._bands])
        self.brushes.setGroups([self._brush(band) for band in self._bands])
        self._take_brush()
        self.show_kept()
        self.show_scene()
        self.show_work()
        self.fetch_pictures()

    @Slot()
    def show_scene(self) -> None:
        """Show the rows of the scene and what they feed."""
        scene = self.desk.session.scene
        if not self._layers:
            return
        self._sources = source_scenes(scene)
        self.mixer.setShares(shares(scene.styles, len(self._layers)))
        self.show_pictures()
        for row in range(1, len(self._sources)):
            words = f"Remove {self._name(row)}; its layers fall back to the current point (Delete)."
            self.mixer.remover(row).setToolTip(words)
            self.mixer.remover(row).setAccessibleName(words)
        self.show_cell()

    @Slot()
    def show_cell(self) -> None:
        """Show the weight of the marked cell, and what it is."""
        row, column = self.mixer.cursor_cell()
        styles = self.desk.session.scene.styles
        now = shares(styles, len(self._layers))
        if row < len(now):
            self.weight.setValue(100 * now[row][column])
            self.weight.setEnabled(row > 0 or now[0][column] < 1)
            self._words.show_words(self.describe(row, column))

    @Slot(object)
    def show_pointed(self, cell: Cell | None) -> None:
        """Say what is under the mouse, or what is marked."""
        if cell is None:
            self.show_cell()
        else:
            self._words.show_words(self.describe(*cell))

    @Slot()
    def show_work(self) -> None:
        """Say how much of the newest picture was there already."""
        picture = self.desk.session.picture
        if not self._layers:
            return
        if picture is not None and picture.restarted:
            saved = f"saved {picture.saved * 1000:.1f} ms"
            forms = (f"resumed at {picture.restarted} · {saved}", f"{picture.restarted} · {saved}", saved)
            room, measure = self.width() - HEADER, self.fontMetrics().horizontalAdvance
            self.state_changed.emit(next((words for words in forms if measure(words) <= room), saved))
        else:
            self.state_changed.emit(f"{len(self._layers)} {self._word}")

    @Slot()
    def show_kept(self) -> None:
        """Say whether there are favourites to add."""
        kept = self.favourites.favourites()
        self._favourite.setEnabled(bool(kept))
        self._favourite.setToolTip(
            "Add the point of a favourite as a row." if kept else "There are no favourites of this model: F keeps one."
        )

    @Slot()
    def show_pictures(self) -> None:
        """Show the pictures of rows that are known; another stays until its row's own arrives."""
        for row, source in enumerate(self._sources):
            pixels = self._pictures.of(source)
            if pixels is not None:
                self.mixer.setPicture(row, pixels)

    @Slot()
    def fetch_pictures(self) -> None:
        """Ask for the pictures of rows that are missing, where nothing moves."""
        if self._layers and self.isVisible() and not self.desk.actions.motion.playing():
            self._pictures.want((*self._sources, *self.favourites.scenes()))
            self.show_pictures()

    @Slot()
    def fill_menu(self) -> None:
        """List the favourites of the model."""
        self.favourites.fill()
        self.fetch_pictures()

    def describe(self, row: int, column: int) -> str:
        """What a cell is, or, for the column -1, what a row is."""
        if column < 0:
            feeds = "feeds what no other row takes" if row == 0 else "right click for more, Delete removes it"
            return f"{self._name(row).capitalize() if row == 0 else self._name(row)}: {feeds}"
        now = shares(self.desk.session.scene.styles, len(self._layers))
        return f"{self._layers[column][0]}: {round(100 * now[row][column])} % from {self._name(row)}"

    # --- changing ---

    @Slot(object, bool)
    def paint_cells(self, cells: tuple[Cell, ...], is_erasing: bool) -> None:
        """Feed the layers under the brush from the rows it touches, or no longer."""
        styles = self.desk.session.scene.styles
        change: Callable[[Styles, int, Iterable[int]], Styles] = erase if is_erasing else paint
        for row, column in cells:
            styles = change(styles, row, range(*self._span(column)))
        self._change(styles, "Erase styles" if is_erasing else "Paint styles")

    @Slot(float)
    def weigh_cell(self, change: float) -> None:
        """Give the marked cell so much more than it had."""
        row, column = self.mixer.cursor_cell()
        if self._base is None:
            self._base = self.desk.session.scene.styles
        self._weigh(shares(self._base, len(self._layers))[row][column] + change)

    @Slot(float)
    def set_weight(self, percent: float) -> None:
        self._weigh(percent / 100)

    @Slot()
    def settle(self) -> None:
        """Make what was painted a step of undo."""
        self._base = None
        if self._label:
            self.desk.session.settle(self._label)
            self._label = ""

    @Slot()
    def add_seed(self) -> None:
        """Add a row with a random seed."""
        seed = random.randint(0, LARGEST_SEED)
        self.add(Latent(((Seed(seed), 1.0),)), f"Add Seed {seed} to the mix")

    @Slot()
    def add_point(self) -> None:
        """Add the current point, as it is, as a row."""
        self.add(self.desk.session.scene.latent, "Add the point to the mix")

    @Slot(object, str)
    def add_favourite(self, latent: Latent, name: str) -> None:
        """Add the point of a favourite as a row."""
        self.add(latent, f"Add {name} to the mix")

    def add(self, latent: Latent, label: str) -> None:
        """Add a row for a point, and put the cursor there."""
        scene = self.desk.session.scene
        self._settle_scene(replace(scene, styles=add_row(scene.styles, latent)), label)
        self.mixer.moveCursor(len(scene.styles.rows) + 1, self.mixer.cursor_cell()[1])

    @Slot(int)
    def remove(self, row: int) -> None:
        """Take a row away; its layers fall back to the current point."""
        scene = self.desk.session.scene
        self._settle_scene(replace(scene, styles=remove_row(scene.styles, row)), f"Remove {self._name(row)}")

    def paint_row(self, row: int) -> None:
        """Feed every layer from one row."""
        scene = self.desk.session.scene
        styles = paint(scene.styles, row, range(len(self._layers)))
        self._settle_scene(replace(scene, styles=styles), f"All layers from {self._name(row)}")

    def erase_row(self, row: int) -> None:
        """Feed nothing from one row."""
        scene = self.desk.session.scene
        styles = erase(scene.styles, row, range(len(self._layers)))
        self._settle_scene(replace(scene, styles=styles), f"No layer from {self._name(row)}")

    def go_to_row(self, row: int) -> None:
        """Make the point of a row the current one; the rows stay as they are."""
        scene = self.desk.session.scene
        self._settle_scene(replace(scene, latent=self._sources[row].latent), f"Go to {self._name(row)}")

    @Slot(int)
    def choose_brush(self, index: int) -> None:
        """Paint single cells, or a band of layers wherever the brush touches a row; the mixing table takes the same."""
        self._take_brush()
        session, (_, column) = self.desk.session, self.mixer.cursor_cell()
        session.set_view(replace(session.view, table_layers=self._span(column)))

    @Slot(int, int)
    def follow_cursor(self, row: int, column: int) -> None:
        """Show the cell, and let a table of single layers take its column."""
        self.show_cell()
        if self.desk.session.view.mode == "table" and self.brushes.current() == 0:
            self.choose_brush(0)

    @Slot(int, QPoint)
    def show_menu(self, row: int, position: QPoint) -> None:
        """What can be done with a row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Feed every layer from it", partial(self.paint_row, row))
        if row > 0:
            menu.addAction("Feed no layer from it", partial(self.erase_row, row))
            menu.addAction("Make it the current point", partial(self.go_to_row, row))
            menu.addAction("Remove", partial(self.remove, row))
        else:
            menu.addAction("Add as a row", self.add_point)
        menu.popup(position)

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fetch_pictures()

    # --- private ---

    def _change(self, styles: Styles, label: str) -> None:
        session = self.desk.session
        if styles != session.scene.styles:
            self._label = label
            self.desk.actions.motion.stop()
            session.change(replace(session.scene, styles=styles), settled=False)

    def _settle_scene(self, scene: Scene, label: str) -> None:
        self.settle()
        self.desk.actions.motion.stop()
        self.desk.session.change(scene, label)
        self.fetch_pictures()

    def _weigh(self, share: float) -> None:
        row, column = self.mixer.cursor_cell()
        if self._base is None:
            self._base = self.desk.session.scene.styles
        self._change(weigh(self._base, row, (column,), share), f"Weight of {self._name(row)}")

    def _take_brush(self) -> None:
        self.mixer.setSpans([self._span(column) for column in range(len(self._layers))])

    def _span(self, column: int) -> tuple[int, int]:
        """The layers that the brush paints where it touches a column."""
        brush = self.brushes.current()
        return (self._bands[brush - 1].first, self._bands[brush - 1].end) if brush > 0 else (column, column + 1)

    def _name(self, row: int) -> str:
        return "the current point" if row == 0 else scene_title(self._sources[row])

    def _brush(self, band: Band) -> tuple[str, str, tuple[int, int]]:
        first, last = (self._layers[index][1] for index in (band.first, band.end - 1))
        sides = f"{first}×{first}" if first == last else f"{first}×{first} to {last}×{last}"
        count = band.end - band.first
        tooltip = f"Paint all {band.name} {self._word} of a row at once: {count} of {sides} pixels."
        return f"{band.name} {first}²", tooltip, (band.first, band.end)

    def _button(self, words: str, tooltip: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setToolTip(tooltip)
        return button

    def _lay_out(self) -> None:
        bottom = QHBoxLayout()
        bottom.setSpacing(6)
        for button in (self._seed, self._favourite, self._point):
            bottom.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.mixer)
        column.addWidget(self.brushes)
        column.addWidget(self._words)
        column.addWidget(self.weight)
        column.addLayout(bottom)

    def _connect(self) -> None:
        session = self.desk.session
        self.mixer.painted.connect(self.paint_cells)
        self.mixer.weighed.connect(self.weigh_cell)
        self.mixer.settled.connect(self.settle)
        self.mixer.cursorMoved.connect(self.follow_cursor)
        self.mixer.pointed.connect(self.show_pointed)
        self.mixer.removeAsked.connect(self.remove)
        self.mixer.menuAsked.connect(self.show_menu)
        self.brushes.chosen.connect(self.choose_brush)
        self.weight.valueChanged.connect(self.set_weight)
        self.weight.settled.connect(self.settle)
        self._seed.clicked.connect(self.add_seed)
        self._point.clicked.connect(self.add_point)
        self.favourites.aboutToShow.connect(self.fill_menu)
        self.favourites.chosen.connect(self.add_favourite)
        self._pictures.arrived.connect(self.show_pictures)
        self._telling.timeout.connect(self.show_work)
        session.model_changed.connect(self.show_model)
        session.scene_seen.connect(self.show_scene)
        session.kept_changed.connect(self.show_kept)
        session.picture_shown.connect(self.note_picture)
        self.desk.live.rested.connect(self.fetch_pictures)
        self.desk.actions.motion.changed.connect(self.fetch_pictures)

    @Slot(object)
    def note_picture(self, picture: object) -> None:
        """Tell of a picture soon, however fast they come."""
        if self._layers and not self._telling.isActive():
            self._telling.start()
