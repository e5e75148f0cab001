"""What the program remembers between starts about the person, not about the work."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

__all__ = ["Preferences", "load_preferences", "save_preferences"]

LONGEST_RECENT = 12


@dataclass(frozen=True, slots=True)
class Preferences:
    """Settings with their defaults. Kept as JSON texts, because QSettings changes the types of plain values."""

    theme: str = "system"  # system, dark or light
    device: str = "auto"
    recent: tuple[str, ...] = ()  # checkpoint paths, newest first
    last_folder: str = ""
    hint_seen: bool = False
    find_space: str = "w+"  # where a real picture is searched: "w" or "w+"
    find_steps: int = 200
    atlas_gigabytes: int = 20  # the most that is kept on the disk of all datasets that were mapped
    collapsed: tuple[str, ...] = ()  # titles of folded panels
    panel_order: tuple[str, ...] = ()
    geometry: bytes = field(default=b"", repr=False)
    layout: bytes = field(default=b"", repr=False)

    def with_recent(self, path: str) -> tuple[str, ...]:
        """The recent list with ``path`` moved to its top."""
        return (path, *(known for known in self.recent if known != path))[:LONGEST_RECENT]


def load_preferences(settings: QSettings) -> Preferences:
    """Read the preferences; anything missing or damaged takes its default."""
    defaults = Preferences()
    values: dict[str, Any] = {}
    for item in fields(Preferences):
        default = getattr(defaults, item.name)
        stored = settings.value(item.name)
        if isinstance(default, bytes):
            values[item.name] = bytes(stored.data()) if isinstance(stored, QByteArray) else default
        else:
            values[item.name] = _decode(stored, default)
    return Preferences(**values)


def save_preferences(settings: QSettings, preferences: Preferences) -> None:
    """Write all preferences."""
    for item in fields(Preferences):
        value = getattr(preferences, item.name)
        settings.setValue(item.name, QByteArray(value) if isinstance(value, bytes) else json.dumps(value))


def _decode(stored: object, default: Any) -> Any:
    try:
        value = json.loads(stored) if isinstance(stored, str) else default
    except ValueError:
        return default
    if isinstance(default, tuple):
        return tuple(str(part) for part in value) if isinstance(value, (list, tuple)) else default
    return value if type(value) is type(default) else default
