"""One labelled slider: name, track and value in columns that line up across panels."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.slider_parts import ROW_HEIGHT, RowLook, Scale, ValueEdit, columns, explained, paint_row, value_at

__all__ = ["SliderRow"]


class SliderRow(QWidget):
    """A slider with its name on the left and its value on the right.

    Drag the track, or use arrows, Page Up and Down, Home and End. A double click on the name (or Delete) resets, a
    double click on the value (or Return) edits. The wheel is left to the panel, so that scrolling changes nothing.
    """

    valueChanged = Signal(float)  # while a person moves it; never from setValue
    settled = Signal()  # after a drag, key, edit or reset that changed the value: one undo step

    def __init__(
        self,
        label: str,
        minimum: float,
        maximum: float,
        default: float,
        unit: str = "",
        decimals: int = 2,
        tooltip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._label = label
        self._scale = Scale(minimum, maximum, default, decimals, unit)
        self._value = float(default)
        self._dragging = False
        self._is_unsettled = False
        self._edit = ValueEdit(self)
        self._edit.committed.connect(self._take_text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._tooltip, self._bound = explained(tooltip), ""
        self.setToolTip(self._tooltip)
        self.setAccessibleName(label)
        self.setAccessibleDescription(tooltip)

    # --- public ---

    def value(self) -> float:
        """The value, exactly as it was set; a person's changes are rounded to the decimals shown."""
        return self._value

    def setValue(self, value: float) -> None:
        """Show ``value`` without a signal; the handle stays at the end of the track where it is out of range."""
        if value != self._value:
            self._value = float(value)
            self.update()

    def label(self) -> str:
        """The name on the left."""
        return self._label

    def setLabel(self, label: str) -> None:
        """Show another name."""
        self._label = label
        self.setAccessibleName(label)
        self.update()

    def setRange(self, minimum: float, maximum: float, default: float) -> None:
        """Give the track other ends and another default; the value stays."""
        self._scale = replace(self._scale, minimum=minimum, maximum=maximum, default=default)
        self.update()

    def range(self) -> tuple[float, float]:
        """The ends of the track."""
        return self._scale.minimum, self._scale.maximum

    def setBound(self, words: str) -> None:
        """Mark the row as moved by something outside, named by ``words``; without words as moved by nothing."""
        if words != self._bound:
            self._bound = words
            self.setToolTip(f"{self._tooltip} Moved by {words}." if words else self._tooltip)
            self.update()

    def drive(self, value: float) -> None:
        """Move to ``value``, within the range, as a drag does; ``settle`` ends the movement."""
        self._change(self._scale.fitted(value))

    def settle(self) -> None:
        """End a movement, as letting go of the mouse does."""
        self._settle()

    def reset(self) -> None:
        """Return to the default, as a double click on the name does."""
        self._change(self._scale.default)
        self._settle()

    def startEdit(self) -> None:
        """Let a person type the value, as a double click on it does."""
        self._edit.begin(columns(self.rect()).value.adjusted(-8, 2, 0, -2), self._scale.text(self._value))

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(306, ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, ROW_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        look = RowLook(self.isEnabled(), self.hasFocus(), bound=bool(self._bound))
        paint_row(painter, columns(self.rect()), self._label, self._value, self._scale, look)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if event.button() == Qt.MouseButton.LeftButton and columns(self.rect()).track.contains(position.toPoint()):
            self._dragging = True
            self._change(value_at(self._scale, columns(self.rect()).track, position.x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._change(value_at(self._scale, columns(self.rect()).track, event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._dragging:
            self._dragging = False
            self._settle()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        parts, point = columns(self.rect()), event.position().toPoint()
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if parts.label.contains(point):
            self.reset()
        elif parts.value.contains(point):
            self.startEdit()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        value = self._scale.stepped(self._value, event.key())
        if value is not None:
            self._change(value)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self.startEdit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not event.isAutoRepeat():
            self._settle()
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._settle()
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self.update()

    # --- private ---

    def _change(self, value: float) -> None:
        if value != self._value:
            self._value = value
            self._is_unsettled = True
            self.update()
            self.valueChanged.emit(value)

    def _settle(self) -> None:
        if self._is_unsettled:
            self._is_unsettled = False
            self.settled.emit()

    @Slot(str)
    def _take_text(self, text: str) -> None:
        value = self._scale.parsed(text)
        if value is not None:
            self._change(value)
            self._settle()
