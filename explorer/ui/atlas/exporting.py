"""From a map to files: the table of all numbers, copies of the flagged pictures, a report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMenu, QWidget

from explorer.actions import Message
from explorer.ui.dialogs import ask_folder, ask_save
from explorer.ui.panel import Desk

if TYPE_CHECKING:
    from explorer.workers import Report

__all__ = ["Exporting"]

TABLES: Final = "Table (*.csv);;Parquet table (*.parquet)"
REPORTS: Final = "Report (*.html)"
WAYS: Final = (
    ("copy", "Copy flagged pictures…"),
    ("link", "Link flagged pictures…"),
    ("move", "Move flagged pictures…"),
)


class Exporting(QObject):
    """Asks where to, and starts a job that writes; what is written carries model, seed and reference."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._charting, self._parent = desk, desk.actions.charting, parent

    def show_menu(self, below: QWidget) -> None:
        """Offer what can be written, below a button."""
        menu = QMenu(self._parent)
        menu.setEnabled(self._charting.scores is not None)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Table of all pictures…", self.ask_table)
        menu.addAction("Report of the flagged pictures…", self.ask_report)
        menu.addSeparator()
        for way, words in WAYS:
            menu.addAction(words, partial(self.ask_folder, way))
        menu.popup(below.mapToGlobal(below.rect().bottomLeft()))

    def ask_table(self) -> None:
        ask_save(self._parent, "Export a table", self._suggest("scores.csv"), TABLES, self.write_table)

    def ask_report(self) -> None:
        ask_save(self._parent, "Export a report", self._suggest("report.html"), REPORTS, self.write_report)

    def ask_folder(self, way: str) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_folder(self._parent, "Where to put the pictures", folder, partial(self.place_pictures, way))

    def write_table(self, path: Path) -> None:
        """Write a row for every picture as CSV or Parquet, by the ending of the name."""
        chart, scores, checked = self._charting.chart, self._charting.scores, self._charting.checked
        if chart is None or scores is None:
            return

        def work(report: Report) -> str:
            from explorer.atlas.exporting import export_table  # imports torch

            export_table(chart, scores, path, report, checked)
            return f"{path.name} is written."

        self._start(f"Export {path.name}", path, work)

    def write_report(self, path: Path) -> None:
        """Write the flagged pictures with their reconstructions, heat maps and reasons as one HTML file."""
        chart, scores, rows = self._charting.chart, self._charting.scores, self._charting.ranking()
        rate = self._charting.choices.rate
        if chart is None or scores is None:
            return

        def work(report: Report) -> str:
            from explorer.atlas.exporting import export_report  # imports torch

            shown = export_report(chart, scores, rows, rate, path, report)
            return f"{path.name} shows {shown:,} pictures."

        self._start(f"Export {path.name}", path, work)

    def place_pictures(self, way: str, folder: Path) -> None:
        """Copy, link or move the flagged pictures into a folder."""
        chart, scores, rows = self._charting.chart, self._charting.scores, self._charting.ranking()
        if chart is None or scores is None:
            return

        def work(report: Report) -> str:
            from explorer.atlas.exporting import place_pictures

            count = place_pictures(chart, rows, folder, way, report)
            return f"{count:,} pictures are in {folder.name}."

        self._start(f"Write to {folder.name}", folder, work)

    def _start(self, title: str, path: Path, work: Callable[[Report], str]) -> None:
        actions = self._desk.actions

        def tell(words: str) -> None:
            actions.told.emit(Message(words, str(path.parent), is_error=False))

        actions.workers.jobs.start(title, work, tell)

    def _suggest(self, name: str) -> Path:
        chart = self._charting.chart
        stem = Path(chart.name).stem if chart is not None else "atlas"
        return Path(self._desk.actions.preferences.last_folder or Path.home()) / f"{stem}-{name}"
