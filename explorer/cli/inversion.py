"""``invert``: the styles of a real picture, for models without an encoder."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from explorer.cli.telling import CheckpointArgument, DeviceOption, progress_bar, tell
from explorer.errors import SceneError

if TYPE_CHECKING:
    from explorer.generators import Generator
    from explorer.inversion import Inversion

__all__ = ["invert"]

USUAL_STEPS: Final = 200  # as explorer.inversion.STEPS, which imports torch


class StyleSpace(StrEnum):
    """The spaces of styles: one for all layers, or one for each."""

    w = "w"
    plus = "w+"


def invert(
    checkpoint: CheckpointArgument,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The real picture.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="POINT.npy", help="Where the styles (1, layers, w) go.")
    ],
    space: Annotated[
        StyleSpace, typer.Option(help="w stays editable like a draw; w+ comes closer, from the result in w.")
    ] = StyleSpace.plus,
    steps: Annotated[int, typer.Option(metavar="N", min=2, max=100_000, help="Steps of the search.")] = USUAL_STEPS,
    label: Annotated[
        int | None, typer.Option(metavar="K", min=0, help="Start from draws of this class instead of all.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the draws it starts from.")] = 0,
    made: Annotated[
        Path | None, typer.Option("--picture", metavar="OUT.png", help="Write what the model makes of the point, too.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Find the styles with which a style-based model comes closest to a real picture.

    The point can be drawn with render --latents POINT.npy --space w.
    """
    if output.suffix.lower() != ".npy":
        raise typer.BadParameter(f"{output} should end in .npy.", param_hint="--output")
    if made is not None and made.suffix.lower() != ".png":
        raise typer.BadParameter(f"{made} should end in .png.", param_hint="--picture")
    from explorer.generators import open_generator
    from explorer.inversion import write_point

    generator = open_generator(checkpoint, device)
    found = _search(generator, picture, space.value, steps, seed, label)
    digest = write_point(output, found.styles)
    if made is not None:
        _write_picture(made, found, generator, checkpoint, output, digest, picture)
    tell(f"{output} is written: {picture.name} found in {space.value.upper()}, {found.told()}.")


def _search(generator: Generator, picture: Path, space: str, steps: int, seed: int, label: int | None) -> Inversion:
    from explorer.inversion import invert as search
    from explorer.inversion import read_target
    from explorer.scene import Condition

    condition = None if label is None else Condition(((label, 1.0),))
    if label is not None and not generator.classes:
        raise SceneError(f"{generator.name} knows no classes; leave --label out.")
    found: Inversion | None = None
    with progress_bar("{task.fields[told]}") as progress:
        task = progress.add_task(f"Finding {picture.name}", total=steps, told="")
        for found in search(generator, read_target(generator, picture), space, steps, seed, condition):
            progress.update(task, completed=found.done, told=found.told())
    assert found is not None, "a search should have at least one step"
    return found


def _write_picture(
    path: Path, found: Inversion, generator: Generator, checkpoint: Path, point: Path, sha256: str, picture: Path
) -> None:
    """The picture, with the recipe to get back to its point."""
    from explorer.files import digest
    from explorer.imaging import write_png
    from explorer.recipe import Recipe
    from explorer.scene import Latent, Scene, StoredPoint

    source = StoredPoint(str(point.absolute()), sha256, str(picture.absolute()))
    recipe = Recipe(str(checkpoint.absolute()), digest(checkpoint), generator.name, Scene(Latent(((source, 1.0),))))
    write_png(path, found.picture.pixels, recipe.to_json())
