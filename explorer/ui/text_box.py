"""A box for a sentence or two that is taken when it is finished."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

__all__ = ["TextBox"]

MARGIN: Final = 18  # pixels above and below the lines


class TextBox(QPlainTextEdit):
    """Several lines of words. Return takes them, Shift and Return begins a line, Escape goes back, leaving takes them.

    Tab goes on to the next control.
    """

    committed = Signal(str)  # words that differ from those shown before; never from setText

    def __init__(self, name: str, placeholder: str, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown, self._lines = "", lines
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if lines == 1:  # a bar would be as high as the line
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fit()

    def text(self) -> str:
        """The words as they are typed."""
        return self.toPlainText()

    def setText(self, text: str) -> None:
        """Show words without a signal; what is being typed stays."""
        if text != self._shown and not (self.hasFocus() and self.text() != self._shown):
            self.setPlainText(text)
        self._shown = text

    def sizeHint(self) -> QSize:
        return QSize(306, self.height())

    def event(self, event: QEvent) -> bool:
        is_changed = self.text() != self._shown if event.type() == QEvent.Type.ShortcutOverride else False
        if is_changed and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()  # before a shortcut of the window gets it
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_return and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._commit()
        elif event.key() == Qt.Key.Key_Escape and self.text() != self._shown:
            self.setPlainText(self._shown)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._commit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _commit(self) -> None:
        text = self.text()
        if text != self._shown:
            self._shown = text
            self.committed.emit(text)

    def _fit(self) -> None:
        self.setFixedHeight(self._lines * self.fontMetrics().lineSpacing() + MARGIN)
