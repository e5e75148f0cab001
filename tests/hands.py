"""The real window for tests, over tiny models, and the hands that use it: keys, drags, drops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from examples import make_prior_vae, save_model
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from explorer.app import Folders, Instrument
from explorer.imaging import Picture
from explorer.scene import Latent, Scene, Seed
from explorer.session import Model
from explorer.ui.pad import Pad
from explorer.ui.panels.directions import DirectionsPanel
from explorer.ui.panels.latent import LatentPanel

__all__ = ["Program", "running", "seed_scene", "tiny_checkpoints"]

PATIENCE: Final = 45_000  # milliseconds, for what takes some ten on a quiet machine, and seconds on a busy one
LEFT: Final = Qt.MouseButton.LeftButton
NONE: Final = Qt.KeyboardModifier.NoModifier
CONTROL: Final = Qt.KeyboardModifier.ControlModifier


def seed_scene(number: int) -> Scene:
    """A scene of nothing but a seed."""
    return Scene(Latent(((Seed(number), 1.0),)))


def tiny_checkpoints(folder: Path) -> tuple[Path, Path]:
    """A plain VAE and one with a learned prior, in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    return save_model(folder / "plain.safetensors"), save_model(folder / "prior.safetensors", make_prior_vae())


class Program:
    """One run of the program over the folders and settings in ``home``."""

    def __init__(self, qtbot: QtBot, home: Path) -> None:
        settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
        self.qtbot, self.home = qtbot, home
        self.instrument = Instrument(settings, Folders(home / "cache", home / "state"), "cpu")
        self.session, self.actions = self.instrument.session, self.instrument.actions
        self.live, self.window = self.instrument.live, self.instrument.window
        self.canvas = self.window.explore.canvas
        self._is_closed = False
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is self.window, timeout=PATIENCE)

    # --- waiting and looking ---

    def open(self, path: Path) -> None:
        """Open a checkpoint and wait for its first picture."""
        self.actions.open(path)
        self.wait(lambda: self.session.model is not None and self.session.model.path == path)
        self.rest()

    def rest(self) -> None:
        """Wait until the picture shown is that of the scene, and nothing else is being made."""
        self.wait(lambda: self.session.picture is not None and self.session.pictured == self.session.scene)
        self.wait(lambda: self.live.is_idle() and not self.instrument.workers.background.states())

    def wait(self, condition: Callable[[], object]) -> None:
        """Let the program run until something is true."""
        self.qtbot.waitUntil(condition, timeout=PATIENCE)

    def wait_message(self, part: str) -> None:
        self.wait(lambda: part in self.window.messages.text())

    def model(self) -> Model:
        assert self.session.model is not None
        return self.session.model

    def picture(self) -> Picture:
        assert self.session.picture is not None
        return self.session.picture

    def pixels(self) -> np.ndarray:
        """The picture of the scene, once it is there."""
        self.rest()
        return self.picture().pixels

    def shot(self) -> QImage:
        """What the canvas shows, once it is that of the scene."""
        self.rest()
        return self.canvas.grab().toImage()

    def directions(self) -> DirectionsPanel:
        panel = self.window.panels.panel("Directions")
        assert isinstance(panel, DirectionsPanel)
        return panel

    def latent(self) -> LatentPanel:
        panel = self.window.panels.panel("Latent")
        assert isinstance(panel, LatentPanel)
        return panel

    def pad(self) -> Pad:
        pad = self.latent().findChild(Pad)
        assert isinstance(pad, Pad)
        return pad

    # --- hands ---

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press a key in the window."""
        QTest.keyClick(self.window, key, modifier)

    def drag(self, widget: QWidget, *points: QPoint, release: bool = True) -> None:
        """Press the left button at the first point, move through the others, and let go at the last."""
        QTest.mousePress(widget, LEFT, NONE, points[0])
        for point in points[1:]:
            event = QMouseEvent(
                QEvent.Type.MouseMove,
                QPointF(point),
                QPointF(widget.mapToGlobal(point)),
                Qt.MouseButton.NoButton,
                LEFT,
                NONE,
            )
            QApplication.sendEvent(widget, event)
        if release:
            QTest.mouseRelease(widget, LEFT, NONE, points[-1])

    def drag_slider(self, row: int | None = None, *, release: bool = True) -> int:
        """Drag a slider of the Directions panel, the topmost if not told, and give its row."""
        sliders = self.directions().sliders()
        row = sliders.shownRows()[0] if row is None else row
        track = sliders.rowColumns(row).track
        steps = [QPoint(track.center().x() + step, track.center().y()) for step in (4, 12, 20, 28)]
        self.drag(sliders.viewport(), *steps, release=release)
        return row

    def drop(self, path: Path) -> bool:
        """Drop a file on the window; whether the window took it."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        place, copy = QPoint(300, 200), Qt.DropAction.CopyAction
        entered = QDragEnterEvent(place, copy, data, LEFT, NONE)
        QApplication.sendEvent(self.window, entered)
        if not entered.isAccepted():
            return False
        dropped = QDropEvent(QPointF(place), copy, data, LEFT, NONE)
        QApplication.sendEvent(self.window, dropped)
        return dropped.isAccepted()

    def close(self) -> None:
        """Close the window as a person does. Safe to call twice."""
        if not self._is_closed:
            self._is_closed = True
            self.window.close()
            self.instrument.close()
            self.window.deleteLater()
            self.instrument.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@contextlib.contextmanager
def running(
    qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch, bundled: Path | None = None
) -> Iterator[Program]:
    """A program whose bundled models are those of the folder ``bundled``, or none; closed at the end."""
    if bundled is None:
        bundled = home / "bundled"
        bundled.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("explorer.actions.checkpoints_folder", lambda: bundled)
    program = Program(qtbot, home)
    try:
        yield program
    finally:
        program.close()
