"""A dataset as latent points, streamed: pictures pass through, only what is known of them stays."""

from __future__ import annotations

from collections.abc import Generator as Stream
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explorer.datasets import Dataset, Unreadable, batches
from explorer.errors import SceneError
from explorer.generators import Encodes, Generator, HasLikelihood, leave_a_core
from explorer.imaging import FloatArray
from explorer.points import to_images

__all__ = ["Encoded", "encode_dataset", "laid_out"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One batch of a dataset: ``indices`` (m,), ``latents`` (m, *latent_shape), ``nats`` (m,) or empty."""

    indices: npt.NDArray[np.int64]
    latents: FloatArray
    nats: FloatArray


def encode_dataset(
    generator: Generator, dataset: Dataset, batch: int, unreadable: list[Unreadable], likelihood: bool = True
) -> Stream[Encoded, None, None]:
    """Encode all pictures, ``batch`` at a time; decoding files goes on beside the network.

    Pictures that cannot be read are appended to ``unreadable`` and left out. ``likelihood`` also asks families that
    know it for log p(x) in nats.

    Raises:
        SceneError: the family cannot encode.
    """
    if not isinstance(generator, Encodes):
        raise SceneError(f"{generator.name} cannot encode pictures.", "Its family has no encoder.")
    knows = generator if likelihood and isinstance(generator, HasLikelihood) else None
    stream = batches(dataset, generator.image_shape, generator.preparation, batch, None, "skip", unreadable)
    leave_a_core()
    for indices, pixels in stream:
        with torch.inference_mode():
            images = laid_out(to_images(pixels, generator.device))
            latents = generator.encode(images).float().cpu().numpy()
            nats = np.zeros(0, np.float32) if knows is None else knows.log_likelihood(images).float().cpu().numpy()
        yield Encoded(indices, latents, nats)


def laid_out(images: Tensor) -> Tensor:
    """Pictures (n, c, h, w) with their channels together in memory, which processors convolve a quarter faster."""
    if images.device.type != "cpu" or images.stride(1) == 1:
        return images
    return torch.empty_like(images, memory_format=torch.channels_last).copy_(images)
