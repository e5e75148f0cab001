"""What the ``train`` commands share: options, reading the dataset, and a run that can be interrupted and resumed."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from explorer.cli.telling import PROGRAM, progress_bar, tell
from explorer.errors import DatasetError, ImageError
from explorer.scene import Latent, Scene, Seed, to_json
from explorer.training_run import REPORTS, STOP

if TYPE_CHECKING:
    from explorer.datasets import Dataset, LabelArray
    from explorer.imaging import Pixels, Preparation
    from explorer.training import Recipe, Report, Settings

__all__ = [
    "BackgroundOption",
    "BatchOption",
    "ChannelsOption",
    "ContentOption",
    "DataOption",
    "DatasetArgument",
    "HalfOption",
    "HeldOutOption",
    "ImagesOption",
    "LicenceOption",
    "Material",
    "NameOption",
    "OutputOption",
    "Precision",
    "PrecisionOption",
    "RateOption",
    "ResumeOption",
    "SeedOption",
    "ShowOption",
    "SizeOption",
    "TestOption",
    "ThreadsOption",
    "about",
    "check_output",
    "read_material",
    "refuse_replacing",
    "run",
    "run_settings",
]

SIZES: Final = (16, 32, 64, 128, 256)
EPOCHS: Final = 20
LOOKED_AT: Final = 16  # pictures that decide size and channels
PAUSE_BESIDE_A_BAR: Final = 60.0  # seconds between two lines of numbers where a bar shows the progress
PAUSE_IN_A_LOG: Final = 30.0  # and where there is none
FEWEST: Final = 3  # pictures: two to train on, since one alone has no covariance, and one held out


class Precision(StrEnum):
    """How exactly to compute."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


# What every recipe is told the same way.
DatasetArgument = Annotated[Path, typer.Argument(metavar="DATASET", help="A folder, IDX, .npy or .npz file, or list.")]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="OUT", help="The checkpoint, a .safetensors file.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where the same command was interrupted.")]
ImagesOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Pictures to see in all; 20 times the dataset if not given.")
]
SizeOption = Annotated[int | None, typer.Option(metavar="PIXELS", help="16, 32, 64, 128 or 256; by the pictures.")]
ChannelsOption = Annotated[int | None, typer.Option(metavar="1|3", help="Grey or colour; by the pictures.")]
BatchOption = Annotated[int, typer.Option(metavar="N", min=1, help="Pictures per step.")]
RateOption = Annotated[float, typer.Option(metavar="R", min=1e-8, max=1.0, help="Length of the steps.")]
SeedOption = Annotated[int, typer.Option(metavar="N", min=0, max=(1 << 63) - 1, help="Decides all that is random.")]
PrecisionOption = Annotated[Precision, typer.Option(help="How exactly to compute.")]
HeldOutOption = Annotated[
    float, typer.Option(metavar="SHARE", min=0.001, max=0.9, help="Share of the pictures kept back to measure on.")
]
TestOption = Annotated[Path | None, typer.Option(metavar="DATASET", help="Pictures to measure on instead.")]
BackgroundOption = Annotated[str, typer.Option(metavar="R,G,B", help="What is behind transparent pictures.")]
ContentOption = Annotated[
    int, typer.Option(metavar="PIXELS", min=0, help="Resize to this, then pad with the background; 0: no padding.")
]
NameOption = Annotated[str, typer.Option(metavar="TEXT", help="What to call the model; the name of the file.")]
DataOption = Annotated[str, typer.Option(metavar="TEXT", help="What it was trained on; the name of the dataset.")]
LicenceOption = Annotated[str, typer.Option(metavar="TEXT", help="On which terms others may use it.")]
ShowOption = Annotated[
    str, typer.Option(metavar="N,N,N,N", help="Seeds on the model's card; the first is where it opens.")
]
HalfOption = Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits.")]
ThreadsOption = Annotated[int, typer.Option(metavar="N", min=0, help="Processor threads; 0: as many as useful.")]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a model is trained on: pictures (n, h, w, c), their labels (n,) or None, and others to measure on."""

    images: Pixels
    labels: LabelArray | None
    label_names: tuple[str, ...]
    held_out: Pixels
    image_shape: tuple[int, int, int]
    preparation: Preparation
    data: str


def read_material(
    dataset: Path,
    test: Path | None,
    held_out: float,
    size: int | None,
    channels: int | None,
    content: int,
    background: str,
    check: Callable[[int, int], object] = lambda size, channels: None,
) -> Material:
    """Read a dataset at the size and in the colours asked for, or in those that suit it.

    ``check`` may refuse a size and number of channels with ValueError, before anything is read.
    """
    import numpy as np

    from explorer.datasets import Unreadable, load_all, open_dataset, split
    from explorer.imaging import Preparation

    colour = _colour(background)
    pictures = open_dataset(dataset)
    if len(pictures) < FEWEST:
        raise DatasetError(f"{dataset} holds {len(pictures)} pictures; training needs at least {FEWEST}.")
    found_size, found_channels = _look_at(pictures)
    side = size or next((known for known in SIZES if known >= (content or found_size)), SIZES[-1])
    if content > side:
        raise typer.BadParameter(f"It should be at most the size, {side}.", param_hint="--content")
    try:
        check(side, channels or found_channels)
    except ValueError as error:
        raise typer.BadParameter(f"This network is impossible: {error}.") from error
    preparation, image_shape = Preparation(content, colour), (channels or found_channels, side, side)
    tell(f"Reading {len(pictures):,} pictures at {side} x {side} pixels.")
    left_out: list[Unreadable] = []
    seen, labels = load_all(pictures, image_shape, preparation, unreadable=left_out), pictures.labels
    if left_out:
        tell(f"{len(left_out):,} of {len(pictures):,} pictures cannot be read, for example: {left_out[0].reason}")
        labels = None if labels is None else np.delete(labels, [each.index for each in left_out])
    if len(seen) < FEWEST:
        raise DatasetError(f"{dataset} holds {len(seen)} pictures that can be read; training needs at least {FEWEST}.")
    if test is None:
        kept, apart = split(len(seen), held_out)
        seen, measured, labels = seen[kept], seen[apart], None if labels is None else labels[kept]
    else:
        measured = load_all(open_dataset(test), image_shape, preparation)
    return Material(seen, labels, pictures.label_names, measured, image_shape, preparation, pictures.name)


def run_settings(
    output: Path,
    material: Material,
    images: int | None,
    batch: int,
    learning_rate: float,
    seed: int,
    device: str,
    precision: Precision,
    half: bool,
    threads: int,
) -> Settings:
    """The settings of a run, of 20 epochs if nothing else is said; sets the processor threads."""
    import torch

    from explorer.generators import pick_device
    from explorer.training import Settings

    if threads:
        torch.set_num_threads(threads)
    total = images or EPOCHS * len(material.images)
    chosen = str(pick_device(device))
    return Settings(output, total, batch, learning_rate, seed, chosen, precision.value, half=half)


def check_output(output: Path, resume: bool) -> None:
    """A checkpoint is a .safetensors file, and nobody's earlier one."""
    if output.suffix.lower() != ".safetensors":
        raise typer.BadParameter(f"{output} should end in .safetensors.", param_hint="--output")
    refuse_replacing(output, resume)


def refuse_replacing(output: Path, resume: bool) -> None:
    """A new run replaces neither a model nor what an interrupted one needs to go on."""
    if resume:
        return
    from explorer.training.state import state_path

    if state_path(output).exists():
        raise typer.BadParameter(
            f"A training of {output.name} was interrupted: --resume goes on with it. To start anew, delete "
            f"{state_path(output).name} and {output.name}.",
            param_hint="--output",
        )
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise typer.BadParameter(
            f"{output.name} is there already, and a training would replace it. Choose another name.",
            param_hint="--output",
        )


def run(recipe: Recipe, material: Material, settings: Settings, resume: bool, context: typer.Context) -> None:
    """Train until the end or a signal, showing how it goes; a signal leaves everything needed to resume."""
    from explorer.training import train

    reached, command = 0, f"{_command(context)} --resume"
    images, held_out = material.images, material.held_out
    columns = ("{task.percentage:.0f}%", "{task.fields[speed]}", "{task.fields[loss]}")  # fit 80 characters
    reports = train(recipe, images, held_out, settings, resume)
    with (
        contextlib.closing(reports),
        _signals_kept() as received,
        progress_bar(*columns) as progress,
    ):
        tell(f"Training on {len(images):,} pictures, measuring on {len(held_out):,} others.")
        task = progress.add_task("Training", total=settings.images, speed="", loss="")
        pause = PAUSE_BESIDE_A_BAR if progress.console.is_terminal else PAUSE_IN_A_LOG
        told_at = time.monotonic()
        for report in reports:
            reached = report.images
            speed, loss = f"{report.images_per_second:,.0f}/s", f"loss {report.losses['loss']:.4g}"
            progress.update(task, completed=reached, speed=speed, loss=loss)
            _report_to_program(report)
            if report.measures or time.monotonic() - told_at >= pause:
                progress.console.print(_line(report, speed), markup=False)
                told_at = time.monotonic()
            if received or _is_told_to_stop():
                received = received or [signal.SIGTERM]
                progress.console.print("Stopping, and keeping what is needed to go on.")
                break
        reports.close()  # which writes, while a second signal is still kept waiting
    if received:
        if reached < settings.images:
            tell(f"Stopped after {reached:,} of {settings.images:,} pictures. Go on with:\n  {command}")
        raise typer.Exit(128 + received[0])
    tell(f"{settings.out} is written.")


def _report_to_program(report: Report) -> None:
    """Tell a program that asked for it how it goes, as one line of JSON on stdout."""
    if os.environ.get(REPORTS) == "json":
        known = {"images": report.images, "total": report.total, "images_per_second": report.images_per_second}
        print(json.dumps(known | {"losses": report.losses, "measures": report.measures}), flush=True)


def _is_told_to_stop() -> bool:
    """Whether a program that cannot send signals wants this to stop."""
    path = os.environ.get(STOP)
    return bool(path) and os.path.exists(path or "")


@contextlib.contextmanager
def _signals_kept() -> Iterator[list[int]]:
    """The numbers of the signals to stop that arrive meanwhile; a step of training is never cut in two.

    The third is obeyed at once. Without effect outside the main thread.
    """
    received: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 2:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, keep) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _look_at(dataset: Dataset) -> tuple[int, int]:
    """The side in pixels of the largest square in some of the pictures, and the channels they need.

    Pictures that cannot be read say nothing.
    """
    side, channels = 1, 1
    step = max(len(dataset) // LOOKED_AT, 1)
    for index in range(0, len(dataset), step):
        try:
            picture = dataset.picture(index)
        except ImageError:
            continue
        side = max(side, min(picture.size))
        channels = max(channels, 1 if picture.mode == "L" else 3)
    return side, channels


def about(name: str, material: Material, data: str, licence: str, show: str, context: typer.Context) -> dict[str, Any]:
    """What the checkpoint says of itself."""
    told = {"name": name, "preparation": material.preparation.to_json(), "data": data or material.data}
    told |= {"licence": licence} if licence else {}
    return told | {"training": {"command": _command(context)}} | _shown(show)


def _shown(show: str) -> dict[str, Any]:
    """The seeds a checkpoint suggests to look at first."""
    if not show:
        return {}
    try:
        seeds = [int(part) for part in show.split(",")]
    except ValueError:
        seeds = [-1]
    if min(seeds) < 0:
        raise typer.BadParameter("It should be seeds, as in 3,14,15,92.", param_hint="--show")
    return {"samples": seeds, "start": to_json(Scene(Latent(((Seed(seeds[0]), 1.0),))))}


def _command(context: typer.Context) -> str:
    """The command line that makes this checkpoint from the start."""
    arguments: Sequence[str] = context.obj if isinstance(context.obj, tuple) else sys.argv[1:]
    return shlex.join([PROGRAM, *(argument for argument in arguments if argument != "--resume")])


def _line(report: Report, speed: str) -> str:
    """One line that is still worth reading in a log."""
    left = timedelta(seconds=round(report.seconds_left))
    told = "; ".join(_numbers(numbers) for numbers in (report.losses, report.measures) if numbers)
    return f"{report.images:,} of {report.total:,} ({speed}, {left} left): {told}"


def _numbers(values: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())


def _colour(text: str) -> tuple[int, int, int]:
    """ "42,48,64" as three numbers from 0 to 255."""
    try:
        red, green, blue = (int(part) for part in text.split(","))
    except ValueError:
        red, green, blue = -1, 0, 0
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise typer.BadParameter("It should be three numbers from 0 to 255, as in 42,48,64.", param_hint="--background")
    return red, green, blue
