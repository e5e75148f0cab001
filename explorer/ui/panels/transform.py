"""Where a model that can puts its picture: moved and turned as one, beyond the edges too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, Signal, Slot
from PySide6.QtGui import QEnterEvent, QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from explorer.scene import Transform
from explorer.ui.controls import SliderRow
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.panel import Desk, Panel
from explorer.ui.slider_parts import MINUS

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["TransformPanel"]

FARTHEST: Final = 0.5  # picture widths
RIGHT = "How far the picture is moved to the right, in picture widths; what was beyond the edge comes into sight."
DOWN = "How far the picture is moved down, in picture widths; what was beyond the edge comes into sight."
TURN = (
    "How far the picture is turned about its middle, counterclockwise. "
    "Models of configuration R keep their details, others change some."
)


class TransformPanel(Panel):
    """The numbers behind the handles over the picture."""

    title = "Transform"
    used = Signal(bool)  # whether the mouse or the keyboard is here: then the handles are worth seeing

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._right = SliderRow("Right", -FARTHEST, FARTHEST, 0.0, "", 3, RIGHT, self)
        self._down = SliderRow("Down", -FARTHEST, FARTHEST, 0.0, "", 3, DOWN, self)
        self._turn = SliderRow("Turn", -180.0, 180.0, 0.0, "°", 1, TURN, self)
        self._words = ElidedLabel(self)
        self._words.show_words("Or drag the handles on the picture.")
        self._words.setToolTip("Drag the cross in the picture to move it, and the circle above it to turn it.")
        self._reset = QPushButton("Reset", self)
        self._reset.setToolTip("Put the picture back where the model made it.")
        self._is_over = self._has_focus = False
        self._lay_out()
        self._right.valueChanged.connect(self.move_right)
        self._down.valueChanged.connect(self.move_down)
        self._turn.valueChanged.connect(self.turn)
        self._right.settled.connect(self.settle_move)
        self._down.settled.connect(self.settle_move)
        self._turn.settled.connect(self.settle_turn)
        self._reset.clicked.connect(self.reset)
        desk.session.model_changed.connect(self.show_scene)
        desk.session.scene_seen.connect(self.show_scene)
        for control in self.findChildren(QWidget):
            control.installEventFilter(self)  # for the keyboard's coming and going
        self.show_scene()

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        return "transform" in facts.capabilities

    # --- showing ---

    @Slot()
    def show_scene(self) -> None:
        """Show where the picture of the scene is."""
        model, moved = self.desk.session.model, self.desk.session.scene.transform
        if model is None or not self.fits(model.facts):
            return
        self._right.setValue(moved.x)
        self._down.setValue(moved.y)
        self._turn.setValue(moved.degrees)
        self._reset.setEnabled(moved != Transform())
        self.state_changed.emit(_told(moved))

    # --- changing ---

    @Slot(float)
    def move_right(self, widths: float) -> None:
        self._change(replace(self._transform(), x=widths))

    @Slot(float)
    def move_down(self, widths: float) -> None:
        self._change(replace(self._transform(), y=widths))

    @Slot(float)
    def turn(self, degrees: float) -> None:
        self._change(replace(self._transform(), degrees=degrees))

    @Slot()
    def settle_move(self) -> None:
        self.desk.session.settle("Move")

    @Slot()
    def settle_turn(self) -> None:
        self.desk.session.settle("Turn")

    @Slot()
    def reset(self) -> None:
        """Put the picture back where the model made it."""
        self._change(Transform(), "Reset the transform")

    # --- Qt ---

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice when the keyboard comes here or leaves."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._note_use(self._is_over, event.type() == QEvent.Type.FocusIn)
        return False

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._note_use(True, self._has_focus)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._note_use(False, self._has_focus)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._note_use(False, False)

    # --- private ---

    def _transform(self) -> Transform:
        return self.desk.session.scene.transform

    def _change(self, transform: Transform, label: str = "") -> None:
        """Go to this transform, as a step of undo where it has a label."""
        session = self.desk.session
        if session.model is not None and transform != session.scene.transform:
            self.desk.actions.motion.stop()
            session.change(replace(session.scene, transform=transform), label, settled=bool(label))

    def _note_use(self, is_over: bool, has_focus: bool) -> None:
        before = self._is_over or self._has_focus
        self._is_over, self._has_focus = is_over, has_focus
        if before != (is_over or has_focus):
            self.used.emit(not before)

    def _lay_out(self) -> None:
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self._words, 1)
        bottom.addWidget(self._reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for row in (self._right, self._down, self._turn):
            column.addWidget(row)
        column.addLayout(bottom)


def _told(moved: Transform) -> str:
    """Where the picture is, in a few words, or the unit where it is not moved."""
    if moved == Transform():
        return "in picture widths"
    place, turn = f"{moved.x:+.2f}, {moved.y:+.2f}", f"{moved.degrees:+.0f}°"
    if moved.degrees == 0.0:
        words = f"{place} widths"
    elif (moved.x, moved.y) == (0.0, 0.0):
        words = f"turned {turn}"
    else:
        words = f"{place} · {turn}"
    return words.replace("-", MINUS)
