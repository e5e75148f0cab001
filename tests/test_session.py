"""What is open and chosen, its undo, and its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtCore")

from examples import make_prior_vae, make_vae

from explorer.animation import Film, Keyframe, Output, Sound, through
from explorer.errors import SceneError
from explorer.facts import describe
from explorer.history import History
from explorer.imaging import Picture
from explorer.saved import Favourite, SavedSession, View, read_session
from explorer.scene import Direction, ImageFile, Latent, Scene, Seed, between, moved, to_json
from explorer.session import Model, Session

AXIS = Direction("axis", 0)
SIGNALS = (
    "model_changed",
    "scene_changed",
    "picture_shown",
    "history_changed",
    "view_changed",
    "kept_changed",
    "film_changed",
    "controls_changed",
    "directions_changed",
)


def make_model(name: str = "a", **config: Any) -> Model:
    generator = make_vae(name=name, **config)
    return Model(Path(f"/models/{name}.safetensors"), name * 64, generator, describe(generator))


def at(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


@pytest.fixture
def session(qapp: object) -> Session:
    session = Session()
    session.open_model(make_model())
    return session


def heard(session: Session) -> list[str]:
    """The names of all signals from now on, as they are emitted."""
    names: list[str] = []

    def note(name: str) -> Callable[..., None]:
        def keep(*_: object) -> None:
            names.append(name)

        return keep

    for name in SIGNALS:
        getattr(session, name).connect(note(name))
    return names


# --- changing the scene ---


def test_a_change_is_told_once(session: Session) -> None:
    names = heard(session)
    session.change(at(1), "Seed 1")
    assert names == ["scene_changed", "history_changed"]


def test_a_change_to_the_same_scene_is_not_told(session: Session) -> None:
    session.change(at(1), "Seed 1")
    names = heard(session)
    session.change(at(1), "Seed 1")
    session.settle("Seed 1")
    assert names == []


def test_a_drag_is_one_step_of_undo(session: Session) -> None:
    start = session.scene
    names = heard(session)
    for step in range(1, 20):
        session.change(moved(start, AXIS, step / 10), settled=False)
    session.settle("Axis 1")
    assert names == ["scene_changed"] * 19 + ["history_changed"]
    session.undo()
    assert session.scene == start
    session.redo()
    assert session.scene == moved(start, AXIS, 1.9)


def test_undo_in_the_middle_of_a_change_takes_that_back_first(session: Session) -> None:
    session.change(at(1), "Seed 1")
    session.change(at(2), settled=False)
    session.undo()
    assert session.scene == at(1)
    session.undo()
    assert session.scene == at(0)


def test_undo_and_redo_are_told_once(session: Session) -> None:
    session.change(at(1), "Seed 1")
    names = heard(session)
    session.undo()
    assert sorted(names) == ["history_changed", "scene_changed"]
    session.redo()
    assert sorted(names) == ["history_changed"] * 2 + ["scene_changed"] * 2


def test_at_the_ends_of_the_history_nothing_is_told(session: Session) -> None:
    names = heard(session)
    session.undo()
    session.redo()
    assert names == []


def test_a_visited_point_can_be_gone_to(session: Session) -> None:
    for number in (1, 2, 3):
        session.change(at(number), f"Seed {number}")
    session.go_to(session.history.entries[1])
    assert session.scene == at(1)


def test_only_the_latent_can_be_changed(session: Session) -> None:
    session.change_latent(Latent(truncation=0.5), "Truncation")
    assert session.scene == Scene(Latent(truncation=0.5))
    assert session.history.entry.label == "Truncation"


def test_a_finished_picture_is_kept_and_told(session: Session) -> None:
    names = heard(session)
    picture = Picture(np.zeros((16, 16, 1), np.uint8))
    session.show_picture(picture, session.scene)
    assert session.picture is picture
    assert names == ["picture_shown"]


# --- models ---


def test_a_model_opens_at_the_scene_it_suggests(qapp: object) -> None:
    session = Session()
    session.open_model(make_model(start=to_json(at(7))))
    assert session.scene == at(7)


@pytest.mark.parametrize("start", [3, "scene", {}, {"latent": None}])
def test_a_model_that_suggests_nonsense_opens_at_its_first_seed(qapp: object, start: object) -> None:
    session = Session()
    session.open_model(make_model(start=start))
    assert session.scene == at(0)


def test_opening_a_model_is_told_once_each(session: Session) -> None:
    names = heard(session)
    session.open_model(make_model("b"))
    assert sorted(names) == sorted(set(SIGNALS) - {"picture_shown", "directions_changed", "controls_changed"})


def test_every_model_keeps_its_own_history(session: Session) -> None:
    first, second = session.model, make_model("b")
    assert first is not None
    session.change(at(1), "Seed 1")
    session.open_model(second)
    assert session.scene == at(0)
    session.change(at(5), "Seed 5")
    session.open_model(first)
    assert session.scene == at(1)
    session.undo()
    assert session.scene == at(0)
    session.open_model(second)
    assert session.scene == at(5)


def test_a_model_opened_at_a_scene_is_there_and_can_go_back(session: Session) -> None:
    first = session.model
    assert first is not None
    session.change(at(1), "Seed 1")
    session.open_model(first, at(9))
    assert session.scene == at(9)
    session.undo()
    assert session.scene == at(1)


def test_what_belongs_to_the_old_model_is_forgotten(session: Session) -> None:
    session.show_picture(Picture(np.zeros((16, 16, 1), np.uint8)), session.scene)
    session.set_strengths("axis", np.ones(5))
    session.open_model(make_model("b"))
    assert session.picture is None
    assert session.strengths == {}


def test_directions_the_model_does_not_have_are_not_listed(session: Session) -> None:
    session.set_view(View(kind="data"))
    generator = make_prior_vae()
    generator.statistics = {}
    session.open_model(Model(Path("b"), "b", generator, describe(generator)))
    assert session.view.kind == "decoder"


# --- looking and keeping ---


def test_what_is_set_to_the_same_is_not_told(session: Session) -> None:
    names = heard(session)
    session.set_view(session.view)
    session.set_favourites(())
    session.change_film(Film(), "Nothing")
    session.set_output(Output())
    assert names == []


def test_what_is_kept_is_told_once_each(session: Session) -> None:
    names = heard(session)
    session.set_view(View("grid"))
    session.set_favourites((Favourite(at(1), "a"),))
    session.change_film(through((at(1), at(2))), settled=False)
    session.set_output(Output(size=64))
    session.set_strengths("axis", np.ones(5))
    assert names == [
        "view_changed",
        "kept_changed",
        *("film_changed", "kept_changed"),
        *("film_changed", "kept_changed"),
        "directions_changed",
    ]


# --- the film ---


def test_undo_takes_back_changes_of_scene_and_film_in_the_order_of_doing(session: Session) -> None:
    first, second = through((at(1), at(2))), through((at(1), at(2), at(3)))
    session.change(at(1), "Seed 1")
    session.change_film(first, "First")
    session.change_film(second, "Second")
    session.change(at(2), "Seed 2")
    session.change_film(first, "Shorter")
    states = [(session.scene, session.film)]
    labels = []
    while (label := session.undo_label()) is not None:
        labels.append(label)
        session.undo()
        states.append((session.scene, session.film))
    assert labels == ["Shorter", "Seed 2", "Second", "First", "Seed 1"]
    assert [film for _, film in states] == [first, second, second, first, Film(), Film()]
    assert [scene for scene, _ in states] == [at(2), at(2), at(1), at(1), at(1), at(0)]
    again = [states[-1]]
    while session.redo_label() is not None:
        session.redo()
        again.append((session.scene, session.film))
    assert again == states[::-1]


def test_a_drag_on_the_timeline_is_one_step_of_undo(session: Session) -> None:
    start = through((at(1), at(2)))
    session.change_film(start, "Start")
    for seconds in (2.5, 3.0, 3.5):
        session.change_film(through((at(1), at(2)), seconds=seconds), settled=False)
    session.settle_film("Stretch")
    session.undo()
    assert session.film == start


def test_undo_in_the_middle_of_a_drag_on_the_timeline_takes_the_drag_back(session: Session) -> None:
    start = through((at(1), at(2)))
    session.change_film(start, "Start")
    session.change_film(through((at(1), at(2)), seconds=5.0), settled=False)
    session.undo()
    assert (session.film, session.undo_label()) == (start, "Start")


def test_a_session_of_the_first_version_keeps_its_keyframes_and_pace(tmp_path: Path) -> None:
    data = json.loads(SavedSession().to_text())
    data["keyframes"] = [to_json(at(0)), to_json(at(5))]
    data["film"] = {"pace": 3.0, "frames_per_second": 25, "easing": "linear", "loop": True, "size": 256}
    del data["output"]
    read = read_session(written(tmp_path, json.dumps(data)))
    keyframes = (Keyframe(at(0), 3.0, "linear"), Keyframe(at(5), 3.0, "linear"))
    assert (read.film, read.output) == (Film(keyframes, 25, loop=True), Output(size=256))


# --- files ---


def test_a_saved_session_comes_back_as_it_was(tmp_path: Path) -> None:
    saved = rich()
    assert read_session(written(tmp_path, saved.to_text())) == saved


def test_the_default_session_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read_session(written(tmp_path, SavedSession().to_text())) == SavedSession()


def test_a_restored_session_is_the_one_that_was_saved(session: Session, tmp_path: Path) -> None:
    session.change(at(1), "Seed 1")
    session.change(moved(at(1), AXIS, 2.0), "Axis 1")
    session.set_favourites((Favourite(at(3), "a", "nice"),))
    session.change_film(through((at(0), at(1)), Film(loop=True)), "Film")
    session.set_view(View("grid", cells=5))
    saved = read_session(written(tmp_path, session.snapshot().to_text()))
    other = Session()
    other.restore(saved, make_model())
    assert other.snapshot() == session.snapshot()
    other.undo()
    assert other.scene == at(1)


def test_a_session_of_the_open_model_can_be_restored(session: Session) -> None:
    model, saved = session.model, rich()
    assert model is not None
    session.change(at(8), "elsewhere")
    session.restore(saved, model)
    assert session.history == saved.history
    assert session.scene == saved.scene


def test_a_session_saved_in_the_middle_of_a_change_comes_back_there(session: Session) -> None:
    session.change(at(1), "Seed 1")
    session.change(at(2), settled=False)
    saved = session.snapshot()
    other = Session()
    other.restore(saved, make_model())
    assert other.scene == at(2)
    other.undo()
    assert other.scene == at(1)


def test_a_snapshot_does_not_change_with_the_session(session: Session) -> None:
    saved = session.snapshot()
    session.change(at(1), "Seed 1")
    assert saved.scene == at(0)
    assert len(saved.history.entries) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "null", "3", "[]", "{}", '{"a": 1}', "[" * 100_000, '{"latent-explorer-session": 1}', "\ufeff{}"]
)
def test_what_is_no_session_is_one_sentence(tmp_path: Path, text: str) -> None:
    assert "not a session of this program" in sentence(written(tmp_path, text))


def test_a_newer_session_is_one_sentence(tmp_path: Path) -> None:
    data = json.loads(rich().to_text()) | {"latent-explorer-session": 2}
    assert "another version of this program (2)" in sentence(written(tmp_path, json.dumps(data)))


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_bytes(b"{\xff\xfe")
    sentence(tmp_path / "session.json")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_session_is_one_sentence(tmp_path: Path, share: float) -> None:
    text = rich().to_text()
    sentence(written(tmp_path, text[: int(share * len(text))]))


def test_a_missing_session_is_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in sentence(tmp_path / "gone.json")


def test_a_folder_is_no_session(tmp_path: Path) -> None:
    assert "cannot be opened" in sentence(tmp_path)


@pytest.mark.parametrize("part", list(json.loads(SavedSession().to_text())))
@pytest.mark.parametrize("value", [None, 3, "text", [3], {}, [None], {"x": 1}])
def test_a_session_with_a_damaged_part_opens_or_is_one_sentence(tmp_path: Path, part: str, value: object) -> None:
    data = json.loads(rich().to_text()) | {part: value}
    try:
        read_session(written(tmp_path, json.dumps(data)))
    except SceneError as error:
        message = error.message
    else:
        message = ""
    assert message == "" or message.endswith(".")


@pytest.mark.parametrize(
    ("part", "field"), [("view", "cells"), ("view", "span"), ("film", "frames_per_second"), ("output", "size")]
)
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e300", '"x"', "null", "[]"])
def test_numbers_of_a_damaged_session_never_get_out_of_bounds(tmp_path: Path, part: str, field: str, text: str) -> None:
    data = json.loads(rich().to_text())
    data[part][field] = "HERE"
    try:
        read = read_session(written(tmp_path, json.dumps(data).replace('"HERE"', text)))
    except SceneError:
        return
    assert 0.1 <= getattr(getattr(read, part), field) <= 4096


def rich() -> SavedSession:
    """A session with something in every place."""
    scene = moved(between(at(1), Scene(Latent(((ImageFile("/tmp/é.png", "0" * 64), 1.0),))), 0.25), AXIS, 1.5)
    history = History.start(at(0)).visit(at(1), "Seed 1").undo().visit(scene, "Blend")
    return SavedSession(
        checkpoint="/models/ä.safetensors",
        digest="1" * 64,
        scene=scene,
        history=history,
        favourites=(Favourite(at(4), "Faces", "the best"), Favourite(scene, "Faces")),
        film=Film(
            (Keyframe(at(0), 3.5, "linear"), Keyframe(scene, 0.5, (0.1, 0.2, 0.3, 1.0), (0.0, 0.25)), Keyframe(at(2))),
            24,
            loop=True,
            path="spline",
            even=True,
            region=(0.5, 1.5),
            sound=Sound("/tmp/é.wav", "2" * 64, (0.5, 1.0), 9.0),
        ),
        output=Output(256, "smooth", 70, "h265", region=True),
        view=View("grid", Direction("axis", 3), Direction("data", 0), 9, 1.5, True, "data"),
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "session.json"
    path.write_text(text, "utf-8")
    return path


def sentence(path: Path) -> str:
    with pytest.raises(SceneError) as raised:
        read_session(path)
    assert path.name in raised.value.message
    assert raised.value.message.endswith(".")
    assert "\n" not in raised.value.message
    return raised.value.message


def test_each_model_keeps_its_history_and_keyframes_in_the_saved_session(session: Session, tmp_path: Path) -> None:
    first, second = make_model("c"), make_model("d")
    session.open_model(first)
    session.change(at(7), "Seed 7")
    session.change_film(through((Scene(), session.scene)), "Film")
    session.open_model(second)
    assert session.film.keyframes == ()
    (tmp_path / "kept.json").write_text(session.snapshot().to_text(), "utf-8")
    again = Session()
    again.restore(read_session(tmp_path / "kept.json"), second)
    again.open_model(first)
    assert again.history.entry.label == "Seed 7"
    assert len(again.film.keyframes) == 2
