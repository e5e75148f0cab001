"""The timeline of the window: keyframes in time, played, edited by hand, and handed over for export."""

from __future__ import annotations

from explorer.ui.timeline.dock import Timeline, film_size
from explorer.ui.timeline.thumbnails import reduced

__all__ = ["Timeline", "film_size", "reduced"]
