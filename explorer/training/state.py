"""What a stopped training run needs to go on, as tensors in a safetensors file: nothing in it can run."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from explorer.errors import TrainingError
from explorer.files import write_atomically

__all__ = ["read_state", "state_path", "write_state"]


def state_path(out: Path) -> Path:
    """Where the state of the run that writes ``out`` is kept."""
    return out.with_suffix(".training.safetensors")


def write_state(
    out: Path,
    net: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    step: int,
) -> None:
    """Keep weights, their average, the optimiser's moments, the random state and the step, atomically."""
    tensors: dict[str, Tensor] = {"step": torch.tensor(step), "generator": generator.get_state()}
    tensors |= {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
    with write_atomically(state_path(out)) as temporary:
        temporary.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))


def read_state(
    out: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> int:
    """Put everything back where it was and return the step, the number of optimiser steps already taken.

    Raises:
        TrainingError: there is no state, it is damaged, or it belongs to another architecture.
    """
    path = state_path(out)
    if not path.exists():
        raise TrainingError(f"There is nothing to resume: {path.name} does not exist.", "Leave --resume out to start.")
    try:
        tensors = load_file(path)
        net.load_state_dict(_part(tensors, "net."))
        average.load_state_dict(_part(tensors, "average."))
        generator.set_state(tensors["generator"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, "optimizer.").items():
            index, kind = name.split(".")
            moments.setdefault(int(index), {})[kind] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        return int(tensors["step"])
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{path.name} does not fit this run or is damaged.", "Leave --resume out to start again."
        ) from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
