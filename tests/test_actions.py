"""Promises about keeping and writing from the real window: films, pictures, sessions, the autosave."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hands import LEFT, Program, running, seed_scene
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from explorer.animation import Film, Output, frame_count, through
from explorer.cli import main
from explorer.history import History
from explorer.imaging import read_image
from explorer.loading import load
from explorer.recipe import recipe_of
from explorer.saved import SavedSession, read_session
from explorer.scene import Direction, Latent, Scene, Seed

KEYFRAMES = tuple(seed_scene(number) for number in range(3))
SHORT = through(KEYFRAMES, Film(frames_per_second=10), 0.2)
LONG = through(KEYFRAMES, Film(frames_per_second=60), 60.0)
SMALL = Output(size=32)

AUTOSAVING = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication
from explorer.app import Folders, Instrument
home, checkpoint = Path(sys.argv[1]), sys.argv[2]
app = QApplication(["test"])
settings = QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
instrument = Instrument(settings, Folders(home / "cache", home / "state"), "cpu")
instrument.window.show()
instrument.session.model_changed.connect(lambda: instrument.actions.set_seed(4711))
saved = home / "state" / "autosave.json"
def look():
    if saved.exists() and "4711" in saved.read_text():
        print("saved", flush=True)
        watch.stop()
watch = QTimer()
watch.timeout.connect(look)
watch.start(10)
instrument.start(checkpoint)
app.exec()
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder to write to."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


# --- films ---


def test_k_puts_points_on_the_timeline(opened: Program) -> None:
    opened.press(Qt.Key.Key_K)
    opened.press(Qt.Key.Key_N)
    opened.press(Qt.Key.Key_K)
    assert opened.session.film.scenes == (seed_scene(0), seed_scene(1))
    assert opened.window.timeline.track.isVisible()


def test_a_film_with_too_few_keyframes_gets_a_sentence(opened: Program) -> None:
    opened.press(Qt.Key.Key_K)
    opened.press(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    opened.wait_message("at least two keyframes")


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_an_exported_film_has_every_frame_at_the_size_asked_for(opened: Program, out: Path, suffix: str) -> None:
    opened.session.change_film(SHORT)
    opened.session.set_output(SMALL)
    film = opened.actions.motion.film()
    assert film is not None
    opened.actions.export_film(out / f"film.{suffix}")
    opened.wait_message(f"film.{suffix} is written")
    if suffix == "mp4":
        with av.open(str(out / "film.mp4")) as container:
            sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
        assert sizes == [(32, 32)] * frame_count(film)
    else:
        with Image.open(out / "film.gif") as image:
            assert (image.size, getattr(image, "n_frames", 1)) == ((32, 32), frame_count(film))
    recipe = recipe_of(out / f"film.{suffix}")
    assert recipe is not None
    assert recipe.film == film


def test_a_dropped_film_brings_its_keyframes_back(opened: Program, out: Path) -> None:
    opened.session.change_film(SHORT)
    opened.session.set_output(SMALL)
    opened.actions.export_film(out / "film.gif")
    opened.wait_message("film.gif is written")
    film = opened.actions.motion.film()
    opened.session.change_film(Film())
    opened.drop(out / "film.gif")
    opened.wait(lambda: opened.session.film.scenes == KEYFRAMES)
    opened.rest()
    assert opened.actions.motion.film() == film


def test_a_film_cancelled_in_the_middle_leaves_nothing_and_the_program_goes_on(opened: Program, out: Path) -> None:
    jobs = opened.instrument.workers.jobs
    opened.session.change_film(LONG)
    opened.actions.export_film(out / "film.mp4")
    opened.wait(lambda: any(state.done > 8 for state in jobs.states()))
    opened.wait(lambda: bool(list(out.iterdir())))  # it is being written under a name of its own
    opened.wait(lambda: any(button.isVisible() for button in cancels(opened)))
    QTest.mouseClick(next(button for button in cancels(opened) if button.isVisible()), LEFT)
    opened.wait(lambda: not jobs.states())
    assert list(out.iterdir()) == []
    assert opened.window.messages.text() == ""
    opened.session.change_film(SHORT)
    opened.actions.export_film(out / "film.gif")
    opened.wait_message("film.gif is written")


def test_the_picture_follows_the_hand_while_a_film_is_written(opened: Program, out: Path) -> None:
    jobs = opened.instrument.workers.jobs
    opened.session.change_film(LONG)
    opened.actions.export_film(out / "film.mp4")
    opened.wait(lambda: any(state.done > 0 for state in jobs.states()))
    before = opened.picture().pixels
    opened.drag_slider()
    assert not np.array_equal(opened.pixels(), before)
    assert jobs.states()
    jobs.cancel_all()
    opened.wait(lambda: not jobs.states())


def test_a_film_for_an_unknown_suffix_gets_a_sentence(opened: Program, out: Path) -> None:
    opened.session.change_film(through(KEYFRAMES))
    opened.actions.export_film(out / "film.xyz")
    opened.wait_message("film.xyz")
    assert list(out.iterdir()) == []


def test_the_film_plays_on_the_canvas_and_pauses(opened: Program) -> None:
    opened.session.change_film(through(KEYFRAMES))
    opened.press(Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert opened.actions.motion.playing() == "film"
    opened.wait(lambda: len(opened.session.pictured.latent.sources) == 2)
    opened.press(Qt.Key.Key_Space, Qt.KeyboardModifier.ControlModifier)
    assert opened.actions.motion.playing() == ""
    opened.rest()
    assert opened.actions.motion.film_moment() is not None


def cancels(program: Program) -> list[QPushButton]:
    return [button for button in program.window.status.findChildren(QPushButton) if button.text() == "Cancel"]


# --- pictures ---


def test_an_exported_picture_is_what_the_command_line_renders_bit_for_bit(
    opened: Program, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened.drag_slider()
    opened.actions.export_picture(out / "window.png")
    opened.wait_message("window.png is written")
    opened.actions.save_session(out / "session.json")
    opened.wait_message("session.json is written")
    arguments = [str(opened.model().path), "--scene", str(out / "session.json"), "-o", str(out / "cli.png")]
    assert main(["render", *arguments]) == 0
    capsys.readouterr()
    first, second = (np.asarray(read_image(out / name)) for name in ("window.png", "cli.png"))
    assert np.array_equal(first, second)
    assert np.array_equal(first, opened.pixels()[:, :, 0])


def test_a_picture_that_cannot_be_written_gets_a_sentence(opened: Program, out: Path) -> None:
    (out / "file").write_text("in the way")
    opened.actions.export_picture(out / "file" / "picture.png")
    opened.wait_message("could not be written")


def test_control_c_puts_the_picture_on_the_clipboard(opened: Program) -> None:
    pixels = opened.pixels()
    opened.press(Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    image = QApplication.clipboard().image()
    assert (image.width(), image.height()) == (16, 16)
    assert image.pixelColor(3, 5).red() == pixels[5, 3, 0]


# --- sessions ---


def test_a_saved_session_holds_everything_and_comes_back_the_same(
    opened: Program, checkpoints: tuple[Path, Path], out: Path
) -> None:
    opened.drag_slider()
    opened.press(Qt.Key.Key_F)
    opened.press(Qt.Key.Key_K)
    opened.press(Qt.Key.Key_G)
    opened.session.change_film(SHORT)
    saved, pixels = opened.session.snapshot(), opened.pixels()
    opened.actions.save_session(out / "kept.json")
    opened.wait_message("kept.json is written")
    opened.open(checkpoints[1])
    opened.session.set_favourites(())
    opened.session.change_film(Film())
    opened.press(Qt.Key.Key_P)
    opened.actions.open(out / "kept.json")
    opened.wait(lambda: opened.model().path == checkpoints[0])
    assert np.array_equal(opened.pixels(), pixels)
    assert replace(opened.session.snapshot(), others=()) == saved  # what was done with the other model is kept besides


def test_a_session_of_the_open_model_is_opened_without_loading_it_again(opened: Program, out: Path) -> None:
    opened.actions.save_session(out / "kept.json")
    opened.wait_message("kept.json is written")
    opened.press(Qt.Key.Key_R)
    model = opened.model()
    opened.actions.open(out / "kept.json")
    opened.wait(lambda: opened.session.scene == seed_scene(0))
    opened.rest()
    assert opened.session.model is model


def test_a_session_whose_model_moved_finds_it_by_its_content(
    opened: Program, checkpoints: tuple[Path, Path], out: Path
) -> None:
    opened.press(Qt.Key.Key_R)
    scene = opened.session.scene
    opened.actions.save_session(out / "kept.json")
    opened.wait_message("kept.json is written")
    opened.open(checkpoints[1])
    moved = checkpoints[0].rename(out / "moved.safetensors")
    opened.open(moved)
    opened.open(checkpoints[1])
    opened.actions.open(out / "kept.json")
    opened.wait(lambda: opened.model().path == moved)
    opened.rest()
    assert opened.session.scene == scene


def test_a_session_with_a_scene_that_does_not_fit_the_model_gets_a_sentence(opened: Program, out: Path) -> None:
    scene = Scene(Latent(((Seed(0), 1.0),), ((Direction("decoder", 900), 1.0),)))
    model = opened.model()
    saved = SavedSession(str(model.path), model.digest, scene, History.start(scene))
    (out / "foreign.json").write_text(saved.to_text())
    opened.actions.open(out / "foreign.json")
    opened.wait(lambda: opened.window.messages.text() != "")
    opened.press(Qt.Key.Key_R)
    opened.rest()


@pytest.mark.slow
def test_changes_are_saved_by_themselves_and_the_status_line_says_so(opened: Program) -> None:
    opened.press(Qt.Key.Key_R)
    opened.wait(lambda: "autosaved" in [label.text() for label in opened.window.status.findChildren(QLabel)])
    assert read_session(opened.actions.autosave_path).scene == opened.session.scene


@pytest.mark.slow
def test_after_a_killed_run_the_next_one_opens_where_it_was(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: tuple[Path, Path]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", AUTOSAVING, str(home), str(checkpoints[0])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "saved\n"
        finally:
            process.kill()
    with running(qtbot, home, monkeypatch) as program:
        program.actions.restore(checkpoints[1])
        program.rest()
        assert program.session.scene == seed_scene(4711)
        assert program.model().path == checkpoints[0]


# --- without a window ---


def test_loading_tells_a_model_a_session_and_a_picture_apart(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    def report(done: float, total: float, note: str = "") -> None: ...

    Image.new("L", (16, 16), 90).save(tmp_path / "grey.png")
    model = load(checkpoints[0], "cpu", None, (), report).model
    assert model is not None
    (tmp_path / "kept").write_text(SavedSession(str(model.path), model.digest).to_text())
    found = load(tmp_path / "kept", "cpu", model, (), report)
    assert (found.model, found.session is not None) == (model, True)
    assert load(tmp_path / "grey.png", "cpu", None, (), report).image is not None
