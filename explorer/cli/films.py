"""``animate``: a film of a walk through latent space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.telling import DeviceOption, progress_bar, tell
from explorer.errors import CheckpointError, ExportError, SceneError

if TYPE_CHECKING:
    from explorer.cli.reading import FoundFilm

__all__ = ["animate"]


def animate(
    source: Annotated[Path, typer.Argument(metavar="SESSION|SCENES", help="A session, a list of scenes, or a film.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A .mp4, .gif, .webp or .png, or a folder."),
    ],
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model, where it is not that of the session.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long the film lasts.")] = None,
    fps: Annotated[int | None, typer.Option(metavar="N", help="Frames per second.")] = None,
    easing: Annotated[str | None, typer.Option(metavar="NAME", help="linear, ease, ease-in, ease-out or hold.")] = None,
    loop: Annotated[bool | None, typer.Option("--loop/--no-loop", help="Go back to the start at the end.")] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=4096, help="The least shorter side in pixels; 0: as it is."),
    ] = None,
    scaling: Annotated[str | None, typer.Option(metavar="HOW", help="pixels: whole ones; smooth: Lanczos.")] = None,
    quality: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=100, help="How little is lost where a format loses anything.")
    ] = None,
    codec: Annotated[str | None, typer.Option(metavar="NAME", help="h264 or h265, of an MP4.")] = None,
    path: Annotated[str | None, typer.Option(metavar="NAME", help="natural, lerp, slerp or spline.")] = None,
    region: Annotated[
        bool | None, typer.Option("--region/--no-region", help="Only the part that is played alone.")
    ] = None,
    hashes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the SHA-256 of every frame's pixels, a line each.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare the frames with such a list; 1 if one differs."),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Make a film of the keyframes of a session, or of a list of scenes."""
    from explorer.animation import WRITERS

    if output.suffix and output.suffix.lower() not in WRITERS:
        kinds = ", ".join(WRITERS)
        raise typer.BadParameter(f"{output} should end in {kinds}, or be a folder.", param_hint="--output")
    from explorer.animation.editing import eased, pathed, stretched
    from explorer.animation.hashes import first_difference, frame_hash, read_hashes
    from explorer.cli.reading import read_film
    from explorer.export import export_film
    from explorer.files import digest, write_text
    from explorer.generators import open_generator
    from explorer.recipe import Recipe

    found = read_film(source, loop)
    film = found.film if fps is None else replace(found.film, frames_per_second=fps)
    film = film if easing is None else eased(film, range(len(film.keyframes)), easing)
    film = film if seconds is None else stretched(film, seconds)
    film = film if path is None else pathed(film, path)
    wishes: dict[str, Any] = {"size": size, "scaling": scaling, "quality": quality, "codec": codec, "region": region}
    output_as = replace(found.output, **{name: wish for name, wish in wishes.items() if wish is not None})
    listed = read_hashes(check) if check is not None else None
    seen: list[str] = []
    model = checkpoint or _checkpoint_of(found, source)
    generator = open_generator(model, device)
    recipe = Recipe(str(model.absolute()), digest(model), generator.name, film=film, output=output_as)
    with progress_bar("{task.fields[note]}") as progress:
        task = progress.add_task(f"Filming {output.name}", total=1, note="")

        def report(done: float, total: float, note: str) -> None:
            progress.update(task, completed=done, total=total, note=note)

        frames = export_film(
            generator, film, output, recipe, output_as, report, lambda pixels: seen.append(frame_hash(pixels))
        )
        progress.update(task, completed=frames)
    tell(f"{output} is written: {frames:,} frames.")
    if hashes is not None:
        write_text(hashes, "".join(f"{each}\n" for each in seen))
    if listed is not None and (difference := first_difference(listed, seen)):
        raise ExportError(difference)


def _checkpoint_of(found: FoundFilm, source: Path) -> Path:
    """The model the film was made for: where it was, beside the file that tells of it, or among the bundled ones."""
    from explorer.files import checkpoints_folder, checkpoints_in
    from explorer.recipe import find_checkpoint

    if not found.checkpoint:
        raise SceneError(f"{source} does not say which model it is for.", "Say which with --checkpoint.")
    beside = source.parent / Path(found.checkpoint).name
    known = (beside, *checkpoints_in(checkpoints_folder()))
    try:
        return find_checkpoint(found.checkpoint, found.digest, found.name, known)
    except CheckpointError as error:
        raise CheckpointError(error.message, "Say where it is with --checkpoint.") from error
