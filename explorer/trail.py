"""One value after the other, and which of them holds: what undo and redo walk along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

__all__ = ["Trail"]

T = TypeVar("T")

LONGEST: Final = 100  # steps that are remembered


@dataclass(frozen=True, slots=True)
class Trail(Generic[T]):
    """Values one after the other, each with what was done to get there, and which of them holds."""

    steps: tuple[tuple[T, str], ...]
    at: int = 0

    @staticmethod
    def start(value: T) -> Trail[T]:
        return Trail(((value, ""),))

    @property
    def now(self) -> T:
        return self.steps[self.at][0]

    @property
    def label(self) -> str:
        """What was done last; empty at the start."""
        return self.steps[self.at][1]

    @property
    def next_label(self) -> str:
        """What redo would do; empty where there is nothing to do again."""
        return self.steps[self.at + 1][1] if self.at + 1 < len(self.steps) else ""

    def visit(self, value: T, label: str) -> Trail[T]:
        """The trail after a change; what was undone is forgotten."""
        if value == self.now:
            return self
        steps = (*self.steps[: self.at + 1], (value, label))[-LONGEST:]
        return Trail(steps, len(steps) - 1)

    def amend(self, value: T) -> Trail[T]:
        """The trail with another value where it is, as if that had been there all along."""
        steps = list(self.steps)
        steps[self.at] = (value, self.label)
        return replace(self, steps=tuple(steps))

    def undo(self) -> Trail[T]:
        return replace(self, at=max(self.at - 1, 0))

    def redo(self) -> Trail[T]:
        return replace(self, at=min(self.at + 1, len(self.steps) - 1))
