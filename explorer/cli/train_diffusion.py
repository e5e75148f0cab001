"""``train diffusion``, ``latent-diffusion`` and ``flow-matching``: models that learn to remove noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

import typer

from explorer.cli.denoisers import (
    SAVE_SECONDS,
    AutoencoderOption,
    ClassesOption,
    ClassNamesOption,
    FolderOption,
    GuidanceOption,
    StepsOption,
    WidthsOption,
    check_folder,
    train_autoencoder_first,
    train_denoiser,
)
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
    ShowOption,
    SizeOption,
    TestOption,
    ThreadsOption,
    about,
    read_material,
    run_settings,
)

__all__ = ["train_diffusion", "train_flow_matching", "train_latent_diffusion"]

AUTOENCODER_IMAGES: Final = 96_000


def train_latent_diffusion(
    context: typer.Context,
    dataset: DatasetArgument,
    output: FolderOption,
    resume: ResumeOption = False,
    autoencoder: AutoencoderOption = None,
    autoencoder_images: Annotated[
        int, typer.Option(metavar="N", min=1, help="Pictures the autoencoder sees, where none is given.")
    ] = AUTOENCODER_IMAGES,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    widths: WidthsOption = "",
    classes: ClassesOption = True,
    class_names: ClassNamesOption = "",
    steps: StepsOption = 25,
    guidance: GuidanceOption = 2.0,
    batch: BatchOption = 128,
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
    show: ShowOption = "",
    half: HalfOption = False,
    threads: ThreadsOption = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train a diffusion model in a latent space. Ctrl-C stops and keeps everything; --resume goes on.

    Without --autoencoder, one is trained first, into a folder beside that stays.
    """
    check_folder(output, resume)
    from explorer.training.state import state_path

    material = read_material(dataset, test, held_out, size, channels, content, background)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    settings = replace(settings, save_seconds=SAVE_SECONDS)
    told = about(name or output.name, material, data, licence, show, context)
    if autoencoder is None:
        autoencoder = train_autoencoder_first(material, settings, told, autoencoder_images, resume, context)
        resume = resume and state_path(output).exists()  # the first phase may be all there was
    train_denoiser(
        material,
        settings,
        told,
        autoencoder,
        "diffusion",
        widths,
        classes,
        class_names,
        steps,
        guidance,
        resume,
        context,
    )


def train_diffusion(
    context: typer.Context,
    dataset: DatasetArgument,
    output: FolderOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    widths: WidthsOption = "",
    classes: ClassesOption = True,
    class_names: ClassNamesOption = "",
    steps: StepsOption = 25,
    guidance: GuidanceOption = 2.0,
    batch: BatchOption = 64,
    learning_rate: RateOption = 1e-3,
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
    """Train a diffusion model on pixels. Ctrl-C stops and keeps everything; --resume goes on."""
    check_folder(output, resume)
    material = read_material(dataset, test, held_out, size, channels, content, background)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    settings = replace(settings, save_seconds=2 * SAVE_SECONDS)
    told = about(name or output.name, material, data, licence, show, context)
    train_denoiser(
        material, settings, told, None, "diffusion", widths, classes, class_names, steps, guidance, resume, context
    )


def train_flow_matching(
    context: typer.Context,
    dataset: DatasetArgument,
    output: FolderOption,
    resume: ResumeOption = False,
    autoencoder: AutoencoderOption = None,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    widths: WidthsOption = "",
    classes: ClassesOption = True,
    class_names: ClassNamesOption = "",
    steps: StepsOption = 25,
    guidance: GuidanceOption = 2.0,
    batch: BatchOption = 128,
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
    show: ShowOption = "",
    half: HalfOption = False,
    threads: ThreadsOption = 0,
    device: DeviceOption = "auto",
) -> None:
    """Train a flow from noise to pictures, or to latents. Ctrl-C stops and keeps everything; --resume goes on."""
    check_folder(output, resume)
    material = read_material(dataset, test, held_out, size, channels, content, background)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    settings = replace(settings, save_seconds=SAVE_SECONDS if autoencoder else 2 * SAVE_SECONDS)
    told = about(name or output.name, material, data, licence, show, context)
    train_denoiser(
        material, settings, told, autoencoder, "flow", widths, classes, class_names, steps, guidance, resume, context
    )
