"""Promises about style mixing: which point feeds which layer, painting that in the panel, and the table of mixtures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from examples import make_stylegan2, make_vae, save_model
from hands import CONTROL, LEFT, NONE, PATIENCE, Program, seed_scene
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from explorer.export import export_table
from explorer.imaging import contact_sheet, read_recipe
from explorer.mixing import (
    Band,
    Table,
    add_row,
    alone,
    bands,
    erase,
    paint,
    remove_row,
    shares,
    source_scenes,
    table,
    table_layers,
    table_sources,
    weigh,
)
from explorer.points import mix
from explorer.recipe import Recipe
from explorer.render import render_many
from explorer.saved import Favourite, View, read_session
from explorer.scene import ALL_LAYERS, Latent, Scene, Seed, StyleRow, Styles
from explorer.ui.mixer import Mixer
from explorer.ui.panels.mixing import MixingPanel

SHIFT: Final = Qt.KeyboardModifier.ShiftModifier
RIGHT: Final = Qt.MouseButton.RightButton
LAYERS: Final = 6  # of the tiny model: 4, 8, 8, 16, 16, 16 pixels
SIDES: Final = (4, 8, 8, 16, 16, 16)


def seed(number: int) -> Latent:
    return Latent(((Seed(number), 1.0),))


def two_rows() -> Styles:
    return Styles((StyleRow(seed(1)), StyleRow(seed(2))))


# --- which layers go together ---


@pytest.mark.parametrize(
    ("sides", "starts"),
    [
        ([4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512, 1024, 1024, 1024], [0, 3, 7]),  # StyleGAN2
        ([4, 8, 8, 16, 16, 32, 32, 64, 64, 64], [0, 3, 7]),
        ([4, 8, 8, 16, 16, 32, 32, 32], [0, 3, 5]),  # thirds of its sizes
        ([4, 8, 8, 16, 16, 16], [0, 1, 3]),
        ([4, 8, 8, 8], [0, 2, 3]),  # thirds of its layers
        ([36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024, 1024], [0, 5, 9]),  # StyleGAN3
    ],
)
def test_layers_are_coarse_middle_or_fine(sides: list[int], starts: list[int]) -> None:
    found = bands(sides)
    assert [band.name for band in found] == ["coarse", "middle", "fine"]
    assert [band.first for band in found] == starts
    assert [band.end for band in found] == [*starts[1:], len(sides)]


def test_a_model_of_one_layer_has_one_band() -> None:
    assert bands([4]) == (Band("coarse", 0, 1),)


@pytest.mark.parametrize("wanted", [(0, ALL_LAYERS), (0, 6), (9, 12), (3, 3)])
def test_a_table_takes_coarse_layers_unless_others_are_chosen(wanted: tuple[int, int]) -> None:
    assert table_layers(wanted, SIDES) == (0, 1)


def test_a_table_takes_the_layers_that_are_chosen() -> None:
    assert table_layers((3, 9), SIDES) == (3, 6)


# --- shares ---


def test_shares_are_what_the_network_mixes() -> None:
    generator = make_stylegan2()
    rows = (StyleRow(seed(1), ((0, 0.6), (2, 0.9))), StyleRow(seed(2), ((2, 0.9), (5, 1.0))))
    scene = Scene(seed(0), Styles(rows))
    points = [mix(generator, source).numpy() for source in source_scenes(scene)]
    found = np.array(shares(scene.styles, LAYERS))
    expected = sum(point * share[:, None] for point, share in zip(points, found, strict=True))
    assert np.allclose(mix(generator, scene).numpy(), expected, atol=1e-6)
    assert np.allclose(found.sum(0), 1)


def test_a_painted_layer_comes_from_one_row_alone() -> None:
    styles = paint(paint(two_rows(), 1, range(4)), 2, [2, 3])
    assert shares(styles, 5) == ((0, 0, 0, 0, 1), (1, 1, 0, 0, 0), (0, 0, 1, 1, 0))


def test_painting_the_first_row_takes_layers_back() -> None:
    assert paint(paint(two_rows(), 1, range(6)), 0, [0, 1]).rows[0].weights == ((2, 1.0), (3, 1.0), (4, 1.0), (5, 1.0))


def test_erasing_gives_layers_back_and_does_nothing_in_the_first_row() -> None:
    styles = paint(two_rows(), 1, [0, 1])
    assert erase(styles, 1, [0]).rows[0].weights == ((1, 1.0),)
    assert erase(styles, 2, [0]) == erase(styles, 0, [0]) == styles


def test_a_row_takes_from_the_point_first_and_then_from_the_other_rows() -> None:
    styles = weigh(weigh(two_rows(), 1, [0], 0.6), 2, [0], 0.3)
    assert [row[0] for row in shares(styles, 1)] == pytest.approx([0.1, 0.6, 0.3])
    assert [row[0] for row in shares(weigh(styles, 2, [0], 0.7), 1)] == pytest.approx([0, 0.3, 0.7])


def test_the_point_gives_and_takes_alike_and_keeps_all_where_no_row_has_any() -> None:
    styles = weigh(weigh(two_rows(), 1, [0], 0.4), 2, [0], 0.2)
    assert [row[0] for row in shares(weigh(styles, 0, [0], 0.7), 1)] == pytest.approx([0.7, 0.2, 0.1])
    assert weigh(two_rows(), 0, [0], 0.5) == two_rows()


def test_rows_come_and_go() -> None:
    assert add_row(two_rows(), seed(3)).rows[2] == StyleRow(seed(3))
    assert remove_row(two_rows(), 1).rows == (StyleRow(seed(2)),)


def test_a_source_alone_looks_as_it_does_in_the_mixture() -> None:
    generator = make_stylegan2()
    scene = Scene(replace(seed(0), truncation=0.5, cutoff=4), paint(Styles((StyleRow(seed(1)),)), 1, range(LAYERS)))
    assert np.array_equal(mix(generator, scene), mix(generator, alone(scene, seed(1))))


# --- the table as values ---


def test_a_table_has_the_layers_of_its_rows_and_the_rest_of_its_columns() -> None:
    generator, scene = make_stylegan2(), Scene(replace(seed(0), truncation=0.7))
    cells = table(scene, [seed(1), seed(2)], [seed(3), seed(4), seed(5)], 1, 3)
    assert len(cells) == 6
    for index, cell in enumerate(cells):
        styles = mix(generator, cell)
        source, column = (mix(generator, alone(scene, seed(n))) for n in (3 + index // 2, 1 + index % 2))
        assert np.allclose(styles[1:3], source[1:3], atol=1e-6)
        assert np.allclose(styles[[0, 3, 4, 5]], column[[0, 3, 4, 5]], atol=1e-6)


def test_a_table_keeps_the_rows_of_the_scene_without_their_layers() -> None:
    scene = Scene(seed(0), paint(two_rows(), 1, range(LAYERS)))
    (cell,) = table(scene, [seed(0)], [seed(2)], 0, 2)
    assert cell.styles.rows == (StyleRow(seed(1)), StyleRow(seed(2), ((0, 1.0), (1, 1.0))))


def test_a_table_begins_with_the_point_and_the_seeds_after_it() -> None:
    across, down = table_sources(seed_scene(7))
    assert across == tuple(seed(n) for n in (7, 8, 9, 10, 11))
    assert down == tuple(seed(n) for n in (12, 13, 14, 15, 16))


def test_rows_of_the_scene_and_favourites_come_before_seeds() -> None:
    rows = (*two_rows().rows, StyleRow(replace(seed(1), truncation=0.5)))
    across, down = table_sources(Scene(seed(0), Styles(rows)), [seed(30), seed(31), seed(2)])
    assert (across, down) == ((seed(0), seed(30), seed(31)), (seed(1), seed(2)))


def test_a_table_keeps_its_points_while_the_scene_is_one_of_its_mixtures() -> None:
    scene = seed_scene(0)
    made = Table(scene, *table_sources(scene), 0, 1)
    clicked = made.at(2, 3)
    assert clicked is not None
    assert made.suits(clicked)
    assert replace(made, scene=clicked).place() == (2, 3)
    assert made.place() is None
    assert not made.suits(seed_scene(99))
    assert not made.suits(replace(scene, styles=Styles((StyleRow(seed(99)),))))


def test_the_corner_of_a_table_leads_nowhere_and_its_sources_to_themselves() -> None:
    scene = Scene(seed(0), paint(two_rows(), 1, range(LAYERS)))
    made = Table(scene, *table_sources(scene), 0, 1)
    assert made.at(0, 0) is None
    assert made.at(0, 2) == Scene(made.across[1], two_rows())
    assert made.at(1, 0) == Scene(seed(1), two_rows())


def test_a_table_is_written_with_its_sources_and_can_be_restored(tmp_path: Path) -> None:
    generator, scene = make_stylegan2(), seed_scene(0)
    made = Table(scene, *table_sources(scene), 0, 1)
    export_table(generator, made, tmp_path / "table.png", Recipe("model", "digest", "tiny", scene))
    pictures = np.stack([picture.pixels for picture in render_many(generator, made.sheet(), made.columns)])
    pictures[0] = 0
    written = np.asarray(Image.open(tmp_path / "table.png"))
    assert np.array_equal(written, contact_sheet(pictures, 6, gap=1))
    assert Recipe.from_json(read_recipe(tmp_path / "table.png")).scene == scene


def test_a_session_keeps_the_table(program: Program, tmp_path: Path) -> None:
    program.session.set_view(View("table", table_layers=(2, 5)))
    (tmp_path / "session.json").write_text(program.session.snapshot().to_text(), "utf-8")
    assert read_session(tmp_path / "session.json").view == program.session.view


# --- the panel ---


@pytest.fixture
def styled(program: Program, tmp_path: Path) -> Program:
    """The window with the tiny StyleGAN2 open, at seed 0."""
    program.open(save_model(tmp_path / "tiny.safetensors", make_stylegan2()))
    return program


@pytest.fixture
def mixed(styled: Program) -> Program:
    """The same with two rows, the seeds 1 and 2, that feed nothing yet; those are two steps of undo."""
    for number in (1, 2):
        panel(styled).add(seed(number), f"Add Seed {number} to the mix")
    styled.rest()
    return styled


def panel(program: Program) -> MixingPanel:
    found = program.window.panels.panel("Style mixing")
    assert isinstance(found, MixingPanel)
    return found


def state(program: Program) -> str:
    return program.window.panels.card("Style mixing").state()


def middle(mixer: Mixer, row: int, column: int) -> QPoint:
    return mixer.cellRect(row, column).center()


def click(program: Program, row: int, column: int, modifier: Qt.KeyboardModifier = NONE) -> None:
    mixer = panel(program).mixer
    QTest.mouseClick(mixer, LEFT, modifier, middle(mixer, row, column))


def weights(program: Program) -> tuple[dict[int, float], ...]:
    return tuple(dict(row.weights) for row in program.session.scene.styles.rows)


def steps(program: Program) -> int:
    return len(program.session.history.entries)


def test_the_panel_is_there_for_models_with_styles_alone(styled: Program, tmp_path: Path) -> None:
    card = styled.window.panels.card("Style mixing")
    assert card.isVisible()
    assert card.state().endswith(("6 layers", "ms"))  # something may have been drawn again already
    styled.open(save_model(tmp_path / "vae.safetensors", make_vae()))
    assert not card.isVisible()


def test_a_drag_paints_the_layers_of_a_row_in_one_step_of_undo(mixed: Program) -> None:
    before, count, mixer = mixed.pixels(), steps(mixed), panel(mixed).mixer
    mixed.drag(mixer, middle(mixer, 1, 1), middle(mixer, 1, 4))  # the mouse skips two
    assert weights(mixed) == ({1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}, {})
    assert not np.array_equal(mixed.pixels(), before)
    assert steps(mixed) == count + 1
    assert mixed.session.history.entry.label == "Paint styles"
    mixed.press(Qt.Key.Key_Z, CONTROL)
    assert weights(mixed) == ({}, {})
    assert np.array_equal(mixed.pixels(), before)


def test_nothing_is_settled_while_the_brush_is_down(mixed: Program) -> None:
    mixer, count = panel(mixed).mixer, steps(mixed)
    mixed.drag(mixer, middle(mixer, 1, 0), middle(mixer, 1, 2), release=False)
    assert weights(mixed)[0] == {0: 1.0, 1: 1.0, 2: 1.0}
    assert steps(mixed) == count
    QTest.mouseRelease(mixer, LEFT, NONE, middle(mixer, 1, 2))
    assert steps(mixed) == count + 1


def test_painting_again_what_is_painted_is_no_step(mixed: Program) -> None:
    click(mixed, 1, 2)
    count = steps(mixed)
    click(mixed, 1, 2)
    assert steps(mixed) == count


def test_the_first_row_takes_layers_back_and_another_row_takes_them_over(mixed: Program) -> None:
    click(mixed, 1, 2)
    click(mixed, 1, 3)
    click(mixed, 2, 3)
    click(mixed, 0, 2)
    assert weights(mixed) == ({}, {3: 1.0})


@pytest.mark.parametrize(("button", "modifier"), [(LEFT, SHIFT), (RIGHT, NONE)])
def test_shift_or_the_right_button_erases(
    mixed: Program, button: Qt.MouseButton, modifier: Qt.KeyboardModifier
) -> None:
    mixer = panel(mixed).mixer
    click(mixed, 1, 2)
    QTest.mouseClick(mixer, button, modifier, middle(mixer, 1, 2))
    assert weights(mixed) == ({}, {})
    assert mixed.session.history.entry.label == "Erase styles"


@pytest.mark.parametrize(("brush", "layers"), [(1, [0]), (2, [1, 2]), (3, [3, 4, 5])])
def test_a_wide_brush_paints_its_layers_wherever_it_touches_a_row(
    mixed: Program, brush: int, layers: list[int]
) -> None:
    QTest.mouseClick(panel(mixed).brushes.button(brush), LEFT)
    click(mixed, 1, 4)
    assert sorted(weights(mixed)[0]) == layers


def test_brushes_are_named_after_their_layers_and_lie_below_them(styled: Program) -> None:
    brushes, mixer = panel(styled).brushes, panel(styled).mixer
    assert [brushes.button(index).text() for index in (1, 2, 3)] == ["coarse 4²", "middle 8²", "fine 16²"]
    for index, columns in ((2, (1, 3)), (3, (3, 6))):
        left, right = mixer.columnsRect(*columns)
        assert left <= brushes.button(index).geometry().center().x() <= right


def test_the_weight_slider_sets_the_marked_cell(mixed: Program) -> None:
    click(mixed, 1, 2)
    slider, count = panel(mixed).weight, steps(mixed)
    assert slider.value() == pytest.approx(100)
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_PageDown)
    QTest.keyClick(slider, Qt.Key.Key_PageDown)
    assert weights(mixed)[0] == {2: pytest.approx(0.8)}
    assert steps(mixed) == count + 2
    assert panel(mixed).describe(1, 2) == "8x8 conv1: 80 % from Seed 1"
    assert panel(mixed).describe(0, 2) == "8x8 conv1: 20 % from the current point"


def test_a_drag_with_control_changes_the_weight_in_one_step(mixed: Program) -> None:
    mixer, count = panel(mixed).mixer, steps(mixed)
    start = middle(mixer, 1, 2)
    QTest.mousePress(mixer, LEFT, CONTROL, start)
    for height in (10, 30, 60):
        QTest.mouseMove(mixer, start - QPoint(0, height))
    mixed.wait(lambda: weights(mixed)[0] == {2: pytest.approx(0.6)})
    QTest.mouseRelease(mixer, LEFT, CONTROL, start - QPoint(0, 60))
    assert steps(mixed) == count + 1
    assert mixed.session.history.entry.label == "Weight of Seed 1"


def test_the_wheel_changes_a_weight_with_a_modifier_alone(mixed: Program) -> None:
    click(mixed, 1, 2)
    mixer, count = panel(mixed).mixer, steps(mixed)
    place, none = QPointF(middle(mixer, 1, 2)), Qt.MouseButton.NoButton
    for modifier in (NONE, CONTROL, CONTROL):
        turned = QWheelEvent(
            place,
            mixer.mapToGlobal(place),
            QPoint(),
            QPoint(0, -120),
            none,
            modifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(mixer, turned)
    assert weights(mixed)[0] == {2: pytest.approx(0.9)}
    mixed.wait(lambda: steps(mixed) == count + 1)


def test_the_grid_can_be_used_by_keys(mixed: Program) -> None:
    mixer = panel(mixed).mixer
    mixer.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Space):
        QTest.keyClick(mixer, key)
    assert mixer.cursor_cell() == (1, 1)
    assert weights(mixed) == ({1: 1.0}, {})
    for key in (Qt.Key.Key_Minus, Qt.Key.Key_Minus, Qt.Key.Key_Plus):
        QTest.keyClick(mixer, key)
    assert weights(mixed)[0] == {1: pytest.approx(0.95)}
    QTest.keyClick(mixer, Qt.Key.Key_Space, SHIFT)
    assert weights(mixed) == ({}, {})
    assert mixed.actions.motion.playing() == ""
    QTest.keyClick(mixer, Qt.Key.Key_Delete)
    assert [row.latent for row in mixed.session.scene.styles.rows] == [seed(2)]


def test_a_row_is_removed_by_its_button_and_comes_back_by_undo(mixed: Program) -> None:
    click(mixed, 1, 2)
    button = panel(mixed).mixer.remover(1)
    assert "Seed 1" in button.accessibleName()
    QTest.mouseClick(button, LEFT)
    assert [row.latent for row in mixed.session.scene.styles.rows] == [seed(2)]
    mixed.press(Qt.Key.Key_Z, CONTROL)
    assert weights(mixed) == ({2: 1.0}, {})


def test_every_row_shows_the_picture_of_its_own_point(mixed: Program) -> None:
    click(mixed, 1, 2)
    mixed.rest()
    scene, mixer = mixed.session.scene, panel(mixed).mixer
    for row, source in enumerate(source_scenes(scene)):
        (picture,) = render_many(mixed.model().generator, [source])
        shown = mixer.picture(row)
        assert shown is not None
        assert np.abs(shown.astype(int) - picture.pixels).max() <= 1


def test_pictures_of_rows_follow_the_truncation(mixed: Program) -> None:
    before = panel(mixed).mixer.picture(1)
    mixed.actions.change_latent(replace(mixed.session.scene.latent, truncation=0.2), "Truncation")
    mixed.rest()
    after = panel(mixed).mixer.picture(1)
    assert before is not None
    assert after is not None
    assert not np.array_equal(before, after)


def test_seeds_points_and_favourites_can_be_added(styled: Program) -> None:
    found = panel(styled)
    styled.session.set_favourites((Favourite(seed_scene(5), "tiny stylegan2"), Favourite(seed_scene(6), "another")))
    found.add_point()
    found.add_seed()
    found.fill_menu()
    (entry,) = found.favourites.actions()
    assert entry.text() == "Seed 5"
    entry.trigger()
    rows = [row.latent for row in styled.session.scene.styles.rows]
    assert (rows[0], rows[2]) == (seed(0), seed(5))
    assert isinstance(rows[1].sources[0][0], Seed)
    assert steps(styled) == 4
    assert found.mixer.cursor_cell()[0] == 3


def test_the_panel_tells_what_was_saved(mixed: Program) -> None:
    click(mixed, 1, 0)
    mixed.rest()
    click(mixed, 1, 5)
    mixed.rest()
    assert mixed.picture().restarted
    mixed.wait(lambda: "saved" in state(mixed))
    assert state(mixed).endswith(f"saved {mixed.picture().saved * 1000:.1f} ms")


def test_only_cells_that_change_are_painted_again(mixed: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    mixer, updated = panel(mixed).mixer, []
    monkeypatch.setattr(mixer, "update", lambda *where: updated.append(where))
    mixer.setShares(shares(mixed.session.scene.styles, LAYERS))
    assert updated == []
    mixer.setShares(shares(paint(mixed.session.scene.styles, 1, [3]), LAYERS))
    assert len(updated) == 2


def test_everything_in_the_panel_has_a_name_and_a_tool_tip(mixed: Program) -> None:
    found = panel(mixed)
    mixer = found.mixer
    assert mixer.accessibleName()
    named = [found.brushes.button(index) for index in range(4)] + [mixer.remover(1), mixer.remover(2)]
    assert all(button.toolTip() and button.accessibleName() for button in named)


# --- the table in the window ---


def show_table(program: Program) -> list[tuple[Table, np.ndarray]]:
    """Choose the table; the finished ones shown from then on."""
    shown: list[tuple[Table, np.ndarray]] = []

    def keep(made: Table, pixels: np.ndarray) -> None:
        shown.append((made, pixels))

    program.live.table_shown.connect(keep)
    program.press(Qt.Key.Key_T)
    program.wait(lambda: bool(shown))
    program.rest()
    return shown


def test_the_cells_of_the_table_are_the_pictures_of_their_scenes(mixed: Program) -> None:
    made, pixels = show_table(mixed)[-1]
    assert made.down == (seed(1), seed(2))
    assert pixels.shape == (3, 6, 16, 16, 3)
    rendered = [picture.pixels for picture in render_many(mixed.model().generator, made.sheet())]
    assert np.abs(pixels.reshape(-1, 16, 16, 3).astype(int) - np.stack(rendered)).max() <= 1


def test_clicking_a_mixture_goes_there_and_the_table_keeps_its_points(styled: Program) -> None:
    shown = show_table(styled)
    made, pixels = shown[-1]
    place = styled.canvas.screen_rect(2 * made.columns + 3).center().toPoint()
    QTest.mouseClick(styled.canvas, LEFT, NONE, place)
    styled.rest()
    assert shown[-1][0].has_points_of(made)
    assert shown[-1][0].place() == (2, 3)
    assert steps(styled) == 2
    styled.press(Qt.Key.Key_P)
    assert np.abs(styled.pixels().astype(int) - pixels[2, 3]).max() <= 1


def test_the_corner_of_the_table_is_empty_and_a_click_there_does_nothing(styled: Program) -> None:
    show_table(styled)
    before, right = styled.session.scene, styled.canvas.screen_rect(1)
    QTest.mouseClick(styled.canvas, LEFT, NONE, (right.center() - QPointF(right.width() * 1.2, 0)).toPoint())
    assert styled.session.scene == before


def test_the_brush_chooses_the_layers_of_the_table(mixed: Program) -> None:
    shown = show_table(mixed)
    assert (shown[-1][0].first, shown[-1][0].end) == (0, 1)
    QTest.mouseClick(panel(mixed).brushes.button(3), LEFT)
    mixed.rest()
    mixed.wait(lambda: (shown[-1][0].first, shown[-1][0].end) == (3, 6))
    QTest.mouseClick(panel(mixed).brushes.button(0), LEFT)
    click(mixed, 1, 4)
    mixed.wait(lambda: (shown[-1][0].first, shown[-1][0].end) == (4, 5))


def test_a_model_without_styles_has_no_table(styled: Program, tmp_path: Path) -> None:
    show_table(styled)
    styled.open(save_model(tmp_path / "vae.safetensors", make_vae()))
    assert styled.session.view.mode == "picture"
    styled.press(Qt.Key.Key_T)
    assert styled.session.view.mode == "picture"
    styled.actions.export_table(tmp_path / "table.png")
    styled.wait_message("no layers to mix")


def test_the_table_is_exported_as_one_picture(mixed: Program, tmp_path: Path) -> None:
    path = tmp_path / "table.png"
    with mixed.qtbot.waitSignal(mixed.actions.exported, timeout=PATIENCE):
        mixed.actions.export_table(path)
    written = np.asarray(Image.open(path))
    made = mixed.live.table()
    assert made is not None
    pictures = np.stack(
        [picture.pixels for picture in render_many(mixed.model().generator, made.sheet(), made.columns)]
    )
    pictures[0] = 0
    assert np.array_equal(written, contact_sheet(pictures, made.columns, gap=1))


def test_a_table_is_exported_as_png_only(styled: Program, tmp_path: Path) -> None:
    styled.actions.export_table(tmp_path / "table.jpg")
    styled.wait_message("should end in .png")
