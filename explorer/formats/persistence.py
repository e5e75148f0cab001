"""Layers as NVIDIA's programs pickle them: each a record of its source text, which is ignored, and its state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import ArrayData, Record, TensorData

__all__ = ["Module", "attribute", "module_of", "numbers_of", "tensors_of", "walk"]

PERSISTENT: Final = ("torch_utils.persistence", "_reconstruct_persistent_obj")
MOST_PARTS: Final = 20_000  # layers or tensors of a whole network
LARGEST: Final = 1e15


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A layer or network: the name of its class, and the attributes it had."""

    kind: str
    state: dict[object, object]

    def parts(self, name: str) -> dict[str, object]:
        """Its ``_parameters``, ``_buffers`` or ``_modules``, without those that are None."""
        found = self.state.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict) or len(found) > MOST_PARTS:
            raise Refusal(f"its layer of the class {shown(self.kind)} is damaged")
        return {key: value for key, value in found.items() if isinstance(key, str) and value is not None}

    def child(self, name: str) -> Module | None:
        """The layer of this name."""
        return module_of(self.parts("_modules").get(name))


def module_of(value: object) -> Module | None:
    """The layer a record stands for, if it is one: NVIDIA's own, or one that PyTorch pickled as a whole."""
    if not isinstance(value, Record):
        return None
    if (value.module, value.name) == PERSISTENT:
        meta = value.args[0] if len(value.args) == 1 else None
        if isinstance(meta, dict):
            kind, state = meta.get("class_name"), meta.get("state")
            if isinstance(kind, str) and isinstance(state, dict):
                return Module(kind, state)
        raise Refusal("one of its layers is damaged")
    if isinstance(value.state, dict) and "_modules" in value.state:
        return Module(value.name, value.state)
    return None


def walk(module: Module) -> Iterator[tuple[str, Module]]:
    """A network and all its layers, with their names, parents before children.

    Raises:
        Refusal: there are absurdly many, or one of them is no layer.
    """
    todo = [("", module)]
    count = 1
    while todo:
        name, found = todo.pop()
        yield name, found
        children = found.parts("_modules")
        count += len(children)
        if count > MOST_PARTS:
            raise Refusal("it has more layers than any model")
        for key, value in reversed(children.items()):
            child = module_of(value)
            if child is None:
                raise Refusal(f"its layer {shown(name + key)} is not one of NVIDIA's")
            todo.append((f"{name}{key}.", child))


def tensors_of(module: Module) -> dict[str, TensorData]:
    """All parameters and buffers of a network, by name."""
    found: dict[str, TensorData] = {}
    for prefix, layer in walk(module):
        tensors = layer.parts("_parameters") | layer.parts("_buffers")
        if len(found) + len(tensors) > MOST_PARTS:
            raise Refusal("it has more weights than any model")
        for name, value in tensors.items():
            if not isinstance(value, TensorData):
                raise Refusal(f"its weights {shown(prefix + name)} are no tensor")
            found[prefix + name] = value
    return found


def attribute(module: Module | None, name: str, default: float | None) -> float | None:
    """A number among a layer's attributes; None where it is None.

    Raises:
        Refusal: it is something else.
    """
    value = default if module is None else module.state.get(name, default)
    if value is None:
        return None
    numbers = numbers_of(value)
    if len(numbers) != 1:
        raise Refusal(f"its setting {shown(name)} is not a number")
    return numbers[0]


def numbers_of(value: object) -> list[float]:
    """The finite numbers that a number, a list or a small array consists of; empty if it does not."""
    if isinstance(value, ArrayData) and value.size <= 1024 and value.dtype.kind in "iuf":
        value = value.array().reshape(-1).tolist()
    if isinstance(value, TensorData) and value.size <= 1024 and not value.storage.dtype.is_complex:
        value = value.read().reshape(-1).tolist()
    values: list[object] = list(value) if isinstance(value, (list, tuple)) and len(value) <= 64 else [value]
    real = [each for each in values if isinstance(each, (int, float)) and not isinstance(each, bool)]
    finite = [each for each in real if abs(each) < LARGEST and math.isfinite(each)]
    return finite if len(finite) == len(values) else []
