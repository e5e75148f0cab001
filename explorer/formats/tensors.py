"""Torch's tensors and storages as data: what ``torch._utils`` does when it reads them, with every bound checked."""

from __future__ import annotations

from typing import Final

import torch

from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import Name, Storage, TensorData

__all__ = ["parameter", "rebuild", "storage_of_id"]

LARGEST: Final = 1 << 40  # elements of one storage

KINDS: Final = {
    ("torch", "FloatStorage"): torch.float32,
    ("torch", "DoubleStorage"): torch.float64,
    ("torch", "HalfStorage"): torch.float16,
    ("torch", "BFloat16Storage"): torch.bfloat16,
    ("torch", "LongStorage"): torch.int64,
    ("torch", "IntStorage"): torch.int32,
    ("torch", "ShortStorage"): torch.int16,
    ("torch", "CharStorage"): torch.int8,
    ("torch", "ByteStorage"): torch.uint8,
    ("torch", "BoolStorage"): torch.bool,
    ("torch", "ComplexFloatStorage"): torch.complex64,
    ("torch", "ComplexDoubleStorage"): torch.complex128,
    ("torch.storage", "UntypedStorage"): torch.uint8,
    **{
        ("torch.cuda", f"{kind}Storage"): dtype
        for kind, dtype in (("Float", torch.float32), ("Half", torch.float16), ("Long", torch.int64))
    },
}


def storage_of_id(persistent: object) -> tuple[Storage, str]:
    """A storage without its numbers, and its key, of ('storage', class, key, device, count[, view]).

    Raises:
        Refusal: the id is not of a storage of numbers.
    """
    match persistent:
        case ("storage", Name() as name, str() as key, str(), int() as count):
            pass
        case ("storage", Name() as name, str() as key, str(), int() as count, None):
            pass
        case ("storage", _, _, _, _, tuple()):
            raise Refusal("it shares its numbers in a way that only the first versions of PyTorch did")
        case _:
            raise Refusal("it asks for something that is no tensor", is_attack=True)
    dtype = KINDS.get((name.module, name.name))
    if dtype is None:
        raise Refusal(f"it holds numbers of the unknown kind {shown(name.name)}")
    if isinstance(count, bool) or not 0 <= count <= LARGEST:
        raise Refusal("it holds a tensor of impossible size")
    return Storage(dtype, count), key


def rebuild(arguments: tuple[object, ...]) -> TensorData:
    """A tensor of (storage, offset, size, stride[, requires_grad, hooks, metadata])."""
    if not 4 <= len(arguments) <= 7:
        raise Refusal("it is damaged: it holds a tensor in an unknown form")
    storage, offset, shape, stride = arguments[:4]
    if not isinstance(storage, Storage) or not isinstance(offset, int):
        raise Refusal("it holds a tensor without numbers")
    return TensorData(storage, offset, _sizes(shape), _sizes(stride))


def parameter(arguments: tuple[object, ...]) -> object:
    """The tensor of a parameter: (data, requires_grad, hooks[, state])."""
    if not arguments or not isinstance(arguments[0], TensorData):
        raise Refusal("it is damaged: it holds a parameter without a tensor")
    return arguments[0]


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or len(values) > 64:
        count = len(values) if isinstance(values, (tuple, list)) else "unknown"
        raise Refusal(f"it holds a tensor of {count} dimensions")
    sizes = tuple(value for value in values if type(value) is int)
    if len(sizes) != len(values):
        raise Refusal("it holds a tensor of impossible size")
    return sizes
