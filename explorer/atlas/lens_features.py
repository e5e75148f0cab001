"""Features of a network trained on photographs as a lens, for a second opinion beside a model or the pixels."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.atlas.lenses import Seen
from explorer.errors import CheckpointError, SceneError
from explorer.files import digest
from explorer.formats.stored import read_stored, stored_in
from explorer.generators import leave_a_core, pick_device
from explorer.imaging import Preparation
from explorer.measures.efficientnet import EfficientNetLite0, prepared
from explorer.measures.features import HINT, NETWORK, _weights_file

__all__ = ["FeaturesLens"]

BLOCKS: Final = 11  # up to the end of stage 5, which tells odd pictures apart best
DIMENSIONS: Final = 112
SIDE: Final = 56  # pixels; smaller pictures are enlarged
CLASSIFIER: Final = "_fc."


class _Middle(EfficientNetLite0):
    """The mean over all places of the end of stage 5, (n, 112)."""

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks[:BLOCKS]:
            x = block(x)
        return x.mean((2, 3))


class FeaturesLens:
    """Codes are features (n, 112) of EfficientNet-Lite0; there are no statistics, copies or pictures of codes."""

    name = NETWORK
    image_shape = (3, SIDE, SIDE)
    preparation = Preparation()
    statistics: tuple[str, ...] = ()
    dimensions = DIMENSIONS
    reconstructs = False
    can_decode = False
    most: int | None = None
    at_once: int | None = None

    def __init__(self, device: str = "cpu") -> None:
        path = _weights_file()
        if path is None:
            raise SceneError("The network that gives a second opinion is not installed.", HINT)
        net = _Middle()
        weights = read_stored(stored_in(path))
        try:
            net.load_state_dict({name: value for name, value in weights.items() if not name.startswith(CLASSIFIER)})
        except RuntimeError as error:
            raise CheckpointError(f"{path.name} is damaged, or is another network.", "Install it again.") from error
        self.device = pick_device(device)
        self.digest = f"features-{digest(path)[:24]}"
        self._net = net.to(self.device).eval().requires_grad_(False)

    @torch.inference_mode()
    def look(self, images: Tensor) -> Seen:
        """Codes of pictures (n, 3, h, w) in [-1, 1]."""
        leave_a_core()
        inputs = prepared(images.to(self.device), SIDE).contiguous(memory_format=torch.channels_last)
        return Seen(self._net(inputs).float().cpu().numpy(), {}, None)

    def reconstruct(self, images: Tensor) -> Tensor:
        """There is no copy of a picture in its features."""
        raise SceneError(f"{self.name} makes no copies of pictures.")

    def decode(self, codes: Tensor) -> Tensor:
        """There is no way back from features."""
        raise SceneError(f"{self.name} makes no pictures of features.")

    def points(self, codes: Tensor) -> Tensor:
        """Codes are no latent points."""
        raise SceneError(f"{self.name} has no latent points for places on the map.", "Open the picture itself instead.")
