"""Where the content of a picture that was moved and turned lies on the screen, and where its handles are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QTransform

from explorer.scene import Transform

__all__ = ["ARM", "HEADROOM", "MOVE", "RADIUS", "TURN", "Frame", "moved_by", "turned_by"]

STEM: Final = 16.0  # from the upper edge of the content to the middle of the circle
RADIUS: Final = 6.0  # of the circle
ARM: Final = 11.0  # of the cross
REACH: Final = 13.0  # so near to a handle counts as on it
SHORTEST: Final = 48.0  # from the cross to the circle
HEADROOM: Final = 26.0  # pixels above a fitted picture that the circle needs
SNAP: Final = 15.0  # degrees
MOVE: Final = "Move"
TURN: Final = "Turn"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the content of a picture lies on the screen, and the handles with it: kept inside ``room``."""

    picture: QRectF  # where the picture is shown
    room: QRectF
    transform: Transform

    @property
    def middle(self) -> QPointF:
        """Where the content has its middle, in or out of sight."""
        moved = QPointF(self.transform.x * self.picture.width(), self.transform.y * self.picture.width())
        return self.picture.center() + moved

    @property
    def cross(self) -> QPointF:
        """The middle of the move handle."""
        inside = self.room.adjusted(ARM, ARM, -ARM, -ARM)
        middle = self.middle
        return QPointF(
            min(max(middle.x(), inside.left()), inside.right()), min(max(middle.y(), inside.top()), inside.bottom())
        )

    @property
    def circle(self) -> QPointF:
        """The middle of the turn handle: beyond the upper edge of the content, nearer where that is out of sight, and
        on the other side where there is no room at all."""
        ways = [(self._seen(self.upwards * side), self.upwards * side) for side in (1.0, -1.0)]
        length, way = ways[0] if ways[0][0] >= min(SHORTEST, ways[1][0]) else ways[1]
        return self.cross + way * length

    @property
    def upwards(self) -> QPointF:
        """The way up of the content, of length 1: degrees count counterclockwise."""
        angle = math.radians(self.transform.degrees)
        return QPointF(-math.sin(angle), -math.cos(angle))

    def corners(self) -> QTransform:
        """From the square around (0, 0) of side 1 to the content on the screen."""
        side = self.picture.width()
        return (
            QTransform()
            .translate(self.middle.x(), self.middle.y())
            .rotate(-self.transform.degrees)
            .scale(side, self.picture.height())
        )

    def handle_at(self, point: QPointF) -> str:
        """The handle under a point, or nothing."""
        near = [(QLineF(place, point).length(), name) for name, place in ((MOVE, self.cross), (TURN, self.circle))]
        distance, name = min(near)
        return name if distance <= REACH else ""

    def _seen(self, way: QPointF) -> float:
        """How far one may go from the cross along ``way`` to where the circle belongs, or to the end of the room."""
        inside = self.room.adjusted(RADIUS, RADIUS, -RADIUS, -RADIUS)
        length = self.picture.height() / 2 + STEM
        for part, start, low, high in (
            (way.x(), self.cross.x(), inside.left(), inside.right()),
            (way.y(), self.cross.y(), inside.top(), inside.bottom()),
        ):
            if abs(part) > 1e-9:
                length = min(length, ((high if part > 0 else low) - start) / part)
        return max(length, 0.0)


def moved_by(start: Transform, across: float, down: float) -> Transform:
    """The transform with its content moved by parts of the picture's width."""
    return replace(start, x=round(start.x + across, 5) + 0.0, y=round(start.y + down, 5) + 0.0)


def turned_by(start: Transform, degrees: float, snap: bool = False) -> Transform:
    """The transform turned counterclockwise, -180 to 180 degrees; ``snap`` goes to whole steps of 15."""
    turned = start.degrees + degrees
    turned = round(turned / SNAP) * SNAP if snap else round(turned, 2)
    return replace(start, degrees=turned - 360.0 * math.ceil((turned - 180.0) / 360.0) + 0.0)
