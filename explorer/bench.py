"""How fast the program is on this machine, measured on the real window and told as ratios within one run.

Everything here drives the program as a person would: mouse events on a slider, files opened while a film is written.
Quote the ratios; absolute times belong to the machine they were measured on.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QPoint, QSettings, Qt, QTimer, Slot
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from explorer.actions import bundled_checkpoints
from explorer.animation import through
from explorer.app import SWITCH_SECONDS, Folders, Instrument
from explorer.files import resources_folder
from explorer.runs import StepPictures
from explorer.scene import Latent, Scene, Seed
from explorer.ui.panels.directions import DirectionsPanel

__all__ = ["TARGETS", "run_bench"]

# The goals, as (name, is at least / at most, value); the names are keys of the report.
TARGETS: tuple[tuple[str, str, float], ...] = (
    ("drag_frames_per_bare_forward", "at least", 0.95),
    ("encode_per_bare_encoder", "at least", 0.9),
    ("reference_per_synthesis_1", "at least", 1.5),
    ("reference_per_synthesis_8", "at least", 1.5),
    ("synthesis_difference", "at most", 1e-4),
    ("outside_network_share", "at most", 0.05),
    ("resumed_per_share", "at most", 1.1),
    ("live_steps_per_bare_step", "at least", 0.95),
    ("run_per_bare_call", "at least", 0.95),
    ("preview_tax", "at most", 0.05),
    ("branch_per_share", "at most", 1.1),
    ("scrub_p95_ms", "at most", 16.0),
    ("ui_block_p99_ms", "at most", 16.0),
    ("ui_block_max_ms", "at most", 50.0),
    ("window_seconds", "at most", 1.0),
    ("first_picture_seconds", "at most", 4.0),
)

SCREEN_HERTZ = 60.0  # of a network that is faster than the screen nobody sees more
DRAG_SECONDS = 4.0
BARE_SECONDS = 2.0
MOUSE_MILLISECONDS = 8  # 125 times a second, as most mice
BATCH = 64
HEART_MILLISECONDS = 2
LOOK_MILLISECONDS = 10
BUSY_SECONDS = 8.0
STYLE_ROUNDS = 2
RUN_ROUNDS = 8
SCRUBS = 200
LARGE = 256  # pixels; a model as large as people's own, with random weights, on which the network sets the pace


def run_bench(checkpoints: list[Path]) -> dict[str, Any]:
    """Measure start-up, dragging, encoding and responsiveness; the bundled checkpoints where none are given.

    The result is plain JSON: ``machine``, ``startup``, ``models`` (one object each), ``styles``, ``responsiveness`` and
    ``goals``, where each goal says its target, what was measured and whether it was met.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    chosen = checkpoints or list(bundled_checkpoints())
    sys.setswitchinterval(SWITCH_SECONDS)
    app = QApplication.instance() or QApplication(["latent-explorer"])
    assert isinstance(app, QApplication)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        startup = _measure_startup(folder, chosen[0])
        large = _write_large_model(folder)
        driver = _Driver(app, folder)
        try:
            models = [_measure_model(driver, path) for path in (*chosen, large)]
            responsiveness = _measure_responsiveness(driver, chosen, folder)
        finally:
            driver.close()
    from explorer.bare import style_rates  # imports torch

    report: dict[str, Any] = {
        "machine": _machine(),
        "startup": startup,
        "models": models,
        "styles": style_rates(LARGE, STYLE_ROUNDS),
        "responsiveness": responsiveness,
    }
    report["goals"] = _goals(report)
    return report


class _Driver:
    """The real window and the hands that use it."""

    def __init__(self, app: QApplication, folder: Path) -> None:
        settings = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        self.app = app
        self.instrument = Instrument(settings, Folders(folder / "cache", folder / "state"))
        self.instrument.window.show()

    def spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let the program run for so long, or until something is true."""
        loop, end, look = QEventLoop(), time.perf_counter() + seconds, QTimer()

        def check() -> None:
            if time.perf_counter() >= end or until():
                loop.quit()

        look.timeout.connect(check)
        look.start(LOOK_MILLISECONDS)
        if not until():
            loop.exec()  # waits without holding the interpreter, as the program does
        look.stop()

    def open(self, path: Path) -> None:
        """Open a model and wait until its picture is there and nothing goes on."""
        session, workers = self.instrument.session, self.instrument.workers
        self.instrument.actions.open(path)
        self.spin(60, lambda: not workers.loader.states())
        assert session.model is not None and session.model.path == path.absolute(), f"{path} did not open"
        self.spin(120, lambda: self.instrument.live.is_idle() and not workers.background.states())

    def close(self) -> None:
        self.instrument.window.close()
        self.instrument.close()
        self.instrument.window.deleteLater()
        self.spin(0.05)


class _Drag(QObject):
    """Drags the first slider of the Directions panel back and forth with real mouse events."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        panel = instrument.window.panels.panel(DirectionsPanel.title)
        assert isinstance(panel, DirectionsPanel)
        self._target = panel.sliders().viewport()
        row = panel.sliders().rowRect(panel.sliders().shownRows()[0])
        self._left, self._right, self._y = row.left() + row.width() // 2, row.right() - 70, row.center().y()
        self._step = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(MOUSE_MILLISECONDS)
        self._timer.timeout.connect(self.move)

    def begin(self) -> None:
        QTest.mousePress(self._target, Qt.MouseButton.LeftButton, pos=QPoint(self._left, self._y))
        self._timer.start()

    def end(self) -> None:
        self._timer.stop()
        QTest.mouseRelease(self._target, Qt.MouseButton.LeftButton, pos=QPoint(self._left, self._y))

    @Slot()
    def move(self) -> None:
        self._step += 1
        span = self._right - self._left
        place = abs(self._step % (2 * span) - span)
        QTest.mouseMove(self._target, QPoint(self._left + place, self._y))


@dataclass
class _Heart:
    """Beats on the main thread; a beat that comes late tells for how long the thread was busy."""

    late: list[float] = field(default_factory=list)  # milliseconds
    last: float = 0.0

    def beat(self) -> None:
        now = time.perf_counter()
        if self.last:
            self.late.append(max((now - self.last) * 1e3 - HEART_MILLISECONDS, 0.0))
        self.last = now


def _measure_model(driver: _Driver, path: Path) -> dict[str, Any]:
    instrument = driver.instrument
    driver.open(path)
    model = instrument.session.model
    assert model is not None
    painted = 0

    def count() -> None:
        nonlocal painted
        painted += 1

    from explorer.bare import dataset_rate, decode_rate, encode_rate  # import torch
    from explorer.datasets import open_dataset

    if model.facts.denoising is not None:
        return _measure_denoising(driver, path)
    before = decode_rate(model.generator, BARE_SECONDS)
    instrument.window.explore.canvas.painted.connect(count)
    drag = _Drag(instrument)
    drag.begin()
    driver.spin(0.3)
    painted, started = 0, time.perf_counter()
    driver.spin(DRAG_SECONDS)
    rate = painted / (time.perf_counter() - started)
    latency = instrument.live.latency()
    drag.end()
    instrument.window.explore.canvas.painted.disconnect(count)
    driver.spin(10, instrument.live.is_idle)
    bare = (before + decode_rate(model.generator, BARE_SECONDS)) / 2
    report = {
        "checkpoint": path.name,
        "image_shape": list(model.facts.image_shape),
        "device": model.facts.device,
        "bare_forwards_per_second": bare,
        "drag_frames_per_second": rate,
        "drag_frames_per_bare_forward": rate / bare,
        "drag_frames_per_possible_frame": rate / min(bare, SCREEN_HERTZ),
        "input_to_pixels_ms": {"p50": latency[1] * 1e3, "p95": latency[2] * 1e3} if latency else None,
    }
    if "encodes" in model.facts.capabilities:
        dataset = open_dataset(resources_folder() / "fashion-mnist-test" / "t10k-images-idx3-ubyte.gz")
        alone = encode_rate(model.generator, BATCH, BARE_SECONDS)
        report["encode_per_bare_encoder"] = dataset_rate(model.generator, dataset, BATCH, BARE_SECONDS) / alone
    return report


def _measure_denoising(driver: _Driver, path: Path) -> dict[str, Any]:
    """A diffusion model in the Denoise workspace: how fast its runs are there, and how long a scrub takes to paint."""
    from explorer.bare import denoising_rates  # imports torch

    instrument = driver.instrument
    model, window, live = instrument.session.model, instrument.window, instrument.live
    assert model is not None
    rates = denoising_rates(model.generator, RUN_ROUNDS)
    window.choose_workspace(1)
    driver.spin(10, live.is_idle)
    finished: list[float] = []

    def note(step: StepPictures) -> None:
        if step.index == step.total - 1 and not step.is_complete:
            finished.append(time.perf_counter())

    live.step_shown.connect(note)
    seconds = []
    for number in range(RUN_ROUNDS):
        finished.clear()
        started = time.perf_counter()
        instrument.actions.set_seed(1_000_000 + number)
        driver.spin(60, lambda: bool(finished))
        seconds.append(finished[0] - started)
    live.step_shown.disconnect(note)
    driver.spin(10, live.is_idle)
    playback, canvas, taken = window.desk.playback, window.denoise.canvas, []
    for number in range(SCRUBS):
        started = time.perf_counter()
        playback.go_to(number % playback.run.total)
        canvas.repaint()
        window.denoise.track.repaint()
        taken.append((time.perf_counter() - started) * 1e3)
    window.choose_workspace(0)
    after = denoising_rates(model.generator, RUN_ROUNDS)
    bare = (rates["bare_steps_per_second"] + after["bare_steps_per_second"]) / 2
    live_rate = playback.run.total / statistics.median(seconds)
    return {
        "checkpoint": path.name,
        "image_shape": list(model.facts.image_shape),
        "device": model.facts.device,
        "steps": playback.run.total,
        "live_steps_per_second": live_rate,
        "live_steps_per_bare_step": live_rate / bare,
        **rates,
        "scrub_p95_ms": float(np.percentile(taken, 95)),
    }


def _measure_responsiveness(driver: _Driver, checkpoints: list[Path], folder: Path) -> dict[str, Any]:
    """How long the main thread is away while models load, a slider is dragged and a film is written, all at once."""
    instrument, heart = driver.instrument, _Heart()
    driver.open(checkpoints[0])
    instrument.session.change_film(through(tuple(_seed_scene(number) for number in range(6)), seconds=20.0))
    timer = QTimer(instrument)
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(HEART_MILLISECONDS)
    timer.timeout.connect(heart.beat)
    instrument.actions.export_film(folder / "bench.mp4")
    drag = _Drag(instrument)
    timer.start()
    drag.begin()
    end, loads = time.perf_counter() + BUSY_SECONDS, 0
    while time.perf_counter() < end:
        if not instrument.workers.loader.states():
            instrument.workers.loader.start("Open", _loading(checkpoints[loads % len(checkpoints)]))
            loads += 1
        driver.spin(0.1)
    drag.end()
    timer.stop()
    timer.deleteLater()
    instrument.workers.jobs.cancel_all()
    driver.spin(10, lambda: not instrument.workers.jobs.states() and not instrument.workers.loader.states())
    late = np.array(heart.late)
    return {
        "while": f"{loads} models loaded, a slider dragged and a film written at once, for {BUSY_SECONDS:g} s",
        "beats": len(late),
        "ui_block_p50_ms": float(np.percentile(late, 50)),
        "ui_block_p99_ms": float(np.percentile(late, 99)),
        "ui_block_max_ms": float(late.max()),
    }


def _loading(path: Path) -> Callable[[Any], object]:
    from explorer.loading import load_model

    return lambda report: load_model(path, "auto", report)


def _seed_scene(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


def _measure_startup(folder: Path, checkpoint: Path) -> dict[str, Any]:
    """Seconds from starting a fresh Python to the window and to the first picture; the median of three warm starts."""
    runs = []
    for index in range(4):
        started = time.time()
        command = [sys.executable, "-m", "explorer.bench", str(folder / f"start-{index}"), str(checkpoint)]
        finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        moments = json.loads(finished.stdout.splitlines()[-1])
        runs.append([moment - started for moment in moments])
    warm = runs[1:]
    return {
        "window_seconds": statistics.median(run[0] for run in warm),
        "first_picture_seconds": statistics.median(run[1] for run in warm),
    }


def _start_once(folder: Path, checkpoint: str) -> None:
    """Start the program in this process and print when the window was there and when the first picture was."""
    sys.setswitchinterval(SWITCH_SECONDS)
    app = QApplication(["latent-explorer"])
    instrument = Instrument(
        QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat), Folders(folder, folder)
    )
    moments: list[float] = []

    def note() -> None:
        moments.append(time.time())
        app.quit()

    instrument.window.show()
    app.processEvents()
    moments.append(time.time())
    instrument.window.explore.canvas.painted.connect(note)
    QTimer.singleShot(0, instrument, lambda: instrument.start(checkpoint))
    app.exec()
    instrument.window.close()
    sys.stdout.write(json.dumps(moments[:2]) + "\n")


def _write_large_model(folder: Path) -> Path:
    from explorer.formats import write_native
    from explorer.nets.vae import VAEShape
    from explorer.training import VAERecipe

    recipe = VAERecipe(VAEShape.of(LARGE, 3, 64, 32), about={"name": f"random-{LARGE}"})
    config, weights = recipe.finish(recipe.net, np.zeros((2, LARGE, LARGE, 3), np.uint8))
    path = folder / f"random-{LARGE}.safetensors"
    write_native(path, config, weights)
    return path


def _goals(report: dict[str, Any]) -> list[dict[str, Any]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for part in ("startup", "styles", "responsiveness"):
        for name, value in report[part].items():
            found.setdefault(name, []).append(("", value))
    for model in report["models"]:
        for name, value in model.items():
            found.setdefault(name, []).append((model["checkpoint"], value))
    goals = []
    for name, sense, target in TARGETS:
        for where, value in found.get(name, []):
            met = value >= target if sense == "at least" else value <= target
            goals.append({"goal": name, "model": where, "target": f"{sense} {target:g}", "measured": value, "met": met})
    return goals


def _machine() -> dict[str, Any]:
    from explorer.bare import torch_facts  # imports torch

    known = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    return known | torch_facts()


if __name__ == "__main__":
    _start_once(Path(sys.argv[1]), sys.argv[2])
