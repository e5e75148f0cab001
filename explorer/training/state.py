"""What a stopped training run needs to go on, as tensors in a safetensors file: nothing in it can run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from explorer.errors import TrainingError
from explorer.files import write_atomically

__all__ = ["State", "state_path"]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The moving parts of a run, and what must be the same when it goes on."""

    net: nn.Module
    average: nn.Module
    optimizers: tuple[torch.optim.Optimizer, ...]
    generator: torch.Generator
    batch: int
    seed: int
    pictures: int  # in the dataset

    def write(self, out: Path, step: int) -> None:
        """Keep weights, their average, the optimiser's moments, the random state and the step, atomically."""
        tensors: dict[str, Tensor] = {"step": torch.tensor(step), "generator": self.generator.get_state()}
        tensors |= {"run": self._run()}
        tensors |= {f"net.{name}": value for name, value in self.net.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for which, optimizer in enumerate(self.optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                part = f"optimizer.{which}.{index}"
                tensors |= {f"{part}.{name}": torch.as_tensor(value) for name, value in values.items()}
        with write_atomically(state_path(out)) as temporary:
            temporary.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))

    def read(self, out: Path) -> int:
        """Put everything back where it was and return the number of optimiser steps already taken.

        Raises:
            TrainingError: there is no state, it is damaged, or it belongs to another run.
        """
        path = state_path(out)
        if not path.exists():
            raise TrainingError(
                f"There is nothing to resume: {path.name} does not exist.", "Leave --resume out to start."
            )
        try:
            tensors = load_file(path)
            if not torch.equal(tensors["run"], self._run()):
                raise ValueError("another run")
            self.net.load_state_dict(_part(tensors, "net."))
            self.average.load_state_dict(_part(tensors, "average."))
            self.generator.set_state(tensors["generator"])
            for which, optimizer in enumerate(self.optimizers):
                moments: dict[int, dict[str, Tensor]] = {}
                for name, value in _part(tensors, f"optimizer.{which}.").items():
                    index, kind = name.split(".")
                    moments.setdefault(int(index), {})[kind] = value
                optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
            return int(tensors["step"])
        except (SafetensorError, OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise TrainingError(
                f"{path.name} is damaged or of a run with other data, batch, seed or architecture.",
                "Give the options of that run again, or leave --resume out to start anew.",
            ) from error

    def _run(self) -> Tensor:
        return torch.tensor([self.batch, self.seed, self.pictures])


def state_path(out: Path) -> Path:
    """Where the state of the run that writes ``out`` is kept."""
    return out.with_suffix(".training.safetensors")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
