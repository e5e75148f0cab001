"""What the layers of a style-based model make of the picture: every channel of one of them, live while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from explorer.scene import Scene
from explorer.ui.channel_grid import SIDES, ChannelGrid
from explorer.ui.channel_view import ChannelView, shown_number
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.segments import Segments
from explorer.ui.slider_parts import LABEL_WIDTH

if TYPE_CHECKING:
    from explorer.activations import Activations
    from explorer.facts import ModelFacts

__all__ = ["LayersPanel"]

ASKING_MILLISECONDS: Final = 100  # at most ten times a second
GRID_HEIGHT: Final = 232
ORDERS: Final = (
    ("strength", "By strength", "The strongest channels first: those with the largest root mean square."),
    ("number", "By number", "Channels in the order they have in the network."),
)
SCALES: Final = (
    ("each", "Per channel", "Every channel from black at its lowest to white at its highest value."),
    ("alike", "All alike", "All channels on one scale, so that strong ones stand out."),
)
SIZES: Final = (
    (SIDES[1], "Small", "Small pictures of channels; + and − or the wheel with Ctrl change the size too."),
    (SIDES[2], "Medium", "Pictures of channels of middle size; + and − or the wheel with Ctrl change the size too."),
    (SIDES[4], "Large", "Large pictures of channels; + and − or the wheel with Ctrl change the size too."),
)


class LayersPanel(Panel):
    """While it is folded or out of the window nothing is asked for, computed, kept or listened to."""

    title = "Layers"
    starts_folded = True

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._found: Activations | None = None
        self._asked: tuple[Scene, int, int] | None = None  # scene, layer and channel
        self._ordered: tuple[str, str] | None = None  # the layer and the order that the tiles were last sorted for
        self._order = np.zeros(0, np.int64)
        self._is_sorted = True  # by what is shown; not while the hand moves
        self._is_open = False
        self._layer = QComboBox(self)
        self._layer.setToolTip("The layer whose features are shown, from the first of the network to the last.")
        self._layer.setAccessibleName("Layer")
        self._sorting = Segments("Order", ORDERS, self)
        self._sorting.setValue("strength")
        self._scale = Segments("Contrast", SCALES, self)
        self._scale.setValue("each")
        self._size = Segments("Size", SIZES, self)
        self._size.setValue(SIDES[2])
        self._grid = ChannelGrid(self)
        self._grid.setFixedHeight(GRID_HEIGHT)
        self._words = ElidedLabel(self)
        self._channel = ChannelView(self)
        self._chosen = -1
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.setInterval(ASKING_MILLISECONDS)
        self._lay_out()
        self._connect()
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "styles" in facts.capabilities and bool(facts.layers)

    # --- showing ---

    @Slot()
    def show_model(self) -> None:
        """List the layers of the model; where there is one of the same name, that stays chosen."""
        model = self.desk.session.model
        names = model.facts.layers if model is not None else ()
        noisy = model.facts.noise_layers if model is not None else ()
        start = noisy[len(noisy) // 2] if noisy else ""  # a layer of features, not of pictures
        before = self._layer.currentText()
        self._layer.blockSignals(True)
        self._layer.clear()
        self._layer.addItems(names)
        likely = next((name for name in (before, start) if name in names), "")
        self._layer.setCurrentIndex(names.index(likely) if likely else len(names) // 2)
        self._layer.blockSignals(False)
        self._chosen, self._ordered = -1, None
        self._clear()
        self.state_changed.emit(f"{len(names)} layers")
        self.follow()

    @Slot()
    def follow(self) -> None:
        """Ask for the features of the scene as it is, now or soon."""
        if not self._is_open:
            return
        session = self.desk.session
        if self._found is not None and not self._is_sorted and session.scene == session.history.entry.scene:
            self.show_activations(self._found)
        if not self._asking.isActive():
            self._ask()

    def show_activations(self, found: Activations) -> None:
        """Show the features of a layer."""
        if not self._is_open or found.name != self._layer.currentText():
            return
        session = self.desk.session
        wanted = (found.name, str(self._sorting.value()))
        self._is_sorted = wanted != self._ordered or session.scene == session.history.entry.scene
        if self._is_sorted or len(self._order) != len(found.numbers):
            by_strength = np.argsort(-found.strengths, kind="stable")
            self._order = by_strength if wanted[1] == "strength" else np.arange(len(found.numbers))
            self._ordered = wanted  # tiles keep their places while the hand moves
        self._found = found
        self._grid.setActivations(found, self._order)
        self._show_channel()
        self.show_pointed(self._grid.pointedNumber())
        count, height, width = found.shape
        self.state_changed.emit(f"{count} × {height} × {width}")

    @Slot(int)
    def show_pointed(self, number: int) -> None:
        """Tell the numbers of the channel that is pointed at, or of the layer."""
        found = self._found
        if found is None:
            self._words.show_words("")
            return
        place = int(np.searchsorted(found.numbers, number))
        if number < 0 or place >= len(found.numbers):
            low, high = map(shown_number, found.limits)
            shown, count = len(found.numbers), found.shape[0]
            part = f"the {shown} strongest of {count} channels" if shown < count else f"{count} channels"
            self._words.show_words(f"{part}, from {low} to {high}")
            return
        parts = (found.lows[place], found.highs[place], found.means[place])
        low, high, mean = (shown_number(float(part)) for part in parts)
        self._words.show_words(f"channel {number}: {low} to {high}, mean {mean}")

    # --- choosing ---

    @Slot(int)
    def choose_layer(self, index: int) -> None:
        """Show another layer; the channel that was chosen belongs to the one before."""
        self._chosen = -1
        self._clear()
        self._ask()

    @Slot(object)
    def choose_order(self, order: str) -> None:
        if self._found is not None:
            self.show_activations(self._found)

    @Slot(object)
    def choose_scale(self, scale: str) -> None:
        self._grid.setAlike(scale == "alike")
        self._show_channel()

    @Slot(object)
    def choose_size(self, side: int) -> None:
        self._grid.setSide(side)

    @Slot(int)
    def choose_channel(self, number: int) -> None:
        """Show one channel large, at once from what is there and then in more detail; -1 shows none."""
        self._chosen = number
        self._show_channel()
        if number >= 0:
            self._ask()

    @Slot()
    def close_channel(self) -> None:
        self._grid.setChosen(-1)
        self.choose_channel(-1)

    # --- Qt ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_open:
            self._is_open = True
            self.desk.session.scene_seen.connect(self.follow)
            self.desk.session.history_changed.connect(self.follow)
            self.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._is_open:
            self._is_open = False
            self.desk.session.scene_seen.disconnect(self.follow)
            self.desk.session.history_changed.disconnect(self.follow)
            self.desk.live.drop("layers")
            self._asking.stop()
            self._clear()

    # --- private ---

    def _ask(self) -> None:
        """Ask for the features of the scene, unless they have been asked for already."""
        session, layer = self.desk.session, self._layer.currentIndex()
        wanted = (session.scene, layer, self._chosen)
        if not self._is_open or session.model is None or layer < 0 or wanted == self._asked:
            return
        self._asked = wanted
        self._asking.start()
        self.desk.live.layer(layer, self._chosen, self.show_activations)

    def _clear(self) -> None:
        """Keep nothing of what was shown."""
        self._found, self._asked, self._is_sorted = None, None, True
        self._order = np.zeros(0, np.int64)
        self._grid.setActivations(None, self._order)
        self._grid.setChosen(self._chosen)
        self._channel.hide()
        self.show_pointed(-1)

    def _show_channel(self) -> None:
        if self._found is None:
            return
        self._channel.show_channel(self._found, self._chosen, self._scale.value() == "alike")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for name, control in (
            ("Layer", self._layer),
            ("Order", self._sorting),
            ("Contrast", self._scale),
            ("Size", self._size),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            label = QLabel(name, self)
            label.setFixedWidth(LABEL_WIDTH)
            label.setBuddy(control)
            row.addWidget(label)
            row.addWidget(control, 1)
            column.addLayout(row)
        column.addWidget(self._grid)
        column.addWidget(self._words)
        column.addWidget(self._channel)

    def _connect(self) -> None:
        self._layer.currentIndexChanged.connect(self.choose_layer)
        self._sorting.chosen.connect(self.choose_order)
        self._scale.chosen.connect(self.choose_scale)
        self._size.chosen.connect(self.choose_size)
        self._grid.pointed.connect(self.show_pointed)
        self._grid.chosen.connect(self.choose_channel)
        self._grid.sideChanged.connect(self._size.setValue)
        self._channel.closed.connect(self.close_channel)
        self._asking.timeout.connect(self.follow)
        self.desk.session.model_changed.connect(self.show_model)
