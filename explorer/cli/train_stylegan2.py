"""``train stylegan2``: a StyleGAN2 out of a dataset."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

import typer

from explorer.cli.telling import DeviceOption
from explorer.cli.training import (
    BackgroundOption,
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

__all__ = ["train_stylegan2"]

AVERAGE_PICTURES: Final = 10_000  # after so many the moving average has half forgotten (Karras et al. 2018)


def train_stylegan2(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    latent: Annotated[int, typer.Option(metavar="N", min=1, help="Dimensions of z and of the styles w.")] = 64,
    width: Annotated[int, typer.Option(metavar="N", min=8, help="Channels of the middle layers.")] = 64,
    widths: Annotated[
        str, typer.Option(metavar="N,N,...", help="Channels at 4x4, 8x8 and so on, instead of --width.")
    ] = "",
    classes: Annotated[bool, typer.Option(help="Learn the classes, where the dataset has labels.")] = True,
    class_names: Annotated[
        str, typer.Option(metavar="A,B,...", help="What the classes are called, in the order of their numbers.")
    ] = "",
    noise: Annotated[bool, typer.Option(help="Give every layer noise; small pictures are smoother without.")] = True,
    gamma: Annotated[float, typer.Option(metavar="G", min=0.0, help="Weight of the R1 penalty.")] = 0.3,
    path_length: Annotated[
        float, typer.Option(metavar="W", min=0.0, help="Weight of the path length penalty; 0: none.")
    ] = 0.0,
    augment: Annotated[bool, typer.Option(help="Adaptive augmentation, for fewer than some 10,000 pictures.")] = False,
    batch: Annotated[int, typer.Option(metavar="N", min=4, help="Pictures per step, a multiple of 4.")] = 32,
    learning_rate: RateOption = 0.0025,
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
    """Train a StyleGAN2. Ctrl-C stops and keeps everything; --resume goes on."""
    check_output(output, resume)
    if batch % 4:
        raise typer.BadParameter("It should be a multiple of 4.", param_hint="--batch")
    from explorer.nets.stylegan2 import StyleGAN2Shape
    from explorer.training import StyleGAN2Recipe

    def shape(side: int, colours: int, count: int = 0) -> StyleGAN2Shape:
        made = StyleGAN2Shape.of(side, colours, latent, count, width)
        given = tuple(int(part) for part in widths.split(",")) if widths else made.channels
        return replace(made, channels=given, noise=noise)

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    settings = replace(settings, average=0.5 ** (batch / AVERAGE_PICTURES))
    told = about(name or output.stem, material, data, licence, show, context)
    labels = material.labels if classes else None
    count = len(material.label_names) if labels is not None else 0
    if count:
        names = [part.strip() for part in class_names.split(",")] if class_names else list(material.label_names)
        if len(names) != count:
            raise typer.BadParameter(f"The dataset has {count} classes, not {len(names)}.", param_hint="--class-names")
        told |= {"class_names": names}
    made = shape(material.image_shape[1], material.image_shape[0], count if count > 1 else 0)
    recipe = StyleGAN2Recipe(made, labels if made.classes else None, gamma, path_length, augment, told, seed)
    run(recipe, material, settings, resume, context)
