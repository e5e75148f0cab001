"""Glow: actnorm, invertible 1 x 1 convolution and coupling, again and again (Kingma and Dhariwal 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from explorer.nets.flow_layers import SCALES, ActNorm, ChannelCoupling, Invertible, InvertibleConv, Squeeze
from explorer.nets.multiscale import FlowLevel, MultiscaleFlow

__all__ = ["COUPLINGS", "Glow", "GlowShape", "check_levels", "latent_shapes", "whole_numbers"]

COUPLINGS: Final = ("affine", "additive")
MOST_LEVELS: Final = 8
MOST_STEPS: Final = 128
WIDEST: Final = 4096


@dataclass(frozen=True, slots=True)
class GlowShape:
    """The architecture of a ``Glow``; raises ValueError where it is impossible.

    ``size`` is the side of the pictures, which every level halves; ``steps`` and ``widths`` are the steps of flow and
    the channels inside their couplings at every level, the finest first. ``scale`` is how an affine coupling bounds its
    scale, "sigmoid" or "tanh". ``bits`` is how finely pictures were quantised for training.
    """

    size: int
    channels: int
    steps: tuple[int, ...]
    widths: tuple[int, ...]
    coupling: str = "affine"
    scale: str = "sigmoid"
    bits: int = 8

    def __post_init__(self) -> None:
        check_levels(self.size, self.channels, self.steps, self.widths, self.bits)
        if self.coupling not in COUPLINGS:
            raise ValueError("coupling should be affine or additive")
        if self.scale not in SCALES:
            raise ValueError("scale should be sigmoid or tanh")

    @staticmethod
    def of(size: int, channels: int, levels: int, steps: int, width: int, coupling: str = "affine") -> GlowShape:
        """As many steps at every level; twice the width where there are a quarter of the pixels, which takes as long.

        The scales are bounded both ways.
        """
        widths = tuple(min(width << level, WIDEST) for level in range(levels))
        return GlowShape(size, channels, (steps,) * levels, widths, coupling, "tanh")

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> GlowShape:
        return GlowShape(
            int(data["size"]),
            int(data["channels"]),
            whole_numbers(data["steps"]),
            whole_numbers(data["widths"]),
            str(data.get("coupling", "affine")),
            str(data.get("scale", "sigmoid")),
            int(data.get("bits", 8)),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"steps": list(self.steps), "widths": list(self.widths)}


class Glow(MultiscaleFlow):
    """A Glow; the rotations begin as none, see ``randomise``."""

    def __init__(self, shape: GlowShape) -> None:
        self.shape = shape
        scale = shape.scale if shape.coupling == "affine" else None
        levels, channels, last = [], shape.channels, len(shape.steps) - 1
        for level, (steps, width) in enumerate(zip(shape.steps, shape.widths, strict=True)):
            channels *= 4
            layers: list[Invertible] = [Squeeze()]
            for _ in range(steps):
                layers += [ActNorm(channels), InvertibleConv(channels), ChannelCoupling(channels, width, scale)]
            levels.append(FlowLevel(layers, channels, level == last, has_prior=True))
            channels //= 2
        super().__init__(levels, latent_shapes(shape.size, shape.channels, len(shape.steps)))


def latent_shapes(size: int, channels: int, levels: int) -> list[tuple[int, int, int]]:
    """The shapes (c, h, w) of the latents of every level, coarse first: all squeeze, and all but the last split."""
    shapes = []
    for level in range(levels):
        channels, size = channels * 4, size // 2
        if level < levels - 1:
            channels //= 2
        shapes.append((channels, size, size))
    return shapes[::-1]


def check_levels(size: int, channels: int, steps: tuple[int, ...], widths: tuple[int, ...], bits: int) -> None:
    """Raise ValueError where a flow of such levels is impossible."""
    if not 1 <= len(steps) <= MOST_LEVELS:
        raise ValueError(f"there should be from 1 to {MOST_LEVELS} levels")
    if len(widths) != len(steps):
        raise ValueError("steps and widths should have an entry for every level")
    if not 2 <= size <= 1024 or size % (1 << len(steps)):
        raise ValueError(f"size should be up to 1024 and a multiple of {1 << len(steps)}, for {len(steps)} levels")
    if channels not in (1, 3):
        raise ValueError("channels should be 1 or 3")
    if not all(1 <= count <= MOST_STEPS for count in steps):
        raise ValueError(f"steps should be from 1 to {MOST_STEPS}")
    if not all(1 <= width <= WIDEST for width in widths):
        raise ValueError(f"widths should be from 1 to {WIDEST}")
    if not 1 <= bits <= 8:
        raise ValueError("bits should be from 1 to 8")


def whole_numbers(data: Any) -> tuple[int, ...]:
    """A list of JSON as whole numbers; raises ValueError where it is none."""
    if not isinstance(data, list) or not all(type(number) is int for number in data):
        raise ValueError("steps and widths should be lists of whole numbers")
    return tuple(data)
