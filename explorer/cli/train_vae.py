"""``train vae``: a variational autoencoder out of a dataset."""

from __future__ import annotations

from typing import Annotated

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
    SizeOption,
    TestOption,
    ThreadsOption,
    about,
    check_output,
    read_material,
    run,
    run_settings,
)

__all__ = ["train_vae"]


def train_vae(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    latent: Annotated[int, typer.Option(metavar="N", min=1, help="Dimensions of the latent space.")] = 32,
    width: Annotated[int, typer.Option(metavar="N", min=8, help="Channels of the widest layer of pixels.")] = 40,
    couplings: Annotated[int, typer.Option(metavar="N", min=0, help="Layers of the learned prior; 0: none.")] = 8,
    beta: Annotated[float, typer.Option(metavar="B", min=0.0, help="Weight of the KL term; 1 is the ELBO.")] = 1.0,
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
    """Train a variational autoencoder. Ctrl-C stops and keeps everything; --resume goes on."""
    check_output(output, resume)
    from explorer.nets.vae import VAEShape
    from explorer.training import VAERecipe

    def shape(side: int, colours: int) -> VAEShape:
        return VAEShape.of(side, colours, latent, width, couplings)

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.stem, material, data, licence, show, context)
    recipe = VAERecipe(shape(material.image_shape[1], material.image_shape[0]), beta, told, seed)
    run(recipe, material, settings, resume, context)
