"""Real pictures as a yardstick: one half is what models are compared with, the other is held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explorer.errors import DatasetError
from explorer.measures.features import NETWORK, Features, choose, describe, network_features, pixel_features
from explorer.measures.frechet import Gaussian, gaussian_distance, gaussian_of
from explorer.measures.manifolds import precision_and_recall
from explorer.measures.values import FEWEST_PICTURES, ModelMeasures, Settings
from explorer.points import to_images

__all__ = ["MOST_PICTURES", "Reference", "make_reference", "measure_real"]

MOST_PICTURES: Final = 10_000  # of a dataset that are looked at
FEWEST_SAMPLES: Final = 10
FITTED: Final = 2_000  # pictures whose principal components are found


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Half of a dataset described by features, and the other half as pictures. Made once for all models whose
    pictures are prepared alike."""

    features: Features
    known: Tensor  # (m, d) float64 on the CPU
    gaussian: Gaussian  # of all known
    held_out: npt.NDArray[np.uint8]  # (k, h, w, c)
    labels: npt.NDArray[np.int64] | None  # (k,) of the pictures held out
    label_count: int
    samples: int  # how many pictures every model is asked for: those of a settings, but not more than are held out

    def images(self, count: int) -> Tensor:
        """The first pictures held out, (count, c, h, w) in [-1, 1] on the CPU."""
        return to_images(self.held_out[:count], torch.device("cpu"))

    def compare(self, features: Tensor) -> tuple[float, float, float]:
        """Frechet distance, precision and recall of features (n, d) of other pictures.

        For the last two there are as many real pictures as others, since both depend on the number.
        """
        precision, recall = precision_and_recall(self.known[: len(features)], features)
        return gaussian_distance(self.gaussian, gaussian_of(features)), precision, recall


def make_reference(
    pixels: npt.NDArray[np.uint8],
    settings: Settings,
    device: torch.device,
    labels: npt.NDArray[np.int64] | None = None,
    label_count: int = 0,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Reference:
    """Split pictures uint8 (n, h, w, c), in an order that the seed decides, and describe one half.

    ``report`` is told how many are done, of how many.

    Raises:
        DatasetError: there are fewer than 50 pictures.
        SceneError, CheckpointError: the features that are asked for are not there, or damaged.
    """
    if len(pixels) < FEWEST_PICTURES:
        raise DatasetError(
            f"There are {len(pixels)} pictures to compare with, and no fewer than {FEWEST_PICTURES} say anything.",
            "Choose a larger dataset.",
        )
    order = np.random.default_rng(settings.seed).permutation(len(pixels))
    known, held_out = order[: len(order) // 2], order[len(order) // 2 :]
    images = to_images(pixels[known], torch.device("cpu"))
    by_network = choose(settings.features) == NETWORK
    features = network_features(device) if by_network else pixel_features(images[:FITTED])
    total = len(known)
    described = _described(features, images, settings.batch, device, lambda done: report(done, total))
    return Reference(
        features,
        described,
        gaussian_of(described),
        pixels[held_out],
        None if labels is None else labels[held_out],
        label_count,
        min(max(settings.samples, FEWEST_SAMPLES), len(known)),
    )


def measure_real(
    reference: Reference,
    settings: Settings,
    device: torch.device,
    name: str,
    report: Callable[[int], object] = lambda done: None,
) -> ModelMeasures:
    """What real pictures score that are not in the reference: the best that a model can hope for.

    As many pictures as every model draws, since all three numbers depend on how many there are.
    """
    images = reference.images(reference.samples)
    features = _described(reference.features, images, settings.batch, device, report)
    distance, precision, recall = reference.compare(features)
    height, width, channels = reference.held_out.shape[1:]
    return ModelMeasures(
        name,
        image_shape=(channels, height, width),
        frechet=distance,
        precision=precision,
        recall=recall,
        feature_name=reference.features.name,
        samples=len(images),
        is_real=True,
    )


def _described(
    features: Features, images: Tensor, batch: int, device: torch.device, report: Callable[[int], object]
) -> Tensor:
    return describe(Features(features.name, lambda part: features.of(part.to(device))), images, batch, report)
