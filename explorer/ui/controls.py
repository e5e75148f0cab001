"""The generic controls of the window, under one roof: they know nothing of models, scenes or sessions."""

from __future__ import annotations

from explorer.ui.bars import Bars
from explorer.ui.card import Card
from explorer.ui.gauge import Gauge
from explorer.ui.icon_button import IconButton
from explorer.ui.images import qimage
from explorer.ui.slider_list import SliderList
from explorer.ui.slider_row import SliderRow
from explorer.ui.strip import ThumbnailStrip

__all__ = ["Bars", "Card", "Gauge", "IconButton", "SliderList", "SliderRow", "ThumbnailStrip", "qimage"]
