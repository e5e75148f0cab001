"""A training as a program of its own, which the window starts, listens to, stops and resumes.

The program is the ``train`` command of the command line: what the window trains can be trained there, with the same
result. It appends a line of JSON about every second to a log beside the checkpoint, where the curve of the losses
stays, also for a run that is resumed. Neither torch nor Qt is needed here.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from explorer.errors import ExportError, TrainingError

__all__ = ["REPORTS", "STOP", "TrainingProgress", "TrainingRun", "history", "log_path", "read_run"]

Report = Callable[..., object]

REPORTS: Final = "LATENT_EXPLORER_REPORTS"  # in the environment, "json": how the training goes, to stdout
STOP: Final = "LATENT_EXPLORER_STOP"  # in the environment: a path; the training stops once there is a file
LOOK: Final = 0.05  # seconds between two looks at the log
PATIENCE: Final = 60.0  # seconds in which a run that should stop may finish its step and save
LONGEST_REASON: Final = 600  # letters
STOPPED: Final = (130, 143, -2, -15)  # exit codes of programs that obeyed a signal
FRAME: Final = " \t\u2500\u2502\u256d\u256e\u2570\u256f"  # that the command line draws around what is wrong with it


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training is: pictures seen of all it will see, mean losses since the last report, and measures on
    pictures kept back, whenever they are new. With new measures there is a new picture of samples."""

    images: int
    total: int
    images_per_second: float
    losses: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float:
        return (self.total - self.images) / max(self.images_per_second, 1e-9)


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What to train: ``latent-explorer train FAMILY DATASET -o OUT`` and its options, by name without ``--``.

    An option that is True is a switch; one that is None or False is left out.
    """

    dataset: Path
    out: Path
    family: str = "vae"
    options: Mapping[str, Any] = field(default_factory=dict)
    program: tuple[str, ...] = ()  # what understands ``train``; this one if empty

    @property
    def samples(self) -> Path:
        """Where the picture is that shows how the model looks; there once something has been measured."""
        return self.out.with_suffix(".samples.png")

    @property
    def can_resume(self) -> bool:
        """Whether an interrupted run left what is needed to go on."""
        return self.out.with_suffix(".training.safetensors").is_file()  # as in explorer.training.state

    def command(self, resume: bool = False) -> list[str]:
        """The command line."""
        words = [*(self.program or _program()), "train", self.family, str(self.dataset), "--output", str(self.out)]
        for name, value in self.options.items():
            if value is True:
                words.append(f"--{name}")
            elif value is not None and value is not False:
                words += [f"--{name}", str(value)]
        return [*words, "--resume"] if resume else words

    def run(self, report: Report, on_event: Callable[[TrainingProgress], object], resume: bool = False) -> Path:
        """Train to the end and give the checkpoint; on a worker thread, which this keeps until then.

        ``report(done, total, note)`` is called about twenty times a second; when it raises, the training finishes its
        step, saves what is needed to resume, and the same is raised here. ``on_event`` is called on this thread.

        Raises:
            TrainingError: a model is there already, or the training failed; then the message is what it said itself.
            ExportError: the log cannot be written.
        """
        log = log_path(self.out)
        if not resume and (self.out.exists() or self.can_resume):
            raise TrainingError(
                f"{self.out.name} is there already, and a training would replace it.",
                "Choose another name, or go on with the training that was stopped.",
            )
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab" if resume else "wb") as lines:
                if not resume:
                    lines.write(json.dumps(_told(self)).encode() + b"\n")
            with tempfile.TemporaryDirectory(prefix="latent-explorer-") as folder, log.open("ab") as lines:
                return self._train(Path(folder), lines, report, on_event, resume)
        except OSError as error:
            raise ExportError(
                f"{self.out} cannot be trained here: {error.strerror or error}.", "Choose another folder."
            ) from error

    def _train(
        self,
        folder: Path,
        lines: IO[bytes],
        report: Report,
        on_event: Callable[[TrainingProgress], object],
        resume: bool,
    ) -> Path:
        stop, words = folder / "stop", folder / "words.txt"
        environment = {**os.environ, REPORTS: "json", STOP: str(stop), "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        with words.open("wb") as said, log_path(self.out).open("rb") as log:
            log.seek(0, os.SEEK_END)
            program = subprocess.Popen(
                self.command(resume), stdin=subprocess.DEVNULL, stdout=lines, stderr=said, env=environment,
                creationflags=flags,
            )  # fmt: skip
            try:
                _listen(program, log, report, on_event)
            finally:
                _end(program, stop)
        if program.returncode:
            raise TrainingError(_reason(words, program.returncode))
        return self.out


def log_path(out: Path) -> Path:
    """Where the log of the training of a checkpoint is."""
    return out.with_suffix(".training.jsonl")


def history(out: Path) -> tuple[TrainingProgress, ...]:
    """What the log says of a training, from its beginning; steps that were lost and taken again count once."""
    steps: list[TrainingProgress] = []
    for line in _log_lines(out):
        step = _parsed(line)
        if step is not None:
            while steps and steps[-1].images >= step.images:
                steps.pop()
            steps.append(step)
    return tuple(steps)


def read_run(out: Path) -> TrainingRun | None:
    """The run that a log belongs to, so that it can be resumed another day; None where there is no such log."""
    try:
        told = json.loads(_log_lines(out)[0])
        return TrainingRun(Path(told["dataset"]), out, str(told["family"]), dict(told["options"]))
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _listen(
    program: subprocess.Popen[bytes], log: IO[bytes], report: Report, on_event: Callable[[TrainingProgress], object]
) -> None:
    """Pass on what the program says until it has ended."""
    latest, rest, note = None, b"", "starting"
    while True:
        has_ended = program.poll() is not None  # before reading, so that the last lines are read
        *whole, rest = (rest + log.read()).split(b"\n")
        for line in whole:
            step = _parsed(line)
            if step is not None:
                latest, note = step, _pace(step)
                on_event(step)
        report(latest.images if latest else 0, latest.total if latest else 0, note)
        if has_ended:
            return
        time.sleep(LOOK)


def _end(program: subprocess.Popen[bytes], stop: Path) -> None:
    """Have the program save and end, if it has not, and wait for that; one that does not is ended in the end."""
    if program.poll() is None:
        if os.name == "nt":  # where a program without a console cannot send anything like it
            with contextlib.suppress(OSError):
                stop.touch()
        else:
            program.terminate()
        try:
            program.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
    program.wait()


def _program() -> Sequence[str]:
    """This program, as words of a command line."""
    return (sys.executable,) if getattr(sys, "frozen", False) else (sys.executable, "-m", "explorer")


def _told(run: TrainingRun) -> dict[str, Any]:
    options = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in run.options.items()
        if value is not None
    }
    return {"dataset": str(run.dataset), "family": run.family, "options": options}


def _log_lines(out: Path) -> list[bytes]:
    try:
        return log_path(out).read_bytes().split(b"\n")
    except OSError:
        return []


def _parsed(line: bytes) -> TrainingProgress | None:
    """What a line of the log says; None for another line, or half of one."""
    try:
        told = json.loads(line)
        return TrainingProgress(
            int(told["images"]),
            int(told["total"]),
            float(told["images_per_second"]),
            {str(name): float(value) for name, value in told["losses"].items()},
            {str(name): float(value) for name, value in told["measures"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _pace(step: TrainingProgress) -> str:
    """How fast it goes and how long it will take, in words."""
    left = round(step.seconds_left)
    words = (
        f"{left} s"
        if left < 60
        else f"{left // 60} min"
        if left < 3600
        else f"{left // 3600} h {left % 3600 // 60} min"
    )
    return f"{step.images_per_second:,.0f} pictures/s, {words} left"


def _reason(words: Path, code: int) -> str:
    """What a program that failed said last."""
    if code in STOPPED:
        return "The training was stopped from outside."
    lines = [line.strip(FRAME) for line in words.read_text("utf-8", "replace").splitlines()]
    told = [line for line in lines if line]
    heads = [place for place, line in enumerate(told) if line == "Error"]  # of a frame around a sentence
    sentence = " ".join(told[heads[-1] + 1 :] if heads else told[-1:])
    return sentence[:LONGEST_REASON] or f"The training ended without a word, with exit code {code}."
