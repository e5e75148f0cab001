"""What a panel in the right column is: a view of the session that appears where a model has what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from explorer.actions import Actions
from explorer.live import Live
from explorer.playback import Playback
from explorer.session import Session

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["Desk", "Panel"]


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What every part of the window works with."""

    session: Session
    actions: Actions
    live: Live
    playback: Playback = field(default_factory=Playback)  # of the denoising run, for all that follow its playhead


class Panel(QWidget):
    """Reads the session, asks actions, never talks to another panel or to the network."""

    title: ClassVar[str]
    starts_folded: ClassVar[bool] = False  # until a person opens it
    state_changed = Signal(str)  # the words at the right of the panel's title
    heading_changed = Signal(str)  # what the title reads for the open model, where that is not ``title``

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk

    @classmethod
    def fits(cls, facts: ModelFacts) -> bool:
        """Whether the panel has something to show for a model."""
        return True
