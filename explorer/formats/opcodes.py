"""The instructions of a pickle, found and bounded before any of them is followed.

A pickle is a program for a small machine. Here it is only cut into instructions: nothing is allocated for what an
instruction claims, and one that claims more than the file holds ends the reading.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Budget", "Refusal", "instructions", "scan", "shown"]

MOST_INSTRUCTIONS: Final = 1_500_000  # of a whole file; a StyleGAN2 has 20,000, a training state of it 100,000
MOST_TEXT: Final = 64 << 20  # bytes of names and notes, of a whole file
LONGEST_LINE: Final = 512  # bytes; a name
LONGEST_NUMBER: Final = 1024  # bytes
NEWEST_PROTOCOL: Final = 5

# How many bytes follow an instruction.
FIXED: Final = {
    pickle.PROTO: 1,
    pickle.FRAME: 8,
    pickle.BININT: 4,
    pickle.BININT1: 1,
    pickle.BININT2: 2,
    pickle.BINFLOAT: 8,
    pickle.BINGET: 1,
    pickle.LONG_BINGET: 4,
    pickle.BINPUT: 1,
    pickle.LONG_BINPUT: 4,
} | dict.fromkeys(
    (
        pickle.MARK, pickle.STOP, pickle.POP, pickle.POP_MARK, pickle.DUP, pickle.NONE, pickle.NEWTRUE,
        pickle.NEWFALSE, pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.LIST, pickle.EMPTY_TUPLE,
        pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_DICT, pickle.DICT, pickle.SETITEM,
        pickle.SETITEMS, pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET, pickle.STACK_GLOBAL, pickle.REDUCE,
        pickle.BUILD, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.BINPERSID, pickle.MEMOIZE,
    ),
    0,
)  # fmt: skip

# How many bytes hold the length of what follows an instruction.
COUNTED: Final = {
    pickle.LONG1: 1,
    pickle.LONG4: 4,
    pickle.SHORT_BINSTRING: 1,
    pickle.BINSTRING: 4,
    pickle.SHORT_BINBYTES: 1,
    pickle.BINBYTES: 4,
    pickle.BINBYTES8: 8,
    pickle.BYTEARRAY8: 8,
    pickle.SHORT_BINUNICODE: 1,
    pickle.BINUNICODE: 4,
    pickle.BINUNICODE8: 8,
}
NUMBERS: Final = (pickle.LONG1[0], pickle.LONG4[0])
GLOBAL: Final = pickle.GLOBAL[0]  # two lines follow

# Instructions no file of a model has: what they would do.
FORBIDDEN: Final = {
    pickle.EXT1: "code registered in another program",
    pickle.EXT2: "code registered in another program",
    pickle.EXT4: "code registered in another program",
    pickle.INST: "to make an object in the way of Python 1",
    pickle.OBJ: "to make an object in the way of Python 1",
    pickle.PERSID: "something outside of the file",
    pickle.NEXT_BUFFER: "something outside of the file",
    pickle.READONLY_BUFFER: "something outside of the file",
}


class Refusal(Exception):
    """What is wrong with a file, as the end of a sentence, and at which byte."""

    def __init__(self, what: str, place: int | None = None, is_attack: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.is_attack = is_attack


@dataclass(slots=True)
class Budget:
    """What reading one file may still cost, over everything in it."""

    instructions: int = MOST_INSTRUCTIONS
    copies: int = 0  # bytes that may be copied to decode them
    texts: int = MOST_TEXT

    def spend(self, instructions: int, place: int) -> None:
        """Count instructions."""
        self.instructions -= instructions
        if self.instructions < 0:
            raise Refusal("it has more instructions than any model needs", place)

    def decode(self, size: int) -> None:
        """Count bytes of text."""
        self.texts -= size
        if self.texts < 0:
            raise Refusal("it holds more text than any model needs")

    def copy(self, size: int, place: int) -> None:
        """Count copied bytes."""
        self.copies -= size
        if self.copies < 0:
            raise Refusal("it would unpack to more than its own size", place)


def instructions(data: memoryview, start: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """Place, code, and the first and last + 1 byte of the argument of every instruction, up to and with STOP.

    Raises:
        Refusal: an instruction is unknown, or claims more bytes than there are.
    """
    place, size = start, len(data)
    while place < size:
        code = data[place]
        first = place + 1
        last = FIXED_OF[code]
        if last >= 0:
            last += first
        elif (width := WIDTH_OF[code]) > 0:
            first += width
            last = first + int.from_bytes(data[first - width : first], "little")
            if code in NUMBERS and last - first > LONGEST_NUMBER:
                raise Refusal("it holds a number of absurd length", place)
        elif code == GLOBAL:
            last = _end_of_line(data, _end_of_line(data, first, place), place)
        else:
            _refuse(code, place)
        if last > size:
            raise Refusal("it ends too early, or one of its lengths is wrong", place)
        yield place, code, first, last
        if code == STOP:
            return
        place = last
    raise Refusal("it ends too early", size)


def scan(data: memoryview, budget: Budget, start: int = 0) -> int:
    """Check all instructions of a pickle without following them, and return where it ends.

    Raises:
        Refusal: it has too many instructions, or one that is not possible.
    """
    count = 0
    last = start
    for place, code, first, last in instructions(data, start):
        count += 1
        if count % 1024 == 0:
            budget.spend(1024, place)
        if code == LONG_BINPUT and int.from_bytes(data[first:last], "little") > count:
            raise Refusal("it numbers more objects than it has", place)
        if code == PROTO and data[first] > NEWEST_PROTOCOL:
            raise Refusal(f"it is of version {data[first]} of the pickle format, the newest known is 5", place)
        if code == FRAME and int.from_bytes(data[first:last], "little") > len(data) - last:
            raise Refusal("it ends too early, or one of its lengths is wrong", place)
    budget.spend(count % 1024 + 8, last)  # a little for the pickle itself, so that many empty ones cost something
    return last


def shown(text: object) -> str:
    """A name from a file, short and harmless enough to be part of a sentence."""
    name = text if isinstance(text, str) else type(text).__name__
    name = "".join(character if character.isprintable() else "?" for character in name[:80])
    return name if len(name) < 60 else name[:57] + "..."


def _refuse(code: int, place: int) -> None:
    asked = FORBIDDEN.get(bytes([code]))
    if asked is not None:
        raise Refusal(f"it asks for {asked}", place, is_attack=True)
    raise Refusal("it is damaged, or in an old form of pickle", place)


def _end_of_line(data: memoryview, first: int, place: int) -> int:
    line = bytes(data[first : first + LONGEST_LINE])
    end = line.find(b"\n")
    if end < 0:
        raise Refusal("it contains a name without an end", place)
    return first + end + 1


STOP: Final = pickle.STOP[0]
PROTO: Final = pickle.PROTO[0]
FRAME: Final = pickle.FRAME[0]
LONG_BINPUT: Final = pickle.LONG_BINPUT[0]
FIXED_OF: Final = [FIXED.get(bytes([code]), -1) for code in range(256)]
WIDTH_OF: Final = [COUNTED.get(bytes([code]), 0) for code in range(256)]
