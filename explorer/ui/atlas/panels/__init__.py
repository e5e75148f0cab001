"""The panels about a map, in their order. To add one: write its module and add its name here."""

from __future__ import annotations

from explorer.ui.atlas.panels.checking import ChecksPanel
from explorer.ui.atlas.panels.filtering import FilterPanel
from explorer.ui.atlas.panels.flagged import FlaggedPanel
from explorer.ui.atlas.panels.inspector import InspectorPanel
from explorer.ui.atlas.panels.layout import LayoutPanel
from explorer.ui.atlas.panels.threshold import ThresholdPanel
from explorer.ui.panel import Panel

__all__ = ["ATLAS_PANELS"]

ATLAS_PANELS: tuple[type[Panel], ...] = (
    ThresholdPanel,
    InspectorPanel,
    FlaggedPanel,
    LayoutPanel,
    FilterPanel,
    ChecksPanel,
)
