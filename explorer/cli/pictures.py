"""``inspect``, ``render`` and ``convert``: what a model is, pictures it makes, and the model in our own format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from explorer.cli.telling import CheckpointArgument, DeviceOption, print_json, tell
from explorer.cli.wishes import Wishes
from explorer.errors import DatasetError, SceneError

if TYPE_CHECKING:
    import numpy as np

    from explorer.generators import Generator
    from explorer.imaging import FloatArray, Pixels
    from explorer.scene import Scene

__all__ = ["convert", "inspect", "render"]

LARGEST_SEED: Final = (1 << 63) - 1
BATCH: Final = 32
DIAGNOSED: Final = 1000  # pictures of a dataset that a diagnosis looks at
LATENTS_HINT: Final = "Latents are a .npy file of floats, one point after the other, or what encode writes."


class Space(StrEnum):
    """The spaces in which latents can be given."""

    z = "z"
    w = "w"
    wplus = "w+"  # the same, for every layer
    noise = "noise"  # what a diffusion model starts from, standard normal


class NoiseMode(StrEnum):
    """The noise of style-based models."""

    const = "const"
    random = "random"
    none = "none"


def inspect(
    checkpoint: CheckpointArgument,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Also measure reconstruction against sampling on some of its pictures."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    device: DeviceOption = "cpu",
) -> None:
    """Show what a checkpoint is and can do."""
    from explorer import facts
    from explorer.formats import read_checkpoint
    from explorer.generators import build_generator, pick_device

    found = read_checkpoint(checkpoint)
    generator = build_generator(found, pick_device(device))
    known = facts.inspect(found, generator)
    if data is not None:
        known["on_pictures"] = _diagnose(generator, data)
    if as_json:
        print_json(known)
        return
    for name, value in _rows(known):
        print(f"{name:<14}{value}")


def render(
    checkpoint: CheckpointArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A .png, or a .npy of float32 NCHW in [-1, 1], not clipped."
        ),
    ],
    seed: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=0, max=LARGEST_SEED, help="A seed; several make a contact sheet."),
    ] = None,
    latents: Annotated[Path | None, typer.Option(metavar="Z.npy", help="Latent points, (n, *latent_shape).")] = None,
    space: Annotated[Space, typer.Option(help="What the latents are points of.")] = Space.z,
    scene: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A scene, a session, or a picture with a recipe inside.")
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(metavar="P", help="Pull to the mean: 1 leaves a point, 0 is it. A flow's temperature."),
    ] = None,
    cutoff: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Truncate only the first N layers of a style-based model.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="K", help="The class to draw: its number, its name, or how only its name begins."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="C.npy", help="Class weights, (n, classes), one row for every latent.")
    ] = None,
    noise: Annotated[NoiseMode | None, typer.Option(help="The noise of a style-based model.")] = None,
    translate: Annotated[
        tuple[float, float] | None, typer.Option(metavar="X Y", help="Move a StyleGAN3 picture, in picture widths.")
    ] = None,
    rotate: Annotated[float | None, typer.Option(metavar="DEG", help="Turn a StyleGAN3 picture.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="What a model that reads text draws.")] = None,
    negative: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is led away from.")] = None,
    sampler: Annotated[
        str | None, typer.Option(metavar="NAME", help="How a diffusion model is sampled: ddim, heun, dpm++2m, …")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, max=10_000, help="Steps of denoising.")] = None,
    eta: Annotated[float | None, typer.Option(metavar="E", min=0.0, help="Share of fresh noise in a step.")] = None,
    guidance: Annotated[
        float | None, typer.Option(metavar="S", help="Guidance scale s = 1 + w; 1 follows the condition alone.")
    ] = None,
    columns: Annotated[int | None, typer.Option(metavar="N", min=1, help="Columns of a contact sheet.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Make pictures from seeds, latent points or a scene."""
    if sum(given is not None for given in (seed or None, latents, scene)) != 1:
        raise typer.BadParameter("Say what to draw with one of --seed, --latents and --scene.")
    if output.suffix.lower() not in (".png", ".npy"):
        raise typer.BadParameter(f"{output} should end in .png or .npy.", param_hint="--output")
    wishes = Wishes(
        truncation,
        cutoff,
        label,
        None if noise is None else noise.value,
        translate,
        rotate,
        prompt,
        negative,
        sampler,
        steps,
        eta,
        guidance,
    )
    if space is not Space.z and latents is None:
        raise typer.BadParameter("It goes with --latents.", param_hint="--space")
    if labels is not None and (latents is None or label is not None):
        raise typer.BadParameter("It goes with --latents, and without --label.", param_hint="--labels")
    from explorer.generators import open_generator
    from explorer.scene import Scene

    if latents is not None:
        points, weights = _read_points(latents), None if labels is None else _read_points(labels)
        generator = open_generator(checkpoint, device)
        wishes = wishes.named(generator)
        wishes.check(generator)
        _write_points(generator, points, space, weights, wishes.dress(Scene()), output, columns)
    else:
        plain = _scenes(seed or [], scene)
        generator = open_generator(checkpoint, device)
        wishes = wishes.named(generator)
        scenes = [wishes.dress(each) for each in plain]
        wishes.check(generator, scenes)
        _write_scenes(generator, scenes, checkpoint, output, columns)
    tell(f"{output} is written.")


def convert(
    checkpoint: CheckpointArgument,
    output: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The checkpoint to write.")],
    half: Annotated[bool, typer.Option("--half", help="Store matrices in 16 bits.")] = False,
) -> None:
    """Write any checkpoint this program opens as a safetensors file, which holds no code and opens faster."""
    if output.suffix.lower() != ".safetensors":
        raise typer.BadParameter(f"{output} should end in .safetensors.", param_hint="OUT.safetensors")
    from explorer.formats import read_checkpoint, write_native
    from explorer.generators import build_generator, pick_device

    found = read_checkpoint(checkpoint)
    made = build_generator(found, pick_device("cpu")).checkpoint()
    weights = dict(made.weights)
    if half:
        weights = {name: t.half() if t.ndim > 1 and t.is_floating_point() else t for name, t in weights.items()}
    write_native(output, {**made.config, "converted_from": {"file": checkpoint.name, "format": found.format}}, weights)
    for warning in found.warnings:
        tell(warning)
    tell(f"{output} is written.")


def _diagnose(generator: Generator, path: Path) -> dict[str, Any]:
    """Reconstruction against sampling on at most a thousand pictures of a dataset, chosen at random but the same ones
    every time; errors in the [-1, 1] range."""
    import numpy as np

    from explorer.datasets import batches, open_dataset
    from explorer.diagnostics import diagnose_pictures

    dataset = open_dataset(path)
    chosen = np.sort(np.random.default_rng(0).permutation(len(dataset))[:DIAGNOSED])
    stream = batches(dataset, generator.image_shape, generator.preparation, 100, chosen, "skip", [])
    pixels = [part for _, part in stream]
    if not pixels:
        raise DatasetError(f"{dataset.name} has no picture that can be read.")
    found = diagnose_pictures(generator, np.concatenate(pixels))
    return {
        "pictures": found.pictures,
        "draws": found.draws,
        "reconstruction_rms": found.reconstruction_error,
        "reconstruction_distance": found.distance,
        "draw_distance": found.draw_distance,
        "words": found.words,
    }


def _rows(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a person wants to know first, as names and values."""
    config = known["config"]
    training = config.get("training") if isinstance(config.get("training"), dict) else {}
    channels, height, width = known["image_shape"]
    rows = [
        ("name", known["name"]),
        ("family", known["family"]),
        ("format", known["format"]),
        ("pictures", f"{width} x {height}, {channels} {'channel' if channels == 1 else 'channels'}"),
        ("latents", " x ".join(map(str, known["latent_shape"]))),
        ("classes", f"{known['classes']}" if known["classes"] else "none"),
        *_layer_rows(known),
        ("parameters", f"{known['parameters']:,} in {len(known['layers'])} tensors"),
        ("capabilities", ", ".join(known["capabilities"])),
    ]
    rows += [(name, str(config[name])) for name in ("data", "licence") if config.get(name)]
    seen, held_out = training.get("images_seen"), training.get("held_out")
    if isinstance(seen, int):
        rows.append(("trained on", f"{seen:,} pictures seen"))
    if isinstance(held_out, dict):
        rows.append(("held out", ", ".join(f"{name} {_number(value)}" for name, value in held_out.items())))
    rows += [("latents used", known["diagnosis"])] if known["diagnosis"] else []
    if "on_pictures" in known:
        rows.append((f"on {known['on_pictures']['pictures']:,}", known["on_pictures"]["words"]))
    return rows + [("warning", warning) for warning in known["warnings"]]


def _number(value: Any) -> str:
    """A value as people write it: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _layer_rows(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The layers of a style-based model, those of one resolution in one row; levels and code maps of others."""
    sides: dict[int, list[str]] = {}
    for layer in known["style_layers"]:
        sides.setdefault(layer["resolution"], []).append(layer["name"])
    rows = [(f"styles at {side}", ", ".join(names)) for side, names in sides.items()]
    rows += [("noise", f"in {len(known['noise_layers'])} layers")] if known["noise_layers"] else []
    rows += [("levels", ", ".join(level["name"] for level in known["levels"]))] if known["levels"] else []
    maps = [f"{x['name']} {x['rows']} x {x['columns']} of {x['codes']}" for x in known["code_levels"]]
    return rows + ([("code maps", ", ".join(maps))] if maps else [])


def _scenes(seeds: list[int], path: Path | None) -> list[Scene]:
    """The scenes of all seeds, or the one in a file."""
    from explorer.cli.reading import read_scene
    from explorer.scene import Latent, Scene, Seed

    return [Scene(Latent(((Seed(number), 1.0),))) for number in seeds] if path is None else [read_scene(path)]


def _read_points(path: Path) -> FloatArray:
    """Latent points as float32 (n, ...), all finite; of an .npz file those called latents, as ``encode`` writes."""
    import numpy as np

    from explorer.datasets.arrays import read_npy, read_npz

    try:
        array = read_npz(path, "latents") if path.suffix.lower() == ".npz" else read_npy(path)
    except DatasetError as error:
        raise SceneError(error.message, LATENTS_HINT) from error
    if array.dtype.kind != "f":
        raise SceneError(f"{path} holds numbers of type {array.dtype}, not latents.", LATENTS_HINT)
    if array.ndim < 2 or not array.size:
        raise SceneError(f"{path} has the shape {array.shape}, which is not a row of points.", LATENTS_HINT)
    with np.errstate(over="ignore"):
        points = np.array(array, np.float32, order="C")
    if not np.isfinite(points).all():
        raise SceneError(f"{path} contains values that are not finite numbers.", LATENTS_HINT)
    return points


def _write_points(
    generator: Generator,
    points: FloatArray,
    space: Space,
    labels: FloatArray | None,
    scene: Scene,
    output: Path,
    columns: int | None,
) -> None:
    import numpy as np

    from explorer.generators import Denoises, HasStyles
    from explorer.imaging import write_png
    from explorer.points import map_points
    from explorer.render import decode_points, decode_styles

    if space is Space.noise and not isinstance(generator, Denoises):
        raise SceneError(f"{generator.name} starts from no noise; --space noise is for diffusion models.")
    if labels is None and generator.classes and space in (Space.z, Space.noise):
        labels = np.zeros((len(points), generator.classes), np.float32)
        for index, weight in scene.condition.classes or ((0, 1.0),):
            labels[:, index] = weight
    if labels is not None and labels.shape != (len(points), generator.classes):
        raise SceneError(
            f"{generator.name} needs class weights of shape ({len(points)}, {generator.classes}), "
            f"not {tuple(labels.shape)}."
        )
    starts = range(0, len(points), BATCH)
    if space in (Space.w, Space.wplus) or isinstance(generator, HasStyles):
        styles = map_points(generator, points, labels) if space is Space.z else points
        parts = [decode_styles(generator, styles[i : i + BATCH], scene) for i in starts]
    else:
        pulled = points * points.dtype.type(scene.latent.truncation)
        scenes = [scene] * len(points) if labels is None else [_labelled(scene, row) for row in labels]
        parts = [decode_points(generator, pulled[i : i + BATCH], scenes[i : i + BATCH]) for i in starts]
    if output.suffix.lower() == ".npy":
        _write_array(output, np.concatenate([images for images, _ in parts]))
    else:
        write_png(output, _sheet(np.concatenate([pixels for _, pixels in parts]), columns))


def _labelled(scene: Scene, weights: np.ndarray) -> Scene:
    """The scene in the classes of one row of weights."""
    classes = tuple((index, float(weight)) for index, weight in enumerate(weights) if weight != 0)
    return replace(scene, condition=replace(scene.condition, classes=classes))


def _write_scenes(
    generator: Generator, scenes: list[Scene], checkpoint: Path, output: Path, columns: int | None
) -> None:
    import numpy as np

    from explorer.export import export_picture
    from explorer.files import digest
    from explorer.imaging import write_png
    from explorer.recipe import Recipe
    from explorer.render import render_images, render_many

    if output.suffix.lower() == ".npy":
        _write_array(output, render_images(generator, scenes, BATCH))
    elif len(scenes) == 1:
        recipe = Recipe(str(checkpoint.absolute()), digest(checkpoint), generator.name, scenes[0])
        export_picture(generator, scenes[0], output, recipe)
    else:
        pictures = np.stack([picture.pixels for picture in render_many(generator, scenes, BATCH)])
        write_png(output, _sheet(pictures, columns))


def _sheet(pictures: Pixels, columns: int | None) -> Pixels:
    """One picture as it is, several side by side."""
    from explorer.imaging import contact_sheet

    across = min(columns or math.ceil(math.sqrt(len(pictures))), len(pictures))
    return contact_sheet(pictures, across)


def _write_array(path: Path, array: np.ndarray) -> None:
    import numpy as np

    from explorer.files import write_atomically

    with write_atomically(path) as temporary:
        np.save(temporary, array.astype(np.float32, copy=False))
