"""What was measured of the models, as a table below their pictures."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from explorer.measuring import Column, Measured, Measuring, Row
from explorer.session import Model
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.icon_button import IconButton
from explorer.ui.theme import colours

__all__ = ["MeasureBox"]

NOTHING: Final = "Nothing is measured yet: speed, likelihood, reconstruction, distance to real pictures, diversity."
OTHERS: Final = "The models are others now: measure again."
REAL: Final = "What real pictures score against other real pictures: the best a model can hope for."
SHARE: Final = 0.42  # of the workspace that the table takes at most
LOW, LOW_SHARE = 560, 0.32  # pixels: in one less high it takes less
NAMES: Final = 112  # pixels that names of models have at least
ROW: Final = 26


class MeasureBox(QWidget):
    """A row of buttons, and the table once there is one; it folds."""

    measure_asked = Signal()
    save_asked = Signal(str)  # csv or md
    told = Signal(str)

    def __init__(self, measuring: Measuring, parent: QWidget) -> None:
        super().__init__(parent)
        self._measuring = measuring
        self._models: tuple[Model, ...] = ()
        self._room = 400
        self.fold = IconButton("chevron-down", "Show or fold away the table.", self)
        self.fold.setCheckable(True)
        self.fold.setChecked(True)
        self.words = ElidedLabel(self)
        self.measure = QPushButton("Measure…", self)
        self.measure.setToolTip("Measure all models against a dataset (E).")
        self.share = QPushButton("Export", self)
        self.share.setToolTip("Write the table as CSV or Markdown, or copy it.")
        self.share.setMenu(self._share_menu())
        self.table = QTableWidget(self)
        self._dress_table()
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.fold)
        row.addWidget(self.words, 1)
        row.addWidget(self.share)
        row.addWidget(self.measure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.table)
        self.fold.clicked.connect(self.show_result)
        self.measure.clicked.connect(self._press)
        measuring.changed.connect(self.show_result)
        self.show_result()

    # --- public ---

    def set_models(self, models: tuple[Model, ...]) -> None:
        """Which models there are now."""
        self._models = models
        self.show_result()

    def set_room(self, height: int) -> None:
        """How high the workspace is."""
        self._room = height
        self._size_table()

    @Slot()
    def show_result(self) -> None:
        """Show the table there is, or that there is none."""
        result, is_running = self._measuring.result, self._measuring.is_running()
        self.measure.setText("Stop" if is_running else "Measure…")
        self.measure.setToolTip(
            "Stop measuring; the table before stays." if is_running else "Measure all models against a dataset (E)."
        )
        self.measure.setEnabled(bool(self._models))
        self.share.setVisible(result is not None)
        self.fold.setVisible(result is not None)
        self.fold.setIconName("chevron-down" if self.fold.isChecked() else "chevron-right")
        self.words.show_words(self._words(result, is_running))
        if result is not None:
            self.words.setToolTip("\n".join(part for part in (result.told, result.hint) if part))
            self._fill(result)
        self.table.setVisible(result is not None and self.fold.isChecked())
        self._size_table()

    @Slot()
    def copy_table(self) -> None:
        """Put the table on the clipboard, as Markdown."""
        if self._measuring.result is not None:
            QApplication.clipboard().setText(self._measuring.result.markdown)
            self.told.emit("The table is on the clipboard, as Markdown.")

    # --- private ---

    def _words(self, result: Measured | None, is_running: bool) -> str:
        if is_running:
            return "Measuring, in the background…"
        if result is None:
            return NOTHING
        is_same = result.digests() == {each.digest for each in self._models}
        size = f"{result.samples:,} samples each, against {result.dataset}"
        return size if is_same else f"{OTHERS} {size}"

    def _share_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Copy the table", self.copy_table)
        menu.addSeparator()
        menu.addAction("CSV…", self._ask_csv)
        menu.addAction("Markdown…", self._ask_markdown)
        return menu

    @Slot()
    def _ask_csv(self) -> None:
        self.save_asked.emit("csv")

    @Slot()
    def _ask_markdown(self) -> None:
        self.save_asked.emit("md")

    @Slot()
    def _press(self) -> None:
        if self._measuring.is_running():
            self._measuring.cancel()
        else:
            self.measure_asked.emit()

    def _dress_table(self) -> None:
        table = self.table
        table.setAccessibleName("Measures")
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        names = table.verticalHeader()  # which stays while the columns are scrolled
        names.setDefaultSectionSize(ROW)
        names.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        names.setHighlightSections(False)
        names.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _fill(self, result: Measured) -> None:
        table = self.table
        numbers = [place for place, column in enumerate(result.columns) if column.is_number]
        opened = {each.digest for each in self._models}
        table.clearSpans()
        table.setColumnCount(len(numbers))
        table.setRowCount(len(result.rows))
        for index, place in enumerate(numbers):
            table.setHorizontalHeaderItem(index, _heading(result.columns[place]))
        for place, row in enumerate(result.rows):
            self._fill_row(place, row, result.columns, numbers, is_open=not row.digest or row.digest in opened)

    def _fill_row(self, place: int, row: Row, columns: tuple[Column, ...], numbers: list[int], is_open: bool) -> None:
        palette = colours()
        remarks = list(row.remarks) if is_open else [*row.remarks, "This model is not open any more."]
        described = [f"{c.title}: {cell}" for c, cell in zip(columns, row.cells, strict=True) if not c.is_number]
        name = QTableWidgetItem(row.cells[0])
        name.setToolTip("\n".join((row.cells[0], *described[1:], *remarks) if row.digest else (row.cells[0], REAL)))
        self.table.setVerticalHeaderItem(place, name)
        for index, column_place in enumerate(numbers):
            cell, is_best, column = row.cells[column_place], row.best[column_place], columns[column_place]
            item = QTableWidgetItem(cell)
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            best = "The best of all models." if is_best else ""
            told = (f"{row.cells[0]} · {column.title}", column.meaning, best)
            item.setToolTip("\n".join(part for part in (*told, *remarks) if part))
            if is_best:
                font = QFont(self.table.font())
                font.setBold(True)
                item.setFont(font)
            if not row.digest or not is_open:
                item.setForeground(QColor(palette.dim))
            self.table.setItem(place, index, item)
        if row.failure:
            item = QTableWidgetItem(row.failure)
            item.setForeground(QColor(palette.red))
            item.setToolTip(row.failure)
            self.table.setItem(place, 0, item)
            self.table.setSpan(place, 0, 1, len(numbers))

    def _size_table(self) -> None:
        rows, header = self.table.rowCount(), self.table.horizontalHeader().sizeHint().height()
        wanted = header + rows * ROW + 10 + self.table.horizontalScrollBar().sizeHint().height()
        self.table.setFixedHeight(
            max(min(wanted, round((SHARE if self._room >= LOW else LOW_SHARE) * self._room)), header + ROW + 10)
        )
        room = max(self.width() // 5, NAMES)
        self.table.verticalHeader().setMaximumWidth(room)
        metrics, result = self.fontMetrics(), self._measuring.result
        for place, row in enumerate(result.rows if result is not None else ()):
            item = self.table.verticalHeaderItem(place)
            if item is not None:
                item.setText(metrics.elidedText(row.cells[0], Qt.TextElideMode.ElideRight, room - 22))


def _heading(column: Column) -> QTableWidgetItem:
    """The title in two lines of about the same length, and what it means as its tool tip."""
    words = re.sub(r" ([↑↓])$", "\N{NO-BREAK SPACE}\\1", column.title).split(" ")
    breaks = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    lines = min(breaks, key=lambda pair: max(map(len, pair)), default=(column.title,))
    item = QTableWidgetItem("\n".join(lines))
    item.setToolTip("\n".join(part for part in (column.title, column.meaning) if part))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
