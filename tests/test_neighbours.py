"""Nearest rows: against comparing everything with everything, in double precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from explorer.atlas.neighbours import find, nearest, recall, within
from explorer.workers import Cancelled


def blobs(count: int, dimensions: int, seed: int = 0) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(8, dimensions)) * 3
    return (centres[random.integers(8, size=count)] + random.normal(size=(count, dimensions))).astype(np.float32)


def all_distances(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.sqrt(np.square(first[:, None].astype(np.float64) - second[None].astype(np.float64)).sum(2))


@pytest.mark.parametrize("count", [40, 700, 1500])
def test_neighbours_are_the_nearest_other_rows(count: int) -> None:
    codes = blobs(count, 6)
    far = all_distances(codes, codes)
    np.fill_diagonal(far, np.inf)

    found = find(codes, 15)

    assert found.indices.dtype == np.int32
    assert found.distances.dtype == np.float32
    np.testing.assert_allclose(found.distances, np.sort(far, 1)[:, :15], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(far, found.indices.astype(np.int64), 1), found.distances, rtol=1e-5)


def test_a_large_common_offset_costs_no_digits() -> None:
    codes = blobs(300, 4)

    moved = find(codes + np.float32(1000), 5)

    np.testing.assert_allclose(moved.distances, find(codes, 5).distances, atol=1e-3)


def test_equal_rows_are_neighbours_at_no_distance_and_a_row_is_never_its_own() -> None:
    codes = blobs(200, 3)
    codes[7] = codes[150]

    found = find(codes, 4)

    assert (found.indices[7, 0], found.indices[150, 0]) == (150, 7)
    assert found.distances[7, 0] == 0
    assert not (found.indices == np.arange(200)[:, None]).any()


def test_all_rows_may_be_equal() -> None:
    found = find(np.ones((30, 2), np.float32), 29)

    assert (found.distances == 0).all()
    assert all(len(set(row)) == 29 for row in found.indices.tolist())


def test_a_query_that_is_a_row_finds_it() -> None:
    codes = blobs(500, 5)

    found = nearest(codes, codes[[3, 99]], 3)

    assert found.indices[:, 0].tolist() == [3, 99]
    np.testing.assert_allclose(found.distances, np.sort(all_distances(codes[[3, 99]], codes), 1)[:, :3], rtol=1e-5)


def test_asking_for_more_neighbours_than_rows_gives_all_rows() -> None:
    assert nearest(blobs(4, 2), blobs(3, 2, seed=1), 10).indices.shape == (3, 4)


@pytest.mark.slow
def test_sorting_many_rows_into_cells_finds_nearly_all_neighbours() -> None:
    codes = blobs(12_000, 8)

    found = find(codes, 10, exact_rows=1000)

    assert recall(codes, found, sample=12_000) > 0.96
    assert not (found.indices == np.arange(12_000)[:, None]).any()
    assert (np.diff(found.distances) >= 0).all()
    real = np.sqrt(np.square(codes[:, None] - codes[found.indices]).sum(2))
    np.testing.assert_allclose(found.distances, real, rtol=1e-4, atol=1e-5)


def test_a_search_stops_at_the_report_that_raises() -> None:
    def stop(done: float, total: float, note: str = "") -> None:
        if done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        find(blobs(5000, 4), 5, report=stop)


def test_within_is_being_near_enough_to_any_centre() -> None:
    centres, queries = blobs(60, 3), blobs(300, 3, seed=1)
    radii = np.linspace(0.1, 3, 60).astype(np.float32)

    assert (within(centres, radii, queries) == (all_distances(queries, centres) <= radii).any(1)).all()
