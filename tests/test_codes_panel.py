"""Promises of the panel that code maps are painted on, in the real window, and of the functions below it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from examples import save_model
from hands import CONTROL, LEFT, NONE, Program, seed_scene
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from vqvae_examples import make_vqvae, two_level_vqvae

from explorer.codes import brushed, by_use, erase_codes, paint_codes, painted_cells, perplexity, used_codes
from explorer.facts import describe
from explorer.generators import Generator
from explorer.reading import read_codes
from explorer.scene import Codes
from explorer.session import Model
from explorer.ui.code_palette import CodePalette
from explorer.ui.panels.codes import CodesPanel, use_words

RIGHT = Qt.MouseButton.RightButton
ALT = Qt.KeyboardModifier.AltModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def model_of(generator: Generator) -> Model:
    return Model(Path(f"{generator.name}.safetensors"), generator.name, generator, describe(generator))


@pytest.fixture
def one(program: Program) -> Program:
    """The window with a VQ-VAE of one map of 4 by 4 cells and 7 codes, the first of which is never used."""
    return opened(program, make_vqvae())


@pytest.fixture
def two(program: Program) -> Program:
    """The window with a VQ-VAE of two maps, 4 by 4 of 5 codes and 8 by 8 of 9 codes."""
    return opened(program, two_level_vqvae())


def opened(program: Program, generator: Generator) -> Program:
    program.session.open_model(model_of(generator))
    program.rest()
    panel = panel_of(program)
    program.wait(lambda: "code" in panel.describe((0, 0)))
    for title in ("Latent", "Directions"):  # so that what is below them is in sight
        program.window.panels.card(title).setCollapsed(True)
    return program


def panel_of(program: Program) -> CodesPanel:
    panel = program.window.panels.panel("Codes")
    assert isinstance(panel, CodesPanel)
    return panel


def middle(program: Program, row: int, column: int) -> QPoint:
    return panel_of(program).map.cellRect((row, column)).center()


def paint(program: Program, *cells: tuple[int, int], release: bool = True) -> None:
    program.drag(panel_of(program).map, *(middle(program, *cell) for cell in cells), release=release)


def press(program: Program, *keys: Qt.Key) -> None:
    panel_of(program).map.setFocus(Qt.FocusReason.TabFocusReason)
    for key in keys:
        QTest.keyClick(panel_of(program).map, key)


def cells_of(program: Program) -> tuple[tuple[int, int, int, int], ...]:
    return program.session.scene.codes.cells


def words(program: Program) -> str:
    """All words of the panel in sight."""
    return " | ".join(label.text() for label in panel_of(program).findChildren(QLabel) if label.isVisible())


# --- functions ---


def test_what_is_erased_again_leaves_the_painting_as_it_was() -> None:
    before = Codes(((0, 0, 0, 3), (1, 2, 2, 1)))
    painted = paint_codes(before, 1, [(0, 5), (0, 4)], 7)
    assert painted.cells == ((0, 0, 0, 3), (1, 0, 4, 7), (1, 0, 5, 7), (1, 2, 2, 1))
    assert erase_codes(painted, 1, [(0, 4), (0, 5), (3, 3)]) == before


def test_what_is_painted_last_is_what_holds() -> None:
    assert paint_codes(Codes(((0, 1, 1, 3),)), 0, [(1, 1)], 4).cells == ((0, 1, 1, 4),)


def test_only_what_a_map_has_counts_as_painted() -> None:
    codes = Codes(((0, 0, 0, 3), (0, 0, 1, 9), (0, 2, 0, 1), (1, 0, 0, 1)))
    assert painted_cells(codes, 0, (2, 2), 4) == {(0, 0): 3}


def test_a_brush_covers_a_square_inside_the_map() -> None:
    assert brushed([(1, 1)], 1, (4, 4)) == ((1, 1),)
    assert brushed([(1, 1)], 2, (4, 4)) == ((1, 1), (1, 2), (2, 1), (2, 2))
    assert len(brushed([(1, 1)], 3, (4, 4))) == 9
    assert brushed([(3, 3)], 3, (4, 4)) == ((2, 2), (2, 3), (3, 2), (3, 3))


def test_perplexity_counts_codes_that_are_used_alike() -> None:
    assert perplexity(np.full(8, 1 / 8, np.float32)) == pytest.approx(8)
    assert perplexity(np.array([0, 0.5, 0, 0.5], np.float32)) == pytest.approx(2)
    assert perplexity(np.array([0, 1, 0], np.float32)) == pytest.approx(1)
    assert perplexity(np.array([0.25, 0.75], np.float32)) == pytest.approx(4 / 3**0.75)
    assert perplexity(np.zeros(3, np.float32)) == 0


def test_codes_are_ordered_by_their_use() -> None:
    usage = np.array([0.1, 0.4, 0.0, 0.4, 0.1], np.float32)
    assert by_use(usage, 5) == (1, 3, 0, 4, 2)
    assert by_use(None, 3) == (0, 1, 2)
    assert used_codes(usage) == 4


def test_a_share_is_told_in_words_that_never_read_as_none() -> None:
    assert use_words(0.0123) == "1.2 % of the data"
    assert use_words(0.00001) == "below 0.1 % of the data"
    assert use_words(0.0) == "never used"


# --- the window ---


def test_the_panel_is_there_for_models_with_codes_alone(program: Program, tmp_path: Path) -> None:
    opened(program, make_vqvae())
    assert program.window.panels.card("Codes").isVisible()
    program.open(save_model(tmp_path / "plain.safetensors"))
    assert not program.window.panels.card("Codes").isVisible()


def test_the_map_shows_every_cell_as_the_picture_of_its_code(one: Program) -> None:
    panel = panel_of(one)
    maps = read_codes(one.model().generator, one.session.scene)
    shot, ratio = panel.map.grab().toImage(), panel.map.devicePixelRatioF()
    for row in range(4):
        for column in range(4):
            swatch = maps.swatches[0][maps.own[0][row, column]]
            place = middle(one, row, column) * ratio + QPoint(3, 3)  # in the pixel right below the middle
            grey = int(swatch[swatch.shape[0] // 2, swatch.shape[1] // 2, 0])
            assert abs(shot.pixelColor(place).red() - grey) <= 1


def test_codes_are_told_with_their_place_and_their_use(one: Program) -> None:
    own = int(read_codes(one.model().generator, one.session.scene).own[0][2, 3])
    assert panel_of(one).describe((2, 3)) == f"Row 3, column 4: code {own} ({100 * own / 21:.1f} % of the data)"
    place = QPointF(middle(one, 2, 3))
    move = QMouseEvent(QEvent.Type.MouseMove, place, place, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NONE)
    QApplication.sendEvent(panel_of(one).map, move)
    assert "Row 3, column 4" in words(one)
    assert "6 of 7 codes are used, perplexity 5" in words(one)


def test_dragging_paints_live_and_is_one_step_of_undo(one: Program) -> None:
    before, scene = one.pixels(), one.session.scene
    panel_of(one).brush.choose(5)
    paint(one, (0, 0), (0, 1), (0, 3), release=False)
    assert cells_of(one) == ((0, 0, 0, 5), (0, 0, 1, 5), (0, 0, 2, 5), (0, 0, 3, 5))
    assert one.session.history.entry.scene == scene
    assert not np.array_equal(one.pixels(), before)
    paint(one, (0, 3))
    assert one.session.history.entry.label == "Paint codes"
    assert "4 cells painted, at all seeds" in words(one)
    one.actions.undo()
    assert one.session.scene == scene
    assert np.array_equal(one.pixels(), before)
    assert "cells painted" not in words(one)
    one.actions.redo()
    assert len(cells_of(one)) == 4


def test_a_wide_brush_paints_squares(one: Program) -> None:
    panel_of(one).brush.sizes.button(2).click()
    paint(one, (1, 1))
    assert [cell[1:3] for cell in cells_of(one)] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_the_eraser_gives_cells_their_own_codes_back(one: Program) -> None:
    panel_of(one).brush.choose(0)
    paint(one, (1, 0), (1, 3))
    panel_of(one).brush.eraser.click()
    paint(one, (1, 0), (1, 1))
    assert [cell[1:3] for cell in cells_of(one)] == [(1, 2), (1, 3)]
    assert one.session.history.entry.label == "Erase codes"
    panel_of(one).brush.choose(1)
    assert not panel_of(one).brush.is_eraser()


def test_shift_erases_with_any_brush(one: Program) -> None:
    paint(one, (1, 0), (1, 3))
    QTest.mouseClick(panel_of(one).map, LEFT, SHIFT, middle(one, 1, 2))
    assert [cell[1:3] for cell in cells_of(one)] == [(1, 0), (1, 1), (1, 3)]


def test_clear_takes_all_paint_away_in_one_step(two: Program) -> None:
    assert not panel_of(two).clear.isEnabled()
    paint(two, (0, 0), (0, 2))
    panel_of(two).choose_level(1)
    paint(two, (5, 5))
    panel_of(two).clear.click()
    assert cells_of(two) == ()
    two.actions.undo()
    assert len(cells_of(two)) == 4


@pytest.mark.parametrize(("button", "modifier"), [(RIGHT, NONE), (LEFT, ALT)])
def test_a_code_is_picked_up_from_the_map(one: Program, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    panel_of(one).brush.choose(0)
    own = int(read_codes(one.model().generator, one.session.scene).own[0][3, 2])
    QTest.mouseClick(panel_of(one).map, button, modifier, middle(one, 3, 2))
    assert panel_of(one).brush.code() == own
    assert cells_of(one) == ()


def test_what_is_painted_can_be_picked_up_too(one: Program) -> None:
    panel_of(one).brush.choose(0)
    paint(one, (3, 2))
    panel_of(one).brush.choose(4)
    QTest.mouseClick(panel_of(one).map, RIGHT, NONE, middle(one, 3, 2))
    assert panel_of(one).brush.code() == 0


def test_the_palette_begins_with_the_codes_used_most_and_a_click_chooses(one: Program) -> None:
    palette = panel_of(one).findChild(CodePalette)
    assert isinstance(palette, CodePalette)
    assert palette.codes() == (6, 5, 4, 3, 2, 1, 0)
    assert panel_of(one).brush.code() == 6
    QTest.mouseClick(palette.viewport(), LEFT, NONE, palette.itemRect(3).center())
    paint(one, (2, 2))
    assert cells_of(one) == ((0, 2, 2, 3),)


def test_keys_do_all_of_it(one: Program) -> None:
    key = Qt.Key
    press(one, key.Key_Right, key.Key_Down, key.Key_Down, key.Key_Space)
    assert cells_of(one) == ((0, 2, 1, 6),)
    assert one.session.history.entry.label == "Paint codes"
    press(one, key.Key_BracketRight, key.Key_BracketRight, key.Key_End, key.Key_Return)
    assert cells_of(one) == ((0, 2, 1, 6), (0, 2, 3, 4))
    press(one, key.Key_BracketLeft, key.Key_Return)
    assert cells_of(one) == ((0, 2, 1, 6), (0, 2, 3, 5))
    press(one, key.Key_Delete)
    assert cells_of(one) == ((0, 2, 1, 6),)
    assert not one.actions.motion.playing()
    one.press(key.Key_Z, CONTROL)
    assert len(cells_of(one)) == 2


def test_each_map_is_painted_by_itself(two: Program) -> None:
    panel = panel_of(two)
    assert panel.tabs is not None
    panel.brush.choose(1)
    panel.tabs.button(1).click()
    panel.brush.choose(7)
    paint(two, (6, 7))
    panel.tabs.button(0).click()
    assert panel.brush.code() == 1
    paint(two, (3, 3))
    assert cells_of(two) == ((0, 3, 3, 1), (1, 6, 7, 7))
    assert "2 cells painted (1 here)" in words(two)


def test_another_seed_keeps_the_painting_and_shows_its_own_map_below(one: Program) -> None:
    paint(one, (0, 0), (0, 1))
    panel, painted = panel_of(one), one.session.scene.codes
    one.session.change_latent(seed_scene(3).latent, "Seed 3")
    one.rest()
    assert one.session.scene.codes == painted
    own = read_codes(one.model().generator, seed_scene(3)).own[0]
    one.wait(lambda: all(f"code {own[row, 3]} " in panel.describe((row, 3)) for row in range(4)))
    assert panel.describe((0, 0)) == f"Row 1, column 1: code 6, painted over {own[0, 0]}"
    assert "2 cells painted, at all seeds" in words(one)


def test_nothing_is_asked_for_while_the_panel_is_folded(program: Program) -> None:
    program.window.panels.card("Codes").setCollapsed(True)
    program.session.open_model(model_of(make_vqvae()))
    program.rest()
    panel = panel_of(program)
    assert panel.describe((0, 0)) == "Row 1, column 1"
    program.window.panels.card("Codes").setCollapsed(False)
    program.wait(lambda: "code" in panel.describe((0, 0)))


def test_a_model_that_does_not_tell_how_its_codes_are_used_says_so(program: Program) -> None:
    opened(program, make_vqvae(statistics=False))
    assert "does not say how its codes are used" in words(program)
    assert panel_of(program).brush.codes.codes() == tuple(range(7))


def test_painting_asks_for_no_new_maps(one: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(one.live, "code_maps", lambda *told: asked.append(told))
    paint(one, (0, 0), (3, 3))
    one.rest()
    one.actions.undo()
    one.rest()
    assert asked == []


def test_a_larger_map_grows_with_its_panel_and_a_scroll_bar_changes_nothing(two: Program) -> None:
    code_map = panel_of(two).map
    code_map.setShape(32, 32)
    code_map.resize(400, code_map.height())
    side = code_map.cellRect((0, 0)).width()
    code_map.resize(408, code_map.height())
    assert code_map.cellRect((0, 0)).width() == side == 12
    assert code_map.cellRect((31, 31)).bottom() < code_map.height()
