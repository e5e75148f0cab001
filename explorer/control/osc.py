"""Packets of Open Sound Control (Wright 2002) as messages."""

from __future__ import annotations

import math
from importlib import import_module

from explorer.control.values import LONGEST_TEXT, Message

__all__ = ["osc_messages"]


def osc_messages(packet: bytes) -> tuple[Message, ...]:
    """What a packet says, in its order; nothing where it is damaged. Bundles count at once, whatever their time.

    Numbers are cut to 0 to 1; a message without any is a press: 1, then 0.
    """
    library = import_module("pythonosc.osc_packet")  # nobody but people who listen has to have it
    try:
        said = [(each.message.address, list(each.message.params)) for each in library.OscPacket(packet).messages]
    except (library.ParseError, ValueError, TypeError, IndexError, KeyError, OverflowError, RecursionError):
        return ()  # anybody may send anything to a port
    messages: list[Message] = []
    for address, values in said:
        if not isinstance(address, str) or not address.startswith("/") or len(address) > LONGEST_TEXT:
            continue
        if not values:
            messages += [Message("osc", address, 1.0), Message("osc", address, 0.0)]
        for place, value in enumerate(values, 1):
            if isinstance(value, (bool, int, float)) and math.isfinite(value):
                name = address if place == 1 else f"{address}[{place}]"
                messages.append(Message("osc", name, min(max(float(value), 0.0), 1.0)))
    return tuple(messages)
