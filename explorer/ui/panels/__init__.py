"""The panels of the right column, in their order. To add one: write its module and add its name here."""

from __future__ import annotations

from explorer.ui.panel import Panel
from explorer.ui.panels.directions import DirectionsPanel
from explorer.ui.panels.latent import LatentPanel
from explorer.ui.panels.posterior import PosteriorPanel

__all__ = ["PANELS"]

PANELS: tuple[type[Panel], ...] = (LatentPanel, DirectionsPanel, PosteriorPanel)
