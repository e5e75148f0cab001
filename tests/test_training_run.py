"""Training as a program of its own: what it tells, how it stops, how it goes on."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.cli.training import read_material
from explorer.errors import TrainingError
from explorer.training_run import TrainingProgress, TrainingRun, history, log_path, read_run

# A program that "trains" as the real one does: tells its steps, and stops by a signal or a file.
FAKE = """
import json, os, signal, sys, time
from pathlib import Path
out, start, total = Path(sys.argv[sys.argv.index("--output") + 1]), 0, int(os.environ["FAKE_TOTAL"])
state, got = out.with_suffix(".training.safetensors"), []
signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
if "--resume" in sys.argv:
    start = int(state.read_text())
for step in range(start + 1, total + 1):
    told = {"images": step, "total": total, "images_per_second": 2.0, "losses": {"loss": 1 / step}, "measures": {}}
    print(json.dumps(told), flush=True)
    stop = lambda: got or os.path.exists(os.environ["LATENT_EXPLORER_STOP"])
    while os.environ.get("FAKE_WAIT") == str(step) and not stop():
        time.sleep(0.01)
    if stop():
        state.write_text(str(step))
        sys.exit(143)
if os.environ.get("FAKE_FAILURE"):
    print("Reading.", os.environ["FAKE_FAILURE"], sep=os.linesep, file=sys.stderr)
    sys.exit(2)
out.write_text("a model")
state.unlink(missing_ok=True)
"""


class Stopped(Exception):
    """Somebody cancelled."""


def quiet(done: float, total: float, note: str = "") -> None:
    """Hear and say nothing."""


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingRun:
    (tmp_path / "fake.py").write_text(FAKE)
    monkeypatch.setenv("FAKE_TOTAL", "5")
    return TrainingRun(
        tmp_path / "pictures",
        tmp_path / "models" / "new.safetensors",
        options={"size": 32, "half": True, "name": None, "threads": False},
        program=(sys.executable, str(tmp_path / "fake.py")),
    )


def stop_at(training: TrainingRun, images: int, monkeypatch: pytest.MonkeyPatch) -> list[TrainingProgress]:
    """Run until that many pictures are seen, then cancel."""
    seen: list[TrainingProgress] = []

    def report(done: float, total: float, note: str = "") -> None:
        if done >= images:
            raise Stopped

    monkeypatch.setenv("FAKE_WAIT", str(images))
    with pytest.raises(Stopped):
        training.run(report, seen.append)
    monkeypatch.delenv("FAKE_WAIT")
    return seen


def test_the_command_is_that_of_the_command_line(training: TrainingRun) -> None:
    words = training.command(resume=True)[2:]
    assert words == [
        "train", "vae", str(training.dataset), "--output", str(training.out), "--size", "32", "--half", "--resume",
    ]  # fmt: skip
    assert TrainingRun(Path("a"), Path("b")).command()[:4] == [sys.executable, "-m", "explorer", "train"]


def test_every_step_is_told_in_order_with_its_losses_and_the_time_left(training: TrainingRun) -> None:
    seen: list[TrainingProgress] = []
    told: list[tuple[float, float, str]] = []
    out = training.run(lambda done, total, note="": told.append((done, total, note)), seen.append)
    assert out.read_text() == "a model"
    assert [step.images for step in seen] == [1, 2, 3, 4, 5]
    assert [step.losses["loss"] for step in seen] == [1 / n for n in (1, 2, 3, 4, 5)]
    assert [step.seconds_left for step in seen] == [2.0, 1.5, 1.0, 0.5, 0.0]
    assert told[-1] == (5, 5, "2 pictures/s, 0 s left")
    assert history(out) == tuple(seen)
    assert not training.can_resume


def test_cancelling_lets_it_save_and_resuming_goes_on(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not training.can_resume
    assert [step.images for step in stop_at(training, 3, monkeypatch)] == [1, 2, 3]
    assert training.can_resume
    assert not training.out.exists()
    seen: list[TrainingProgress] = []
    training.run(quiet, seen.append, resume=True)
    assert [step.images for step in seen] == [4, 5]
    assert [step.images for step in history(training.out)] == [1, 2, 3, 4, 5]
    assert not training.can_resume


def test_a_run_is_found_again_by_its_log(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(training, 1, monkeypatch)
    found = read_run(training.out)
    assert found is not None
    assert found.command()[3:] == training.command()[2:]
    assert read_run(training.out.with_name("other.safetensors")) is None
    log_path(training.out).write_text("{damaged")
    assert read_run(training.out) is None
    assert history(training.out) == ()


def test_an_earlier_model_is_not_replaced(training: TrainingRun) -> None:
    training.out.parent.mkdir()
    training.out.write_text("precious")
    with pytest.raises(TrainingError, match="there already"):
        training.run(quiet, lambda step: None)
    assert training.out.read_text() == "precious"
    assert not log_path(training.out).exists()


def test_steps_that_were_lost_and_taken_again_count_once(tmp_path: Path) -> None:
    def line(images: int, loss: float) -> str:
        told = {"images": images, "total": 9, "images_per_second": 1, "losses": {"loss": loss}, "measures": {}}
        return json.dumps(told) + "\n"

    out = tmp_path / "a.safetensors"
    log_path(out).write_text(line(1, 9) + line(2, 8) + line(3, 7) + line(2, 6) + line(4, 5) + '{"images": 5, "tot')
    assert [(step.images, step.losses["loss"]) for step in history(out)] == [(1, 9), (2, 6), (4, 5)]


def test_a_failure_is_told_in_its_own_words(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAILURE", "pictures holds no pictures. Choose another folder.")
    with pytest.raises(TrainingError) as caught:
        training.run(quiet, lambda step: None)
    assert caught.value.message == "pictures holds no pictures. Choose another folder."


def test_a_framed_failure_is_told_without_its_frame(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = "Usage: x\n╭─ Error ───╮\n│ Invalid value: It is │\n│ there already.       │\n╰───────────╯"
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setenv("FAKE_FAILURE", frame)
    with pytest.raises(TrainingError) as caught:
        training.run(quiet, lambda step: None)
    assert caught.value.message == "Invalid value: It is there already."


def test_an_error_in_what_listens_ends_the_program_too(training: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_WAIT", "2")

    def fail(step: TrainingProgress) -> None:
        raise ValueError("cannot be shown")

    before = time.monotonic()
    with pytest.raises(ValueError, match="cannot be shown"):
        training.run(quiet, fail)
    assert time.monotonic() - before < 30
    assert training.can_resume


def test_pictures_that_cannot_be_read_are_left_out_of_a_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        path = tmp_path / "set" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), number).save(path)
    (tmp_path / "set" / "a" / "0.png").write_bytes(b"broken")
    material = read_material(tmp_path / "set", None, 0.2, None, None, 0, "0,0,0")
    assert (len(material.images), len(material.held_out), material.image_shape) == (9, 2, (1, 16, 16))
    assert material.labels is not None
    assert np.array_equal(material.labels, material.images[:, 0, 0, 0] % 2)
    assert "1 of 12 pictures cannot be read, for example: 0.png" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_real_training_tells_stops_resumes_and_ends_with_a_model(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 16, 16), np.uint8)
    np.save(tmp_path / "pictures.npy", pixels)
    small = {"latent": 4, "width": 8, "couplings": 0, "batch": 16, "threads": 1, "device": "cpu"}
    long = TrainingRun(tmp_path / "pictures.npy", tmp_path / "a.safetensors", options={**small, "images": 50_000_000})
    seen: list[TrainingProgress] = []

    def report(done: float, total: float, note: str = "") -> None:
        if seen:
            raise Stopped

    with pytest.raises(Stopped):
        long.run(report, seen.append)
    assert long.can_resume
    assert long.samples.is_file()
    assert seen[0].losses["loss"] == seen[0].losses["loss"]
    reached = history(long.out)[-1].images
    rest = TrainingRun(long.dataset, long.out, options={**small, "images": reached + 320})
    assert rest.run(quiet, seen.append, resume=True) == long.out
    assert seen[-1].images == seen[-1].total == reached + 320
    assert seen[-1].measures
    assert not rest.can_resume
    assert os.path.getsize(rest.out) > 1_000
