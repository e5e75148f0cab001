"""Points as an image, and which of them are within an outline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from explorer.atlas import lasso, splat
from explorer.atlas.benching_map import frames, lasso_milliseconds
from explorer.atlas.density import density, levels


@dataclass(frozen=True)
class Seen:
    left: float = 0.0
    top: float = 0.0
    scale: float = 1.0


@pytest.fixture(autouse=True)
def _own_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test finds loops as it leaves them: compiled for those that ask, and otherwise not."""
    monkeypatch.setattr(splat, "_ready", [])


def cloud(count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    return random.normal(40, 12, (count, 2)).astype(np.float32), random.integers(0, 256, (count, 3), np.uint8)


def points(*places: tuple[float, float]) -> npt.NDArray[np.float32]:
    return np.array(places, np.float32)


RED = np.array([[255, 0, 0]], np.uint8)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_a_point_is_the_pixel_it_lies_in(is_compiled: bool) -> None:
    if is_compiled:
        splat.warm_up()

    image = splat.draw(points((12.5, 21.25)), RED, Seen(10, 20, 2.0), (8, 6), opacity=1.0)

    assert image.shape == (6, 8, 4)
    assert np.argwhere(image[..., 3]).tolist() == [[2, 5]]
    assert image[2, 5].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize("highlighted", [False, True])
def test_compiled_loops_draw_what_numpy_draws(highlighted: bool) -> None:
    positions, colours = cloud(120_000)
    highlight = np.arange(120_000) % 7 == 0 if highlighted else None
    given = positions, colours, Seen(-5, 0, 3.0), (220, 200), highlight
    slow = splat.draw(*given, opacity=0.1)

    splat.warm_up()
    fast = splat.draw(*given, opacity=0.1)

    assert np.abs(slow.astype(int) - fast).max() <= 1


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_an_image_is_the_same_every_time(radius: float) -> None:
    splat.warm_up()
    positions, colours = cloud(120_000)
    first, second = (splat.draw(positions, colours, Seen(scale=2), (160, 200), radius=radius) for _ in range(2))

    assert (first == second).all()


def test_more_points_make_a_pixel_more_opaque() -> None:
    splat.warm_up()
    once = splat.draw(points((0, 0)), RED, Seen(), (1, 1), opacity=0.5)
    twice = splat.draw(points((0, 0), (0, 0)), np.repeat(RED, 2, 0), Seen(), (1, 1), opacity=0.5)

    assert once[0, 0].tolist() == [128, 0, 0, 128]
    assert twice[0, 0].tolist() == [191, 0, 0, 191]  # half of the rest


def test_a_pixel_of_very_many_points_has_their_mean_colour() -> None:
    splat.warm_up()
    colours = np.tile(np.array([[200, 100, 0], [100, 0, 50]], np.uint8), (5000, 1))

    image = splat.draw(np.zeros((10_000, 2), np.float32), colours, Seen(), (1, 1))

    assert np.abs(image[0, 0].astype(int) - (150, 50, 25, 255)).max() <= 2


@pytest.mark.parametrize("radius", [0.5, 3.0])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_highlighted_points_lie_above_the_others(radius: float, order: tuple[int, int]) -> None:
    splat.warm_up()
    highlight = np.array(order, np.bool_)

    image = splat.draw(
        points((4.5, 4.5), (4.5, 4.5)), np.repeat(RED, 2, 0), Seen(), (9, 9), highlight, radius, opacity=1.0
    )

    assert image[4, 4].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_points_that_are_not_highlighted_are_grey_and_faint(radius: float) -> None:
    splat.warm_up()
    image = splat.draw(points((4.5, 4.5)), RED, Seen(), (9, 9), np.zeros(1, np.bool_), radius, opacity=1.0)

    red, green, blue, opacity = image[4, 4].astype(int)
    assert red == green == blue
    assert 0 < opacity < 128


def test_a_disc_covers_its_area() -> None:
    splat.warm_up()
    image = splat.draw(points((20.3, 19.8)), RED, Seen(), (40, 40), radius=6.0, opacity=1.0)

    assert image[..., 3].sum() / 255 == pytest.approx(np.pi * 36, rel=0.02)
    assert (image[..., 0] == image[..., 3]).all()  # colours are multiplied by the opacity


def test_very_many_large_points_are_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    splat.warm_up()
    monkeypatch.setattr(splat, "MOST_DISCS", 0)

    image = splat.draw(points((3.5, 1.5)), RED, Seen(), (7, 5), radius=1.0, opacity=1.0)

    assert np.argwhere(image[..., 3]).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    assert image.shape == (5, 7, 4)
    assert image[1, 3].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_places_out_of_sight_or_not_finite_are_left_out(radius: float) -> None:
    splat.warm_up()
    places = points((-50, 1), (1, 900), (np.nan, 1), (np.inf, 1), (1, -np.inf))

    assert not splat.draw(places, np.repeat(RED, 5, 0), Seen(), (20, 20), radius=radius).any()


def test_a_deep_zoom_keeps_points_apart() -> None:
    splat.warm_up()
    left = 1000.0
    near = np.float32(left) + np.array([0, 6.1035156e-05 * 5], np.float32)  # five steps of single precision
    image = splat.draw(
        np.stack([near, np.zeros(2, np.float32)], 1), np.repeat(RED, 2, 0), Seen(left, 0, 65536.0), (40, 1)
    )

    assert np.flatnonzero(image[0, :, 3]).tolist() == [0, 20]


def test_read_only_memory_is_drawn_too() -> None:
    splat.warm_up()
    positions, colours = cloud(100)
    positions.flags.writeable = colours.flags.writeable = False

    assert splat.draw(positions, colours, Seen(), (80, 80)).any()


def test_no_points_and_no_room_are_empty_images() -> None:
    nothing = np.zeros((0, 2), np.float32), np.zeros((0, 3), np.uint8)
    assert splat.draw(*nothing, Seen(), (5, 4)).shape == (4, 5, 4)
    splat.warm_up()
    assert not splat.draw(*nothing, Seen(), (5, 4)).any()
    assert splat.draw(*cloud(5), Seen(), (0, 4)).shape == (4, 0, 4)


def even_odd(places: npt.NDArray[np.float32], corners: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """By the angle that the outline turns around a place: it is inside if the number of turns is odd."""
    arms = corners[None] - places[:, None].astype(np.float64)
    angles = np.arctan2(arms[..., 1], arms[..., 0])
    turns = np.diff(np.concatenate((angles, angles[:, :1]), 1), axis=1)
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    return np.round(turns.sum(1) / 2 / np.pi).astype(int) % 2 == 1


@pytest.mark.parametrize("corners", [3, 4, 11, 400])
def test_a_lasso_holds_what_it_winds_around(corners: int) -> None:
    random = np.random.default_rng(corners)
    outline = random.normal(0, 1, (corners, 2))  # crosses itself
    places = random.normal(0, 1, (2000, 2)).astype(np.float32)

    assert (lasso.inside(places, outline) == even_odd(places, outline)).all()


@pytest.mark.parametrize("corners", [3, 4, 60])
def test_a_lasso_among_very_many_points_holds_the_same(corners: int) -> None:
    random = np.random.default_rng(corners)
    outline = np.round(random.normal(0, 1, (corners, 2)), 1)  # some sides lie flat
    places = random.normal(0, 1, (60_000, 2)).astype(np.float32)

    few = [lasso.inside(part, outline) for part in np.split(places, 6)]

    assert (lasso.inside(places, outline) == np.concatenate(few)).all()


def test_an_outline_without_an_area_holds_nothing() -> None:
    places = points((0, 0), (1, 1))
    assert not lasso.inside(places, np.array([[0, 0], [1, 1]])).any()
    assert not lasso.inside(places, np.array([[0, 0], [1, 0], [2, 0]])).any()
    assert not lasso.inside(places, np.array([[0, 0], [np.nan, 0], [2, 5]])).any()


def test_a_box_may_be_drawn_from_any_corner() -> None:
    places = points((1, 1), (2, 2), (3, 1))

    assert lasso.box(places, (2, 2, 0, 0)).tolist() == [True, True, False]
    assert lasso.visible(places, Seen(1.5, 0, 10), (20, 30)).tolist() == [1, 2]


def test_a_density_is_highest_where_points_are_and_keeps_its_sum() -> None:
    image = density(points((3.5, 1.5)), (0, 0, 20, 10), (40, 20), width=1.0)

    assert np.unravel_index(image.argmax(), image.shape) in {(2, 6), (2, 7), (3, 6), (3, 7)}
    whole = density(points((10, 5)), (0, 0, 20, 10), (40, 20), width=1.0)
    # of a Gaussian with a peak of one: 2 pi sigma squared, sigma being two cells
    assert whole.sum() == pytest.approx(2 * np.pi * 4, rel=0.01)


def test_contours_hold_the_share_of_points_they_name() -> None:
    places = np.random.default_rng(0).normal(0, 1, (50_000, 2)).astype(np.float32)
    image = density(places, (-5, -5, 5, 5), (200, 200), width=0.1)

    limits = levels(image, (0.5, 0.9))

    cells = ((places + 5) * 20).astype(int).clip(0, 199)
    shares = [(image[cells[:, 1], cells[:, 0]] >= limit).mean() for limit in limits]
    assert limits[0] < limits[1]
    np.testing.assert_allclose(shares, [0.9, 0.5], atol=0.02)


def test_frames_and_lassos_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # no other library to compare with
    found = frames((500, 1000), rounds=2)

    assert list(found) == ["map_ms_500", "map_p95_ms_500", "map_ms_1000", "map_p95_ms_1000"]
    assert min(found.values()) > 0
    assert lasso_milliseconds(1000, rounds=2) > 0
