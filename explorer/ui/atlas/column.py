"""The right column while the map is shown: panels about the dataset instead of the model."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from explorer.ui.atlas.panels import ATLAS_PANELS
from explorer.ui.column import PanelColumn
from explorer.ui.panel import Desk

__all__ = ["AtlasColumn"]


class AtlasColumn(PanelColumn):
    """Its panels are there as soon as there is a map."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, ATLAS_PANELS, parent)
        desk.actions.charting.chart_changed.connect(self.show_model)

    @Slot()
    def show_model(self) -> None:
        """Show the panels once there is a map to say something about."""
        has_chart = self._desk.actions.charting.chart is not None
        for card in self._cards:
            card.setVisible(has_chart)
