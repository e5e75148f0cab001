"""What comes from knobs, keys and other programs, and what it moves: values only, without a window or a port."""

from __future__ import annotations

from explorer.control.midi import midi_message
from explorer.control.osc import osc_messages
from explorer.control.targets import VERBS, changed, limits, move_target, named, presses, targets_of
from explorer.control.values import DEFAULT_PORT, Binding, Message, Setup, setup_from_json, setup_to_json, told_address

__all__ = [
    "DEFAULT_PORT",
    "VERBS",
    "Binding",
    "Message",
    "Setup",
    "changed",
    "limits",
    "midi_message",
    "move_target",
    "named",
    "osc_messages",
    "presses",
    "setup_from_json",
    "setup_to_json",
    "targets_of",
    "told_address",
]
