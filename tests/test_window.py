"""Promises about the real window: opening models, moving the point with mouse and keys, and taking it back."""

from __future__ import annotations

import itertools
import random
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hands import CONTROL, LEFT, NONE, Program, running, seed_scene
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QSpinBox
from pytestqt.qtbot import QtBot

from explorer.actions import bundled_checkpoints
from explorer.render import render
from explorer.scene import Direction, Scene
from explorer.ui.controls import IconButton, SliderRow
from explorer.ui.panels.blend import BlendRows

SHIFT = Qt.KeyboardModifier.ShiftModifier


def button(program: Program, words: str) -> QPushButton:
    """The button of the Latent panel with these words."""
    return next(each for each in program.latent().findChildren(QPushButton) if each.text() == words)


def choose(box: QComboBox, data: object) -> None:
    """Choose an entry of a combo box with the keyboard."""
    box.setFocus()
    target = next(index for index in range(box.count()) if box.itemData(index) == data)
    for _ in range(box.count()):
        if box.currentIndex() == target:
            return
        QTest.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < target else Qt.Key.Key_Up)
    raise AssertionError(f"{data} cannot be reached with the keys")


# --- opening ---


def test_a_model_opens_in_the_background_and_shows_a_picture(program: Program, checkpoints: tuple[Path, Path]) -> None:
    before = program.canvas.grab().toImage()
    program.actions.open(checkpoints[0])
    assert program.session.model is None  # the call has not waited
    program.rest()
    assert program.picture().pixels.shape == (16, 16, 1)
    assert program.shot() != before
    assert "Tiny" in program.window.windowTitle()


def test_a_first_run_walks_by_itself(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: tuple[Path, Path]
) -> None:
    with running(qtbot, tmp_path / "home", monkeypatch, checkpoints[0].parent) as program:
        program.instrument.start()
        program.wait(lambda: program.actions.motion.playing() == "walk")
        start = program.session.scene
        program.wait(lambda: program.session.pictured != start)


def test_a_second_run_opens_where_the_first_ended_and_does_not_walk(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: tuple[Path, Path]
) -> None:
    with running(qtbot, tmp_path / "home", monkeypatch, checkpoints[0].parent) as first:
        first.open(checkpoints[1])
        first.drag_slider()
        scene, pixels = first.session.scene, first.pixels()
    with running(qtbot, tmp_path / "home", monkeypatch, checkpoints[0].parent) as second:
        second.instrument.start()
        assert np.array_equal(second.pixels(), pixels)
        assert second.session.scene == scene
        assert second.model().path == checkpoints[1]
        assert second.actions.motion.playing() == ""


def test_a_second_run_whose_model_is_gone_says_so_and_opens_a_bundled_one(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: tuple[Path, Path]
) -> None:
    with running(qtbot, tmp_path / "home", monkeypatch) as first:
        first.open(checkpoints[1])
    checkpoints[1].unlink()
    with running(qtbot, tmp_path / "home", monkeypatch, checkpoints[0].parent) as second:
        second.instrument.start()
        second.rest()
        assert second.model().path == checkpoints[0]
        assert "was not found" in second.window.messages.text()


def test_the_old_model_stays_usable_while_another_is_opened(opened: Program, checkpoints: tuple[Path, Path]) -> None:
    gate = threading.Event()
    opened.instrument.workers.loader.start("Wait", lambda report: gate.wait(20))
    try:
        opened.actions.open(checkpoints[1])
        assert any(not bar.isHidden() for bar in opened.window.findChildren(QProgressBar))
        before = opened.pixels()
        opened.drag_slider()
        assert not np.array_equal(opened.pixels(), before)
        assert opened.model().path == checkpoints[0]
    finally:
        gate.set()
    opened.wait(lambda: opened.model().path == checkpoints[1])
    opened.rest()


def test_a_walk_begun_while_a_model_is_opened_does_not_carry_on_in_it(
    opened: Program, checkpoints: tuple[Path, Path]
) -> None:
    gate = threading.Event()
    opened.instrument.workers.loader.start("Wait", lambda report: gate.wait(20))
    opened.actions.open(checkpoints[1])
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: opened.session.pictured != seed_scene(0))
    gate.set()
    opened.wait(lambda: opened.model().path == checkpoints[1])
    opened.rest()
    assert opened.actions.motion.playing() == ""
    assert opened.session.scene == seed_scene(0)


def test_of_two_models_asked_for_in_a_row_the_last_is_opened(
    opened: Program, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    shown: list[Path] = []
    opened.actions.opened.connect(shown.append)
    opened.actions.open(checkpoints[1])
    opened.actions.open(checkpoints[0])
    opened.wait(lambda: bool(shown))
    opened.rest()
    assert shown == [checkpoints[0]]


def test_a_damaged_checkpoint_gets_one_sentence_and_the_old_model_stays(opened: Program, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(opened.model().path.read_bytes()[:2_000])
    model, pixels = opened.model(), opened.pixels()
    opened.actions.open(damaged)
    opened.wait_message("damaged.safetensors")
    assert opened.session.model is model
    opened.drag_slider()
    assert not np.array_equal(opened.pixels(), pixels)
    opened.press(Qt.Key.Key_Escape)
    assert opened.window.messages.text() == ""


def test_after_a_failed_first_opening_the_canvas_no_longer_says_that_it_opens(program: Program, tmp_path: Path) -> None:
    untouched = program.canvas.grab().toImage()
    program.actions.open(tmp_path / "missing.safetensors")
    assert program.canvas.grab().toImage() != untouched  # it says what is being opened
    program.wait_message("missing.safetensors")
    program.press(Qt.Key.Key_Escape)
    program.wait(lambda: program.canvas.grab().toImage() == untouched)


def test_an_opening_that_is_cancelled_no_longer_shows_as_going_on(
    opened: Program, checkpoints: tuple[Path, Path]
) -> None:
    gate = threading.Event()
    opened.instrument.workers.loader.start("Wait", lambda report: gate.wait(20))
    opened.actions.open(checkpoints[1])
    names: list[str] = []
    opened.actions.loading.connect(names.append)
    opened.instrument.workers.loader.cancel_all()  # as the button of the status bar does, for every job
    gate.set()
    opened.wait(lambda: not opened.instrument.workers.loader.states())
    assert opened.model().path == checkpoints[0]
    opened.wait(lambda: names == [""])


@pytest.mark.slow
@pytest.mark.parametrize("path", bundled_checkpoints(), ids=lambda path: path.stem)
def test_every_bundled_model_opens_and_shows_the_picture_that_render_makes(opened: Program, path: Path) -> None:
    def is_finished() -> bool:  # without waiting for all the small pictures around it
        session = opened.session
        return session.picture is not None and not session.picture.is_sketch and session.pictured == session.scene

    opened.actions.open(path)
    opened.wait(lambda: opened.model().path == path and is_finished())
    *_, expected = render(opened.model().generator, opened.session.scene)
    assert np.array_equal(opened.picture().pixels, expected.pixels)


# --- moving, and taking it back ---


def test_dragging_a_direction_changes_the_canvas_and_is_one_step_of_undo(opened: Program) -> None:
    start, before = opened.session.scene, opened.shot()
    row = opened.drag_slider()
    assert opened.session.scene.latent.amount(Direction("decoder", row)) > 0
    assert opened.shot() != before
    assert len(opened.session.history.entries) == 2
    assert opened.session.history.undo().entry.scene == start


def test_control_z_brings_scene_and_pixels_back_exactly(opened: Program) -> None:
    scene, pixels, shot = opened.session.scene, opened.pixels(), opened.shot()
    opened.drag_slider()
    assert not np.array_equal(opened.pixels(), pixels)
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.session.scene == scene
    assert np.array_equal(opened.pixels(), pixels)
    assert opened.shot() == shot


@pytest.mark.parametrize("keys", [(Qt.Key.Key_Z, CONTROL | SHIFT), (Qt.Key.Key_Y, CONTROL)])
def test_redo_brings_back_what_undo_took(opened: Program, keys: tuple[Qt.Key, Qt.KeyboardModifier]) -> None:
    opened.drag_slider()
    scene, pixels = opened.session.scene, opened.pixels()
    opened.press(Qt.Key.Key_Z, CONTROL)
    opened.press(*keys)
    assert opened.session.scene == scene
    assert np.array_equal(opened.pixels(), pixels)


def test_undo_during_a_walk_stops_it_and_goes_back_to_where_it_began(opened: Program) -> None:
    scene, pixels = opened.session.scene, opened.pixels()
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: opened.session.pictured != scene and opened.window.verbs["undo"].isEnabled())
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.actions.motion.playing() == ""
    assert opened.session.scene == scene
    assert np.array_equal(opened.pixels(), pixels)


def test_undo_in_the_middle_of_a_drag_takes_the_drag_back(opened: Program) -> None:
    scene = opened.session.scene
    opened.drag_slider(release=False)
    assert opened.session.scene != scene
    opened.wait(opened.window.verbs["undo"].isEnabled)
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.session.scene == scene


def test_undo_with_nothing_to_undo_changes_nothing(opened: Program) -> None:
    scene = opened.session.scene
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.session.scene == scene
    assert not opened.window.verbs["undo"].isEnabled()


def test_every_model_keeps_its_own_way_back(opened: Program, checkpoints: tuple[Path, Path]) -> None:
    opened.drag_slider()
    scene = opened.session.scene
    opened.open(checkpoints[1])
    assert opened.session.scene != scene
    opened.open(checkpoints[0])
    assert opened.session.scene == scene
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.session.scene.latent.moves == ()


# --- the Latent panel ---


def test_typing_a_seed_goes_there(opened: Program) -> None:
    spin = opened.latent().findChild(QSpinBox)
    assert spin is not None
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, "4711")
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert opened.session.scene == seed_scene(4711)
    *_, expected = render(opened.model().generator, seed_scene(4711))
    assert np.array_equal(opened.pixels(), expected.pixels)


def test_typing_in_the_seed_box_is_not_taken_for_shortcuts(opened: Program) -> None:
    spin = opened.latent().findChild(QSpinBox)
    assert spin is not None
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, "10")  # 1 and 0 alone mean true size and fit
    assert opened.session.scene == seed_scene(0)
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert opened.session.scene == seed_scene(10)


def test_the_random_button_and_r_draw_other_seeds(opened: Program) -> None:
    random.seed(1)
    QTest.mouseClick(button(opened, "Random"), LEFT)
    first = opened.session.scene
    opened.press(Qt.Key.Key_R)
    second = opened.session.scene
    assert len({first, second, seed_scene(0)}) == 3
    assert [entry.scene for entry in opened.session.history.entries] == [seed_scene(0), first, second]


def test_n_goes_to_the_next_seed_and_shift_n_back(opened: Program) -> None:
    opened.press(Qt.Key.Key_N)
    opened.press(Qt.Key.Key_N)
    assert opened.session.scene == seed_scene(2)
    opened.press(Qt.Key.Key_N, SHIFT)
    assert opened.session.scene == seed_scene(1)
    opened.press(Qt.Key.Key_Left, CONTROL)
    opened.press(Qt.Key.Key_Left, CONTROL)
    assert opened.session.scene == seed_scene(0)


def test_truncation_pulls_the_point_to_the_mean_and_is_one_step(opened: Program) -> None:
    row = next(r for r in opened.latent().findChildren(SliderRow) if r.label() == "Truncation ψ")
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Home)
    assert opened.session.scene.latent.truncation == 0.0
    opened.rest()
    assert np.abs(opened.picture().latents).max() == 0.0
    assert len(opened.session.history.entries) == 2


def test_dragging_in_the_pad_moves_along_both_axes_and_is_one_step(opened: Program) -> None:
    pad, before = opened.pad(), opened.shot()
    opened.drag(pad, *(pad.toScreen(x, y).toPoint() for x, y in ((0, 0), (0.5, 0.2), (1, 0.5), (1.5, 1.0))))
    latent, view = opened.session.scene.latent, opened.session.view
    assert latent.amount(view.across) == pytest.approx(1.5, abs=0.05)
    assert latent.amount(view.up) == pytest.approx(1.0, abs=0.05)
    assert opened.shot() != before
    assert len(opened.session.history.entries) == 2


def test_a_double_click_in_the_pad_returns_to_the_point(opened: Program) -> None:
    pad = opened.pad()
    opened.drag(pad, *(pad.toScreen(x, y).toPoint() for x, y in ((0, 0), (1.5, 1.0))))
    QTest.mouseDClick(pad, LEFT, NONE, pad.toScreen(-1, 1).toPoint())
    assert opened.session.scene == seed_scene(0)


def test_another_axis_is_what_the_pad_then_moves_along(opened: Program) -> None:
    across = opened.latent().findChildren(QComboBox)[0]
    choose(across, Direction("axis", 2))
    assert opened.session.view.across == Direction("axis", 2)
    pad = opened.pad()
    opened.drag(pad, *(pad.toScreen(x, 0).toPoint() for x in (0.0, 1.0)))
    assert opened.session.scene.latent.amount(Direction("axis", 2)) == pytest.approx(1.0, abs=0.05)


def test_a_seed_is_blended_in_weighed_and_taken_out(opened: Program) -> None:
    random.seed(2)
    start = opened.pixels()
    opened.press(Qt.Key.Key_B)
    assert len(opened.session.scene.latent.sources) == 2
    assert not np.array_equal(opened.pixels(), start)
    rows = opened.latent().findChildren(BlendRows)[0]
    opened.wait(lambda: len([row for row in rows.findChildren(SliderRow) if row.isVisible()]) == 2)
    second = [row for row in rows.findChildren(SliderRow) if row.isVisible()][1]
    second.setFocus()
    QTest.keyClick(second, Qt.Key.Key_Home)
    assert opened.session.scene.latent.sources[1][1] == 0.0
    assert np.array_equal(opened.pixels(), start)
    assert len(opened.session.history.entries) == 3
    remove = [each for each in rows.findChildren(IconButton) if each.isVisible()]
    QTest.mouseClick(remove[1], LEFT)
    assert opened.session.scene == seed_scene(0)


def test_the_last_weight_of_a_blend_stays_above_zero(opened: Program) -> None:
    random.seed(3)
    opened.press(Qt.Key.Key_B)
    rows = opened.latent().findChildren(BlendRows)[0]
    opened.wait(lambda: len([row for row in rows.findChildren(SliderRow) if row.isVisible()]) == 2)
    for row in [row for row in rows.findChildren(SliderRow) if row.isVisible()]:
        row.setFocus()
        QTest.keyClick(row, Qt.Key.Key_Home)
    assert sum(weight for _, weight in opened.session.scene.latent.sources) > 0
    opened.rest()


# --- the Directions panel ---


def test_the_directions_that_change_the_picture_most_come_first_once_that_is_known(opened: Program) -> None:
    opened.directions().desk.session.set_view(replace(opened.session.view, kind="axis"))
    opened.wait(lambda: "axis" in opened.session.strengths)
    strengths = np.asarray(opened.session.strengths["axis"])
    shown = opened.directions().sliders().shownRows()
    assert list(strengths[list(shown)]) == sorted(strengths, reverse=True)
    assert "by effect" in opened.window.panels.card("Directions").state()


def test_searching_shows_only_the_directions_named_so(opened: Program) -> None:
    search = opened.directions().findChild(QLineEdit)
    assert search is not None
    search.setFocus()
    QTest.keyClicks(search, "t 3")
    assert opened.directions().sliders().shownRows() == (2,)
    row = opened.drag_slider()
    assert [direction for direction, _ in opened.session.scene.latent.moves] == [Direction("decoder", row)]
    search.clear()
    assert len(opened.directions().sliders().shownRows()) == opened.model().facts.dimensions


def test_reset_takes_all_moves_back_and_can_itself_be_undone(opened: Program) -> None:
    opened.drag_slider(0)
    opened.drag_slider(1)
    scene = opened.session.scene
    reset = next(each for each in opened.directions().findChildren(QPushButton) if each.text() == "Reset")
    QTest.mouseClick(reset, LEFT)
    assert opened.session.scene == seed_scene(0)
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert opened.session.scene == scene


def test_another_kind_of_direction_is_what_the_sliders_then_move_along(opened: Program) -> None:
    kind = opened.directions().findChild(QComboBox)
    assert kind is not None
    choose(kind, "data")
    row = opened.drag_slider()
    assert [direction for direction, _ in opened.session.scene.latent.moves] == [Direction("data", row)]


def test_a_direction_becomes_an_axis_of_pad_and_grid(opened: Program) -> None:
    opened.directions().sliders().select(3)
    opened.directions().use_up()
    assert opened.session.view.up == Direction("decoder", 3)


# --- cards ---


def test_cards_fold_and_open_again(opened: Program) -> None:
    card, panel = opened.window.panels.card("Directions"), opened.directions()
    title = next(label for label in card.findChildren(QLabel) if label.text() == "Directions")
    for is_open in (False, True):
        QTest.mouseDClick(title, LEFT)
        assert panel.isVisible() is is_open


def test_a_card_is_torn_off_used_and_put_back(opened: Program) -> None:
    column, card = opened.window.panels, opened.window.panels.card("Directions")
    order = column.arrangement()[0]
    card.tearAsked.emit()
    assert card.window() is not opened.window
    opened.drag_slider()
    assert opened.session.scene.latent.moves
    opened.rest()
    card.window().close()
    assert card.window() is opened.window
    opened.wait(card.isVisible)
    assert column.arrangement()[0] == order


def test_a_torn_off_card_goes_when_the_window_is_closed(opened: Program) -> None:
    opened.window.panels.card("Directions").tearAsked.emit()
    opened.close()


def test_cards_change_places(opened: Program) -> None:
    opened.window.panels.card("Directions").moveAsked.emit(-1)
    assert opened.window.panels.arrangement()[0][:2] == ("Directions", "Latent")
    directions, latent = (opened.window.panels.card(title) for title in ("Directions", "Latent"))
    opened.wait(lambda: directions.y() < latent.y())


# --- walking ---


def test_a_walk_starts_moves_and_pauses_where_it_is(opened: Program) -> None:
    random.seed(4)
    opened.press(Qt.Key.Key_Space)
    start = seed_scene(0)
    opened.wait(lambda: opened.session.pictured != start)
    opened.press(Qt.Key.Key_Space)
    assert opened.actions.motion.playing() == ""
    scene = opened.session.scene
    assert opened.session.history.entry.scene == scene != start
    opened.rest()
    assert opened.session.scene == scene


def test_every_picture_of_a_walk_lies_in_the_typical_shell(opened: Program) -> None:
    random.seed(5)
    distances: list[float] = []
    shell = opened.model().facts.shell
    opened.session.picture_shown.connect(lambda shown: distances.append(shell.distance(np.linalg.norm(shown.latents))))
    opened.actions.motion.walk_speed = 40.0
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: len(distances) > 30)
    opened.press(Qt.Key.Key_Space)
    assert np.abs(distances).max() < 3.0


def test_a_walk_that_loops_comes_back_to_where_it_began(opened: Program) -> None:
    random.seed(6)
    QTest.mouseClick(button(opened, "Loop"), LEFT)
    scenes: list[Scene] = []
    opened.actions.motion.player.moved.connect(lambda scene, seconds: scenes.append(scene))
    times: list[float] = []
    opened.actions.motion.player.moved.connect(lambda scene, seconds: times.append(seconds))
    opened.actions.motion.walk_speed = 60.0
    QTest.mouseClick(button(opened, "Walk"), LEFT)
    opened.wait(lambda: any(after < before for before, after in itertools.pairwise(times)))
    QTest.mouseClick(button(opened, "Pause"), LEFT)
    visited = {source for scene in scenes for source, _ in scene.latent.sources}
    assert len(visited) <= 7  # the start and six others, however often it went round


def test_the_speed_box_sets_how_fast_a_walk_goes(opened: Program) -> None:
    speed = opened.latent().findChildren(QComboBox)[2]
    choose(speed, 4.0)
    assert opened.actions.motion.walk_speed == 4.0


def test_moving_by_hand_ends_a_walk(opened: Program) -> None:
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: opened.session.pictured != seed_scene(0))
    opened.drag_slider()
    assert opened.actions.motion.playing() == ""
    scene = opened.session.scene
    opened.rest()
    assert opened.session.scene == scene


def test_a_point_with_moves_walks_without_losing_them(opened: Program) -> None:
    row = opened.drag_slider()
    amount = opened.session.scene.latent.amount(Direction("decoder", row))
    start = opened.session.scene
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: opened.session.pictured != start)
    opened.press(Qt.Key.Key_Space)
    assert opened.session.scene.latent.amount(Direction("decoder", row)) == pytest.approx(amount)


def test_the_keyboard_works_before_anything_is_open(program: Program) -> None:
    for name, verb in program.window.verbs.items():
        if name not in ("open", "save", "export", "film", "keys", "quit"):  # they ask, or end the program
            verb.trigger()
    assert program.session.picture is None
    assert program.window.messages.text() == ""


def test_what_was_done_before_anything_is_open_does_not_move_the_first_model(
    program: Program, checkpoints: tuple[Path, Path]
) -> None:
    program.press(Qt.Key.Key_Space)
    program.press(Qt.Key.Key_R)
    program.open(checkpoints[0])
    assert program.session.scene == seed_scene(0)
    assert program.actions.motion.playing() == ""


def test_a_model_that_was_left_is_freed(opened: Program, checkpoints: tuple[Path, Path]) -> None:
    left = weakref.ref(opened.model().generator)
    opened.open(checkpoints[1])
    opened.press(Qt.Key.Key_R)
    opened.rest()
    opened.wait(lambda: left() is None)
