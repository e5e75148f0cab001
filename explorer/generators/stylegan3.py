"""The StyleGAN3 family (Karras et al. 2021): pictures that can be moved and turned as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from explorer.formats import Checkpoint
from explorer.generators.capabilities import Look, StyleLayerInfo
from explorer.generators.resume import LayerStep
from explorer.generators.style_based import StyleGenerator, load_style_net
from explorer.nets.stylegan3 import StyleGAN3, StyleGAN3Shape, transform_matrix

__all__ = ["StyleGAN3Generator"]


class StyleGAN3Generator(StyleGenerator):
    """A trained StyleGAN3, configuration T or R."""

    family: ClassVar[str] = "stylegan3"
    family_title: ClassVar[str] = "StyleGAN3"
    has_transform = True
    net: StyleGAN3

    def __init__(self, config: Mapping[str, Any], net: StyleGAN3, device: torch.device) -> None:
        super().__init__(config, net, device)
        shape = net.shape
        net.synthesis.freeze()
        self.mapping = net.mapping
        self.image_shape = (shape.image_channels, shape.resolution, shape.resolution)
        self.latent_shape = (shape.z,)
        self.classes = shape.classes
        layers = [
            StyleLayerInfo(f"L{i} {layer.out_size}²", round(layer.out_rate)) for i, layer in enumerate(shape.layers)
        ]
        self.style_layers = (StyleLayerInfo("input", round(shape.input.sampling_rate)), *layers)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> Self:
        """The StyleGAN3 of a checkpoint.

        Raises:
            CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
        """
        net = load_style_net(checkpoint, StyleGAN3Shape.from_json, StyleGAN3, ("up_filter", "down_filter"))
        made = cls(checkpoint.config, net, device)
        made.estimate_average(checkpoint)
        return made

    def checkpoint(self) -> Checkpoint:
        """Configuration and weights, float32."""
        config = {**self.config, "family": self.family, "architecture": self.net.shape.to_json()}
        return Checkpoint(config, dict(self.net.state_dict()))

    def layer_steps(self, look: Look, count: int) -> Sequence[LayerStep]:
        """The input, moved and turned as ``look`` says, then the layers."""
        synthesis, moved = self.net.synthesis, look.transform
        matrix = None
        if (moved.x, moved.y, moved.degrees) != (0.0, 0.0, 0.0):
            matrix = transform_matrix(moved.x, moved.y, moved.degrees).to(self.device)
        begin = partial(_begin, synthesis.begin, matrix)
        steps = [LayerStep(self.style_layers[0].name, 0, moved, begin)]
        for index in range(len(self.style_layers) - 1):
            is_last = index == len(self.style_layers) - 2
            run = partial(_run, synthesis.layer(index))
            sketch = synthesis.finish if is_last else None
            steps.append(LayerStep(self.style_layers[index + 1].name, index + 1, None, run, sketch))
        return steps

    def affine_weights(self, first: int, end: int) -> list[Tensor]:
        """The affine weights (channels, w) of layers fed by rows ``first`` to ``end``; the input has none."""
        count = len(self.style_layers) - 1
        rows = [row for row in range(1, count) if first <= row < end] or list(range(1, count + 1))
        return [self.net.synthesis.layer(row - 1).affine.weight for row in rows]


def _begin(begin: Any, matrix: Tensor | None, state: None, style: Tensor) -> Tensor:
    features: Tensor = begin(style, matrix)
    return features


def _run(layer: torch.nn.Module, state: Tensor, style: Tensor) -> Tensor:
    features: Tensor = layer(state, style)
    return features
