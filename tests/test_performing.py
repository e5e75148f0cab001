"""Promises about playing for others, in the real window: bound knobs, recordings, the stage."""

from __future__ import annotations

from pathlib import Path

from hands import Program, seed_scene
from PySide6.QtCore import Qt

from explorer.animation import duration
from explorer.control import Binding, Message, Setup
from explorer.saved import read_session
from explorer.scene import Latent


def test_a_saved_session_brings_back_what_knobs_do_and_not_only_their_names(opened: Program, tmp_path: Path) -> None:
    setup = Setup((Binding("/fader", "truncation", 0.0, 2.0),))
    opened.session.set_controls(setup)
    opened.actions.save_session(tmp_path / "kept.json")
    opened.wait_message("kept.json is written")
    opened.session.set_controls(Setup())
    opened.actions.open(tmp_path / "kept.json")
    opened.wait(lambda: opened.session.controls == setup)
    assert read_session(tmp_path / "kept.json").controls == setup
    opened.window.performing.controls.receive(Message("osc", "/fader", 0.25))
    opened.wait(lambda: opened.session.scene.latent.truncation == 0.5)
    opened.wait(lambda: opened.session.scene == opened.session.history.entry.scene)  # one step of undo
    opened.session.undo()
    assert opened.session.scene.latent.truncation == 1.0


def test_what_is_played_while_recording_is_on_the_timeline_afterwards(opened: Program) -> None:
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    opened.press(Qt.Key.Key_R, keys)
    assert opened.window.performing.recorder.is_recording()
    assert opened.window.verbs["record"].isChecked()
    shown = opened.session.pictured
    opened.actions.set_seed(2)
    opened.wait(lambda: opened.session.pictured != shown)
    opened.press(Qt.Key.Key_R, keys)
    film = opened.session.film
    assert (film.scenes[0].latent.sources, film.scenes[-1].latent.sources) == (
        seed_scene(0).latent.sources,
        seed_scene(2).latent.sources,
    )
    assert 0.0 < duration(film) < 60.0
    opened.session.undo()
    assert not opened.session.film.keyframes


def test_the_picture_stands_alone_on_a_screen_until_the_key_is_pressed_again(opened: Program) -> None:
    stage = opened.window.performing.stage
    opened.press(Qt.Key.Key_F11)
    opened.wait(stage.isVisible)
    opened.window.toggle_stage()
    opened.wait(lambda: not stage.isVisible())
    assert opened.session.scene.latent == Latent()
