"""Whether what was read from a pickle is finite: a pickle can put things into themselves."""

from __future__ import annotations

from typing import Final

from explorer.formats.opcodes import Refusal
from explorer.formats.records import Record

__all__ = ["check_tree"]

CONTAINERS: Final = (dict, list, tuple, Record)
MOST_LEVELS: Final = 200  # of one thing in another; a network has some ten levels of layers, each of them four or five


def check_tree(root: object) -> None:
    """Make sure that what was read is finite: nothing contains itself, and the nesting is not absurd.

    Raises:
        Refusal: it is not.
    """
    heights: dict[int, int] = {}  # of what was seen completely
    path: set[int] = set()
    todo: list[tuple[object, bool]] = [(root, False)]
    while todo:
        value, is_done = todo.pop()
        place = id(value)
        if is_done:
            path.discard(place)
            heights[place] = 1 + max((heights.get(id(part), 0) for part in _parts(value)), default=0)
            if heights[place] > MOST_LEVELS:
                raise Refusal("it is nested too deeply")
        elif place in path:
            raise Refusal("it contains itself")
        elif place not in heights:
            path.add(place)
            if len(path) > MOST_LEVELS:
                raise Refusal("it is nested too deeply")
            todo.append((value, True))
            todo.extend((part, False) for part in _parts(value))


def _parts(value: object) -> list[object]:
    """What a container directly holds that holds something, too."""
    inside: list[object]
    match value:
        case dict():
            inside = list(value.values())
        case list() | tuple():
            inside = list(value)
        case Record():
            inside = [value.args, value.state, value.items, value.elements]
        case _:
            inside = []
    return [part for part in inside if part and isinstance(part, CONTAINERS)]
