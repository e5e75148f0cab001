"""One side of a direction made of examples: a button that adds the point, and the pictures there are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from explorer.scene import Latent
from explorer.ui.controls import IconButton, ThumbnailStrip
from explorer.ui.slider_parts import LABEL_WIDTH
from explorer.ui.strip import Item

__all__ = ["ExampleSide"]

SIDE = 32
EMPTY = "empty"  # the key of the place for a first example


class ExampleSide(QWidget):
    """Examples that have something, or that lack it. A click on one takes it out."""

    add_asked = Signal()
    offers_asked = Signal()  # show what else could be added
    removed = Signal(object)  # Latent

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.add = QPushButton(f"+ {words}", self)
        self.add.setAccessibleName(f"Add to those {words.lower()}")
        self.add.setFixedWidth(LABEL_WIDTH)
        self._strip = ThumbnailStrip(f"Examples {words.lower()}", SIDE, parent=self)
        self.more = IconButton("more", f"Add a favourite or a visited point to those {words.lower()}.", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.add)
        row.addWidget(self._strip, 1)
        row.addWidget(self.more)
        self.add.clicked.connect(self.add_asked)
        self.more.clicked.connect(self.offers_asked)
        self._strip.chosen.connect(self._take)

    def strip(self) -> ThumbnailStrip:
        """The pictures."""
        return self._strip

    def show_examples(self, latents: tuple[Latent, ...], thumbnails: Mapping[Latent, np.ndarray]) -> None:
        """Show the pictures of these points, as far as they are known."""
        items: list[Item] = [(each, thumbnails.get(each), "A click takes this example out.") for each in latents]
        self._strip.setItems(items or [(EMPTY, None, "A click adds the picture you see.")])
        self._strip.setCurrent(None)

    def show_name(self, name: str, word: str) -> None:
        """Say in the tool tip what the pictures of this side have or lack."""
        self.add.setToolTip(f"Add the picture you see to those {word} “{name}”.")

    @Slot(object)
    def _take(self, key: object) -> None:
        if key == EMPTY:
            self.add_asked.emit()
        else:
            self.removed.emit(key)
