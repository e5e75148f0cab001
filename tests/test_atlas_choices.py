"""What a person chose on a map, and how it is taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.atlas.choices import (
    COMBINE,
    Choices,
    ReferenceChoice,
    choices_from_json,
    choices_to_json,
    combined,
    packed,
    unpacked,
)
from explorer.trail import Trail


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1_000])
def test_a_mask_survives_packing(count: int) -> None:
    mask = np.arange(count) % 3 == 0
    assert np.array_equal(unpacked(packed(mask), count), mask)


def test_nothing_chosen_is_nothing() -> None:
    assert packed(np.zeros(5, np.bool_)) == b"" == packed(None)
    assert unpacked(b"", 5) is None


def test_the_mask_of_another_dataset_is_nothing() -> None:
    assert unpacked(packed(np.ones(9, np.bool_)), 100) is None


def test_selections_combine_as_sets() -> None:
    old, new = np.array([True, True, False, False]), np.array([True, False, True, False])
    results = [combined(old, new, mode).tolist() for mode in COMBINE]
    assert results == [
        [True, False, True, False],
        [True, True, True, False],
        [False, True, False, False],
        [True, False, False, False],
    ]


def test_taking_away_from_nothing_leaves_nothing() -> None:
    assert not combined(None, np.ones(3, np.bool_), "subtract").any()


def test_a_mark_is_made_and_taken_away() -> None:
    marked = Choices().marking(3, True).marking(4, False)
    assert dict(marked.marks) == {3: True, 4: False}
    assert dict(marked.marking(3, None).marks) == {4: False}


def test_undo_and_redo_walk_the_trail() -> None:
    one, two = Choices(rate=0.1), Choices(rate=0.2)
    trail = Trail.start(Choices()).visit(one, "one").visit(two, "two")
    assert (trail.label, trail.undo().now, trail.undo().next_label) == ("two", one, "two")
    assert trail.undo().redo().now == two
    assert trail.undo().undo().undo().now == Choices()


def test_a_new_choice_forgets_what_was_undone() -> None:
    trail = Trail.start(Choices()).visit(Choices(rate=0.1), "one").undo().visit(Choices(rate=0.3), "other")
    assert trail.redo() is not None
    assert trail.redo().now == Choices(rate=0.3)


def test_the_same_choice_again_is_no_step() -> None:
    trail = Trail.start(Choices())
    assert trail.visit(Choices(), "again") is trail


def test_a_long_trail_forgets_its_beginning() -> None:
    trail = Trail.start(Choices())
    for number in range(300):
        trail = trail.visit(Choices(rate=(number + 1) / 1_000), str(number))
    assert len(trail.steps) == 100
    assert trail.now == Choices(rate=0.3)


def test_choices_survive_a_file() -> None:
    mask = np.arange(1_000) % 7 == 0
    choices = Choices(
        packed(mask), 0.02, ReferenceChoice("selection", -1, packed(~mask)), named=(("odd ones", packed(mask)),)
    ).marking(5, False)
    assert choices_from_json(json.loads(json.dumps(choices_to_json(choices)))) == choices
    elsewhere = Choices(reference=ReferenceChoice("dataset", path=Path("normal") / "pictures"))
    assert choices_from_json(choices_to_json(elsewhere)) == elsewhere


@pytest.mark.parametrize(
    "damage",
    [
        None,
        {},
        {"rate": "much"},
        {"selected": "not base64"},
        {"selected": "QUJD"},
        {"marks": {"first": True}},
        {"marks": [1, 2]},
        {"reference": 3},
    ],
)
def test_damaged_choices_are_none(damage: Any) -> None:
    data = damage if damage is None or not damage else choices_to_json(Choices(rate=0.5)) | damage
    assert choices_from_json(data) == Choices()


def test_a_mask_that_unpacks_to_gigabytes_is_cut() -> None:
    import base64
    import zlib

    bomb = base64.b64encode(zlib.compress(bytes(64 << 20))).decode("ascii")
    assert len(choices_from_json(choices_to_json(Choices()) | {"selected": bomb}).selected) <= 16 << 20
