"""The table of a comparison: one list of measures for the window, the terminal and the files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from explorer.errors import ExportError
from explorer.files import write_text
from explorer.measures.values import Comparison, ModelMeasures

__all__ = ["MEASURES", "Measure", "best_of", "to_csv", "to_json", "to_markdown", "to_rows", "write_table"]

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Measure:
    """One column: what it is called, its unit, whether less is better, how its number is written, and what it means.

    ``by_features`` marks measures whose number depends on the features that pictures are compared by.
    """

    key: str  # a field of ModelMeasures
    title: str
    unit: str
    smaller_is_better: bool
    written: str  # a format of one number
    meaning: str
    factor: float = 1.0  # from the field to the unit
    by_features: bool = False

    def heading(self, features: str) -> str:
        """The title with its unit or features, and an arrow to where better is."""
        title = self.title.replace("{features}", features) if self.by_features else self.title
        return f"{title}{f' [{self.unit}]' if self.unit else ''} {'↓' if self.smaller_is_better else '↑'}"

    def number(self, row: ModelMeasures) -> float | None:
        """The number of a row in the unit of this measure."""
        value = getattr(row, self.key)
        value = getattr(value, "mean", value)
        return None if value is None else float(value) * self.factor

    def text(self, row: ModelMeasures) -> str:
        """The number as it is shown, a dash where there is none."""
        number = self.number(row)
        if number is None:
            return NOTHING
        text = format(number, self.written)
        if self.key == "bits_per_dimension" and row.bits_per_dimension is not None:
            sign = {"lower bound": "≤ ", "ODE estimate": "≈ "}.get(row.likelihood_kind, "")
            return f"{sign}{text} ± {row.bits_per_dimension.error:.2f}"
        return text


MEASURES: Final[tuple[Measure, ...]] = (
    Measure(
        "seconds_per_picture",
        "Time per picture",
        "ms",
        True,
        ",.3g",
        "How long one sample takes in a batch, drawn as the checkpoint suggests.",
        factor=1000.0,
    ),
    Measure(
        "bits_per_dimension",
        "Likelihood",
        "bits/dim",
        True,
        ".2f",
        "-log2 p(x) for every value of a held-out picture, ± standard error; ≤ is a bound, ≈ an estimate.",
    ),
    Measure(
        "reconstruction_error",
        "Reconstruction RMS",
        "%",
        True,
        ".2f",
        "What encoding and decoding changes of a held-out picture, of the range from black to white.",
        factor=50.0,
    ),
    Measure(
        "frechet",
        "FD-{features}",
        "",
        True,
        ".3g",
        "Frechet distance of samples to real pictures, in these features; it is not FID.",
        by_features=True,
    ),
    Measure(
        "precision",
        "Precision",
        "",
        False,
        ".2f",
        "The share of samples that lie among real pictures.",
    ),
    Measure(
        "recall",
        "Recall",
        "",
        False,
        ".2f",
        "The share of real pictures that lie among samples.",
    ),
    Measure(
        "path_length",
        "Path length ({features})",
        "",
        True,
        ",.3g",
        "How fast pictures change along a way through latent space, in these features; it is not LPIPS.",
        by_features=True,
    ),
)
DESCRIPTIONS: Final[tuple[tuple[str, Callable[[ModelMeasures], str]], ...]] = (
    ("Model", lambda row: row.name),
    ("Family", lambda row: row.family_title or NOTHING),
    ("Parameters", lambda row: f"{row.parameters:,}" if row.parameters else NOTHING),
)
KEPT: Final[tuple[tuple[str, Callable[[ModelMeasures], str]], ...]] = (  # that only the files have
    ("Kind of likelihood", lambda row: row.likelihood_kind),
    ("Drawn with", lambda row: row.drawn),
    ("Samples", lambda row: str(row.samples)),
    ("Remarks", lambda row: " ".join((row.failure, *row.warnings)).strip()),
)


def to_rows(comparison: Comparison) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The header and the rows as they are shown, every cell a text."""
    features = comparison.circumstances.features
    header = (*(title for title, _ in DESCRIPTIONS), *(measure.heading(features) for measure in MEASURES))
    rows = tuple(
        (*(tell(row) for _, tell in DESCRIPTIONS), *(measure.text(row) for measure in MEASURES))
        for row in comparison.rows
    )
    return header, rows


def best_of(measure: Measure, rows: Sequence[ModelMeasures]) -> float | None:
    """The best number among models; None where fewer than two have one."""
    numbers = [number for row in rows if not row.is_real and (number := measure.number(row)) is not None]
    if len(numbers) < 2:
        return None
    return min(numbers) if measure.smaller_is_better else max(numbers)


def to_csv(comparison: Comparison) -> str:
    """Plain numbers with a dot, one row per model, then a line that says where they come from, after a ``#``."""
    features = comparison.circumstances.features
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [title for title, _ in DESCRIPTIONS]
    for measure in MEASURES:
        header.append(measure.heading(features)[:-2])
        if measure.key == "bits_per_dimension":
            header.append("Standard error [bits/dim]")
    writer.writerow([*header, *(title for title, _ in KEPT)])
    for row in comparison.rows:
        cells = [row.name, row.family_title, str(row.parameters or "")]
        for measure in MEASURES:
            number = measure.number(row)
            cells.append("" if number is None else f"{number:.6g}")
            if measure.key == "bits_per_dimension":
                cells.append("" if row.bits_per_dimension is None else f"{row.bits_per_dimension.error:.6g}")
        writer.writerow([*cells, *(tell(row) for _, tell in KEPT)])
    return f"{text.getvalue()}# {comparison.circumstances.told()}\n"


def to_markdown(comparison: Comparison) -> str:
    """A table with the best number of every column in bold, then remarks, and where the numbers come from."""
    header, rows = to_rows(comparison)
    best = [None] * len(DESCRIPTIONS) + [best_of(measure, comparison.rows) for measure in MEASURES]
    columns = [None] * len(DESCRIPTIONS) + list(MEASURES)
    lines = ["| " + " | ".join(map(_cell, header)) + " |", "|" + "---|" * len(header)]
    for row, cells in zip(comparison.rows, rows, strict=True):
        shown = []
        for cell, measure, winner in zip(cells, columns, best, strict=True):
            is_best = measure is not None and winner is not None and not row.is_real and measure.number(row) == winner
            shown.append(f"**{_cell(cell)}**" if is_best else _cell(cell))
        lines.append("| " + " | ".join(shown) + " |")
    remarks = [f"- {_cell(row.name)}: {_cell(line)}" for row in comparison.rows for line in remarks_of(row)]
    hint = [comparison.circumstances.hint] if comparison.circumstances.hint else []
    parts = ["\n".join(lines), "\n".join(remarks), comparison.circumstances.told(), *hint]
    return "\n\n".join(part for part in parts if part) + "\n"


def remarks_of(row: ModelMeasures) -> tuple[str, ...]:
    """What should be known of a row: why it failed, how it was drawn, what was left out."""
    drawn = (f"drawn with {row.drawn}",) if row.drawn else ()
    return (*((row.failure,) if row.failure else ()), *drawn, *row.warnings)


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything as one JSON object; what was not measured is null."""
    return {"circumstances": asdict(comparison.circumstances), "models": [asdict(row) for row in comparison.rows]}


def write_table(path: Path, comparison: Comparison) -> None:
    """Write the table, atomically, as CSV or Markdown by the ending of ``path``.

    Raises:
        ExportError: the ending is another one, or the file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".md"):
        raise ExportError(f"{path.name} is no table this program writes.", "Let its name end in .csv or .md.")
    write_text(path, to_csv(comparison) if kind == ".csv" else to_markdown(comparison))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
