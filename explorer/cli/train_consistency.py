"""``train consistency``: a model of a few steps out of a diffusion model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.denoisers import (
    SAVE_SECONDS,
    ClassNamesOption,
    FolderOption,
    StepsOption,
    check_folder,
    encoded,
    named_classes,
    space_of,
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
    run,
    run_settings,
)
from explorer.errors import TrainingError

__all__ = ["train_consistency"]


def train_consistency(
    context: typer.Context,
    teacher: Annotated[Path, typer.Argument(metavar="TEACHER", help="The diffusion model to distil, a folder.")],
    dataset: DatasetArgument,
    output: FolderOption,
    resume: ResumeOption = False,
    student: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Begin with this student, not with a copy of the teacher.")
    ] = None,
    images: ImagesOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    class_names: ClassNamesOption = "",
    steps: StepsOption = 4,
    guidance: Annotated[float, typer.Option(metavar="S", min=0.0, help="The guidance to build in.")] = 2.0,
    batch: BatchOption = 64,
    learning_rate: RateOption = 5e-4,
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
    """Distil a diffusion model into one of a few steps. Ctrl-C stops and keeps everything; --resume goes on."""
    check_folder(output, resume)
    from explorer.training import ConsistencyRecipe
    from explorer.training.teachers import read_teacher, training_of

    net, learner = read_teacher(teacher), read_teacher(student) if student else None
    if learner is not None and _sizes(learner) != _sizes(net):
        raise TrainingError(f"{student} is no student of {teacher}: their networks differ.")
    material = read_material(dataset, test, held_out, size, channels, content, background)
    settings = run_settings(output, material, images, batch, learning_rate, seed, device, precision, half, threads)
    told = about(name or output.name, material, data, licence, show, context)
    known = (net.config.num_class_embeds or 1) - 1
    found, named = named_classes(material, known > 0, class_names)
    if known and (found is None or found.count != known):
        raise TrainingError(f"{teacher} knows {known} classes, and {material.data} has others.")
    space = space_of(material, teacher if (teacher / "vae").exists() else None)
    if space.shape != (net.config.in_channels, net.config.sample_size, net.config.sample_size):
        raise TrainingError(f"{teacher} is for pictures of another size.", "Give the --size it was trained with.")
    told["training"] |= {"teacher": training_of(teacher)}
    recipe = ConsistencyRecipe(net, space, encoded(material, space), found, guidance, steps, told | named, learner)
    run(recipe, material, replace(settings, save_seconds=SAVE_SECONDS), resume, context)


def _sizes(net: Any) -> dict[str, Any]:
    """The shapes of a network's weights."""
    return {name: value.shape for name, value in net.state_dict().items()}
