"""What every reader produces: a configuration and weights, with no code attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["Checkpoint", "find_bad_values"]


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
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
            return name
    return None
