"""The right column: the panels that fit the model, as cards that fold, move and tear off."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from explorer.ui.controls import Card
from explorer.ui.panel import Desk, Panel

__all__ = ["PanelColumn"]


class PanelColumn(QScrollArea):
    """A scrolling column of cards, one per panel."""

    arrangement_changed = Signal()  # order or folding, by a person

    def __init__(self, desk: Desk, panels: tuple[type[Panel], ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._cards: list[Card] = []
        self._panels: dict[str, Panel] = {}
        self._torn: dict[str, _TornCard] = {}
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Panels")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget(self)
        inner.setProperty("flat", True)
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 4, 0)
        self._column.setSpacing(8)
        self._column.addStretch(1)
        self.setWidget(inner)
        for kind in panels:
            card = Card(kind.title, inner)
            panel = kind(desk, card)
            card.setBody(panel)
            panel.state_changed.connect(card.setState)
            panel.heading_changed.connect(card.setHeading)
            card.moveAsked.connect(partial(self.move_card, card))
            card.tearAsked.connect(partial(self.tear_card, card))
            card.collapsedChanged.connect(self.arrangement_changed)
            self._cards.append(card)
            self._panels[kind.title] = panel
            self._column.insertWidget(len(self._cards) - 1, card)
        desk.session.model_changed.connect(self.show_model)
        self.show_model()

    @Slot()
    def show_model(self) -> None:
        """Show the panels that have something to show for the open model."""
        model = self._desk.session.model
        for card in self._cards:
            panel = self._panels[card.title()]
            card.setVisible(model is not None and panel.fits(model.facts))

    def arrangement(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Titles in their order, and those that are folded."""
        folded = tuple(card.title() for card in self._cards if card.isCollapsed())
        return tuple(card.title() for card in self._cards), folded

    def arrange(self, order: tuple[str, ...], folded: tuple[str, ...]) -> None:
        """Restore what ``arrangement`` told; unknown titles are ignored, new panels come last."""
        ranks = {title: rank for rank, title in enumerate(order)}
        self._cards.sort(key=lambda card: ranks.get(card.title(), len(ranks)))
        for place, card in enumerate(self._cards):
            self._column.insertWidget(place, card)
            is_known = card.title() in ranks
            card.setCollapsed(card.title() in folded if is_known else self._panels[card.title()].starts_folded)

    def panel(self, title: str) -> Panel:
        """The panel of that title."""
        return self._panels[title]

    def card(self, title: str) -> Card:
        """The card around the panel of that title."""
        return next(card for card in self._cards if card.title() == title)

    def move_card(self, card: Card, by: int) -> None:
        """Move a card up (-1) or down (1)."""
        shown = [each for each in self._cards if not each.isHidden()]
        neighbour = shown[min(max(shown.index(card) + by, 0), len(shown) - 1)]
        target = self._cards.index(neighbour)
        self._cards.remove(card)
        self._cards.insert(target, card)
        self._column.insertWidget(target, card)
        self.arrangement_changed.emit()

    def tear_card(self, card: Card) -> None:
        """Give a card a window of its own, or put it back."""
        if card.title() in self._torn:
            self._torn[card.title()].close()
            return
        torn = _TornCard(card, self)
        torn.closed.connect(partial(self._put_back, card))
        self._torn[card.title()] = torn
        card.setTorn(True)
        torn.open_beside(self)

    def _put_back(self, card: Card) -> None:
        self._torn.pop(card.title()).deleteLater()
        card.setTorn(False)
        self._column.insertWidget(self._cards.index(card), card)


class _TornCard(QWidget):
    """A window around one card, which goes back to the column when it is closed."""

    closed = Signal()

    def __init__(self, card: Card, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        self.setWindowTitle(card.heading())
        self._card = card
        inner = QWidget(self)
        inner.setProperty("flat", True)
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(card)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(area)

    def open_beside(self, column: QWidget) -> None:
        """Appear on the left of ``column``, as large as the card needs and the screen allows, and wholly on it."""
        room = column.screen().availableGeometry()
        frame = column.window().frameGeometry().height() - column.window().height()  # a guess: its own comes too late
        self.setMaximumSize(room.width(), max(room.height() - frame, 1))
        wanted = QSize(max(self._card.sizeHint().width(), column.width()) + 16, self._card.sizeHint().height() + 16)
        self.resize(wanted.boundedTo(self.maximumSize()))
        corner = column.mapToGlobal(QPoint(-self.width() - 8, 0))
        self.move(
            max(room.left(), min(corner.x(), room.right() + 1 - self.width())),
            max(room.top(), min(corner.y(), room.bottom() + 1 - frame - self.height())),
        )
        self.show()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit()
        super().closeEvent(event)
