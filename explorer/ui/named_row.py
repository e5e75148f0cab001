"""A name beside any control, in the columns of a slider row."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from explorer.ui.slider_parts import GAP, LABEL_WIDTH

__all__ = ["NamedRow"]


class NamedRow(QWidget):
    """The name of a control and the control, in one row; more widgets follow on the right.

    A double click on the name asks for a reset.
    """

    resetAsked = Signal()

    def __init__(
        self, name: str, tooltip: str, control: QWidget, *others: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        label = _Name(name, self)
        label.setFixedWidth(LABEL_WIDTH)
        label.setBuddy(control)
        for each in (label, control):
            each.setToolTip(tooltip)
        control.setAccessibleName(name)
        control.setAccessibleDescription(tooltip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        row.addWidget(label)
        row.addWidget(control, 1)
        for other in others:
            row.addWidget(other)


class _Name(QLabel):
    """Tells its row of double clicks."""

    def __init__(self, name: str, row: NamedRow) -> None:
        super().__init__(name, row)
        self._row = row

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._row.resetAsked.emit()
