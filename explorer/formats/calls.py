"""What the names in a pickle make of their arguments: known functions that only carry data, done here again.

Everything else becomes an inert record, or ends the reading (see ``names.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from explorer.formats import arrays, tensors
from explorer.formats.names import DICTIONARIES, is_function, is_opaque
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import ArrayData, LongText, Name, Record

if TYPE_CHECKING:
    from explorer.formats.pickles import Machine

__all__ = ["SHORT_BYTES", "key_of", "made"]

SHORT_BYTES: Final = 64  # shorter bytes are copied
LARGEST_KEY: Final = 1 << 61  # so that no file can choose keys that all collide


def made(machine: Machine, name: object, arguments: object, is_call: bool) -> object:
    """What a name and its arguments stand for."""
    if not isinstance(name, Name):
        raise Refusal("it asks to run something that is no known name", is_attack=True)
    if not isinstance(arguments, tuple):
        raise Refusal("it is damaged: arguments are missing")
    pair = (name.module, name.name)
    if pair in DICTIONARIES:
        return _dictionary_of(machine, arguments)
    if pair in CALLS:
        return CALLS[pair](machine, arguments)
    if is_call and is_function(name):
        raise Refusal(f"it asks to run {shown(name.name)} of {shown(name.module)}", is_attack=True)
    return Record(name.module, name.name, () if is_opaque(name.module) else arguments)


def _dictionary_of(machine: Machine, arguments: tuple[object, ...]) -> dict[object, object]:
    """A dictionary, perhaps of the list of pairs that Python 2 gives."""
    found: dict[object, object] = {}
    for argument in arguments:
        if not isinstance(argument, list):
            continue  # what a missing entry would be, or another dictionary to start from: never in models
        machine.budget.spend(len(argument), machine.place)
        for pair in argument:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise Refusal("it is damaged: a dictionary is not made of pairs")
            found[key_of(pair[0])] = pair[1]
    return found


def _encode(machine: Machine, arguments: tuple[object, ...]) -> object:
    """Bytes as pickles for Python 2 hold them: a text of the same characters."""
    if not arguments or arguments[1:] not in ((), ("latin1",), ("latin-1",)):
        raise Refusal("it is damaged: it holds bytes in an unknown form")
    given = arguments[0]
    if isinstance(given, LongText):
        machine.budget.copy(len(given.data), machine.place)
        given = str(given.data, "utf-8", "replace")
    elif isinstance(given, str):
        machine.budget.copy(len(given), machine.place)
    else:
        raise Refusal("it is damaged: it holds bytes in an unknown form")
    try:
        octets = given.encode("latin1")
    except UnicodeEncodeError:
        raise Refusal("it is damaged: it holds bytes in an unknown form") from None
    return memoryview(octets) if len(octets) > SHORT_BYTES else octets


def _octets_of(machine: Machine, arguments: tuple[object, ...]) -> object:
    if not arguments:
        return b""
    if isinstance(arguments[0], (bytes, memoryview)):
        return arguments[0]
    return _encode(machine, arguments)


def _elements_of(machine: Machine, arguments: tuple[object, ...]) -> object:
    if not arguments:
        return []
    if len(arguments) > 1 or not isinstance(arguments[0], (list, tuple)):
        raise Refusal("it is damaged: a set is not made of a list")
    return arguments[0]


def _storage_of(machine: Machine, arguments: tuple[object, ...]) -> object:
    data = arguments[0] if len(arguments) == 1 else None
    if machine.unpack is None or not isinstance(data, (bytes, memoryview)):
        raise Refusal("it asks to read a file within itself", is_attack=True)
    try:
        return machine.unpack(memoryview(data))
    except Refusal as refusal:
        refusal.place = machine.place  # not the place within those bytes
        raise


def _subclass_of_tensor(machine: Machine, arguments: tuple[object, ...]) -> object:
    """A tensor with attributes: (function, class, its arguments, attributes)."""
    if len(arguments) != 4 or not isinstance(arguments[0], Name):
        raise Refusal("it is damaged: it holds a tensor in an unknown form")
    if (arguments[0].module, arguments[0].name) == ("torch._tensor", "_rebuild_from_type_v2"):
        raise Refusal("it is damaged: it holds a tensor in an unknown form")
    return made(machine, arguments[0], arguments[2], is_call=True)


def _reconstructed(machine: Machine, arguments: tuple[object, ...]) -> object:
    """An object as the oldest pickles hold it: (class, its base, the base's value)."""
    return made(machine, arguments[0] if arguments else None, (), is_call=False)


def key_of(value: object) -> object:
    """A key of a dictionary, if hashing it is cheap."""
    if isinstance(value, tuple) and len(value) <= 8 and all(isinstance(part, (str, int)) for part in value):
        value = tuple(key_of(part) for part in value)
    elif isinstance(value, (list, dict, tuple, memoryview, ArrayData)):
        raise Refusal("it is damaged: a list stands where a name should be")
    if isinstance(value, int) and not -LARGEST_KEY < value < LARGEST_KEY:
        raise Refusal("it is damaged: a number stands where a name should be")
    return value


# What stands for data: pairs of module and name, and what is made of the arguments.
CALLS: Final[dict[tuple[str, str], Callable[[Machine, tuple[object, ...]], object]]] = {
    ("builtins", "set"): _elements_of,
    ("builtins", "frozenset"): _elements_of,
    ("builtins", "list"): _elements_of,
    ("builtins", "tuple"): _elements_of,
    ("builtins", "bytes"): _octets_of,
    ("builtins", "bytearray"): _octets_of,
    ("torch", "Size"): _elements_of,
    ("_codecs", "encode"): _encode,
    ("copyreg", "_reconstructor"): _reconstructed,
    ("torch.storage", "_load_from_bytes"): _storage_of,
    ("torch._tensor", "_rebuild_from_type_v2"): _subclass_of_tensor,
    ("torch._utils", "_rebuild_tensor"): lambda machine, arguments: tensors.rebuild(arguments),
    ("torch._utils", "_rebuild_tensor_v2"): lambda machine, arguments: tensors.rebuild(arguments),
    ("torch._utils", "_rebuild_parameter"): lambda machine, arguments: tensors.parameter(arguments),
    ("torch._utils", "_rebuild_parameter_with_state"): lambda machine, arguments: tensors.parameter(arguments),
    ("numpy", "dtype"): lambda machine, arguments: arrays.kind(arguments),
    **{
        (f"numpy.{core}.{module}", name): make
        for core in ("core", "_core")
        for module, name, make in (
            ("multiarray", "scalar", lambda machine, arguments: arrays.scalar(arguments)),
            ("multiarray", "_reconstruct", lambda machine, arguments: ArrayData()),
            ("numeric", "_frombuffer", lambda machine, arguments: arrays.from_buffer(arguments)),
        )
    },
}
