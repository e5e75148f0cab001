"""``encode``: a dataset as latent points, and how probable the model finds each picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.telling import CheckpointArgument, DeviceOption, progress_bar, tell
from explorer.errors import DatasetError

if TYPE_CHECKING:
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
    from explorer.generators import open_generator

    pictures = open_dataset(dataset)
    generator = open_generator(checkpoint, device)
    unreadable: list[Unreadable] = []
    columns = _encode_all(generator, pictures, batch, unreadable)
    for left_out in unreadable:
        tell(f"Left out: {left_out.reason}")
    with write_atomically(output) as temporary:
        np.savez(temporary, **columns)
    tell(f"{output} is written: {len(columns['ids']):,} pictures, {len(unreadable):,} left out.")


def _encode_all(generator: Generator, dataset: Dataset, batch: int, unreadable: list[Unreadable]) -> dict[str, Any]:
    """The arrays of the file by name; pictures stream through, only what is known of them stays."""
    import numpy as np

    from explorer.encoding import Encoded, encode_dataset
    from explorer.generators import HasLikelihood

    parts: list[Encoded] = []
    with progress_bar("{task.completed:,.0f} of {task.total:,.0f}") as progress:
        task = progress.add_task(f"Encoding {dataset.name}", total=len(dataset))
        for part in encode_dataset(generator, dataset, batch, unreadable):
            parts.append(part)
            progress.update(task, completed=int(part.indices[-1]) + 1)
    if not parts:
        raise DatasetError(f"None of the pictures in {dataset.name} can be read.")
    order = np.concatenate([part.indices for part in parts])
    columns: dict[str, Any] = {
        "latents": np.concatenate([part.latents for part in parts]),
        "ids": np.array([dataset.identity(int(index)) for index in order], np.str_),
    }
    if isinstance(generator, HasLikelihood):
        columns["log_likelihood"] = np.concatenate([part.nats for part in parts])
        columns["likelihood_kind"] = np.array(generator.likelihood_kind)
    if dataset.labels is not None:
        columns |= {"labels": dataset.labels[order], "label_names": np.array(dataset.label_names, np.str_)}
    return columns
