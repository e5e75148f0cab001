"""A cloud of points as one image: a million of them within a frame, on two weak cores."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from explorer.atlas.compiling import beside, plain, shares
from explorer.atlas.values import Bools, Bytes, Floats

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["DIM", "View", "draw", "is_ready", "usual_opacity", "usual_radius", "warm_up"]

DIM: Final = (128, 128, 128)  # points that are not highlighted
DIM_SHARE: Final = 0.35  # of the opacity of the others
DOT: Final = 0.75  # radius in pixels up to which a point is one pixel, and points of a pixel are counted
MOST_DISCS: Final = 300_000
MANY: Final = 50_000  # points that are worth a thread
MANY_LINES: Final = 64
STEPS: Final = 4  # parts of a pixel that a disc may be moved by
NONE: Final[Bools] = np.zeros(0, np.bool_)

_ready: list[ModuleType] = []  # the compiled loops, once they are


class View(Protocol):
    """What part of a map is seen: the position of the left top corner, and pixels per unit; y points down."""

    @property
    def left(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def scale(self) -> float: ...


def draw(
    positions: Floats,
    colours: Bytes,
    view: View,
    size: tuple[int, int],
    highlight: Bools | None = None,
    radius: float = 0.5,
    opacity: float | None = None,
    dim: tuple[int, int, int] = DIM,
) -> Bytes:
    """The points as uint8 (h, w, 4): red, green, blue, opacity, the colours multiplied by the opacity.

    Up to a ``radius`` of ``DOT`` pixels a point is a pixel and the colours of a pixel are averaged, the more opaque the
    more points; above it is a disc with a smooth edge, the last on top. More points than ``MOST_DISCS`` are counted in
    large pixels instead. Where ``highlight`` (m,) is given, the others are ``dim`` and lie below. Until ``warm_up`` has
    run, everything is drawn as pixels, slowly. Any thread.

    Args:
        positions: float32 (m, 2), in units of the map; points that are not finite are left out.
        colours: uint8 (m, 3).
        size: width and height in pixels.
        opacity: of a single point, in (0, 1]; None for one that suits the radius.
    """
    width, height = size
    assert len(positions) == len(colours), "a colour for every position"
    if width <= 0 or height <= 0:
        return np.zeros((max(height, 0), max(width, 0), 4), np.uint8)
    strength = usual_opacity(radius) if opacity is None else opacity
    if _ready and radius > DOT and len(positions) > MOST_DISCS:
        side = max(2, round(2 * radius))
        coarse = _Coarse(view.left, view.top, view.scale / side)
        few = draw(positions, colours, coarse, (-(-width // side), -(-height // side)), highlight, DOT, strength, dim)
        whole = few.view(np.uint32)[..., 0].repeat(side, 0).repeat(side, 1)[:height, :width]
        return np.ascontiguousarray(whole).view(np.uint8).reshape(height, width, 4)
    if not _ready:
        return _draw_slowly(positions, colours, view, size, highlight, strength, dim)
    kernels = _ready[0]
    points, tints = plain(positions), plain(colours)
    bright = NONE.copy() if highlight is None else plain(highlight)
    place = float(view.left), float(view.top), float(view.scale)
    lines = shares(height, MANY_LINES)
    if radius <= DOT:
        image = np.empty((height, width, 4), np.uint8)
        table = _opacities(strength)
        dim_table = table if highlight is None else _opacities(strength * DIM_SHARE)
        grey = dim[0] | dim[1] << 16 | dim[2] << 32
        edges = shares(len(points), MANY)
        parts = _scratch.take((len(edges) - 1, height, width))

        def count(share: int) -> None:
            kernels.add_dots(parts[share], edges[share], edges[share + 1], points, tints, bright, *place, grey)

        def resolve(first: int, last: int) -> None:
            kernels.resolve(parts, image, first, last, table, dim_table)

        beside(count, [(share,) for share in range(len(parts))])
        beside(resolve, list(itertools.pairwise(lines)))
    else:
        image = np.zeros((height, width, 4), np.uint8)
        stamps, strengths = _stamps(radius), (strength, strength * DIM_SHARE)

        def paint(first: int, last: int) -> None:
            kernels.paint_discs(image, first, last, points, tints, bright, place, dim, stamps, *strengths)

        beside(paint, list(itertools.pairwise(lines)))
    return image


def usual_radius(visible: int) -> float:
    """A radius in pixels that suits so many points in view: 4 for a few hundred, a single pixel from about 160,000."""
    return float(np.clip(3.5 * (2000 / max(visible, 1)) ** 0.35, 0.5, 4.0))


def usual_opacity(radius: float) -> float:
    """How opaque a point of that radius is by itself: a pixel less, so that crowds stand out."""
    return float(np.interp(radius, (0.5, DOT, 3.0), (0.45, 0.6, 0.9)))


def warm_up() -> None:
    """Compile the loops, or read them from the disk; the first time takes seconds. Call it on a thread of its own."""
    if _ready:
        return
    from explorer.atlas import splat_kernels as kernels

    positions, colours = np.zeros((1, 2), np.float32), np.zeros((1, 3), np.uint8)
    sums, image = np.zeros((2, 2), np.uint64), np.zeros((2, 2, 4), np.uint8)
    table = np.zeros(256, np.uint8)
    kernels.add_dots(sums, 0, 1, positions, colours, NONE.copy(), 0.0, 0.0, 1.0, 0)
    kernels.resolve(sums[None], image, 0, 2, table, table)
    kernels.paint_discs(image, 0, 2, positions, colours, NONE.copy(), (0.0, 0.0, 1.0), DIM, _stamps(2.0), 1.0, 0.5)
    _ready.append(kernels)
    from explorer.atlas import lasso  # which nobody should have to wait for at the first outline

    lasso.warm_up()


def is_ready() -> bool:
    """Whether points are drawn by compiled loops."""
    return bool(_ready)


@dataclass(frozen=True, slots=True)
class _Coarse:
    """A view of larger pixels."""

    left: float
    top: float
    scale: float


class _Scratch(threading.local):
    """Memory for counting that a thread keeps from one image to the next; it is all zeros between them."""

    array: npt.NDArray[np.uint64] | None = None

    def take(self, shape: tuple[int, int, int]) -> npt.NDArray[np.uint64]:
        if self.array is None or self.array.shape != shape:
            self.array = np.zeros(shape, np.uint64)
        return self.array


_scratch = _Scratch()


def _stamps(radius: float) -> Floats:
    """How much of each pixel a disc covers, (STEPS, STEPS, side, side): for its middle in so many parts of a pixel."""
    reach = radius + 0.5
    side = math.floor(2 * reach) + 2
    parts = (np.arange(STEPS) + 0.5) / STEPS
    along = np.arange(side) + 0.5 - (side // 2 + parts[:, None])  # from the middle, in pixel side // 2 of the stamp
    far = np.sqrt(np.square(along)[:, None, :, None] + np.square(along)[None, :, None, :])
    covered: Floats = np.clip(reach - far, 0, 1).astype(np.float32)
    return covered


def _opacities(strength: float) -> Bytes:
    """How opaque a pixel with so many points is, (256,): each covers ``strength`` of what those below left."""
    table = np.round(255 * (1 - (1 - strength) ** np.arange(256)))
    return np.minimum(table, 255).astype(np.uint8)


def _draw_slowly(
    positions: Floats,
    colours: Bytes,
    view: View,
    size: tuple[int, int],
    highlight: Bools | None,
    strength: float,
    dim: tuple[int, int, int],
) -> Bytes:
    """The same by numpy, a pixel for every point."""
    width, height = size
    columns, rows = ((positions.astype(np.float64) - (view.left, view.top)) * view.scale).T
    seen = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    pixels = rows[seen].astype(np.int64) * width + columns[seen].astype(np.int64)
    tints, number = colours[seen].astype(np.float64), width * height
    share = np.full(number, strength)
    if highlight is not None:
        bright = highlight[seen]
        has_bright = np.bincount(pixels[bright], minlength=number) > 0
        tints[~bright] = dim
        kept = bright | ~has_bright[pixels]
        pixels, tints = pixels[kept], tints[kept]
        share[~has_bright] *= DIM_SHARE
    counts = np.bincount(pixels, minlength=number)
    opacities = 1 - (1 - share) ** np.minimum(counts, 255)
    image = np.zeros((number, 4), np.uint8)
    for channel in range(3):
        means = np.bincount(pixels, tints[:, channel], number) / np.maximum(counts, 1)
        image[:, channel] = means * opacities
    image[:, 3] = np.round(255 * opacities)
    return image.reshape(height, width, 4)
