"""Pictures that are in a dataset more than once: pixel for pixel, or nearly, as the lens sees them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Bools, Floats, Ints, Neighbours, Survey
from explorer.datasets import Dataset
from explorer.errors import ImageError

__all__ = ["Duplicates", "duplicates", "usual_threshold"]

Report = Callable[..., object]

BLOCK_BYTES: Final = 32 << 20
# Of the usual distance of nearest neighbours. Measured with the codes of pixels: of 1,280 emoji it finds 43 of 60
# planted near copies (recompressed, half the size, cropped) and 5 pictures more, which differ by the tone of a few; of
# 10,000 pictures of Fashion-MNIST one pair. A quantile finds its share of pictures even where all are different.
CLOSE: Final = 0.1
TOGETHER: Final = 64  # pictures decoded between two reports


@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """Groups of rows that show the same, each ascending; the exact ones first, each kind in order of its first row.

    Attributes:
        is_exact: bool (g,), whether the pictures of a group are equal pixel for pixel.
        threshold: the largest distance between neighbours in a near group.
        told: in a sentence, how near was decided.
    """

    groups: tuple[Ints, ...]
    is_exact: Bools
    threshold: float
    told: str

    def numbers(self, count: int) -> Ints:
        """The group of every row (count,), -1 for rows in none; an exact group goes before a near one."""
        numbers = np.full(count, -1, np.int64)
        for number in reversed(range(len(self.groups))):
            numbers[self.groups[number]] = number
        return numbers

    def spare(self, count: int, exact_only: bool = True) -> Bools:
        """The rows (count,) that could go without anything being lost: all of a group but its first."""
        spare = np.zeros(count, np.bool_)
        for group, exact in zip(self.groups, self.is_exact, strict=True):
            if exact or not exact_only:
                spare[group[1:]] = True
        return spare


def duplicates(
    survey: Survey, neighbours: Neighbours | None, threshold: float | None = None, report: Report | None = None
) -> Duplicates:
    """Which pictures are the same: those with equal thumbnails are decoded and compared, near ones are those within
    ``threshold`` of a neighbour in the codes, and whatever is near to those.

    Without a threshold the one of ``usual_threshold`` holds; without neighbours only exact duplicates are found.
    Pictures that can no longer be read are in no exact group.
    """
    tell = report or _silent
    exact = _exact(survey, tell)
    pairs, limit, told = np.zeros((0, 2), np.int64), 0.0, "Only pictures that are equal pixel for pixel."
    if neighbours is not None and neighbours.indices.size:
        copies = np.zeros(len(survey), np.bool_)
        for group in exact:
            copies[group] = True
        limit = usual_threshold(neighbours.distances[~copies, 0]) if threshold is None else threshold
        told = f"Near means a distance of at most {limit:.4g}" + (
            ", which you chose." if threshold is not None else ", a tenth of what is usual between nearest neighbours."
        )
        pairs = _near_pairs(neighbours, limit)
    near = _near(len(survey), exact, pairs)
    groups = (*exact, *near)
    return Duplicates(groups, np.arange(len(groups)) < len(exact), limit, told)


def usual_threshold(nearest: Floats) -> float:
    """The distance up to which pictures are near duplicates: a tenth of the median of ``nearest`` (m,), so that where
    all pictures differ alike none are called the same."""
    known = nearest[np.isfinite(nearest)]
    if not len(known):
        return 0.0
    return float(CLOSE * np.median(known))


def _exact(survey: Survey, tell: Report) -> list[Ints]:
    """Groups of pictures that are equal pixel for pixel."""
    alike = _equal_thumbnails(survey.thumbnails, tell)
    total, done = sum(len(rows) for rows in alike), 0
    found: list[Ints] = []
    for rows in alike:
        by_content: defaultdict[bytes, list[int]] = defaultdict(list)
        for row in rows:
            content = _content(survey.dataset, int(survey.indices[row]))
            if content:
                by_content[content].append(int(row))
            done += 1
            if done % TOGETHER == 0 or done == total:
                tell(done, total, "comparing pictures")
        found += [np.array(same, np.int64) for same in by_content.values() if len(same) > 1]
    return sorted(found, key=lambda group: int(group[0]))


def _equal_thumbnails(thumbnails: npt.NDArray[np.uint8], tell: Report) -> list[Ints]:
    """Groups of rows with the same thumbnails, by a checksum of 64 bits."""
    count = len(thumbnails)
    sums = np.empty(count, np.uint64)
    width = int(np.prod(thumbnails.shape[1:]))
    words = -(-width // 8)
    factors = np.random.default_rng(0).integers(0, 1 << 63, words, np.uint64) * np.uint64(2) + np.uint64(1)
    step = max(1, BLOCK_BYTES // max(width, 1))
    for start in range(0, count, step):
        block = np.zeros((len(thumbnails[start : start + step]), words * 8), np.uint8)
        block[:, :width] = thumbnails[start : start + step].reshape(len(block), -1)
        mixed = block.view(np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * factors  # sums modulo 2**64
        sums[start : start + step] = (mixed ^ (mixed >> np.uint64(32))).sum(1, dtype=np.uint64)
        tell(min(start + step, count), count, "comparing thumbnails")
    order = np.argsort(sums, kind="stable")
    edges = np.flatnonzero(np.diff(sums[order])) + 1
    return [rows.astype(np.int64) for rows in np.split(order, edges) if len(rows) > 1]


def _content(dataset: Dataset, index: int) -> bytes:
    """What tells a picture from every other; nothing where it cannot be read."""
    try:
        picture = dataset.picture(index)
    except ImageError:
        return b""
    sha = hashlib.sha256(f"{picture.mode} {picture.size}".encode())
    sha.update(picture.tobytes())
    return sha.digest()


def _near_pairs(neighbours: Neighbours, limit: float) -> Ints:
    """All pairs of rows (n, 2) that are neighbours at most ``limit`` apart."""
    rows, places = np.nonzero(neighbours.distances <= limit)
    return np.column_stack([rows, neighbours.indices[rows, places]]).astype(np.int64)


def _near(count: int, exact: Iterable[Ints], pairs: Ints) -> list[Ints]:
    """Connected groups of rows in which not all are exact copies of each other."""
    if not len(pairs):
        return []
    copies = np.arange(count)
    for group in exact:
        copies[group] = group[0]
    links = [pairs, *(np.column_stack([group[:-1], group[1:]]) for group in exact)]
    numbers = _connected(count, np.concatenate(links))
    found: list[Ints] = []
    order = np.argsort(numbers, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if len(rows) > 1 and (copies[rows] != copies[rows[0]]).any():
            found.append(np.sort(rows).astype(np.int64))
    return sorted(found, key=lambda group: int(group[0]))


def _connected(count: int, pairs: Ints) -> Ints:
    """For every row (count,) the smallest row that pairs lead to from it, in any number of steps."""
    start, end = pairs.T
    least = np.arange(count)
    while True:
        low, hooked = np.minimum(least[start], least[end]), least.copy()
        np.minimum.at(hooked, least[start], low)  # hook whole groups, not rows: this halves their number
        np.minimum.at(hooked, least[end], low)
        hooked = hooked[hooked]
        if np.array_equal(hooked, least):
            return hooked
        least = hooked


def _silent(done: float, total: float, note: str = "", **_: Any) -> None:
    """Tell nobody."""
