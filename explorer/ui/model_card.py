"""One card of the Models column, and the line that moves while a model is being opened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QHideEvent,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from explorer.cards import SAMPLES, ModelCard
from explorer.ui.icon_button import IconButton
from explorer.ui.images import thumbnail
from explorer.ui.theme import colours

__all__ = ["WIDTH", "BusyLine", "CardButton"]

WIDTH: Final = 232  # what the column is drawn for
PADDING: Final = 10  # inside a card
SIDE: Final = 46  # of a sample
GAP: Final = 7  # between samples, and less where the card is narrow
LINE: Final = 20  # of text, at least
RADIUS: Final = 8
REMOVE: Final = 20
PROBLEM: Final = "Cannot be opened"
FRAME_MILLISECONDS: Final = 33
SWEEPS_PER_SECOND: Final = 0.7


class CardButton(QAbstractButton):
    """One model: a row of samples, its name and family, and its details; a click or Return asks for it.

    A recent one has a small button that forgets it, under the mouse and while it holds the focus; Delete does the same.
    """

    chosen = Signal(object)  # Path
    forget_asked = Signal(object)  # Path

    def __init__(self, path: Path, is_recent: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.path, self.is_recent = path, is_recent
        self.is_current = False
        self.card: ModelCard | None = None
        self._images: tuple[QImage, ...] = ()
        self._ratio = 0.0  # the images are for a screen of this ratio; 0: none were made yet
        self.line = BusyLine(self)
        self.line.hide()
        self.remove = IconButton("close", "Remove from the recent models (Delete)", self)
        self.remove.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.remove.setFixedSize(REMOVE, REMOVE)
        self.remove.clicked.connect(self._ask_to_forget)
        self.remove.hide()
        self.clicked.connect(self._choose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._tell()

    # --- public ---

    def show_card(self, card: ModelCard | None) -> None:
        """Show what was read; None where the file is gone."""
        self.card = card
        self._ratio = 0.0
        self._tell()
        self.updateGeometry()
        self._place()
        self.update()

    def set_current(self, is_current: bool) -> None:
        """Mark the card as that of the open model."""
        if is_current != self.is_current:
            self.is_current = is_current
            self._tell()
            self.update()

    def set_busy(self, is_busy: bool) -> None:
        """Show or end the moving line of a model that is being opened."""
        self.line.setVisible(is_busy)

    def is_there(self) -> bool:
        """Whether the card is worth showing: a recent one only once its file was found."""
        return not self.is_recent or self.is_current or self.card is not None

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, self._text_top() + 2 * self._line_height() + 7)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * PADDING + SAMPLES * SIDE + (SAMPLES - 1) * 2, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_raised = self.is_current or self.underMouse() or self.isDown()
        painter.setBrush(QColor(palette.raised if is_raised else palette.panel))
        thick = 2 if self.is_current else 1
        painter.setPen(QPen(QColor(palette.accent if self.is_current or self.hasFocus() else palette.line), thick))
        half = thick / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(half, half, -half, -half), RADIUS, RADIUS)
        if self.is_current and self.hasFocus():  # the border is taken, so the focus shows inside it
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(palette.text), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3.5, 3.5, -3.5, -3.5), RADIUS - 3, RADIUS - 3)
        if not self._has_problem():
            self._paint_samples(painter)
        self._paint_words(painter)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End):
            event.ignore()  # the column walks
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.is_recent:
            self._ask_to_forget()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_remove(True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_remove(self.hasFocus())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_remove(event.reason() != Qt.FocusReason.MouseFocusReason or self.underMouse())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_remove(self.underMouse())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    # --- private ---

    def _paint_samples(self, painter: QPainter) -> None:
        palette, ratio = colours(), self.devicePixelRatioF()
        samples = self.card.samples if self.card is not None else None
        if samples is not None and self._ratio != ratio:
            self._ratio, self._images = ratio, tuple(thumbnail(sample, SIDE, ratio) for sample in samples)
        room = self.width() - 2 * PADDING - SAMPLES * SIDE
        gap = min(GAP, room / (SAMPLES - 1))
        for place in range(SAMPLES):
            corner = QPoint(round(PADDING + place * (SIDE + gap)), PADDING)
            if samples is not None:
                painter.drawImage(corner, self._images[place])
            else:
                painter.setPen(QPen(QColor(palette.line), 1))
                painter.setBrush(QColor(palette.raised))
                painter.drawRoundedRect(QRectF(corner.x(), corner.y(), SIDE, SIDE).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_words(self, painter: QPainter) -> None:
        palette, height = colours(), self._line_height()
        row = QRect(PADDING, self._text_top(), self.width() - 2 * PADDING, height)
        name, family, details = self._words()
        plain, bold = self.font(), QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        width = min(QFontMetrics(plain).horizontalAdvance(family) + 2, row.width() // 2)  # rounding would cut it
        self._write(painter, row, family, plain, palette.dim, Qt.AlignmentFlag.AlignRight, width)
        room = row.width() - (width + 8 if family else 0)
        self._write(painter, row, name, bold, palette.text, Qt.AlignmentFlag.AlignLeft, room)
        hue = palette.red if self._has_problem() else palette.dim
        room = row.width() - (REMOVE + 4 if not self.remove.isHidden() else 0)
        self._write(painter, row.translated(0, height - 1), details, plain, hue, Qt.AlignmentFlag.AlignLeft, room)

    @staticmethod
    def _write(
        painter: QPainter, row: QRect, text: str, font: QFont, hue: str, side: Qt.AlignmentFlag, room: int
    ) -> None:
        painter.setFont(font)
        painter.setPen(QColor(hue))
        shortened = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(row, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shortened)

    def _words(self) -> tuple[str, str, str]:
        """Name, family and details; until the card is read, what the path tells."""
        if self.card is None:
            return self.path.stem, "", ""
        return self.card.name, self.card.family_title, PROBLEM if self._has_problem() else self.card.details

    def _tell(self) -> None:
        """Words for the tool tip and for screen readers."""
        problem = self.card.problem if self.card is not None else ""
        state = "open now" if self.is_current else ""
        self.setAccessibleName(", ".join(word for word in (*self._words(), state) if word))
        self.setAccessibleDescription(problem or str(self.path))
        self.setToolTip("\n".join(line for line in (problem, str(self.path)) if line))

    def _has_problem(self) -> bool:
        return self.card is not None and bool(self.card.problem)

    def _line_height(self) -> int:
        return max(LINE, self.fontMetrics().lineSpacing() + 3)

    def _text_top(self) -> int:
        return 8 if self._has_problem() else PADDING + SIDE + 2

    def _place(self) -> None:
        row = self._text_top() + self._line_height()
        middle = row + (self._line_height() - REMOVE) // 2
        self.remove.move(self.width() - PADDING - REMOVE + 4, middle)
        self.line.setGeometry(PADDING, self.height() - 6, self.width() - 2 * PADDING, BusyLine.HEIGHT)

    def _show_remove(self, is_wanted: bool) -> None:
        self.remove.setVisible(is_wanted and self.is_recent)
        self.update()

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.path)

    @Slot()
    def _ask_to_forget(self) -> None:
        self.forget_asked.emit(self.path)


class BusyLine(QWidget):
    """A thin line along which a piece runs: work of unknown length. It moves only while it is in sight."""

    HEIGHT: Final = 2

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.HEIGHT)
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MILLISECONDS)
        self._timer.timeout.connect(self._move)

    def showEvent(self, event: QShowEvent) -> None:
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        piece = self.width() // 3
        place = (time.monotonic() * SWEEPS_PER_SECOND % 1.0) * (self.width() + piece) - piece
        painter.fillRect(self.rect(), QColor(palette.line))
        painter.fillRect(QRectF(place, 0, piece, self.height()), QColor(palette.accent))

    @Slot()
    def _move(self) -> None:
        self.update()
