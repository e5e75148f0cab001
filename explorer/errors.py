"""What can go wrong, in sentences a person can act on.

    ExplorerError                 message: what happened, to which file; hint: what to do next
    ├── CheckpointError           a file that should be a model is damaged, foreign or impossible
    ├── DatasetError              a folder, array or list of pictures cannot be read
    ├── ImageError                one picture cannot be read or written
    ├── SceneError                a scene, session or recipe is not valid, or does not fit the model
    ├── DeviceError               the computing device is missing or out of memory
    ├── TrainingError             training cannot start or go on
    ├── SoundError                a sound file cannot be read
    └── ExportError               a film or picture cannot be written

Raise where the cause is known; catch once, where something can be done about it. The window shows ``message``
and ``hint`` in a bar; the command line prints both to stderr and exits with ``exit_code``.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CheckpointError",
    "DatasetError",
    "DeviceError",
    "ExplorerError",
    "ExportError",
    "ImageError",
    "SceneError",
    "SoundError",
    "TrainingError",
]


class ExplorerError(Exception):
    """An expected failure, told in one sentence, with an optional hint on what to do next."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class CheckpointError(ExplorerError):
    """A file that should be a model is damaged, foreign or impossible."""


class DatasetError(ExplorerError):
    """A folder, array or list of pictures cannot be read."""


class ImageError(ExplorerError):
    """One picture cannot be read or written."""


class SceneError(ExplorerError):
    """A scene, session or recipe is not valid, or does not fit the model."""


class DeviceError(ExplorerError):
    """The computing device is missing or out of memory."""

    exit_code: ClassVar[int] = 1


class TrainingError(ExplorerError):
    """Training cannot start or go on."""

    exit_code: ClassVar[int] = 1


class ExportError(ExplorerError):
    """A film or picture cannot be written."""

    exit_code: ClassVar[int] = 1


class SoundError(ExplorerError):
    """A sound file cannot be read."""
