"""``encode``: a dataset as latent points, and how probable the model finds each picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.telling import CheckpointArgument, DeviceOption, progress_bar, tell
from explorer.errors import DatasetError, SceneError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from explorer.datasets import Dataset, Unreadable
    from explorer.generators import Generator

__all__ = ["encode"]


def encode(
    checkpoint: CheckpointArgument,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder, IDX, .npy or .npz file, or list.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.npz", help="Where the codes go.")],
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures at a time.")] = 64,
    device: DeviceOption = "auto",
) -> None:
    """Find the latent points of the pictures of a dataset.

    The file holds latents (n, ...), ids (n,), labels (n,) if there are any, and where the model can tell it
    log_likelihood (n,) in nats with likelihood_kind. Pictures that cannot be read are left out and listed.
    """
    if output.suffix.lower() != ".npz":
        raise typer.BadParameter(f"{output} should end in .npz.", param_hint="--output")
    import numpy as np

    from explorer.datasets import open_dataset
    from explorer.files import write_atomically
    from explorer.generators import Encodes, open_generator

    pictures = open_dataset(dataset)
    generator = open_generator(checkpoint, device)
    if not isinstance(generator, Encodes):
        raise SceneError(f"{generator.name} cannot encode pictures.", "Its family has no encoder.")
    unreadable: list[Unreadable] = []
    columns = _encode_all(generator, pictures, batch, unreadable)
    for left_out in unreadable:
        tell(f"Left out: {left_out.reason}")
    if not len(columns["ids"]):
        raise DatasetError(f"None of the pictures in {dataset} can be read.")
    with write_atomically(output) as temporary:
        np.savez(temporary, allow_pickle=False, **columns)
    tell(f"{output} is written: {len(columns['ids']):,} pictures, {len(unreadable):,} left out.")


def _encode_all(
    generator: Generator, dataset: Dataset, size: int, unreadable: list[Unreadable]
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file by name; pictures stream through, only what is known of them stays."""
    import numpy as np
    import torch

    from explorer.datasets import batches
    from explorer.generators import Encodes, HasLikelihood
    from explorer.imaging import from_pixels

    assert isinstance(generator, Encodes), "the generator should encode"
    likelihood = generator if isinstance(generator, HasLikelihood) else None
    indices: list[np.ndarray] = []
    latents = [np.zeros((0, *generator.latent_shape), np.float32)]
    nats = [np.zeros(0, np.float32)]
    stream = batches(dataset, generator.image_shape, generator.preparation, size, None, "skip", unreadable)
    with progress_bar("{task.completed:,.0f} of {task.total:,.0f}") as progress, torch.inference_mode():
        task = progress.add_task(f"Encoding {dataset.name}", total=len(dataset))
        for chosen, pixels in stream:
            images = torch.from_numpy(from_pixels(pixels)).to(generator.device)
            latents.append(generator.encode(images).float().cpu().numpy())
            if likelihood is not None:
                nats.append(likelihood.log_likelihood(images).float().cpu().numpy())
            indices.append(chosen)
            progress.update(task, completed=int(chosen[-1]) + 1)
    order = np.concatenate([np.zeros(0, np.int64), *indices])
    columns = {"latents": np.concatenate(latents), "ids": np.array([dataset.identity(int(i)) for i in order], np.str_)}
    if likelihood is not None:
        columns |= {"log_likelihood": np.concatenate(nats), "likelihood_kind": np.array(likelihood.likelihood_kind)}
    if dataset.labels is not None:
        columns |= {"labels": dataset.labels[order], "label_names": np.array(dataset.label_names, np.str_)}
    return columns
