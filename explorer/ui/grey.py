"""Features as grey levels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["fitting", "grey"]

Floats = npt.NDArray[np.float32]


def grey(values: Floats, scale: tuple[float, float] | None = None) -> npt.NDArray[np.uint8]:
    """Values (h, w) or (n, h, w) as grey levels, black at the lower end of the scale and white at the upper one.

    Without a scale each picture has its own, from its lowest to its highest value; where all are alike it is grey."""
    if scale is not None:
        low, width = np.float32(scale[0]), np.float32(scale[1] - scale[0])
    else:
        low = values.min((-2, -1), keepdims=True)
        width = values.max((-2, -1), keepdims=True) - low
    levels = np.where(width > 0, (values - low) * 255 / np.where(width > 0, width, 1), 128)
    pixels: npt.NDArray[np.uint8] = np.clip(np.rint(np.nan_to_num(levels)), 0, 255).astype(np.uint8)
    return pixels


def fitting(values: Floats, room: int) -> Floats:
    """Values (n, h, w), averaged as often as they have twice the pixels of ``room``: this saves much painting."""
    while min(values.shape[1:]) >= 2 * room:
        height, width = (side // 2 * 2 for side in values.shape[1:])
        even = values[:, :height, :width]
        halved = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
        values = (halved / 4).astype(np.float32)
    return values
