"""Training a model on the dataset of a map: how long, the curve of its loss, what it draws by now, stop and resume."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from explorer.training_run import TrainingProgress, TrainingRun, history
from explorer.ui.atlas.shots import Shot, ShotRow
from explorer.ui.panel import Desk
from explorer.ui.theme import colours
from explorer.workers import JobState, Report

__all__ = ["LossCurve", "TrainWindow"]

FAMILIES: Final = (
    ("vae", "VAE (encodes, maps, explains)"),
    ("realnvp", "RealNVP (exact likelihood)"),
    ("vqvae", "VQ-VAE (code maps)"),
)
PASSES: Final = 20  # over the dataset
MOST_PASSES: Final = 1_000
EXPLAINED: Final = (
    "It trains in a program of its own and may take minutes to hours; the window stays usable. Stopping keeps what is "
    "needed to go on. The finished model is opened as the lens of the map."
)


class LossCurve(QWidget):
    """The loss over the pictures seen, on a scale of its own; what is known so far fills the width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[float, float]] = []
        self._total = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Loss")
        self.setToolTip("The mean loss of the steps since the last report, over the pictures seen.")

    def set_steps(self, steps: tuple[TrainingProgress, ...]) -> None:
        """Show a training from its beginning."""
        self._points = []
        for step in steps:
            self.add(step)
        self.update()

    def add(self, step: TrainingProgress) -> None:
        """Show one more report."""
        loss = step.losses.get("loss")
        if loss is not None and np.isfinite(loss):
            self._points.append((float(step.images), float(loss)))
            self._total = max(float(step.total), 1.0)
            self.update()

    def points(self) -> tuple[tuple[float, float], ...]:
        return tuple(self._points)

    def sizeHint(self) -> QSize:
        return QSize(400, 120)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QColor(palette.line))
        painter.drawRoundedRect(area, 8, 8)
        if len(self._points) < 2:
            painter.setPen(QColor(palette.dim))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "the curve of the loss")
            return
        losses = np.array([loss for _, loss in self._points])
        low, high = losses.min(), np.percentile(losses, 98)  # the first steps are far above all others
        span = max(float(high - low), 1e-9)
        inner = area.adjusted(8, 20, -8, -8)
        line = QPolygonF(
            [
                QPointF(
                    inner.left() + inner.width() * images / self._total,
                    inner.bottom() - inner.height() * min((loss - float(low)) / span, 1.0),
                )
                for images, loss in self._points
            ]
        )
        painter.setPen(QPen(QColor(palette.green), 1.5))
        painter.drawPolyline(line)
        painter.setPen(QColor(palette.dim))
        words = f"loss {losses[-1]:.4g}, least {low:.4g}"
        painter.drawText(area.adjusted(8, 3, -8, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, words)


class TrainWindow(QDialog):
    """Starts a training, shows how it goes, and opens its model at the end. One training at a time."""

    def __init__(self, desk: Desk, dataset: Path, pictures: int, folder: Path, parent: QWidget) -> None:
        """``pictures`` is how many there are in ``dataset``; the model is written to ``folder``."""
        super().__init__(parent)
        self.setWindowTitle("Train a model on these pictures")
        self.resize(520, 560)
        self.dataset = dataset
        self._desk, self._pictures, self._folder = desk, pictures, folder
        self._key: int | None = None
        self._run: TrainingRun | None = None
        self.family = QComboBox(self)
        for key, words in FAMILIES:
            self.family.addItem(words, key)
        self.family.setToolTip("A VAE maps and explains best, and learns fastest.")
        self.name = QLineEdit(_plain(dataset.name), self)
        self.name.setToolTip("The file that the model is written to, without its ending.")
        self.passes = QSpinBox(self)
        self.passes.setRange(1, MOST_PASSES)
        self.passes.setValue(PASSES)
        self.passes.setToolTip("How often each picture is seen. More is better, and takes longer.")
        self.words = QLabel(EXPLAINED, self)
        self.words.setWordWrap(True)
        self.words.setProperty("dim", True)
        self.curve = LossCurve(self)
        self.samples = ShotRow(self)
        self.start = QPushButton("Train", self)
        self.start.setProperty("primary", True)
        self.start.setDefault(True)
        self.stop, close = QPushButton("Stop", self), QPushButton("Close", self)
        self.stop.setEnabled(False)
        self.stop.setToolTip("Finish the step, and keep what is needed to go on.")
        close.setToolTip("Close this window; a training goes on, and the status line has it.")
        form = QFormLayout()
        form.addRow("Model", self.family)
        form.addRow("Called", self.name)
        form.addRow("Passes", self.passes)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (close, self.stop, self.start):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.words)
        column.addWidget(self.curve)
        column.addWidget(self.samples, 1)
        column.addLayout(buttons)
        self.start.clicked.connect(self.train)
        self.stop.clicked.connect(self.cancel)
        close.clicked.connect(self.close)
        self.name.textChanged.connect(self.show_choice)
        self.family.currentIndexChanged.connect(self.show_choice)
        desk.actions.workers.jobs.changed.connect(self.follow_jobs)
        self.show_choice()

    def run_of(self) -> TrainingRun:
        """The training that is described by the fields."""
        out = self._folder / f"{_plain(self.name.text()) or 'model'}.safetensors"
        options = {"images": self.passes.value() * self._pictures}
        return TrainingRun(self.dataset, out, str(self.family.currentData()), options)

    @Slot()
    def show_choice(self) -> None:
        """Say what a click would do: train, go on with what was stopped, or nothing where the name is taken."""
        if self._key is not None:
            return
        run = self.run_of()
        self.start.setText("Go on" if run.can_resume else "Train")
        is_taken = run.out.exists() and not run.can_resume
        self.start.setEnabled(not is_taken)
        self.words.setText(f"{run.out.name} is there already: choose another name." if is_taken else EXPLAINED)
        self.curve.set_steps(history(run.out))

    @Slot()
    def train(self) -> None:
        """Start the training, or go on with it."""
        run, post = self.run_of(), self._desk.actions.workers.jobs.main.post
        resume = run.can_resume
        self._run = run

        def tell(step: TrainingProgress) -> None:
            post(partial(self.show_step, step))

        def work(report: Report) -> Path:
            return run.run(report, tell, resume)

        self._key = self._desk.actions.workers.jobs.start(f"Train {run.out.stem}", work, self._take, self._fail)
        self._show_running(True)

    @Slot()
    def cancel(self) -> None:
        if self._key is not None:
            self._desk.actions.workers.jobs.cancel(self._key)
            self.words.setText("Finishing the step, then keeping what is needed to go on …")

    def show_step(self, step: TrainingProgress) -> None:
        """Show a report of the training; with new measures there are new samples."""
        self.curve.add(step)
        left = step.seconds_left
        time = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        measures = ", ".join(f"{name} {value:.3g}" for name, value in step.measures.items())
        words = f"{step.images:,} of {step.total:,} pictures, {step.images_per_second:,.0f} a second, {time} left"
        self.words.setText(f"{words}\n{measures}" if measures else words)
        if step.measures and self._run is not None:
            path = self._run.samples
            self._desk.actions.workers.background.start(
                "Read samples", lambda report: _read(path), self._show_samples, lambda error: None
            )

    @Slot(object)
    def follow_jobs(self, states: tuple[JobState, ...]) -> None:
        """A training that was stopped ends without a word of its own."""
        if self._key is not None and all(state.key != self._key for state in states):
            self._key = None
            self._show_running(False)
            self.show_choice()

    # --- private ---

    def _take(self, path: Path) -> None:
        self.words.setText(f"{path.name} is written.")
        self._desk.actions.maps.open_through(self.dataset, path)

    def _fail(self, error: BaseException) -> None:
        self._desk.actions.fail(error)

    def _show_samples(self, pixels: np.ndarray) -> None:
        self.samples.setShots(
            [Shot(pixels, "samples", "What the model draws by now, and pictures beside their copies.")]
        )

    def _show_running(self, is_running: bool) -> None:
        for widget in (self.family, self.name, self.passes, self.start):
            widget.setEnabled(not is_running)
        self.stop.setEnabled(is_running)


def _plain(name: str) -> str:
    """A name that can be that of a file everywhere."""
    stem = name.split(".")[0]
    return "".join(letter if letter.isalnum() or letter in "-_ " else "-" for letter in stem).strip()[:80]


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
