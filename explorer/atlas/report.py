"""A report of odd pictures as one HTML file that needs nothing else: no scripts, no network, readable in ten years."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.atlas.values import Bytes, Floats, Scores
from explorer.files import write_atomically

__all__ = ["Entry", "histogram_svg", "write_report"]

Report = Callable[..., object]

SIDE: Final = 320  # pixels; larger pictures are shrunk to it
BINS: Final = 60
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 200, 48, 26  # of the histogram, and of its margins
# Black, purple, red, orange, yellow, as in the window: each lighter than the one before.
HEAT: Final = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
STYLE: Final = """
:root { color-scheme: light dark; --ground: #f4f5f7; --panel: #fff; --line: #d9dde3; --text: #1d2129; --dim: #69707d;
  --accent: #2f6fde; --amber: #b76e00; --red: #c93a3a; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181d; --panel: #1d2026; --line: #30353f; --text: #e6e8ec;
  --dim: #8d95a3; --accent: #6ea8fe; --amber: #ffb454; --red: #ff6b6b; } }
body { font: 15px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--text); margin: 0 auto;
  padding: 24px; max-width: 1120px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 32px 0 8px; }
p { max-width: 72ch; margin: 4px 0; } .dim { color: var(--dim); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 16px; }
article { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 16px; }
article h3 { font-size: 14px; margin: 0 0 8px; overflow-wrap: anywhere; }
.pictures { display: flex; gap: 8px; } figure { margin: 0; flex: 1 1 0; min-width: 0; max-width: 160px; }
figure img { width: 100%; display: block; background: #000; image-rendering: auto; }
figure img.small { image-rendering: pixelated; } figcaption { font-size: 12px; color: var(--dim); }
.reason { color: var(--red); } dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } td, th { padding: 4px 12px 4px 0;
  text-align: left; border-bottom: 1px solid var(--line); } th { font-weight: 600; }
svg { max-width: 100%; height: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
@media print { body { max-width: none; padding: 0; } article { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One picture of a report.

    Attributes:
        name: what it is called.
        original: uint8 (h, w, c), c is 1 or 3.
        reconstruction: the same, or None where there is none.
        heat: where it is odd, float (h, w) from 0 to ``heat_top``; None where that is not known.
        reason: what is odd about it, in words.
        further: what else to say about it, by name.
    """

    name: str
    original: Bytes
    reconstruction: Bytes | None = None
    heat: Floats | None = None
    heat_top: float = 1.0
    reason: str = ""
    p_value: float | None = None
    q_value: float | None = None
    further: Mapping[str, object] = field(default_factory=dict)


def write_report(
    path: Path,
    entries: Iterable[Entry],
    stamp: Mapping[str, object],
    scores: Scores | None = None,
    rate: float | None = None,
    total: int = 0,
    report: Report | None = None,
) -> None:
    """Write a page with the pictures in the order given, how all are scored, and the stamp; atomically.

    Entries are taken one by one, so that ``total`` of them never are in memory together. ``rate`` is the share of
    normal pictures that may be flagged: it is marked in the histogram.

    Raises:
        ExportError: the file cannot be written.
    """
    tell = report or _silent
    title = f"Odd pictures of {stamp.get('dataset', 'a dataset')}"
    with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
            '<meta name="viewport" content="width=device-width">\n'
            f"<style>{STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n"
        )
        if scores is not None:
            _write_scores(file, scores, rate)
        file.write('<h2>Pictures, the oddest first</h2>\n<div class="cards">\n')
        count = 0
        for count, entry in enumerate(entries, 1):
            file.write(_card(count, entry))
            tell(count, max(total, count), entry.name)
        file.write("</div>\n" if count else "</div>\n<p>None.</p>\n")
        file.write(f"<h2>Where this comes from</h2>\n{_definitions(stamp)}\n</body></html>\n")


def histogram_svg(scores: Scores, rate: float | None = None) -> str:
    """How many pictures have which score, as an inline SVG: both axes logarithmic, what is flagged in red."""
    values = np.log10(np.maximum(np.asarray(scores.combined, np.float64), 1e-3))
    if not len(values):
        return ""
    counts, edges = np.histogram(values, BINS)
    flagged = scores.p_value <= rate if rate is not None else np.zeros(len(values), np.bool_)
    limit = float(values[flagged].min()) if flagged.any() else float("inf")
    low, high = float(edges[0]), float(edges[-1])
    most = float(np.log10(max(int(counts.max()), 1) * 1.5 + 1))

    def across(value: float) -> float:
        return LEFT + (value - low) / max(high - low, 1e-9) * (WIDTH - LEFT - 8)

    def up(number: float) -> float:
        return (HEIGHT - BOTTOM) * (1 - float(np.log10(number + 1)) / most)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="How many of {len(values):,} pictures have which score">'
    ]
    for number, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if number:
            colour = "--red" if (left + right) / 2 >= limit else "--accent"
            x, y, wide = across(left), up(int(number)), across(right) - across(left)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide - 1, 0.5):.1f}" '
                f'height="{HEIGHT - BOTTOM - y:.1f}" fill="var({colour})"/>'
            )
    for power in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        parts.append(_text(across(power), HEIGHT - 8, f"{10.0**power:g}", "middle"))
    for power in range(int(most) + 1):
        parts.append(_text(LEFT - 6, up(10**power) + 4, f"{10**power:,}", "end"))
    if np.isfinite(limit):
        x = across(limit)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT - BOTTOM}" stroke="var(--amber)"/>')
    return "".join((*parts, "</svg>"))


def _write_scores(file: TextIO, scores: Scores, rate: float | None) -> None:
    """What was compared with what, how many are flagged, and what the self-test found."""
    if scores.told:
        told = f"Compared with {scores.told}" if scores.is_calibrated else scores.told[:1].upper() + scores.told[1:]
        file.write(f'<p class="dim">{escape(told)}.</p>\n')
    if rate is not None:
        flagged = int((scores.p_value <= rate).sum())
        meaning = (
            f"{rate * 10_000:,.4g} false alarms in 10,000 normal pictures are allowed"
            if scores.is_calibrated
            else f"the oddest {rate:.4g} of all; without a reference this is a ranking, not a rate of false alarms"
        )
        file.write(f"<p>{flagged:,} of {len(scores.p_value):,} pictures are flagged: {meaning}.</p>\n")
    file.write(f"<h2>Scores of all pictures</h2>\n{histogram_svg(scores, rate)}\n")
    titles = dict(zip(scores.names, scores.titles, strict=True))
    for name, why in scores.off.items():
        file.write(f"<p>{escape(titles.get(name, name))} takes no part: {escape(why)}</p>\n")
    if scores.tests:
        kinds = list(dict.fromkeys(kind for kind, _ in scores.tests))
        names = list(dict.fromkeys(name for _, name in scores.tests))
        file.write("<h2>What each score finds of damage made on purpose</h2>\n")
        file.write('<p class="dim">Area under the curve, 0.5 is guessing; share found at 1 % false alarms.</p>\n')
        head = "".join(f"<th>{escape(titles.get(name, name))}</th>" for name in names)
        rows = "".join(f"<tr><th>{escape(kind)}</th>{_results(scores, kind, names)}</tr>\n" for kind in kinds)
        file.write(f"<table><tr><th></th>{head}</tr>\n{rows}</table>\n")


def _results(scores: Scores, kind: str, names: Sequence[str]) -> str:
    cells = (scores.tests.get((kind, name)) for name in names)
    return "".join("<td></td>" if cell is None else f"<td>{cell[0]:.2f}, {cell[1]:.0%}</td>" for cell in cells)


def _card(number: int, entry: Entry) -> str:
    """One picture with what is known of it."""
    figures = [_figure(entry.original, "original")]
    if entry.reconstruction is not None:
        figures.append(_figure(entry.reconstruction, "as the model sees it"))
    if entry.heat is not None:
        figures.append(_figure(_heated(entry.heat, entry.heat_top), "where it is odd"))
    known: dict[str, object] = {}
    if entry.p_value is not None:
        known["p"] = f"{entry.p_value:.3g}"
    if entry.q_value is not None:
        known["q"] = f"{entry.q_value:.3g}"
    reason = f'<p class="reason">{escape(entry.reason)}</p>' if entry.reason else ""
    return (
        f"<article><h3>{number}. {escape(entry.name)}</h3>"
        f'<div class="pictures">{"".join(figures)}</div>{reason}{_definitions(known | dict(entry.further))}</article>\n'
    )


def _figure(pixels: Bytes, caption: str) -> str:
    """A picture inside the page, with a line below it."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    small = ' class="small"' if max(image.size) <= 128 else ""
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, format="PNG")
    content = base64.b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<figure><img{small} alt="{caption}" src="data:image/png;base64,{content}"><figcaption>{caption}</figcaption>'
        "</figure>"
    )


def _heated(heat: Floats, top: float) -> npt.NDArray[np.uint8]:
    """Values (h, w) in false colours (h, w, 3); what is above ``top`` is as light as it."""
    shares = np.clip(np.nan_to_num(np.asarray(heat, np.float64)) / max(top, 1e-12), 0, 1)
    places = np.linspace(0, 1, len(HEAT))
    colours = [np.interp(shares, places, [anchor[channel] for anchor in HEAT]) for channel in range(3)]
    return np.stack(colours, -1).round().astype(np.uint8)


def _definitions(known: Mapping[str, object]) -> str:
    """Names and what they are, below each other; what is empty is left out."""
    lines = [
        f"<dt>{escape(str(name).replace('_', ' '))}</dt><dd>{escape(_said(value))}</dd>"
        for name, value in known.items()
        if value not in (None, "", {}, [], ())
    ]
    return f"<dl>{''.join(lines)}</dl>" if lines else ""


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_said(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(part) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="var(--dim)" text-anchor="{anchor}">{text}</text>'


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
