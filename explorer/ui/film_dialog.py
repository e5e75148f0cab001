"""How a film is written: format, size, quality, and the command that writes the same film again."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from explorer.animation import Film, Output, duration, frame_count
from explorer.animation.scaling import film_size
from explorer.ui.dialogs import ask_save

__all__ = ["FilmDialog"]

FORMATS: Final = (
    (".mp4", "MP4", "Plays everywhere; a little is lost."),
    (".webm", "WebM (VP9)", "For web pages; a little is lost."),
    (".gif", "GIF", "Plays everywhere, with 256 colours a frame."),
    (".webp", "Animated WebP", "For web pages; nothing is lost at quality 100."),
    (".png", "Animated PNG", "Nothing is lost; large."),
    ("", "Numbered pictures", "A folder of PNG files; nothing is lost."),
)
SIZES: Final = (0, 256, 512, 1024, 2048)
USES_QUALITY: Final = (".mp4", ".webm", ".webp")


class FilmDialog(QDialog):
    """Asks how to write a film, then where; ``then`` gets the path and the way it is written."""

    def __init__(
        self, film: Film, image_shape: tuple[int, int, int], output: Output, suggestion: Path,
        then: Callable[[Path, Output], None], parent: QWidget,
    ) -> None:  # fmt: skip
        """``image_shape`` (c, h, w) is that of the model's pictures; ``suggestion`` a path without a suffix."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export the film")
        self._film, self._shape, self._usual = film, image_shape, output
        self._suggestion, self._then = suggestion, then
        self.format = _combo("Format", "The kind of file.", self)
        for suffix, title, sentence in FORMATS:
            self.format.addItem(title, suffix)
            self.format.setItemData(self.format.count() - 1, sentence, Qt.ItemDataRole.ToolTipRole)
        self.side = _combo("Shorter side", "Pixels of the shorter side.", self)
        for size in dict.fromkeys((*SIZES, output.size)):
            self.side.addItem(f"{size} pixels" if size else "as the model draws", size)
        self.side.setCurrentIndex(self.side.findData(output.size))
        self.scaling = _combo("Enlarging", "How pictures get larger.", self)
        self.scaling.addItem("whole pixels", "pixels")
        self.scaling.addItem("smooth (Lanczos)", "smooth")
        self.scaling.setCurrentIndex(self.scaling.findData(output.scaling))
        self.quality = QSpinBox(self)
        self.quality.setRange(0, 100)
        self.quality.setValue(output.quality)
        self.quality.setAccessibleName("Quality")
        self.quality.setToolTip("0 to 100: how little is lost. 90 is hardly visible.")
        self.codec = _combo("Compression", "H.265 files are smaller; older players cannot read them.", self)
        self.codec.addItem("H.264", "h264")
        self.codec.addItem("H.265", "h265")
        self.codec.setCurrentIndex(self.codec.findData(output.codec))
        self.region = QCheckBox("Only the part that is played alone", self)
        self.region.setChecked(output.region and film.region is not None)
        self.region.setEnabled(film.region is not None)
        self.region.setToolTip("The part marked in the ruler of the timeline (I and O).")
        self.summary = QLabel(self)
        self.summary.setProperty("dim", True)
        self.command = QLineEdit(self)
        self.command.setReadOnly(True)
        self.command.setAccessibleName("The command that writes this film again")
        self.command.setToolTip(
            "The film carries its recipe: this command writes the same frames again, without a window."
        )
        self.copy, self.export, cancel = (QPushButton(words, self) for words in ("Copy", "Export…", "Cancel"))
        self.copy.setToolTip("Put the command on the clipboard.")
        self.export.setProperty("primary", True)
        self.export.setDefault(True)
        self._lay_out(cancel)
        for combo in (self.format, self.side, self.scaling, self.codec):
            combo.currentIndexChanged.connect(self.follow)
        self.quality.valueChanged.connect(self.follow)
        self.region.toggled.connect(self.follow)
        self.copy.clicked.connect(self.copy_command)
        self.export.clicked.connect(self.ask_path)
        cancel.clicked.connect(self.close)
        self.follow()

    def output(self) -> Output:
        """The film as it is to be written."""
        return replace(
            self._usual,
            size=int(self.side.currentData()),
            scaling=str(self.scaling.currentData()),
            quality=self.quality.value(),
            codec=str(self.codec.currentData()),
            region=self.region.isChecked(),
        )

    @Slot()
    def follow(self) -> None:
        """Say what comes of the choices, and offer only those that mean something."""
        suffix, output = str(self.format.currentData()), self.output()
        self.quality.setEnabled(suffix in USES_QUALITY)
        self.codec.setEnabled(suffix == ".mp4")
        self.scaling.setEnabled(output.size > 0)
        part = self._film.region if output.region else None
        seconds = duration(self._film) if part is None else part[1] - part[0]
        height, width = film_size(self._shape[1], self._shape[2], output)
        frames, rate = frame_count(self._film, part), self._film.frames_per_second
        self.summary.setText(f"{width} × {height} pixels · {seconds:.1f} s · {rate} fps · {frames:,} frames")
        path = self._suggestion.with_name(self._suggestion.name + suffix)
        again = path.with_name(f"{self._suggestion.name} again{suffix}")
        self.command.setText(f"latent-explorer animate {shlex.quote(str(path))} -o {shlex.quote(str(again))}")
        self.command.setCursorPosition(0)

    @Slot()
    def copy_command(self) -> None:
        QApplication.clipboard().setText(self.command.text())

    @Slot()
    def ask_path(self) -> None:
        """Ask where to, and begin."""
        suffix, title = str(self.format.currentData()), self.format.currentText()
        path = self._suggestion.with_name(self._suggestion.name + suffix)
        filters = f"{title} (*{suffix})" if suffix else "Folders (*)"
        ask_save(self, "Export the film", path, filters, self.finish)

    def finish(self, path: Path) -> None:
        """Write the film there."""
        output, then = self.output(), self._then
        self.close()
        then(path, output)

    def _lay_out(self, cancel: QPushButton) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        rows: dict[str, QWidget] = {
            "Format": self.format,
            "Shorter side": self.side,
            "Enlarging": self.scaling,
            "Quality": self.quality,
            "Compression": self.codec,
        }
        for row, (words, widget) in enumerate(rows.items()):
            label = QLabel(words, self)
            label.setProperty("dim", True)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(self.region, len(rows), 1)
        grid.addWidget(self.summary, len(rows) + 1, 1)
        grid.setColumnStretch(1, 1)
        told = QLabel("Again from the command line", self)
        told.setProperty("dim", True)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.command, 1)
        line.addWidget(self.copy)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addWidget(told)
        column.addLayout(line)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(520)


def _combo(name: str, tooltip: str, parent: QWidget) -> QComboBox:
    combo = QComboBox(parent)
    combo.setAccessibleName(name)
    combo.setToolTip(tooltip)
    return combo
