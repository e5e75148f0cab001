"""Rendering and encoding at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

__all__ = ["encode_beside"]

AHEAD: Final = 16  # frames that may wait for the encoder
PATIENCE: Final = 0.1  # seconds until a waiting renderer looks whether the encoder has failed


def encode_beside(frames: Iterator[T], write: Callable[[Iterator[T]], int]) -> int:
    """What ``write`` returns for the frames, which are made on this thread while ``write`` runs on another one.

    What the frames raise reaches ``write`` as well, in place of the next frame, and is raised again here; what
    ``write`` raises is raised here at the next frame. At most 16 frames wait.
    """
    waiting: queue.Queue[T | BaseException | None] = queue.Queue(AHEAD)
    failures: list[BaseException] = []
    counts: list[int] = []

    def arriving() -> Iterator[T]:
        while (frame := waiting.get()) is not None:
            if isinstance(frame, BaseException):
                raise frame
            yield frame

    def run() -> None:
        try:
            counts.append(write(arriving()))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="Encoder", daemon=True)

    def hand_over(frame: T | BaseException | None) -> bool:
        """Whether the encoder took it; it does not where it has failed."""
        while thread.is_alive():
            try:
                waiting.put(frame, timeout=PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    thread.start()
    source_failure: BaseException | None = None
    try:
        for frame in frames:
            if not hand_over(frame):
                break
    except BaseException as error:
        source_failure = error
    hand_over(source_failure)
    thread.join()
    if source_failure is not None:
        raise source_failure
    if failures:
        raise failures[0]
    return counts[0]
