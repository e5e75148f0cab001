"""Every thread of the program, and the only way back to the main one.

``LatestWins`` is the render thread: it always works on what was asked for last. ``Jobs`` is a serial worker for long
work that reports progress and can be cancelled. Both hand results to ``MainThread.post``. Nothing else in this program
starts a thread that outlives its call, and only the main thread touches a QObject.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

__all__ = ["Cancelled", "JobState", "Jobs", "LatestWins", "MainThread", "Report"]

T = TypeVar("T")
Failed = Callable[[BaseException], None]
REPORT_SECONDS = 0.05
# How far the render thread and jobs step back behind the main thread. Not further: a thread that holds the interpreter
# lock and hardly ever gets a core, because other programs keep them busy, holds up the main thread.
RENDER_NICENESS = 2
JOB_NICENESS = 4


class Cancelled(Exception):
    """Raised inside a job, at its next report, after the user cancelled it."""


class Report(Protocol):
    """How a job tells its progress: raises ``Cancelled`` when it should stop. Call it at least every 100 ms."""

    def __call__(self, done: float, total: float, note: str = "") -> None: ...


class MainThread(QObject):
    """The bridge from any thread to the main one. Create it on the main thread."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._closed = False
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Have ``call`` run on the main thread, soon; after ``close`` it is dropped. Any thread."""
        with self._lock:
            if not self._closed:
                self._posted.emit(call)

    def close(self) -> None:
        """Drop whatever is posted from now on, and what was posted and has not run yet."""
        with self._lock:
            self._closed = True

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        if not self._closed:
            call()


@dataclass(eq=False)
class _Task(Generic[T]):
    work: Callable[[], Iterator[T]]
    show: Callable[[T], None]
    epoch: int
    steps: Iterator[T] | None = None


class LatestWins:
    """One render thread with a mailbox of one per lane.

    1. ``submit`` puts a request into its lane, replacing one that has not finished.
    2. The thread takes the first lane, in the order given, that has a request, and advances it by one result.
    3. Each result is posted to the main thread; what has finished is shown even when a newer request is waiting.
    4. Between two results the thread looks at the lanes again: a newer or more urgent request goes first.
    5. ``reset`` starts a new epoch: requests of older epochs end, and their results are no longer shown.
    """

    def __init__(self, main: MainThread, lanes: tuple[str, ...], failed: Failed, name: str = "render") -> None:
        self._main = main
        self._failed = failed
        self._lanes: dict[str, _Task[Any] | None] = dict.fromkeys(lanes)
        self._wake = threading.Condition()
        self._epoch = 0
        self._closed = False
        self._working = False
        self._undelivered = 0  # results and errors on their way to the main thread
        self._thread = threading.Thread(target=self._work, name=f"explorer-{name}", daemon=True)
        self._thread.start()

    def submit(self, lane: str, work: Callable[[], Iterator[T]], show: Callable[[T], None]) -> None:
        """Ask for the results of ``work()``, made on the render thread; ``show`` gets each on the main thread."""
        with self._wake:
            if not self._closed:
                self._lanes[lane] = _Task(work, show, self._epoch)
                self._wake.notify()

    def drop(self, lane: str) -> None:
        """Forget the request of one lane; what it has finished is still shown."""
        with self._wake:
            self._lanes[lane] = None

    def reset(self) -> None:
        """Forget all requests and do not show their results. Returns at once."""
        with self._wake:
            self._epoch += 1
            self._lanes = dict.fromkeys(self._lanes)

    def is_idle(self) -> bool:
        """Whether nothing is waiting, being worked on, or on its way to the main thread."""
        with self._wake:
            return not self._working and not self._undelivered and not any(self._lanes.values())

    def close(self) -> None:
        """Stop after the result being worked on and wait for the thread. Safe to call twice."""
        self.reset()
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        _step_back(RENDER_NICENESS)
        while (picked := self._pick()) is not None:
            lane, task = picked
            try:
                if task.steps is None:
                    task.steps = task.work()
                result = next(task.steps)
            except StopIteration:
                self._finish(lane, task)
            except BaseException as error:  # an error is a result: it must reach the person, whatever it is
                self._finish(lane, task)
                self._post(task.epoch, self._failed, error)
            else:
                self._post(task.epoch, task.show, result)
                del result
            del task, picked

    def _pick(self) -> tuple[str, _Task[Any]] | None:
        with self._wake:
            self._working = False
            while True:
                if self._closed:
                    return None
                for lane, task in self._lanes.items():
                    if task is not None:
                        self._working = True
                        return lane, task
                self._wake.wait()

    def _finish(self, lane: str, task: _Task[Any]) -> None:
        with self._wake:
            if self._lanes[lane] is task:
                self._lanes[lane] = None

    def _post(self, epoch: int, show: Callable[[Any], None], result: object) -> None:
        with self._wake:
            self._undelivered += 1
        self._main.post(partial(self._deliver, epoch, show, result))

    def _deliver(self, epoch: int, show: Callable[[Any], None], result: object) -> None:
        with self._wake:
            self._undelivered -= 1
        if epoch == self._epoch:
            show(result)


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as the status bar shows it; ``total`` is 0 while unknown."""

    key: int
    title: str
    done: float = 0.0
    total: float = 0.0
    note: str = ""


class Jobs(QObject):
    """A serial worker for long work: one job at a time, the others wait. Create and use it on the main thread."""

    changed = Signal(object)  # tuple[JobState, ...], the running one first

    def __init__(self, main: MainThread, failed: Failed, name: str = "jobs", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._main = main
        self._failed = failed
        self._pool = ThreadPoolExecutor(1, f"explorer-{name}", _step_back, (JOB_NICENESS,))
        self._keys = itertools.count(1)
        self._states: dict[int, JobState] = {}
        self._cancelled: set[int] = set()
        self._closed = False

    @property
    def main(self) -> MainThread:
        """The way back to the main thread."""
        return self._main

    def start(
        self,
        title: str,
        work: Callable[[Report], T],
        then: Callable[[T], None] | None = None,
        failed: Failed | None = None,
    ) -> int:
        """Queue ``work(report)``; its value goes to ``then``, its error to ``failed``, both on the main thread.

        Returns a key for ``cancel``. A cancelled job calls neither.
        """
        key = next(self._keys)
        if self._closed:
            return key
        self._states[key] = JobState(key, title)
        self.changed.emit(self.states())
        self._pool.submit(self._run, key, work, then, failed or self._failed)
        return key

    def cancel(self, key: int) -> None:
        """Stop a job at its next report, or before it starts."""
        self._cancelled.add(key)

    def cancel_all(self) -> None:
        self._cancelled.update(self._states)

    def states(self) -> tuple[JobState, ...]:
        """What runs and waits, oldest first."""
        return tuple(self._states.values())

    def close(self) -> None:
        """Cancel everything and wait for the worker. Safe to call twice."""
        self._closed = True
        self._cancelled.update(self._states)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, key: int, work: Callable[[Report], T], then: Callable[[T], None] | None, failed: Failed) -> None:
        last = 0.0

        def report(done: float, total: float, note: str = "") -> None:
            nonlocal last
            if key in self._cancelled:
                raise Cancelled
            now = time.monotonic()
            if now - last > REPORT_SECONDS:
                last = now
                self._main.post(partial(self._update, key, done, total, note))

        finish: Callable[[], None] | None = None
        try:
            report(0, 0)
            value = work(report)
            finish = partial(then, value) if then is not None else None
        except Cancelled:
            pass
        except BaseException as error:  # shown to the person, whatever it is
            finish = partial(failed, error)
        self._main.post(partial(self._end, key, finish))

    def _update(self, key: int, finished: float, total: float, note: str) -> None:
        if key in self._states:
            self._states[key] = replace(self._states[key], done=finished, total=total, note=note)
            self.changed.emit(self.states())

    def _end(self, key: int, finish: Callable[[], None] | None) -> None:
        cancelled = key in self._cancelled  # perhaps after its last report
        self._states.pop(key, None)
        self._cancelled.discard(key)
        self.changed.emit(self.states())
        if finish is not None and not cancelled:
            finish()


def _step_back(niceness: int) -> None:
    """Have the system prefer the main thread to this one, and to the threads this one starts, such as encoders'.

    Only Linux knows a niceness per thread; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
