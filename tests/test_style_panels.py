"""Promises of the panels for classes, noise, layers and directions of one's own, in the real window."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import make_stylegan2, save_model
from hands import CONTROL, LEFT, NONE, Program, running, seed_scene
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from explorer.points import locate, mix, probe_examples
from explorer.saved import read_direction, read_session
from explorer.scene import ALL_LAYERS, Condition, Direction, Examples, Latent, Scene, Seed, from_json, moved, to_json
from explorer.ui.class_tiles import ClassTiles
from explorer.ui.controls import SliderList, SliderRow
from explorer.ui.panels.condition import ConditionPanel, reweighted
from explorer.ui.panels.directions import DirectionsPanel
from explorer.ui.panels.example_moves import HAVING, LACKING, example_of
from explorer.ui.panels.examples import ExamplesPanel
from explorer.ui.panels.noise import NoisePanel
from explorer.ui.range_row import RangeRow
from explorer.ui.segments import Segments

ROOM = 306  # pixels that a panel of the right column has
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def styled(program: Program, tmp_path: Path) -> Program:
    """The window with a conditional StyleGAN2 with noise open."""
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2(classes=3)))
    return program


def condition_of(program: Program) -> ConditionPanel:
    panel = program.window.panels.panel("Condition")
    assert isinstance(panel, ConditionPanel)
    return panel


def noise_of(program: Program) -> NoisePanel:
    panel = program.window.panels.panel("Noise")
    assert isinstance(panel, NoisePanel)
    return panel


def mine(program: Program) -> ExamplesPanel:
    panel = program.window.panels.panel("My directions")
    assert isinstance(panel, ExamplesPanel)
    return panel


def press(panel: QWidget, words: str) -> None:
    """Press the button of a panel with these words."""
    QTest.mouseClick(next(each for each in panel.findChildren(QPushButton) if each.text() == words), LEFT)


def row_of(panel: QWidget, label: str) -> SliderRow:
    return next(each for each in panel.findChildren(SliderRow) if each.label() == label)


def drag_list(program: Program, sliders: SliderList, row: int, *places: float) -> None:
    """Drag a slider of a list through places, each a fraction of the track."""
    track = sliders.rowColumns(row).track
    points = [QPoint(track.left() + round(place * (track.width() - 1)), track.center().y()) for place in places]
    program.drag(sliders.viewport(), *points)


def drag_row(program: Program, row: SliderRow, *places: float) -> None:
    """Drag a slider through places, each a fraction of its middle column."""
    left, width = 100, row.width() - 100 - 64
    program.drag(row, *(QPoint(left + round(place * width), row.height() // 2) for place in places))


def click_tile(program: Program, index: int, modifier: Qt.KeyboardModifier = NONE) -> None:
    tiles = condition_of(program).findChild(ClassTiles)
    assert tiles is not None
    QTest.mouseClick(tiles, LEFT, modifier, tiles.tileRect(index).center())


def add_examples(program: Program, *seeds: tuple[str, int]) -> None:
    """Add the pictures of seeds to the sides of the selected direction, with the buttons."""
    for side, seed in seeds:
        program.actions.set_seed(seed)
        QTest.mouseClick(mine(program).side(side).add, LEFT)


def steps(program: Program) -> int:
    return len(program.session.history.entries)


# --- classes ---


def test_a_click_on_a_class_shows_the_point_in_it_and_undo_goes_back(styled: Program) -> None:
    before = styled.pixels()
    click_tile(styled, 2)
    assert styled.session.scene.condition == Condition(((2, 1.0),))
    assert not np.array_equal(styled.pixels(), before)
    assert styled.window.panels.card("Condition").state() == "class 2"
    assert styled.session.history.entry.label == "Class 2"
    styled.actions.undo()
    assert np.array_equal(styled.pixels(), before)


def test_a_click_on_the_class_that_is_shown_changes_nothing(styled: Program) -> None:
    before = styled.session.history
    click_tile(styled, 0)
    assert styled.session.scene.condition == Condition()
    assert styled.session.history is before


def test_control_and_a_click_mixes_a_class_in_and_takes_it_out_again(styled: Program) -> None:
    click_tile(styled, 2, CONTROL)
    assert styled.session.scene.condition == Condition(((0, 0.5), (2, 0.5)))
    assert styled.window.panels.card("Condition").state() == "mix of 2"
    click_tile(styled, 0, CONTROL)
    assert styled.session.scene.condition == Condition(((2, 1.0),))


def test_the_keys_choose_a_class(styled: Program) -> None:
    tiles = condition_of(styled).findChild(ClassTiles)
    assert tiles is not None
    tiles.setFocus()
    QTest.keyClick(tiles, Qt.Key.Key_Right)
    QTest.keyClick(tiles, Qt.Key.Key_Return)
    assert styled.session.scene.condition == Condition(((1, 1.0),))


def test_dragging_a_weight_keeps_the_sum_and_is_one_step_of_undo(styled: Program) -> None:
    click_tile(styled, 2, CONTROL)
    count, panel = steps(styled), condition_of(styled)
    press(panel, "Weights")
    sliders = panel.findChild(SliderList)
    assert sliders is not None
    drag_list(styled, sliders, 1, 0.05, 0.9, 0.4)
    weights = dict(styled.session.scene.condition.classes)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights[1] == pytest.approx(0.4, abs=0.05)
    assert weights[0] == pytest.approx(weights[2])  # a drag to the end and back leaves the others their shares
    assert sliders.values() == pytest.approx([weights[0], weights[1], weights[2]])
    assert steps(styled) == count + 1


def test_a_class_that_is_alone_keeps_its_weight(styled: Program) -> None:
    panel = condition_of(styled)
    press(panel, "Weights")
    sliders = panel.findChild(SliderList)
    assert sliders is not None
    drag_list(styled, sliders, 0, 0.9, 0.2)
    assert styled.session.scene.condition == Condition()
    assert sliders.values() == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 7.0, -1.0])
def test_weights_of_classes_sum_to_one(weight: float) -> None:
    found = reweighted({0: 0.5, 1: 0.25, 4: 0.25}, 1, weight)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) > 0


def test_every_class_has_a_picture_of_the_point_in_it(styled: Program) -> None:
    tiles = condition_of(styled).findChild(ClassTiles)
    assert tiles is not None
    styled.rest()
    assert sorted(tiles._pictures) == [0, 1, 2]
    click_tile(styled, 1)
    assert np.array_equal(tiles._pictures[1], styled.pixels())


def test_of_many_classes_one_is_found_by_typing(program: Program, tmp_path: Path) -> None:
    names = [f"kind {chr(97 + index % 26)}{index}" for index in range(30)]
    program.open(save_model(tmp_path / "many.safetensors", make_stylegan2(classes=30, class_names=names)))
    picker = condition_of(program).findChild(QComboBox)
    assert picker is not None
    line = picker.lineEdit()
    assert line is not None
    line.selectAll()
    QTest.keyClicks(line, "b27")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert program.session.scene.condition == Condition(((27, 1.0),))
    assert program.window.panels.card("Condition").state() == "kind b27"


# --- noise ---


def test_no_noise_is_noise_without_strength(styled: Program) -> None:
    panel, usual = noise_of(styled), styled.pixels()
    segments = panel.findChild(Segments)
    assert segments is not None
    QTest.mouseClick(segments.button("none"), LEFT)
    without = styled.pixels()
    assert not np.array_equal(without, usual)
    styled.actions.undo()
    drag_row(styled, row_of(panel, "Strength"), 0.3, -0.2)
    assert styled.session.scene.noise.strength == 0.0
    assert styled.session.history.entry.label == "Noise strength"
    assert np.array_equal(styled.pixels(), without)


def test_noise_by_seed_follows_its_seed(styled: Program) -> None:
    panel = noise_of(styled)
    segments, seed = panel.findChild(Segments), panel.findChild(QSpinBox)
    assert segments is not None
    assert seed is not None
    assert not seed.isEnabled()
    QTest.mouseClick(segments.button("random"), LEFT)
    first = styled.pixels()
    seed.setFocus()
    QTest.keyClick(seed, Qt.Key.Key_Up)
    assert styled.session.scene.noise.seed == 1
    assert not np.array_equal(styled.pixels(), first)
    assert styled.window.panels.card("Noise").state() == "seed 1"


def test_the_noise_of_one_layer_has_a_slider_and_a_name(styled: Program) -> None:
    panel = noise_of(styled)
    sliders = panel.findChild(SliderList)
    assert sliders is not None
    assert not sliders.isVisibleTo(panel)
    press(panel, "Layers")
    assert sliders.isVisibleTo(panel)
    drag_list(styled, sliders, 1, 0.33, 1.0)
    assert styled.session.scene.noise.layers == ((1, 3.0),)
    assert styled.session.history.entry.label == "Noise of 8x8 conv0"
    QTest.keyClick(sliders, Qt.Key.Key_Delete)
    assert styled.session.scene.noise.layers == ()


def test_panels_without_anything_to_show_stay_away(opened: Program) -> None:
    assert opened.window.panels.card("Condition").isHidden()
    assert opened.window.panels.card("Noise").isHidden()
    assert not opened.window.panels.card("My directions").isHidden()
    assert not opened.directions().findChild(RangeRow).isVisibleTo(opened.directions())


# --- truncation ---


def test_truncation_ends_at_the_layer_chosen(styled: Program) -> None:
    box = next(b for b in styled.latent().findChildren(QComboBox) if b.accessibleName() == "Truncation up to layer")
    styled.actions.change_latent(replace(styled.session.scene.latent, truncation=0.0), "Mean")
    box.setFocus()
    for _ in range(2):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert styled.session.scene.latent.cutoff == 2
    generator, scene = styled.model().generator, styled.session.scene
    point, whole = locate(generator, scene.latent), locate(generator, replace(scene.latent, truncation=1.0))
    assert bool((point[:2] != whole[:2]).any())
    assert bool((point[2:] == whole[2:]).all())


def test_the_gauge_tells_the_distance_from_the_mean_style(styled: Program) -> None:
    styled.rest()
    shell = styled.model().facts.shell
    assert f"usual {shell.mean:.1f} ± {shell.deviation:.1f}" in styled.latent()._gauge.accessibleName()


# --- layers ---


def drag_layers(program: Program, first: int, last: int) -> None:
    row = program.directions().findChild(RangeRow)
    assert row is not None
    program.drag(row, *(row.cellRect(index).center().toPoint() for index in (first, last)))


def test_a_move_in_some_layers_moves_only_those(styled: Program) -> None:
    drag_layers(styled, 2, 4)
    assert styled.session.view.layers == (2, 5)
    row = styled.drag_slider()
    direction = Direction("ganspace", row, 2, 5)
    assert styled.session.scene.latent.amount(direction) != 0
    generator = styled.model().generator
    changed = (mix(generator, styled.session.scene) != mix(generator, seed_scene(0))).any(1).tolist()
    assert changed == [False, False, True, True, True, False]
    assert "layers 3–5" in styled.session.history.entry.label


def test_the_sliders_show_the_moves_of_the_layers_chosen(styled: Program) -> None:
    row = styled.drag_slider()
    panel = styled.directions()
    groups = panel.findChild(Segments)
    assert groups is not None
    QTest.mouseClick(groups.button("fine"), LEFT)
    assert panel.sliders().values()[row] == 0.0
    assert panel._others.isVisibleTo(panel)
    QTest.mouseClick(groups.button("all"), LEFT)
    assert panel.sliders().values()[row] != 0.0
    assert styled.session.view.layers == (0, ALL_LAYERS)


def test_the_keys_choose_layers(styled: Program) -> None:
    row = styled.directions().findChild(RangeRow)
    assert row is not None
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Left)
    QTest.keyClick(row, Qt.Key.Key_Right, SHIFT)
    assert styled.session.view.layers == (1, 5)
    QTest.keyClick(row, Qt.Key.Key_Return)
    edit = row.findChild(QLineEdit)
    assert edit is not None
    edit.setText("3-4")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert styled.session.view.layers == (2, 4)
    QTest.keyClick(row, Qt.Key.Key_Delete)
    assert styled.session.view.layers == (0, ALL_LAYERS)


def test_layers_that_a_model_has_not_are_all_of_them(styled: Program, checkpoints: tuple[Path, Path]) -> None:
    drag_layers(styled, 3, 5)
    assert styled.session.view.layers == (3, 6)
    styled.open(checkpoints[0])
    row = styled.drag_slider()
    assert styled.session.scene.latent.amount(Direction(styled.session.view.kind, row)) != 0


# --- directions of one's own ---


def test_examples_on_both_sides_make_a_direction_with_a_slider(styled: Program) -> None:
    panel = mine(styled)
    add_examples(styled, (HAVING, 1))
    drag_list(styled, panel.sliders(), 0, 0.5, 0.7)
    assert styled.session.scene == seed_scene(1)  # there is no direction yet
    add_examples(styled, (LACKING, 2))
    before, count = styled.pixels(), steps(styled)
    drag_list(styled, panel.sliders(), 0, 0.5, 0.6, 0.7)
    ((direction, amount),) = styled.session.scene.latent.moves
    assert direction == styled.session.directions[0]
    assert amount == pytest.approx(1.6, abs=0.2)
    assert not np.array_equal(styled.pixels(), before)
    assert steps(styled) == count + 1
    styled.actions.undo()
    assert np.array_equal(styled.pixels(), before)


def test_the_accuracy_of_examples_arrives(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (HAVING, 2), (LACKING, 3), (LACKING, 4))
    styled.rest()
    examples = styled.session.directions[0]
    expected = probe_examples(styled.model().generator, examples).accuracy
    assert styled.session.accuracies[examples] == expected
    assert f"{100 * expected:.0f} % right, cross-validated, 4 pictures" in mine(styled)._note.text()
    assert styled.window.panels.card("My directions").state() == f"{100 * expected:.0f} % right"


def test_a_direction_of_ones_own_keeps_to_the_layers_chosen(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    drag_layers(styled, 0, 1)
    drag_list(styled, mine(styled).sliders(), 0, 0.5, 0.8)
    generator = styled.model().generator
    changed = (mix(generator, styled.session.scene) != mix(generator, seed_scene(2))).any(1).tolist()
    assert changed == [True, True, False, False, False, False]


def test_a_move_follows_the_examples_it_is_made_of(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    panel = mine(styled)
    drag_list(styled, panel.sliders(), 0, 0.5, 0.7)
    ((_, amount),) = styled.session.scene.latent.moves
    panel.add(HAVING, seed_scene(9))
    assert styled.session.scene.latent.moves == ((styled.session.directions[0], amount),)
    panel._edit.setText("loud")
    panel.rename()
    assert styled.session.scene.latent.moves[0][0] == styled.session.directions[0]
    assert styled.session.directions[0].name == "loud"
    panel.remove(example_of(seed_scene(2), True))  # now a side is empty, and the picture stays as it was
    assert styled.session.scene.latent.moves[0][1] == amount


def test_an_example_has_the_class_it_was_seen_in(styled: Program) -> None:
    click_tile(styled, 2)
    add_examples(styled, (HAVING, 1))
    (example,) = styled.session.directions[0].having
    assert example.classes == ((2, 1.0),)
    generator = styled.model().generator
    seen = locate(generator, seed_scene(1).latent, Condition(((2, 1.0),)))
    assert bool((locate(generator, example) == seen).all())


def test_an_example_holds_no_examples() -> None:
    direction = Examples("big", (Latent(),), (Latent(((Seed(1), 1.0),)),))
    scene = moved(moved(seed_scene(3), direction, 1.0), Direction("axis", 0), 2.0)
    assert example_of(scene, False).moves == ((Direction("axis", 0), 2.0),)


def test_an_example_changes_sides_and_a_click_takes_it_out(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 1))
    (direction,) = styled.session.directions
    assert (len(direction.having), len(direction.lacking)) == (0, 1)
    strip = mine(styled).side(LACKING).strip()
    QTest.mouseClick(strip.viewport(), LEFT, NONE, strip.itemRect(direction.lacking[0]).center())
    assert styled.session.directions == (Examples(direction.name, (), ()),)


def test_a_visited_point_can_be_added(styled: Program) -> None:
    add_examples(styled, (HAVING, 1))
    styled.actions.set_seed(5)
    panel = mine(styled)
    panel.show_offers(LACKING)
    actions = {action.text(): action for each in panel._pictures._actions.values() for action in each}
    styled.rest()
    assert not actions["Seed 5"].icon().isNull()
    actions["Seed 5"].trigger()
    assert styled.session.directions[0].lacking == (example_of(seed_scene(5), True),)
    for menu in styled.window.findChildren(QWidget):
        if menu.inherits("QMenu") and menu.isVisible():
            menu.close()


def test_a_deleted_direction_takes_its_moves_along_and_can_be_brought_back(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    kept = styled.session.directions
    panel = mine(styled)
    drag_list(styled, panel.sliders(), 0, 0.5, 0.7)
    press(panel, "Delete")
    assert styled.session.directions == ()
    assert styled.session.scene == seed_scene(2)
    press(panel, "Bring back")
    assert styled.session.directions == kept


def test_two_directions_never_share_a_name(styled: Program) -> None:
    panel = mine(styled)
    for _ in range(2):
        press(panel, "New")
        panel._edit.setText("old")
        QTest.keyClick(panel._edit, Qt.Key.Key_Return)
    assert [each.name for each in styled.session.directions] == ["old", "old 2"]


def test_a_direction_can_be_an_axis_of_the_pad(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    mine(styled).use_across()
    assert styled.session.view.across == styled.session.directions[0]
    styled.rest()
    assert "Direction 1" in styled.window.panels.card("Latent").state()


@pytest.mark.slow
def test_directions_survive_a_session_also_unfinished_ones(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_model(tmp_path / "models" / "styled.safetensors", make_stylegan2(classes=3))
    with running(qtbot, tmp_path / "home", monkeypatch, path.parent) as first:
        first.open(path)
        add_examples(first, (HAVING, 1), (LACKING, 2))
        drag_list(first, mine(first).sliders(), 0, 0.5, 0.8)
        press(mine(first), "New")
        mine(first).add(LACKING, seed_scene(7))
        press(mine(first), "New")
        mine(first).use_across()  # does nothing: there is no such direction yet
        mine(first).sliders().select(0)
        mine(first).use_up()
        drag_layers(first, 1, 2)
        kept, scene, pixels = first.session.directions, first.session.scene, first.pixels()
    with running(qtbot, tmp_path / "home", monkeypatch, path.parent) as second:
        second.instrument.start()
        assert np.array_equal(second.pixels(), pixels)
        assert second.session.scene == scene
        assert second.session.directions == kept
        assert second.session.view.layers == (1, 3)
        assert second.session.view.up == kept[0]


def test_directions_belong_to_their_model(styled: Program, checkpoints: tuple[Path, Path]) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    kept, path = styled.session.directions, styled.model().path
    styled.open(checkpoints[0])
    assert styled.session.directions == ()
    styled.open(path)
    assert styled.session.directions == kept


def test_sessions_from_before_have_no_directions(styled: Program, tmp_path: Path) -> None:
    data = json.loads(styled.session.snapshot().to_text())
    del data["directions"], data["view"]["layers"]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(data))
    saved = read_session(file)
    assert saved.directions == ()
    assert saved.view.layers == (0, ALL_LAYERS)


def test_an_exported_vector_is_the_one_that_moves(styled: Program, tmp_path: Path) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    examples, file = styled.session.directions[0], tmp_path / "vector.npy"
    styled.actions.export_direction(file, examples)
    styled.wait(file.exists)
    assert np.array_equal(np.load(file), probe_examples(styled.model().generator, examples).vector.numpy())
    styled.wait_message("vector.npy is written")


def test_an_exported_direction_can_be_loaded_again(styled: Program, tmp_path: Path) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    examples, file = styled.session.directions[0], tmp_path / "direction.json"
    styled.actions.export_direction(file, examples)
    styled.wait(file.exists)
    assert read_direction(file) == (examples, styled.model().digest)
    press(mine(styled), "Delete")
    styled.actions.load_direction(file)
    styled.wait(lambda: styled.session.directions == (examples,))
    styled.actions.load_direction(file)
    styled.wait(lambda: len(styled.session.directions) == 2)
    assert styled.session.directions[1] == replace(examples, name="Direction 1 2")


@pytest.mark.parametrize("text", ["", "{}", '{"latent-explorer-direction": 1}', '{"latent-explorer-direction": 9}'])
def test_a_damaged_direction_gets_one_sentence(styled: Program, tmp_path: Path, text: str) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text)
    styled.actions.load_direction(file)
    styled.wait_message("damaged.json")
    assert styled.session.directions == ()


def test_a_vae_has_directions_by_example_too(opened: Program) -> None:
    add_examples(opened, (HAVING, 1), (HAVING, 2), (LACKING, 3), (LACKING, 4))
    drag_list(opened, mine(opened).sliders(), 0, 0.5, 0.7)
    opened.rest()
    assert opened.session.directions[0] in opened.session.accuracies
    assert opened.session.scene.latent.moves[0][0] == opened.session.directions[0]


# --- values and room ---


def test_a_point_with_classes_of_its_own_survives_json() -> None:
    scene = Scene(Latent(((Seed(3), 1.0),), classes=((1, 0.5), (2, 0.5))))
    assert from_json(to_json(scene)) == scene


def test_no_panel_is_wider_than_the_column(styled: Program) -> None:
    press(condition_of(styled), "Weights")
    press(noise_of(styled), "Layers")
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    styled.rest()
    panels = (condition_of(styled), noise_of(styled), mine(styled), styled.directions(), styled.latent())
    widths = {panel.title: panel.minimumSizeHint().width() for panel in panels}
    assert {title: width for title, width in widths.items() if width > ROOM} == {}


def test_every_control_says_what_it_does(styled: Program) -> None:
    add_examples(styled, (HAVING, 1), (LACKING, 2))
    controls = (QPushButton, QComboBox, QSpinBox, SliderRow)
    panels = (condition_of(styled), noise_of(styled), mine(styled), styled.directions(), styled.latent())
    mute = [
        (panel.title, type(control).__name__, control.accessibleName())
        for panel in panels
        for control in panel.findChildren(QWidget)
        if isinstance(control, controls) and not control.toolTip()
    ]
    assert mute == []


def test_directions_show_the_layers_only_for_style_based_models(styled: Program) -> None:
    panel = styled.window.panels.panel("Directions")
    assert isinstance(panel, DirectionsPanel)
    row = panel.findChild(RangeRow)
    assert row is not None
    assert row.isVisibleTo(panel)


# --- cards ---


def test_a_click_on_the_title_row_of_a_card_folds_or_opens_it(styled: Program) -> None:
    card, panel = styled.window.panels.card("Condition"), condition_of(styled)
    words = [label for label in card.findChildren(QLabel) if label.text() in (card.heading(), card.state())]
    assert len(words) == 2
    for label in words:
        QTest.mouseClick(label, LEFT)
        assert not panel.isVisible()
        QTest.mouseClick(label, LEFT)
        QTest.mouseDClick(label, LEFT)  # the second click of a double one does not undo the first
        assert panel.isVisible()
    header = words[0].parentWidget()
    assert header is not None
    QTest.mousePress(header, LEFT, NONE, QPoint(60, 8))
    QTest.mouseRelease(header, LEFT, NONE, QPoint(60, 200))  # let go elsewhere
    assert panel.isVisible()
    QTest.mouseClick(header, Qt.MouseButton.RightButton)
    assert panel.isVisible()
