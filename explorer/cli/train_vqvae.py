"""``train vqvae``: an autoencoder with maps of codes, and a prior that draws them, out of a dataset."""

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

__all__ = ["train_vqvae"]


def train_vqvae(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    codes: Annotated[
        str, typer.Option(metavar="N[,N]", help="Codes of the map, or of a coarse and a fine map.")
    ] = "128,128",
    width: Annotated[int, typer.Option(metavar="N", min=8, help="Channels of the widest layer of pixels.")] = 32,
    prior_layers: Annotated[int, typer.Option(metavar="N", min=0, help="Layers of the learned prior; 0: none.")] = 3,
    prior_width: Annotated[int, typer.Option(metavar="N", min=8, help="Numbers per code in the prior.")] = 96,
    codes_share: Annotated[
        float, typer.Option(metavar="SHARE", min=0.05, max=0.95, help="Share of the run before the prior's.")
    ] = 0.5,
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0.01, max=10.0, help="Of draws; lower is more usual.")
    ] = 1.0,
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
    """Train a VQ-VAE and a prior over its codes. Ctrl-C stops and keeps everything; --resume goes on."""
    check_output(output, resume)
    from explorer.nets.vqvae import VQVAEShape
    from explorer.training.vqvae import VQVAERecipe

    counts = _counts(codes)

    def shape(side: int, colours: int) -> VQVAEShape:
        return VQVAEShape.of(side, colours, counts, width, prior_layers, prior_width)

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.stem, material, data, licence, show, context)
    made = shape(material.image_shape[1], material.image_shape[0])
    run(VQVAERecipe(made, codes_share, temperature, told, seed), material, settings, resume, context)


def _counts(text: str) -> tuple[int, ...]:
    """ "128,256" as two numbers."""
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        counts = ()
    if not 1 <= len(counts) <= 2:
        raise typer.BadParameter("It should be one number or two, as in 64,128.", param_hint="--codes")
    return counts
