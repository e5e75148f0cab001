"""Promises about looking at the scene in the real window: grids, dropped files, visited points and favourites."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import make_vae, save_model, toy_pictures
from hands import CONTROL, LEFT, NONE, Program, seed_scene
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from explorer.live import plane
from explorer.scene import Codes, Direction, ImageFile, Latent, Scene, Seed, StyleRow, Styles
from explorer.ui.controls import Bars, ThumbnailStrip
from explorer.ui.explore import is_edited


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A grey picture file of the size of the model."""
    path = tmp_path / "bar.png"
    Image.fromarray(toy_pictures(3)[2, :, :, 0]).save(path)
    return path


def show_grid(program: Program) -> list[np.ndarray]:
    """Choose the grid; the grids shown from then on."""
    shown: list[np.ndarray] = []
    program.live.grid_shown.connect(shown.append)
    program.press(Qt.Key.Key_G)
    program.wait(lambda: bool(shown))
    program.rest()
    return shown


def strip(program: Program) -> ThumbnailStrip:
    found = program.window.explore.visited.findChild(ThumbnailStrip)
    assert isinstance(found, ThumbnailStrip)
    return found


def numbers(program: Program) -> list[str]:
    """What the Posterior panel reads in sight."""
    panel = program.window.panels.panel("Posterior")
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible() and "nats" in label.text()]


# --- the grid ---


def test_the_grid_has_the_scene_in_its_middle_bit_for_bit(opened: Program) -> None:
    pixels = opened.pixels()
    grids = show_grid(opened)
    assert grids[-1].shape == (7, 7, 16, 16, 1)
    assert np.array_equal(grids[-1][3, 3], pixels)


@pytest.mark.parametrize("cell", [(0, 0), (1, 5), (6, 3)])
def test_clicking_a_cell_moves_there_and_its_picture_becomes_the_middle(opened: Program, cell: tuple[int, int]) -> None:
    grids = show_grid(opened)
    clicked, count = grids[-1][cell], len(grids)
    place = opened.canvas.screen_rect(7 * cell[0] + cell[1]).center().toPoint()
    QTest.mouseClick(opened.canvas, LEFT, NONE, place)
    opened.wait(lambda: len(grids) > count)
    opened.rest()
    assert np.array_equal(grids[-1][3, 3], clicked)
    opened.press(Qt.Key.Key_P)
    opened.rest()
    assert np.array_equal(opened.pixels(), clicked)
    assert len(opened.session.history.entries) == 2


def test_clicking_the_middle_of_the_grid_stays_where_it_is(opened: Program) -> None:
    show_grid(opened)
    QTest.mouseClick(opened.canvas, LEFT, NONE, opened.canvas.screen_rect(24).center().toPoint())
    assert opened.session.scene == seed_scene(0)
    assert len(opened.session.history.entries) == 1


def test_the_grid_follows_the_hand(opened: Program) -> None:
    grids = show_grid(opened)
    before = grids[-1]
    opened.drag_slider()
    opened.rest()
    assert not np.array_equal(grids[-1], before)
    scenes = plane(opened.session.scene, opened.session.view.across, opened.session.view.up, 2.0, 7)
    assert scenes[24] == opened.session.scene


def test_the_pixel_under_the_mouse_is_read_out(opened: Program) -> None:
    pixels, rect = opened.pixels(), opened.canvas.screen_rect()
    scale = rect.width() / 16
    place = QPoint(round(rect.x() + 4.5 * scale), round(rect.y() + 9.5 * scale))
    QTest.mouseMove(opened.canvas, place)
    words = f"x 4  y 9  {pixels[9, 4, 0]}"
    opened.wait(lambda: words in [label.text() for label in opened.window.status.findChildren(QLabel)])


def test_smooth_and_sharp_pixels_look_different_and_s_changes_between_them(opened: Program) -> None:
    before = opened.shot()
    opened.press(Qt.Key.Key_S)
    assert opened.shot() != before
    opened.press(Qt.Key.Key_S)
    assert opened.shot() == before


def test_fit_and_true_size_are_a_key_away(opened: Program) -> None:
    opened.press(Qt.Key.Key_1)
    assert opened.canvas.scale() == pytest.approx(1.0)
    opened.press(Qt.Key.Key_0)
    assert opened.canvas.is_fitting()


# --- dropping ---


def test_a_dropped_picture_is_encoded_and_shown_beside_its_reconstruction(opened: Program, photo: Path) -> None:
    single = opened.shot()
    assert opened.drop(photo)
    opened.wait(lambda: opened.session.view.mode == "beside")
    opened.wait(lambda: len(numbers(opened)) >= 2)
    opened.rest()
    source = opened.session.scene.latent.sources[0][0]
    assert isinstance(source, ImageFile)
    assert source.path == str(photo)
    left, right = opened.canvas.screen_rect(0), opened.canvas.screen_rect(1)
    assert left.right() < right.left()
    shot = opened.shot()
    assert shot != single
    middle = left.center().toPoint()
    bar = int(left.y() + left.height() * 8 / 16)  # the bright bar of this picture is in rows 6 to 9
    assert shot.pixelColor(middle.x(), bar).red() == pytest.approx(220, abs=8)
    assert shot.pixelColor(middle.x(), int(left.y() + left.height() / 16)).red() == pytest.approx(20, abs=8)


def test_the_posterior_panel_tells_the_kl_of_a_dropped_picture(opened: Program, photo: Path) -> None:
    panel = opened.window.panels.panel("Posterior")
    assert "on the training data" in " ".join(label.text() for label in panel.findChildren(QLabel))
    opened.drop(photo)
    opened.wait(lambda: "for this picture" in " ".join(label.text() for label in panel.findChildren(QLabel)))
    bars = panel.findChild(Bars)
    assert bars is not None
    assert bars.isVisible()
    opened.press(Qt.Key.Key_R)
    opened.wait(lambda: "on the training data" in " ".join(label.text() for label in panel.findChildren(QLabel)))


def test_moving_an_encoded_picture_keeps_the_original_beside_it(opened: Program, photo: Path) -> None:
    opened.drop(photo)
    opened.wait(lambda: opened.session.view.mode == "beside" and opened.canvas.screen_rect(0).left() < 100)
    before = opened.shot()
    opened.drag_slider()
    after = opened.shot()
    left = opened.canvas.screen_rect(0).toRect()
    assert after != before
    assert after.copy(left) == before.copy(left)


def test_undo_takes_a_dropped_picture_back(opened: Program, photo: Path) -> None:
    pixels = opened.pixels()
    opened.drop(photo)
    opened.wait(lambda: opened.session.view.mode == "beside")
    opened.rest()
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert np.array_equal(opened.pixels(), pixels)


def test_a_picture_dropped_before_a_model_is_open_gets_a_sentence(program: Program, photo: Path) -> None:
    program.drop(photo)
    program.wait_message("Open a model first")


def test_a_dropped_export_brings_scene_and_pixels_back_bit_for_bit(opened: Program, tmp_path: Path) -> None:
    opened.drag_slider()
    scene, pixels = opened.session.scene, opened.pixels()
    opened.actions.export_picture(tmp_path / "made.png")
    opened.wait_message("made.png is written")
    opened.press(Qt.Key.Key_R)
    opened.rest()
    opened.drop(tmp_path / "made.png")
    opened.wait(lambda: opened.session.scene == scene)
    assert np.array_equal(opened.pixels(), pixels)


def test_a_dropped_export_of_another_model_opens_that_model(
    opened: Program, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    opened.drag_slider()
    scene, pixels = opened.session.scene, opened.pixels()
    opened.actions.export_picture(tmp_path / "made.png")
    opened.wait_message("made.png is written")
    opened.open(checkpoints[1])
    opened.drop(tmp_path / "made.png")
    opened.wait(lambda: opened.model().path == checkpoints[0] and opened.session.scene == scene)
    assert np.array_equal(opened.pixels(), pixels)


def test_a_dropped_session_becomes_the_session(opened: Program, checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    opened.drag_slider()
    opened.press(Qt.Key.Key_K)
    scene, history = opened.session.scene, opened.session.history
    opened.actions.save_session(tmp_path / "kept.json")
    opened.wait_message("kept.json is written")
    opened.open(checkpoints[1])
    opened.press(Qt.Key.Key_R)
    opened.drop(tmp_path / "kept.json")
    opened.wait(lambda: opened.model().path == checkpoints[0])
    opened.rest()
    assert opened.session.scene == scene
    assert opened.session.history == history
    assert opened.session.film.scenes == (scene,)


def test_a_dropped_model_is_opened(opened: Program, checkpoints: tuple[Path, Path]) -> None:
    assert opened.drop(checkpoints[1])
    opened.wait(lambda: opened.model().path == checkpoints[1])
    opened.rest()


@pytest.mark.parametrize("content", [b"", b"rubbish\n" * 40, b"{}", b"\x89PNG\r\n\x1a\nnothing", b"\0" * 200])
def test_dropped_rubbish_gets_a_sentence_and_changes_nothing(opened: Program, tmp_path: Path, content: bytes) -> None:
    rubbish = tmp_path / "rubbish.bin"
    rubbish.write_bytes(content)
    pixels = opened.pixels()
    opened.drop(rubbish)
    opened.wait_message("rubbish.bin")
    assert "\n" not in opened.window.messages.text()
    assert np.array_equal(opened.pixels(), pixels)


def test_a_dropped_folder_gets_a_sentence(opened: Program, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    opened.drop(folder)
    opened.wait_message("pictures")


def test_a_picture_that_changed_since_it_was_dropped_is_not_quietly_another(opened: Program, photo: Path) -> None:
    opened.drop(photo)
    opened.wait(lambda: opened.session.view.mode == "beside")
    opened.rest()
    scene = opened.session.scene
    opened.press(Qt.Key.Key_R)
    opened.rest()
    Image.fromarray(toy_pictures(5)[4, :, :, 0]).save(photo)
    opened.drop(photo)
    opened.wait(lambda: isinstance(opened.session.scene.latent.sources[0][0], ImageFile))
    opened.rest()
    assert opened.session.scene != scene


# --- visited points and favourites ---


def test_clicking_a_thumbnail_goes_back_to_that_point(opened: Program) -> None:
    pixels = opened.pixels()
    opened.press(Qt.Key.Key_N)
    opened.press(Qt.Key.Key_N)
    opened.rest()
    first = opened.session.history.entries[0]
    QTest.mouseClick(strip(opened).viewport(), LEFT, NONE, strip(opened).itemRect(first.key).center())
    assert opened.session.scene == first.scene
    assert np.array_equal(opened.pixels(), pixels)
    assert len(opened.session.history.entries) == 3  # nothing is lost by going back


def test_the_border_marks_the_point_one_is_at(opened: Program) -> None:
    opened.press(Qt.Key.Key_N)
    assert strip(opened).current() == opened.session.history.current
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert strip(opened).current() == 0


def test_f_keeps_a_favourite_and_lets_it_go(opened: Program) -> None:
    opened.press(Qt.Key.Key_F)
    assert [favourite.scene for favourite in opened.session.favourites] == [seed_scene(0)]
    opened.press(Qt.Key.Key_F)
    assert opened.session.favourites == ()


def test_the_favourites_of_the_open_model_are_listed_and_lead_back(
    opened: Program, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    opened.press(Qt.Key.Key_N)
    opened.press(Qt.Key.Key_F)
    kept = opened.session.scene
    opened.press(Qt.Key.Key_N)
    star = opened.window.explore.visited.findChild(QPushButton)
    assert star is not None
    QTest.mouseClick(star, LEFT)
    assert len(strip(opened).keys()) == 1
    QTest.mouseClick(strip(opened).viewport(), LEFT, NONE, strip(opened).itemRect(strip(opened).keys()[0]).center())
    assert opened.session.scene == kept
    opened.open(save_model(tmp_path / "other.safetensors", make_vae(name="Other")))
    assert strip(opened).keys() == ()


def test_a_visited_point_becomes_a_keyframe(opened: Program) -> None:
    opened.press(Qt.Key.Key_N)
    opened.window.explore.visited.add_keyframe(0)
    assert opened.session.film.scenes == (seed_scene(0),)


@pytest.mark.slow
def test_hundreds_of_visited_points_keep_the_window_usable(opened: Program) -> None:
    for number in range(1, 300):
        opened.session.change(Scene(replace(seed_scene(number).latent)), f"Seed {number}")
    opened.rest()
    assert len(strip(opened).keys()) == 300
    pixels = opened.pixels()
    opened.press(Qt.Key.Key_Z, CONTROL)
    assert not np.array_equal(opened.pixels(), pixels)


def test_what_is_mixed_painted_or_moved_is_no_plain_reconstruction() -> None:
    photo = Latent(((ImageFile("/bar.png"), 1.0),))
    assert not is_edited(Scene(photo))
    assert not is_edited(Scene(photo, Styles((StyleRow(Latent()),))))  # a row that feeds nothing
    for edited in (
        Scene(replace(photo, truncation=0.5)),
        Scene(replace(photo, moves=((Direction("axis", 0), 1.0),))),
        Scene(replace(photo, sources=(*photo.sources, (Seed(1), 1.0)))),
        Scene(photo, Styles((StyleRow(Latent(), ((0, 1.0),)),))),
        Scene(photo, codes=Codes(((0, 0, 0, 1),))),
    ):
        assert is_edited(edited)


def test_a_seed_after_a_picture_is_drawn_as_the_model_is_first_seen(opened: Program, photo: Path) -> None:
    opened.actions.change_latent(replace(opened.session.scene.latent, truncation=0.4), "Pull")
    opened.drop(photo)
    opened.wait(lambda: isinstance(opened.session.scene.latent.sources[0][0], ImageFile))
    opened.press(Qt.Key.Key_R)
    assert opened.session.scene.latent.truncation == 1.0
    assert isinstance(opened.session.scene.latent.sources[0][0], Seed)
