"""Everything that is measured of one model, one measure after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from explorer.errors import ExplorerError, SceneError
from explorer.generators import Denoises, Generator, HasLikelihood
from explorer.measures.features import describe
from explorer.measures.likelihood import bits_per_dimension, likelihood_count
from explorer.measures.path_length import path_count, perceptual_path_length
from explorer.measures.reconstruction import reconstruction_count, reconstruction_error
from explorer.measures.reference import Reference, make_reference
from explorer.measures.sampling import classes_for, draw_samples, told
from explorer.measures.values import ModelMeasures, Report, Settings, no_report
from explorer.points import to_images

__all__ = ["measure"]

T = TypeVar("T")
RUNS_AT_ONCE: Final = 10  # on a processor, where more are no faster, and a person waits for a batch to end
log = logging.getLogger(__name__)


def measure(
    generator: Generator,
    images: npt.NDArray[np.uint8],
    settings: Settings,
    report: Report = no_report,
    reference: Reference | None = None,
) -> ModelMeasures:
    """What can be measured of a model against pictures of a dataset, uint8 (n, h, w, c), prepared for this model.

    With ``reference``, made of such pictures before, these are not looked at again. A measure that fails is left out
    and its reason is among the warnings. ``report`` may raise to cancel.

    Raises:
        DatasetError: there are too few pictures.
        SceneError, DeviceError: the model cannot draw.
    """
    started = time.perf_counter()
    if reference is None:
        reference = make_reference(images, settings, generator.device)
    return replace(_Measuring(generator, reference, settings, report).all(), seconds=time.perf_counter() - started)


class _Measuring:
    """One model on its way through the measures, and how far it is."""

    def __init__(self, generator: Generator, reference: Reference, settings: Settings, report: Report) -> None:
        self._generator, self._reference, self._settings, self._report = generator, reference, settings, report
        self._warnings: list[str] = list(generator.warnings)
        held_out = len(reference.held_out)
        self._likely = self._counted(lambda: likelihood_count(generator, held_out))
        self._rebuilt = self._counted(lambda: reconstruction_count(generator, held_out))
        self._paths = self._counted(lambda: path_count(generator, reference.samples))
        self._total = 2 * reference.samples + self._likely + self._rebuilt + 2 * self._paths
        self._done = 0

    def all(self) -> ModelMeasures:
        generator, reference, settings = self._generator, self._reference, self._settings
        count, batch = reference.samples, settings.batch
        if isinstance(generator, Denoises) and generator.device.type == "cpu":
            batch = min(batch, RUNS_AT_ONCE)
        classes = classes_for(generator, max(count, self._paths), reference.labels, reference.label_count)
        drawn = draw_samples(generator, count, settings.seed, batch, classes, self._teller("drawing"))
        self._done += count
        made = to_images(drawn.pixels, generator.device)
        described = describe(reference.features, made, settings.batch, self._teller("looking at samples"))
        self._done += count
        distance, precision, recall = reference.compare(described)
        likelihood = self._tried(
            "likelihood",
            self._likely,
            1,
            lambda tell: bits_per_dimension(generator, reference.images(self._likely), batch, tell),
        )
        rebuilt = self._tried(
            "reconstruction",
            self._rebuilt,
            1,
            lambda tell: reconstruction_error(generator, reference.images(self._rebuilt), batch, tell),
        )
        length = self._tried(
            "path length",
            self._paths,
            2,
            lambda tell: perceptual_path_length(
                generator, reference.features, self._paths, settings.seed, batch, classes, tell
            ),
        )
        return ModelMeasures(
            generator.name,
            generator.family_title,
            generator.image_shape,
            generator.parameters,
            told(generator),
            drawn.seconds_per_picture,
            likelihood,
            generator.likelihood_kind if likelihood is not None and isinstance(generator, HasLikelihood) else "",
            rebuilt,
            distance,
            precision,
            recall,
            length,
            reference.features.name,
            count,
            warnings=tuple(dict.fromkeys(self._warnings)),
        )

    def _counted(self, count: Callable[[], int]) -> int:
        try:
            return count()
        except SceneError as error:
            self._warnings.append(error.message)
            return 0

    def _teller(self, note: str, weight: int = 1) -> Callable[[int], object]:
        return lambda done: self._report(self._done + weight * done, self._total, note)

    def _tried(self, note: str, count: int, weight: int, work: Callable[[Callable[[int], object]], T]) -> T | None:
        """The result of a measure; None where it does not apply or fails, with a warning."""
        result = None
        if count:
            try:
                result = work(self._teller(note, weight))
            except ExplorerError as error:
                self._warnings.append(f"The {note} was left out: {error.message}")
            except RuntimeError as error:  # what torch raises; the other measures are still worth having
                log.info("The %s of %s failed.", note, self._generator.name, exc_info=True)
                self._warnings.append(f"The {note} was left out: {error}.")
            self._done += weight * count
        return result
