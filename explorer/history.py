"""Every point visited, as a tree: undo goes to where one came from, and nothing is ever lost by going elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from explorer.errors import SceneError
from explorer.scene import Scene, from_json, to_json

__all__ = ["Entry", "History"]

LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One visited scene. ``key`` never changes; ``parent`` is the key of the entry it was reached from."""

    key: int
    scene: Scene
    label: str
    parent: int | None


@dataclass(frozen=True, slots=True)
class History:
    """Visited scenes in the order of their first visit, and the ``current`` one by its key."""

    entries: tuple[Entry, ...]
    current: int

    @staticmethod
    def start(scene: Scene) -> History:
        return History((Entry(0, scene, "Start", None),), 0)

    @property
    def entry(self) -> Entry:
        """The current entry."""
        return self.find(self.current)

    def find(self, key: int) -> Entry:
        """The entry with that key; raises KeyError where it was forgotten."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        raise KeyError(key)

    def visit(self, scene: Scene, label: str) -> History:
        """Arrive at ``scene`` from the current entry; at the same scene nothing happens."""
        if scene == self.entry.scene:
            return self
        key = self.entries[-1].key + 1
        entries = (*self.entries, Entry(key, scene, label, self.current))
        return History(entries[-LONGEST:], key)

    def go_to(self, key: int) -> History:
        """Make a visited entry the current one; raises KeyError where it was forgotten."""
        return self if key == self.current else replace(self, current=self.find(key).key)

    def undo(self) -> History:
        """Back to where the current entry was reached from; at the start nothing happens."""
        keys = {entry.key for entry in self.entries}
        parent = self.entry.parent
        return self if parent is None or parent not in keys else replace(self, current=parent)

    def redo(self) -> History:
        """On to the newest entry that was reached from the current one; at a tip nothing happens."""
        children = [entry.key for entry in self.entries if entry.parent == self.current]
        return replace(self, current=children[-1]) if children else self

    def to_json(self) -> dict[str, Any]:
        entries = [
            {"key": e.key, "scene": to_json(e.scene), "label": e.label, "parent": e.parent} for e in self.entries
        ]
        return {"entries": entries, "current": self.current}

    @staticmethod
    def from_json(data: Any) -> History:
        """Read what ``to_json`` wrote; raises SceneError where it is damaged."""
        try:
            entries = tuple(
                Entry(
                    int(item["key"]),
                    from_json(item["scene"]),
                    str(item["label"])[:200],
                    None if item["parent"] is None else int(item["parent"]),
                )
                for item in data["entries"]
            )
            history = History(entries[-LONGEST:], int(data["current"]))
            history.find(history.current)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise SceneError("The history in this session is damaged.") from error
        keys = [entry.key for entry in entries]
        if keys != sorted(set(keys)):
            raise SceneError("The history in this session is damaged.")
        return history
