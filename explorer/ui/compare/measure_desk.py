"""From the wish to measure to the table in a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Slot

from explorer.actions import Message
from explorer.comparing import Comparing
from explorer.files import write_text
from explorer.measuring import Measuring
from explorer.ui.compare.measure_box import MeasureBox
from explorer.ui.compare.measure_dialog import MeasureDialog
from explorer.ui.dialogs import ask_save
from explorer.ui.panel import Desk

__all__ = ["MeasureDesk"]


class MeasureDesk(QObject):
    """Asks what to measure against, starts it, and writes what was found. Main thread only."""

    def __init__(self, desk: Desk, comparing: Comparing, measuring: Measuring, box: MeasureBox) -> None:
        super().__init__(box)
        self._desk, self._comparing, self._measuring, self._box = desk, comparing, measuring, box
        self._datasets: tuple[Path, ...] = ()  # that were measured against, the newest first
        self._samples = 0
        self.dialog: MeasureDialog | None = None
        box.measure_asked.connect(self.ask)
        box.save_asked.connect(self.ask_save)
        box.told.connect(self._tell)

    @Slot()
    def ask(self) -> None:
        """Ask what to measure against, then measure."""
        models = self._comparing.models()
        if not models or self._measuring.is_running() or self.dialog is not None:
            return
        names, folder = tuple(each.facts.name for each in models), self._desk.actions.preferences.last_folder
        self.dialog = MeasureDialog(names, self._datasets, self._samples, folder, self.measure, self._box)
        self.dialog.destroyed.connect(self._forget_dialog)
        self.dialog.open()

    def measure(self, dataset: Path, samples: int) -> None:
        """Measure all models against a dataset, in the background."""
        self._datasets, self._samples = tuple(dict.fromkeys((dataset, *self._datasets))), samples
        self._measuring.start(self._comparing.models(), dataset, samples, self._desk.actions.preferences.device)

    @Slot(str)
    def ask_save(self, suffix: str) -> None:
        """Ask for a file that the table is written to."""
        kind = "CSV (*.csv)" if suffix == "csv" else "Markdown (*.md)"
        suggestion = Path(self._desk.actions.preferences.last_folder or Path.home()) / f"comparison.{suffix}"
        ask_save(self._box, "Export the table", suggestion, kind, self.save)

    def save(self, path: Path) -> None:
        """Write the table as CSV, or as Markdown, by the ending of the name."""
        result, actions = self._measuring.result, self._desk.actions
        if result is not None:
            text = result.markdown if path.suffix.lower() == ".md" else result.csv
            told = Message(f"{path.name} is written.", str(path.parent), is_error=False)
            actions.workers.background.start(
                f"Write {path.name}", lambda report: write_text(path, text), lambda nothing: actions.told.emit(told)
            )

    @Slot()
    def _forget_dialog(self) -> None:
        self.dialog = None

    @Slot(str)
    def _tell(self, words: str) -> None:
        self._desk.actions.told.emit(Message(words, is_error=False))
