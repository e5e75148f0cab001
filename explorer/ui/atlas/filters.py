"""Filters on the columns of a dataset that narrow each other down: what one leaves out, the others do not count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from explorer.ui.atlas.brush_row import BrushRow
from explorer.ui.atlas.chip_row import ChipRow
from explorer.ui.atlas.filter_column import FilterColumn
from explorer.ui.icon_button import IconButton

__all__ = ["FilterColumn", "Filters"]

Bools = npt.NDArray[np.bool_]

AT_ONCE: Final = 200_000  # up to so many rows, what passes is said while a brush moves, and else when it is let go


class Filters(QWidget):
    """A row for every column that a person filters by; more are added from a menu."""

    mask_changed = Signal(object)  # the rows that all filters let through, bool (m,), or None for all

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: dict[str, FilterColumn] = {}
        self._rows: dict[str, BrushRow | ChipRow] = {}
        self._holders: dict[str, QWidget] = {}
        self._count = 0
        self._waiting: list[str] = []  # rows whose counts are to be made again, one at a time
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._recount.timeout.connect(self._count_next)
        self.add = QPushButton("Add a filter", self)
        self.add.setToolTip("Filter by another column: labels, scores, numbers of the pictures.")
        self.reset = QPushButton("Let all through", self)
        self.reset.setToolTip("Take all filters back.")
        self.words = QLabel(self)
        self.words.setProperty("dim", True)
        self._list = QVBoxLayout()
        self._list.setSpacing(10)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.words, 1)
        buttons.addWidget(self.reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._list)
        column.addLayout(buttons)
        self.add.clicked.connect(self.show_menu)
        self.reset.clicked.connect(self.clear)
        self._tell()

    # --- public ---

    def set_columns(self, columns: Sequence[FilterColumn], shown: Sequence[str] = ()) -> None:
        """Offer these columns; filters stay, also with other numbers, if as many rows have a column of their name.

        ``shown`` are keys of columns that are filtered by from the beginning.
        """
        count = len(columns[0].values) if columns else 0
        was_filtered = self.let_through() is not None
        fresh = {column.key: column for column in columns}
        for key in tuple(self._rows):
            before = self._columns[key]
            if key not in fresh or count != self._count or bool(fresh[key].names) != bool(before.names):
                self._drop(key)
            elif fresh[key].values is not before.values:
                self._rows[key].set_column(fresh[key])
        self._columns, self._count = fresh, count
        for key in shown:
            if key in fresh and key not in self._rows:
                self._insert(key)
        self._narrow()
        if was_filtered:
            self.mask_changed.emit(self.let_through())

    def row(self, key: str) -> BrushRow | ChipRow:
        """The filter on a column."""
        return self._rows[key]

    def keys(self) -> tuple[str, ...]:
        """The columns that are filtered by, from the top."""
        return tuple(self._rows)

    def let_through(self) -> Bools | None:
        """The rows that all filters let through (m,); None for all."""
        return self._passing(leaving_out="")

    def add_filter(self, key: str) -> None:
        """Filter by another column too."""
        if key in self._columns and key not in self._rows:
            self._insert(key)
            self._narrow()

    def remove_filter(self, key: str) -> None:
        """No longer filter by a column."""
        self._drop(key)
        self._narrow()
        self.mask_changed.emit(self.let_through())

    @Slot()
    def clear(self) -> None:
        """Let everything through; the filters stay."""
        for row in self._rows.values():
            blocked = row.blockSignals(True)
            row.clear()
            row.blockSignals(blocked)
        self._narrow()
        self.mask_changed.emit(None)

    @Slot()
    def show_menu(self) -> None:
        """Offer the columns that are not filtered by yet."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for key, column in self._columns.items():
            if key not in self._rows:
                menu.addAction(column.title, partial(self.add_filter, key))
        menu.popup(self.add.mapToGlobal(self.add.rect().bottomLeft()))

    def is_settled(self) -> bool:
        """Whether all counts are those of the filters as they are."""
        return not self._waiting

    # --- private ---

    def _insert(self, key: str) -> None:
        column = self._columns[key]
        holder = QWidget(self)
        row = ChipRow(column, holder) if column.names else BrushRow(column, holder)
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        remove = IconButton("close", f"No longer filter by {column.title}", holder)
        line.addWidget(row, 1)
        line.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        row.changed.connect(self._take_change)
        row.settled.connect(self._take_settled)
        remove.clicked.connect(partial(self._remove_clicked, key))
        self._rows[key], self._holders[key] = row, holder
        self._list.addWidget(holder)

    def _remove_clicked(self, key: str, is_checked: bool = False) -> None:
        self.remove_filter(key)

    def _drop(self, key: str) -> None:
        self._rows.pop(key)
        holder = self._holders.pop(key)
        self._list.removeWidget(holder)
        holder.hide()
        holder.deleteLater()

    @Slot()
    def _take_change(self) -> None:
        self._narrow()
        if self._count <= AT_ONCE:
            self.mask_changed.emit(self.let_through())

    @Slot()
    def _take_settled(self) -> None:
        if self._count > AT_ONCE:
            self.mask_changed.emit(self.let_through())

    def _passing(self, leaving_out: str) -> Bools | None:
        """The rows that all filters but one let through."""
        made: Bools | None = None
        for key, row in self._rows.items():
            mask = row.let_through() if key != leaving_out else None
            if mask is not None:
                made = mask if made is None else made & mask
        return made

    def _narrow(self) -> None:
        """Count again, one row at each turn of the event loop, so that a drag is never held up for long."""
        sender = self.sender()
        before = self._waiting
        self._waiting = [key for key, row in self._rows.items() if row is not sender or key in before]
        self._recount.start(0)
        self._tell()

    @Slot()
    def _count_next(self) -> None:
        if self._waiting:
            key = self._waiting.pop(0)
            if key in self._rows:
                self._rows[key].count_passing(self._passing(leaving_out=key))
        if self._waiting:
            self._recount.start(0)

    def _tell(self) -> None:
        mask = self.let_through()
        self.reset.setVisible(mask is not None)
        self.add.setEnabled(len(self._rows) < len(self._columns))
        self.words.setText("" if mask is None else f"{int(np.count_nonzero(mask)):,} of {self._count:,}")
