"""Why a picture is odd: where it differs from its copy, what it would be if normal, and whether that is the cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.judging import Judge
from explorer.atlas.local_errors import blurred_squares
from explorer.atlas.values import Bools, Bytes, Floats, Scores, Survey

if TYPE_CHECKING:
    import torch

    from explorer.atlas.lenses import Lens

__all__ = ["Repair", "copy_of", "heat_map", "made_normal", "nearest_normal", "normal_rows", "repair", "scaled"]

CELLS: Final = 32  # along a side of a heat map, at most: as fine as the error maps that its colours come from
NEAREST: Final = 10
LEAST_HOT: Final = 0.01  # the share of a picture that is repaired at least
BLOCK: Final = 65_536  # codes at a time
SUSPECT: Final = 0.05  # pictures with a p-value below are not shown as examples of normal ones


@dataclass(frozen=True, slots=True, eq=False)
class Repair:
    """A picture whose hottest region was replaced by that of its copy.

    Attributes:
        before, after: p-values of the picture as it is and repaired; a large rise proves that the region is the cause.
        pixels: uint8 (h, w, c), repaired.
        mask: bool (h, w), the region.
    """

    before: float
    after: float
    pixels: Bytes
    mask: Bools
    scores: Scores  # of the repaired picture


def heat_map(picture: Bytes, copy: Bytes) -> Floats:
    """Where a picture differs from its copy, both uint8 (h, w, c): blurred squared differences, float32 (h, w).

    Values are in [0, 1], at the fineness of 32 cells a side; sigma of the blur is one cell.
    """
    height, width = picture.shape[:2]
    missing = (picture.astype(np.float32) - copy).mean(2) / 255.0
    return _enlarged(blurred_squares(_pooled(missing)[None])[0], height, width)


def scaled(heat: Floats, scale: tuple[float, float]) -> Floats:
    """A heat map as 0, as usual in the reference, to 1, as in one cell of a thousand or hotter; see ``heat_scale``."""
    low, high = scale
    found: Floats = ((heat - low) / max(high - low, 1e-12)).clip(0.0, 1.0).astype(np.float32)
    return found


def copy_of(lens: Lens, picture: Bytes) -> Bytes:
    """What a lens makes of a picture (h, w, c) that fits it; raises SceneError where it makes no copies."""
    from explorer.points import to_images, to_uint8

    pixels: Bytes = to_uint8(lens.reconstruct(to_images(picture[None], _device(lens))))[0]
    return pixels


def repair(lens: Lens, judge: Judge, picture: Bytes) -> Repair:
    """Replace the region where a picture (h, w, c) is hotter than the reference ever is, and judge it again.

    Where nothing is that hot, it is the hottest hundredth. Raises SceneError where the lens makes no copies.
    """
    from explorer.points import to_images

    copy = copy_of(lens, picture)
    height, width = picture.shape[:2]
    missing = (picture.astype(np.float32) - copy).mean(2) / 255.0
    heat = blurred_squares(_pooled(missing)[None])[0]
    cells = heat > min(judge.heat_scale[1], float(np.quantile(heat, 1.0 - LEAST_HOT)))
    mask = _enlarged_mask(_grown(cells), height, width)
    pixels = np.where(mask[..., None], copy, picture)
    found = judge.judge(lens.look(to_images(np.stack([picture, pixels]), _device(lens))))
    return Repair(float(found.p_value[0]), float(found.p_value[1]), pixels, mask, found)


def normal_rows(scores: Scores) -> Bools:
    """The rows that may stand for what is normal: of the reference or fitted, and not odd themselves."""
    known = scores.reference | scores.fitted
    if not known.any():
        known = np.ones(len(known), np.bool_)
    fine = known & (scores.p_value > SUSPECT)
    return fine if fine.any() else known


def nearest_normal(
    survey: Survey, code: Floats, rows: Bools, count: int = NEAREST, row: int | None = None
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The rows of the mask whose codes are nearest to a code (d,), without ``row``, and how far they are."""
    if row is not None and rows[row]:
        rows = rows.copy()
        rows[row] = False
    chosen = np.flatnonzero(rows)
    distances = np.empty(len(chosen), np.float32)
    for start in range(0, len(chosen), BLOCK):
        part = chosen[start : start + BLOCK]
        distances[start : start + len(part)] = np.linalg.norm(np.asarray(survey.codes[part]) - code, axis=1)
    count = min(count, len(chosen))
    nearest = np.argpartition(distances, count - 1)[:count] if count else np.zeros(0, np.int64)
    nearest = nearest[np.argsort(distances[nearest], kind="stable")]
    return chosen[nearest], distances[nearest]


def made_normal(
    lens: Lens, survey: Survey, code: Floats, rows: Bools, count: int = NEAREST, row: int | None = None
) -> tuple[Floats, Bytes]:
    """The counterfactual of a code (d,): the mean of the nearest codes of normal rows, the nearer the heavier.

    Returns it and the picture (h, w, c) it stands for. Raises SceneError where the lens makes no pictures of codes.
    """
    import torch

    from explorer.points import to_uint8

    nearest, distances = nearest_normal(survey, code, rows, count, row)
    assert len(nearest), "there should be a normal row"
    weights = 1.0 / (distances + max(1e-6, 1e-3 * float(distances.mean())))
    normal = np.average(np.asarray(survey.codes[nearest], np.float64), axis=0, weights=weights).astype(np.float32)
    pixels: Bytes = to_uint8(lens.decode(torch.from_numpy(normal[None])))[0]
    return normal, pixels


def _device(lens: Lens) -> torch.device:
    import torch

    device: torch.device = getattr(getattr(lens, "generator", None), "device", torch.device("cpu"))
    return device


def _pooled(values: Floats) -> Floats:
    """Means (rows, columns) of at most 32 cells a side, as error maps have them."""
    height, width = values.shape
    if height <= CELLS and width <= CELLS:
        return values
    import torch

    grid = (min(height, CELLS), min(width, CELLS))
    pooled: Floats = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(values)[None], grid)[0].numpy()
    return pooled


def _enlarged(cells: Floats, height: int, width: int) -> Floats:
    if cells.shape == (height, width):
        return cells
    from PIL import Image

    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)).clip(0.0)


def _enlarged_mask(cells: Bools, height: int, width: int) -> Bools:
    rows, columns = (
        np.arange(length) * count // length for length, count in zip((height, width), cells.shape, strict=True)
    )
    return cells[np.ix_(rows, columns)]


def _grown(cells: Bools) -> Bools:
    """A mask and all cells beside it."""
    from scipy.ndimage import binary_dilation  # type: ignore[import-untyped]  # it has no stubs

    grown: Bools = binary_dilation(cells, np.ones((3, 3), np.bool_))
    return grown
