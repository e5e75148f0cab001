"""The promises of the stage: the picture, black around it, and a way back."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.imaging import Picture
from explorer.scene import Scene
from explorer.session import Session
from explorer.ui.stage import Stage, usual_screen


@pytest.fixture
def stage(qtbot: QtBot) -> Iterator[Stage]:
    session = Session()
    session.view = replace(session.view, smooth=False)
    stage = Stage(session)
    qtbot.addWidget(stage)
    yield stage
    del stage
    gc.collect()


def picture() -> Picture:
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    return Picture(pixels)


def test_it_shows_the_pixels_of_the_picture_and_black_around(stage: Stage) -> None:
    stage.open_on(usual_screen())
    stage._session.show_picture(picture(), Scene())
    stage.resize(64, 32)
    image = stage.grab().toImage()
    seen = [image.pixelColor(x, y).name() for x, y in ((20, 4), (44, 4), (20, 28), (44, 28), (4, 16), (60, 16))]
    assert seen == ["#ff0000", "#00ff00", "#0000ff", "#ffffff", "#000000", "#000000"]


def test_it_shows_the_picture_that_was_there_before_it_opened(stage: Stage) -> None:
    stage._session.show_picture(picture(), Scene())
    stage.open_on(usual_screen())
    stage.resize(32, 32)
    assert stage.grab().toImage().pixelColor(8, 8).name() == "#ff0000"


def test_a_hidden_stage_makes_no_images(stage: Stage) -> None:
    stage._session.show_picture(picture(), Scene())
    assert stage._image is None


def test_it_fills_the_screen(stage: Stage) -> None:
    stage.open_on(usual_screen())
    assert stage.isFullScreen()
    assert stage.size() == usual_screen().size()


def test_escape_closes_it(stage: Stage, qtbot: QtBot) -> None:
    stage.open_on(usual_screen())
    with qtbot.waitSignal(stage.closed):
        qtbot.keyClick(stage, Qt.Key.Key_Escape)
    assert not stage.isVisible()


def test_a_double_click_closes_it(stage: Stage, qtbot: QtBot) -> None:
    stage.open_on(usual_screen())
    qtbot.mouseDClick(stage, Qt.MouseButton.LeftButton)
    assert not stage.isVisible()


def test_f11_makes_it_a_window_and_fills_the_screen_again(stage: Stage, qtbot: QtBot) -> None:
    stage.open_on(usual_screen())
    qtbot.keyClick(stage, Qt.Key.Key_F11)
    assert not stage.isFullScreen()
    assert stage.isVisible()
    qtbot.keyClick(stage, Qt.Key.Key_F11)
    assert stage.isFullScreen()


def test_the_mouse_is_seen_for_a_while_after_it_moved(stage: Stage, qtbot: QtBot) -> None:
    stage.open_on(usual_screen())
    stage.hide_mouse()
    assert stage.cursor().shape() == Qt.CursorShape.BlankCursor
    qtbot.mouseMove(stage, stage.rect().center())
    QApplication.processEvents()
    stage._mouse.timeout.emit()
    assert stage.cursor().shape() == Qt.CursorShape.BlankCursor


def test_an_unplugged_screen_closes_it_with_a_sentence(stage: Stage) -> None:
    said: list[str] = []
    stage.told.connect(said.append)
    stage.open_on(usual_screen())
    QApplication.instance().screenRemoved.emit(usual_screen())
    assert not stage.isVisible()
    assert said == ["The screen that showed the picture is gone. Show it on another one from the menu."]
