"""What every test gets without asking: folders of its own, and a look at what it leaves behind.

- No display and few threads: set before anything imports Qt or torch.
- Settings, caches and logs go to a temporary folder, never to those of the person running the tests.
- A test fails when it leaves a thread or a window, or when the program logs a warning nobody expected.
- Tests marked ``gpu`` are skipped where there is none.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, GeneratorType
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from hands import Program
    from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's own threads only get in each other's way in small tests

if sys.platform == "win32":  # torch cannot load its libraries once Qt has loaded its own, see explorer/__main__.py
    import torch  # noqa: F401

FOLDERS: Final = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none. Torch is imported only if such a test was collected."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if wanting and not _has_gpu():
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason="no GPU on this machine"))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, caches, data and logs of this test go to a temporary folder of its own, outside its ``tmp_path``."""
    from PySide6.QtCore import QSettings

    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    for variable in FOLDERS:
        monkeypatch.setenv(variable, str(home / variable.lower()))
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    for kind in (QSettings.Format.IniFormat, QSettings.Format.NativeFormat):  # QSettings("who", "what") is Native
        QSettings.setPath(kind, QSettings.Scope.UserScope, str(home / "settings"))


@pytest.fixture(autouse=True)
def _no_niceness(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread steps back: on a busy machine one that does holds the interpreter lock for long."""
    if sys.platform == "linux":
        monkeypatch.setattr(os, "setpriority", lambda which, who, priority: None)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread which outlives it: one that is not a daemon, or one of the program's."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and _is_ours(thread)]
    if left:
        pytest.fail(f"threads left running: {', '.join(map(_place, left))}")


@pytest.fixture(autouse=True)
def _no_window_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a top-level widget and say what holds it; the traceback of a failed test may hold any."""
    before = _windows()
    failures = request.session.testsfailed
    yield
    if request.session.testsfailed > failures:
        return
    left = [window for window in _windows() if window not in before]
    if left:
        left.clear()
        gc.collect()  # reference cycles are no leak, only late
        left = [window for window in _windows() if window not in before]
    if left:
        pytest.fail(
            "windows left behind:\n" + "\n".join(f"  {window!r}, held by {_holders(window)}" for window in left)
        )


@pytest.fixture(autouse=True)
def expected_logs() -> Iterator[list[str]]:
    """The parts of log messages a test expects; it adds to this list. Any other warning or error fails it."""
    expected: list[str] = []
    records: list[logging.LogRecord] = []
    handler = _Keep(records)
    logger = logging.getLogger("explorer")
    logger.addHandler(handler)
    yield expected
    logger.removeHandler(handler)
    messages = [f"{record.levelname} {record.name}: {record.getMessage()}" for record in records]
    unexpected = [message for message in messages if not any(part in message for part in expected)]
    missing = [part for part in expected if not any(part in message for message in messages)]
    if unexpected or missing:
        pytest.fail(f"logged without being expected: {unexpected}; expected but not logged: {missing}")


class _Keep(logging.Handler):
    """Keeps every record from warnings upwards."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.WARNING)
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _is_ours(thread: threading.Thread) -> bool:
    return not thread.daemon or thread.name.startswith("explorer")


def _place(thread: threading.Thread) -> str:
    """A thread's name and the line it is at."""
    frame = sys._current_frames().get(thread.ident or 0)
    return f"{thread.name} at {Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else thread.name


def _windows() -> list[object]:
    """The living top-level widgets without a parent, after those waiting for deletion are gone."""
    if "PySide6.QtWidgets" not in sys.modules:
        return []
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    if not isinstance(QCoreApplication.instance(), QApplication):
        return []
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return [widget for widget in QApplication.topLevelWidgets() if widget.parent() is None]


def _holders(window: object) -> str:
    """The kinds of objects that hold a window, with what is known to hold them: lambdas and partials are the usual."""
    here = (list, FrameType, GeneratorType)  # what this check itself holds it by
    holders = [holder for holder in gc.get_referrers(window) if not isinstance(holder, here)]
    return ", ".join(sorted({f"{type(holder).__name__} {str(holder)[:80]}" for holder in holders})) or "Qt alone"


# --- the real window: imported only by the tests that use it ---


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    """A plain VAE and one with a learned prior."""
    from hands import tiny_checkpoints

    return tiny_checkpoints(tmp_path / "models")


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The window with nothing open."""
    from hands import running

    with running(qtbot, tmp_path / "home", monkeypatch) as program:
        yield program


@pytest.fixture
def opened(program: Program, checkpoints: tuple[Path, Path]) -> Program:
    """The window with the plain VAE open."""
    program.open(checkpoints[0])
    return program
