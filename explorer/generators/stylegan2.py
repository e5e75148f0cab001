"""The StyleGAN2 family (Karras et al. 2020; with ADA, Karras et al. 2020b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor

from explorer.formats import Checkpoint
from explorer.generators.capabilities import Look, StyleLayerInfo
from explorer.generators.resume import LayerStep
from explorer.generators.style_based import StyleGenerator, load_style_net
from explorer.latents import draw
from explorer.nets.stylegan2 import State, Step, StyleGAN2, StyleGAN2Shape, StyleLayer
from explorer.scene import Noise

__all__ = ["StyleGAN2Generator"]

HALF_SIZE: Final = 256  # pixels; on CUDA, models from here on compute their
HALF_SHARE: Final = 8  # largest four resolutions in 16 bits, as they were trained


class StyleGAN2Generator(StyleGenerator):
    """A trained StyleGAN2: styles per layer, noise, classes."""

    family: ClassVar[str] = "stylegan2"
    family_title: ClassVar[str] = "StyleGAN2"
    net: StyleGAN2

    def __init__(self, config: Mapping[str, Any], net: StyleGAN2, device: torch.device) -> None:
        super().__init__(config, net.to(memory_format=torch.channels_last), device)  # type: ignore[call-overload]  # its stub lacks it
        shape = net.shape
        is_worth_it = device.type == "cuda" and shape.resolution >= HALF_SIZE
        net.synthesis.freeze(shape.resolution // HALF_SHARE if is_worth_it else shape.resolution + 1)
        self.mapping = net.mapping
        self.image_shape = (shape.image_channels, shape.resolution, shape.resolution)
        self.latent_shape = (shape.z,)
        self.classes = shape.classes
        self._steps = net.synthesis.steps()
        last_wins = sorted(self._steps, key=lambda step: step.layer is not None)  # rows are called after convolutions
        rows = {step.row: StyleLayerInfo(step.name, step.resolution) for step in last_wins}
        self.style_layers = tuple(
            rows.get(row) or StyleLayerInfo(f"style {row}", shape.resolution) for row in range(shape.layers)
        )
        self.noise_layers = tuple(step.name for step in self._steps if step.layer is not None) if shape.noise else ()

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The StyleGAN2 of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = load_style_net(
            checkpoint, lambda data, sizes: StyleGAN2Shape.from_json(data), StyleGAN2, ("resample_filter",)
        )
        made = cls(checkpoint.config, net, device)
        made.estimate_average(checkpoint)
        return made

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        config = {**self.config, "family": self.family, "architecture": self.net.shape.to_json()}
        return Checkpoint(config, dict(self.net.state_dict()))

    def layer_steps(self, look: Look, count: int) -> Sequence[LayerStep]:
        """The layers with the noise of ``look``."""
        noisy = [index for index, step in enumerate(self._steps) if step.layer is not None]
        steps = []
        for index, step in enumerate(self._steps):
            key, noise = None, None
            if step.layer is not None and self.noise_layers:
                key, noise = self._noise(step.layer, noisy.index(index), look.noise)
            sketch = _picture if step.name.endswith("torgb") else None
            steps.append(LayerStep(step.name, step.row, key, partial(_run, step, noise), sketch))
        return steps

    def affine_weights(self, first: int, end: int) -> list[Tensor]:
        """The affine weights (channels, w) of convolutions fed by rows ``first`` to ``end``."""
        return [step.layer.affine.weight for step in self._steps if step.layer is not None and first <= step.row < end]

    def _noise(self, layer: StyleLayer, index: int, noise: Noise) -> tuple[object, Tensor | None]:
        """What decides the noise of a layer, and the noise (1, 1, r, r) itself."""
        factor = noise.strength * dict(noise.layers).get(index, 1.0)
        if noise.mode == "none" or factor == 0.0:
            return "none", None
        strength = layer.noise_strength * factor
        if noise.mode == "const":
            return ("const", factor), layer.noise_const[None, None] * strength
        size = (1, 1, layer.resolution, layer.resolution)
        drawn = self.remember(("noise", noise.seed, index), partial(draw, _mixed(noise.seed, index), size))
        return ("random", noise.seed, factor), drawn.to(layer.noise_strength.device) * strength


def _run(step: Step, noise: Tensor | None, state: State | None, style: Tensor) -> State:
    return step.run(state or State(), style, noise)


def _picture(state: State) -> Tensor:
    assert state.image is not None
    return state.image


def _mixed(seed: int, layer: int) -> int:
    """A seed for each layer that no other seed gives to another layer, for seeds below 2^48."""
    return (seed * 32_768 + layer + 1) % (1 << 63)
