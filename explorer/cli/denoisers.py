"""What the commands that train diffusion models share: options, classes, and the space they work in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from explorer.cli.telling import tell
from explorer.cli.training import Material, refuse_replacing, run
from explorer.errors import TrainingError

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.training import Settings
    from explorer.training.unets import Classes, Space

__all__ = [
    "SAVE_SECONDS",
    "AutoencoderOption",
    "ClassNamesOption",
    "ClassesOption",
    "FolderOption",
    "GuidanceOption",
    "StepsOption",
    "WidthsOption",
    "check_folder",
    "encoded",
    "named_classes",
    "space_of",
    "train_autoencoder_first",
    "train_denoiser",
]

SAVE_SECONDS: Final = 300.0  # measuring takes half a minute
AUTOENCODER_BATCH: Final = 32
AUTOENCODER_RATE: Final = 2e-3

FolderOption = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The checkpoint, a folder.")]
AutoencoderOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Work in the latent space of this autoencoder, or of this latent model."),
]
WidthsOption = Annotated[
    str, typer.Option(metavar="N,N,...", help="Channels per level, multiples of 32, largest pictures first.")
]
ClassesOption = Annotated[bool, typer.Option(help="Learn the classes, where the dataset has labels.")]
ClassNamesOption = Annotated[
    str, typer.Option(metavar="A,B,...", help="What the classes are called, in the order of their numbers.")
]
StepsOption = Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Steps to make a picture with.")]
GuidanceOption = Annotated[float, typer.Option(metavar="S", min=0.0, help="Guidance to make a picture with; 1: none.")]


def check_folder(output: Path, resume: bool) -> None:
    """A diffusion model is a folder of its own, whose name has no ending, and nobody's earlier one."""
    if output.suffix:
        raise typer.BadParameter(f"{output} should be a folder, without an ending.", param_hint="--output")
    if output.is_file() or (output.is_dir() and any(output.iterdir()) and not (output / "model_index.json").exists()):
        raise typer.BadParameter(f"{output} exists and is not a model; choose another name.", param_hint="--output")
    refuse_replacing(output, resume)


def train_denoiser(
    material: Material,
    settings: Settings,
    told: dict[str, Any],
    autoencoder: Path | None,
    process: str,
    widths: str,
    classes: bool,
    class_names: str,
    steps: int,
    guidance: float,
    resume: bool,
    context: typer.Context,
) -> None:
    """Train "diffusion" or "flow" in the latent space of ``autoencoder``, or on pixels."""
    from explorer.training import DiffusionRecipe
    from explorer.training.processes import Flow, VariancePreserving
    from explorer.training.teachers import training_of
    from explorer.training.unets import DEFAULT_WIDTHS

    found, named = named_classes(material, classes, class_names)
    space = space_of(material, autoencoder)
    if autoencoder:
        of = training_of(autoencoder)
        told["training"] |= {"autoencoder": of.get("autoencoder", of)}
    made = _widths(widths) or DEFAULT_WIDTHS.get(space.shape[1])
    if made is None or space.shape[1] % 2 ** (len(made) - 1):
        raise typer.BadParameter("These levels do not fit the size of the pictures.", param_hint="--widths")
    recipe = DiffusionRecipe(
        space,
        encoded(material, space),
        made,
        found,
        Flow() if process == "flow" else VariancePreserving.cosine(),
        steps,
        guidance,
        told | named,
        settings.seed,
    )
    run(recipe, material, settings, resume, context)


def train_autoencoder_first(
    material: Material, settings: Settings, told: dict[str, Any], images: int, resume: bool, context: typer.Context
) -> Path:
    """Train an autoencoder into a folder beside the checkpoint, or go on with it, and say where it is."""
    from explorer.training import AutoencoderRecipe
    from explorer.training.state import state_path

    out = settings.out.with_name(f"{settings.out.name}-autoencoder")
    is_begun = state_path(out).exists()
    if resume and out.exists() and not is_begun:
        return out
    tell(f"First an autoencoder, {out}.")
    recipe = AutoencoderRecipe(material.image_shape, about={**told, "name": out.name}, seed=settings.seed)
    settings = replace(settings, out=out, images=images, batch=AUTOENCODER_BATCH, learning_rate=AUTOENCODER_RATE)
    run(recipe, material, settings, resume and is_begun, context)
    return out


def space_of(material: Material, autoencoder: Path | None) -> Space:
    """The latent space of the autoencoder in a folder, or pixels."""
    from explorer.training.teachers import read_autoencoder
    from explorer.training.unets import Space

    try:
        return Space.of(material.image_shape, read_autoencoder(autoencoder) if autoencoder else None)
    except ValueError as error:
        raise TrainingError(f"The autoencoder of {autoencoder} does not fit: {error}.") from error


def encoded(material: Material, space: Space) -> Tensor | None:
    """The pictures of the dataset in a latent space; None for pixels."""
    if space.autoencoder is None:
        return None
    tell(f"Encoding {len(material.images):,} pictures.")
    return space.encode(material.images)


def named_classes(material: Material, wanted: bool, class_names: str) -> tuple[Classes | None, dict[str, Any]]:
    """The classes of a dataset that has at least two, and their names as the checkpoint tells them."""
    from explorer.training.unets import Classes

    count = len(material.label_names)
    if not wanted or material.labels is None or count < 2:
        return None, {}
    names = [part.strip() for part in class_names.split(",")] if class_names else list(material.label_names)
    if len(names) != count:
        raise typer.BadParameter(f"The dataset has {count} classes, not {len(names)}.", param_hint="--class-names")
    return Classes(material.labels, count), {"class_names": names}


def _widths(text: str) -> tuple[int, ...]:
    """ "64,128" as numbers that the network can have."""
    try:
        widths = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        widths = (0,)
    if any(width <= 0 or width % 16 for width in widths) or (widths and widths[-1] % 32):
        raise typer.BadParameter(
            "It should be multiples of 16, the last one of 32, as in 64,128.", param_hint="--widths"
        )
    return widths
