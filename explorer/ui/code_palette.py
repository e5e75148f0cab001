"""The codes of a codebook as small pictures to choose from, in rows that scroll."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QToolTip, QWidget

from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["CodePalette"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

SIDE: Final = 22
GAP: Final = 5
PITCH: Final = SIDE + GAP
EDGE: Final = 3  # room around the pictures for the border of the current one
ROWS: Final = 4  # in sight at once
FADED: Final = 0.3
STEP_KEYS: Final = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}


class CodePalette(QAbstractScrollArea):
    """Codes in an order, each as its picture; the current one carries a border, those not used are faint.

    A click chooses one; so do arrows, Home and End, and [ and ] step to the one before and after. Only what is in sight
    is painted.
    """

    chosen = Signal(int)  # a code, by a person

    def __init__(self, name: str, describe: Callable[[int], str], parent: QWidget | None = None) -> None:
        """``describe`` says what a code is."""
        super().__init__(parent)
        self._describe = describe
        self._order: tuple[int, ...] = ()
        self._places: dict[int, int] = {}
        self._swatches: Pixels | None = None
        self._images: dict[int, QImage] = {}
        self._faded: frozenset[int] = frozenset()
        self._current = 0
        self.setProperty("flat", True)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.viewport().setAutoFillBackground(False)
        self.viewport().installEventFilter(self)
        self._set_scroll_range()

    # --- public ---

    def setCodes(self, order: Sequence[int], swatches: Pixels | None = None, faded: Collection[int] = ()) -> None:
        """Offer codes in this order, each as its picture of ``swatches`` (codes, side, side, c), some of them faint."""
        self._order, self._swatches, self._faded = tuple(order), swatches, frozenset(faded)
        self._places = {code: place for place, code in enumerate(self._order)}
        self._images = {}
        self._set_scroll_range()
        self.viewport().update()

    def codes(self) -> tuple[int, ...]:
        """The codes in the order they are offered."""
        return self._order

    def current(self) -> int:
        """The code with the border."""
        return self._current

    def setCurrent(self, code: int) -> None:
        """Put the border around a code and scroll it into sight; no signal."""
        self._current = code
        self.setAccessibleDescription(self._describe(code))
        self._reveal()
        self.viewport().update()

    def step(self, by: int) -> None:
        """Choose the code so many places after the current one, or the last there is on that side."""
        if self._order:
            place = self._places.get(self._current, 0)
            self._choose(min(max(place + by, 0), len(self._order) - 1))

    def itemRect(self, code: int) -> QRect:
        """Where the picture of a code lies in the viewport, in or out of sight."""
        row, column = divmod(self._places[code], self._columns())
        return QRect(
            EDGE + round(column * self._pitch()), EDGE + row * PITCH - self.verticalScrollBar().value(), SIDE, SIDE
        )

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(302, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(6 * PITCH, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_scroll_range()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self.viewport()), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        columns, offset = self._columns(), self.verticalScrollBar().value()
        first = max(offset // PITCH, 0) * columns
        last = ((offset + self.viewport().height()) // PITCH + 1) * columns
        for code in self._order[first:last]:
            rect = self.itemRect(code)
            painter.setOpacity(FADED if code in self._faded else 1.0)
            if self._swatches is None:
                painter.fillRect(rect, QColor(palette.raised))
            else:
                draw_image(painter, QRectF(rect), self._image(code), smooth=False)
            painter.setOpacity(1.0)
            if code == self._current:
                painter.setPen(QPen(QColor(palette.accent), 2, self._pen_style()))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(rect).adjusted(-2, -2, 2, 2), 3, 3)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self._choose(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the press was for us

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns, place, key = self._columns(), self._places.get(self._current, 0), event.key()
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns if place >= columns else 0,
            Qt.Key.Key_Down: columns if place + columns < len(self._order) else 0,
            Qt.Key.Key_Home: -len(self._order),
            Qt.Key.Key_End: len(self._order),
            **STEP_KEYS,
        }
        if key in steps:
            self.step(steps[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        is_ours = isinstance(event, QKeyEvent) and event.key() in STEP_KEYS
        if event.type() == QEvent.Type.ShortcutOverride and is_ours:
            event.accept()
            return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.viewport() and isinstance(event, QHelpEvent):
            place = self._place_at(event.pos())
            words = self._describe(self._order[place]) if place >= 0 else ""
            QToolTip.showText(event.globalPos(), words, self.viewport())
            return True
        return super().eventFilter(watched, event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    # --- private ---

    def _columns(self) -> int:
        return max((self.viewport().width() - 2 * EDGE + GAP) // PITCH, 1)

    def _pitch(self) -> float:
        """From column to column: they share all of the width, where there is more than one row."""
        columns = self._columns()
        room = self.viewport().width() - 2 * EDGE - SIDE
        return room / (columns - 1) if 1 < columns < len(self._order) else float(PITCH)

    def _pen_style(self) -> Qt.PenStyle:
        return Qt.PenStyle.DotLine if self.hasFocus() else Qt.PenStyle.SolidLine

    def _place_at(self, point: QPoint) -> int:
        column, right = divmod(point.x() - EDGE, self._pitch())
        row, down = divmod(point.y() - EDGE + self.verticalScrollBar().value(), PITCH)
        place = row * self._columns() + int(column)
        is_inside = 0 <= column < self._columns() and row >= 0 and right < SIDE and down < SIDE
        return place if is_inside and place < len(self._order) else -1

    def _choose(self, place: int) -> None:
        self.setCurrent(self._order[place])
        self.chosen.emit(self._current)

    def _image(self, code: int) -> QImage:
        if code not in self._images:
            assert self._swatches is not None, "swatches should be known"
            self._images[code] = qimage(self._swatches[code])
        return self._images[code]

    def _reveal(self) -> None:
        if self._current in self._places:
            top, bar = self._places[self._current] // self._columns() * PITCH, self.verticalScrollBar()
            height = PITCH - GAP + 2 * EDGE
            bar.setValue(max(min(bar.value(), top), top + height - self.viewport().height()))

    def _set_scroll_range(self) -> None:
        rows = -(-len(self._order) // self._columns())
        self.setFixedHeight(min(max(rows, 1), ROWS) * PITCH - GAP + 2 * EDGE)
        bar = self.verticalScrollBar()
        bar.setSingleStep(PITCH)
        bar.setPageStep(self.viewport().height())
        bar.setRange(0, max(0, rows * PITCH - GAP + 2 * EDGE - self.viewport().height()))
