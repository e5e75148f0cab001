"""From a dataset and a lens to a chart, in steps of which each is worth showing: the work behind the window's map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from explorer.atlas.choices import ReferenceChoice, unpacked
from explorer.atlas.values import Bools, Floats, Neighbours, Scores, Survey
from explorer.errors import DatasetError

if TYPE_CHECKING:
    from explorer.atlas.lenses import Lens
    from explorer.atlas.projection import MapSettings
    from explorer.atlas.scoring import Judge

__all__ = ["FEWEST_ROWS", "NEIGHBOURS", "Chart", "add_layout", "add_neighbours", "add_scores", "begin", "reference_of"]

NEIGHBOURS: Final = 50  # of every picture: for maps of up to as many, label checks, duplicates and searches
FEWEST_ROWS: Final = 30  # of a reference, so that a p-value says something
FEWEST_PICTURES: Final = 10
ENDINGS: Final = ("-images-idx3-ubyte.gz", "-images-idx3-ubyte", ".npy", ".npz", ".csv", ".tsv", ".parquet")


class Report(Protocol):
    """How work tells how far it is; raises to stop it."""

    def __call__(self, done: float, total: float, note: str = "") -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A dataset seen through a lens, as far as it is worked out.

    Attributes:
        positions: float32 (m, 2), where the rows of the survey lie.
        layout: how they were laid out: "PCA", "UMAP" or "densMAP".
        judge: what gave the scores, for pictures that come later and for other references.
        settings: of the last UMAP; None before there is one.
        place: the positions of further codes, once there is a UMAP.
    """

    path: Path
    lens: Lens
    survey: Survey
    positions: Floats
    layout: str = "PCA"
    neighbours: Neighbours | None = None
    scores: Scores | None = None
    judge: Judge | None = None
    settings: MapSettings | None = None
    place: Callable[[Floats], Floats] | None = None
    pca: Floats | None = None

    @property
    def name(self) -> str:
        """What the dataset is called in the window: the file without its endings."""
        name = self.survey.dataset.name
        return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)


def begin(
    path: Path,
    generator: Any,
    digest: str,
    cache: Path,
    report: Report,
    keep: Callable[[Chart], object],
    quota: int,
) -> Chart:
    """Read all pictures at ``path`` through a model (None: by their pixels; "features": by those of EfficientNet-Lite0)
    and lay them out by PCA.

    What was seen of datasets stays in ``cache``, up to ``quota`` bytes of all of them. ``keep`` gets a chart of what is
    there now and then, so that something is on screen early.

    Raises:
        ExplorerError: there is no such dataset, the model cannot look at pictures, or hardly any can be read.
    """
    from explorer.atlas.lenses import features_lens, lens_for
    from explorer.atlas.projection import pca_map
    from explorer.atlas.surveying import BATCH, survey
    from explorer.datasets import open_dataset

    report(0, 0, "listing the pictures")
    dataset = open_dataset(path)
    lens = features_lens() if generator == "features" else lens_for(generator, digest)

    def charted(seen: Survey) -> Chart:
        positions = pca_map(seen.codes)
        return Chart(path, lens, seen, positions, pca=positions)

    def keep_part(seen: Survey) -> None:
        if len(seen) >= FEWEST_PICTURES:
            keep(charted(seen))

    seen = survey(dataset, lens, cache, BATCH, report, keep_part, quota)
    if len(seen) < FEWEST_PICTURES:
        reasons = f" The first that cannot: {seen.unreadable[0].reason}" if seen.unreadable else ""
        raise DatasetError(
            f"{dataset.name} has {len(seen)} pictures that can be read, too few for a map.{reasons}",
            f"A map needs at least {FEWEST_PICTURES}.",
        )
    return charted(seen)


def add_neighbours(chart: Chart, report: Report) -> Chart:
    """The chart with the nearest neighbours of all rows."""
    from explorer.atlas.neighbours import find

    count = min(NEIGHBOURS, len(chart.survey) - 1)
    return replace(chart, neighbours=find(chart.survey.codes, count, report=report))


def reference_of(chart: Chart, choice: ReferenceChoice, cache: Path, report: Report) -> Any:
    """The reference that a person chose, as scoring wants it.

    Raises:
        ExplorerError: it has too few pictures, or its dataset cannot be opened.
    """
    from explorer.atlas.scoring import Reference
    from explorer.atlas.surveying import BATCH, survey
    from explorer.datasets import open_dataset

    count = len(chart.survey)
    if choice.kind == "dataset" and choice.path is not None:
        dataset = open_dataset(choice.path)
        other = survey(dataset, chart.lens, cache, BATCH, report)
        _check(len(other), dataset.name)
        return Reference("survey", None, other, f"the {len(other):,} pictures of {dataset.name}")
    rows: Bools | None = None
    told = ""
    if choice.kind == "label":
        labels = chart.survey.labels()
        if labels is not None:
            rows, told = labels == choice.label, f"the pictures labelled {_label(chart, choice.label)}"
    elif choice.kind == "selection":
        rows, told = unpacked(choice.rows, count), "the pictures chosen as normal"
    if rows is None:
        return Reference("none", None, None, "")
    _check(int(rows.sum()), told)
    return Reference("rows", rows, None, f"{told}, {int(rows.sum()):,} in all")


def add_scores(chart: Chart, choice: ReferenceChoice, cache: Path, report: Report, by_label: bool = False) -> Chart:
    """The chart with scores against a reference; ``by_label`` counts p-values within each label."""
    from explorer.atlas.scoring import score

    reference = reference_of(chart, choice, cache, report)
    labels = chart.survey.labels() if by_label else None
    scores, judge = score(chart.survey, reference, chart.neighbours, report, lens=chart.lens, labels=labels)
    return replace(chart, scores=scores, judge=judge)


def add_layout(chart: Chart, settings: MapSettings, report: Report, show: Callable[[Floats], object]) -> Chart:
    """The chart laid out by UMAP; ``show`` gets the positions while they settle."""
    from explorer.atlas.projection import umap_map

    assert chart.neighbours is not None, "neighbours come first"
    start = chart.pca if chart.pca is not None else chart.positions
    layout = umap_map(chart.survey.codes, chart.neighbours, settings, report, show, start=start)
    name = "densMAP" if settings.density else "UMAP"
    return replace(chart, positions=layout.positions, layout=name, settings=settings, place=layout.place)


def _label(chart: Chart, label: int) -> str:
    names = chart.survey.dataset.label_names
    return names[label] if 0 <= label < len(names) else str(label)


def _check(count: int, what: str) -> None:
    if count < FEWEST_ROWS:
        raise DatasetError(
            f"There are {count} pictures in {what}: too few to say what is normal.",
            f"A reference needs at least {FEWEST_ROWS}; some hundreds make it useful.",
        )
