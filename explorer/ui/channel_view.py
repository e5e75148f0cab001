"""One channel of a layer, large, with its numbers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from explorer.ui.grey import grey
from explorer.ui.icon_button import IconButton
from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

if TYPE_CHECKING:
    from explorer.activations import Activations

__all__ = ["ChannelView", "shown_number"]

SIDE: Final = 176
GAP: Final = 12
NUMBERS: Final = (
    ("Lowest", "The lowest value of the channel: black on its own scale."),
    ("Mean", "The mean of all values of the channel."),
    ("Highest", "The highest value of the channel: white on its own scale."),
    ("Strength", "The root mean square of all values of the channel."),
)


class ChannelView(QWidget):
    """Hidden while no channel is chosen."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._scale: tuple[float, float] | None = None
        self._title = QLabel(self)
        self._title.setProperty("title", True)
        self._close = IconButton("close", "Let the channel go.", self)
        self._numbers = {name: QLabel(self) for name, _ in NUMBERS}
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        for row, (name, tooltip) in enumerate(NUMBERS):
            label = QLabel(name, self)
            label.setProperty("dim", True)
            self._numbers[name].setAlignment(Qt.AlignmentFlag.AlignRight)
            for place, each in enumerate((label, self._numbers[name])):
                each.setToolTip(tooltip)
                grid.addWidget(each, row, place)
        grid.setColumnStretch(1, 1)
        top = QGridLayout()
        top.addWidget(self._title, 0, 0)
        top.addWidget(self._close, 0, 1)
        top.setColumnStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SIDE + GAP, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addLayout(grid)
        column.addStretch(1)
        self.setAccessibleName("The chosen channel")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._close.clicked.connect(self.closed)
        self.hide()

    def show_channel(self, activations: Activations, number: int, is_alike: bool) -> None:
        """Show a channel in as much detail as there is, on the scale of the layer or on its own; -1 shows none."""
        place = int(np.searchsorted(activations.numbers, number))
        has_it = 0 <= place < len(activations.numbers) and int(activations.numbers[place]) == number
        self.setVisible(has_it)
        if not has_it:
            return
        self._values = activations.large if activations.chosen == number else activations.values[place]
        self._scale = activations.span if is_alike else None
        self._title.setText(f"Channel {number}")
        parts = (activations.lows, activations.means, activations.highs, activations.strengths)
        told = [shown_number(float(part[place])) for part in parts]
        for (name, _), words in zip(NUMBERS, told, strict=True):
            self._numbers[name].setText(words)
        self.setAccessibleDescription(
            f"Channel {number}: from {told[0]} to {told[2]}, mean {told[1]}, strength {told[3]}"
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(SIDE + GAP + 110, SIDE)

    def minimumSizeHint(self) -> QSize:
        return QSize(SIDE + GAP + 80, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, rect = QPainter(self), QRectF(0, 0, SIDE, SIDE)
        if self._values.size:
            height, width = self._values.shape
            scale = SIDE / max(height, width)
            rect = QRectF(0, 0, width * scale, height * scale)
            draw_image(painter, rect, qimage(grey(self._values, self._scale)[:, :, None]), False)
        painter.setPen(QPen(QColor(colours().line), 1))
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))


def shown_number(value: float) -> str:
    """A value of a feature with three digits, and a true minus."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
