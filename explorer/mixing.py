"""Mixing as plain functions: which point feeds which layer or level of a model, and the table of mixtures.

Sources are counted from 0, the scene's own point; source r above that is row r - 1 of its ``Styles``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count, islice
from typing import Final

from explorer.scene import ALL_LAYERS, Latent, Scene, Seed, StyleRow, Styles

__all__ = [
    "Band",
    "Table",
    "add_row",
    "alone",
    "bands",
    "erase",
    "paint",
    "remove_row",
    "shares",
    "source_scenes",
    "table",
    "table_layers",
    "table_sources",
    "weigh",
]

NAMES: Final = ("coarse", "middle", "fine")
LARGEST_SIDES: Final = (8, 32)  # of the features of coarse and of middle layers, in pixels
DECIMALS: Final = 6  # of a weight; less is rounding
ACROSS: Final = 5  # columns of a table, and as many rows
LARGEST_SEED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Band:
    """Neighbouring layers that do alike things, from ``first`` up to, not including, ``end``."""

    name: str
    first: int
    end: int


def bands(sides: Sequence[int]) -> tuple[Band, ...]:
    """Coarse, middle and fine layers, for layers whose features have these sides in pixels.

    They are those of Karras et al. 2019, section 3.1: up to 8x8, 16x16 and 32x32, and larger. A model that has not all
    three is divided at thirds of its sizes; one with fewer than three sizes, at thirds of its layers.
    """
    largest = list(accumulate(sides, max))  # the last layers of a StyleGAN3 are smaller again
    kinds = [sum(side > limit for limit in LARGEST_SIDES) for side in largest]
    if len(set(kinds)) < 3:
        sizes = sorted(set(largest))
        kinds = [3 * sizes.index(side) // len(sizes) for side in largest]
    if len(set(kinds)) < 3:
        kinds = [3 * index // len(largest) for index in range(len(largest))]
    return tuple(
        Band(name, kinds.index(kind), len(kinds) - kinds[::-1].index(kind))
        for kind, name in enumerate(NAMES)
        if kind in kinds
    )


def shares(styles: Styles, layers: int) -> tuple[tuple[float, ...], ...]:
    """How much of every layer comes from every source, (1 + rows, layers); 1 in all at each layer. As ``mix``."""
    weights = [[max(dict(row.weights).get(layer, 0.0), 0.0) for layer in range(layers)] for row in styles.rows]
    sums = [sum(row[layer] for row in weights) for layer in range(layers)]
    rows = tuple(tuple(weight / max(total, 1.0) for weight, total in zip(row, sums, strict=True)) for row in weights)
    return tuple(max(1.0 - total, 0.0) for total in sums), *rows


def weigh(styles: Styles, source: int, layers: Iterable[int], share: float) -> Styles:
    """The styles with ``share`` of these layers from ``source``.

    A row takes first what the scene's own point has there, then from the other rows alike. The own point gives to the
    other rows, or takes from them, alike; where there are none, it keeps all.
    """
    weights = [dict(row.weights) for row in styles.rows]
    share = min(max(share, 0.0), 1.0)
    for layer in layers:
        total = max(sum(max(row.get(layer, 0.0), 0.0) for row in weights), 1.0)
        others = [index for index in range(len(weights)) if index != source - 1]
        now = {index: max(weights[index].get(layer, 0.0), 0.0) / total for index in others}
        room, taken = 1.0 - share, sum(now.values())
        factor = room / taken if taken > 0 and (source == 0 or taken > room) else 1.0
        for index in others:
            weights[index][layer] = now[index] * factor
        if source > 0:
            weights[source - 1][layer] = share
    return Styles(tuple(replace(row, weights=_pairs(pairs)) for row, pairs in zip(styles.rows, weights, strict=True)))


def paint(styles: Styles, source: int, layers: Iterable[int]) -> Styles:
    """The styles with these layers from ``source`` alone."""
    return weigh(styles, source, layers, 1.0)


def erase(styles: Styles, source: int, layers: Iterable[int]) -> Styles:
    """The styles with nothing of these layers from a row; the own point has what is left, so nothing changes there."""
    return styles if source == 0 else weigh(styles, source, layers, 0.0)


def add_row(styles: Styles, latent: Latent) -> Styles:
    """The styles with one more row, which feeds nothing yet."""
    return Styles((*styles.rows, StyleRow(latent)))


def remove_row(styles: Styles, source: int) -> Styles:
    """The styles without the row ``source``, counted from 1; its layers fall back to the own point."""
    return Styles(tuple(row for index, row in enumerate(styles.rows, 1) if index != source))


def alone(scene: Scene, latent: Latent) -> Scene:
    """The scene in which a point feeds every layer, as it feeds some of them in ``scene``."""
    return replace(scene, latent=_pulled(latent, scene), styles=Styles())


def source_scenes(scene: Scene) -> list[Scene]:
    """Every source of a scene by itself, the own point first."""
    return [replace(scene, styles=Styles()), *(alone(scene, row.latent) for row in scene.styles.rows)]


# --- the table ---


@dataclass(frozen=True, slots=True)
class Table:
    """The classic mixing table: points ``across``, with the layers ``first`` to ``end`` of the points ``down``."""

    scene: Scene
    across: tuple[Latent, ...]
    down: tuple[Latent, ...]
    first: int
    end: int

    @property
    def columns(self) -> int:
        """Pictures in a row, that of the source in front of it included."""
        return len(self.across) + 1

    def sheet(self) -> list[Scene]:
        """All scenes row by row, sources in front and on top; the scene itself in the corner, which is left empty."""
        cells = table(self.scene, self.across, self.down, self.first, self.end)
        width = len(self.across)
        rows = [[alone(self.scene, latent) for latent in self.across]]
        rows += [cells[start : start + width] for start in range(0, len(cells), width)]
        heads = [self.scene, *(alone(self.scene, latent) for latent in self.down)]
        return [scene for head, row in zip(heads, rows, strict=True) for scene in (head, *row)]

    def at(self, row: int, column: int) -> Scene | None:
        """Where a picture of the sheet leads: sources leave the rows of the scene, unused. Nowhere from the corner."""
        if (row, column) == (0, 0):
            return None
        found = self.sheet()[row * self.columns + column]
        return found if row and column else replace(found, styles=_unused(self.scene.styles))

    def place(self) -> tuple[int, int] | None:
        """The row and column of the mixture that the scene itself is."""
        cells = table(self.scene, self.across, self.down, self.first, self.end)
        index = next((index for index, cell in enumerate(cells) if cell == self.scene), None)
        return None if index is None else (index // len(self.across) + 1, index % len(self.across) + 1)

    def has_points_of(self, other: Table) -> bool:
        """Whether both are tables of the same points."""
        return (self.across, self.down) == (other.across, other.down)

    def suits(self, scene: Scene) -> bool:
        """Whether ``scene`` is a mixture of these points, so that its table may keep them."""
        rows = [_bare(row.latent) for row in scene.styles.rows][:ACROSS]
        return _bare(scene.latent) in self.across and set(rows) <= set(self.down)


def table(scene: Scene, across: Sequence[Latent], down: Sequence[Latent], first: int, end: int) -> list[Scene]:
    """Row by row, the points ``across`` with the layers from ``first`` up to, not including, ``end`` of those ``down``.

    Everything else is that of ``scene``; its rows stay, without their layers.
    """
    layers = tuple((layer, 1.0) for layer in range(first, end))
    cells = []
    for source in down:
        rows = list(_unused(scene.styles).rows)
        known = [_bare(row.latent) for row in rows]
        place = known.index(_bare(source)) if _bare(source) in known else len(rows)
        rows[place : place + 1] = [StyleRow(rows[place].latent if place < len(rows) else source, layers)]
        cells += [replace(scene, latent=_pulled(latent, scene), styles=Styles(tuple(rows))) for latent in across]
    return cells


def table_sources(scene: Scene, favourites: Iterable[Latent] = ()) -> tuple[tuple[Latent, ...], tuple[Latent, ...]]:
    """The points across and down of a scene's table, five each at most.

    Down are the rows of the scene; across its own point and, where there are two or more, favourites. Seeds that follow
    that of the scene fill up what has fewer.
    """
    own = _bare(scene.latent)
    rows = list(dict.fromkeys(_bare(row.latent) for row in scene.styles.rows))[:ACROSS]
    kept = [latent for latent in dict.fromkeys(map(_bare, favourites)) if latent != own and latent not in rows]
    seeds = _following(scene, {own, *rows, *kept})
    if len(kept) < 2:
        kept = list(islice(seeds, ACROSS - 1))
    if len(rows) < 2:
        rows += islice(seeds, ACROSS - len(rows))
    return (own, *kept)[:ACROSS], tuple(rows)


def table_layers(wanted: tuple[int, int], sides: Sequence[int]) -> tuple[int, int]:
    """The layers, first and end, that a table takes from its rows: ``wanted``, or coarse ones for none and for all."""
    first, end = wanted[0], min(wanted[1], len(sides))
    coarse = bands(sides)[0]
    return (first, end) if first < end and end - first < len(sides) else (coarse.first, coarse.end)


def _pairs(weights: dict[int, float]) -> tuple[tuple[int, float], ...]:
    rounded = ((layer, round(weight, DECIMALS)) for layer, weight in weights.items())
    return tuple(sorted(pair for pair in rounded if pair[1] > 0))


def _pulled(latent: Latent, scene: Scene) -> Latent:
    """The point with the truncation of the scene, which holds for all of its sources."""
    own = scene.latent
    return replace(latent, truncation=own.truncation, cutoff=own.cutoff, temperatures=own.temperatures)


def _bare(latent: Latent) -> Latent:
    return replace(latent, truncation=1.0, cutoff=ALL_LAYERS, temperatures=())


def _unused(styles: Styles) -> Styles:
    return Styles(tuple(replace(row, weights=()) for row in styles.rows))


def _following(scene: Scene, without: set[Latent]) -> Iterator[Latent]:
    """Points of one seed each, after that of the scene; after 0 where it has none."""
    first = next((source.number for source, _ in scene.latent.sources if isinstance(source, Seed)), -1)
    seeds = (Latent(((Seed(number % (LARGEST_SEED + 1)), 1.0),)) for number in count(first + 1))
    return (latent for latent in seeds if latent not in without)
