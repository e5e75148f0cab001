"""Promises of the panels of a denoising run, in the real window, over a model whose denoiser is exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hands import LEFT, Program
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QSpinBox, QWidget
from toy_denoiser import toy_model

from explorer.diffusion import scale_at
from explorer.files import digest
from explorer.imaging import read_image, write_png
from explorer.kept_files import given_name, keep_file
from explorer.runs import effective
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene, Seed, Start, Turn
from explorer.ui.captioned_strip import CaptionedStrip
from explorer.ui.class_tiles import ClassTiles
from explorer.ui.controls import SliderList, SliderRow
from explorer.ui.heat_map import HeatMap, heat
from explorer.ui.named_row import NamedRow
from explorer.ui.panel import Panel
from explorer.ui.panels.guidance import SCALES, interval_of, steps_in
from explorer.ui.panels.prompt import shared
from explorer.ui.panels.start import StartPanel
from explorer.ui.picture_well import PictureWell
from explorer.ui.range_row import RangeRow
from explorer.ui.text_box import TextBox
from explorer.ui.theme import colours
from explorer.ui.words import scene_title

ROOM = 306  # pixels that a panel of the right column has
OURS = ("Prompt", "Guidance", "Sampling", "Microscope", "Starting picture")
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def toy(program: Program) -> Program:
    """The window with the toy model open."""
    program.session.open_model(toy_model())
    program.rest()
    return program


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    """A picture file, dark with a bright middle."""
    pixels = np.full((16, 16, 1), 30, np.uint8)
    pixels[5:11] = 220
    write_png(tmp_path / "boot.png", pixels)
    return tmp_path / "boot.png"


def panel_of(program: Program, title: str) -> Panel:
    return program.window.panels.panel(title)


def state(program: Program, title: str) -> str:
    return program.window.panels.card(title).state()


def press(panel: QWidget, words: str) -> None:
    """Press the button of a panel with these words."""
    QTest.mouseClick(next(each for each in panel.findChildren(QPushButton) if each.text() == words), LEFT)


def row_of(program: Program, title: str, label: str) -> SliderRow:
    return next(each for each in panel_of(program, title).findChildren(SliderRow) if each.label() == label)


def type_value(program: Program, title: str, label: str, value: str) -> None:
    """Type the value of a slider."""
    row = row_of(program, title, label)
    row.startEdit()
    edit = QApplication.focusWidget()
    assert edit is not None
    QTest.keyClicks(edit, value)
    QTest.keyClick(edit, Qt.Key.Key_Return)


def choose(program: Program, title: str, name: str, words: str) -> None:
    """Choose an entry of a list as the keys do."""
    box = next(each for each in panel_of(program, title).findChildren(QComboBox) if each.accessibleName() == name)
    box.setCurrentIndex(box.findText(words))
    box.activated.emit(box.currentIndex())


def sampling(program: Program) -> Sampling:
    return program.session.scene.denoising.sampling


def start_panel(program: Program) -> StartPanel:
    panel = panel_of(program, "Starting picture")
    assert isinstance(panel, StartPanel)
    program.window.panels.card("Starting picture").setCollapsed(False)
    return panel


def drop_on(well: PictureWell, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, copy, none = QPoint(10, 10), Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(well, QDragEnterEvent(place, copy, data, LEFT, none))
    QApplication.sendEvent(well, QDropEvent(QPointF(place), copy, data, LEFT, none))


def start_from(program: Program, path: Path) -> StartPanel:
    """Drop a picture on the panel and wait until its run is shown."""
    panel = start_panel(program)
    drop_on(panel.findChildren(PictureWell)[0], path)
    program.wait(lambda: program.session.scene.denoising.start.picture is not None)
    program.rest()
    return panel


def kept_copy(program: Program, path: Path) -> ImageFile:
    """The copy of a file that the program keeps, as scenes name it."""
    content = digest(path)
    return ImageFile(str(program.home / "state" / "paint" / f"{content[:16]}-{path.name}"), content)


# --- which panels there are ---


def test_panels_of_runs_are_there_for_models_that_denoise(toy: Program) -> None:
    assert not any(toy.window.panels.card(title).isHidden() for title in OURS)
    assert toy.window.panels.card("Latent").heading() == "Starting noise"


def test_panels_of_runs_stay_away_from_other_models(opened: Program) -> None:
    assert all(opened.window.panels.card(title).isHidden() for title in OURS)
    assert opened.window.panels.card("Latent").heading() == "Latent"


def test_models_that_cannot_be_guided_have_no_guidance(program: Program) -> None:
    program.session.open_model(toy_model(can_guide=False, reads_text=False))
    program.rest()
    hidden = [title for title in OURS if program.window.panels.card(title).isHidden()]
    assert hidden == ["Prompt", "Guidance", "Microscope"]


def test_panels_of_runs_fit_the_column(toy: Program, boot: Path) -> None:
    start_from(toy, boot)
    condition = Condition(((1, 0.5), (2, 0.5)), (("a boot", 0.5), ("a bag", 0.5)), "blurry")
    busy = Denoising(Sampling("ddim", 99, 0.5, curve=((0, 1), (1, 5))), toy.session.scene.denoising.start)
    toy.session.change(Scene(condition=condition, denoising=busy), "Busy")
    toy.session.set_turn_step(3)
    toy.rest()
    widths = {title: panel_of(toy, title).minimumSizeHint().width() for title in ("Latent", "Condition", *OURS)}
    assert {title: width for title, width in widths.items() if width > ROOM} == {}


# --- sampling ---


def test_a_method_is_chosen_and_the_models_own_comes_back(toy: Program) -> None:
    before = toy.session.scene
    choose(toy, "Sampling", "Method", "Heun")
    assert sampling(toy).sampler == "heun"
    assert state(toy, "Sampling") == "Heun · 10 steps"
    assert toy.session.history.entry.label == "Sampler Heun"
    press(panel_of(toy, "Sampling"), "Model's own")
    assert toy.session.scene == before


def test_what_the_model_has_anyway_changes_nothing(toy: Program) -> None:
    before = toy.session.scene
    choose(toy, "Sampling", "Method", "DDIM")
    type_value(toy, "Sampling", "Steps", "10")
    type_value(toy, "Guidance", "Scale s", "2")
    assert toy.session.scene == before


def test_steps_are_those_of_the_whole_run(toy: Program) -> None:
    toy.session.set_turn_step(4)
    type_value(toy, "Sampling", "Steps", "25")
    assert toy.session.scene.denoising == Denoising(Sampling(steps=25))
    assert toy.session.history.entry.label == "25 steps"
    type_value(toy, "Sampling", "Steps", "3")
    assert toy.session.turn_step is None  # there is no such step any more


def test_fresh_noise_and_its_seed_are_there_where_they_count(toy: Program) -> None:
    panel = panel_of(toy, "Sampling")
    eta, seed = row_of(toy, "Sampling", "Fresh noise η"), panel.findChild(QSpinBox)
    assert seed is not None
    assert (eta.isVisibleTo(panel), seed.isVisibleTo(panel)) == (True, False)
    type_value(toy, "Sampling", "Fresh noise η", "0.5")
    assert (eta.isVisibleTo(panel), seed.isVisibleTo(panel)) == (True, True)
    choose(toy, "Sampling", "Method", "DDPM ancestral")
    assert (eta.isVisibleTo(panel), seed.isVisibleTo(panel)) == (False, True)
    choose(toy, "Sampling", "Method", "Heun")
    assert (eta.isVisibleTo(panel), seed.isVisibleTo(panel)) == (False, False)


def test_a_double_click_on_a_name_resets_its_control(toy: Program) -> None:
    choose(toy, "Sampling", "Noise levels", "Karras")
    assert sampling(toy).spacing == "karras"
    row = next(each for each in panel_of(toy, "Sampling").findChildren(NamedRow) if each.findChild(QComboBox))
    rows = [each for each in panel_of(toy, "Sampling").findChildren(NamedRow) if each is not row]
    QTest.mouseDClick(rows[-1].childAt(QPoint(4, 10)), LEFT)
    assert sampling(toy).spacing == ""


def test_every_control_of_a_run_says_what_it_does(toy: Program, boot: Path) -> None:
    start_from(toy, boot)
    controls = (QPushButton, QComboBox, QSpinBox, SliderRow, TextBox, PictureWell)
    mute = [
        (title, type(control).__name__)
        for title in OURS
        for control in panel_of(toy, title).findChildren(QWidget)
        if isinstance(control, controls)
        and not (control.toolTip() and (control.accessibleName() or hasattr(control, "text")))
    ]
    assert mute == []


# --- from a step on ---


def test_changes_act_from_the_step_chosen_on(toy: Program) -> None:
    toy.session.set_turn_step(5)
    type_value(toy, "Guidance", "Scale s", "5")
    scene = toy.session.scene
    assert (effective(scene, 4)[0].guidance, effective(scene, 5)[0].guidance) == (None, 5.0)
    assert state(toy, "Guidance") == "from step 6 · s 5.0"
    press(panel_of(toy, "Sampling"), "Whole run")
    assert toy.session.turn_step is None
    assert state(toy, "Guidance") == "s 2.0"  # of the run before the turn


def test_a_class_is_chosen_from_a_step_on(toy: Program) -> None:
    toy.session.set_turn_step(5)
    tiles = panel_of(toy, "Condition").findChild(ClassTiles)
    assert tiles is not None
    QTest.mouseClick(tiles, LEFT, Qt.KeyboardModifier.NoModifier, tiles.tileRect(2).center())
    assert toy.session.scene.condition == Condition()
    assert toy.session.scene.denoising.turns == (Turn(5, condition=Condition(((2, 1.0),))),)
    assert state(toy, "Condition") == "from step 6 · class 2"


def test_classes_keep_the_texts_beside_them(toy: Program) -> None:
    toy.session.change(Scene(condition=Condition(prompts=(("a boot", 1.0),), negative="a bag")), "Text")
    tiles = panel_of(toy, "Condition").findChild(ClassTiles)
    assert tiles is not None
    QTest.mouseClick(tiles, LEFT, Qt.KeyboardModifier.NoModifier, tiles.tileRect(1).center())
    assert toy.session.scene.condition == Condition(((1, 1.0),), (("a boot", 1.0),), "a bag")


# --- guidance ---


def test_scales_are_shown_as_pictures_and_a_click_takes_one(toy: Program) -> None:
    strip = panel_of(toy, "Guidance").findChild(CaptionedStrip)
    assert strip is not None
    toy.rest()
    assert all(pixels is not None for _, pixels, _ in strip._items)
    assert strip.current() == 2.0
    QTest.mouseClick(strip.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, strip.itemRect(5.0).center())
    assert sampling(toy).guidance == 5.0
    thumbnail = strip._items[SCALES.index(5.0)][1]
    assert thumbnail is not None
    assert np.abs(thumbnail.astype(int) - toy.pixels()).mean() < 8  # it takes fewer steps


def test_another_scale_does_not_draw_the_strip_again(toy: Program) -> None:
    strip = panel_of(toy, "Guidance").findChild(CaptionedStrip)
    assert strip is not None
    toy.rest()
    before = strip._items
    type_value(toy, "Guidance", "Scale s", "7")
    toy.rest()
    assert all(one[1] is other[1] for one, other in zip(before, strip._items, strict=True))


def test_a_curve_is_told_and_can_be_made_flat(toy: Program) -> None:
    curved = replace(toy.session.scene, denoising=Denoising(Sampling(curve=((0.0, 1.0), (1.0, 5.0)))))
    toy.session.change(curved, "Curve")
    assert state(toy, "Guidance") == "s 1.0 to 5.0"
    assert not row_of(toy, "Guidance", "Scale s").isEnabled()
    press(panel_of(toy, "Guidance"), "Flat")
    assert sampling(toy).curve == ()


def test_a_flat_curve_is_a_scale_like_any_other(toy: Program) -> None:
    flat = replace(toy.session.scene, denoising=Denoising(Sampling(curve=((0.0, 5.0), (1.0, 5.0)))))
    toy.session.change(flat, "Curve")
    row, strip = row_of(toy, "Guidance", "Scale s"), panel_of(toy, "Guidance").findChild(CaptionedStrip)
    assert strip is not None
    assert (state(toy, "Guidance"), row.value(), row.isEnabled(), strip.current()) == ("s 5.0", 5.0, True, 5.0)
    type_value(toy, "Guidance", "Scale s", "4")
    assert sampling(toy) == Sampling(guidance=4.0)


def test_pictures_of_an_older_scene_are_faded_until_the_new_ones_are_there(toy: Program) -> None:
    strip, tiles = panel_of(toy, "Guidance").findChild(CaptionedStrip), panel_of(toy, "Condition").findChild(ClassTiles)
    assert strip is not None
    assert tiles is not None
    toy.rest()
    bright = (strip.grab().toImage(), tiles.grab().toImage())
    assert (strip._faded, tiles._faded) == (frozenset(), frozenset())
    toy.session.change(Scene(Latent(((Seed(8), 1.0),))), "Seed 8")
    assert (strip._faded, tiles._faded) == (frozenset(SCALES), frozenset(range(3)))
    faded = (strip.grab().toImage(), tiles.grab().toImage())
    assert faded[0] != bright[0]
    assert faded[1] != bright[1]
    toy.rest()
    assert (strip._faded, tiles._faded) == (frozenset(), frozenset())
    toy.session.change(Scene(Latent(((Seed(9), 1.0),))), settled=False)  # a drag, which may go back
    toy.wait(lambda: strip._faded == frozenset(SCALES) and tiles._faded == frozenset(range(3)))
    toy.session.change(Scene(Latent(((Seed(8), 1.0),))), settled=False)
    toy.wait(lambda: not strip._faded and not tiles._faded)


def test_the_wheel_over_what_wholly_fits_scrolls_the_column(toy: Program) -> None:
    column, condition = toy.window.panels, panel_of(toy, "Condition")
    press(condition, "Weights")
    bar = column.verticalScrollBar()
    for kept in (panel_of(toy, "Guidance").findChild(CaptionedStrip), condition.findChild(SliderList)):
        assert kept is not None
        toy.wait(lambda: bar.maximum() > 0)
        column.ensureWidgetVisible(kept)
        before = bar.value()
        place = kept.viewport().mapTo(toy.window, kept.viewport().rect().center())
        QTest.wheelEvent(toy.window.windowHandle(), QPointF(place), QPoint(0, 120 if before else -120))
        assert bar.value() != before


def test_the_cursor_among_classes_looks_unlike_a_choice(toy: Program) -> None:
    tiles = panel_of(toy, "Condition").findChild(ClassTiles)
    assert tiles is not None
    toy.rest()
    QTest.mouseClick(tiles, LEFT, Qt.KeyboardModifier.NoModifier, tiles.tileRect(0).center())
    toy.rest()
    tiles.setFocus()
    accent = QColor(colours().accent)

    def framed() -> list[bool]:
        """Which tiles have a border of the colour of choices."""
        image = tiles.grab().toImage()
        edges = [tiles.tileRect(index) for index in range(3)]
        return [image.pixelColor(rect.center().x(), rect.top() - 2) == accent for rect in edges]

    assert framed() == [True, False, False]  # the cursor is there too
    before = tiles.grab().toImage()
    QTest.keyClick(tiles, Qt.Key.Key_End)
    assert framed() == [True, False, False]
    assert tiles.grab().toImage() != before
    assert toy.session.scene.condition.classes in ((), ((0, 1.0),))


def test_guidance_acts_in_the_steps_dragged_over_as_one_step_of_undo(toy: Program) -> None:
    row, count = panel_of(toy, "Guidance").findChild(RangeRow), len(toy.session.history.entries)
    assert row is not None
    assert row.count() == 10
    toy.drag(row, *(row.cellRect(index).center().toPoint() for index in (2, 4, 6)))
    assert steps_in(sampling(toy).interval, 10) == (2, 7)
    assert len(toy.session.history.entries) == count + 1
    assert toy.session.history.entry.label == "Guide in steps 3–7"


@pytest.mark.parametrize("count", [1, 2, 3, 10, 50, 999])
def test_an_interval_holds_the_steps_it_was_made_of(count: int) -> None:
    for first, end in {(0, 1), (0, count), (count - 1, count), (count // 3, count // 3 + 1)}:
        interval = interval_of(first, end, count)
        assert steps_in(interval, count) == (first, end)
        guided = [scale_at(i / max(count - 1, 1), 3.0, (), interval) == 3.0 for i in range(count)]
        assert guided == [first <= i < end for i in range(count)]


# --- prompts ---


def boxes(program: Program) -> list[TextBox]:
    return panel_of(program, "Prompt").findChildren(TextBox)


def box_named(program: Program, name: str) -> TextBox:
    return next(each for each in boxes(program) if each.accessibleName() == name)


def test_return_asks_for_what_was_typed_and_escape_takes_it_back(toy: Program) -> None:
    box = box_named(toy, "Prompt 1")
    box.setFocus()
    QTest.keyClicks(box, "a boot")
    assert toy.session.scene.condition == Condition()
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert toy.session.scene.condition.prompts == (("a boot", 1.0),)
    QTest.keyClicks(box, "s")
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == "a boot"
    toy.actions.undo()
    assert box.text() == ""


def test_leaving_the_box_asks_for_what_was_typed(toy: Program) -> None:
    box = box_named(toy, "Negative prompt")
    box.setFocus()
    QTest.keyClicks(box, "blur")
    QTest.keyClick(box, Qt.Key.Key_Tab)
    assert toy.session.scene.condition.negative == "blur"
    assert toy.session.history.entry.label == "Negative prompt"


def test_a_line_can_be_begun_in_a_prompt(toy: Program) -> None:
    box = box_named(toy, "Prompt 1")
    box.setFocus()
    QTest.keyClicks(box, "a")
    QTest.keyClick(box, Qt.Key.Key_Return, SHIFT)
    QTest.keyClicks(box, "b")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert toy.session.scene.condition.prompts == (("a\nb", 1.0),)


def test_prompts_are_blended_weighed_and_removed(toy: Program) -> None:
    toy.session.change(Scene(condition=Condition(prompts=(("a boot", 1.0),))), "Text")
    press(panel_of(toy, "Prompt"), "Blend in a prompt")
    box = box_named(toy, "Prompt 2")
    assert box.hasFocus()
    QTest.keyClicks(box, "a bag")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert toy.session.scene.condition.prompts == (("a boot", 0.5), ("a bag", 0.5))
    type_value(toy, "Prompt", "Weight", "0.8")
    weights = [weight for _, weight in toy.session.scene.condition.prompts]
    assert weights == pytest.approx([0.8, 0.2])
    assert state(toy, "Prompt") == "blend of 2"
    removers = [each for each in box.parentWidget().findChildren(QWidget) if "blend" in each.toolTip()]
    QTest.mouseClick(removers[-1], LEFT)
    assert toy.session.scene.condition.prompts == (("a boot", 1.0),)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0, 7.0, -1.0])
def test_weights_of_prompts_sum_to_one_and_no_text_is_lost(weight: float) -> None:
    found = shared((("a", 0.5), ("b", 0.0), ("c", 0.5)), 1, weight)
    assert [text for text, _ in found] == ["a", "b", "c"]
    assert sum(share for _, share in found) == pytest.approx(1.0)
    assert shared((("a", 0.2),), 0, weight) == (("a", 1.0),)


# --- microscope ---


def test_the_microscope_shows_where_the_condition_acts_at_the_playhead(toy: Program) -> None:
    heat_map = panel_of(toy, "Microscope").findChild(HeatMap)
    assert heat_map is not None
    playback = toy.window.desk.playback
    toy.wait(lambda: playback.run.is_complete())
    playback.go_to(3)
    step = playback.run.steps[3]
    assert step is not None
    assert step.difference is not None
    assert state(toy, "Microscope") == "|ε_c − ε_u| · step 4 of 10"
    assert (
        heat_map.accessibleDescription() == f"from 0 to {step.difference.max():.2f}, mean {step.difference.mean():.2f}"
    )
    found = heat_map.valueAt(heat_map.pictureRect().center())
    assert found == (8, 8, pytest.approx(float(step.difference[8, 8])))


def test_a_held_scale_stays_from_step_to_step(toy: Program) -> None:
    panel, playback = panel_of(toy, "Microscope"), toy.window.desk.playback
    heat_map = panel.findChild(HeatMap)
    assert heat_map is not None
    toy.wait(lambda: playback.run.is_complete())
    playback.go_to(3)
    top = heat_map._top
    press(panel, "Hold scale")
    playback.go_to(8)
    assert heat_map._top == top
    press(panel, "Hold scale")
    assert heat_map._top != top


def test_at_scale_one_the_microscope_says_why_it_is_empty(toy: Program) -> None:
    type_value(toy, "Guidance", "Scale s", "1")
    toy.rest()
    assert any("raise the scale" in each.text() for each in panel_of(toy, "Microscope").findChildren(QLabel))


# --- starting picture ---


def test_a_dropped_picture_becomes_the_start_of_the_run(toy: Program, boot: Path) -> None:
    from_noise = toy.pixels()
    start_from(toy, boot)
    picture = kept_copy(toy, boot)
    assert toy.session.scene.denoising.start == Start(picture, 0.6)
    assert Path(picture.path).read_bytes() == boot.read_bytes()
    assert toy.session.history.entry.label == "Start from boot.png"
    assert not np.array_equal(toy.pixels(), from_noise)
    toy.actions.undo()
    assert np.array_equal(toy.pixels(), from_noise)


def test_a_run_outlives_the_picture_it_started_from(toy: Program, boot: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "mask.png", np.full((16, 16, 1), 255, np.uint8))
    panel = start_from(toy, boot)
    drop_on(panel.findChildren(PictureWell)[1], tmp_path / "mask.png")
    toy.wait(lambda: toy.session.scene.denoising.start.mask is not None)
    mask = kept_copy(toy, tmp_path / "mask.png")
    assert toy.session.scene.denoising.start.mask == mask
    before, scene = toy.pixels(), toy.session.scene
    boot.unlink()
    (tmp_path / "mask.png").unlink()
    toy.session.open_model(toy_model())  # which remembers no picture
    toy.session.change(scene, "Again")
    assert np.array_equal(toy.pixels(), before)
    assert panel._lines[0].text() == "boot.png"


def test_a_kept_file_is_not_copied_again(tmp_path: Path) -> None:
    path = tmp_path / ("\N{HOT BEVERAGE}" * 70 + ".png")
    path.write_bytes(b"a picture")
    kept = keep_file(tmp_path / "kept", path)
    assert keep_file(tmp_path / "kept", Path(kept.path)) == keep_file(tmp_path / "kept", path) == kept
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert given_name(kept.path) == "\N{HOT BEVERAGE}" * 60 + ".png"
    assert given_name("notes.png") == "notes.png"


def test_the_panel_says_where_the_picture_enters(toy: Program, boot: Path) -> None:
    panel = start_from(toy, boot)
    assert [each.text() for each in panel._lines[1:3]] == ["enters at step 5", "6 of 10 steps run"]
    row = panel_of(toy, "Guidance").findChild(RangeRow)
    assert row is not None
    assert row.count() == 6  # the steps that are left


def test_what_is_no_picture_is_told_and_changes_nothing(toy: Program, tmp_path: Path) -> None:
    path, before = tmp_path / "notes.png", toy.session.scene
    path.write_text("no picture")
    drop_on(start_panel(toy).findChildren(PictureWell)[0], path)
    toy.wait_message("is not a picture")
    assert toy.session.scene == before


def test_dissolving_shows_noise_and_leaves_the_scene_alone(toy: Program, boot: Path) -> None:
    panel = start_from(toy, boot)
    before = toy.session.scene
    type_value(toy, "Starting picture", "Dissolve", "0")
    toy.wait(lambda: panel._lines[3].text() == "no noise")
    clean = panel._noised.pixmap().toImage()
    type_value(toy, "Starting picture", "Dissolve", "0.5")  # of the cosine schedule: alpha and sigma are equal
    toy.wait(lambda: "SNR" in panel._lines[3].text())
    assert panel._lines[3].text() == "SNR +0.0 dB"
    assert panel._noised.pixmap().toImage() != clean
    assert toy.session.scene == before


def test_a_mask_keeps_what_is_black_and_can_be_inverted(toy: Program, boot: Path, tmp_path: Path) -> None:
    pixels = np.zeros((16, 16, 1), np.uint8)
    pixels[:, 8:] = 255
    write_png(tmp_path / "mask.png", pixels)
    panel = start_from(toy, boot)
    drop_on(panel.findChildren(PictureWell)[1], tmp_path / "mask.png")
    toy.wait(lambda: toy.session.scene.denoising.start.mask is not None)
    original = np.asarray(read_image(boot))
    assert np.abs(toy.pixels()[:, :8, 0].astype(int) - original[:, :8]).max() <= 1
    press(panel, "Invert")
    mask = toy.session.scene.denoising.start.mask
    toy.wait(lambda: toy.session.scene.denoising.start.mask != mask)
    mask = toy.session.scene.denoising.start.mask
    assert mask is not None
    assert np.array_equal(np.asarray(read_image(Path(mask.path))), 255 - pixels[..., 0])
    assert np.abs(toy.pixels()[:, 8:, 0].astype(int) - original[:, 8:]).max() <= 1


def test_the_noise_of_the_picture_is_found_and_gives_the_picture_again(toy: Program, boot: Path) -> None:
    panel = start_from(toy, boot)
    press(panel, "Find its noise")
    toy.wait_message("boot.png is found")
    assert toy.session.scene.latent.sources == ((kept_copy(toy, boot), 1.0),)
    assert toy.session.scene.denoising.start == Start()
    assert np.abs(toy.pixels()[..., 0].astype(int) - np.asarray(read_image(boot))).mean() < 8


def test_clearing_starts_from_noise_again(toy: Program, boot: Path) -> None:
    panel = start_from(toy, boot)
    press(panel, "Clear")
    assert toy.session.scene.denoising.start == Start()
    assert state(toy, "Starting picture") == "none: from noise"


# --- words and pictures ---


def test_titles_of_scenes_tell_of_prompts_samplers_and_turns() -> None:
    condition = Condition(prompts=(("a  boot", 0.7), ("a bag", 0.3)))
    run = Denoising(Sampling("dpm++2m", 20, guidance=3.0), Start(ImageFile("/x/y.png")), (Turn(4), Turn(6)))
    told = scene_title(Scene(condition=condition, denoising=run))
    assert told == "Seed 0 · “a boot” + 1 more · from y.png · DPM++ 2M · 20 steps · s 3 · turns at steps 5, 7"
    assert scene_title(Scene()) == "Seed 0"
    assert Scene().latent.sources == ((Seed(0), 1.0),)


def test_heat_is_lighter_the_more_there_is() -> None:
    pixels = heat(np.linspace(0, 2, 50, dtype=np.float32)[None], 2.0)
    lightness = pixels[0].astype(float) @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(lightness) > 0).all()
    assert heat(np.array([[np.nan, -1, 5]], np.float32), 2.0)[0, :, 0].tolist() == [0, 0, 252]
    assert not heat(np.zeros((2, 2), np.float32), 0.0)[..., 0].any()
