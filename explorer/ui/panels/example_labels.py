"""Asking for a direction out of labelled pictures: which dataset, which label, against what, and how many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from explorer.errors import ExplorerError
from explorer.files import resources_folder
from explorer.ui.dialogs import ask_open
from explorer.ui.images import thumbnail
from explorer.ui.named_row import NamedRow
from explorer.ui.panel import Desk
from explorer.ui.segments import Segments

if TYPE_CHECKING:
    from explorer.attributes import Attribute
    from explorer.datasets import Dataset
    from explorer.facts import ModelFacts
    from explorer.workers import Report

__all__ = ["LabelsDialog", "can_learn", "found_words", "sample_path"]

SAMPLE: Final = "Fashion-MNIST, test pictures"
SAMPLE_NAMES: Final = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
FILTERS: Final = "Labelled pictures (*.csv *.tsv *.parquet *.npz *.npy *-ubyte *.gz *.idx3-ubyte);;All files (*)"
ICON: Final = 24  # side of the pictures of labels
MOST: Final = 100  # pictures on a side
USUAL: Final = 40
FEWEST: Final = 5
MOST_LABELS: Final = 1000  # that a list offers
METHODS: Final = (
    ("probe", "Linear probe", "What tells the two apart best: a ridge regression on the points."),
    ("mean", "Mean difference", "The way from the mean of those without to the mean of those with it."),
)

Labels = tuple["Dataset", tuple[tuple[int, str, np.ndarray | None], ...]]  # number, name, first picture of each


def can_learn(facts: ModelFacts) -> bool:
    """Whether pictures can become points of a model, many of them in little time."""
    return "encodes" in facts.capabilities and facts.denoising is None


class LabelsDialog(QDialog):
    """Chooses the pictures; finding the direction is a job, and ``then`` gets what it found and the method chosen.

    Closing hides it: what was read of the dataset is there when it is opened again.
    """

    def __init__(
        self, desk: Desk, named: Callable[[str], str], then: Callable[[Attribute, str], None], parent: QWidget
    ) -> None:
        """``named`` turns the name of a direction into one that no other has."""
        super().__init__(parent)
        self._desk, self._named, self._then = desk, named, then
        self._dataset: Dataset | None = None
        self._path = sample_path()
        self.setWindowTitle("Direction from labelled pictures")
        self._source = QLabel(self)
        self._choose = QPushButton("Choose…", self)
        self._choose.setToolTip("IDX files with their labels beside them, .npz with labels, or a CSV, TSV or Parquet.")
        self._label, self._against = QComboBox(self), QComboBox(self)
        self._count = QSpinBox(self)
        self._count.setRange(FEWEST, MOST)
        self._count.setValue(USUAL)
        self._method = Segments("Method", METHODS, self)
        self._method.setValue("probe")
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._note.setProperty("dim", True)
        self._find = QPushButton("Find direction", self)
        self._find.setDefault(True)
        self._cancel = QPushButton("Cancel", self)
        self._lay_out()
        self._choose.clicked.connect(self.ask_dataset)
        self._label.currentIndexChanged.connect(self.show_choice)
        self._against.currentIndexChanged.connect(self.show_choice)
        self._find.clicked.connect(self.start)
        self._cancel.clicked.connect(self.reject)
        self.read(self._path)

    # --- the dataset ---

    @Slot()
    def ask_dataset(self) -> None:
        folder = self._desk.actions.preferences.last_folder
        ask_open(self, "Choose labelled pictures", folder, FILTERS, self.read)

    def read(self, path: Path) -> None:
        """Read a dataset and its labels on a worker."""
        self._path = path
        self._find.setEnabled(False)
        self._note.setText("Reading …")

        def work(report: Report) -> Labels:
            return _read_labels(path)

        self._desk.actions.workers.background.start(
            f"Read {path.name}", work, partial(self._show_labels, path), partial(self._fail, path)
        )

    def _show_labels(self, path: Path, read: Labels) -> None:
        if path != self._path:
            return
        self._dataset, labels = read
        is_sample = path == sample_path()
        self._source.setText(SAMPLE if is_sample else path.name)
        self._source.setToolTip(str(path))
        for box in (self._label, self._against):
            box.blockSignals(True)
            box.clear()
        self._against.addItem("all others", -1)
        for number, name, pixels in labels:
            words = SAMPLE_NAMES[number] if is_sample and number < len(SAMPLE_NAMES) else name
            image = None if pixels is None else thumbnail(pixels, ICON, self.devicePixelRatioF())
            icon = QIcon() if image is None else QIcon(QPixmap.fromImage(image))
            for box in (self._label, self._against):
                box.addItem(icon, words, number)
        for box in (self._label, self._against):
            box.blockSignals(False)
        self._label.setFocus()
        self.show_choice()

    def _fail(self, path: Path, error: BaseException) -> None:
        if path == self._path and isinstance(error, ExplorerError):
            self._note.setText(f"{error.message} {error.hint}".strip())
        elif path == self._path:
            self._desk.actions.fail(error)

    # --- the choice ---

    @Slot()
    def show_choice(self) -> None:
        """Say how many pictures there are, and whether a direction can be made of them."""
        if self._dataset is None or self._dataset.labels is None:
            return
        labels, label, against = self._dataset.labels, self._label.currentData(), self._against.currentData()
        has = int((labels == label).sum())
        lacks = int(((labels != label) if against == -1 else (labels == against)).sum())
        is_good = label is not None and label != against and min(has, lacks) >= 2
        self._find.setEnabled(is_good)
        words = f"{has:,} pictures with it, {lacks:,} without. "
        self._note.setText(words + ("" if is_good else "Choose two different labels with two pictures or more each."))

    @Slot()
    def start(self) -> None:
        """Start the job, and close."""
        model, dataset = self._desk.session.model, self._dataset
        if model is None or dataset is None:
            return
        from explorer.attributes import Wanted, find_attribute  # imports torch

        method = str(self._method.value())
        wanted = Wanted(int(self._label.currentData()), int(self._against.currentData()), self._count.value(), method)
        against = self._against.currentText() if wanted.against >= 0 else ""
        name = self._named(_name(self._label.currentText(), against, wanted.method))
        folder, desk, then = self._desk.actions.autosave_path.parent / "labelled", self._desk, self._then

        def work(report: Report) -> Attribute:
            return find_attribute(model.generator, dataset, wanted, name, folder, report)

        def take(found: Attribute) -> None:
            if desk.session.model is model:
                then(found, method)

        desk.actions.workers.jobs.start(f"Find {name}", work, take)
        self.accept()

    def _lay_out(self) -> None:
        rows: tuple[tuple[str, str, QWidget, tuple[QWidget, ...]], ...] = (
            ("Pictures", "The dataset that the pictures are taken from.", self._source, (self._choose,)),
            ("With", "The label that the pictures on one side have.", self._label, ()),
            ("Against", "What the pictures on the other side have instead.", self._against, ()),
            ("Of each", "How many pictures of each side are encoded; a scene names every one.", self._count, ()),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        for name, tooltip, control, others in rows:
            column.addWidget(NamedRow(name, tooltip, control, *others, parent=self))
        method = NamedRow("Method", "How the direction follows from the points.", self._method, parent=self)
        column.addWidget(method)
        column.addWidget(self._note)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._cancel)
        buttons.addWidget(self._find)
        column.addLayout(buttons)
        self.setMinimumWidth(440)
        self._note.setMinimumHeight(2 * self._note.fontMetrics().lineSpacing())


def sample_path() -> Path:
    """The labelled pictures that come with the program."""
    return resources_folder() / "fashion-mnist-test" / "t10k-images-idx3-ubyte.gz"


def found_words(found: Attribute) -> tuple[str, str]:
    """What was found, and how the other method does."""
    pictures = len(found.examples.having) + len(found.examples.lacking)
    left = f" {found.left_out} could not be read." if found.left_out else ""
    words = f"“{found.examples.name}” is found from {pictures} pictures.{left}"
    shares = f"a linear probe {100 * found.probe:.0f} %, the nearer mean {100 * found.mean:.0f} %"
    return words, f"Right, cross-validated: {shares}."


def _read_labels(path: Path) -> Labels:
    from explorer.datasets import open_dataset
    from explorer.errors import DatasetError, ImageError

    dataset = open_dataset(path)
    if dataset.labels is None:
        raise DatasetError(f"{path.name} has no labels.", "Choose IDX files with labels, or a list with a column.")
    numbers, first = np.unique(dataset.labels, return_index=True)
    found: list[tuple[int, str, np.ndarray | None]] = []
    for number, index in list(zip(numbers.tolist(), first.tolist(), strict=True))[:MOST_LABELS]:
        names = dataset.label_names
        name = names[number] if 0 <= number < len(names) else str(number)
        pixels: np.ndarray | None = None
        if len(found) < MOST:
            try:
                pixels = np.array(dataset.picture(index).convert("RGB"))
            except ImageError:
                pixels = None
        found.append((number, f"label {name}" if name.isdigit() else name, pixels))
    return dataset, tuple(found)


def _name(label: str, against: str, method: str) -> str:
    name = f"{label}–{against}" if against else label
    return f"{name}, mean" if method == "mean" else name
