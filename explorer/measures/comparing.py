"""Several models beside each other, measured against one dataset."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from explorer import __version__
from explorer.datasets import Dataset, batches
from explorer.errors import DatasetError, ExplorerError
from explorer.generators import Generator, pick_device
from explorer.imaging import Preparation
from explorer.measures.features import HINT, PIXELS, choose
from explorer.measures.measuring import measure
from explorer.measures.reference import MOST_PICTURES, Reference, make_reference, measure_real
from explorer.measures.values import (
    FEWEST_PICTURES,
    Circumstances,
    Comparison,
    ModelMeasures,
    Report,
    Settings,
    no_report,
)

__all__ = ["Candidate", "compare"]

PARTS: Final = 1000  # of the progress of one model
FEW_SAMPLES: Final = 250  # fewer than this, and chance decides more than the model
REAL_PARTS: Final = 100  # of real pictures, at the end
REFERENCE_PARTS: Final = 300  # of these, where real pictures are looked at first
Key = tuple[tuple[int, int, int], Preparation]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to compare: what it is called until it is open, and how it is opened (or is already)."""

    name: str
    open: Callable[[], object]  # gives a Generator: the window, which knows no torch, cannot say so


def compare(
    candidates: Sequence[Candidate],
    dataset: Dataset,
    settings: Settings,
    report: Report = no_report,
    made: Callable[[Comparison], object] = lambda comparison: None,
) -> Comparison:
    """Measure all models in turn, one in memory at a time, and real pictures last.

    A model that cannot be opened or measured keeps its row, with the reason. ``report`` may raise to cancel; it is
    called between batches. ``made`` gets what there is after every model, so that cancelling need not lose it.

    Raises:
        DatasetError: the dataset has fewer than 50 pictures that can be read.
        SceneError: the features are not known or not installed. DeviceError: there is no such device.
    """
    if len(dataset) < FEWEST_PICTURES:
        raise DatasetError(
            f"{dataset.name} has {len(dataset)} pictures, and no fewer than {FEWEST_PICTURES} say anything.",
            "Choose a larger dataset.",
        )
    features = choose(settings.features)
    yard = _Yardsticks(dataset, settings)
    models, rows = PARTS * len(candidates), list[ModelMeasures]()
    total = models + REAL_PARTS
    for index, candidate in enumerate(candidates):
        row = _measured(candidate, yard, settings, _part_of(report, index, total, candidate.name))
        rows.append(row if row.failure else replace(row, warnings=yard.told(row)))
        made(Comparison(tuple(_told_apart(rows)), _circumstances(yard, rows, features)))
    real = yard.real(lambda done, of: report(models + REAL_PARTS * done // max(of, 1), total, "real pictures"))
    return Comparison((*_told_apart(rows), *real), _circumstances(yard, rows, features))


def _circumstances(yard: _Yardsticks, rows: Sequence[ModelMeasures], features: str) -> Circumstances:
    settings, dataset = yard.settings, yard.dataset
    device = str(pick_device(settings.device)) if yard.device is None else str(yard.device)
    return Circumstances(
        machine=_machine(),
        device=device,
        dataset=dataset.name,
        pictures=yard.pictures or min(len(dataset), MOST_PICTURES),
        samples=max((row.samples for row in rows), default=0) or settings.samples,
        seed=settings.seed,
        features=features,
        version=__version__,
        hint=HINT if features == PIXELS and settings.features != "pixels" else "",
    )


def _measured(candidate: Candidate, yard: _Yardsticks, settings: Settings, report: Report) -> ModelMeasures:
    report(0, 1, "opening")
    try:
        generator = candidate.open()
    except ExplorerError as error:
        return ModelMeasures(candidate.name, failure=str(error))
    assert isinstance(generator, Generator), "a candidate should open a generator"
    try:
        reference = yard.reference(generator, lambda done, of: report(done * REFERENCE_PARTS, of * PARTS, "real ones"))
        share = PARTS - REFERENCE_PARTS

        def tell(done: int, total: int, note: str) -> None:
            report(REFERENCE_PARTS * total + done * share, total * PARTS, note)

        return measure(generator, reference.held_out, settings, tell, reference)
    except DatasetError:
        raise
    except ExplorerError as error:
        reason = str(error)
    except RuntimeError as error:  # what torch raises; the other models are still worth measuring
        log.info("%s could not be measured.", generator.name, exc_info=True)
        reason = f"It could not be measured: {error}."
    return ModelMeasures(
        generator.name, generator.family_title, generator.image_shape, generator.parameters, failure=reason
    )


@dataclass(slots=True)
class _Yardsticks:
    """References by how pictures are prepared, each made when a model first asks for it."""

    dataset: Dataset
    settings: Settings
    known: dict[Key, Reference] = field(default_factory=dict)
    device: torch.device | None = None
    pictures: int = 0
    left_out: int = 0

    def reference(self, generator: Generator, report: Callable[[int, int], object]) -> Reference:
        """The one for pictures prepared as this model wants them."""
        self.device = generator.device
        key = generator.image_shape, generator.preparation
        if key not in self.known:
            pixels, labels = self._load(key, lambda done, of: report(done, 10 * of))
            self.known[key] = make_reference(
                pixels,
                self.settings,
                generator.device,
                labels,
                len(self.dataset.label_names),
                lambda done, of: report(of + 9 * done, 10 * of),
            )
        return self.known[key]

    def real(self, report: Callable[[int, int], object]) -> tuple[ModelMeasures, ...]:
        """A row for every size of pictures that was used."""
        device, rows, seen = self.device or torch.device("cpu"), list[ModelMeasures](), 0
        total = sum(reference.samples for reference in self.known.values())
        for key, reference in self.known.items():
            name = "real pictures" if len(self.known) == 1 else f"real pictures, {_told(key)}"
            tell = partial(_further, report, seen, total)
            rows.append(measure_real(reference, self.settings, device, name, tell))
            seen += reference.samples
        return tuple(rows)

    def told(self, row: ModelMeasures) -> tuple[str, ...]:
        """What should be known of a row, beside its own warnings."""
        said = list(row.warnings)
        if row.samples < self.settings.samples:
            said.append(f"Only {row.samples:,} samples, half of the pictures that there are.")
        if row.samples < FEW_SAMPLES:
            said.append(f"With so few samples ({row.samples}) the Frechet distance says little.")
        if self.left_out:
            said.append(f"{self.left_out:,} pictures of {self.dataset.name} cannot be read and were left out.")
        return tuple(said)

    def _load(
        self, key: Key, report: Callable[[int, int], object]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
        """Pictures (n, h, w, c), at most MOST_PICTURES of them at random, and their labels."""
        count = len(self.dataset)
        chosen = np.arange(count)
        if count > MOST_PICTURES:
            random = np.random.default_rng(self.settings.seed)
            chosen = np.sort(random.choice(count, MOST_PICTURES, replace=False))
        parts, kept, seen = [], [], 0
        stream = batches(self.dataset, *key, 100, chosen, "skip", [])
        try:
            for indices, pixels in stream:
                kept.append(indices)
                parts.append(pixels)
                seen += len(indices)
                report(seen, len(chosen))
        finally:
            stream.close()
        if seen < FEWEST_PICTURES:
            raise DatasetError(
                f"Only {seen} pictures in {self.dataset.name} can be read, and no fewer than {FEWEST_PICTURES} say "
                "anything."
            )
        self.pictures, self.left_out = seen, len(chosen) - seen
        labels = self.dataset.labels
        return np.concatenate(parts), None if labels is None else labels[np.concatenate(kept)]


def _told(key: Key) -> str:
    """How pictures are prepared, in words."""
    (channels, height, width), preparation = key
    inner = f" around {preparation.content}" if preparation.content not in (0, width) else ""
    return f"{width} x {height}{inner}, {'grey' if channels == 1 else 'colour'}"


def _further(report: Callable[[int, int], object], before: int, total: int, done: int) -> None:
    report(before + done, total)


def _part_of(report: Report, index: int, total: int, name: str) -> Report:
    def tell(done: int, of: int, note: str) -> None:
        report(index * PARTS + PARTS * done // max(of, 1), total, f"{name}: {note}")

    return tell


def _told_apart(rows: list[ModelMeasures]) -> list[ModelMeasures]:
    """The rows with a warning where likelihoods of pictures of different sizes stand beside each other."""
    shapes = {row.image_shape for row in rows if row.bits_per_dimension is not None}
    if len(shapes) < 2:
        return rows
    warning = "Bits per dimension of pictures of another size cannot be compared."
    return [
        replace(row, warnings=(*row.warnings, warning)) if row.bits_per_dimension is not None else row for row in rows
    ]


def _machine() -> str:
    kind = platform.processor() or platform.machine()
    return f"{platform.system()} {kind}, {os.cpu_count()} cores, torch {torch.__version__}"
