"""The promises of the Compare workspace: several models over one scene or one picture, and measures of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from examples import make_diffusion, make_prior_vae, make_stylegan2, make_vae, save_model
from hands import LEFT, NONE, Program, running, seed_scene
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from runs import made_model

from explorer.comparing import picture_problem, picture_scene, scene_problem, shared_classes, shared_scene
from explorer.facts import describe
from explorer.files import digest
from explorer.imaging import write_png
from explorer.measuring import tabulated
from explorer.render import inversion_scene, render_many
from explorer.scene import Condition, Direction, ImageFile, Latent, Scene, Seed, StoredPoint, moved
from explorer.session import Model
from explorer.ui.compare import Compare
from explorer.ui.compare.differences import alike, difference
from explorer.ui.compare.model_tile import ModelTile
from explorer.ui.compare.pairing import ORIGINAL
from explorer.ui.compare.tile_grid import columns_for
from explorer.ui.compare.words import note_words, time_words
from explorer.ui.shortcuts import COMPARE_SHORTCUTS, SHORTCUTS

SHIFT = Qt.KeyboardModifier.ShiftModifier


# --- what scenes share ---


def facts_model(model: Model, **changes: object) -> Model:
    return replace(model, facts=replace(model.facts, **changes))  # type: ignore[arg-type]


def test_another_model_gets_sources_truncation_and_the_class_of_the_same_name() -> None:
    played = facts_model(made_model(denoises=False), class_names=("Bag", "Boot"))
    other = facts_model(played, class_names=("boot", "coat", "BAG"))
    sources = ((Seed(3), 0.25), (Seed(4), 0.75))
    scene = Scene(Latent(sources, truncation=0.6), condition=Condition(((0, 1.0),)))
    scene = moved(scene, Direction("axis", 0), 2.0)
    given = shared_scene(scene, played, other)
    assert given == Scene(Latent(sources, truncation=0.6), condition=Condition(((2, 1.0),)))


def test_a_class_without_a_namesake_is_left_to_the_other_model() -> None:
    played = facts_model(made_model(denoises=False), class_names=("Bag", "Boot"))
    other = facts_model(played, class_names=("cat", "dog"))
    assert shared_classes(Condition(((1, 1.0),)), played.facts, other.facts) == ()
    assert shared_scene(Scene(condition=Condition(((1, 1.0),))), played, other).condition == Condition()


def test_diffusion_models_keep_their_noise_as_it_is() -> None:
    played, other = made_model(denoises=False), made_model()
    assert shared_scene(Scene(Latent(truncation=0.5)), played, other).latent.truncation == 1.0


def test_what_a_model_cannot_show_is_told_in_a_sentence() -> None:
    blind = made_model().facts
    image = Scene(Latent(((ImageFile("/a.png"), 1.0),)))
    assert "No encoder" in scene_problem(image, blind) == picture_problem(blind)
    assert "another model" in scene_problem(Scene(Latent(((StoredPoint("/a.npy"), 1.0),))), blind)
    assert scene_problem(seed_scene(3), blind) == ""
    assert scene_problem(image, replace(blind, capabilities=("encodes",))) == ""


def test_diffusion_models_go_back_to_the_noise_of_a_picture_without_guidance() -> None:
    image = ImageFile("/a.png", "1")
    sampling = picture_scene(made_model(), image).denoising.sampling
    assert (sampling.sampler, sampling.guidance) == ("ddim", 0.0)
    assert picture_scene(made_model(denoises=False), image) == Scene(Latent(((image, 1.0),)))


@pytest.mark.slow  # imports diffusers
def test_the_scene_of_a_picture_is_that_of_its_inversion() -> None:
    generator, image = make_diffusion(classes=3), ImageFile("/a.png", "1")
    model = Model(Path("/a"), "0" * 64, generator, describe(generator))
    assert picture_scene(model, image) == inversion_scene(generator, image)


# --- numbers and places ---


def test_a_difference_is_measured_in_shares_of_the_range_and_amplified_only_to_be_seen() -> None:
    first, second = np.full((4, 4, 1), 100, np.uint8), np.full((4, 4, 1), 151, np.uint8)
    found = difference(first, second, gain=4)
    assert found.rms == pytest.approx(0.2)
    assert found.decibels == pytest.approx(20 * math.log10(5))
    assert found.pixels.tolist() == np.full((4, 4, 1), 204).tolist()
    assert difference(first, first).decibels == math.inf


def test_pictures_of_other_sizes_are_enlarged_and_it_is_said() -> None:
    first, second, told = alike(np.zeros((8, 8, 1), np.uint8), np.full((16, 16, 3), 9, np.uint8))
    assert first.shape == second.shape == (16, 16, 3)
    assert told == "8×8 is enlarged to 16×16"
    assert alike(second, second)[2] == ""


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [(1, 800, 600, 1), (2, 800, 500, 2), (4, 600, 700, 2), (3, 300, 900, 1), (4, 364, 170, 3)],
)
def test_tiles_are_laid_out_so_that_pictures_are_large(count: int, width: int, height: int, columns: int) -> None:
    assert columns_for(count, width, height) == columns


def test_times_are_told_in_a_few_letters() -> None:
    assert [time_words(each) for each in (0.0, 0.0031, 0.25, 4.8)] == ["", "3.1 ms", "250 ms", "4.8 s"]


def test_the_note_says_what_only_the_played_model_has() -> None:
    scene = moved(Scene(), Direction("axis", 0), 1.0)
    assert "own latent space" in note_words("scene", Scene(), False, "glow")[0]
    assert "Only glow has the moves." in note_words("scene", scene, False, "glow")[0]


def test_keys_of_the_workspace_are_written_once() -> None:
    keys = [key for _, each, _ in COMPARE_SHORTCUTS for key in each]
    assert len(keys) == len(set(keys))
    others = {key for name, each, _ in SHORTCUTS for key in each if name != "blend"}
    assert not others.intersection(keys)


# --- the window ---


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A VAE, one with a prior, and a StyleGAN2, which has no encoder and is in colour."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    return (
        save_model(folder / "fashion-plain.safetensors", make_vae(name="plain")),
        save_model(folder / "fashion-prior.safetensors", make_prior_vae(name="prior")),
        save_model(folder / "styles.safetensors", make_stylegan2(name="styles")),
    )


@pytest.fixture
def window(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: tuple[Path, Path, Path]
) -> Iterator[Program]:
    """The Compare workspace with the plain VAE played and the other two beside it."""
    monkeypatch.setattr("explorer.ui.compare.workspace.bundled_checkpoints", lambda: models)
    with running(qtbot, tmp_path / "home", monkeypatch, models[0].parent) as program:
        program.open(models[0])
        program.press(Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
        for path in models[1:]:
            program.actions.open_compared(path)
        program.wait(lambda: len(workspace(program).comparing.models()) == 3)
        settle(program)
        yield program


def workspace(program: Program) -> Compare:
    return program.window.compare


def settle(program: Program) -> None:
    """Wait until every model shows what it can."""
    compare = workspace(program)

    def is_done() -> bool:
        shown = [compare.pictures.shown(each) for each in compare.comparing.models()]
        return all(each.problem or (each.picture is not None and not each.is_stale) for each in shown)

    program.wait(is_done)
    program.rest()


def tile(program: Program, name: str) -> ModelTile:
    found = workspace(program).tiling.tile(named(program, name).digest)
    assert found is not None
    return found


def named(program: Program, name: str) -> Model:
    return next(each for each in workspace(program).comparing.models() if each.facts.name == name)


def names(program: Program) -> list[str]:
    return [each.facts.name for each in workspace(program).comparing.models()]


def pixels(program: Program, name: str) -> np.ndarray:
    picture = workspace(program).pictures.shown(named(program, name)).picture
    assert picture is not None
    return picture.pixels


def alone(model: Model, scene: Scene) -> np.ndarray:
    """What a model draws by itself."""
    return next(iter(render_many(model.generator, (scene,), 1))).pixels


def test_the_workspace_is_always_there_and_says_what_to_do_first(program: Program) -> None:
    program.press(Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    assert workspace(program).isVisible()
    assert workspace(program).empty.isVisible()
    assert not workspace(program).body.isVisible()


def test_every_model_draws_from_the_same_seed(window: Program) -> None:
    window.actions.set_seed(7)
    settle(window)
    for name in ("plain", "prior", "styles"):
        assert np.array_equal(pixels(window, name), alone(named(window, name), seed_scene(7)))
    assert all(tile(window, name).has_image() for name in names(window))


def test_nothing_is_computed_while_nobody_looks(window: Program) -> None:
    window.window.choose_workspace(0)
    before = pixels(window, "prior")
    window.actions.set_seed(8)
    window.rest()
    assert np.array_equal(pixels(window, "prior"), before)
    window.window.choose_workspace(3)
    settle(window)
    assert np.array_equal(pixels(window, "prior"), alone(named(window, "prior"), seed_scene(8)))


def test_a_click_plays_a_model_where_it_stands_and_shows_the_same(window: Program) -> None:
    window.actions.set_seed(5)
    settle(window)
    shown = pixels(window, "prior")
    QTest.mouseClick(tile(window, "prior"), LEFT)
    assert window.model().facts.name == "prior"
    assert names(window) == ["plain", "prior", "styles"]  # the order stays
    settle(window)
    assert np.array_equal(pixels(window, "prior"), shown)
    assert window.session.scene.latent == seed_scene(5).latent


def test_opening_a_compared_model_from_the_column_does_not_lose_the_one_before(
    window: Program, models: tuple[Path, Path, Path]
) -> None:
    window.open(models[2])
    assert sorted(names(window)) == ["plain", "prior", "styles"]
    assert window.model().facts.name == "styles"
    assert len(window.session.compared) == 2


def test_a_model_opened_in_place_of_the_played_one_takes_its_tile(window: Program, tmp_path: Path) -> None:
    window.open(save_model(tmp_path / "new.safetensors", make_vae(name="new", start={"version": 1})))
    assert names(window) == ["new", "prior", "styles"]


def test_closing_lets_go_and_the_played_one_hands_over(window: Program) -> None:
    tile(window, "styles").setFocus()
    QTest.keyClick(tile(window, "styles"), Qt.Key.Key_Delete)
    assert names(window) == ["plain", "prior"]
    QTest.mouseClick(tile(window, "plain").close_button, LEFT)
    assert names(window) == ["prior"]
    assert window.model().facts.name == "prior"
    assert window.session.compared == ()


def test_the_menu_ticks_what_is_open_and_choosing_it_closes_it(
    window: Program, models: tuple[Path, Path, Path]
) -> None:
    menu = workspace(window).add_tile.menu()
    ticked = {action.text(): action.isChecked() for action in menu.actions() if action.isCheckable()}
    assert ticked == {"fashion-plain": True, "fashion-prior": True, "styles": True}
    next(action for action in menu.actions() if action.text() == "styles").trigger()
    assert names(window) == ["plain", "prior"]
    menu.close()


def test_the_example_opens_the_bundled_fashion_models(window: Program) -> None:
    compare = workspace(window)
    assert not compare.example.isVisible()  # all are open
    compare.close_model(named(window, "prior").digest)
    assert compare.example.isVisible()
    QTest.mouseClick(compare.example, LEFT)
    window.wait(lambda: "prior" in names(window))


def test_the_empty_place_says_what_is_being_opened(window: Program, models: tuple[Path, Path, Path]) -> None:
    compare = workspace(window)
    compare.close_model(named(window, "prior").digest)
    compare.toggle_model(models[1])
    assert "fashion-prior" in compare.add_tile.opening()
    window.wait(lambda: "prior" in names(window))
    window.wait(lambda: compare.add_tile.opening() == "")


def test_shift_and_a_click_chooses_the_other_one_and_x_swaps(window: Program) -> None:
    compare = workspace(window)
    QTest.mouseClick(tile(window, "styles"), LEFT, SHIFT)
    assert compare.pairing.second() == named(window, "styles").digest
    assert window.model().facts.name == "plain"
    window.press(Qt.Key.Key_X)
    assert window.model().facts.name == "styles"
    assert compare.pairing.second() == named(window, "plain").digest


def test_m_goes_through_the_ways_and_the_session_keeps_them(window: Program) -> None:
    seen = []
    for _ in range(4):
        window.press(Qt.Key.Key_M)
        seen.append(window.session.view.compared_mode)
    assert seen == ["wipe", "flicker", "difference", "side"]


def test_the_handle_of_a_wipe_moves_with_arrows_and_the_mouse(window: Program) -> None:
    compare = workspace(window)
    compare.choose_mode("wipe")
    settle(window)
    canvas = compare.canvas
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.divider() == pytest.approx(0.55)
    rect = canvas.screen_rect(0)
    start = QPoint(round(rect.left() + 0.55 * rect.width()), round(rect.center().y()))
    window.drag(canvas, start, QPoint(round(rect.left() + 0.25 * rect.width()), start.y()))
    assert canvas.divider() == pytest.approx(0.25, abs=0.02)


def test_flicker_takes_turns_and_a_held_key_shows_the_other_one(window: Program) -> None:
    compare = workspace(window)
    compare.choose_mode("flicker")
    settle(window)
    compare.pair_bar.rate.setValue(0)
    assert not compare.canvas.shows_other()
    compare.canvas.turn()
    assert compare.canvas.shows_other()
    compare.canvas.turn()
    QTest.keyPress(compare.canvas, Qt.Key.Key_H)
    assert compare.canvas.shows_other()
    QTest.keyRelease(compare.canvas, Qt.Key.Key_H)
    assert not compare.canvas.shows_other()


def test_the_difference_has_a_number(window: Program) -> None:
    compare = workspace(window)
    compare.choose_mode("difference")
    settle(window)
    found = difference(pixels(window, "plain"), pixels(window, "prior"))
    assert f"RMS {100 * found.rms:.1f} %" in compare.pair_bar.told.text()
    assert f"{found.decibels:.1f} dB" in compare.pair_bar.told.text()


def test_one_picture_is_encoded_by_those_who_can(window: Program, tmp_path: Path) -> None:
    path = tmp_path / "given.png"
    write_png(path, np.arange(256, dtype=np.uint8).reshape(16, 16, 1))
    compare = workspace(window)
    compare.take_file(path)
    window.wait(lambda: compare.comparing.image is not None)
    settle(window)
    assert window.session.view.compared_by == "picture"
    image = Scene(Latent(((ImageFile(str(path), digest(path)), 1.0),)))
    assert np.array_equal(pixels(window, "plain"), alone(named(window, "plain"), image))
    assert "No encoder" in tile(window, "styles").message()
    assert "RMS" in tile(window, "plain").accessibleName()
    assert compare.pairing.second() == ORIGINAL
    original = compare.comparing.original(named(window, "plain"))
    assert original is not None
    assert np.array_equal(original[..., 0].ravel(), np.arange(256))


def test_a_sample_picture_is_there_at_once_and_undo_does_not_know(window: Program) -> None:
    before = window.session.history
    window.press(Qt.Key.Key_D)
    window.wait(lambda: workspace(window).comparing.image is not None)
    settle(window)
    assert workspace(window).comparing.sample == 0
    assert window.session.history is before


def test_a_picture_that_cannot_be_read_is_told(window: Program, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    workspace(window).take_file(path)
    window.wait(lambda: workspace(window).comparing.image_problem != "")
    assert "broken.png" in workspace(window).note.text()


def test_a_model_dropped_on_the_workspace_is_opened_beside(window: Program, tmp_path: Path) -> None:
    path, compare = save_model(tmp_path / "fourth.safetensors", make_vae(channels=3, name="fourth")), workspace(window)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place, copy = QPoint(50, 12), Qt.DropAction.CopyAction
    QApplication.sendEvent(compare, QDragEnterEvent(place, copy, data, LEFT, NONE))
    QApplication.sendEvent(compare, QDropEvent(QPointF(place), copy, data, LEFT, NONE))
    window.wait(lambda: "fourth" in names(window))
    assert window.model().facts.name == "plain"


def test_the_workspace_is_usable_in_the_smallest_window(window: Program) -> None:
    window.window.resize(1000, 600)
    compare = workspace(window)
    for mode in ("side", "wipe", "difference"):
        compare.choose_mode(mode)
        settle(window)
        assert compare.width() >= compare.minimumSizeHint().width()
        assert compare.stack.height() > 100
    assert compare.by.button("scene").text() == "Scene"


# --- measuring ---


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Smooth pictures, as many as are needed at least."""
    rng = np.random.default_rng(0)
    ramps = np.linspace(0, 255, 16)[None, :, None] * rng.random((64, 1, 16))
    np.save(tmp_path / "pictures.npy", ramps.astype(np.uint8)[..., None])
    return tmp_path / "pictures.npy"


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare by pixels, whatever is installed."""
    monkeypatch.setattr("explorer.measures.comparing.choose", lambda features: "pixels")
    monkeypatch.setattr("explorer.measures.reference.choose", lambda features: "pixels")


@pytest.mark.slow
def test_measuring_fills_the_table_and_it_can_be_taken_away(
    window: Program, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network(monkeypatch)
    compare = workspace(window)
    compare.measure_desk.measure(dataset, 50)
    assert compare.measures.measure.text() == "Stop"
    window.wait(lambda: not compare.measuring.is_running())
    result, table = compare.measuring.result, compare.measures.table
    assert result is not None
    assert [row.cells[0] for row in result.rows][:3] == ["plain", "prior", "styles"]
    assert table.isVisible()
    assert table.rowCount() == len(result.rows)
    assert not result.rows[-1].digest
    bold = [
        (row, column)
        for row in range(table.rowCount())
        for column in range(table.columnCount())
        if (item := table.item(row, column)) is not None and item.font().bold()
    ]
    assert bold
    assert all(result.rows[row].digest for row, _ in bold)
    head = table.horizontalHeaderItem(0)
    assert head is not None
    assert "better" in head.toolTip()
    for name, text in (("t.csv", result.csv), ("t.md", result.markdown)):
        compare.measure_desk.save(tmp_path / name)
        window.wait_message(name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    compare.measures.copy_table()
    assert QApplication.clipboard().text() == result.markdown
    compare.close_model(named(window, "styles").digest)
    assert "measure again" in compare.measures.words.text()


@pytest.mark.slow
def test_measuring_can_be_stopped_and_the_window_closed_meanwhile(
    window: Program, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network(monkeypatch)
    compare = workspace(window)
    compare.measure_desk.measure(dataset, 50)
    compare.measures.measure.click()
    window.wait(lambda: not compare.measuring.is_running())
    assert compare.measuring.result is None
    compare.measure_desk.measure(dataset, 50)
    window.close()  # returns, and leaves no thread: see conftest


def test_a_dataset_that_is_none_is_told_and_can_be_tried_again(window: Program, tmp_path: Path) -> None:
    compare = workspace(window)
    compare.measure_desk.measure(tmp_path / "nothing", 50)
    window.wait_message("does not exist")
    assert not compare.measuring.is_running()
    assert compare.measures.measure.text() == "Measure…"


def test_the_dialog_asks_for_a_dataset_and_samples(window: Program, dataset: Path) -> None:
    compare = workspace(window)
    asked: list[tuple[Path, int]] = []
    compare.measuring.start = lambda models, path, samples, device: asked.append((path, samples))  # type: ignore[method-assign]
    window.press(Qt.Key.Key_E)
    dialog = compare.measure_desk.dialog
    assert dialog is not None
    assert dialog.isVisible()
    assert "Fashion-MNIST" in dialog.dataset.currentText()
    dialog.choose(dataset)
    dialog.samples.setValue(75)
    dialog.measure.click()
    assert asked == [(dataset, 75)]
    window.wait(lambda: compare.measure_desk.dialog is None)


def test_a_model_that_failed_says_why_and_the_best_are_marked() -> None:
    from explorer.measures import Circumstances, Comparison, ModelMeasures

    rows = (
        ModelMeasures("one", "VAE", frechet=3.0, precision=0.5),
        ModelMeasures("two", "GAN", frechet=2.0, precision=0.4),
        ModelMeasures("three", failure="three is damaged."),
        ModelMeasures("real pictures", frechet=0.1, precision=0.9, is_real=True),
    )
    where = Circumstances("here", "cpu", "toys", 100, 50, 0, "pixels", "1")
    made = tabulated(Comparison(rows, where), ["a", "b", "c"])
    marked = [[made.columns[i].title for i, best in enumerate(row.best) if best] for row in made.rows]
    assert [any("FD" in title for title in each) for each in marked] == [False, True, False, False]
    assert [any("Precision" in title for title in each) for each in marked] == [True, False, False, False]
    assert made.rows[2].failure == "three is damaged."
    assert [row.digest for row in made.rows] == ["a", "b", "c", ""]
    assert "here" in made.told
    assert cast(str, made.csv).count("\n") >= 5


def test_the_models_compared_come_back_with_the_session(
    window: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = save_model(tmp_path / "other.safetensors", make_prior_vae(name="Other"))
    window.actions.open_compared(other)
    window.wait(lambda: any(each.path == other for each in window.session.compared))
    played = window.model().path
    beside = {each.path for each in window.session.compared}
    window.actions.save_session(tmp_path / "kept.json")
    window.wait_message("kept.json is written")
    window.close()
    with running(qtbot, tmp_path / "next", monkeypatch) as program:
        program.actions.open(tmp_path / "kept.json")
        program.wait(lambda: {each.path for each in program.session.compared} == beside)
        assert program.model().path == played
