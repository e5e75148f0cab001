"""Where a picture lies in a widget: fitted, at its true size, or zoomed about a point."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF

__all__ = ["View", "fitted", "kept_inside", "scaled_about_centre", "zoomed"]


@dataclass(frozen=True, slots=True)
class View:
    """A scale (screen pixels per content pixel) and the screen position of the content's top left corner."""

    scale: float
    x: float
    y: float

    def to_screen(self, rect: QRectF) -> QRectF:
        """A rectangle of the content, on the screen."""
        return QRectF(
            self.x + rect.x() * self.scale,
            self.y + rect.y() * self.scale,
            rect.width() * self.scale,
            rect.height() * self.scale,
        )

    def to_content(self, point: QPointF) -> QPointF:
        """A point of the screen, in the content."""
        return QPointF((point.x() - self.x) / self.scale, (point.y() - self.y) / self.scale)


def fitted(content: QSizeF, area: QRectF, ratio: float, whole: bool) -> View:
    """The largest view that shows all of the content in the middle of ``area``.

    ``whole`` asks for a whole number of device pixels per content pixel (where it is at least one), which keeps the
    squares of an unsmoothed picture equal. ``ratio`` is device pixels per screen pixel.
    """
    scale = min(area.width() / content.width(), area.height() / content.height())
    scale = max(scale, 1e-6)
    if whole and scale * ratio >= 1:
        scale = math.floor(scale * ratio) / ratio
    return scaled_about_centre(content, area, scale)


def scaled_about_centre(content: QSizeF, area: QRectF, scale: float) -> View:
    """The content at ``scale`` in the middle of ``area``."""
    x = area.center().x() - content.width() * scale / 2
    y = area.center().y() - content.height() * scale / 2
    return View(scale, x, y)


def zoomed(view: View, scale: float, about: QPointF) -> View:
    """The view at another scale, with the content under ``about`` staying where it is."""
    point = view.to_content(about)
    return View(scale, about.x() - point.x() * scale, about.y() - point.y() * scale)


def kept_inside(view: View, content: QSizeF, area: QRectF) -> View:
    """The view moved so that content larger than ``area`` covers it, and smaller content is in its middle."""
    x = _kept(view.x, content.width() * view.scale, area.left(), area.width())
    y = _kept(view.y, content.height() * view.scale, area.top(), area.height())
    return View(view.scale, x, y)


def _kept(start: float, length: float, left: float, room: float) -> float:
    if length <= room:
        return left + (room - length) / 2
    return min(max(start, left + room - length), left)
