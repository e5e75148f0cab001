"""What a dialect recognises in a file: a description and named weights that are still to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from explorer.errors import CheckpointError
from explorer.formats.checkpoint import Checkpoint, refuse_bad_values
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import ArrayData, Storage, TensorData
from explorer.formats.trees import Tree

__all__ = [
    "NO_AVERAGE", "Draft", "Weight", "changed", "drawn_noise", "finish", "reshaped", "usual_filter", "weight_of",
]  # fmt: skip

NO_AVERAGE: Final = "This file holds no average style; it was estimated from 10,000 draws."


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """A tensor that was not read yet: where it lies, what is done to it, and its shape after that."""

    source: TensorData | ArrayData
    shape: tuple[int, ...]
    change: Callable[[Tensor], Tensor] | None = None

    def read(self) -> Tensor:
        """The tensor; floating-point numbers as float32."""
        tensor = self.source.read()
        if tensor.is_floating_point():
            tensor = tensor.float()
        return tensor if self.change is None else self.change(tensor).contiguous()


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A checkpoint without its weights' numbers."""

    format: str
    config: Mapping[str, Any]
    weights: Mapping[str, Weight]
    warnings: tuple[str, ...] = ()


def weight_of(source: TensorData | ArrayData) -> Weight:
    """A tensor as it is in the file."""
    return Weight(source, source.shape)


def changed(weight: Weight, change: Callable[[Tensor], Tensor], shape: tuple[int, ...] | None = None) -> Weight:
    """The tensor after one more change, which gives it this shape or keeps the one it has."""
    before = weight.change

    def both(tensor: Tensor) -> Tensor:
        return change(tensor if before is None else before(tensor))

    return Weight(weight.source, weight.shape if shape is None else shape, both)


def reshaped(weight: Weight, shape: tuple[int, ...]) -> Weight:
    """The tensor in another shape of as many elements."""
    return changed(weight, lambda tensor: tensor.reshape(shape), shape)


def usual_filter(taps: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)) -> Weight:
    """The filter (k, k) that StyleGAN2 resamples with (Karras et al. 2020), where a file leaves it out."""
    line = torch.tensor(taps)
    square = torch.outer(line, line)
    return _made(square / square.sum())


def drawn_noise(size: int) -> Weight:
    """Noise (size, size) for a file that holds none, always the same."""
    return _made(torch.randn(size, size, generator=torch.Generator().manual_seed(size)))


def _made(tensor: Tensor) -> Weight:
    storage = Storage(tensor.dtype, tensor.numel(), memoryview(tensor.numpy().tobytes()))
    return weight_of(TensorData(storage, 0, tuple(tensor.shape), tuple(tensor.stride())))


def finish(tree: Tree, draft: Draft) -> Checkpoint:
    """Read the weights of a draft.

    Raises:
        CheckpointError: they are no numbers, or far more than the file has bytes.
    """
    if sum(weight.source.size for weight in draft.weights.values()) > 2 * tree.size:
        raise CheckpointError(f"{tree.path.name} cannot be used: it uses the same numbers for too many of its weights.")
    weights = {}
    for name, weight in draft.weights.items():
        try:
            tensor = weight.read()
        except Refusal as refusal:
            raise CheckpointError(
                f"{tree.path.name} cannot be used: its weights {shown(name)} {refusal.what}.",
                "Download or copy it again.",
            ) from refusal
        except (MemoryError, RuntimeError) as error:
            raise CheckpointError(f"{tree.path.name} needs more memory than there is.") from error
        if tensor.dtype != torch.float32:
            raise CheckpointError(
                f"{tree.path.name} cannot be used: its weights {shown(name)} are not floating-point numbers."
            )
        weights[name] = tensor
    refuse_bad_values(tree.path, weights)
    return Checkpoint(draft.config, weights, tree.path, draft.format, draft.warnings)
