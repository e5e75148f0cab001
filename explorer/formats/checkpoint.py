"""What every reader produces: a configuration and weights, with no code attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.errors import CheckpointError

__all__ = ["Checkpoint", "find_bad_values", "refuse_bad_values"]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A model as data.

    ``config`` is plain JSON: ``family``, ``name``, ``architecture`` and, where known, ``preparation``, ``training``,
    ``data``, ``licence``, ``seed``, ``version``. ``weights`` are named tensors on the CPU.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    path: Path | None = None
    format: str = "native"
    warnings: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """What to call the model: its own name, or that of the file."""
        own = self.config.get("name")
        return own if isinstance(own, str) and own else self.path.stem if self.path else "unnamed"


def find_bad_values(weights: Mapping[str, Tensor]) -> str | None:
    """The name of the first floating-point tensor that holds NaN or infinity as float32, or None."""
    for name, tensor in weights.items():
        if not tensor.is_floating_point():
            continue
        values = tensor.float()
        # A sum that is a number has only numbers in it, and is had in a fraction of the time.
        if not bool(torch.isfinite(values.sum())) and not bool(torch.isfinite(values).all()):
            return name
    return None


def refuse_bad_values(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights with NaN or infinity in them.

    Raises:
        CheckpointError: the name of the first such tensor.
    """
    bad = find_bad_values(weights)
    if bad is not None:
        raise CheckpointError(
            f"{path.name} cannot be used: its weights {bad} contain values that are not numbers.",
            "The training that made it has diverged; an earlier checkpoint of the same run may be sound.",
        )
