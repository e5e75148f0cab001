"""Pictures as values: reading, preparing for a model, writing with the recipe inside.

Ranges are [-1, 1] inside networks and uint8 outside; the conversion between them is here and nowhere else. Nothing in
this module needs torch, so that the window can use it before any network is loaded.
"""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from explorer.errors import ExportError, ImageError
from explorer.files import write_atomically

warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large pictures are welcome, huge ones refused

__all__ = [
    "NOT_PICTURES",
    "FloatArray",
    "Picture",
    "Preparation",
    "contact_sheet",
    "enlarge",
    "from_pixels",
    "prepare",
    "read_image",
    "read_recipe",
    "to_pixels",
    "write_png",
]

FloatArray = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

RECIPE_KEY = "latent-explorer"
MAX_CONTENT = 4096
# Known to Pillow by name only, opened by running other programs, or as films: nothing to look at.
NOT_PICTURES = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PALM", "PDF", "WMF"})


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a generator made of a scene: the only thing that crosses from torch to the window."""

    pixels: Pixels  # (h, w, c), c is 1 or 3
    latents: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))  # the point, (*latent_shape)
    seconds: float = 0.0  # time in the network and the conversion
    restarted: str = ""  # the layer it was continued from; empty where all of it was computed
    saved: float = 0.0  # seconds that the layers before take
    is_sketch: bool = False  # a coarse preview, the finished picture follows

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How any picture is made to fit a model: the same for training, encoding and dropping a file on the window.

    The picture is composited over ``background`` (RGB, 0-255), cropped to a centred square, resized to ``content``
    pixels (0: the model's own size) and padded with ``background`` to the model's size.
    """

    content: int = 0
    background: tuple[int, int, int] = (0, 0, 0)

    def to_json(self) -> dict[str, Any]:
        return {"content": self.content, "background": list(self.background)}

    @staticmethod
    def from_json(data: Any) -> Preparation:
        """Read what ``to_json`` wrote; anything unusable falls back to the default."""
        data = data if isinstance(data, dict) else {}
        content, background = data.get("content", 0), data.get("background", (0, 0, 0))
        channels = background if isinstance(background, (list, tuple)) and len(background) == 3 else (0, 0, 0)
        r, g, b = (int(value) & 255 if isinstance(value, int) else 0 for value in channels)
        return Preparation(content if isinstance(content, int) and 0 < content <= MAX_CONTENT else 0, (r, g, b))


def read_image(source: Path | bytes) -> Image.Image:
    """A decoded picture, upright according to its EXIF orientation, in mode L, RGB or RGBA.

    Raises:
        ImageError: the file is missing, unreadable, truncated, or larger than about 179 megapixels (Pillow's limit).
    """
    name = source.name if isinstance(source, Path) else "The picture"
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            if image.format in NOT_PICTURES:
                raise UnidentifiedImageError
            image.load()
            return _plain_mode(_upright(image))
    except FileNotFoundError as error:
        raise ImageError(f"{source!s} does not exist.", "It may have been moved or renamed.") from error
    except Image.DecompressionBombError as error:  # before anything is decoded
        raise ImageError(f"{name} has more pixels than can be opened.") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not a picture this program can read.") from error
    except MemoryError as error:
        raise ImageError(f"{name} is too large for the memory that is left.") from error
    except Exception as error:  # each of some forty decoders fails in its own way on damaged files
        raise ImageError(f"{name} is damaged and cannot be read: {str(error).rstrip('.')}.") from error


def prepare(image: Image.Image, image_shape: tuple[int, int, int], preparation: Preparation) -> Pixels:
    """The picture as a model wants it: uint8 (h, w, c) for ``image_shape`` (c, h, w). See ``Preparation``."""
    channels, height, width = image_shape
    mode = "L" if channels == 1 else "RGB"
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (*preparation.background, 255))
        image = Image.alpha_composite(ground, image)
    image = image.convert(mode)
    box = (preparation.content or width, preparation.content or height)
    if image.size != box:
        smaller = min(image.size) >= min(box)
        image = ImageOps.fit(image, box, Image.Resampling.LANCZOS if smaller else Image.Resampling.BICUBIC)
    if box != (width, height):
        ground = Image.new("RGB", (width, height), preparation.background).convert(mode)
        ground.paste(image, ((width - box[0]) // 2, (height - box[1]) // 2))
        image = ground
    return np.array(image, np.uint8).reshape(height, width, channels)  # a copy: torch takes no read-only arrays


def from_pixels(pixels: npt.ArrayLike) -> FloatArray:
    """uint8 (..., h, w, c) as float32 (..., c, h, w) in [-1, 1]."""
    array = np.asarray(pixels)
    return np.ascontiguousarray(np.moveaxis(array, -1, -3), np.float32) / np.float32(127.5) - np.float32(1)


def to_pixels(images: npt.ArrayLike) -> Pixels:
    """Floats (..., c, h, w), nominal [-1, 1], as uint8 (..., h, w, c): round to nearest, clip. NaN becomes 0."""
    array = np.nan_to_num(np.asarray(images, np.float32) * np.float32(127.5) + np.float32(127.5), nan=0.0)
    return np.ascontiguousarray(np.moveaxis(np.rint(array).clip(0, 255).astype(np.uint8), -3, -1))


def enlarge(pixels: Pixels, factor: int) -> Pixels:
    """Every pixel of (..., h, w, c) as a square of ``factor`` x ``factor`` pixels."""
    return pixels if factor == 1 else pixels.repeat(factor, axis=-3).repeat(factor, axis=-2)


def contact_sheet(pictures: npt.NDArray[np.uint8], columns: int, gap: int = 0) -> Pixels:
    """Pictures (n, h, w, c) laid out row by row in one (H, W, c) picture; what is left over stays black."""
    count, height, width, channels = pictures.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def write_png(path: Path, pixels: Pixels, recipe: dict[str, Any] | None = None) -> None:
    """Write (h, w, c) as PNG, atomically, with ``recipe`` as JSON in a text chunk so that it can be restored."""
    info = PngImagePlugin.PngInfo()
    if recipe is not None:
        info.add_itxt(RECIPE_KEY, json.dumps(recipe), zip=True)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    try:
        with write_atomically(path) as temporary:
            image.save(temporary, format="PNG", pnginfo=info)
    except ValueError as error:
        raise ExportError(f"{path} could not be written: {error}.") from error


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe that ``write_png`` put into a PNG, or None where there is none."""
    try:
        with Image.open(path) as image:
            image.load()  # text chunks may come after the pixels
            text = getattr(image, "text", {}).get(RECIPE_KEY)
        recipe = json.loads(text) if text and len(text) < 1 << 24 else None
    except (OSError, SyntaxError, ValueError, RecursionError, Image.DecompressionBombError):
        return None
    return recipe if isinstance(recipe, dict) else None


def _upright(image: Image.Image) -> Image.Image:
    """A picture turned as its EXIF orientation says; as it is where that cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as above; the pixels are whole
        return image


def _plain_mode(image: Image.Image) -> Image.Image:
    """Any Pillow mode as L, RGB or RGBA, keeping 16-bit grey to its full range and palettes with transparency."""
    if image.mode in ("L", "RGB", "RGBA"):
        return image.copy()
    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray((np.asarray(image, np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, np.float32))
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8))
    transparent = image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "L" if image.mode == "1" else "RGB")
