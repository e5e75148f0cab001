"""The composition root: builds the parts, wires them, and closes them in the right order."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

import platformdirs
from PySide6.QtCore import QObject, QSettings, QTimer, Slot
from PySide6.QtWidgets import QApplication

from explorer.actions import Actions, Workers, bundled_checkpoints
from explorer.errors import ExplorerError
from explorer.live import Live
from explorer.preferences import load_preferences, save_preferences
from explorer.session import Session
from explorer.ui.panel import Desk
from explorer.ui.theme import apply_theme
from explorer.ui.window import Window
from explorer.workers import MainThread

__all__ = ["Folders", "Instrument", "run"]

NAME = "latent-explorer"
# How long a thread may keep the interpreter while another wants it. A network asks for it some hundred times a picture:
# beside a busy thread a small VAE made 1 picture a second at Python's 5 ms, 11 at 0.5 ms and 64 at 0.05 ms.
SWITCH_SECONDS = 0.00005
log = logging.getLogger("explorer")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the program keeps things. The cache may be deleted; the state holds the last session, and points that were
    found for pictures, which sessions name."""

    cache: Path
    state: Path

    @staticmethod
    def usual() -> Folders:
        return Folders(platformdirs.user_cache_path(NAME), platformdirs.user_state_path(NAME))


class Instrument(QObject):
    """The whole program but its event loop. Needs a QApplication; main thread only."""

    def __init__(self, settings: QSettings, folders: Folders, device: str = "") -> None:
        super().__init__()
        self._settings = settings
        preferences = load_preferences(settings)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, preferences.theme if preferences.theme in ("dark", "light") else "system")
        self.main = MainThread(self)
        self.session = Session(self)
        self.live = Live(self.session, self.main, self._fail, self)
        self.workers = Workers.make(self.main, self._fail, self)
        if device:
            preferences = replace(preferences, device=device)
        self.actions = Actions(self.session, self.live, self.workers, preferences, folders.state, self, folders.cache)
        self.window = Window(Desk(self.session, self.actions, self.live), folders.cache)
        self.actions.preferences_changed.connect(self._save_preferences)
        self.window.closing.connect(self.close)
        self.actions.loading.connect(self._settle_memory)
        gc.disable()  # until the first model is open
        self._is_closed = False
        self._old_hooks = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._catch
        threading.excepthook = self._catch_in_thread

    def start(self, argument: str | None = None) -> None:
        """Open what was asked for; otherwise go on where the last run ended, or with the first bundled model.

        A first run moves by itself, so that there is something to see before anything was learned.
        """
        bundled = bundled_checkpoints()
        if argument:
            self.actions.begin(Path(argument))
        elif bundled:
            is_first_run = not self.actions.autosave_path.exists()
            self.actions.restore(bundled[0])
            if is_first_run and not self.actions.preferences.hint_seen:
                self.session.picture_shown.connect(self._begin_walk)

    @Slot()
    def close(self) -> None:
        """Keep the session and stop every thread: motion, jobs, rendering, the way back. Safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        gc.enable()
        self.actions.motion.stop()
        self.window.atlas.close_threads()
        self.window.performing.close()
        for jobs in self.workers.all():
            jobs.close()
        self.actions.charting.close()
        self.live.close()
        self.main.close()
        sys.excepthook, threading.excepthook = self._old_hooks
        try:
            self.actions.autosave_now()
        except ExplorerError as error:
            log.info("The session was not kept: %s", error)
        self._save_preferences()
        self._settings.sync()

    @Slot(str)
    def _settle_memory(self, name: str) -> None:
        """Leave what has been imported by now out of garbage collections: among torch's objects one takes 130 ms."""
        if not name and not gc.isenabled():  # the first opening has ended
            gc.freeze()
            gc.enable()

    @Slot(object)
    def _begin_walk(self, picture: object) -> None:
        self.session.picture_shown.disconnect(self._begin_walk)
        self.actions.motion.toggle_walk()

    @Slot()
    def _save_preferences(self) -> None:
        save_preferences(self._settings, self.actions.preferences)

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, ExplorerError):
            log.error("Unforeseen failure", exc_info=error)
        self.actions.fail(error)

    def _catch(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
        else:
            self.main.post(partial(self._fail, error))

    def _catch_in_thread(self, caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:
            self.main.post(partial(self._fail, caught.exc_value))


class _Freezer(QObject):
    """Leaves what the first map has brought with it out of garbage collections, which took 50 to 80 ms with it."""

    @Slot()
    def freeze(self) -> None:
        gc.freeze()
        self.deleteLater()  # which disconnects it


def run(argument: str | None = None, device: str = "") -> int:
    """Open the window and stay until it is closed; gives the exit status."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _log_to_file()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName(NAME)
    app.setApplicationDisplayName("Latent Explorer")
    instrument = Instrument(QSettings(NAME, NAME), Folders.usual(), device)
    instrument.actions.charting.moved.connect(_Freezer(instrument).freeze)
    instrument.window.show()
    start: Callable[[], None] = partial(instrument.start, argument)
    QTimer.singleShot(0, instrument, start)  # after the window is on screen
    status = app.exec()
    instrument.close()
    return status


def _log_to_file() -> None:
    folder = platformdirs.user_log_path(NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(folder / "log.txt", maxBytes=1 << 20, backupCount=1, delay=True, encoding="utf-8")
    except OSError:
        return  # a program without a log is better than none
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
