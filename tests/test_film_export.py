"""Promises about films on disk: made again exactly, killed at any moment, asked for in a dialog."""

from __future__ import annotations

import random
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest
from hands import LEFT, Program, seed_scene
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from explorer.animation import Film, Output, frame_count, through
from explorer.animation.hashes import first_difference, frame_hash, read_hashes
from explorer.cli import main
from explorer.errors import SceneError
from explorer.export import export_film
from explorer.files import digest
from explorer.generators import open_generator
from explorer.recipe import Recipe, recipe_of
from explorer.saved import SavedSession
from explorer.ui.film_dialog import FilmDialog

KEYFRAMES = tuple(seed_scene(number) for number in range(3))
FILM = through(KEYFRAMES, Film(frames_per_second=10, loop=True), 0.4, "linear")

KILLED = """
import sys
import numpy as np
from pathlib import Path
from explorer.animation import write_film
random = np.random.default_rng(0)
print("ready", flush=True)
for name in sys.argv[1:]:
    frames = (random.integers(0, 256, (96, 96, 3)).astype(np.uint8) for _ in range(200))
    write_film(Path(name), frames, 30, {"seed": 1})
"""


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def session_file(folder: Path, checkpoint: Path, film: Film) -> Path:
    saved = SavedSession(str(checkpoint), digest(checkpoint), film=film, output=Output(size=0))
    path = folder / "session.json"
    path.write_text(saved.to_text(), "utf-8")
    return path


# Made again


def test_a_film_made_again_from_itself_has_the_same_frames(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    session, hashes = session_file(tmp_path, checkpoints[0], replace(FILM, path="spline")), tmp_path / "frames.txt"
    assert run("animate", session, "-o", tmp_path / "a.mp4", "--hashes", hashes) == 0
    assert len(read_hashes(hashes)) == frame_count(FILM)
    assert run("animate", tmp_path / "a.mp4", "-o", tmp_path / "b.webm", "--check", hashes) == 0
    assert run("animate", tmp_path / "b.webm", "-o", tmp_path / "c.mp4", "--check", hashes) == 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "c.mp4").read_bytes()


def test_another_film_is_told_by_its_first_frame_that_differs(
    checkpoints: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session, hashes = session_file(tmp_path, checkpoints[0], FILM), tmp_path / "frames.txt"
    run("animate", session, "-o", tmp_path / "a.gif", "--hashes", hashes)
    capsys.readouterr()
    assert run("animate", session, "--easing", "hold", "-o", tmp_path / "b.gif", "--check", hashes) == 1
    assert "Frame 2 differs" in capsys.readouterr().err


def test_lists_of_hashes_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("abc\n")
    for name in ("list.txt", "missing.txt"):
        with pytest.raises(SceneError, match=name):
            read_hashes(tmp_path / name)
    assert first_difference(("a", "b"), ("a", "b")) == ""
    assert "Frame 2 is missing" in first_difference(("a", "b"), ("a",))


def test_the_recipe_of_a_film_says_how_it_was_written(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    generator, output = open_generator(checkpoints[0], "cpu"), Output(64, "smooth", 50, "h265", region=True)
    film = replace(FILM, region=(0.2, 0.8))
    recipe = Recipe(str(checkpoints[0]), digest(checkpoints[0]), generator.name, film=film, output=output)
    seen: list[str] = []
    frames = export_film(
        generator, film, tmp_path / "a.mp4", recipe, output, seen=lambda pixels: seen.append(frame_hash(pixels))
    )
    assert frames == len(seen) == 6
    read = recipe_of(tmp_path / "a.mp4")
    assert read is not None
    assert (read.film, read.output) == (film, output)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert [(f.width, f.height) for f in container.decode(video=0)] == [(64, 64)] * 6


# Killed


@pytest.mark.slow
def test_a_killed_export_leaves_a_finished_film_or_none(tmp_path: Path) -> None:
    dice = random.Random(0)
    finished = 0
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        names = [str(folder / f"film{suffix}") for suffix in (".gif", ".mp4", ".webp", "")]
        dice.shuffle(names)
        process = subprocess.Popen([sys.executable, "-c", KILLED, *names], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.uniform(0.0, 1.2))  # the moment is the point of this test
        process.kill()
        process.wait()
        process.stdout.close()
        for name in map(Path, names):
            if name.is_dir():
                assert len(list(name.iterdir())) == 200
            if name.exists():
                assert recipe_of_raw(name) == {"seed": 1}
                finished += 1
    assert finished


def recipe_of_raw(path: Path) -> object:
    from explorer.animation import read_film_recipe

    return read_film_recipe(path)


# Asked for


def test_the_dialog_writes_what_it_says(opened: Program, tmp_path: Path) -> None:
    opened.session.change_film(FILM, "Film")
    opened.press(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    dialog = opened.window.findChild(FilmDialog)
    assert dialog is not None
    dialog.format.setCurrentIndex(dialog.format.findData(".webp"))
    dialog.side.setCurrentIndex(dialog.side.findData(256))
    assert "256 × 256 pixels" in dialog.summary.text()
    assert "12 frames" in dialog.summary.text()
    assert not dialog.codec.isEnabled()
    QTest.mouseClick(dialog.copy, LEFT)
    words = shlex.split(QApplication.clipboard().text())
    assert words[:2] == ["latent-explorer", "animate"]
    assert words[2].endswith(".webp")
    QTest.mouseClick(dialog.export, LEFT)
    chooser = dialog.findChild(QFileDialog)
    assert chooser is not None
    chooser.selectFile(str(tmp_path / "film.webp"))
    chooser.accept()
    opened.wait_message("film.webp is written")
    recipe = recipe_of(tmp_path / "film.webp")
    assert recipe is not None
    assert recipe.output == opened.session.output == Output(size=256)


def test_a_film_without_a_region_offers_none(opened: Program) -> None:
    opened.session.change_film(FILM, "Film")
    opened.window.ask_export_film()
    dialog = opened.window.findChild(FilmDialog)
    assert dialog is not None
    assert not dialog.region.isEnabled()
    dialog.close()
