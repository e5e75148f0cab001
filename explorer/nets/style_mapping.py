"""The mapping network that StyleGAN2 and StyleGAN3 share (Karras et al. 2019, section 2; 2020, appendix B).

Parameters are named as in the checkpoints people have, so that these load without renaming.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ACTIVATIONS", "Dense", "Mapping", "MappingShape", "activate", "gain_inside", "require"]

# The activations of the family and the gain that keeps the variance of what passes through (He et al. 2015).
ACTIVATIONS: Final = {
    "linear": 1.0,
    "relu": math.sqrt(2.0),
    "lrelu": math.sqrt(2.0),
    "tanh": 1.0,
    "sigmoid": 1.0,
    "elu": 1.0,
    "selu": 1.0,
    "softplus": 1.0,
    "swish": math.sqrt(2.0),
}
SLOPE: Final = 0.2  # of the leaky ReLU
EPSILON: Final = 1e-8
WIDEST: Final = 16_384


@dataclass(frozen=True, slots=True)
class MappingShape:
    """Widths of the layers ``fc0``, ``fc1`` ...; ``embed`` is the width of the embedded class, 0 without classes.

    ``multiplier`` scales the learning rate of the layers, by scaling their weights down (Karras et al. 2018, 4.1).
    """

    widths: tuple[int, ...]
    embed: int = 0
    multiplier: float = 0.01
    activation: str = "lrelu"

    def __post_init__(self) -> None:
        require(1 <= len(self.widths) <= 64, "the mapping should have from 1 to 64 layers")
        require(all(1 <= width <= WIDEST for width in self.widths), f"mapping widths should be from 1 to {WIDEST}")
        require(0 <= self.embed <= WIDEST, f"the width of embedded classes should be from 0 to {WIDEST}")
        require(0 < self.multiplier <= 100, "the learning rate multiplier of the mapping should be above 0")
        require(self.activation in ACTIVATIONS, f"the activation {self.activation!r} is not known")

    @staticmethod
    def from_json(data: dict[str, Any]) -> MappingShape:
        return MappingShape(
            tuple(map(int, data["widths"])),
            int(data.get("embed", 0)),
            float(data.get("multiplier", 0.01)),
            str(data.get("activation", "lrelu")),
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"widths": list(self.widths)}


class Dense(nn.Module):
    """A fully connected layer whose weights are scaled when used (equalised learning rate, Karras et al. 2018, 4.1)."""

    def __init__(
        self, inputs: int, outputs: int, activation: str = "linear", multiplier: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.activation = activation
        self.weight_gain = multiplier / math.sqrt(inputs)
        self.bias_gain = multiplier

    def forward(self, values: Tensor) -> Tensor:
        """(n, inputs) to (n, outputs)."""
        weight = self.weight.to(values.dtype) * self.weight_gain
        bias = self.bias.to(values.dtype) * self.bias_gain if self.bias_gain != 1 else self.bias.to(values.dtype)
        return activate(F.linear(values, weight, bias), self.activation)


class Mapping(nn.Module):
    """Points z and classes c to styles w, before truncation."""

    w_avg: Tensor  # the mean style (w,), towards which truncation pulls

    def __init__(self, z: int, w: int, classes: int, shape: MappingShape) -> None:
        super().__init__()
        require(shape.widths[-1] == w, "the last layer of the mapping should be as wide as a style")
        require(bool(classes) == bool(shape.embed), "classes should be embedded, and only they")
        self.z, self.classes = z, classes
        if classes:
            self.embed = Dense(classes, shape.embed)
        self.layers = len(shape.widths)
        inputs = z + shape.embed
        for index, width in enumerate(shape.widths):
            setattr(self, f"fc{index}", Dense(inputs, width, shape.activation, shape.multiplier))
            inputs = width
        self.register_buffer("w_avg", torch.zeros(w))

    def forward(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        """Styles (n, w) of points (n, z) and class weights (n, classes)."""
        values = _normalised(latents)
        if self.classes:
            assert condition is not None, "condition should be (n, classes)"
            embedded = _normalised(self.embed(condition.to(values.dtype)))
            values = torch.cat([values, embedded], 1) if self.z else embedded
        for index in range(self.layers):
            values = getattr(self, f"fc{index}")(values)
        return values


def gain_inside(activation: str, gain: float = 1.0) -> float:
    """What may multiply the input of an activation in place of its output, ``gain`` included; 1 where nothing may."""
    return ACTIVATIONS[activation] * gain if activation in ("linear", "relu", "lrelu") else 1.0


def activate(
    values: Tensor, activation: str, gain: float = 1.0, clamp: float | None = None, is_inside: bool = False
) -> Tensor:
    """The activation with its own gain times ``gain``, then limited to +-``clamp``.

    ``is_inside`` says that ``values`` hold the factor ``gain_inside`` already.
    """
    whole = ACTIVATIONS[activation] * gain
    if is_inside:
        whole /= gain_inside(activation, gain)
    match activation:
        case "linear":
            result = values
        case "lrelu":
            result = F.leaky_relu(values, SLOPE)
        case "swish":
            result = F.silu(values)
        case _:
            function = getattr(torch, activation, None) or getattr(F, activation)
            result = function(values)
    if whole != 1.0:
        result = result * whole
    return result if clamp is None else result.clamp(-clamp, clamp)


def require(is_so: bool, otherwise: str) -> None:
    """Raise ValueError where an architecture is impossible."""
    if not is_so:
        raise ValueError(otherwise)


def _normalised(values: Tensor) -> Tensor:
    """Every row scaled to a mean square of 1 (pixel norm, Karras et al. 2018, 4.2)."""
    return values * (values.square().mean(1, keepdim=True) + EPSILON).rsqrt()
