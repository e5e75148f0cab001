"""The flagged pictures, the oddest first, and what can be done with them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from explorer.charting import Charting
from explorer.ui.images import thumbnail
from explorer.ui.panel import Desk, Panel

__all__ = ["FlaggedPanel"]

SIDE: Final = 28  # of a thumbnail, in pixels
SHOWN: Final = 8  # rows before it scrolls
SHORT: Final = {"statistics": "texture", "local": "region", "hot": "hot pixels"}  # names of scores in a column
COLUMNS: Final = ("", "Picture", "p", "Reason")
Index = QModelIndex | QPersistentModelIndex


class FlaggedPanel(Panel):
    """A list that follows the threshold; a click looks at a picture, and the map shows where it is."""

    title = "Flagged"

    export_asked = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._charting = desk.actions.charting
        self._rows = _Rows(self._charting, self)
        self.table = QTableView(self)
        self.table.setModel(self._rows)
        self.table.setAccessibleName("Flagged pictures")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(SIDE + 4)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for place, width in ((0, SIDE + 8), (2, 60), (3, 96)):
            header.resizeSection(place, width)
        self.table.setFixedHeight(SHOWN * (SIDE + 4) + header.sizeHint().height() + 2)
        self.select = QPushButton("Select them", self)
        self.select.setToolTip("Make the flagged pictures the selection on the map.")
        self.export = QPushButton("Export…", self)
        self.export.setToolTip("Write a table, copy the pictures into a folder, or make a report.")
        row = QHBoxLayout()
        row.addWidget(self.select)
        row.addStretch(1)
        row.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table)
        column.addLayout(row)
        self.table.selectionModel().currentRowChanged.connect(self.take_row)
        self.select.clicked.connect(self.select_flagged)
        self.export.clicked.connect(self.export_asked)
        for signal in (self._charting.scored, self._charting.chosen, self._charting.chart_changed):
            signal.connect(self.show_flagged)
        self._charting.picked.connect(self.show_picked)
        self.show_flagged()

    @Slot()
    def show_flagged(self) -> None:
        """Show what is flagged now."""
        self._rows.set_rows(self._charting.ranking())
        count = self._rows.rowCount()
        self.state_changed.emit(f"{count:,}" if self._charting.scores is not None else "")
        self.select.setEnabled(count > 0)
        self.export.setEnabled(self._charting.scores is not None)
        self.show_picked(self._charting.current)

    @Slot(int)
    def show_picked(self, row: int) -> None:
        """Show where the picture that is looked at is in the list."""
        place = self._rows.place_of(row)
        selection = self.table.selectionModel()
        if place < 0:
            selection.clear()
        elif selection.currentIndex().row() != place:
            index = self._rows.index(place, 0)
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(index)

    @Slot(QModelIndex, QModelIndex)
    def take_row(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self._charting.pick(self._rows.row_at(current.row()))

    @Slot()
    def select_flagged(self) -> None:
        flagged = self._charting.flagged()
        if flagged is not None:
            self._charting.select(flagged, label="Select the flagged pictures")

    def step(self, by: int) -> None:
        """Look at the next flagged picture (1), or the one before (-1)."""
        count = self._rows.rowCount()
        if count:
            place = self._rows.place_of(self._charting.current)
            self._charting.pick(self._rows.row_at((place + by) % count if place >= 0 else 0))


class _Rows(QAbstractTableModel):
    """The flagged rows as a table."""

    def __init__(self, charting: Charting, parent: QWidget) -> None:
        super().__init__(parent)
        self._charting = charting
        self._rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def set_rows(self, rows: npt.NDArray[np.int64]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row_at(self, place: int) -> int:
        return int(self._rows[place])

    def place_of(self, row: int) -> int:
        """Where a row of the survey is in the list; -1 where it is not."""
        found = np.flatnonzero(self._rows == row)
        return int(found[0]) if len(found) else -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and orientation == Qt.Orientation.Horizontal:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        chart, scores = self._charting.chart, self._charting.scores
        if chart is None or scores is None or not index.isValid():
            return None
        row, column = int(self._rows[index.row()]), index.column()
        if row >= len(scores.p_value):
            return None
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return QPixmap.fromImage(thumbnail(chart.survey.thumbnails[row], SIDE, 1.0))
        if role == Qt.ItemDataRole.DisplayRole:
            name = scores.names[scores.reason[row]]
            reason = SHORT.get(name, name)
            return ("", picture_name(chart, row), f"{scores.p_value[row]:.4f}", reason)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            identity = chart.survey.dataset.identity(int(chart.survey.indices[row]))
            return f"{identity}\nq {scores.q_value[row]:.3g}\n{scores.titles[scores.reason[row]]}"
        return None


def picture_name(chart: Any, row: int) -> str:
    """What a picture is called in the window: its file or number, and its label."""
    dataset, index = chart.survey.dataset, int(chart.survey.indices[row])
    name = dataset.identity(index)
    name = f"#{index:,}" if name == str(index) else name.rpartition("/")[2]
    label = "" if dataset.labels is None else dataset.label_names[int(dataset.labels[index])]
    return f"{name}  {label}" if label and label != name else name
