"""The promises of recording: what happened, when it happened, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtCore")
pytest.importorskip("pytestqt")

from examples import make_vae
from pytestqt.qtbot import QtBot

from explorer.animation import Film, duration, scene_at, starts
from explorer.facts import describe
from explorer.recording import Recorder, film_of, thinned
from explorer.scene import Direction, Latent, Scene, Seed, Transform, moved
from explorer.session import Model, Session

AXIS, OTHER = Direction("axis", 0), Direction("axis", 1)
START = Scene(Latent(((Seed(1), 1.0),)))


def along(amount: float) -> Scene:
    return moved(START, AXIS, amount)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    generator, session = make_vae(), Session()
    session.open_model(Model(Path("toy.safetensors"), "0" * 64, generator, describe(generator)), START)
    return session


def recorded(session: Session, changes: list[tuple[float, Scene]], end: float) -> Film:
    """What is recorded where the scene changes at these seconds."""
    clock = Clock()
    recorder = Recorder(session, None, clock)
    recorder.start()
    for seconds, scene in changes:
        clock.now = 100.0 + seconds
        session.change(scene, settled=False)
    clock.now = 100.0 + end
    film = recorder.stop()
    assert film is not None
    return film


def test_keyframes_lie_at_the_times_of_the_changes(session: Session) -> None:
    film = recorded(session, [(0.05, along(1.0)), (0.09, along(-1.0)), (0.13, along(2.0))], 0.5)
    assert starts(film) == pytest.approx((0.0, 0.05, 0.09, 0.13, 0.5), abs=1e-9)
    assert film.scenes == (START, along(1.0), along(-1.0), along(2.0), along(2.0))


def test_pauses_stay_pauses(session: Session) -> None:
    film = recorded(session, [(2.0, along(1.0)), (2.05, along(5.0))], 4.0)
    assert [each.easing for each in film.keyframes[:3]] == ["hold", "linear", "hold"]
    assert scene_at(film, 1.99) == START
    assert scene_at(film, 3.5) == along(5.0)
    assert duration(film) == pytest.approx(4.0)


def test_more_than_fifty_changes_a_second_keep_the_newest_and_the_first_scene(session: Session) -> None:
    film = recorded(session, [(k / 1000, along(k / 100)) for k in range(1, 201)], 0.2)
    assert film.keyframes[0].scene == START
    assert film.keyframes[-1].scene == along(2.0)
    assert len(film.keyframes) <= 12


def test_a_straight_move_is_one_way(session: Session) -> None:
    film = recorded(session, [(k / 25, along(k / 25)) for k in range(1, 26)], 1.0)
    assert len(film.keyframes) == 2
    assert scene_at(film, 0.5).latent.amount(AXIS) == pytest.approx(0.5)


def test_what_is_left_out_is_where_the_film_goes_anyway() -> None:
    """A triangle in one direction, a ramp in another, of the truncation and of the transform."""
    moments = []
    for k in range(101):
        scene = moved(along(min(k, 100 - k) / 50), OTHER, k / 100)
        latent = replace(scene.latent, truncation=1.0 - k / 200)
        moments.append((k * 0.04, replace(scene, latent=latent, transform=Transform(k / 100, 0.0, 3.0 * k))))
    kept = thinned(moments)
    assert [seconds for seconds, _ in kept] == pytest.approx([0.0, 2.0, 4.0])
    film = film_of(moments, 4.0)
    for seconds, scene in moments:
        shown = scene_at(film, seconds)
        assert shown.latent.amount(AXIS) == pytest.approx(scene.latent.amount(AXIS), abs=1e-6)
        assert shown.latent.amount(OTHER) == pytest.approx(scene.latent.amount(OTHER), abs=1e-6)
        assert shown.latent.truncation == pytest.approx(scene.latent.truncation, abs=1e-6)
        assert shown.transform.degrees == pytest.approx(scene.transform.degrees, abs=1e-6)


def test_scenes_of_other_seeds_are_all_kept() -> None:
    moments = [(k * 0.05, Scene(Latent(((Seed(k), 1.0),)))) for k in range(20)]
    assert thinned(moments) == moments


def test_uneven_speed_is_kept() -> None:
    moments = [(k * 0.05, along((k / 20) ** 2)) for k in range(21)]
    assert len(thinned(moments)) == 21


def test_very_long_recordings_fit_into_a_film() -> None:
    moments = [(k * 0.02, Scene(Latent(((Seed(k % 7), 1.0),)))) for k in range(30_001)]
    film = film_of(moments, 601.0)
    assert len(film.keyframes) <= 10_000
    assert duration(film) == pytest.approx(601.0)


def test_nothing_changed_is_no_film(session: Session) -> None:
    recorder = Recorder(session, None, Clock())
    heard: list[object] = []
    recorder.recorded.connect(heard.append)
    recorder.start()
    assert recorder.is_recording()
    assert recorder.stop() is None
    assert not heard
    assert not recorder.is_recording()


def test_another_model_ends_the_recording(session: Session) -> None:
    recorder = Recorder(session, None, Clock())
    recorder.start()
    session.model_changed.emit()
    assert not recorder.is_recording()
