"""What every slider row shares: its numbers, its columns, how it is painted and how a value is typed.

``SliderRow`` is one such row as a widget, ``SliderList`` paints hundreds of them; both line up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFont, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionFrame, QWidget

from explorer.ui.theme import blended, colours

__all__ = ["ROW_HEIGHT", "Columns", "RowLook", "Scale", "ValueEdit", "columns", "explained", "paint_row", "value_at"]

ROW_HEIGHT: Final = 24
LABEL_WIDTH: Final = 92
VALUE_WIDTH: Final = 56
GAP: Final = 8
INSET: Final = 2  # what a line edit leaves free on each side of its text
HANDLE: Final = 6.0  # radius
TRACK: Final = 4.0  # thickness
BOUND: Final = 2.5  # radius of the dot of a slider that is moved from outside
MINUS: Final = "\N{MINUS SIGN}"
HABIT: Final = "Double click on the name resets it, on the value edits it."


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers a slider can hold: a range, a default, the decimals shown and the unit behind them."""

    minimum: float
    maximum: float
    default: float = 0.0
    decimals: int = 2
    unit: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether the range has zero inside, so that values carry a sign."""
        return self.minimum < 0 < self.maximum

    @property
    def origin(self) -> float:
        """Where the fill of the track begins: the default of a signed range, otherwise the minimum."""
        return self.fitted(self.default) if self.is_signed else self.minimum

    @property
    def step(self) -> float:
        """What one arrow key changes: 1, 2 or 5 times a power of ten, about a hundredth of the range."""
        hundredth = max((self.maximum - self.minimum) / 100, 10.0**-self.decimals)
        power = 10.0 ** math.floor(math.log10(hundredth) + 1e-9)
        leading = next(digit for digit in (5, 2, 1) if digit * power <= hundredth * (1 + 1e-9))
        return leading * power

    def fitted(self, value: float) -> float:
        """The value inside the range, rounded to the decimals shown."""
        rounded = round(value, self.decimals) + 0.0
        return min(max(rounded, self.minimum), self.maximum)

    def fraction(self, value: float) -> float:
        """Where the value lies on the track, 0 to 1; beyond the range it stays at the end."""
        width = self.maximum - self.minimum
        if width <= 0 or not math.isfinite(value):
            return 0.0
        return min(max((value - self.minimum) / width, 0.0), 1.0)

    def stepped(self, value: float, key: int) -> float | None:
        """The value after an arrow, page, Home or End key, or None for any other key."""
        steps = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }
        ends = {Qt.Key.Key_Home: self.minimum, Qt.Key.Key_End: self.maximum}
        if key in ends:
            return ends[Qt.Key(key)]
        return self.fitted(value + steps[Qt.Key(key)] * self.step) if key in steps else None

    def text(self, value: float) -> str:
        """The value as it is shown: a true minus, a plus where signs matter, the unit behind a space."""
        digits = f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"
        if self.is_signed and round(value, self.decimals) > 0:
            digits = f"+{digits}"
        return f"{digits.replace('-', MINUS)} {self.unit}".rstrip()

    def parsed(self, text: str) -> float | None:
        """The value that a person typed, with or without unit, in the range; None where it is no number."""
        plain = text.strip().removesuffix(self.unit).strip().replace(MINUS, "-").replace(",", ".")
        try:
            value = float(plain)
        except ValueError:
            return None
        return min(max(value, self.minimum), self.maximum) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Columns:
    """The three columns of a row: name, track, value."""

    label: QRect
    track: QRect
    value: QRect


@dataclass(frozen=True, slots=True)
class RowLook:
    """How a row appears: whether it can be used, holds the keyboard focus, is selected, carries a faint mark, or is
    moved from outside."""

    enabled: bool = True
    focused: bool = False
    selected: bool = False
    mark: float | None = None
    bound: bool = False


def columns(rect: QRect, taken: int = 0) -> Columns:
    """The columns of a row that fills ``rect``, the same for every panel of one width.

    ``taken`` pixels beside the row (a scroll bar) are taken from the value, so that names and tracks still line up.
    """
    label = QRect(rect.left(), rect.top(), LABEL_WIDTH, rect.height())
    width = VALUE_WIDTH - taken
    value = QRect(rect.right() + 1 - width, rect.top(), width, rect.height())
    left = label.right() + 1 + GAP
    return Columns(label, QRect(left, rect.top(), max(0, value.left() - GAP - left), rect.height()), value)


def explained(tooltip: str) -> str:
    """The tool tip of a row, followed by what double clicks do where it does not say so itself."""
    if HABIT in tooltip:
        return tooltip
    sentence = tooltip if not tooltip or tooltip.endswith((".", "!", "?")) else f"{tooltip}."
    return f"{sentence} {HABIT}".lstrip()


def value_at(scale: Scale, track: QRect, x: float) -> float:
    """The value under the horizontal position ``x`` of a track."""
    span = max(1.0, track.width() - 2 * HANDLE)
    fraction = (x - track.left() - HANDLE) / span
    return scale.fitted(scale.minimum + min(max(fraction, 0.0), 1.0) * (scale.maximum - scale.minimum))


def paint_row(painter: QPainter, parts: Columns, name: str, value: float, scale: Scale, look: RowLook) -> None:
    """Paint one row: name, track with fill and handle, value."""
    palette = colours()
    faint = blended(palette.dim, palette.panel, 0.6)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    plain = painter.font()
    if look.selected:
        strong = QFont(plain)
        strong.setWeight(QFont.Weight.DemiBold)
        painter.setFont(strong)
    painter.setPen(QColor(palette.text if look.enabled else faint))
    label = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, parts.label.width())
    painter.drawText(parts.label, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, label)
    painter.setFont(plain)
    held = look.focused or look.selected
    painter.setPen(QColor(faint if not look.enabled else palette.text if held else palette.dim))
    painter.drawText(parts.value, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, scale.text(value))
    _paint_track(painter, QRectF(parts.track), value, scale, look)
    if look.bound:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(palette.amber))
        painter.drawEllipse(QPointF(parts.label.right() + 1, parts.label.center().y() + 0.5), BOUND, BOUND)


class ValueEdit(QLineEdit):
    """A small line edit over a value: Return or leaving it commits the text, Escape does not."""

    committed = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._before: str | None = None
        self.setProperty("inline", True)
        self.setAccessibleName("Value")
        self.setToolTip("Return takes the value, Escape leaves it as it was.")
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.hide()

    def begin(self, rect: QRect, text: str) -> None:
        """Appear over ``rect`` with ``text`` selected, wider to the left where the text needs more room."""
        self._before = text
        self.setText(text)
        rect = QRect(rect)
        rect.setLeft(min(rect.left(), rect.right() + 1 - self._needed_width()))
        self.setGeometry(rect)
        self.selectAll()
        self.show()
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._end(commit=False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._end(commit=True)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._end(commit=True)

    def _end(self, commit: bool) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        parent = self.parentWidget()
        if parent is not None and self.window().focusWidget() is self:
            parent.setFocus()  # hiding would give the focus to the next widget, which then scrolls into sight
        self.hide()
        if commit and self.text() != before:
            self.committed.emit(self.text())

    def _needed_width(self) -> int:
        """Pixels for the text, the cursor, one more digit and whatever the style puts around them."""
        self.ensurePolished()
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        option.rect = QRect(0, 0, 400, self.height())
        inner = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        return self.fontMetrics().horizontalAdvance(f"{self.text()}0") + 400 - inner.width() + 2 * INSET


def _paint_track(painter: QPainter, track: QRectF, value: float, scale: Scale, look: RowLook) -> None:
    palette, middle = colours(), track.center().y()
    span, left = track.width() - 2 * HANDLE, track.left() + HANDLE
    handle = left + span * scale.fraction(value)
    origin = left + span * scale.fraction(scale.origin) if scale.is_signed else track.left()
    groove = QRectF(track.left(), middle - TRACK / 2, track.width(), TRACK)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.line))
    painter.drawRoundedRect(groove, TRACK / 2, TRACK / 2)
    painter.setBrush(QColor(palette.accent if look.enabled else palette.dim))
    fill = QRectF(min(origin, handle), groove.top(), abs(handle - origin), TRACK)
    painter.drawRoundedRect(fill, TRACK / 2, TRACK / 2)
    if look.mark is not None and math.isfinite(look.mark):
        at = round(left + span * scale.fraction(look.mark))
        painter.fillRect(QRectF(at, middle - 6, 1, 12), QColor(palette.dim))
    if look.focused:
        painter.setPen(QPen(QColor(palette.accent), 2))
        painter.setBrush(QColor(palette.panel))
        painter.drawEllipse(QPointF(handle, middle), HANDLE + 2, HANDLE + 2)
        painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.text if look.enabled else blended(palette.dim, palette.panel, 0.6)))
    painter.drawEllipse(QPointF(handle, middle), HANDLE, HANDLE)
