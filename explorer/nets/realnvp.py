"""RealNVP: couplings of a checkerboard and of channels at several scales (Dinh, Sohl-Dickstein and Bengio 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.nets.flow_layers import (
    ActNorm,
    ChannelCoupling,
    CheckerboardCoupling,
    Invertible,
    Squeeze,
    Swap,
)
from explorer.nets.glow import check_levels, latent_shapes, whole_numbers
from explorer.nets.multiscale import FlowLevel, MultiscaleFlow

__all__ = ["RealNVP", "RealNVPShape"]


@dataclass(frozen=True, slots=True)
class RealNVPShape:
    """The architecture of a ``RealNVP``; raises ValueError where it is impossible.

    ``size`` is the side of the pictures, which every level halves. ``steps`` are the couplings of a checkerboard, and
    as many of channels, at every level, the finest first (three in the paper); ``widths`` the channels inside them.
    """

    size: int
    channels: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    bits: int = 8

    def __post_init__(self) -> None:
        check_levels(self.size, self.channels, self.steps, self.widths, self.bits)

    @staticmethod
    def of(size: int, channels: int, levels: int, steps: int, width: int) -> RealNVPShape:
        """As many couplings at every level; twice the width where there are a quarter of the pixels."""
        return RealNVPShape(size, channels, (steps,) * levels, tuple(width << level for level in range(levels)))

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> RealNVPShape:
        steps, widths = whole_numbers(data["steps"]), whole_numbers(data["widths"])
        return RealNVPShape(int(data["size"]), int(data["channels"]), steps, widths, int(data.get("bits", 8)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"steps": list(self.steps), "widths": list(self.widths)}


class RealNVP(MultiscaleFlow):
    """At every level couplings of a checkerboard, squeezing, and couplings of channels (Dinh et al. 2017, figure 3).

    It differs from the paper where that is simpler or does not depend on the batch: normalisation by actnorm in place
    of batch norm, the couplings of Glow's small networks, pixels shifted and not through a logit, and a last level like
    the others. The prior is N(0, 1) at all levels.
    """

    def __init__(self, shape: RealNVPShape) -> None:
        self.shape = shape
        levels, channels, last = [], shape.channels, len(shape.steps) - 1
        for level, (steps, width) in enumerate(zip(shape.steps, shape.widths, strict=True)):
            layers: list[Invertible] = []
            for step in range(steps):
                layers += [ActNorm(channels), CheckerboardCoupling(channels, width, "tanh", step % 2)]
            layers.append(Squeeze())
            channels *= 4
            for _ in range(steps):
                layers += [ActNorm(channels), ChannelCoupling(channels, width, "tanh"), Swap()]
            levels.append(FlowLevel(layers, channels, level == last, has_prior=False))
            channels //= 2
        super().__init__(levels, latent_shapes(shape.size, shape.channels, len(shape.steps)))
