"""``train glow`` and ``train realnvp``: normalizing flows out of a dataset."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

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

__all__ = ["train_glow", "train_realnvp"]


class Coupling(StrEnum):
    """How a coupling changes one half by the other."""

    affine = "affine"
    additive = "additive"


LevelsOption = Annotated[
    int, typer.Option(metavar="N", min=1, max=8, help="Levels; each halves the side of the picture.")
]
StepsOption = Annotated[
    str, typer.Option(metavar="N[,N...]", help="Steps at every level, or one number for each, the finest first.")
]
WidthOption = Annotated[
    str,
    typer.Option(metavar="N[,N...]", help="Channels inside couplings, doubled at each coarser level; or one for each."),
]
GLOW_STEPS: Final = "8"
REALNVP_STEPS: Final = "3"


def train_glow(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    levels: LevelsOption = 3,
    steps: StepsOption = GLOW_STEPS,
    width: WidthOption = "48",
    coupling: Annotated[Coupling, typer.Option(help="Whether couplings scale or only shift.")] = Coupling.affine,
    batch: BatchOption = 32,
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
    """Train a Glow, a normalizing flow. Ctrl-C stops and keeps everything; --resume goes on."""
    check_output(output, resume)
    from explorer.nets.glow import GlowShape
    from explorer.training.flows import FlowRecipe

    counts, widths = _per_level(steps, levels, 1, "--steps"), _per_level(width, levels, 2, "--width")

    def shape(side: int, colours: int) -> GlowShape:
        return GlowShape(side, colours, counts, widths, coupling.value, "tanh")

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.stem, material, data, licence, show, context)
    recipe = FlowRecipe(shape(material.image_shape[1], material.image_shape[0]), told, seed)
    run(recipe, material, settings, resume, context)


def train_realnvp(
    context: typer.Context,
    dataset: DatasetArgument,
    output: OutputOption,
    resume: ResumeOption = False,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    levels: LevelsOption = 3,
    steps: StepsOption = REALNVP_STEPS,
    width: WidthOption = "32",
    batch: BatchOption = 32,
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
    """Train a RealNVP, a normalizing flow. Ctrl-C stops and keeps everything; --resume goes on."""
    check_output(output, resume)
    from explorer.nets.realnvp import RealNVPShape
    from explorer.training.flows import FlowRecipe

    counts, widths = _per_level(steps, levels, 1, "--steps"), _per_level(width, levels, 2, "--width")

    def shape(side: int, colours: int) -> RealNVPShape:
        return RealNVPShape(side, colours, counts, widths)

    material = read_material(dataset, test, held_out, size, channels, content, background, shape)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.stem, material, data, licence, show, context)
    recipe = FlowRecipe(shape(material.image_shape[1], material.image_shape[0]), told, seed)
    run(recipe, material, settings, resume, context)


def _per_level(text: str, levels: int, growth: int, option: str) -> tuple[int, ...]:
    """ "8" or "4,8,12" as a number for every level; a single one grows by ``growth`` from level to level."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (0,)
    if len(numbers) == 1:
        numbers = tuple(numbers[0] * growth**level for level in range(levels))
    if len(numbers) != levels or min(numbers) < 1:
        raise typer.BadParameter(f"It should be a number, or {levels} as in 8,8,12.", param_hint=option)
    return numbers
