"""Scenes are values: they convert to JSON and back, blend, and lie on smooth walks."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import Any, Final

import pytest

from explorer.errors import SceneError
from explorer.scene import (
    Condition,
    Denoising,
    Direction,
    Examples,
    ImageFile,
    Latent,
    Noise,
    Sampling,
    Scene,
    Seed,
    Start,
    StoredPoint,
    StyleRow,
    Styles,
    Transform,
    Turn,
    between,
    blend,
    from_json,
    moved,
    to_json,
    walk,
)
from explorer.scene.reading import DIRECTION_KINDS, MAX_PARTS

FIRST: Final = Direction("axis", 0)
RICH: Final = Scene(
    Latent(
        ((Seed(3), 0.25), (ImageFile("/tmp/ä b.png", "0" * 64), 0.5), (Seed((1 << 63) - 1), 0.25)),
        ((Direction("axis", 2), -1.5), (Direction("data", 0), 0.1), (Direction("decoder", 11), 3.0)),
        0.7,
    )
)
WAYPOINTS: Final = tuple(Scene(Latent(((Seed(number), 1.0),))) for number in range(6))


# --- JSON ---


@pytest.mark.parametrize("scene", [Scene(), RICH])
def test_a_scene_comes_back_from_json_as_it_was(scene: Scene) -> None:
    assert from_json(json.loads(json.dumps(to_json(scene), allow_nan=False))) == scene


def test_a_blend_comes_back_from_json_as_it_was() -> None:
    scene = between(RICH, WAYPOINTS[4], 1 / 3)
    assert from_json(json.loads(json.dumps(to_json(scene)))) == scene


def test_equal_scenes_hash_equal() -> None:
    assert hash(from_json(to_json(RICH))) == hash(RICH)
    assert len({Scene(), Scene(Latent()), from_json(to_json(Scene()))}) == 1


def test_moves_read_in_any_order_make_equal_scenes() -> None:
    data = to_json(RICH)
    data["latent"]["moves"].reverse()
    assert from_json(data) == RICH


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1", None, [], 10**400, 1e300])
@pytest.mark.parametrize("place", ["weight", "amount", "truncation"])
def test_what_is_no_sensible_number_is_refused(place: str, value: Any) -> None:
    data = to_json(RICH)
    match place:
        case "weight":
            data["latent"]["sources"][0][1] = value
        case "amount":
            data["latent"]["moves"][0][1] = value
        case _:
            data["latent"]["truncation"] = value
    refused(data)


@pytest.mark.parametrize("number", [-1, 1 << 63, 1.0, True, "1", None])
def test_what_is_no_seed_is_refused(number: Any) -> None:
    refused(scene_json(sources=[[{"seed": number}, 1.0]]))


@pytest.mark.parametrize("index", [-1, 1 << 63, 0.5, True, "1", None])
def test_what_is_no_index_of_a_direction_is_refused(index: Any) -> None:
    refused(scene_json(moves=[[["axis", index], 1.0]]))


@pytest.mark.parametrize("kind", ["", "sideways", "Axis", None, 3, []])
def test_an_unknown_kind_of_direction_is_refused(kind: Any) -> None:
    refused(scene_json(moves=[[[kind, 0], 1.0]]))


@pytest.mark.parametrize("kind", DIRECTION_KINDS)
def test_every_known_kind_of_direction_is_read(kind: str) -> None:
    assert from_json(scene_json(moves=[[[kind, 0], 1.0]])).latent.amount(Direction(kind, 0)) == 1.0


@pytest.mark.parametrize(
    "source", [{}, {"picture": "a.png"}, {"image": 3}, {"image": "a", "sha256": 3}, "seed", 3, None]
)
def test_what_is_no_source_is_refused(source: Any) -> None:
    refused(scene_json(sources=[[source, 1.0]]))


def test_too_many_parts_are_refused() -> None:
    refused(scene_json(sources=[[{"seed": 0}, 1.0]] * (MAX_PARTS + 1)))
    refused(scene_json(moves=[[["axis", index], 1.0] for index in range(MAX_PARTS + 1)]))


@pytest.mark.parametrize(
    "sources", [[], [[{"seed": 0}, 0.0]], [[{"seed": 0}, 2.0], [{"seed": 1}, -1.0]], {}, None, 3, [3]]
)
def test_sources_without_a_positive_weight_are_refused(sources: Any) -> None:
    refused(scene_json(sources=sources))


def test_a_direction_moved_along_twice_is_refused() -> None:
    refused(scene_json(moves=[[["axis", 0], 1.0], [["axis", 0], 2.0]]))


@pytest.mark.parametrize("data", [None, 3, "latent", [], {}, {"latent": None}, {"latent": {}}, {"latent": []}])
def test_what_is_no_scene_is_refused(data: Any) -> None:
    refused(data)


# --- moves ---


def test_moves_are_kept_in_one_order() -> None:
    second = Direction("decoder", 1)
    assert moved(moved(Scene(), FIRST, 1.0), second, 2.0) == moved(moved(Scene(), second, 2.0), FIRST, 1.0)


def test_a_move_of_zero_is_taken_away() -> None:
    assert moved(moved(Scene(), FIRST, 1.0), FIRST, 0.0) == Scene()


def test_a_move_replaces_the_one_along_the_same_direction() -> None:
    assert moved(moved(Scene(), FIRST, 1.0), FIRST, 2.0).latent.moves == ((FIRST, 2.0),)


def test_a_direction_not_moved_along_has_the_amount_zero() -> None:
    assert Scene().latent.amount(FIRST) == 0.0
    assert moved(Scene(), FIRST, -1.5).latent.amount(FIRST) == -1.5


def test_moves_of_zero_in_a_file_are_taken_away() -> None:
    assert from_json(scene_json(moves=[[["axis", 0], 0.0]])) == Scene()


# --- blends ---


def test_the_ends_of_a_blend_are_exact() -> None:
    assert between(RICH, WAYPOINTS[0], 0.0) == RICH
    assert between(RICH, WAYPOINTS[0], 1.0) == WAYPOINTS[0]


def test_a_blend_of_equal_scenes_is_that_scene() -> None:
    assert between(RICH, RICH, 0.3) == RICH


@pytest.mark.parametrize("t", [0.1, 1 / 3, 0.5, 0.999])
def test_the_weights_of_a_blend_of_blends_sum_to_one(t: float) -> None:
    inner = between(WAYPOINTS[0], RICH, 0.3)
    latent = between(inner, between(WAYPOINTS[1], WAYPOINTS[0], 0.6), t).latent
    assert math.fsum(weight for _, weight in latent.sources) == pytest.approx(1.0, abs=1e-15)


def test_a_source_that_is_blended_with_itself_is_named_once() -> None:
    sources = between(between(WAYPOINTS[0], WAYPOINTS[1], 0.5), WAYPOINTS[0], 0.5).latent.sources
    assert dict(sources) == pytest.approx({Seed(0): 0.75, Seed(1): 0.25})
    assert len(sources) == 2


def test_moves_and_truncation_are_blended_by_weight() -> None:
    start = moved(Scene(), FIRST, 2.0)
    end = Scene(replace(WAYPOINTS[1].latent, truncation=0.5))
    latent = between(start, end, 0.25).latent
    assert latent.amount(FIRST) == pytest.approx(1.5)
    assert latent.truncation == pytest.approx(0.875)


def test_the_scale_of_the_weights_of_a_blend_does_not_matter() -> None:
    small = blend([(WAYPOINTS[0], 0.25), (WAYPOINTS[1], 0.75)])
    assert blend([(WAYPOINTS[0], 1.0), (WAYPOINTS[1], 3.0)]) == small


def test_opposite_moves_cancel_out_in_the_middle() -> None:
    scene = between(moved(Scene(), FIRST, 1.0), moved(Scene(), FIRST, -1.0), 0.5)
    assert scene.latent.moves == ()


@pytest.mark.parametrize("parts", [[], [(Scene(), 0.0)], [(Scene(), math.nan)]])
def test_a_blend_of_nothing_is_one_sentence(parts: list[tuple[Scene, float]]) -> None:
    with pytest.raises(SceneError, match="at least one weight above zero"):
        blend(parts)


# --- walks ---


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_walk_starts_and_ends_exactly_on_its_waypoints(count: int) -> None:
    waypoints = WAYPOINTS[:count]
    assert walk(waypoints, 0.0) == waypoints[0]
    assert walk(waypoints, count - 1.0) == waypoints[-1]


def test_a_walk_goes_no_further_than_its_ends() -> None:
    assert walk(WAYPOINTS, -3.0) == WAYPOINTS[0]
    assert walk(WAYPOINTS, 99.0) == WAYPOINTS[-1]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_a_point_of_a_walk_blends_at_most_four_waypoints(count: int) -> None:
    for step in range(101):
        sources = walk(WAYPOINTS[:count], (count - 1) * step / 100).latent.sources
        assert 1 <= len(sources) <= 4
        assert math.fsum(weight for _, weight in sources) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_a_walk_has_no_jumps_and_no_jerks(count: int) -> None:
    last = count - 1.0
    step = 1e-3
    path = [weights(count, last * k * step) for k in range(round(1 / step) + 1)]
    speeds = [difference(after, before, last * step) for before, after in itertools.pairwise(path)]
    changes = [difference(after, before, last * step) for before, after in itertools.pairwise(speeds)]
    fastest = (count + 1) / last  # the steepest weight of a B-spline changes by less than 1 per span
    hardest = 2 * fastest**2  # and its slope by at most 2
    assert max(abs(value) for speed in speeds for value in speed) <= fastest
    assert max(abs(value) for change in changes for value in change) <= hardest * 1.01


def test_a_walk_starts_and_ends_at_rest() -> None:
    for place, rest in ((1e-4, 0), (5 - 1e-4, 5)):
        assert walk(WAYPOINTS, place).latent.sources != WAYPOINTS[rest].latent.sources
        assert abs(weights(6, place)[rest] - 1.0) < 1e-10  # the third power of the distance


def test_a_walk_back_takes_the_same_path() -> None:
    there, back = walk(WAYPOINTS, 1.3), walk(WAYPOINTS[::-1], 5 - 1.3)
    assert dict(there.latent.sources) == pytest.approx(dict(back.latent.sources))


def weights(count: int, position: float) -> list[float]:
    """The weight of every waypoint at a position of a walk."""
    found = dict(walk(WAYPOINTS[:count], position).latent.sources)
    return [found.get(Seed(number), 0.0) for number in range(count)]


def difference(after: list[float], before: list[float], step: float) -> list[float]:
    return [(b - a) / step for a, b in zip(before, after, strict=True)]


def scene_json(**parts: Any) -> dict[str, Any]:
    return {"latent": {**to_json(Scene())["latent"], **parts}}


def refused(data: Any) -> None:
    with pytest.raises(SceneError) as raised:
        from_json(data)
    assert raised.value.message.startswith("This ")
    assert raised.value.message.endswith(".")


# --- the parts of style-based models ---

STYLED: Final = Scene(
    Latent(
        ((StoredPoint("/tmp/p.npy", "1" * 64, "/tmp/p.png"), 1.0),),
        (
            (Examples("smile", (Latent(((Seed(1), 1.0),)),), (Latent(((Seed(2), 1.0),), classes=((3, 1.0),)),)), -0.5),
            (Direction("sefa", 3, 2, 5), 1.5),
        ),
        0.7,
        4,
    ),
    Styles((StyleRow(Latent(((Seed(9), 1.0),)), ((0, 1.0), (3, 0.25))), StyleRow(Latent()))),
    Condition(((2, 0.5), (7, 0.5))),
    Noise("random", 5, 0.8, ((1, 0.0),)),
    Transform(0.25, -0.5, 30.0),
)


def test_style_parts_survive_json() -> None:
    assert from_json(json.loads(json.dumps(to_json(STYLED)))) == STYLED


def test_parts_that_are_as_usual_are_not_written() -> None:
    assert set(to_json(Scene())) == {"latent"}


@pytest.mark.parametrize(
    "damage",
    [
        {"styles": 3},
        {"styles": [{"latent": {}, "weights": []}]},
        {"condition": {"classes": [[-1, 1.0]]}},
        {"condition": {"classes": [[1, float("nan")]]}},
        {"noise": {"mode": "loud"}},
        {"noise": {"layers": [[0]]}},
        {"transform": {"x": "left"}},
        {"latent": {"sources": [[{"seed": 1}, 1.0]], "moves": [[["sefa", 0, 5, 5], 1.0]], "truncation": 1.0}},
        {"latent": {"sources": [[{"point": 4}, 1.0]], "moves": [], "truncation": 1.0}},
    ],
)
def test_damaged_style_parts_are_refused(damage: dict[str, object]) -> None:
    with pytest.raises(SceneError, match="not a scene, or it is damaged"):
        from_json({**to_json(Scene()), **damage})


def test_the_ends_of_a_blend_are_the_scenes_themselves() -> None:
    assert between(STYLED, Scene(), 0.0) == STYLED
    assert between(STYLED, Scene(), 1.0) == Scene()


def test_everything_blends_together() -> None:
    middle = between(STYLED, Scene(), 0.5)
    assert middle.styles.rows[0].weights == ((0, 0.5), (3, 0.125))
    assert middle.condition.classes == ((0, 0.5), (2, 0.25), (7, 0.25))
    assert middle.noise.strength == pytest.approx(0.9)
    assert middle.transform == Transform(0.125, -0.25, 15.0)


def test_noise_fades_out_towards_none() -> None:
    shown = [between(Scene(), Scene(noise=Noise("none")), t).noise for t in (0.25, 0.75)]
    assert [noise.mode for noise in shown] == ["const", "const"]
    assert [noise.strength for noise in shown] == [0.75, 0.25]


# --- denoising ---

RUN = Scene(
    condition=Condition(prompts=(("a bag", 0.25), ("a boot", 0.75)), negative="blurred"),
    denoising=Denoising(
        Sampling("heun", 12, 0.5, 3.0, ((0.0, 1.0), (1.0, 4.0)), (0.1, 0.9), 0.7, 5, "karras"),
        Start(ImageFile("bag.png", "0" * 64), 0.6, ImageFile("mask.png")),
        (Turn(3, Sampling(guidance=5.0)), Turn(7, None, Condition(((2, 1.0),)), ImageFile("paint.png"))),
    ),
)


def test_a_run_survives_json() -> None:
    assert from_json(json.loads(json.dumps(to_json(RUN)))) == RUN


def test_a_plain_scene_says_nothing_of_denoising() -> None:
    assert "denoising" not in to_json(Scene())


@pytest.mark.parametrize(
    "damage",
    [
        {"sampling": {"steps": 10_001}},
        {"sampling": {"steps": -1}},
        {"sampling": {"steps": 2.5}},
        {"sampling": {"guidance": float("nan")}},
        {"sampling": {"guidance": "3"}},
        {"sampling": {"sampler": 3}},
        {"sampling": {"curve": [[1.0, 2.0], [0.0, 2.0]]}},
        {"sampling": {"interval": [0.0]}},
        {"start": {"strength": 1.5}},
        {"start": {"picture": {"seed": 3}}},
        {"turns": [{"step": 4}, {"step": 2}]},
        {"turns": [{"step": 4}, {"step": 4}]},
        {"turns": {"step": 4}},
        {"turns": [{}]},
        [],
        "ddim",
    ],
)
def test_a_damaged_run_is_refused(damage: Any) -> None:
    data = {**to_json(Scene()), "denoising": damage}
    with pytest.raises(SceneError):
        from_json(data)


def test_the_numbers_of_two_runs_blend() -> None:
    weak, strong = (Scene(denoising=Denoising(Sampling("ddim", 8, guidance=scale))) for scale in (1.0, 5.0))
    assert between(weak, strong, 0.25).denoising.sampling == Sampling("ddim", 8, guidance=2.0)


def test_of_two_samplers_there_is_the_nearest() -> None:
    one, other = (Scene(denoising=Denoising(Sampling(name, steps))) for name, steps in (("ddim", 8), ("heun", 20)))
    assert between(one, other, 0.4).denoising.sampling == Sampling("ddim", 8)
    assert between(one, other, 0.6).denoising.sampling == Sampling("heun", 20)


def test_prompts_blend_by_their_weights() -> None:
    one, other = (Scene(condition=Condition(prompts=((text, 1.0),))) for text in ("a bag", "a boot"))
    assert between(one, other, 0.25).condition == Condition(prompts=(("a bag", 0.75), ("a boot", 0.25)))


def test_guidance_curves_with_the_same_places_blend_point_by_point() -> None:
    low, high = (Scene(denoising=Denoising(Sampling(curve=((0.0, s), (1.0, 2 * s))))) for s in (1.0, 3.0))
    assert between(low, high, 0.5).denoising.sampling.curve == ((0.0, 2.0), (1.0, 4.0))
