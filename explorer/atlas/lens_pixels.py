"""A lens without a model: principal components of the pixels, learned from some of the pictures themselves."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from explorer.atlas.lens_parts import TEXTURE, norms, residual_maps, texture
from explorer.atlas.lenses import Seen
from explorer.datasets import Dataset
from explorer.errors import DatasetError, ImageError, SceneError
from explorer.files import write_atomically
from explorer.imaging import Preparation, prepare
from explorer.points import to_images

__all__ = ["PixelLens"]

COMPONENTS: Final = 50
LEARNED_FROM: Final = 2000  # pictures, spread over the dataset
NOTHING: Final = 1e-9  # of the largest variance; a component with less says nothing
LARGEST: Final = 32  # pixels along a side that it looks at


class PixelLens:
    """Codes are coordinates along the first 50 principal components of the pixels; a copy is made of those alone.

    It knows nothing before ``learn``. Codes are as far apart as the pictures, as far as the components go.
    """

    name = "Pixels"
    reconstructs = True
    can_decode = True
    most: int | None = None
    at_once: int | None = None
    device = torch.device("cpu")
    preparation = Preparation()
    statistics = ("reconstruction", "hot", "norm", *TEXTURE)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mean = torch.zeros(0)  # (c h w,)
        self._basis = torch.zeros(0, 0)  # (d, c h w), orthonormal rows
        self.image_shape: tuple[int, int, int] = (3, LARGEST, LARGEST)
        self.digest = "pixels"

    @property
    def is_ready(self) -> bool:
        return len(self._basis) > 0

    @property
    def dimensions(self) -> int:
        return len(self._basis)

    def learn(self, dataset: Dataset, report: Callable[..., object] | None = None) -> None:
        """Find the components of up to 2,000 pictures spread over a dataset.

        Raises:
            DatasetError: none of those can be read.
        """
        with self._lock:
            if self.is_ready:
                return
            shape, pixels = _pictures(dataset, report)
            flat = to_images(pixels, torch.device("cpu")).flatten(1).double()
            mean = flat.mean(0)
            self._take(shape, mean.float(), _components(flat - mean).float())

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes, statistics and error maps of pictures (n, c, h, w) in [-1, 1]."""
        with texture(images) as wait:
            codes = self._encode(images)
            residuals, found = residual_maps(images, self.decode(codes))
            return Seen(codes.numpy(), {**found, "norm": norms(codes), **wait()}, residuals)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Pictures (n, c, h, w) as far as the components go."""
        return self.decode(self._encode(images))

    def decode(self, codes: Tensor) -> Tensor:
        """Pictures (n, c, h, w) in [-1, 1] of codes (n, d)."""
        flat: Tensor = codes.float().cpu() @ self._basis + self._mean
        return flat.view(-1, *self.image_shape).clamp(-1.0, 1.0)

    def points(self, codes: Tensor) -> Tensor:
        """Codes are no latent points."""
        raise SceneError(f"{self.name} has no latent points for places on the map.", "Open the picture itself instead.")

    def save(self, path: Path) -> None:
        """Write the components; raises ExportError."""
        with write_atomically(path) as temporary:
            np.savez(temporary, shape=self.image_shape, mean=self._mean.numpy(), basis=self._basis.numpy())

    def load(self, path: Path) -> bool:
        """Take over components written before; whether that was possible."""
        try:
            with np.load(path, allow_pickle=False) as file:
                shape = tuple(int(side) for side in file["shape"])
                mean, basis = (torch.from_numpy(file[name].astype(np.float32)) for name in ("mean", "basis"))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        count = int(np.prod(shape))
        fits = len(shape) == 3 and basis.shape == (len(basis), count) and mean.shape == (count,) and len(basis) > 0
        if not (fits and bool(torch.isfinite(mean).all()) and bool(torch.isfinite(basis).all())):
            return False
        with self._lock:
            if not self.is_ready:
                self._take((shape[0], shape[1], shape[2]), mean, basis)
        return True

    def _take(self, shape: tuple[int, int, int], mean: Tensor, basis: Tensor) -> None:
        sha = hashlib.sha256(repr(shape).encode())
        for each in (mean, basis):
            sha.update(each.contiguous().numpy().tobytes())
        self.digest = f"pixels-{sha.hexdigest()[:24]}"
        self.image_shape, self._mean, self._basis = shape, mean, basis

    def _encode(self, images: Tensor) -> Tensor:
        assert self.is_ready, "the lens should have learned before it looks"
        flat = images.float().cpu().flatten(1) - self._mean
        codes: Tensor = flat @ self._basis.T
        return codes


def _components(centred: Tensor) -> Tensor:
    """The principal directions (d, values) of centred rows (n, values), orthonormal, the largest first."""
    count, width = centred.shape
    if width <= count:
        values, vectors = torch.linalg.eigh(centred.T @ centred / count)
        rows = vectors.T
    else:  # the smaller matrix has the same eigenvalues
        values, vectors = torch.linalg.eigh(centred @ centred.T / count)
        rows = vectors.T @ centred / (values.clamp(min=1e-12) * count).sqrt()[:, None]
    order: Tensor = values.argsort(descending=True)[:COMPONENTS]
    kept = order[values[order] > NOTHING * values.max().clamp(min=NOTHING)]
    if not len(kept):  # all pictures are the same
        return torch.full((1, width), width**-0.5, dtype=centred.dtype)
    found: Tensor = rows[kept]
    return found


def _pictures(
    dataset: Dataset, report: Callable[..., object] | None
) -> tuple[tuple[int, int, int], npt.NDArray[np.uint8]]:
    """The shape (c, h, w) that suits a dataset, and up to 2,000 of its pictures, uint8 (n, h, w, c)."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(LEARNED_FROM, len(dataset))).astype(np.int64))
    images, sizes, is_grey, problem = [], set(), True, ""
    for done, index in enumerate(chosen):
        if report is not None and done % 20 == 0:
            report(done, len(chosen), "learning what pixels there are")
        try:
            image = dataset.picture(int(index))
        except ImageError as error:
            problem = problem or error.message
            continue
        sizes.add(image.size)
        is_grey = is_grey and image.mode == "L"
        images.append(prepare(image, (3, *_sides({image.size})), PixelLens.preparation))
    if not images:
        raise DatasetError(f"None of the pictures in {dataset.name} can be read.", problem)
    shape = (1 if is_grey else 3, *_sides(sizes))
    fitted = [prepare(Image.fromarray(each), shape, PixelLens.preparation) for each in images]  # of one size
    return shape, np.stack(fitted)


def _sides(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    """Height and width to look at: as they are where all are small squares of one size, else 32."""
    size = next(iter(sizes))
    same = len(sizes) == 1 and size[0] == size[1] <= LARGEST
    return (size[0], size[0]) if same else (LARGEST, LARGEST)
