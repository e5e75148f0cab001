"""What the layers of a style-based model make of a scene: the features of one layer, as small pictures of channels.

The synthesis runs step by step anyway, so nothing is hooked into a network: the steps up to a layer are run, or what
the last picture left of them is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from explorer.errors import DeviceError, SceneError
from explorer.generators import Generator, Look, Resume, StyleGenerator, leave_a_core
from explorer.generators.resume import LayerStep
from explorer.imaging import FloatArray
from explorer.points import mix
from explorer.scene import Scene

__all__ = ["LARGEST", "MOST_CHANNELS", "SIDE", "Activations", "activations", "layer_names", "watch"]

MOST_CHANNELS: Final = 512  # of one layer; of more there are the strongest
SIDE: Final = 64  # pixels along the longer side of a channel
LARGEST: Final = 256  # the same for the one channel that is looked at closely
OUTLIERS: Final = 1.0  # percent of the values beyond either end of ``span``
SAMPLES: Final = 1 << 16  # values that tell ``span``


@dataclass(frozen=True, slots=True, eq=False)
class Activations:
    """The features of one picture after one layer; a number for each of the channels kept, which are in their order.

    Attributes:
        shape: channels, height and width of the features.
        numbers: which of them are kept, int64 (k,).
        values: float32 (k, h, w), averaged down to ``SIDE``.
        lows, means, highs: of all values of a channel, float32 (k,).
        strengths: root mean squares, float32 (k,).
        limits: the lowest and the highest value of the layer.
        span: between these lie all values but a few, for a scale that suits all channels.
        chosen: the number of the channel in ``large``, or -1.
        large: that channel, float32 (h, w), averaged down to ``LARGEST``.
    """

    name: str
    shape: tuple[int, int, int]
    numbers: npt.NDArray[np.int64]
    values: FloatArray
    lows: FloatArray
    means: FloatArray
    highs: FloatArray
    strengths: FloatArray
    limits: tuple[float, float]
    span: tuple[float, float]
    chosen: int = -1
    large: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def layer_names(generator: Generator) -> tuple[str, ...]:
    """What the layers are called that can be looked at, in their order; none for a model without styles."""
    return (
        tuple(step.name for step in generator.layer_steps(Look(), 1)) if isinstance(generator, StyleGenerator) else ()
    )


def activations(
    generator: Generator, scene: Scene, layer: int, channel: int = -1, resume: Resume | None = None
) -> Activations:
    """The features of the picture of a scene after a layer (its index); see ``watch``."""
    return next(found for found in watch(generator, scene, layer, channel, resume) if found is not None)


@torch.inference_mode()
def watch(
    generator: Generator, scene: Scene, layer: int, channel: int = -1, resume: Resume | None = None
) -> Iterator[Activations | None]:
    """The features of the picture of a scene after a layer, and None before it whenever a layer has been computed, so
    that something more urgent can go first.

    ``channel`` is the number of one channel to give in more detail. ``resume`` is read, never changed: what it keeps
    of the same picture is not computed again.

    Raises:
        SceneError: the model has no such layer, or the scene does not fit it; see ``explorer.render.render``.
        DeviceError: the device has too little memory.
    """
    if not isinstance(generator, StyleGenerator):
        raise SceneError(f"{generator.name} is not made of layers that can be looked at.")
    steps = generator.layer_steps(Look(scene.noise, scene.transform), 1)
    if not 0 <= layer < len(steps):
        raise SceneError(f"{generator.name} has {len(steps)} layers, and none with the number {layer}.")
    styles = mix(generator, scene)[None].to(generator.device)
    leave_a_core()
    try:
        start, state = _kept(steps, styles, layer, resume)
        for step in steps[start : layer + 1]:
            state = step.run(state, styles[:, step.row])
            yield None
        yield _measured(steps[layer].name, _features(steps[layer], state)[0].float(), channel)
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{generator.device} has too little memory to look at this layer.", "Choose a lower layer."
        ) from error


def _kept(steps: Sequence[LayerStep], styles: Tensor, layer: int, resume: Resume | None) -> tuple[int, Any]:
    """The first step to compute, and the state before it."""
    start = min(resume.first_change(steps, styles), layer + 1) if resume is not None else 0
    while resume is not None and start > 0:
        state = resume.state_before(start)
        if state is not None:
            return start, state
        start -= 1
    return 0, None


def _features(step: LayerStep, state: Any) -> Tensor:
    """The features (1, c, h, w) in the state after a step; of a step that ends with a picture, the picture so far."""
    if step.sketch is not None:
        return step.sketch(state)
    found: Tensor = state if isinstance(state, Tensor) else state.x
    return found


def _measured(name: str, features: Tensor, channel: int) -> Activations:
    """Everything told of features (c, h, w), float32."""
    count, height, width = features.shape
    flat = features.flatten(1)
    told = torch.stack([flat.amin(1), flat.mean(1), flat.amax(1), flat.square().mean(1).sqrt()]).cpu().numpy()
    kept = np.arange(count)
    if count > MOST_CHANNELS:
        kept = np.sort(np.argsort(-told[3], kind="stable")[:MOST_CHANNELS])
    values = _shrunk(features[torch.from_numpy(kept).to(features.device)], SIDE)
    sample = values.ravel()[:: -(-values.size // SAMPLES)]
    low, high = np.percentile(sample, (OUTLIERS, 100.0 - OUTLIERS))
    has_large = 0 <= channel < count
    large = _shrunk(features[channel : channel + 1], LARGEST)[0] if has_large else np.zeros((0, 0), np.float32)
    lows, means, highs, strengths = told[:, kept]
    return Activations(
        name,
        (count, height, width),
        kept.astype(np.int64),
        values,
        lows,
        means,
        highs,
        strengths,
        limits=(float(told[0].min()), float(told[2].max())),
        span=(float(low), float(high)),
        chosen=channel if has_large else -1,
        large=large,
    )


def _shrunk(features: Tensor, side: int) -> FloatArray:
    """Features (c, h, w), averaged to at most ``side`` pixels along a side."""
    height, width = features.shape[1:]
    if max(height, width) > side:
        scale = side / max(height, width)
        size = max(round(height * scale), 1), max(round(width * scale), 1)
        features = adaptive_avg_pool2d(features[None], size)[0]
    shrunk: FloatArray = features.contiguous().cpu().numpy()
    return shrunk
