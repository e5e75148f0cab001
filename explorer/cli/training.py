"""``train``: a checkpoint out of a dataset, in steps that can be interrupted and resumed."""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from explorer.cli.telling import PROGRAM, DeviceOption, progress_bar, tell
from explorer.errors import DatasetError
from explorer.scene import Latent, Scene, Seed, to_json

if TYPE_CHECKING:
    from explorer.datasets import Dataset
    from explorer.imaging import Pixels, Preparation
    from explorer.training import Report, Settings, VAERecipe

__all__ = ["train_vae"]

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


def train_vae(
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder, IDX, .npy or .npz file, or list.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The checkpoint, a .safetensors file.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same command was interrupted.")] = False,
    images: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Pictures to see in all; 20 times the dataset if not given.")
    ] = None,
    size: Annotated[int | None, typer.Option(metavar="PIXELS", help="16, 32, 64, 128 or 256; by the pictures.")] = None,
    channels: Annotated[int | None, typer.Option(metavar="1|3", help="Grey or colour; by the pictures.")] = None,
    latent: Annotated[int, typer.Option(metavar="N", min=1, help="Dimensions of the latent space.")] = 32,
    width: Annotated[int, typer.Option(metavar="N", min=8, help="Channels of the widest layer of pixels.")] = 40,
    couplings: Annotated[int, typer.Option(metavar="N", min=0, help="Layers of the learned prior; 0: none.")] = 8,
    beta: Annotated[float, typer.Option(metavar="B", min=0.0, help="Weight of the KL term; 1 is the ELBO.")] = 1.0,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures per step.")] = 64,
    learning_rate: Annotated[float, typer.Option(metavar="R", min=1e-8, max=1.0, help="Length of the steps.")] = 1e-3,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=(1 << 63) - 1, help="Decides all that is random.")] = 0,
    precision: Annotated[Precision, typer.Option(help="How exactly to compute.")] = Precision.auto,
    held_out: Annotated[
        float, typer.Option(metavar="SHARE", min=0.001, max=0.9, help="Share of the pictures kept back to measure on.")
    ] = 0.1,
    test: Annotated[Path | None, typer.Option(metavar="DATASET", help="Pictures to measure on instead.")] = None,
    background: Annotated[str, typer.Option(metavar="R,G,B", help="What is behind transparent pictures.")] = "0,0,0",
    content: Annotated[
        int, typer.Option(metavar="PIXELS", min=0, help="Resize to this, then pad with the background; 0: no padding.")
    ] = 0,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What to call the model; the name of the file.")] = "",
    data: Annotated[str, typer.Option(metavar="TEXT", help="What it was trained on; the name of the dataset.")] = "",
    licence: Annotated[str, typer.Option(metavar="TEXT", help="On which terms others may use it.")] = "",
    show: Annotated[
        str, typer.Option(metavar="N,N,N,N", help="Seeds on the model's card; the first is where it opens.")
    ] = "",
    half: Annotated[bool, typer.Option("--half", help="Store the weights in 16 bits.")] = False,
    threads: Annotated[int, typer.Option(metavar="N", min=0, help="Processor threads; 0: as many as useful.")] = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train a variational autoencoder. Ctrl-C stops and keeps everything; --resume goes on."""
    if output.suffix.lower() != ".safetensors":
        raise typer.BadParameter(f"{output} should end in .safetensors.", param_hint="--output")
    colour = _colour(background)
    import torch

    from explorer.datasets import load_all, open_dataset, split
    from explorer.generators import pick_device
    from explorer.imaging import Preparation
    from explorer.nets.vae import VAEShape
    from explorer.training import Settings, VAERecipe

    chosen_device = str(pick_device(device))
    if threads:
        torch.set_num_threads(threads)
    pictures = open_dataset(dataset)
    if len(pictures) < FEWEST:
        raise DatasetError(f"{dataset} holds {len(pictures)} pictures; training needs at least {FEWEST}.")
    found_size, found_channels = _look_at(pictures)
    side = size or next((known for known in SIZES if known >= (content or found_size)), SIZES[-1])
    if content > side:
        raise typer.BadParameter(f"It should be at most the size, {side}.", param_hint="--content")
    preparation = Preparation(content, colour)
    try:
        shape = VAEShape.of(side, channels or found_channels, latent, width, couplings)
    except ValueError as error:
        raise typer.BadParameter(f"This network is impossible: {error}.") from error
    tell(f"Reading {len(pictures):,} pictures at {side} x {side} pixels.")
    seen = load_all(pictures, (shape.channels, side, side), preparation)
    if test is None:
        kept, apart = split(len(pictures), held_out)
        seen, measured = seen[kept], seen[apart]
    else:
        measured = load_all(open_dataset(test), (shape.channels, side, side), preparation)
    about = _about(name or output.stem, preparation, data or pictures.name, licence, context) | _shown(show)
    recipe = VAERecipe(shape, beta, about, seed)
    total = images or EPOCHS * len(seen)
    settings = Settings(output, total, batch, learning_rate, seed, chosen_device, precision.value, half=half)
    _run(recipe, seen, measured, settings, resume, f"{_command(context)} --resume")


def _run(recipe: VAERecipe, images: Pixels, held_out: Pixels, settings: Settings, resume: bool, command: str) -> None:
    """Train until the end or a signal, showing how it goes; a signal leaves everything needed to resume."""
    from explorer.training import train

    reached = 0
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
            if report.measures or time.monotonic() - told_at >= pause:
                progress.console.print(_line(report, speed), markup=False)
                told_at = time.monotonic()
            if received:
                progress.console.print("Stopping, and keeping what is needed to go on.")
                break
        reports.close()  # which writes, while a second signal is still kept waiting
    if received:
        if reached < settings.images:
            tell(f"Stopped after {reached:,} of {settings.images:,} pictures. Go on with:\n  {command}")
        raise typer.Exit(128 + received[0])
    tell(f"{settings.out} is written.")


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
    """The side in pixels of the largest square in some of the pictures, and the channels they need."""
    side, channels = 1, 1
    step = max(len(dataset) // LOOKED_AT, 1)
    for index in range(0, len(dataset), step):
        picture = dataset.picture(index)
        side = max(side, min(picture.size))
        channels = max(channels, 1 if picture.mode == "L" else 3)
    return side, channels


def _about(name: str, preparation: Preparation, data: str, licence: str, context: typer.Context) -> dict[str, Any]:
    """What the checkpoint says of itself."""
    told = {"name": name, "preparation": preparation.to_json(), "data": data}
    return told | ({"licence": licence} if licence else {}) | {"training": {"command": _command(context)}}


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
