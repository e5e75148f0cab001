"""What a network is told to draw: nothing, weights of classes, or prompts."""

from __future__ import annotations

import math
from typing import Final, Protocol

import torch
from torch import Tensor

from explorer.errors import SceneError
from explorer.generators.capabilities import Embedding
from explorer.generators.diffusion.text import TextReader
from explorer.scene import Condition

__all__ = ["ClassReader", "NoReader", "PromptReader", "Reader", "guidance_embedding"]

DISTILLED_GUIDANCE: Final = 8.5  # what latent consistency models are told, as their pipeline does


class Reader(Protocol):
    """Makes embeddings, (1, ...) each, of one condition."""

    can_guide: bool
    reads_text: bool

    def embed(self, condition: Condition) -> Embedding: ...

    def nothing(self, condition: Condition) -> Embedding: ...


class NoReader:
    """For networks that are told nothing; the empty tensor says how many pictures there are."""

    can_guide = False
    reads_text = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def embed(self, condition: Condition) -> Embedding:
        return {"none": torch.zeros(1, 0, device=self.device)}

    nothing = embed


class ClassReader:
    """For networks with an embedding of ``places`` classes, of which the last means none where ``has_none``."""

    reads_text = False

    def __init__(self, name: str, places: int, has_none: bool, device: torch.device) -> None:
        self.name, self.places, self.can_guide, self.device = name, places, has_none, device
        self.classes = places - 1 if has_none else places

    def embed(self, condition: Condition) -> Embedding:
        weights = torch.zeros(1, self.places, device=self.device)
        for index, weight in condition.classes or ((0, 1.0),):
            if not 0 <= index < self.classes:
                raise SceneError(f"{self.name} has {self.classes} classes, and none with the number {index}.")
            weights[0, index] = weight
        return {"classes": weights}

    def nothing(self, condition: Condition) -> Embedding:
        weights = torch.zeros(1, self.places, device=self.device)
        weights[0, -1] = 1.0 if self.can_guide else 0.0
        return {"classes": weights}

    def of_weights(self, weights: Tensor) -> Embedding:
        """The embedding of class weights (n, classes)."""
        return {"classes": torch.nn.functional.pad(weights, (0, self.places - weights.shape[1]))}


class PromptReader:
    """For networks that read text. Those distilled for guidance are told one scale, and cannot be guided further."""

    reads_text = True

    def __init__(self, text: TextReader) -> None:
        self.text = text
        self.told = int(text.config.get("time_cond_proj_dim") or 0)
        self.can_guide = not self.told

    def embed(self, condition: Condition) -> Embedding:
        return self._with_guidance(self.text.blended(condition.prompts))

    def nothing(self, condition: Condition) -> Embedding:
        return self._with_guidance(self.text.empty(condition.negative))

    def _with_guidance(self, read: Embedding) -> Embedding:
        if self.told:
            read["guidance"] = guidance_embedding(DISTILLED_GUIDANCE - 1.0, self.told).to(self.text.device)
        return read


def guidance_embedding(scale: float, width: int) -> Tensor:
    """Waves (1, width) of a guidance scale w = s - 1, as latent consistency models are told it (Luo et al. 2023)."""
    half = width // 2
    rates = torch.exp(torch.arange(half) * -(math.log(10_000.0) / max(half - 1, 1)))
    angles = scale * 1000.0 * rates
    waves = torch.cat([angles.sin(), angles.cos()])
    return torch.nn.functional.pad(waves, (0, width - 2 * half))[None]
