"""A message from outside, what it is bound to, and both as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["DEFAULT_PORT", "Binding", "Message", "Setup", "setup_from_json", "setup_to_json", "told_address"]

DEFAULT_PORT: Final = 9000
MOST_BINDINGS: Final = 1000
LONGEST_TEXT: Final = 400
LARGEST: Final = 1e9
NOTES: Final = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
KINDS: Final = {"cc": "Knob", "bend": "Pitch wheel", "pressure": "Pressure"}


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that a knob, a key or another program says; ``value`` is 0 to 1.

    Addresses of MIDI are "cc/channel/number", "note/channel/number", "bend/channel" and "pressure/channel", channels
    from 1. Those of OSC begin with a slash; numbers after the first of an OSC message have "[2]", "[3]", ... added.
    """

    source: str  # "midi" or "osc"
    address: str
    value: float


@dataclass(frozen=True, slots=True)
class Binding:
    """What an address moves: ``low`` at 0, ``high`` at 1, straight in between; ``low`` may be the larger one."""

    address: str
    target: str
    low: float = 0.0
    high: float = 1.0

    @property
    def is_osc(self) -> bool:
        return self.address.startswith("/")

    def value(self, part: float) -> float:
        """What the target becomes where the message says ``part``; exactly the ends at 0 and 1."""
        return self.high if part >= 1.0 else self.low + part * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Setup:
    """All bindings, and which inputs are listened to; OSC on ``port`` of this computer only."""

    bindings: tuple[Binding, ...] = ()
    midi: bool = False
    osc: bool = False
    port: int = DEFAULT_PORT

    def bound_to(self, target: str) -> Binding | None:
        """The binding that moves ``target``."""
        return next((each for each in self.bindings if each.target == target), None)


def setup_to_json(setup: Setup) -> dict[str, Any]:
    """The setup as plain JSON values."""
    return {
        "bindings": [[each.address, each.target, each.low, each.high] for each in setup.bindings],
        "midi": setup.midi,
        "osc": setup.osc,
        "port": setup.port,
    }


def setup_from_json(data: Any) -> Setup:
    """Read what ``setup_to_json`` wrote; None is nothing bound.

    Raises:
        KeyError, TypeError or ValueError: it is damaged.
    """
    if data is None:
        return Setup()
    listed = data["bindings"]
    if not isinstance(listed, list) or len(listed) > MOST_BINDINGS:
        raise ValueError("bindings")
    bindings = tuple(
        Binding(_text(address), _text(target), _number(low), _number(high)) for address, target, low, high in listed
    )
    port = data.get("port", DEFAULT_PORT)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise ValueError("port")
    return Setup(bindings, data.get("midi") is True, data.get("osc") is True, port)


def told_address(address: str) -> str:
    """An address in words: what a person has under the hand."""
    if address.startswith("/"):
        return address
    kind, channel, *number = address.split("/")
    if kind == "note" and number and number[0].isdigit():
        note = int(number[0])
        return f"Key {NOTES[note % 12]}{note // 12 - 1} (channel {channel})"
    return f"{KINDS.get(kind, kind)} {' '.join(number)}".strip() + f" (channel {channel})"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise ValueError("a text")
    return value


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or abs(value) > LARGEST:
        raise ValueError("a number")
    return float(value)
