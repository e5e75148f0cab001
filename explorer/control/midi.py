"""MIDI messages as ours."""

from __future__ import annotations

from typing import Any, Final

from explorer.control.values import Message

__all__ = ["midi_message"]

LARGEST: Final = 127  # of seven bits
MIDDLE: Final = 8192  # of the pitch wheel, which goes from -8192 to 8191


def midi_message(said: Any) -> Message | None:
    """A message of mido as ours; None where it moves nothing (clocks, programs, system messages)."""
    kind = said.type
    if kind == "control_change":
        return Message("midi", f"cc/{said.channel + 1}/{said.control}", said.value / LARGEST)
    if kind in ("note_on", "note_off"):
        value = said.velocity / LARGEST if kind == "note_on" else 0.0
        return Message("midi", f"note/{said.channel + 1}/{said.note}", value)
    if kind == "pitchwheel":
        return Message("midi", f"bend/{said.channel + 1}", (said.pitch + MIDDLE) / (2 * MIDDLE - 1))
    if kind == "aftertouch":
        return Message("midi", f"pressure/{said.channel + 1}", said.value / LARGEST)
    return None
