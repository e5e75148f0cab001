"""Everything visited is kept as a tree, and can be gone back to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from explorer.errors import SceneError
from explorer.history import LONGEST, History
from explorer.scene import Latent, Scene, Seed


def at(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


def path(*numbers: int) -> History:
    """A history that starts at the first and visits the others."""
    history = History.start(at(numbers[0]))
    for number in numbers[1:]:
        history = history.visit(at(number), f"to {number}")
    return history


def test_a_history_starts_where_one_is() -> None:
    assert path(3).entry.scene == at(3)


def test_undo_goes_back_and_redo_goes_on() -> None:
    history = path(0, 1, 2)
    assert history.undo().entry.scene == at(1)
    assert history.undo().undo().entry.scene == at(0)
    assert history.undo().undo().redo().redo() == history


def test_at_the_ends_nothing_happens() -> None:
    history = path(0, 1)
    assert history.redo() is history
    start = history.undo()
    assert start.undo() is start


def test_visiting_where_one_is_changes_nothing() -> None:
    history = path(0, 1)
    assert history.visit(at(1), "again") is history


def test_going_elsewhere_after_undo_loses_nothing() -> None:
    history = path(0, 1, 2).undo().undo().visit(at(3), "elsewhere")
    assert [entry.scene for entry in history.entries] == [at(0), at(1), at(2), at(3)]
    assert history.undo().entry.scene == at(0)


def test_redo_takes_the_newest_branch() -> None:
    history = path(0, 1).undo().visit(at(2), "newer").undo()
    assert history.redo().entry.scene == at(2)


def test_any_visited_point_can_be_gone_to() -> None:
    history = path(0, 1, 2, 3)
    for entry in history.entries:
        assert history.go_to(entry.key).entry == entry


def test_undo_after_going_to_a_point_returns_to_where_that_was_reached_from() -> None:
    history = path(0, 1, 2).undo().undo().visit(at(3), "elsewhere")
    assert history.go_to(2).undo().entry.scene == at(1)


def test_a_forgotten_point_cannot_be_gone_to() -> None:
    with pytest.raises(KeyError):
        path(0).go_to(7)


def test_only_the_oldest_points_are_forgotten() -> None:
    history = path(*range(LONGEST + 20))
    assert [entry.scene for entry in history.entries] == [at(number) for number in range(20, LONGEST + 20)]


def test_undo_ends_at_the_oldest_point_that_is_kept() -> None:
    history = path(*range(LONGEST + 20))
    for _ in range(2 * LONGEST):
        history = history.undo()
    assert history.entry.scene == at(20)
    assert history.undo() is history


def test_keys_are_never_used_twice() -> None:
    history = path(*range(LONGEST + 20))
    for number in range(30):
        history = history.undo().visit(at(10_000 + number), "on")
    keys = [entry.key for entry in history.entries]
    assert keys == sorted(set(keys))
    assert len(keys) == LONGEST


def test_a_visit_from_the_oldest_point_of_a_full_history_is_kept() -> None:
    history = path(*range(LONGEST)).go_to(0).visit(at(9999), "on")
    assert history.entry.scene == at(9999)
    assert history.undo() is history  # where it came from had to go


def test_a_history_comes_back_from_json_as_it_was() -> None:
    history = path(0, 1, 2).undo().visit(at(3), "élan").undo()
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        [],
        {},
        {"entries": [], "current": 0},
        {"entries": None, "current": 0},
        {"entries": [3], "current": 0},
        {"entries": "text", "current": 0},
    ],
)
def test_what_is_no_history_is_one_sentence(data: Any) -> None:
    damaged(data)


@pytest.mark.parametrize("current", [-1, 7, None, "x", float("inf"), float("nan")])
def test_a_current_point_that_does_not_exist_is_one_sentence(current: Any) -> None:
    damaged({**path(0, 1).to_json(), "current": current})


@pytest.mark.parametrize(
    ("field", "value"), [("key", None), ("key", 0), ("key", 1e999), ("scene", {}), ("parent", "x")]
)
def test_a_damaged_entry_is_one_sentence(field: str, value: Any) -> None:
    data = path(0, 1).to_json()
    data["entries"][1][field] = value
    damaged(data)


@pytest.mark.parametrize("field", ["key", "scene", "label", "parent"])
def test_an_entry_that_lacks_something_is_one_sentence(field: str) -> None:
    data = path(0, 1).to_json()
    del data["entries"][1][field]
    damaged(data)


def test_entries_out_of_order_are_one_sentence() -> None:
    data = path(0, 1, 2).to_json()
    data["entries"].reverse()
    damaged(data)


def damaged(data: Any) -> None:
    with pytest.raises(SceneError) as raised:
        History.from_json(data)
    assert raised.value.message.endswith(".")
