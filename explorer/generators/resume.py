"""Continuing a picture from the first layer that a change touches."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

__all__ = ["LayerStep", "Resume", "run_steps"]

MOST_BYTES: Final = 1 << 29  # of features kept for continuing


@dataclass(frozen=True, slots=True, eq=False)
class LayerStep:
    """One layer: the row of the styles that feeds it, and what else decides it, as a ``key``.

    ``run`` makes the state after the layer from the state before it and the styles (n, w) of its row; states are made
    of tensors that nobody changes. ``sketch`` gives the picture so far, where the layer ends with one.
    """

    name: str
    row: int
    key: Hashable
    run: Callable[[Any, Tensor], Any]
    sketch: Callable[[Any], Tensor] | None = None


class Resume:
    """What is kept of the last picture, and how much of it the newest one could use. For one thread.

    Attributes:
        restarted: the name of the first layer that was computed for the newest picture; empty where all were.
        saved: seconds that the layers before it took when they were last computed.
    """

    def __init__(self) -> None:
        self.restarted = ""
        self.saved = 0.0
        self._styles: Tensor | None = None
        self._keys: list[Hashable] = []
        self._states: list[Any] = []
        self._seconds: list[float] = []

    def first_change(self, steps: Sequence[LayerStep], styles: Tensor) -> int:
        """The index of the first step to compute for ``styles`` (n, layers, w)."""
        before = self._styles
        if before is None or before.shape != styles.shape or len(steps) != len(self._keys):
            return 0
        same = (before == styles).flatten(2).all(2).all(0).tolist()
        first = next((i for i, step in enumerate(steps) if not same[step.row] or step.key != self._keys[i]), len(steps))
        while first > 0 and self._states[first - 1] is None:
            first -= 1
        return first

    def state_before(self, index: int) -> Any:
        """The kept state that step ``index`` starts from."""
        return self._states[index - 1] if index else None

    def begin(self, steps: Sequence[LayerStep], styles: Tensor, first: int) -> None:
        """Forget what steps from ``first`` on left."""
        if first == 0:
            self._seconds = [0.0] * len(steps)
        self._styles, self._keys = styles.clone(), [step.key for step in steps]
        self._states = [*self._states[:first], *[None] * (len(steps) - first)]
        self.restarted = steps[first].name if 0 < first < len(steps) else "" if first == 0 else steps[-1].name
        self.saved = sum(self._seconds[:first])

    def keep(self, index: int, state: Any, seconds: float) -> None:
        """Keep the state after a step, unless all of them would need too much memory."""
        self._seconds[index] = seconds
        if sum(map(_size, self._states)) + _size(state) <= MOST_BYTES:
            self._states[index] = state


def run_steps(steps: Sequence[LayerStep], styles: Tensor, resume: Resume | None) -> Iterator[tuple[LayerStep, Any]]:
    """Every step that has to be computed, with the state after it; at least the last one, kept or computed."""
    first = resume.first_change(steps, styles) if resume is not None else 0
    if resume is not None:
        resume.begin(steps, styles, first)
    state = resume.state_before(first) if resume is not None else None
    if first == len(steps):
        yield steps[-1], state
    for index in range(first, len(steps)):
        step, started = steps[index], time.perf_counter()
        state = step.run(state, styles[:, step.row])
        if resume is not None:
            resume.keep(index, state, time.perf_counter() - started)
        yield step, state


def _size(state: Any) -> int:
    """Bytes of the tensors in a state, each counted as if it were its own."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    parts = (getattr(state, name, None) for name in getattr(state, "__slots__", ()))
    return sum(part.numel() * part.element_size() for part in parts if isinstance(part, torch.Tensor))
