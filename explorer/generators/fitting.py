"""Putting the weights of a checkpoint into a network that was made of its description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint

__all__ = ["COUNTERS", "STATISTICS", "fitted", "kept"]

Net = TypeVar("Net", bound=nn.Module)
STATISTICS: Final = "statistics."  # what the names of numbers about the training data begin with; no network has them
COUNTERS: Final = "num_batches_tracked"  # of batch norms; how long a training took decides no picture


def fitted(checkpoint: Checkpoint, what: str, make: Callable[[dict[str, Any]], Net]) -> Net:
    """The network that ``make`` builds of the architecture, with the weights of the checkpoint, float32.

    Args:
        what: what it is to be, for the message ("DCGAN").
        make: is called where nothing takes memory; raises ValueError for what is impossible.

    Raises:
        CheckpointError: the architecture is impossible, or weights are missing, superfluous or wrongly shaped.
    """
    where = checkpoint.path.name if checkpoint.path else checkpoint.name
    try:
        with torch.device("meta"):
            net = make(checkpoint.config["architecture"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{where} describes an impossible {what}: {error}.") from error
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    weights = {
        name: value
        for name, value in checkpoint.weights.items()
        if not name.endswith(COUNTERS) and not name.startswith(STATISTICS)
    }
    weights |= {name: torch.zeros((), dtype=torch.long) for name in expected if name.endswith(COUNTERS)}
    for name in sorted(expected.keys() | weights.keys()):
        found = tuple(weights[name].shape) if name in weights else None
        if found != expected.get(name):
            raise CheckpointError(
                f"{where} does not fit its own description: {name} is {_told(found)}, not {_told(expected.get(name))}."
            )
    net.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in weights.items()}, assign=True)
    return net


def kept(net: nn.Module) -> dict[str, Tensor]:
    """The weights of a network that decide its pictures, on the CPU."""
    return {name: value.detach().cpu() for name, value in net.state_dict().items() if not name.endswith(COUNTERS)}


def _told(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape)) or "a single number"
