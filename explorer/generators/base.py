"""What every loaded model is: a decoder with shapes, a name and a device."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Self, TypeVar, cast

import torch
from torch import Tensor, nn

from explorer.errors import SceneError
from explorer.formats import Checkpoint
from explorer.imaging import Preparation
from explorer.latents import (
    Directions,
    Shell,
    axis_directions,
    decoder_metric,
    draw,
    principal_directions,
    typical_shell,
)
from explorer.scene import Direction

__all__ = ["Generator"]

T = TypeVar("T")
REMEMBERED = 256
# How many points the decoder's Jacobian is probed at: fewer for large pictures, so that it stays a matter of seconds.
PROBED_VALUES, FEWEST_PROBES, MOST_PROBES = 4_000_000, 64, 256


class Generator(ABC):
    """A loaded network in evaluation mode, frozen, never changed after loading: any thread may call it.

    Attributes:
        image_shape: (c, h, w) of the pictures.
        latent_shape: the shape of one latent point, whose prior is a standard normal.
        preparation: how a picture is made to fit the model.
    """

    family: ClassVar[str]
    family_title: ClassVar[str]
    spherical: ClassVar[bool] = True  # blends keep the norm, because the prior is a standard normal
    image_shape: tuple[int, int, int]
    latent_shape: tuple[int, ...]
    classes: int = 0
    warnings: tuple[str, ...] = ()  # what a person should know of how the checkpoint was read

    def __init__(self, config: Mapping[str, Any], net: nn.Module, device: torch.device) -> None:
        self.config = config
        self.net = net.to(device).eval().requires_grad_(False)
        self.device = device
        self.preparation = Preparation.from_json(config.get("preparation"))
        self._memory: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.RLock()

    @classmethod
    @abstractmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The generator of a checkpoint of this family; raises CheckpointError where the weights do not fit."""

    @abstractmethod
    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures (n, c, h, w), nominal [-1, 1], not clipped, of latents (n, *latent_shape) on this device.

        ``condition`` holds class weights (n, classes) for models that know classes; without it class 0 is asked for.
        """

    @abstractmethod
    def checkpoint(self) -> Checkpoint:
        """Everything needed to build this generator again, bit for bit."""

    @property
    def name(self) -> str:
        """What the model is called."""
        return str(self.config.get("name") or self.family_title)

    def draw(self, seed: int) -> Tensor:
        """The point (*latent_shape), float32 on the CPU, that a seed stands for: a draw from the prior."""
        return draw(seed, self.latent_shape)

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, or their numbers."""
        names = self.config.get("class_names")
        good = isinstance(names, list) and len(names) == self.classes and all(isinstance(name, str) for name in names)
        return tuple(name[:80] for name in names) if good and names else tuple(map(str, range(self.classes)))

    @property
    def direction_kinds(self) -> tuple[str, ...]:
        """The kinds of directions there are, the most useful first."""
        return ("decoder", "axis") if self.data_covariance() is None else ("decoder", "data", "axis")

    @property
    def shell(self) -> Shell:
        """How far draws lie from the middle of the space that a person moves in."""
        return typical_shell(math.prod(self.latent_shape))

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(parameter.numel() for parameter in self.net.parameters())

    def directions(self, kind: str) -> Directions:
        """All directions of one kind (see ``explorer.scene.Direction``), computed at the first call.

        Raises:
            SceneError: the model has no directions of this kind.
        """
        return self.remember(("directions", kind), lambda: self._find_directions(kind))

    def direction(self, direction: Direction) -> Tensor:
        """One direction as a vector (*latent_shape) on the CPU, one standard deviation long.

        Raises:
            SceneError: the model has no such direction.
        """
        count = 1
        for size in self.latent_shape:
            count *= size
        if not 0 <= direction.index < count:
            raise SceneError(f"{self.name} has {count} directions, and none with the number {direction.index}.")
        if direction.kind == "axis":  # needs no knowledge of the decoder
            vector = torch.zeros(count)
            vector[direction.index] = 1.0
            return vector.view(self.latent_shape)
        return self.directions(direction.kind).vectors[direction.index]

    def data_covariance(self) -> Tensor | None:
        """Covariance (d, d) of the encoded training data, where the checkpoint carries it."""
        return None

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gave for ``key`` the first time: for what follows from the frozen weights. Bounded."""
        with self._lock:
            if key not in self._memory:
                self._memory[key] = make()
                while len(self._memory) > REMEMBERED:
                    self._memory.popitem(last=False)
            self._memory.move_to_end(key)
            return cast(T, self._memory[key])

    def _measure_decoder(self) -> Tensor:
        channels, height, width = self.image_shape
        samples = min(max(PROBED_VALUES // (channels * height * width), FEWEST_PROBES), MOST_PROBES)
        return decoder_metric(self.decode, self.latent_shape, self.device, samples)

    def _find_directions(self, kind: str) -> Directions:
        metric = self.remember("metric", self._measure_decoder)
        if kind == "axis":
            return axis_directions(metric, self.latent_shape)
        if kind == "decoder":
            return principal_directions(metric, metric, self.latent_shape, unit=True)
        covariance = self.data_covariance()
        if kind == "data" and covariance is not None:
            return principal_directions(covariance, metric, self.latent_shape, unit=False)
        raise SceneError(f"{self.name} has no directions of the kind '{kind}'.")
