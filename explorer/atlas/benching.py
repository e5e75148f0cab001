"""How fast and how large a survey is, beside the bare network: what ``bench`` tells of encoding datasets."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from explorer.atlas.lens_models import EncodingLens, PosteriorLens, model_lens
from explorer.atlas.lenses import Lens
from explorer.atlas.surveying import survey
from explorer.atlas.values import Survey
from explorer.datasets import ArrayDataset, Dataset, batches, open_dataset
from explorer.encoding import encode_dataset
from explorer.files import resources_folder
from explorer.generators import Encodes, Generator, HasPosterior, leave_a_core
from explorer.points import to_images

__all__ = ["encoding_ratio", "memory_at", "sample_pictures"]

BATCH: Final = 64
PICTURES: Final = 1_000
ROUNDS: Final = 5  # the bare network and the survey in turn, so that both see the same machine
SAMPLE: Final = Path("fashion-mnist-test", "t10k-images-idx3-ubyte.gz")
RATIOS: Final = (
    ("encode_per_bare_encoder", "encode", "encoder"),
    ("survey_per_bare_encoder", "survey", "encoder"),
    ("survey_per_bare_networks", "survey", "networks"),
)
BLOCK: Final = 10_000  # synthetic pictures written at once
SIDE: Final = 28


def encoding_ratio(generator: Generator, count: int = PICTURES, rounds: int = ROUNDS) -> dict[str, float]:
    """Pictures per second of ``encode``, of a survey, and of the networks alone; ratios of those.

    ``encode_per_bare_encoder`` is codes alone against the bare encoder. A survey also makes a copy of every picture and
    encodes that: ``survey_per_bare_networks`` is against bare encode, decode and encode; ``survey_per_bare_encoder`` is
    against the encoder alone.
    """
    dataset = sample_pictures(count)
    lens = model_lens(generator)
    _, pixels = next(batches(dataset, generator.image_shape, generator.preparation, BATCH))
    images = to_images(pixels, generator.device)  # laid out in memory as those of a dataset, which matters for speed
    work: dict[str, Callable[[], object]] = {
        "encoder": lambda: _bare_encoder(generator, images, count),
        "encode": lambda: [part.indices for part in encode_dataset(generator, dataset, BATCH, [], likelihood=False)],
        "survey": lambda: _survey_anew(dataset, lens),
    }
    if isinstance(lens, (EncodingLens, PosteriorLens)):
        work["networks"] = lambda: _bare_networks(generator, images, count)
    _bare_networks(generator, images, 2 * BATCH)  # what is only slow the first time
    rates = [{name: _rate(count, each) for name, each in work.items()} for _ in range(rounds)]
    told = {f"{name}_per_second": statistics.median(rate[name] for rate in rates) for name in work}
    for name, above, below in RATIOS:
        if above in work and below in work:
            told[name] = statistics.median(rate[above] / rate[below] for rate in rates)
    return told


def memory_at(count: int, generator: Generator | None = None, folder: Path | None = None) -> dict[str, float]:
    """How much memory a survey of ``count`` synthetic grey pictures of 28 x 28 takes, in MiB beyond what was there.

    The pictures are a file of 784 bytes each; with a model the survey takes as long as it takes.
    """
    from explorer.atlas.lens_pixels import PixelLens

    with tempfile.TemporaryDirectory(dir=folder) as name:
        home = Path(name)
        dataset = open_dataset(_write_synthetic(home / "pictures.npy", count))
        lens = PixelLens() if generator is None else model_lens(generator)
        before, peak = _resident(), 0.0

        def watch(done: float, total: float, note: str = "") -> None:
            nonlocal peak
            peak = max(peak, _resident())

        started = time.perf_counter()
        seen = survey(dataset, lens, home / "cache", BATCH, watch)
        watch(count, count)
        return {
            "pictures": float(len(seen)),
            "mebibytes": peak - before,
            "pictures_per_second": count / (time.perf_counter() - started),
        }


def sample_pictures(count: int) -> Dataset:
    """The first pictures of the sample dataset."""
    import dataclasses

    dataset = open_dataset(resources_folder() / SAMPLE)
    assert isinstance(dataset, ArrayDataset), "the sample dataset should be an array"
    return dataclasses.replace(dataset, array=dataset.array[:count], labels=None, label_names=())


def _survey_anew(dataset: Dataset, lens: Lens) -> Survey:
    with tempfile.TemporaryDirectory() as folder:
        return survey(dataset, lens, Path(folder), BATCH)


def _bare_encoder(generator: Generator, images: torch.Tensor, count: int) -> None:
    assert isinstance(generator, Encodes), "the model should be able to encode"
    leave_a_core()
    with torch.inference_mode():
        for _ in range(0, count, BATCH):
            generator.encode(images).cpu()


def _bare_networks(generator: Generator, images: torch.Tensor, count: int) -> None:
    leave_a_core()
    with torch.inference_mode():
        for _ in range(0, count, BATCH):
            assert isinstance(generator, Encodes), "the model should be able to encode"
            copies = generator.decode(generator.encode(images))
            again = generator.posterior(copies)[0] if isinstance(generator, HasPosterior) else generator.encode(copies)
            again.cpu()


def _rate(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def _write_synthetic(path: Path, count: int) -> Path:
    """Random blots, written block by block."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE))
    rng = np.random.default_rng(0)
    across = np.linspace(-1, 1, SIDE, dtype=np.float32)
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        x, y, width = (
            rng.uniform(low, high, (size, 1, 1)).astype(np.float32) for low, high in ((-1, 1), (-1, 1), (1, 9))
        )
        blot = np.exp(-width * ((across[None, None] - x) ** 2 + (across[None, :, None] - y) ** 2))
        array[start : start + size] = (blot * 255).astype(np.uint8)
    array.flush()
    del array
    return path


def _resident() -> float:
    """The memory of this process in MiB, pages of files that it maps included; the most there was, except on Linux."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    except (OSError, ValueError, IndexError, AttributeError):
        pass
    if sys.platform == "win32":
        return 0.0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)
