"""What models are measured against, and with how many pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from explorer.comparing import SAMPLE_DATASET
from explorer.files import resources_folder
from explorer.measuring import FEWEST_SAMPLES, MOST_SAMPLES, USUAL_SAMPLES
from explorer.ui.dialogs import ask_folder, ask_open

__all__ = ["MeasureDialog", "sample_dataset"]

DATASETS: Final = "Datasets (*.gz *.npy *.npz *.csv *.tsv *.txt *.parquet *-ubyte);;All files (*)"
EXPLAINED: Final = (
    "Half of the pictures are what samples are compared with; the other half is held out, for likelihoods, "
    "reconstructions, and as the row of real pictures. It runs in the background, and can be cancelled in the line "
    "at the bottom."
)


def sample_dataset() -> Path:
    """The dataset that comes with the program."""
    return resources_folder().joinpath(*SAMPLE_DATASET)


class MeasureDialog(QDialog):
    """Asks for a dataset and a number of samples; ``then`` gets them when Measure is pressed."""

    def __init__(
        self, names: tuple[str, ...], known: tuple[Path, ...], samples: int, folder: str,
        then: Callable[[Path, int], None], parent: QWidget,
    ) -> None:  # fmt: skip
        """``known`` are datasets that were chosen before, the newest first."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Measure")
        self._then, self._folder = then, folder
        self.dataset = QComboBox(self)
        self.dataset.setToolTip("The pictures that models are measured against.")
        self.dataset.setAccessibleName("Dataset")
        self.dataset.setMinimumWidth(300)
        for path in dict.fromkeys((*known, sample_dataset())):
            self._add(path)
        self.dataset.setCurrentIndex(0)
        self.file, self.folder = QPushButton("File…", self), QPushButton("Folder…", self)
        self.file.setToolTip("Choose an IDX, .npy or .npz file, or a list of pictures.")
        self.folder.setToolTip("Choose a folder of pictures.")
        self.samples = QSpinBox(self)
        self.samples.setRange(FEWEST_SAMPLES, MOST_SAMPLES)
        self.samples.setSingleStep(250)
        self.samples.setGroupSeparatorShown(True)
        self.samples.setValue(samples or USUAL_SAMPLES)
        self.samples.setToolTip("Pictures drawn of every model, at most half as many as the dataset has.")
        self.samples.setAccessibleName("Samples of every model")
        self.measure, cancel = QPushButton("Measure", self), QPushButton("Cancel", self)
        self.measure.setProperty("primary", True)
        self.measure.setDefault(True)
        self._lay_out(names, cancel)
        self.file.clicked.connect(self.ask_file)
        self.folder.clicked.connect(self.ask_folder)
        self.measure.clicked.connect(self.finish)
        cancel.clicked.connect(self.close)

    def choose(self, path: Path) -> None:
        """Measure against the dataset at a path."""
        if self.dataset.findData(str(path)) < 0:
            self._add(path)
        self.dataset.setCurrentIndex(self.dataset.findData(str(path)))

    @Slot()
    def ask_file(self) -> None:
        ask_open(self, "Choose a dataset", self._folder, DATASETS, self.choose)

    @Slot()
    def ask_folder(self) -> None:
        ask_folder(self, "Choose a folder of pictures", self._folder, self.choose)

    @Slot()
    def finish(self) -> None:
        """Start measuring."""
        path, samples, then = Path(str(self.dataset.currentData())), self.samples.value(), self._then
        self.close()
        then(path, samples)

    def _add(self, path: Path) -> None:
        is_sample = path == sample_dataset()
        self.dataset.addItem("Fashion-MNIST test (bundled)" if is_sample else path.name, str(path))
        self.dataset.setItemData(self.dataset.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)

    def _lay_out(self, names: tuple[str, ...], cancel: QPushButton) -> None:
        models = QLabel(", ".join(names), self)
        explained = QLabel(EXPLAINED, self)
        for label in (models, explained):
            label.setWordWrap(True)
        explained.setProperty("dim", True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for row, words in enumerate(("Models", "Dataset", "Samples")):
            label = QLabel(words, self)
            label.setProperty("dim", True)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop if row == 0 else Qt.AlignmentFlag.AlignVCenter)
        chosen = QHBoxLayout()
        chosen.setSpacing(6)
        chosen.addWidget(self.dataset, 1)
        chosen.addWidget(self.file)
        chosen.addWidget(self.folder)
        grid.addWidget(models, 0, 1)
        grid.addLayout(chosen, 1, 1)
        grid.addWidget(self.samples, 2, 1, Qt.AlignmentFlag.AlignLeft)
        grid.setColumnStretch(1, 1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.measure)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(grid)
        column.addWidget(explained)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(560)
