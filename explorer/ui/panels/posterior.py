"""What the encoder makes of real pictures: which latents it uses, and what it keeps of the picture at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from explorer.scene import ImageFile
from explorer.ui.controls import Bars
from explorer.ui.dialogs import ask_open
from explorer.ui.panel import Desk, Panel

if TYPE_CHECKING:
    from explorer.facts import ModelFacts
    from explorer.reading import Reading

__all__ = ["PICTURES", "PosteriorPanel"]

USED = 0.1  # nats; below this a latent tells the decoder next to nothing (Burda et al. 2016 use a similar cut)
DIAGNOSIS = (
    "A latent is used where the mean that the encoder gives it differs from picture to picture, by a variance of more "
    "than 0.01 (active units, Burda et al. 2016)."
)
PICTURES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.gif *.tif *.tiff)"


class PosteriorPanel(Panel):
    """KL per latent, so that posterior collapse is visible, and what an encoded picture loses."""

    title = "Posterior"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._bars = Bars("KL per latent dimension", self)
        self._bars.setUnit("nats")
        self._bars.setFixedHeight(56)
        self._bars.setToolTip("KL divergence of each latent from the prior, sorted. Those near zero are not used.")
        self._caption = QLabel(self)
        self._caption.setProperty("dim", True)
        self._caption.setWordWrap(True)
        self._diagnosis = QLabel(self)
        self._diagnosis.setWordWrap(True)
        self._diagnosis.setToolTip(DIAGNOSIS)
        self._encode = QPushButton("Encode a picture…", self)
        self._encode.setToolTip("Find the point of a real picture; dropping one on the window does the same.")
        self._numbers = {name: QLabel(self) for name in ("KL", "Error")}
        tips = {
            "KL": "Of the encoder's posterior from N(0, 1), summed over the latents.",
            "Error": "Root mean square difference of picture and reconstruction, of the range from black to white.",
        }
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        for place, (name, value) in enumerate(self._numbers.items()):
            label = QLabel(name, self)
            label.setProperty("dim", True)
            label.setToolTip(tips[name])
            value.setToolTip(tips[name])
            grid.addWidget(label, 0, 2 * place)
            grid.addWidget(value, 0, 2 * place + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        self._reading_box = QWidget(self)
        self._reading_box.setLayout(grid)
        grid.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._encode)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._diagnosis)
        column.addWidget(self._bars)
        column.addWidget(self._caption)
        column.addWidget(self._reading_box)
        column.addLayout(row)
        self._read: ImageFile | None = None
        self._shows_usual = False  # the KL on the training data is in sight already
        self._encode.clicked.connect(self.ask_picture)
        desk.session.model_changed.connect(self.show_model)
        desk.session.scene_seen.connect(self.show_scene)
        self.show_model()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "posterior" in facts.capabilities

    @Slot()
    def show_model(self) -> None:
        """Show which latents the encoder uses on its training data."""
        model = self.desk.session.model
        self._read, self._shows_usual = None, False
        diagnosis = str(getattr(model.facts, "diagnosis", "")) if model is not None else ""
        self._diagnosis.setText(diagnosis)
        self._diagnosis.setVisible(bool(diagnosis))
        self.show_scene()

    @Slot()
    def show_scene(self) -> None:
        """Read the picture the point comes from, where it comes from one."""
        model, source = self.desk.session.model, self.desk.session.scene.latent.sources[0][0]
        if model is None or not self.fits(model.facts):
            return
        if not isinstance(source, ImageFile):
            if self._shows_usual:
                return
            self._read, self._shows_usual = None, True
            self._reading_box.hide()
            self._show_kl(model.facts.usual_kl, "on the training data")
        elif source != self._read:
            self._read, self._shows_usual = source, False
            self.desk.live.reading("reading", model, source.path, self.show_reading)

    def show_reading(self, reading: Reading) -> None:
        """Show the numbers of an encoded picture."""
        if self._read is None:
            return
        self._numbers["KL"].setText(f"{reading.kl.sum():.1f} nats")
        self._numbers["Error"].setText(f"{reading.error / 2:.1%} RMS")
        self._reading_box.show()
        self._show_kl(reading.kl, "for this picture")

    @Slot()
    def ask_picture(self) -> None:
        folder = self.desk.actions.preferences.last_folder
        ask_open(self.window(), "Encode a picture", folder, PICTURES, self.desk.actions.open)

    def _show_kl(self, kl: np.ndarray | None, where: str) -> None:
        if kl is None:
            self._bars.hide()
            self._caption.setText("This checkpoint does not say how its latents are used; encode a picture to see.")
            return
        ordered = np.sort(kl)[::-1]
        used = int((ordered > USED).sum())
        self._bars.show()
        self._bars.setValues(ordered)
        self._bars.setHighlight(ordered > USED)
        collapsed = "none collapsed" if used == len(kl) else f"{len(kl) - used} collapsed"
        self._caption.setText(
            f"KL per latent {where}: {used} of {len(kl)} in use, {collapsed}; {kl.sum():.0f} nats in all."
        )
        self.state_changed.emit(f"{used}/{len(kl)} in use")
