"""What the colours of the points mean: a chip for every group, or a ramp with its ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from explorer.ui.atlas.colours import group_colour, ramp
from explorer.ui.images import draw_image, qimage
from explorer.ui.theme import colours

__all__ = ["Legend"]

HEIGHT: Final = 20
DOT: Final = 8
BETWEEN: Final = 14
RAMP: Final = 180


class Legend(QWidget):
    """One line; groups that find no room are counted at its end. A click on a group asks for its pictures."""

    group_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._ends: tuple[float, float] | None = None
        self._unit = ""
        self._ramp = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName("Colours")
        self.clear()

    def set_groups(self, names: Sequence[str]) -> None:
        """Show the names of groups with their colours."""
        self._names, self._ends = tuple(names), None
        self._tell(", ".join(self._names[:20]))

    def set_numbers(self, ends: tuple[float, float], unit: str = "") -> None:
        """Show the ramp from its smallest number to its largest."""
        self._names, self._ends, self._unit = (), ends, unit
        self._ramp = qimage(ramp(RAMP)[None])
        self._tell(f"from {ends[0]:.4g} to {ends[1]:.4g} {unit}".strip())

    def clear(self) -> None:
        """Show nothing, and take no room."""
        self._names, self._ends = (), None
        self._tell("")

    def group_at(self, point: QPointF) -> int:
        """The group whose chip is under a point; -1 for none."""
        for number, (_, rect) in enumerate(self._chips()):
            if rect.contains(point.toPoint()):
                return number
        return -1

    def sizeHint(self) -> QSize:
        return QSize(300, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), colours()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        if self._ends is not None:
            self._paint_ramp(painter, self._ends)
            return
        chips = self._chips()
        for number, (words, rect) in enumerate(chips):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(group_colour(number)))
            painter.drawEllipse(QRectF(rect.left(), (HEIGHT - DOT) / 2, DOT, DOT))
            painter.setPen(QColor(palette.dim))
            painter.drawText(rect.adjusted(DOT + 5, 0, 4, 0), middle, words)
        if len(chips) < len(self._names):
            left = chips[-1][1].right() + BETWEEN if chips else 0
            painter.setPen(QColor(palette.dim))
            painter.drawText(QRect(left, 0, self.width() - left, HEIGHT), middle, self._rest(len(chips)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        group = self.group_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and group >= 0:
            self.group_clicked.emit(group)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.group_at(event.position()) >= 0
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._names:
            group = self.group_at(QPointF(event.pos()))
            words = f"Select {self._names[group]}" if group >= 0 else "\n".join(self._names[len(self._chips()) :][:30])
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._ends is not None:
            self._ramp = qimage(ramp(RAMP)[None])

    def _chips(self) -> list[tuple[str, QRect]]:
        """The groups that find room, with where they lie."""
        metrics, left, chips = self.fontMetrics(), 0, []
        for place, name in enumerate(self._names):
            words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 140)
            width = DOT + 5 + metrics.horizontalAdvance(words)
            is_last = place == len(self._names) - 1
            rest = 0 if is_last else BETWEEN + metrics.horizontalAdvance(self._rest(place + 1))
            if left + width + rest > self.width():
                break
            chips.append((words, QRect(left, 0, width, HEIGHT)))
            left += width + BETWEEN
        return chips

    def _rest(self, shown: int) -> str:
        return f"and {len(self._names) - shown} more"

    def _paint_ramp(self, painter: QPainter, ends: tuple[float, float]) -> None:
        low, high = (f"{end:.3g}" for end in ends)
        metrics, dim = self.fontMetrics(), QColor(colours().dim)
        middle = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        left = metrics.horizontalAdvance(low) + 8
        painter.setPen(dim)
        painter.drawText(QRect(0, 0, left, HEIGHT), middle, low)
        draw_image(painter, QRectF(left, (HEIGHT - DOT) / 2, RAMP, DOT), self._ramp, smooth=True)
        words = f"{high}   {self._unit}" if self._unit else high
        painter.drawText(QRect(left + RAMP + 8, 0, self.width(), HEIGHT), middle, words)

    def _tell(self, words: str) -> None:
        self.setAccessibleDescription(words)
        self.setVisible(bool(self._names) or self._ends is not None)
        self.update()
