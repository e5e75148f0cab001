"""Small promises of sliders, the strip, torn-off panels, the sheet of keys, and what commands say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from explorer.cli.training import _line
from explorer.datasets import open_dataset
from explorer.errors import DatasetError
from explorer.training import Report
from explorer.ui.card import Card
from explorer.ui.column import _TornCard
from explorer.ui.controls import SliderList, SliderRow, ThumbnailStrip
from explorer.ui.shortcuts import CONTROL_KEYS, ShortcutSheet


@pytest.mark.parametrize("kind", [SliderRow, SliderList])
@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_ending_an_edit_leaves_the_panel_where_it_was(
    qapp: QApplication, qtbot: QtBot, kind: type[QWidget], key: Qt.Key
) -> None:
    area, inner = QScrollArea(), QWidget()
    qtbot.addWidget(area)
    column = QVBoxLayout(inner)
    if kind is SliderRow:
        sliders: SliderRow | SliderList = SliderRow("Truncation", -3, 3, 0.5)
    else:
        sliders = SliderList()
        sliders.setRows(["Dimension 0"])
    column.addWidget(sliders)
    column.addSpacing(900)
    column.addWidget(QLineEdit(inner))
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.resize(320, 120)
    with qtbot.waitExposed(area):
        area.show()
    area.activateWindow()
    sliders.setFocus()
    QTest.keyClick(sliders, Qt.Key.Key_F2)
    edit = sliders.findChild(QLineEdit)
    assert edit is not None
    assert edit.hasFocus()
    edit.setText("1.5")
    QTest.keyClick(edit, key)
    assert (edit.isVisible(), sliders.hasFocus(), area.verticalScrollBar().value()) == (False, True, 0)


def test_the_value_edit_is_wide_enough_for_its_text(qtbot: QtBot) -> None:
    row = SliderRow("Angle", -1000, 1000, 0, unit="degrees")
    qtbot.addWidget(row)
    row.resize(306, 24)
    row.show()
    row.setValue(999.99)
    row.startEdit()
    edit = row.findChild(QLineEdit)
    assert edit is not None
    assert edit.text().startswith("+")
    assert edit.width() > edit.fontMetrics().horizontalAdvance(edit.text()) + 4
    assert edit.geometry().right() == row.rect().right()


def test_a_slider_says_what_double_clicks_do(qtbot: QtBot) -> None:
    row = SliderRow("Truncation", 0, 1, 0.5, tooltip="How far from the mean.")
    qtbot.addWidget(row)
    assert row.toolTip() == "How far from the mean. Double click on the name resets it, on the value edits it."


def test_a_narrower_strip_keeps_its_current_thumbnail_in_sight(qtbot: QtBot) -> None:
    strip = ThumbnailStrip()
    qtbot.addWidget(strip)
    strip.setItems([(at, None, "") for at in range(30)])
    strip.resize(600, strip.height())
    strip.show()
    strip.setCurrent(9)
    strip.resize(200, strip.height())
    assert 0 <= strip.itemRect(9).left() < strip.itemRect(9).right() < strip.viewport().width()


def test_a_torn_off_panel_lies_on_the_screen(qtbot: QtBot) -> None:
    column = QWidget()
    qtbot.addWidget(column)
    room = column.screen().availableGeometry()
    column.setGeometry(QRect(room.left(), room.bottom() - 50, 300, 400))
    column.show()
    card = Card("Tall", column)
    body = QWidget(card)
    body.setMinimumHeight(5 * room.height())
    card.setBody(body)
    torn = _TornCard(card, column)
    torn.open_beside(column)
    assert room.contains(torn.frameGeometry())


def test_the_sheet_of_keys_lists_those_of_controls_and_carries_no_icon(qtbot: QtBot) -> None:
    sheet = ShortcutSheet()
    qtbot.addWidget(sheet)
    assert {keys for keys, _ in CONTROL_KEYS} <= {label.text() for label in sheet.findChildren(QLabel)}
    assert [button.icon().isNull() for button in sheet.findChildren(QPushButton)] == [True]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "digits.npy", "digits.npz"])
def test_a_folder_around_a_dataset_names_the_file_to_give(tmp_path: Path, name: str) -> None:
    for other in ("a-labels-idx1-ubyte", "notes.txt", name):
        (tmp_path / other).write_bytes(np.zeros(4, np.uint8).tobytes())
    with pytest.raises(DatasetError, match=f"It holds {name}; give that file instead") as caught:
        open_dataset(tmp_path)
    assert str(caught.value).count("\n") <= 1


def test_a_line_of_numbers_says_what_is_done_and_left() -> None:
    line = _line(Report(1000, 4000, {"loss": 1.23456, "kl": 2.0}, 100.0, {}), "100/s")
    assert line == "1,000 of 4,000 (100/s, 0:00:30 left): loss 1.235, kl 2"
