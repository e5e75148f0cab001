"""``train autoencoder``: the autoencoder that latent diffusion and flow matching work in."""

from __future__ import annotations

from dataclasses import replace

import typer

from explorer.cli.denoisers import SAVE_SECONDS, FolderOption, check_folder
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
    Precision,
    PrecisionOption,
    RateOption,
    ResumeOption,
    SeedOption,
    SizeOption,
    TestOption,
    ThreadsOption,
    about,
    read_material,
    run,
    run_settings,
)

__all__ = ["train_autoencoder"]


def train_autoencoder(
    context: typer.Context,
    dataset: DatasetArgument,
    output: FolderOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    batch: BatchOption = 64,
    learning_rate: RateOption = 2e-3,
    seed: SeedOption = 0,
    precision: PrecisionOption = Precision.auto,
    held_out: HeldOutOption = 0.1,
    test: TestOption = None,
    background: BackgroundOption = "0,0,0",
    content: ContentOption = 0,
    name: NameOption = "",
    data: DataOption = "",
    licence: LicenceOption = "",
    half: HalfOption = False,
    threads: ThreadsOption = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train an autoencoder for latent diffusion. Ctrl-C stops and keeps everything; --resume goes on."""
    check_folder(output, resume)
    from explorer.training import AutoencoderRecipe

    material = read_material(dataset, test, held_out, size, channels, content, background)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.name, material, data, licence, "", context)
    recipe = AutoencoderRecipe(material.image_shape, about=told, seed=seed)
    run(recipe, material, replace(settings, save_seconds=SAVE_SECONDS), resume, context)
