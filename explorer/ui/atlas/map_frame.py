"""One image of the map, drawn away from the main thread: ground, points, thumbnails, and where rings belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QTransform

from explorer.atlas import splat
from explorer.atlas.density import levels
from explorer.atlas.point_index import PointIndex, index_points
from explorer.ui.atlas.colours import channels
from explorer.ui.atlas.map_ground import Ground, contours
from explorer.ui.atlas.map_view import MapView
from explorer.ui.images import draw_image, qimage

__all__ = ["OVERSCAN", "Frame", "MapContent", "MapRequest", "Thumbs", "drawn", "frames", "spaced"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]

OVERSCAN: Final = 48  # pixels drawn beyond every edge, so that a drag has something to show at once
AT_ONCE: Final = 100_000  # points that are sorted before they are first shown
FEW: Final = 3000  # points in view, and their pictures are shown
UNSURE: Final = 4  # times as many may be counted before those in view are picked out; or so small a share of all
SIDES: Final = ((40, 72), (250, 52), (1000, 40), (FEW, 30))  # of a thumbnail, by how many points are in view

ROOM: Final = 6  # pixels between thumbnails, at least
MOST_RINGS: Final = 300
MOST_LOOKED_AT: Final = 20_000  # flagged points
HELD: Final = (0.95, 0.9, 0.75, 0.5, 0.25)  # shares of all points inside the lines of density
SLIM: Final = 0.8  # of the usual radius: pictures are shown where points are few
USUAL_AREA: Final = 600_000.0  # pixels; in a smaller map points are as small as if they were more
STAIRS: Final = 4  # steps of spacing while a zoom doubles the scale
RING_ROOM: Final = 13  # pixels between the middles of rings
FADED: Final = 0.28  # of a thumbnail that is not selected
AROUND: Final = tuple((right, down) for right in (-1, 0, 1) for down in (-1, 0, 1) if right or down)
TILES: Final = 0.4  # opacity of the ground
EDGE: Final = 1.5  # of a thumbnail, in the colour of its point


@dataclass(frozen=True, slots=True, eq=False)
class MapContent:
    """What there is to be seen on a map.

    Attributes:
        positions: float32 (m, 2); colours: uint8 (m, 3).
        selected, flagged: bool (m,), None for none.
        thumbnails: uint8 (m, h, w, c), perhaps in a file.
    """

    positions: Floats = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    colours: Pixels = field(default_factory=lambda: np.zeros((0, 3), np.uint8))
    selected: Bools | None = None
    flagged: Bools | None = None
    thumbnails: Pixels | None = None
    ground: Ground = field(default_factory=Ground)

    def matching(self, plain: str, shows_thumbnails: bool) -> MapContent:
        """The same without what is about another number of points; those without colours have the ``plain`` one."""
        count = len(self.positions)
        selected, flagged = (
            mask if mask is not None and len(mask) == count else None for mask in (self.selected, self.flagged)
        )
        pictures = self.thumbnails
        has_pictures = shows_thumbnails and pictures is not None and len(pictures) >= count
        tints = self.colours
        if len(tints) != count:
            tints = np.tile(np.array(channels(plain), np.uint8), (count, 1))
        return replace(
            self,
            colours=tints,
            selected=selected,
            flagged=flagged,
            thumbnails=pictures if has_pictures else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MapRequest:
    """Everything an image of the map depends on.

    Attributes:
        view: of the widget; size: of the widget in pixels; ratio: device pixels per pixel.
        tones: by name, red, green and blue of the theme: ground, line, flag.
    """

    content: MapContent
    view: MapView
    size: tuple[int, int]
    ratio: float
    tones: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Thumbs:
    """Thumbnails of some rows, one below the other on a sheet, and where in the map their middles lie."""

    rows: Ints
    positions: Floats
    side: int
    sheet: QImage


@dataclass(frozen=True, slots=True, eq=False)
class Sorted:
    """Points in the order of their squares, which halves the time of counting them: neighbours share memory."""

    index: PointIndex
    colours: Pixels  # those that were sorted
    selected: Bools | None
    positions: Floats
    tints: Pixels
    bright: Bools | None

    @staticmethod
    def of(content: MapContent, index: PointIndex, before: Sorted | None) -> Sorted:
        """Sort what has changed since ``before``."""
        if before is None or before.index is not index:
            before = None
        elif before.colours is content.colours and before.selected is content.selected:
            return before
        order = index.order
        positions = content.positions[order] if before is None else before.positions
        is_new = before is None or before.colours is not content.colours
        tints = content.colours[order] if is_new or before is None else before.tints
        bright = None if content.selected is None else content.selected[order]
        return Sorted(index, content.colours, content.selected, positions, tints, bright)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The map as an image whose left top corner is that of ``view``, with what is painted over it."""

    image: QImage
    view: MapView
    ratio: float
    visible: int
    thumbs: Thumbs | None
    rings: Floats  # (k, 2) positions
    index: PointIndex | None
    ground: Ground
    lines: QPainterPath
    ordered: Sorted | None = None


def frames(request: MapRequest, last: Callable[[], Frame | None]) -> Iterator[Frame]:
    """The image that was asked for; ``last`` gives the one before, which holds what need not be made anew.

    Many points are shown before they are sorted, and all before the drawing is compiled; then they are shown again.
    """
    before = last()
    positions, ground = request.content.positions, request.content.ground
    index = None if before is None else before.index
    lines = before.lines if before is not None and before.ground is ground else _lines(ground)
    if index is None or index.positions is not positions:
        if len(positions) > AT_ONCE:
            yield drawn(request, None, lines)
        index = index_points(positions)
    ordered = None
    if len(positions) > AT_ONCE:
        ordered = Sorted.of(request.content, index, None if before is None else before.ordered)
    yield drawn(request, index, lines, ordered)
    if not splat.is_ready():
        splat.warm_up()
        yield drawn(request, index, lines, ordered)


def drawn(request: MapRequest, index: PointIndex | None, lines: QPainterPath, ordered: Sorted | None = None) -> Frame:
    """Draw it. Any thread."""
    view = request.view.moved(OVERSCAN, OVERSCAN)
    width, height = request.size[0] + 2 * OVERSCAN, request.size[1] + 2 * OVERSCAN
    right, bottom = view.to_map(width, height)
    rect = (view.left, view.top, right, bottom)
    count = len(request.content.positions)
    visible = count if index is None else index.count_in(*rect)
    rows = None
    if index is not None and visible <= max(UNSURE * FEW, count // UNSURE):
        rows = index.rows_in(*rect)
        visible = len(rows)
    device = (round(width * request.ratio), round(height * request.ratio))
    image = _painted(request, view, device, lines, rows, visible, ordered)
    thumbs = None if rows is None else _thumbs(request, rows)
    rings = _rings(request, rect, thumbs)
    return Frame(image, view, request.ratio, visible, thumbs, rings, index, request.content.ground, lines, ordered)


def spaced(positions: npt.NDArray[np.floating], scale: float, room: float) -> Ints:
    """Places in ``positions`` (n, 2), the first ones preferred, that lie ``room`` pixels apart on one axis at least.

    The scale is rounded down to a step of a staircase, so that the choice stays the same over a good part of a zoom.
    """
    pitch = room / 2.0 ** (np.floor(np.log2(scale) * STAIRS) / STAIRS)
    kept: dict[tuple[int, int], tuple[float, float]] = {}  # by squares of that size, each of which holds one at most
    squares = np.floor(np.asarray(positions, np.float64) / pitch).astype(np.int64).tolist()
    chosen = []
    for place, ((column, line), (x, y)) in enumerate(zip(squares, positions.tolist(), strict=True)):
        if (column, line) not in kept and all(
            abs(x - other[0]) >= pitch or abs(y - other[1]) >= pitch
            for right, down in AROUND
            if (other := kept.get((column + right, line + down))) is not None
        ):
            kept[column, line] = (x, y)
            chosen.append(place)
    return np.array(chosen, np.int64)


def _lines(ground: Ground) -> QPainterPath:
    """Lines of equal density that hold certain shares of all points, as one path in positions of the map."""
    path = QPainterPath()
    if ground.density is not None:
        pieces = contours(ground.density, ground.density_rect, levels(ground.density, HELD))
        for (left, top), (right, bottom) in pieces.tolist():
            path.moveTo(left, top)
            path.lineTo(right, bottom)
    return path


def _painted(
    request: MapRequest,
    view: MapView,
    size: tuple[int, int],
    lines: QPainterPath,
    rows: Ints | None,
    visible: int,
    ordered: Sorted | None,
) -> QImage:
    """Ground, lines and points, opaque; ``rows`` are those in view, where they are far fewer than all."""
    device, ground = replace(view, scale=view.scale * request.ratio), request.content.ground
    image = QImage(size[0], size[1], QImage.Format.Format_RGB32)
    image.fill(QColor(*request.tones["ground"]))
    painter = QPainter(image)
    if ground.pixels is not None:
        left, top = device.to_screen(np.array(ground.rect[:2])).tolist()
        target = QRectF(left, top, ground.rect[2] * device.scale, ground.rect[3] * device.scale)
        painter.setOpacity(TILES)
        draw_image(painter, target, qimage(ground.pixels), smooth=True)
        painter.setOpacity(1.0)
    if not lines.isEmpty():
        pen = QPen(QColor(*request.tones["line"]), request.ratio)
        pen.setCosmetic(True)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setTransform(_transform(device))
        painter.drawPath(lines)
        painter.resetTransform()
    if len(request.content.positions):
        area = size[0] * size[1] / request.ratio**2
        radius = SLIM * splat.usual_radius(round(visible * max(USUAL_AREA / area, 1.0)))
        positions, tints, bright = request.content.positions, request.content.colours, request.content.selected
        if rows is not None:
            positions, tints, bright = positions[rows], tints[rows], None if bright is None else bright[rows]
        elif ordered is not None:
            positions, tints, bright = ordered.positions, ordered.tints, ordered.bright
        strength = splat.usual_opacity(radius)
        points = splat.draw(positions, tints, device, size, bright, radius * request.ratio, strength)
        painter.drawImage(0, 0, _premultiplied(points))
    painter.end()
    image.setDevicePixelRatio(request.ratio)
    return image


def _transform(view: MapView) -> QTransform:
    """From positions of the map to pixels."""
    return QTransform(view.scale, 0, 0, view.scale, -view.left * view.scale, -view.top * view.scale)


def _premultiplied(pixels: Pixels) -> QImage:
    """Pixels (h, w, 4) as an image that shares their memory."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied)


def _thumbs(request: MapRequest, rows: Ints) -> Thumbs | None:
    """Pictures of the points in view, where they are few and do not crowd; those selected come first."""
    if request.content.thumbnails is None or not 0 < len(rows) <= FEW:
        return None
    side = next(side for count, side in SIDES if len(rows) <= count)
    rows = np.sort(rows)
    if request.content.selected is not None:
        rows = rows[np.argsort(~request.content.selected[rows], kind="stable")]
    rows = rows[spaced(request.content.positions[rows], request.view.scale, side + ROOM)]
    device = round(side * request.ratio)
    edge = max(round(EDGE * request.ratio), 1)
    inner = device - 2 * edge
    pictures = _resized(np.asarray(request.content.thumbnails[rows]), inner)
    edges = request.content.colours[rows].astype(np.float32)
    if request.content.flagged is not None:
        edges[request.content.flagged[rows]] = request.tones["flag"]
    sheet = np.empty((len(rows), device, device, 4), np.float32)
    sheet[...] = 255
    sheet[..., :3] = edges[:, None, None, :]
    sheet[:, edge:-edge, edge:-edge, :3] = pictures
    if request.content.selected is not None:
        sheet[~request.content.selected[rows]] *= FADED
    pixels = np.ascontiguousarray(sheet.reshape(-1, device, 4).round().astype(np.uint8))
    image = _premultiplied(pixels).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return Thumbs(rows, request.content.positions[rows], side, image)


def _resized(pictures: Pixels, side: int) -> Floats:
    """Pictures (k, h, w, c) at ``side`` by ``side`` pixels with three channels, averaged where they get smaller."""
    down, across = _weights(pictures.shape[1], side), _weights(pictures.shape[2], side)
    made = np.einsum("ih,khwc->kiwc", down, pictures.astype(np.float32), optimize=True)
    made = np.einsum("jw,kiwc->kijc", across, made, optimize=True)
    return np.broadcast_to(made, (*made.shape[:3], 3)) if made.shape[3] == 1 else made


def _weights(old: int, new: int) -> Floats:
    """Weights (new, old) of linear interpolation, over a wider triangle where there are fewer pixels than before."""
    width = max(old / new, 1.0)
    middles = (np.arange(new) + 0.5) * old / new - 0.5
    weights = np.maximum(1 - np.abs(np.arange(old)[None, :] - middles[:, None]) / width, 0)
    shares: Floats = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return shares


def _rings(request: MapRequest, rect: tuple[float, float, float, float], thumbs: Thumbs | None) -> Floats:
    """Where rings go: around what is flagged, in view and no thumbnail, one for several at the same place."""
    if request.content.flagged is None:
        return np.zeros((0, 2), np.float32)
    rows = np.flatnonzero(request.content.flagged)
    if thumbs is not None:
        rows = np.setdiff1d(rows, thumbs.rows)
    found = request.content.positions[rows]
    left, top, right, bottom = rect
    x, y = found[:, 0], found[:, 1]
    found = found[(x >= left) & (x <= right) & (y >= top) & (y <= bottom)]
    return found[spaced(found[:MOST_LOOKED_AT], request.view.scale, RING_ROOM)[:MOST_RINGS]]
