"""A reader of pickles that makes plain data of them and never runs anything.

It is the small machine a pickle is written for, without the instructions' power: names are kept as names, known
functions that only carry data (a tensor, an array, a dictionary) are done here again, with their bounds checked, and
objects of all other classes become inert records. Python's own unpickler is not involved.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from explorer.formats import arrays
from explorer.formats.calls import SHORT_BYTES, key_of, made
from explorer.formats.names import checked_name, is_opaque
from explorer.formats.opcodes import Budget, Refusal, instructions, scan, shown
from explorer.formats.records import LONGEST_STRING, ArrayData, LongText, Record, TensorData

__all__ = ["Machine"]

LONG_TEXT: Final = 1 << 20  # bytes; longer texts are not decoded


class Machine:
    """Reads the pickles that follow each other in ``data``.

    ``find`` gives what a persistent id stands for, ``unpack`` what a storage's bytes hold; without them neither is
    allowed.
    """

    def __init__(
        self,
        data: memoryview,
        budget: Budget,
        find: Callable[[object], object] | None = None,
        unpack: Callable[[memoryview], object] | None = None,
    ) -> None:
        self.data = data
        self.budget = budget
        self.find = find
        self.unpack = unpack
        self.place = 0
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}

    def read(self, start: int = 0) -> tuple[object, int]:
        """The value of the pickle at ``start``, and where it ends.

        Raises:
            Refusal: the pickle is damaged, or asks for something that is not data.
        """
        scan(self.data, self.budget, start)
        self.stack, self.marks, self.memo = [], [], {}
        last = start
        try:
            for self.place, code, first, last in instructions(self.data, start):  # noqa: B020
                STEPS[code](self, first, last)
            return self.stack.pop(), last
        except IndexError:
            raise Refusal("it takes more values than it has made", self.place) from None
        except Refusal as refusal:
            if refusal.place is None:
                refusal.place = self.place
            raise

    # --- values ---

    def number(self, first: int, last: int) -> None:
        self.stack.append(int.from_bytes(self.data[first:last], "little"))

    def signed(self, first: int, last: int) -> None:
        self.stack.append(int.from_bytes(self.data[first:last], "little", signed=True))

    def real(self, first: int, last: int) -> None:
        self.stack.append(struct.unpack(">d", self.data[first:last])[0])

    def text(self, first: int, last: int) -> None:
        piece = self.data[first:last]
        if last - first > LONG_TEXT:
            self.stack.append(LongText(piece))
        else:
            self.budget.decode(last - first)
            self.stack.append(str(piece, "utf-8", "replace"))

    def string_of_python_2(self, first: int, last: int) -> None:
        if last - first > LONGEST_STRING:
            self.octets(first, last)
        else:
            self.budget.decode(last - first)
            self.stack.append(str(self.data[first:last], "latin1"))

    def octets(self, first: int, last: int) -> None:
        piece = self.data[first:last]
        self.stack.append(piece if len(piece) > SHORT_BYTES else bytes(piece))

    # --- stack and memo ---

    def mark(self, first: int, last: int) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        """Everything since the last mark, taken from the stack."""
        taken = self.stack
        self.stack = self.marks.pop()
        return taken

    def pop(self, first: int, last: int) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def pop_mark(self, first: int, last: int) -> None:
        self.since_mark()

    def duplicate(self, first: int, last: int) -> None:
        self.stack.append(self.stack[-1])

    def put(self, first: int, last: int) -> None:
        self.memo[int.from_bytes(self.data[first:last], "little")] = self.stack[-1]

    def memoize(self, first: int, last: int) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, first: int, last: int) -> None:
        index = int.from_bytes(self.data[first:last], "little")
        if index not in self.memo:
            raise Refusal("it repeats a value it has not made")
        self.stack.append(self.memo[index])

    # --- containers ---

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(values)

    def append(self, first: int, last: int) -> None:
        value = self.stack.pop()
        self.extend([value])

    def appends(self, first: int, last: int) -> None:
        self.extend(self.since_mark())

    def extend(self, values: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, Record):
            target = target.elements
        if not isinstance(target, list):
            raise Refusal("it adds an element to something that is no list")
        target.extend(values)

    def set_item(self, first: int, last: int) -> None:
        value = self.stack.pop()
        self.set_all([self.stack.pop(), value])

    def set_items(self, first: int, last: int) -> None:
        self.set_all(self.since_mark())

    def set_all(self, pairs: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, Record):
            if is_opaque(target.module):
                return
            target = target.items
        if not isinstance(target, dict) or len(pairs) % 2:
            raise Refusal("it adds an entry to something that is no dictionary")
        for index in range(0, len(pairs), 2):
            key = key_of(pairs[index])
            if key in target:
                raise Refusal(f"it holds the name {shown(key)} twice")
            target[key] = pairs[index + 1]

    def dictionary(self, first: int, last: int) -> None:
        pairs = self.since_mark()
        self.stack.append({})
        self.set_all(pairs)

    # --- names and what is made with them ---

    def name(self, first: int, last: int) -> None:
        module, name, _ = bytes(self.data[first:last]).decode("utf-8", "replace").split("\n")
        self.stack.append(checked_name(module, name, self.place))

    def name_from_stack(self, first: int, last: int) -> None:
        name = self.stack.pop()
        module = self.stack.pop()
        self.stack.append(checked_name(module, name, self.place))

    def call(self, first: int, last: int) -> None:
        arguments = self.stack.pop()
        self.stack.append(made(self, self.stack.pop(), arguments, is_call=True))

    def new(self, first: int, last: int) -> None:
        arguments = self.stack.pop()
        self.stack.append(made(self, self.stack.pop(), arguments, is_call=False))

    def new_with_names(self, first: int, last: int) -> None:
        self.stack.pop()  # the named arguments
        self.new(first, last)

    def build(self, first: int, last: int) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Record):
            target.state = None if is_opaque(target.module) else state
        elif isinstance(target, (ArrayData, arrays.Kind)):
            arrays.set_state(target, state)
        elif not isinstance(target, (dict, list, TensorData)):  # whose attributes are not needed
            raise Refusal("it asks to change something that is no object", is_attack=True)

    def persistent(self, first: int, last: int) -> None:
        if self.find is None:
            raise Refusal("it asks for something outside of the file", is_attack=True)
        self.stack.append(self.find(self.stack.pop()))


def _nothing(machine: Machine, first: int, last: int) -> None:
    """PROTO, FRAME, STOP: nothing is left to do once they are scanned."""


def _push(make: Callable[[], object]) -> Callable[[Machine, int, int], None]:
    return lambda machine, first, last: machine.stack.append(make())


def _push_marked(make: Callable[[list[object]], object]) -> Callable[[Machine, int, int], None]:
    def push(machine: Machine, first: int, last: int) -> None:
        values = machine.since_mark()
        machine.stack.append(make(values))

    return push


def _push_tuple(count: int) -> Callable[[Machine, int, int], None]:
    return lambda machine, first, last: machine.tuple_of(count)


STEPS: Final[dict[int, Callable[[Machine, int, int], None]]] = {
    ord(code): step
    for codes, step in {
        "\x80\x95.": _nothing,
        "N": _push(lambda: None),
        "\x88": _push(lambda: True),
        "\x89": _push(lambda: False),
        "]\x8f": _push(list),
        "}": _push(dict),
        ")": _push(tuple),
        "KM": Machine.number,
        "J\x8a\x8b": Machine.signed,
        "G": Machine.real,
        "\x8cX\x8d": Machine.text,
        "UT": Machine.string_of_python_2,
        "CB\x8e\x96": Machine.octets,
        "(": Machine.mark,
        "0": Machine.pop,
        "1": Machine.pop_mark,
        "2": Machine.duplicate,
        "qr": Machine.put,
        "\x94": Machine.memoize,
        "hj": Machine.get,
        "t": _push_marked(tuple),
        "l\x91": _push_marked(list),
        "d": Machine.dictionary,
        "\x85": _push_tuple(1),
        "\x86": _push_tuple(2),
        "\x87": _push_tuple(3),
        "a": Machine.append,
        "e\x90": Machine.appends,
        "s": Machine.set_item,
        "u": Machine.set_items,
        "c": Machine.name,
        "\x93": Machine.name_from_stack,
        "R": Machine.call,
        "\x81": Machine.new,
        "\x92": Machine.new_with_names,
        "b": Machine.build,
        "Q": Machine.persistent,
    }.items()
    for code in codes
}
