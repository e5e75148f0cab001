"""Codes on a plane, by PCA and UMAP, and back from the plane to codes."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pytest

from explorer.atlas import clusters
from explorer.atlas.benching_map import first_map
from explorer.atlas.inverse import PlaceFinder, coverage, path, tiles
from explorer.atlas.neighbours import find
from explorer.atlas.projection import Layout, MapSettings, pca_map, umap_map
from explorer.atlas.umap_run import curve, memberships, union
from explorer.workers import Cancelled

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def blobs(count: int, dimensions: int = 10, groups: int = 5, seed: int = 0) -> tuple[Floats, Labels]:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(groups, dimensions)) * 6
    labels = random.integers(groups, size=count)
    return (centres[labels] + random.normal(size=(count, dimensions))).astype(np.float32), labels


def silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""


def laid_out(codes: Floats, settings: MapSettings) -> Layout:
    return umap_map(codes, find(codes, min(20, len(codes) - 1)), settings, silent)


def purity(positions: Floats, labels: Labels) -> float:
    """The share of the ten nearest in the map that have the same label."""
    return float((labels[find(positions, 10).indices] == labels[:, None]).mean())


# --- PCA ---


@pytest.mark.parametrize("dimensions", [2, 30, 700])
def test_pca_finds_the_directions_of_largest_variance(dimensions: int) -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(400, dimensions)) * np.concatenate(([9, 5], np.full(dimensions - 2, 0.2)))
    turned, _ = np.linalg.qr(random.normal(size=(dimensions, dimensions)))

    positions = pca_map((codes @ turned + 3).astype(np.float32))

    assert positions.dtype == np.float32
    centred = codes[:, :2] - codes[:, :2].mean(0)
    for axis in range(2):
        assert abs(np.corrcoef(positions[:, axis], centred[:, axis])[0, 1]) > 0.99
    np.testing.assert_allclose(positions.std(0), codes[:, :2].std(0), rtol=0.03)


def test_pca_is_the_same_every_time_and_codes_of_one_number_lie_on_a_line() -> None:
    codes, _ = blobs(50, 800)
    assert (pca_map(codes) == pca_map(codes)).all()
    assert (pca_map(codes[:, :1])[:, 1] == 0).all()


# --- UMAP ---


def test_memberships_sum_to_the_logarithm_of_the_neighbours() -> None:
    codes, _ = blobs(300)
    weights = memberships(find(codes, 14).distances, silent)

    assert (weights[:, 0] == 1).all()
    np.testing.assert_allclose(weights.sum(1), np.log2(15), rtol=1e-4)


def test_rows_with_equal_neighbours_have_memberships_too() -> None:
    weights = memberships(np.zeros((4, 3), np.float32), silent)

    assert np.isfinite(weights).all()


def test_a_graph_is_the_same_in_both_directions() -> None:
    codes, _ = blobs(60)
    found = find(codes, 6)
    weights = memberships(found.distances, silent)
    graph = union(found.indices, weights, silent)
    dense = np.zeros((60, 60))
    np.put_along_axis(dense, found.indices.astype(np.int64), weights, 1)

    table = np.zeros((60, 60))
    table[graph.heads, graph.tails] = graph.weights

    np.testing.assert_allclose(table, dense + dense.T - dense * dense.T, rtol=1e-6)


@pytest.mark.parametrize(
    ("min_dist", "a", "b"), [(0.0, 1.93281, 0.79049), (0.1, 1.57694, 0.89506), (0.5, 0.58303, 1.33417)]
)
def test_the_curve_is_the_one_of_umap_learn(min_dist: float, a: float, b: float) -> None:
    assert curve(min_dist) == pytest.approx((a, b), abs=1e-4)  # of umap.umap_.find_ab_params(1.0, min_dist)


def test_groups_of_codes_are_groups_on_the_map() -> None:
    codes, labels = blobs(400)

    layout = laid_out(codes, MapSettings(seed=1, epochs=100))

    assert layout.positions.dtype == np.float32
    assert np.isfinite(layout.positions).all()
    assert purity(layout.positions, labels) > 0.97


def test_a_seed_lays_out_the_same_map_and_another_seed_another() -> None:
    codes, _ = blobs(150)
    first, again, other = (laid_out(codes, MapSettings(seed=seed, epochs=30)).positions for seed in (1, 1, 2))

    assert (first == again).all()
    assert not (first == other).all()


def test_a_map_without_a_seed_has_the_same_groups() -> None:
    codes, labels = blobs(400)
    assert purity(laid_out(codes, MapSettings(epochs=100)).positions, labels) > 0.97


def test_equal_codes_and_equal_starts_come_apart() -> None:
    codes = np.zeros((40, 3), np.float32)
    assert np.isfinite(laid_out(codes, MapSettings(seed=0, epochs=20)).positions).all()


def test_densities_are_kept_where_that_is_asked_for() -> None:
    random = np.random.default_rng(0)
    scale = np.repeat([1.0, 6.0], 200)[:, None]
    codes = (random.normal(size=(400, 5)) * scale + np.repeat([0, 60], 200)[:, None]).astype(np.float32)

    def ratio(settings: MapSettings) -> float:
        far = find(laid_out(codes, settings).positions, 10).distances.mean(1)
        return float(np.median(far[200:]) / np.median(far[:200]))

    assert ratio(MapSettings(seed=0, epochs=200, density=True)) > 2.5
    assert ratio(MapSettings(seed=0, epochs=200)) < 1.7


def test_other_settings_need_no_other_neighbours() -> None:
    codes, _ = blobs(120)
    neighbours = find(codes, 30)
    for count in (2, 15, 31, 80):  # the last is more than are known
        layout = umap_map(codes, neighbours, MapSettings(neighbours=count, seed=0, epochs=10), silent)
        assert layout.positions.shape == (120, 2)


def test_a_layout_is_shown_while_it_settles_and_stops_at_the_report_that_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("explorer.atlas.umap_run.SHOW_SECONDS", 0.0)
    codes, _ = blobs(200)
    seen: list[Floats] = []
    before = threading.active_count()

    def stop(done: float, total: float, note: str = "") -> None:
        if note.startswith("epoch") and done >= 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        umap_map(codes, find(codes, 15), MapSettings(epochs=50), stop, seen.append)

    assert len(seen) == 5
    assert not (seen[0] == seen[4]).all()  # each is a copy
    assert threading.active_count() == before


def test_epochs_are_told_in_order() -> None:
    told: list[tuple[float, float]] = []
    codes, _ = blobs(60)

    def report(done: float, total: float, note: str = "") -> None:
        if note.startswith("epoch"):
            told.append((done, total))

    umap_map(codes, find(codes, 10), MapSettings(epochs=12, seed=0), report)

    assert told == [(epoch, 12) for epoch in range(12)]


def test_further_codes_lie_among_their_like_and_nothing_moves() -> None:
    codes, labels = blobs(500)
    others, other_labels = blobs(60, seed=5)
    layout = laid_out(codes, MapSettings(seed=0, epochs=100))
    before = layout.positions.copy()

    placed = layout.place(others)

    far = np.square(placed[:, None] - layout.positions[None]).sum(2)
    assert (labels[far.argmin(1)] == other_labels).mean() > 0.97
    assert (layout.positions == before).all()
    assert (layout.place(others) == placed).all()
    assert (layout.place(codes[:3]) == layout.positions[:3]).all()


# --- back to codes ---


def test_a_place_on_a_point_gives_its_code_and_empty_places_are_far() -> None:
    codes, _ = blobs(300)
    positions = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    finder = PlaceFinder(positions, codes)

    found, far = finder.code_at(np.vstack([positions[[5, 9]], [[80, 80]]]))

    np.testing.assert_allclose(found[:2], codes[[5, 9]], rtol=1e-4, atol=1e-4)
    assert far[:2].tolist() == [0, 0]
    assert far[2] > 100
    assert finder.nearest(positions[[7]]).tolist() == [7]


def test_a_place_between_points_gives_a_code_between_theirs() -> None:
    codes = np.array([[0, 0], [4, 8]], np.float32)
    found, _ = PlaceFinder(np.array([[0, 0], [2, 0]], np.float32), codes).code_at(np.array([[1, 0]]))

    np.testing.assert_allclose(found, [[2, 4]], rtol=1e-6)


def test_tiles_lie_evenly_over_a_view() -> None:
    class View:
        left, top, scale = 10.0, -4.0, 2.0

    assert tiles(View(), (8, 4), 2, 1).tolist() == [[11.0, -3.0], [13.0, -3.0]]


def test_a_walk_between_pictures_goes_where_pictures_are() -> None:
    angles = np.linspace(0, np.pi, 60)
    codes = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)  # half a ring

    along, rows = path(codes, 0, 59, 31, find(codes, 4))
    straight, ends = path(codes, 0, 59, 31)

    assert np.linalg.norm(along, axis=1).min() > 0.99
    assert np.linalg.norm(straight, axis=1).min() < 0.01
    assert (rows[0], rows[-1], len(ends)) == (0, 59, 2)
    steps = np.linalg.norm(np.diff(along, axis=0), axis=1)
    assert steps.max() < 1.05 * steps.min()
    assert (along[0] == codes[0]).all()
    assert (along[-1] == codes[59]).all()


def test_a_walk_between_places_that_nothing_joins_is_straight() -> None:
    codes = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
    along, rows = path(codes, 0, 3, 3, find(codes, 1))

    assert rows.tolist() == [0, 3]
    np.testing.assert_allclose(along[:, 0], [0, 4.55, 9.1], rtol=1e-5)


def test_what_a_model_never_makes_and_what_it_makes_up_is_told_apart() -> None:
    random = np.random.default_rng(0)
    real = np.concatenate([random.normal(0, 1, (200, 3)), random.normal(40, 1, (50, 3))]).astype(np.float32)
    made = np.concatenate([random.normal(0, 1, (200, 3)), random.normal(-40, 1, (30, 3))]).astype(np.float32)

    found = coverage(real, made)

    assert found.unreached[200:].all()
    assert found.unlike[200:].all()
    assert found.unreached[:200].mean() < 0.2
    assert found.unlike[:200].mean() < 0.2
    assert found.precision == pytest.approx(1 - found.unlike.mean())
    assert found.recall == pytest.approx(1 - found.unreached.mean())


# --- groups ---


@pytest.mark.slow  # for what it imports
def test_groups_are_found_and_numbered_by_size() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat([2, 0, 1], [60, 300, 120])
    positions = (np.array([[0, 0], [9, 0], [0, 9]])[truth] + random.normal(0, 0.5, (480, 2))).astype(np.float32)
    found = clusters.find(positions)

    assert set(found.tolist()) <= {-1, 0, 1, 2}
    sure = found >= 0
    assert sure.mean() > 0.9
    assert (found[sure] == truth[sure]).all()


def test_groups_of_many_rows_are_found_on_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MOST_ROWS", 500)
    codes, labels = blobs(3000, 10, 3)
    found = clusters.find(codes)

    assert len(found) == 3000
    for group in range(3):
        assert len(np.unique(labels[found == group])) == 1


def test_too_few_rows_are_one_group() -> None:
    assert clusters.find(np.zeros((5, 2), np.float32)).tolist() == [0] * 5


@pytest.mark.slow
def test_the_first_map_of_a_fresh_process_is_timed() -> None:
    seconds = first_map(300, 8)

    parts = seconds["pca_seconds"] + seconds["neighbours_seconds"] + seconds["umap_seconds"]
    assert seconds["first_umap_seconds"] == pytest.approx(parts)
    assert min(seconds.values()) > 0
