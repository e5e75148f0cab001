"""``train dcgan`` and ``train wgan-gp``: the same generator out of a dataset, by one game or the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from explorer.cli.telling import DeviceOption
from explorer.cli.training import (
    BackgroundOption,
    BatchOption,
    ChannelsOption,
    ContentOption,
    DataOption,
    DatasetArgument,
    HalfOption,
    HeldOutOption,
    ImagesOption,
    LicenceOption,
    NameOption,
    OutputOption,
    Precision,
    PrecisionOption,
    RateOption,
    ResumeOption,
    SeedOption,
    ShowOption,
    TestOption,
    ThreadsOption,
    about,
    check_output,
    read_material,
    run,
    run_settings,
)

if TYPE_CHECKING:
    from explorer.training.dcgan import Game

__all__ = ["train_dcgan", "train_wgan_gp"]

AVERAGE_STEPS: Final = 300  # after so many of the generator's steps the moving average has half forgotten

SideOption = Annotated[int | None, typer.Option("--size", metavar="PIXELS", help="16, 32, 64 or 128; by the pictures.")]
LatentOption = Annotated[int, typer.Option(metavar="N", min=1, max=4096, help="Dimensions of the latent space.")]
WidthOption = Annotated[int, typer.Option(metavar="N", min=1, help="Channels of the layer before the picture.")]


def train_dcgan(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SideOption = None,
    channels: ChannelsOption = None,
    latent: LatentOption = 100,
    width: WidthOption = 64,
    batch: BatchOption = 64,
    learning_rate: RateOption = 2e-4,
    seed: SeedOption = 0,
    precision: PrecisionOption = Precision.auto,
    held_out: HeldOutOption = 0.1,
    test: TestOption = None,
    background: BackgroundOption = "0,0,0",
    content: ContentOption = 0,
    name: NameOption = "",
    data: DataOption = "",
    licence: LicenceOption = "",
    show: ShowOption = "",
    half: HalfOption = False,
    threads: ThreadsOption = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train a DCGAN with the loss of the first GANs. Ctrl-C stops and keeps everything; --resume goes on."""
    from explorer.training.dcgan import NON_SATURATING

    _train(
        context, NON_SATURATING, dataset, output, resume, images, size, channels, latent, width, batch, learning_rate,
        seed, precision, held_out, test, background, content, name, data, licence, show, half, threads, device,
    )  # fmt: skip


def train_wgan_gp(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SideOption = None,
    channels: ChannelsOption = None,
    latent: LatentOption = 100,
    width: WidthOption = 64,
    penalty: Annotated[float, typer.Option(metavar="W", min=0.0, help="Weight of the gradient penalty.")] = 10.0,
    critic_steps: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Steps of the critic for each of the generator.")
    ] = 5,
    batch: BatchOption = 64,
    learning_rate: RateOption = 1e-4,
    seed: SeedOption = 0,
    precision: PrecisionOption = Precision.auto,
    held_out: HeldOutOption = 0.1,
    test: TestOption = None,
    background: BackgroundOption = "0,0,0",
    content: ContentOption = 0,
    name: NameOption = "",
    data: DataOption = "",
    licence: LicenceOption = "",
    show: ShowOption = "",
    half: HalfOption = False,
    threads: ThreadsOption = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train a Wasserstein GAN with gradient penalty. Ctrl-C stops and keeps everything; --resume goes on."""
    from explorer.training.dcgan import WASSERSTEIN

    game = replace(WASSERSTEIN, penalty=penalty, critic_steps=critic_steps)
    _train(
        context, game, dataset, output, resume, images, size, channels, latent, width, batch, learning_rate,
        seed, precision, held_out, test, background, content, name, data, licence, show, half, threads, device,
    )  # fmt: skip


def _train(
    context: typer.Context,
    game: Game,
    dataset: Path,
    output: Path,
    resume: bool,
    images: int | None,
    size: int | None,
    channels: int | None,
    latent: int,
    width: int,
    batch: int,
    learning_rate: float,
    seed: int,
    precision: Precision,
    held_out: float,
    test: Path | None,
    background: str,
    content: int,
    name: str,
    data: str,
    licence: str,
    show: str,
    half: bool,
    threads: int,
    device: str,
) -> None:
    check_output(output, resume)
    from explorer.nets.dcgan import DCGANShape
    from explorer.training.dcgan import DCGANRecipe

    def shape(side: int, colours: int) -> DCGANShape:
        return DCGANShape.of(side, colours, latent, width)

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    settings = replace(settings, average=0.5 ** (1 / (AVERAGE_STEPS * game.critic_steps)))
    told = about(name or output.stem, material, data, licence, show, context)
    recipe = DCGANRecipe(shape(material.image_shape[1], material.image_shape[0]), game, told, seed)
    run(recipe, material, settings, resume, context)
