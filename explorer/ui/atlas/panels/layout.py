"""How the pictures are laid out, and what is drawn behind and over them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.ui.controls import SliderRow
from explorer.ui.panel import Desk, Panel
from explorer.ui.segments import Segments

__all__ = ["LayoutPanel"]

PCA: Final = "pca"
UMAP: Final = "umap"
DENSITY: Final = "density"
NEIGHBOURS_TIP: Final = "How many pictures UMAP keeps near each one: few show detail, many the whole."
DISTANCE_TIP: Final = "How close UMAP may put two pictures: 0 packs them tightly."
WAYS: Final = (
    (PCA, "PCA", "The two directions in which the codes spread most. At once, and faithful to large distances."),
    (UMAP, "UMAP", "Neighbours stay neighbours; distances between clusters mean little."),
    (DENSITY, "densMAP", "UMAP that keeps crowded regions small and sparse ones large. Takes about twice as long."),
)
SEED: Final = 0


class LayoutPanel(Panel):
    """Chooses PCA, UMAP or densMAP and their settings; the neighbours are found once for all of them."""

    title = "Map"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self.way = Segments("Layout", WAYS, self)
        self.neighbours = SliderRow("Neighbours", 3, 50, 15, "", 0, NEIGHBOURS_TIP, self)
        self.distance = SliderRow("Least distance", 0, 0.99, 0.1, "", 2, DISTANCE_TIP, self)
        self.seeded = QCheckBox("The same map every time", self)
        self.seeded.setToolTip("Lay out with a fixed seed. It takes about twice as long, because one core does it all.")
        self.live = QCheckBox("Watch it settle", self)
        self.live.setToolTip("Show the map while UMAP works on it.")
        self.live.setChecked(True)
        self.tiles = QCheckBox("Fill the ground with decoded pictures", self)
        self.tiles.setToolTip("What the model draws at each place, also where the dataset has nothing.")
        self.contours = QCheckBox("Density lines", self)
        self.contours.setToolTip("Lines of equal density of the pictures.")
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("dim", True)
        switches = QVBoxLayout()
        switches.setSpacing(4)
        row = QHBoxLayout()
        row.addWidget(self.live)
        row.addStretch(1)
        row.addWidget(self.contours)
        for item in (self.seeded, self.tiles):
            switches.addWidget(item)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.way)
        column.addWidget(self.neighbours)
        column.addWidget(self.distance)
        column.addLayout(row)
        column.addLayout(switches)
        column.addWidget(self.words)
        self.way.chosen.connect(self.lay_out)
        self.neighbours.settled.connect(self.lay_out)
        self.distance.settled.connect(self.lay_out)
        self.seeded.clicked.connect(self.lay_out)
        self.live.toggled.connect(self.take_live)
        self._charting.chart_changed.connect(self.show_chart)
        self._charting.moved.connect(self.show_chart)
        self.way.setValue(UMAP)
        self.show_chart()

    @Slot()
    def show_chart(self) -> None:
        """Show how the map is laid out now."""
        chart = self._charting.chart
        if chart is None:
            self.state_changed.emit("")
            return
        self.state_changed.emit(chart.layout)
        is_umap = self.way.value() != PCA
        self.neighbours.setEnabled(is_umap)
        self.distance.setEnabled(is_umap)
        self.seeded.setEnabled(is_umap)
        self.tiles.setVisible(bool(getattr(chart.lens, "can_decode", False)))
        gone = len(chart.survey.unreadable)
        told = [f"{len(chart.survey):,} pictures"]
        if gone:
            told.append(f"{gone:,} could not be read")
            reasons = "\n".join(each.reason for each in chart.survey.unreadable[:20])
            self.words.setToolTip(reasons + ("\n…" if gone > 20 else ""))
        self.words.setText(" · ".join(told))

    @Slot(bool)
    def take_live(self, is_live: bool) -> None:
        self._charting.live = is_live

    @Slot()
    def lay_out(self) -> None:
        """Lay the pictures out as chosen."""
        way = self.way.value()
        self.show_chart()
        if way == PCA:
            self._charting.lay_out(None)
            return
        from explorer.atlas.projection import MapSettings

        self._charting.lay_out(
            MapSettings(
                neighbours=round(self.neighbours.value()),
                min_dist=self.distance.value(),
                density=way == DENSITY,
                seed=SEED if self.seeded.isChecked() else None,
            )
        )
