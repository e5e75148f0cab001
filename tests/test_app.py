"""Promises about the whole program: closing it at any moment, what it says when it fails, how it looks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from examples import CPU, make_vae, noise_pictures, save_model
from hands import Program, running, seed_scene
from PIL import Image
from PySide6.QtCore import QObject, QRect, Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QAbstractSpinBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot
from torch import Tensor

from explorer.animation import Film, through
from explorer.facts import describe
from explorer.generators import VAEGenerator
from explorer.session import Model

LONG = through((seed_scene(0), seed_scene(1)), Film(frames_per_second=60), 60.0)


class Broken(VAEGenerator):
    """A network that fails in a way nobody foresaw."""

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        raise ValueError("the network is broken")


def details(program: Program) -> str:
    """The technical part of the message in sight."""
    text = program.window.messages.findChild(QPlainTextEdit)
    assert text is not None
    return text.toPlainText()


def left_over(folder: Path) -> list[Path]:
    """Files with a temporary name below a folder."""
    return [path for path in folder.rglob(".*") if path.is_file()]


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("explorer")]


# --- closing ---


def test_it_closes_right_after_it_was_started(program: Program, checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    program.instrument.start(str(checkpoints[0]))
    program.close()
    assert our_threads() == []
    assert left_over(tmp_path) == []


def test_it_closes_while_a_model_is_opened(opened: Program, checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    opened.actions.open(checkpoints[1])
    opened.close()
    assert our_threads() == []
    assert left_over(tmp_path) == []


def test_it_closes_while_a_film_is_written_and_leaves_none(opened: Program, tmp_path: Path) -> None:
    opened.session.change_film(LONG)
    opened.actions.export_film(tmp_path / "out" / "film.mp4")
    opened.wait(lambda: any(state.done > 8 for state in opened.instrument.workers.jobs.states()))
    opened.close()
    assert our_threads() == []
    assert list((tmp_path / "out").iterdir()) == []


def test_it_closes_while_it_walks_and_remembers_where(
    opened: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.press(Qt.Key.Key_Space)
    opened.wait(lambda: opened.session.pictured != seed_scene(0))
    opened.close()
    scene = opened.session.scene
    assert our_threads() == []
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        next_run.actions.restore(Path("nowhere"))
        next_run.rest()
        assert next_run.session.scene == scene


def test_it_closes_in_the_middle_of_a_drag(opened: Program, tmp_path: Path) -> None:
    opened.drag_slider(release=False)
    opened.close()
    assert our_threads() == []
    assert left_over(tmp_path) == []


def test_closing_twice_is_no_mistake(opened: Program) -> None:
    opened.window.close()
    opened.instrument.close()
    opened.instrument.close()


def test_what_was_being_set_before_closing_is_not_lost(
    opened: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.press(Qt.Key.Key_R)
    scene = opened.session.scene
    opened.close()  # sooner than the autosave
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        next_run.actions.restore(Path("nowhere"))
        next_run.rest()
        assert next_run.session.scene == scene


def test_opening_another_model_while_the_last_session_is_restored_loses_nothing(
    opened: Program, checkpoints: tuple[Path, Path], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.press(Qt.Key.Key_R)
    opened.press(Qt.Key.Key_K)
    digest, scene = opened.model().digest, opened.session.scene
    opened.close()
    with running(qtbot, tmp_path / "home", monkeypatch) as impatient:
        impatient.actions.restore(Path("nowhere"))
        impatient.actions.open(checkpoints[1])
        impatient.rest()
        assert impatient.model().path == checkpoints[1]
        kept = dict(impatient.session.snapshot().others)[digest]
        assert (kept.history.entry.scene, kept.film.scenes) == (scene, (scene,))


# --- failing ---


def test_an_unforeseen_failure_in_a_slot_is_told_with_its_details(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_logs: list[str]
) -> None:
    expected_logs.append("Unforeseen failure")

    def fail() -> None:
        raise ZeroDivisionError("a slot failed")

    with running(qtbot, tmp_path / "home", monkeypatch) as program:
        QTimer.singleShot(0, program.window, fail)
        program.wait_message("a slot failed")
        assert "ZeroDivisionError" in details(program)
        assert "test_app.py" in details(program)


def test_an_unforeseen_failure_of_the_network_is_told_and_the_next_model_works(
    program: Program, checkpoints: tuple[Path, Path], expected_logs: list[str]
) -> None:
    expected_logs.append("Unforeseen failure")
    broken = Broken.build(make_vae().checkpoint(), CPU)
    program.session.open_model(Model(Path("broken.safetensors"), "0", broken, describe(make_vae())))
    program.wait_message("the network is broken")
    assert "ValueError" in details(program)
    program.open(checkpoints[0])


def test_an_unforeseen_failure_in_any_other_thread_is_told(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected_logs: list[str]
) -> None:
    expected_logs.append("Unforeseen failure")

    def fail() -> None:
        raise KeyError("a thread failed")

    with running(qtbot, tmp_path / "home", monkeypatch) as program:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        program.wait_message("a thread failed")


def test_an_unforeseen_failure_of_a_job_is_told_and_the_next_job_runs(
    opened: Program, expected_logs: list[str]
) -> None:
    expected_logs.append("Unforeseen failure")
    done: list[int] = []
    jobs = opened.instrument.workers.jobs
    jobs.start("Fail", lambda report: 1 // 0)
    jobs.start("Work", lambda report: 7, done.append)
    opened.wait(lambda: done == [7])
    assert "division" in opened.window.messages.text()


def test_a_failure_that_was_foreseen_has_a_sentence_and_no_details(opened: Program, tmp_path: Path) -> None:
    opened.actions.open(tmp_path / "missing.safetensors")
    opened.wait_message("missing.safetensors")
    assert details(opened) == ""


# --- looks ---


@pytest.mark.slow
def test_light_and_dark_look_different_and_the_choice_is_kept(
    opened: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.window.choose_theme("dark")
    dark = opened.window.grab().toImage()
    opened.window.choose_theme("light")
    light = opened.window.grab().toImage()
    assert sum(dark.pixelColor(x, 5).lightness() < 90 for x in range(0, dark.width(), 16)) > 40
    assert sum(light.pixelColor(x, 5).lightness() > 165 for x in range(0, light.width(), 16)) > 40
    opened.close()
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        assert next_run.actions.preferences.theme == "light"
        assert next_run.window.grab().toImage().pixelColor(3, 3).lightness() > 165
        next_run.window.choose_theme("system")


def test_folded_and_moved_panels_are_found_as_they_were_left(
    opened: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.window.panels.card("Directions").moveAsked.emit(-1)
    opened.window.panels.card("Latent").toggle()
    arrangement = opened.window.panels.arrangement()
    opened.close()
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        assert next_run.window.panels.arrangement() == arrangement
        assert arrangement[0][:2] == ("Directions", "Latent")
        assert "Latent" in arrangement[1]


def test_the_size_of_the_window_is_found_as_it_was_left(
    opened: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.window.resize(1000, 610)  # narrow enough for the screen of the offscreen platform
    opened.close()
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        size = next_run.window.size()
        assert (size.width(), size.height()) == (1000, 610)


def test_recent_models_are_remembered_newest_first(
    opened: Program,
    checkpoints: tuple[Path, Path],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened.open(checkpoints[1])
    opened.close()
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        assert next_run.actions.preferences.recent == (str(checkpoints[1]), str(checkpoints[0]))
        next_run.wait(lambda: len(next_run.window.models.cards()) == 2)


# --- reaching everything ---


def test_everything_fits_into_a_small_window(opened: Program) -> None:
    opened.window.resize(1024, 700)
    opened.press(Qt.Key.Key_B)
    opened.rest()
    window, column = opened.window, opened.window.panels
    opened.wait(lambda: window.width() == 1024)
    inner = column.widget()
    assert inner.minimumSizeHint().width() <= column.viewport().width()
    assert inner.width() <= column.viewport().width()
    area = QRect(0, 0, 1024, 700)
    beyond = [
        _told(widget)
        for widget in window.findChildren(QWidget)
        if widget.isVisible() and widget.window() is window and not _scrolls(widget)
        if not area.contains(QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size()))
    ]
    assert beyond == []
    assert window.height() == 700
    assert opened.canvas.width() >= 160
    assert opened.canvas.height() >= 120


def test_whatever_takes_the_focus_has_a_name_for_screen_readers(opened: Program, tmp_path: Path) -> None:
    Image.fromarray(noise_pictures(1)[0, :, :, 0]).save(tmp_path / "noise.png")
    opened.press(Qt.Key.Key_B)
    opened.drop(tmp_path / "noise.png")
    opened.wait(lambda: opened.session.view.mode == "beside")
    opened.rest()
    offenders = [
        _told(widget)
        for widget in opened.window.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not isinstance(widget, QLabel) and not _is_inner(widget)
        if not _name(widget, opened.window)
    ]
    assert not offenders, "\n".join(offenders)


def test_every_button_box_and_field_explains_itself_in_a_tool_tip(opened: Program) -> None:
    kinds = (QComboBox, QAbstractSpinBox, QLineEdit)
    offenders = [
        _told(widget)
        for widget in opened.window.findChildren(QWidget)
        if isinstance(widget, kinds) and not _is_inner(widget) and not widget.toolTip()
    ]
    assert not offenders, "\n".join(offenders)


def test_tab_goes_from_control_to_control_and_comes_round(opened: Program) -> None:
    seen: list[QObject] = []
    for _ in range(300):
        opened.press(Qt.Key.Key_Tab)
        focus = opened.window.focusWidget()
        if focus in seen:
            break
        seen.append(focus)
    assert focus is seen[0]
    assert opened.canvas in seen
    assert opened.directions().sliders() in seen
    assert opened.pad() in seen


def test_another_model_in_colour_is_shown_in_colour(opened: Program, tmp_path: Path) -> None:
    opened.open(save_model(tmp_path / "colour.safetensors", make_vae(channels=3, name="Colour")))
    assert opened.pixels().shape == (16, 16, 3)


def _is_inner(widget: QWidget) -> bool:
    """Whether a widget is part of one that Qt made: the field of a spin box, the list of a combo box."""
    parents = []
    parent = widget.parent()
    while isinstance(parent, QWidget):
        parents.append(parent)
        parent = parent.parent()
    inside = any(isinstance(each, (QComboBox, QAbstractSpinBox, QLineEdit, QAbstractItemView)) for each in parents)
    return inside or widget.objectName().startswith("qt_") or type(widget).__name__ in ("QMenu", "QScrollBar")


def _name(widget: QWidget, window: QWidget) -> str:
    """What a screen reader says: the name given, the words on it, or the label beside it."""
    labels = [label.text() for label in window.findChildren(QLabel) if label.buddy() is widget]
    text = widget.property("text") if not isinstance(widget, (QLineEdit, QAbstractSpinBox)) else ""
    return widget.accessibleName() or str(text or "") or " ".join(labels)


def _scrolls(widget: QWidget) -> bool:
    """Whether a widget lies inside one that scrolls."""
    parent = widget.parent()
    while isinstance(parent, QWidget):
        if parent.objectName() == "qt_scrollarea_viewport":
            return True
        parent = parent.parent()
    return False


def _told(widget: QWidget) -> str:
    return (
        f"{type(widget).__name__} {widget.accessibleName()!r} in {type(widget.parent()).__name__} {widget.geometry()}"
    )


def test_starting_with_a_checkpoint_keeps_what_the_last_run_left(
    opened: Program, checkpoints: tuple[Path, Path], qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.actions.set_seed(7)
    opened.actions.add_keyframe()
    opened.actions.toggle_favourite()
    opened.close()
    other = next(path for path in checkpoints if path != opened.model().path)
    with running(qtbot, tmp_path / "home", monkeypatch) as next_run:
        next_run.instrument.start(str(other))
        next_run.wait(lambda: next_run.session.model is not None)
        assert next_run.model().path == other
        next_run.open(next(path for path in checkpoints if path != other))
        assert next_run.session.scene == seed_scene(7)
        assert len(next_run.session.film.keyframes) == len(next_run.session.favourites) == 1
