"""The styles of a real picture, found by optimisation: first in W, and from there in W+.

W has one style for all layers: the point can be edited like any draw. W+ has one for every layer: closer to the
picture, further from what the model was trained on.

The method is that of Karras et al. 2020, appendix D: Adam with a learning rate that ramps up and down, and noise on the
style that fades. Three things differ. It starts from the best of some hundred draws, which matters for models with
classes, and for small pictures from several of them at once. It works in coordinates in which W has unit variance, so
that one learning rate suits every model, and the search can be pulled to the mean in the same measure. And it compares
pixels and their edges at several scales where the paper compares features of a VGG network (LPIPS): those weights do
not come with this program. Fine texture is therefore matched pixel by pixel or not at all. The noise of the model stays
as the scene has it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator as Steps
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.errors import DeviceError, SceneError
from explorer.files import write_atomically
from explorer.generators import Generator, HasStyles, Look, leave_a_core
from explorer.imaging import FloatArray, Picture, Pixels, prepare, read_image, to_pixels
from explorer.latents import draw
from explorer.points import to_images
from explorer.scene import Condition, StoredPoint

__all__ = ["SPACES", "STEPS", "Inversion", "invert", "keep_point", "read_target", "write_point"]

SPACES: Final = ("w", "w+")
STEPS: Final = 200  # in all; half of them for W+ where that is asked for
LOOK_EVERY: Final = 10  # steps from one picture without noise to the next
DRAWS, BASIS_SEED = 4_000, 20_201  # of W, for its covariance
LOOKED_AT: Final = 1 << 18, 64, 1_000  # draws that are looked at for a start: pixels in all, fewest, most
AT_ONCE: Final = 1 << 15, 1, 256  # of these
STARTED: Final = 1 << 12, 1, 8  # draws that the search in W starts from
RATE: Final = 0.1  # of Adam, in standard deviations of W per step
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # of the steps
NOISE, NOISE_ENDS = 0.05, 0.75  # of the length of a draw, falling to none at this part of the steps
FLOOR: Final = 0.01  # of the mean variance of W, so that no coordinate is fixed
PULL: Final = 1e-3  # of W+ to the mean: loss per mean square of the coordinates
SCALES: Final = 4
EDGES: Final = 0.5  # what differences between neighbours count, beside the pixels


@dataclass(frozen=True, slots=True, eq=False)
class Inversion:
    """How far a search has come. The styles are the best so far."""

    styles: FloatArray  # (layers, w)
    picture: Picture  # what the model makes of them
    residual: float  # root mean square difference from the real picture, in the [-1, 1] range
    space: str  # where it searches now, "w" or "w+"
    done: int
    total: int
    seconds_left: float = 0.0

    @property
    def decibels(self) -> float:
        """The peak signal-to-noise ratio: 20 log10(range / residual)."""
        return 20.0 * math.log10(2.0 / max(self.residual, 1e-5))

    def told(self) -> str:
        """The residual in words, of the range from black to white."""
        return f"{self.residual / 2:.1%} RMS, {self.decibels:.1f} dB".replace("%", " %")


def read_target(generator: Generator, path: Path) -> Pixels:
    """A picture file as the model wants it, uint8 (h, w, c); raises ImageError where it cannot be read."""
    return prepare(read_image(path), generator.image_shape, generator.preparation)


@torch.inference_mode(False)
def invert(
    generator: Generator,
    pixels: Pixels,
    space: str = "w+",
    steps: int = STEPS,
    seed: int = 0,
    condition: Condition | None = None,
    look: Look | None = None,
) -> Iterator[Inversion]:
    """The search for the styles of a picture, uint8 (h, w, c), one step at a time; the last one is the result.

    Everything is decided by the arguments. ``condition`` restricts the draws it starts from to those class weights;
    without it all classes are tried. Nothing is left behind where the caller stops early.

    Raises:
        SceneError: the model has no styles or no such class, or the space is not known.
        DeviceError: the device has too little memory.
    """
    if not isinstance(generator, HasStyles):
        raise SceneError(f"{generator.name} has no styles to search.", "Only style-based models can find pictures so.")
    if space not in SPACES:
        raise SceneError(f"'{space}' is no space of styles.", "Choose w or w+.")
    assert steps >= 1, "steps should be at least 1"
    leave_a_core()
    try:
        yield from _search(_Searched(generator, generator, pixels, look or Look()), space, steps, seed, condition)
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"{generator.device} ran out of memory while searching.", "Close other programs.") from error


def keep_point(folder: Path, name: str, styles: FloatArray, picture: str = "") -> StoredPoint:
    """Write styles (layers, w) to a file of their own in ``folder``, and give the point that a scene can use.

    Equal styles get the same file. ``picture`` is the path of what they were found for.
    """
    short = sha256(_npy(styles)).hexdigest()[:8]
    path = (folder / f"{name[:60]}-{short}.npy").absolute()
    return StoredPoint(str(path), write_point(path, styles), picture)


def write_point(path: Path, styles: FloatArray) -> str:
    """Write styles (layers, w) as (1, layers, w), atomically; gives the SHA-256 of the file."""
    data = _npy(styles)
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)
    return sha256(data).hexdigest()


def _npy(styles: FloatArray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, np.ascontiguousarray(styles, np.float32)[None])
    return buffer.getvalue()


class _Searched:
    """A model and a real picture, on the model's device, and how they are compared."""

    def __init__(self, generator: Generator, styled: HasStyles, pixels: Pixels, look: Look) -> None:
        self.generator, self.styled, self.look = generator, styled, look
        self.device, self.layers = generator.device, len(styled.style_layers)
        self.image = to_images(pixels[None], self.device)
        self.mean = styled.average_style().to(self.device)

    def synthesise(self, styles: Tensor) -> Tensor:
        """Pictures (n, c, h, w) of styles (n, w) or (n, layers, w)."""
        rows = styles if styles.ndim == 3 else styles[:, None].expand(-1, self.layers, -1)
        return self.styled.synthesise(rows, self.look)

    def loss(self, images: Tensor) -> Tensor:
        """How different pictures (n, c, h, w) are, (n,): mean squares of pixels and edges at several scales.

        Brighter than white where white is wanted is no difference, and the same for black.
        """
        real, difference, parts = self.image, images.float() - self.image, []
        beyond = ((real >= 1.0) & (difference > 0)) | ((real <= -1.0) & (difference < 0))
        difference = difference.masked_fill(beyond, 0.0)
        for _ in range(SCALES):
            parts.append(_mean_square(difference))
            for axis in (2, 3):
                if difference.shape[axis] > 1:
                    parts.append(EDGES * _mean_square(difference.diff(dim=axis)))
            if min(difference.shape[2:]) >= 2:
                difference = F.avg_pool2d(difference, 2)
        return torch.stack(parts).sum(0) / SCALES

    @torch.no_grad()
    def look_at(self, styles: Tensor) -> tuple[float, Picture, FloatArray]:
        """The residual, picture and rows (layers, w) of the best of styles (n, w) or (n, layers, w)."""
        images = self.synthesise(styles).float().clamp(-1.0, 1.0)
        residuals = _mean_square(images - self.image).sqrt()
        best = int(residuals.argmin())
        rows = styles[best].expand(self.layers, -1)
        offset = (rows - self.mean).cpu().numpy() / self.layers**0.5
        pixels = to_pixels(images[best].cpu().numpy())
        return float(residuals[best]), Picture(pixels, offset, is_sketch=True), rows.cpu().numpy().copy()

    @torch.no_grad()
    def draws(self, seed: int, count: int, condition: Condition | None) -> Tensor:
        """Draws (count, w) of W: of given class weights, or of all classes in turn."""
        latents, parts, classes = draw(seed, (count, *self.generator.latent_shape)), [], self.generator.classes
        weights = _class_weights(self.generator, count, condition)
        for start in range(0, count, 500):
            part = slice(start, start + 500)
            given = weights[part].to(self.device) if classes else None
            parts.append(self.styled.styles(latents[part].to(self.device), given)[:, 0].float())
        return torch.cat(parts)

    @torch.no_grad()
    def losses(self, styles: Tensor) -> Tensor:
        """The losses (n,) of styles (n, w)."""
        return self.loss(self.synthesise(styles)).nan_to_num(nan=math.inf)

    def affordable(self, pixels: int, fewest: int, most: int) -> int:
        """How many pictures have so many pixels together, within limits."""
        return min(max(pixels // (self.image.shape[2] * self.image.shape[3]), fewest), most)


def _search(searched: _Searched, space: str, steps: int, seed: int, condition: Condition | None) -> Iterator[Inversion]:
    started = time.perf_counter()
    basis = searched.generator.remember(
        "basis of w", lambda: _basis(searched.draws(BASIS_SEED, DRAWS, None) - searched.mean)
    )
    best, starts = yield from _starts(searched, steps, seed, condition)
    point = _coordinates(starts - searched.mean, basis)
    in_w = steps if space == "w" else max(1, steps // 2)
    stages = [("w", in_w, RATE, NOISE, 0.0), ("w+", steps - in_w, RATE, 0.0, PULL)]
    begun, done = time.perf_counter(), 0
    for name, count, rate, noise, pull in stages:
        if name == "w+":
            point = _coordinates(torch.from_numpy(best.styles).to(searched.device)[None] - searched.mean, basis)
        descent = _Descent(searched, basis, point, count, rate, noise, pull, seed)
        for step in range(count):
            descent.step(step)
            done += 1
            now = time.perf_counter()
            left = (now - begun) / done * (steps - done)
            best = replace(best, space=name, done=done, seconds_left=left)
            if step % LOOK_EVERY == LOOK_EVERY - 1 or step == count - 1:
                residual, picture, rows = searched.look_at(descent.styles())
                if residual < best.residual:
                    picture = replace(picture, seconds=now - started)
                    best = replace(best, styles=rows, picture=picture, residual=residual)
            if done == steps:
                best = replace(best, picture=replace(best.picture, is_sketch=False))
            yield best


def _starts(
    searched: _Searched, steps: int, seed: int, condition: Condition | None
) -> Steps[Inversion, None, tuple[Inversion, Tensor]]:
    """Look at the mean style and at draws; gives the best in the end, and several (n, w) to start from."""
    styles = torch.cat([searched.mean[None], searched.draws(seed, searched.affordable(*LOOKED_AT), condition)])
    batch, losses = searched.affordable(*AT_ONCE), list[Tensor]()
    best = Inversion(np.zeros(0, np.float32), Picture(np.zeros((1, 1, 1), np.uint8)), math.inf, "w", 0, steps)
    least = math.inf
    for start in range(0, len(styles), batch):
        part = styles[start : start + batch]
        losses.append(searched.losses(part))
        if float(losses[-1].min()) < least:
            least = float(losses[-1].min())
            residual, picture, rows = searched.look_at(part[losses[-1].argmin()][None])
            if residual < best.residual:
                best = replace(best, styles=rows, picture=picture, residual=residual)
        if not math.isfinite(best.residual):
            raise SceneError(f"{searched.generator.name} makes pictures that are no finite numbers.")
        yield best
    return best, styles[torch.cat(losses).argsort(stable=True)[: searched.affordable(*STARTED)]]


class _Descent:
    """Adam on coordinates (n, w) or (1, layers, w), with the schedules of Karras et al. 2020, appendix D."""

    def __init__(
        self,
        searched: _Searched,
        basis: Tensor,
        point: Tensor,
        steps: int,
        rate: float,
        noise: float,
        pull: float,
        seed: int,
    ) -> None:
        self._searched, self._steps = searched, steps
        self._basis = basis.float().to(searched.device)
        self._rate, self._pull = rate, pull
        self._noise = noise * math.sqrt(point.shape[-1])
        self._point = point.clone().requires_grad_()
        self._adam = torch.optim.Adam([self._point], lr=rate)
        self._random = torch.Generator().manual_seed(seed)  # on the CPU: the same on every device

    @torch.enable_grad()
    def step(self, index: int) -> None:
        """Go one step further."""
        t = index / self._steps
        down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / RAMP_DOWN))
        up = min(1.0, (index + 1) / self._steps / RAMP_UP)
        self._adam.param_groups[0]["lr"] = self._rate * up * down
        strength = self._noise * max(0.0, 1.0 - t / NOISE_ENDS) ** 2
        point = self._point
        if strength:
            noise = torch.randn(point.shape, generator=self._random)
            point = point + strength * noise.to(point.device)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            loss = self._searched.loss(self._searched.synthesise(point @ self._basis + self._searched.mean)).sum()
            loss = loss + self._pull * self._point.square().flatten(1).mean(1).sum()
            self._adam.zero_grad()
            (self._point.grad,) = torch.autograd.grad(loss, self._point)
        self._adam.step()

    @torch.no_grad()
    def styles(self) -> Tensor:
        """The styles (n, w) or (1, layers, w) where it is now, without noise."""
        return self._point @ self._basis + self._searched.mean


def _basis(offsets: Tensor) -> Tensor:
    """The matrix (w, w), float64 on the CPU, from coordinates of unit variance to offsets from the mean of W, of which
    ``offsets`` (n, w) are draws."""
    offsets = offsets.double().cpu()
    values, vectors = torch.linalg.eigh(offsets.T @ offsets / len(offsets))
    deviations = (values.clamp(min=0) + FLOOR * values.mean().clamp(min=1e-12)).sqrt()
    basis: Tensor = (vectors * deviations).T
    return basis


def _mean_square(values: Tensor) -> Tensor:
    return values.square().mean((1, 2, 3))


def _coordinates(offsets: Tensor, basis: Tensor) -> Tensor:
    """Offsets (n, w) or (1, layers, w) from the mean, in the coordinates of a basis."""
    flat = offsets.double().cpu().reshape(-1, len(basis))
    solved: Tensor = torch.linalg.solve(basis, flat, left=False)
    return solved.reshape(offsets.shape).float().to(offsets.device)


def _class_weights(generator: Generator, count: int, condition: Condition | None) -> Tensor:
    """Class weights (count, classes)."""
    classes = generator.classes
    if not classes or condition is None:
        return F.one_hot(torch.arange(count) % max(classes, 1), max(classes, 1)).float()
    weights = torch.zeros(count, classes)
    for index, weight in condition.classes or ((0, 1.0),):
        if index >= classes:
            raise SceneError(f"{generator.name} has {classes} classes, and none with the number {index}.")
        weights[:, index] = weight
    return weights
