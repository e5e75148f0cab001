"""A titled panel that collapses, moves and can be torn off."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSizePolicy, QVBoxLayout, QWidget

from explorer.ui.elided_label import ElidedLabel
from explorer.ui.icon_button import IconButton

__all__ = ["Card"]


class Card(QFrame):
    """A panel with its title left, its state or unit right, and one body widget below.

    The buttons beside the title show themselves under the mouse and while they hold the keyboard focus; the chevron
    also while the card is collapsed. A click on the header collapses or opens too; a right click opens the menu.
    """

    collapsedChanged = Signal(bool)  # by a person or by setCollapsed
    moveAsked = Signal(int)  # -1: up, 1: down
    tearAsked = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._body: QWidget | None = None
        self._is_collapsed = False
        self.setProperty("card", True)
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._header = _Header(title, self)
        self._header.chevron.clicked.connect(self.toggle)
        self._header.clicked.connect(self.toggle)
        self._header.more.clicked.connect(self.show_menu)
        self._header.menu_asked.connect(self._menu_at)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 12)
        self._column.setSpacing(4)
        self._column.addWidget(self._header)
        self._menu = QMenu(self)
        self._menu.addAction("Move up", self._ask_up)
        self._menu.addAction("Move down", self._ask_down)
        self._tear = self._menu.addAction("Tear off", self._ask_tear)

    # --- public ---

    def title(self) -> str:
        """The name of the card, which never changes."""
        return self._title

    def heading(self) -> str:
        """The words on the left of the header: the title, unless others were set."""
        return self._header.title.text()

    @Slot(str)
    def setHeading(self, words: str) -> None:
        """Let the header read other words than the title."""
        self._header.show_title(words)
        self.setAccessibleName(words)

    def state(self) -> str:
        """The words on the right of the header, in full."""
        return self._header.state.text()

    def setState(self, text: str) -> None:
        """Show what the panel is doing, or its unit, in dim words on the right."""
        self._header.state.show_words(text)

    def body(self) -> QWidget | None:
        """The widget below the header."""
        return self._body

    def setBody(self, body: QWidget) -> None:
        """Show ``body`` below the header, in place of the one before, which is deleted."""
        if self._body is not None and self._body is not body:
            self._column.removeWidget(self._body)
            self._body.deleteLater()
        self._body = body
        self._column.addWidget(body)
        body.setVisible(not self._is_collapsed)

    def menu(self) -> QMenu:
        """The menu of the card, to which a panel may add verbs of its own."""
        return self._menu

    def setTorn(self, is_torn: bool) -> None:
        """Word the menu for a card in a window of its own ("Put back") or in the column ("Tear off")."""
        self._tear.setText("Put back" if is_torn else "Tear off")

    def isCollapsed(self) -> bool:
        """Whether only the header is shown."""
        return self._is_collapsed

    def setCollapsed(self, is_collapsed: bool) -> None:
        """Show only the header, or all of the card."""
        if is_collapsed == self._is_collapsed:
            return
        self._is_collapsed = is_collapsed
        self._header.show_collapsed(is_collapsed)
        self._column.setContentsMargins(12, 8, 12, 8 if is_collapsed else 12)
        if self._body is not None:
            self._body.setVisible(not is_collapsed)
        self.collapsedChanged.emit(is_collapsed)

    @Slot()
    def toggle(self) -> None:
        """Collapse the card, or open it again."""
        self.setCollapsed(not self._is_collapsed)

    @Slot()
    def show_menu(self) -> None:
        """Open the menu below its button."""
        self._menu_at(self._header.more.mapToGlobal(QPoint(0, self._header.more.height())))

    # --- private ---

    @Slot(QPoint)
    def _menu_at(self, position: QPoint) -> None:
        self._menu.popup(position)

    @Slot()
    def _ask_up(self) -> None:
        self.moveAsked.emit(-1)

    @Slot()
    def _ask_down(self) -> None:
        self.moveAsked.emit(1)

    @Slot()
    def _ask_tear(self) -> None:
        self.tearAsked.emit()


class _Header(QWidget):
    """The top line of a card."""

    clicked = Signal()
    menu_asked = Signal(QPoint)

    def __init__(self, title: str, parent: Card) -> None:
        super().__init__(parent)
        self.title = QLabel(title, self)
        self.title.setProperty("title", True)
        self.chevron = _QuietButton("chevron-down", f"Collapse {title}", self)
        self.more = _QuietButton("more", f"Move or tear off {title}", self)
        self.state = ElidedLabel(self)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.title)
        row.addSpacing(2)
        row.addWidget(self.chevron)
        row.addWidget(self.more)
        row.addSpacing(4)
        row.addWidget(self.state, 1)
        self.setFixedHeight(22)
        self._name, self._is_collapsed = title, False
        self._is_pressed = self._was_clicked = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_title(self, title: str) -> None:
        """Show other words on the left, and in the words of the buttons."""
        self._name = title
        self.title.setText(title)
        self.more.setToolTip(f"Move or tear off {title}")
        self.more.setAccessibleName(self.more.toolTip())
        self.show_collapsed(self._is_collapsed)

    def show_collapsed(self, is_collapsed: bool) -> None:
        """Turn the chevron and its words."""
        self._is_collapsed = is_collapsed
        self.chevron.setIconName("chevron-right" if is_collapsed else "chevron-down")
        self.chevron.setToolTip(f"{'Open' if is_collapsed else 'Collapse'} {self._name}")
        self.chevron.setAccessibleName(self.chevron.toolTip())
        self.chevron.set_always_seen(is_collapsed)

    def enterEvent(self, event: QEvent) -> None:
        self.update()
        for button in (self.chevron, self.more):
            button.update()

    def leaveEvent(self, event: QEvent) -> None:
        for button in (self.chevron, self.more):
            button.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._is_pressed, self._was_clicked = event.button() == Qt.MouseButton.LeftButton, False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._was_clicked:  # both clicks together are one
            self.clicked.emit()
        self._is_pressed = self._was_clicked = False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._is_pressed and self.rect().contains(event.position().toPoint()):
            self._was_clicked = True
            self.clicked.emit()
        self._is_pressed = False

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_asked.emit(event.globalPos())


class _QuietButton(IconButton):
    """A small icon button that paints itself only where it is wanted."""

    def __init__(self, name: str, tooltip: str, parent: _Header) -> None:
        super().__init__(name, tooltip, parent)
        self._header = parent
        self._is_always_seen = False
        self.setFixedSize(QSize(20, 20))

    def set_always_seen(self, is_always_seen: bool) -> None:
        """Paint the button whether or not the mouse is near."""
        self._is_always_seen = is_always_seen
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_always_seen or self.hasFocus() or self._header.underMouse() or self.isDown():
            super().paintEvent(event)
