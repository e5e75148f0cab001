"""Who is next to whom: the k nearest rows of every row, found once and shared by maps, scores, searches and duplicates.

Up to ``EXACT_ROWS`` rows (on a GPU: any number) everything is compared with everything. Above, rows are sorted into
cells around centres, and a row is compared with the cells near its own: the inverted file of Sivic and Zisserman 2003.
How many cells is chosen on a sample of rows that are compared with everything, so that ``RECALL`` of the true
neighbours are found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from explorer.atlas.values import Bools, Floats, Neighbours

__all__ = ["EXACT_ROWS", "find", "nearest", "recall", "within"]

Report: TypeAlias = Callable[..., object]

EXACT_ROWS: Final = 60_000  # on a processor; about a quarter of a minute of one core
RECALL: Final = 0.98
BLOCK: Final = 1 << 23  # distances at a time: 32 MiB, some tens of milliseconds
SPARE: Final = 8  # candidates more than asked for, so that rounding in the fast formula loses none
GROUP: Final = 32
PROBES: Final = (8, 16, 32, 64, 128, 256)
SAMPLE: Final = 300
CELL: Final = 1000  # rows in a cell, about
STEPS: Final = 6  # of k-means
RESTED: Final = float("inf")


def find(
    codes: Floats, k: int, device: str = "cpu", report: Report | None = None, exact_rows: int = EXACT_ROWS
) -> Neighbours:
    """The k nearest other rows of every row of ``codes`` (m, d), by Euclidean distance, the nearest first.

    A row is never its own neighbour; rows that are equal to it are. With more than ``exact_rows`` rows on a processor
    a few neighbours may be missed, see ``recall``; the report says how many. ``report`` may raise to stop the search.
    """
    count = len(codes)
    assert 1 <= k < count, f"k should be from 1 to {count - 1}, it is {k}"
    tell = report or _silent
    tell(0, count, "comparing pictures")
    points = _centred(codes).to(device)
    indices = np.empty((count, k), np.int32)
    distances = np.empty((count, k), np.float32)
    if count <= exact_rows or device != "cpu":
        _search_all(points, k, indices, distances, tell)
    else:
        _search_cells(points, k, indices, distances, tell)
    return Neighbours(indices, distances)


@torch.inference_mode()
def nearest(codes: Floats, queries: Floats, k: int, device: str = "cpu") -> Neighbours:
    """The k rows of ``codes`` (m, d) nearest to each of ``queries`` (q, d), exactly; a query that is a row finds it."""
    k = min(k, len(codes))
    middle = codes[:: max(1, len(codes) // 10_000)].mean(0, dtype=np.float64).astype(np.float32)
    points, asked = torch.from_numpy(codes - middle).to(device), torch.from_numpy(queries - middle).to(device)
    squares = (points * points).sum(1)
    indices, distances = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.float32)
    for rows in _blocks(len(queries), len(codes)):
        found, far = _smallest(asked[rows], points, squares, None, k)
        indices[rows], distances[rows] = found.cpu().numpy(), far.cpu().numpy()
    return Neighbours(indices, distances)


@torch.inference_mode()
def within(centres: Floats, radii: Floats, queries: Floats) -> Bools:
    """Which of ``queries`` (q, d) lie within the radius (c,) of at least one of ``centres`` (c, d)."""
    middle = centres.mean(0, dtype=np.float64).astype(np.float32)
    points, asked = torch.from_numpy(centres - middle), torch.from_numpy(queries - middle)
    squares, reach = (points * points).sum(1), torch.from_numpy(radii).square()
    result = np.zeros(len(queries), np.bool_)
    for rows in _blocks(len(queries), len(centres)):
        part = asked[rows]
        keys = torch.addmm(squares - reach, part, points.T, alpha=-2)
        result[rows] = (keys.amin(1) <= -part.square().sum(1)).numpy()
    return result


@torch.inference_mode()
def recall(codes: Floats, neighbours: Neighbours, sample: int = SAMPLE, seed: int = 0) -> float:
    """Which share of the true neighbours of ``sample`` rows is among those found, in [0, 1]: counted by distance."""
    points = _centred(codes)
    rows = np.random.default_rng(seed).choice(len(codes), min(sample, len(codes)), replace=False)
    k = neighbours.indices.shape[1]
    _, far = _smallest(points[rows], points, (points * points).sum(1), torch.from_numpy(rows), k)
    return float((neighbours.distances[rows] <= far[:, -1:].numpy() * (1 + 1e-5)).mean())


@torch.inference_mode()
def _search_all(points: Tensor, k: int, indices: npt.NDArray[np.int32], distances: Floats, report: Report) -> None:
    squares = (points * points).sum(1)
    for rows in _blocks(len(points), len(points)):
        report(rows.start, len(points), "comparing pictures")
        own = torch.arange(rows.start, rows.stop, device=points.device)
        found, far = _smallest(points[rows], points, squares, own, k)
        indices[rows], distances[rows] = found.cpu().numpy(), far.cpu().numpy()


@torch.inference_mode()
def _search_cells(points: Tensor, k: int, indices: npt.NDArray[np.int32], distances: Floats, report: Report) -> None:
    count = len(points)
    cell_of, centres = _cells(points, report)
    order = torch.argsort(cell_of, stable=True)
    points = points[order].contiguous()  # a cell's rows lie side by side
    squares = (points * points).sum(1)
    starts = torch.searchsorted(cell_of[order], torch.arange(len(centres) + 1))
    near = torch.cdist(centres, centres).argsort(1)
    probes, share = _choose_probes(points, squares, starts, cell_of[order], near, k, report)
    note = f"comparing pictures with those near them, {share:.1%} of the neighbours are found"
    place = torch.full((count,), -1)  # of a row among the candidates
    for cell in range(len(centres)):
        first, last = int(starts[cell]), int(starts[cell + 1])
        if first == last:
            continue
        candidates = _rows_of(starts, near[cell], probes, k + 1)
        others, other_squares = points[candidates], squares[candidates]
        place[candidates] = torch.arange(len(candidates))
        for part in _blocks(last - first, len(candidates)):
            report(first + part.start, count, note)
            own = torch.arange(first + part.start, first + part.stop)
            found, far = _smallest(points[own], others, other_squares, place[own], k)
            rows = order[own].numpy()
            indices[rows] = order[candidates[found]].numpy()
            distances[rows] = far.numpy()


def _cells(points: Tensor, report: Report) -> tuple[Tensor, Tensor]:
    """Which cell every row is in, (m,), and the centres, by some steps of k-means on a part of the rows."""
    shuffle = torch.Generator().manual_seed(0)
    number = max(2, len(points) // CELL)
    sample = points[torch.randperm(len(points), generator=shuffle)[: number * 60]]
    centres = sample[:number].clone()
    for _ in range(STEPS):
        cell_of = _nearest_centre(sample, centres, report)
        sums = torch.zeros_like(centres).index_add_(0, cell_of, sample)
        sizes = torch.bincount(cell_of, minlength=number)
        taken = sizes > 0
        centres[taken] = sums[taken] / sizes[taken, None]
    return _nearest_centre(points, centres, report), centres


def _nearest_centre(points: Tensor, centres: Tensor, report: Report) -> Tensor:
    squares = (centres * centres).sum(1)
    cells = torch.empty(len(points), dtype=torch.int64)
    for rows in _blocks(len(points), len(centres)):
        report(0, len(points), "sorting pictures into groups")
        cells[rows] = torch.addmm(squares, points[rows], centres.T, alpha=-2).argmin(1)
    return cells


def _choose_probes(
    points: Tensor, squares: Tensor, starts: Tensor, cell_of: Tensor, near: Tensor, k: int, report: Report
) -> tuple[int, float]:
    """How many cells to look into, and which share of the neighbours that finds, measured on a sample of rows."""
    rows = torch.randperm(len(points), generator=torch.Generator().manual_seed(1))[:SAMPLE]
    limits = torch.empty(len(rows))
    for part in _blocks(len(rows), len(points)):
        report(0, len(points), "measuring how far to look")
        limits[part] = _smallest(points[rows[part]], points, squares, rows[part], k)[1][:, -1] * (1 + 1e-5)
    share = 0.0
    for probes in PROBES:
        found = 0
        for row, limit in zip(rows.tolist(), limits.tolist(), strict=True):
            report(0, len(points), "measuring how far to look")
            others = points[_rows_of(starts, near[cell_of[row]], probes, k + 1)]
            far = (others - points[row]).square().sum(1).sqrt()
            found += min(int((far <= limit).sum()) - 1, k)  # but for itself
        share = found / (k * len(rows))
        if share >= RECALL or probes >= len(near):
            return probes, share
    return PROBES[-1], share


def _rows_of(starts: Tensor, cells: Tensor, probes: int, least: int) -> Tensor:
    """The rows in the first ``probes`` of ``cells``, or in as many more as it takes to have ``least`` rows."""
    sizes = (starts[cells + 1] - starts[cells]).cumsum(0)
    probes = max(probes, int(torch.searchsorted(sizes, least)) + 1)
    return torch.cat([torch.arange(int(starts[cell]), int(starts[cell + 1])) for cell in cells[:probes].tolist()])


def _smallest(queries: Tensor, points: Tensor, squares: Tensor, own: Tensor | None, k: int) -> tuple[Tensor, Tensor]:
    """The indices (q, k) int64 of the nearest points and their distances, nearest first; ``own`` (q,) are left out.

    |a - b|² = |a|² - 2ab + |b|² is fast and rounds; so some more are taken and measured again without it.
    """
    keys = torch.addmm(squares, queries, points.T, alpha=-2)  # less |a|², which changes no order
    if own is not None:
        keys[torch.arange(len(keys), device=keys.device), own] = RESTED
    wanted = min(k + SPARE, len(points) - (own is not None))
    candidates = _lowest(keys, wanted)
    exact = (points[candidates] - queries[:, None]).square().sum(2).sqrt()
    far, order = torch.sort(exact, dim=1, stable=True)
    return candidates.gather(1, order[:, :k]), far[:, :k]


def _lowest(keys: Tensor, count: int) -> Tensor:
    """The columns (q, count) of the lowest keys of each row.

    They lie in the ``count`` groups of columns with the lowest minima, so that most columns are only looked at once.
    """
    rows, columns = keys.shape
    groups = columns // GROUP
    if groups < 2 * count:
        return keys.topk(count, 1, largest=False, sorted=False).indices
    tail = torch.arange(groups * GROUP, columns, device=keys.device)
    lows = keys[:, : groups * GROUP].view(rows, groups, GROUP).amin(2)
    best = lows.topk(count, 1, largest=False, sorted=False).indices
    inside = (best[:, :, None] * GROUP + torch.arange(GROUP, device=keys.device)).flatten(1)
    candidates = torch.cat((inside, tail.expand(rows, -1)), 1)
    chosen = keys.gather(1, candidates).topk(count, 1, largest=False, sorted=False).indices
    return candidates.gather(1, chosen)


def _centred(codes: Floats) -> Tensor:
    """The codes about their mean: large common offsets would cost digits."""
    return torch.from_numpy(np.subtract(codes, codes.mean(0, dtype=np.float64).astype(np.float32), dtype=np.float32))


def _blocks(rows: int, columns: int) -> list[slice]:
    size = max(1, min(2048, BLOCK // max(columns, 1)))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
