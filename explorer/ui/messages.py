"""What the program has to say, in a bar above the picture; it never stops anybody from working."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from explorer.actions import Message
from explorer.ui.controls import IconButton

__all__ = ["MessageBar"]

GOOD_NEWS_MILLISECONDS = 6_000


class MessageBar(QFrame):
    """Shows the newest message: errors until they are closed, good news for six seconds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details_button = QPushButton("Details", self)
        self._details_button.setCheckable(True)
        self._details_button.setToolTip("Show the technical part, to send to the developers.")
        self._close = IconButton("close", "Close this message (Esc).", self)
        self._details = QPlainTextEdit(self)
        self._details.setReadOnly(True)
        self._details.setAccessibleName("Details of the message")
        self._details.setMaximumHeight(160)
        self._details.hide()
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self._details_button)
        row.addWidget(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 8)
        column.addLayout(row)
        column.addWidget(self._details)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(GOOD_NEWS_MILLISECONDS)
        self._timer.timeout.connect(self.hide)
        self._close.clicked.connect(self.hide)
        self._details_button.toggled.connect(self._details.setVisible)
        self.hide()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        """Show a message in place of the one before."""
        self._text.setText(f"{message.text}  {message.hint}".strip())
        self._text.setProperty("red", message.is_error)
        self._text.style().unpolish(self._text)
        self._text.style().polish(self._text)
        self._details.setPlainText(message.details)
        self._details_button.setVisible(bool(message.details))
        self._details_button.setChecked(False)
        self.show()
        if message.is_error:
            self._timer.stop()
        else:
            self._timer.start()

    def text(self) -> str:
        """What is shown, or the empty text."""
        return self._text.text() if not self.isHidden() else ""
