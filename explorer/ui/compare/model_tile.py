"""One model among those that are compared: its picture, who it is, and how long that took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from explorer.ui.icon_button import IconButton
from explorer.ui.images import draw_image
from explorer.ui.theme import colours

__all__ = ["FOOT", "SMALLEST", "ModelTile"]

PADDING: Final = 8
FOOT: Final = 44  # two lines of words below the picture
SMALLEST: Final = QSize(96, 112)
RADIUS: Final = 8
CLOSE: Final = 20
BADGE: Final = 18
BETWEEN: Final = " · "


class ModelTile(QAbstractButton):
    """A click or Return plays the model (A), Shift and a click or B makes it the other one (B), Delete closes it.

    A button in the corner closes it, under the mouse and while the tile has the focus.
    """

    played = Signal(str)  # the key of the tile
    othered = Signal(str)
    closed = Signal(str)
    painted = Signal()  # after the first painting of each new picture

    def __init__(self, key: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self._name, self._family, self._message = "", "", ""
        self._details: tuple[str, ...] = ()
        self._image: QImage | None = None
        self._badge = ""
        self._is_current, self._is_stale, self._is_smooth, self._can_close = False, False, True, True
        self._is_dashed = False  # there is no picture, and it asks for one
        self._is_fresh = False
        self.close_button = IconButton("close", "Close this model (Delete)", self)
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_button.setFixedSize(CLOSE, CLOSE)
        self.close_button.clicked.connect(self._ask_to_close)
        self.close_button.hide()
        self.clicked.connect(self._ask_to_play)
        self.setAccessibleName("Model")  # until it shows one
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    # --- public ---

    def show_words(self, name: str, family: str, details: Sequence[str], tooltip: str) -> None:
        """Say who it is; of ``details`` the second line has as many as there is room for."""
        if (name, family, tuple(details)) != (self._name, self._family, self._details):
            self._name, self._family, self._details = name, family, tuple(details)
            self.update()
        self.setToolTip(tooltip)
        state = {"A": "played", "B": "the other one of a pair"}.get(self._badge, "")
        self.setAccessibleName(", ".join(part for part in (name, family, *details, state, self._message) if part))

    def show_image(self, image: QImage | None, message: str = "", is_stale: bool = False) -> None:
        """Show a picture, or a sentence in its place; a stale one belongs to a scene before."""
        self._image, self._message, self._is_stale = image, message, is_stale
        self._is_fresh = image is not None
        self.update()

    def set_stale(self, is_stale: bool) -> None:
        """Whether the picture belongs to a scene before."""
        if is_stale != self._is_stale:
            self._is_stale = is_stale
            self.update()

    def set_badge(self, letter: str, is_current: bool) -> None:
        """Mark it with a letter, and with the border of the model that is played."""
        if (letter, is_current) != (self._badge, self._is_current):
            self._badge, self._is_current = letter, is_current
            self.update()

    def set_smooth(self, is_smooth: bool) -> None:
        """Blend enlarged pixels, or show them as squares."""
        self._is_smooth = is_smooth
        self.update()

    def set_can_close(self, can_close: bool) -> None:
        self._can_close = can_close
        self._show_close()

    def set_dashed(self, is_dashed: bool) -> None:
        """Whether it is an empty place that asks for a picture."""
        if is_dashed != self._is_dashed:
            self._is_dashed = is_dashed
            self.update()

    def has_image(self) -> bool:
        return self._image is not None

    def message(self) -> str:
        """What stands in place of the picture."""
        return self._message

    # --- Qt ---

    def sizeHint(self) -> QSize:
        return QSize(220, 220 + FOOT)

    def minimumSizeHint(self) -> QSize:
        return SMALLEST

    def paintEvent(self, event: QPaintEvent) -> None:
        palette, painter = colours(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_raised = self._is_current or self.underMouse() or self.isDown()
        painter.setBrush(QColor(palette.raised if is_raised else palette.panel))
        thick = 2 if self._is_current else 1
        plain = palette.dim if self._is_dashed else palette.line
        edge = palette.accent if self._is_current or self.hasFocus() else plain
        painter.setPen(QPen(QColor(edge), thick, Qt.PenStyle.DashLine if self._is_dashed else Qt.PenStyle.SolidLine))
        half = thick / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(half, half, -half, -half), RADIUS, RADIUS)
        if self._is_current and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(palette.text), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3.5, 3.5, -3.5, -3.5), RADIUS - 3, RADIUS - 3)
        self._paint_picture(painter)
        self._paint_words(painter)
        if self._badge:
            self._paint_badge(painter)
        painter.end()
        if self._is_fresh:
            self._is_fresh = False
            self.painted.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self.rect().contains(event.position().toPoint()):
            self.setDown(False)
            self.othered.emit(self.key)
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._can_close:
            self._ask_to_close()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()  # the grid walks
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_close()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_close()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_close()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_close()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.close_button.move(self.width() - CLOSE - 5, 5)

    # --- private ---

    def _paint_picture(self, painter: QPainter) -> None:
        palette = colours()
        room = QRectF(self.rect()).adjusted(PADDING, PADDING, -PADDING, -FOOT)
        if self._image is not None:
            scale = min(room.width() / self._image.width(), room.height() / self._image.height())
            if not self._is_smooth and scale >= 1:
                scale = float(int(scale))
            width, height = round(self._image.width() * scale), round(self._image.height() * scale)
            place = QRectF(round(room.center().x() - width / 2), round(room.center().y() - height / 2), width, height)
            painter.setOpacity(0.45 if self._is_stale else 1.0)
            draw_image(painter, place, self._image, self._is_smooth)
            painter.setOpacity(1.0)
            return
        painter.setPen(QColor(palette.text if self._is_dashed and self.underMouse() else palette.dim))
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        painter.drawText(room.adjusted(4, 0, -4, 0), flags, self._message)

    def _paint_words(self, painter: QPainter) -> None:
        palette = colours()
        plain, bold = self.font(), QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        row = QRect(PADDING + 2, self.height() - FOOT + 3, self.width() - 2 * PADDING - 4, 19)
        family = QFontMetrics(plain).horizontalAdvance(self._family)
        has_room = QFontMetrics(bold).horizontalAdvance(self._name) + family + 12 <= row.width()
        self._write(painter, row, self._name, bold, palette.text, row.width() - (family + 10 if has_room else 0))
        if has_room:
            painter.setFont(plain)
            painter.setPen(QColor(palette.dim))
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._family)
        facts = [*self._details, *([] if has_room or not self._family else [self._family])]
        while len(facts) > 1 and QFontMetrics(plain).horizontalAdvance(BETWEEN.join(facts)) > row.width():
            facts.pop()
        self._write(painter, row.translated(0, 18), BETWEEN.join(facts), plain, palette.dim, row.width())

    @staticmethod
    def _write(painter: QPainter, row: QRect, text: str, font: QFont, hue: str, room: int) -> None:
        painter.setFont(font)
        painter.setPen(QColor(hue))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        painter.drawText(row, flags, QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room))

    def _paint_badge(self, painter: QPainter) -> None:
        palette = colours()
        box = QRectF(6, 6, BADGE, BADGE)
        painter.setPen(QPen(QColor(palette.panel), 1))
        painter.setBrush(QColor(palette.accent if self._badge == "A" else palette.text))
        painter.drawRoundedRect(box, 5, 5)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.Bold)
        painter.setFont(font)
        painter.setPen(QColor(palette.panel))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._badge)

    def _show_close(self) -> None:
        self.close_button.setVisible(self._can_close and (self.underMouse() or self.hasFocus()))
        self.update()

    @Slot()
    def _ask_to_play(self) -> None:
        self.played.emit(self.key)

    @Slot()
    def _ask_to_close(self) -> None:
        self.closed.emit(self.key)
