"""The Models column: a card for every bundled and recent checkpoint."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from explorer.actions import Actions, bundled_checkpoints
from explorer.cards import ModelCard, read_card
from explorer.ui.model_card import WIDTH, BusyLine, CardButton
from explorer.workers import Report

__all__ = ["ModelsPanel"]


class ModelsPanel(QWidget):
    """The models a person can open with one click, bundled ones first, then recent ones.

    Cards are read in the background, one job each; recent checkpoints that are gone stay out of sight. The panel has no
    margins of its own.
    """

    open_asked = Signal()

    def __init__(self, actions: Actions, cache: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions, self._cache = actions, cache
        self._bundled = bundled_checkpoints()
        self._recent: tuple[Path, ...] = ()
        self._asked: Path | None = None  # the card that was clicked last
        self._column = _Column(self)
        self._line = BusyLine(self)
        self._build()
        for path in self._bundled:
            self._read(path)
        self._column.arrange(self._bundled, ())
        actions.preferences_changed.connect(self.show_recent)
        actions.opened.connect(self.read_again)
        actions.loading.connect(self.show_loading)
        actions.session.model_changed.connect(self.show_current)
        self.show_recent()
        self.show_current()

    def cards(self) -> tuple[CardButton, ...]:
        """The cards in sight or scrolled out of it, from the top."""
        return self._column.shown()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 600)

    @Slot()
    def show_recent(self) -> None:
        """Show the recent checkpoints of the preferences, and read the cards of those that are new."""
        paths = (Path(text) for text in self._actions.preferences.recent)
        recent = tuple(dict.fromkeys(path for path in paths if path not in self._bundled))
        if recent == self._recent:
            return
        for path in set(self._recent).difference(recent):
            self._column.remove(path)
        new = [path for path in recent if path not in self._recent]
        self._recent = recent
        for path in new:
            self._read(path)
        self._column.arrange(self._bundled, recent)
        self.show_current()

    @Slot()
    def show_current(self) -> None:
        """Put the border around the card of the open model."""
        model = self._actions.session.model
        for path, card in self._column.cards.items():
            card.set_current(model is not None and path == model.path)
        self._column.show_known()
        if model is not None:
            self._column.reveal(model.path)

    @Slot(str)
    def show_loading(self, name: str) -> None:
        """Show that the file ``name`` is being opened, at its card or under the header; an empty name ends that."""
        if not name:
            self._asked = None
        named = [path for path, card in self._column.cards.items() if path.name == name and not card.isHidden()]
        busy = self._asked if self._asked in named else next(iter(named), None)
        for path, card in self._column.cards.items():
            card.set_busy(path == busy)
        self._line.setVisible(bool(name) and busy is None)
        self._line.setAccessibleName(f"Opening {name}" if name else "")

    @Slot(object)
    def read_again(self, path: Path) -> None:
        """Read the card of a checkpoint that was opened just now: the file may have changed since."""
        card = self._column.cards.get(path)
        if card is not None and card.card is not None:  # otherwise it is being read anyway
            self._read(path)

    # --- private ---

    def _build(self) -> None:
        title = QLabel("Models", self)
        title.setProperty("title", True)
        button = QPushButton("Open…", self)
        button.setToolTip("Open a model, a session or a picture from a file.")
        button.clicked.connect(self._ask_to_open)
        hint = QLabel("Drop a model, a session\nor a picture here", self)
        hint.setProperty("dim", True)
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        kept = self._line.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self._line.setSizePolicy(kept)
        self._line.hide()
        header = QHBoxLayout()
        header.addWidget(title, 1)
        header.addWidget(button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(3)
        rows.addLayout(header)
        rows.addWidget(self._line)
        rows.addWidget(self._column, 1)
        rows.addSpacing(5)
        rows.addWidget(hint)

    def _read(self, path: Path) -> None:
        if path not in self._column.cards:
            card = self._column.add(path, is_recent=path not in self._bundled)
            card.chosen.connect(self._open)
            card.forget_asked.connect(self._forget)
        work = partial(_read_if_there, path, self._cache)
        self._actions.workers.background.start("Read model cards", work, partial(self._take, path))

    def _take(self, path: Path, reading: ModelCard | None) -> None:
        card = self._column.cards.get(path)  # it may have been removed meanwhile
        if card is not None:
            card.show_card(reading)
            self._column.show_known()

    @Slot(object)
    def _open(self, path: Path) -> None:
        self._asked = path
        self._actions.open(path)

    @Slot(object)
    def _forget(self, path: Path) -> None:
        known = self._actions.preferences
        recent = tuple(text for text in known.recent if Path(text) != path)
        self._actions.set_preferences(replace(known, recent=recent))

    @Slot()
    def _ask_to_open(self) -> None:
        self.open_asked.emit()


class _Column(QScrollArea):
    """The cards in order, under "Recent" where they are that; Up, Down, Home and End walk through them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.cards: dict[Path, CardButton] = {}
        self._ordered: tuple[CardButton, ...] = ()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Models")
        self._list = QWidget(self)
        self._list.setProperty("flat", True)
        self._title = QLabel("Recent", self._list)
        self._title.setProperty("dim", True)
        self._title.hide()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self.setWidget(self._list)
        self.verticalScrollBar().setSingleStep(24)

    def add(self, path: Path, is_recent: bool) -> CardButton:
        """A new card, which ``arrange`` puts into its place."""
        card = self.cards[path] = CardButton(path, is_recent, self._list)
        card.hide()
        return card

    def remove(self, path: Path) -> None:
        card = self.cards.pop(path)
        self._rows.removeWidget(card)
        card.hide()
        card.deleteLater()

    def arrange(self, bundled: tuple[Path, ...], recent: tuple[Path, ...]) -> None:
        """Put all cards in order; Tab goes through them in the same one."""
        while self._rows.count():
            self._rows.takeAt(0)
        first, second = [self.cards[path] for path in bundled], [self.cards[path] for path in recent]
        for widget in (*first, self._title, *second):
            self._rows.addWidget(widget)
        self._rows.addStretch(1)
        self._ordered = (*first, *second)
        for before, after in itertools.pairwise(self._ordered):
            QWidget.setTabOrder(before, after)
        self.show_known()

    def show_known(self) -> None:
        """Hide recent cards that are not known to exist, and the word "Recent" where it has no cards."""
        for card in self.cards.values():
            card.setVisible(card.is_there())
        self._title.setVisible(any(card.is_recent and card.is_there() for card in self.cards.values()))

    def shown(self) -> tuple[CardButton, ...]:
        """The cards that are there, from the top."""
        return tuple(card for card in self._ordered if card.is_there())

    def reveal(self, path: Path) -> None:
        """Scroll the card of ``path`` into sight, where there is one."""
        card = self.cards.get(path)
        if card is not None and card.isVisible():
            self._rows.activate()
            self.ensureWidgetVisible(card, 0, 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        cards = self.shown()
        place = next((index for index, card in enumerate(cards) if card.hasFocus()), -1)
        places = {
            Qt.Key.Key_Up: max(place - 1, 0),
            Qt.Key.Key_Down: min(place + 1, len(cards) - 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(cards) - 1,
        }
        if place < 0 or event.key() not in places:
            super().keyPressEvent(event)
            return
        card = cards[places[Qt.Key(event.key())]]
        card.setFocus(Qt.FocusReason.TabFocusReason)
        self.ensureWidgetVisible(card, 0, 0)


def _read_if_there(path: Path, cache: Path, report: Report) -> ModelCard | None:
    """The card of a checkpoint, or None where there is no such file. On a worker thread."""
    return read_card(path, cache, lambda: report(0, 0)) if os.path.exists(path) else None
