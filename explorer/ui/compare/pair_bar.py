"""Which two are compared, and what there is to set of the way they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from explorer.ui.compare.differences import Difference
from explorer.ui.compare.note_label import NoteLabel
from explorer.ui.compare.pair_canvas import USUAL_RATE
from explorer.ui.icon_button import IconButton

__all__ = ["PairBar"]

GAINS: Final = (1, 2, 4, 8, 16)
USUAL_GAIN: Final = 4


class PairBar(QWidget):
    """Two lists of models with a button that swaps them, the settings of a mode, and how far the two are apart."""

    first_chosen = Signal(str)  # the key of a model, or of the picture that all are given
    second_chosen = Signal(str)
    swap_asked = Signal()
    rate_changed = Signal(float)
    gain_changed = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.first = self._choice("A", "The model that is played: panels and keys act on it.")
        self.second = self._choice("B", "What it is compared with (B: the next one).")
        self.swap = IconButton("swap", "Swap A and B (X).", self)
        self.rate = QDoubleSpinBox(self)
        self.rate.setRange(0.0, 3.0)  # more flashes a second are not safe for everyone
        self.rate.setSingleStep(0.5)
        self.rate.setDecimals(1)
        self.rate.setValue(USUAL_RATE)
        self.rate.setSuffix(" per s")
        self.rate.setSpecialValueText("while H")
        self.rate.setToolTip("How often the two change places; at the smallest, B is there only while H is held.")
        self.rate.setAccessibleName("Changes per second")
        self.gain = QComboBox(self)
        for gain in GAINS:
            self.gain.addItem(f"×{gain}", float(gain))
        self.gain.setCurrentIndex(GAINS.index(USUAL_GAIN))
        self.gain.setToolTip("How many times differences are made stronger. The number beside it is not.")
        self.gain.setAccessibleName("Strength of the difference")
        self.told = NoteLabel(self)
        self.told.setAccessibleName("How far A and B are apart")
        self._lay_out()
        self.first.activated.connect(self._choose_first)
        self.second.activated.connect(self._choose_second)
        self.swap.clicked.connect(self.swap_asked)
        self.rate.valueChanged.connect(self.rate_changed)
        self.gain.activated.connect(self._choose_gain)

    # --- public ---

    def set_choices(
        self,
        first: Sequence[tuple[str, str]],
        second: Sequence[tuple[str, str]],
        chosen: tuple[str, str],
        can_swap: bool = True,
    ) -> None:
        """Offer keys with their names, and show which two are chosen."""
        for combo, entries, key in ((self.first, first, chosen[0]), (self.second, second, chosen[1])):
            blocker = QSignalBlocker(combo)
            if [(combo.itemData(row), combo.itemText(row)) for row in range(combo.count())] != list(entries):
                combo.clear()
                for each, name in entries:
                    combo.addItem(name, each)
            combo.setCurrentIndex(combo.findData(key))
            del blocker
        self.swap.setEnabled(can_swap)

    def set_mode(self, mode: str) -> None:
        """Show what there is to set of a mode."""
        self.rate.setVisible(mode == "flicker")
        self.gain.setVisible(mode == "difference")

    def show_difference(self, found: Difference | None) -> None:
        """Say how far the two are apart."""
        if found is None:
            self.told.show_words("", "")
            return
        psnr = "∞" if math.isinf(found.decibels) else f"{found.decibels:.1f}"
        words = f"RMS {100 * found.rms:.1f} % · PSNR {psnr} dB"
        self.told.show_words(f"{words} · {found.told}" if found.told else words, words)
        enlarged = f" {found.told}." if found.told else ""
        self.told.setToolTip(
            "The root mean square difference of all values, as a share of the whole range, and the peak "
            f"signal-to-noise ratio: 20 log10(1 / RMS).{enlarged}"
        )

    def set_wide(self, is_wide: bool) -> None:
        """Lay it out in one row, or in two."""
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._rows.setDirection(across if is_wide else down)

    # --- private ---

    def _choice(self, letter: str, tooltip: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setToolTip(f"{letter}: {tooltip}")
        combo.setAccessibleName(letter)
        combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        combo.setMinimumContentsLength(8)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMaximumWidth(260)
        return combo

    def _lay_out(self) -> None:
        chosen, settings = QHBoxLayout(), QHBoxLayout()
        for row in (chosen, settings):
            row.setSpacing(6)
        for letter, combo in (("A", self.first), ("B", self.second)):
            label = QLabel(letter, self)
            label.setProperty("title", True)
            label.setBuddy(combo)
            chosen.addWidget(label)
            chosen.addWidget(combo, 1)
            if letter == "A":
                chosen.addWidget(self.swap)
        settings.addWidget(self.rate)
        settings.addWidget(self.gain)
        settings.addWidget(self.told, 1)
        self._rows = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self._rows.addLayout(chosen, 3)
        self._rows.addLayout(settings, 2)

    @Slot(int)
    def _choose_first(self, row: int) -> None:
        self.first_chosen.emit(str(self.first.itemData(row)))

    @Slot(int)
    def _choose_second(self, row: int) -> None:
        self.second_chosen.emit(str(self.second.itemData(row)))

    @Slot(int)
    def _choose_gain(self, row: int) -> None:
        self.gain_changed.emit(float(self.gain.itemData(row)))
