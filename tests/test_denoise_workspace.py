"""The promises of the Denoise workspace: playing a run, branching it, bending its guidance, painting into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from runs import SIDE, TOTAL, FakeLive, made_model, made_steps

from explorer.actions import Actions, Workers
from explorer.animation import Film, through
from explorer.branching import Branching, next_name
from explorer.export_run import beside, write_run, write_strip
from explorer.imaging import read_image, read_recipe
from explorer.kept_files import keep_png
from explorer.playback import Playback
from explorer.preferences import Preferences
from explorer.runs import VIEWS, Branch, Run, StepPictures, change_sampling, decibels, effective, paint_at, seen
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene, Seed, Start
from explorer.session import Session
from explorer.ui.denoise import Denoise
from explorer.ui.denoise.branch_list import tree
from explorer.ui.denoise.brush import painted, png_of
from explorer.ui.denoise.curve_points import added, grid, handles, moved, preset, removed, scale_at, top
from explorer.ui.denoise.places import StepPlaces
from explorer.ui.denoise.words import change_words, memory_words, step_words
from explorer.ui.panel import Desk
from explorer.ui.shortcuts import RUN_SHORTCUTS
from explorer.ui.theme import apply_theme
from explorer.ui.window import Window
from explorer.workers import MainThread

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def seed_scene(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


def fail(error: BaseException) -> None:
    raise error


def move(widget: object, point: QPointF) -> None:
    """Move the mouse with the left button down."""
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QWidget

    assert isinstance(widget, QWidget)
    event = QMouseEvent(QEvent.Type.MouseMove, point, widget.mapToGlobal(point), Qt.MouseButton.NoButton, LEFT, NONE)
    QApplication.sendEvent(widget, event)


@dataclass
class Bench:
    """The workspace with everything behind it but a network."""

    session: Session
    actions: Actions
    live: FakeLive
    denoise: Denoise

    @property
    def playback(self) -> Playback:
        return self.denoise.playback

    def run(self, value: int = 180, total: int = TOTAL, upto: int | None = None, reused: int = 0) -> None:
        """Let the run of the scene arrive, or its first steps."""
        picture = np.full((SIDE, SIDE, 1), value, np.uint8)
        for step in made_steps(self.session.scene, total, picture, reused)[:upto]:
            self.live.step_shown.emit(step)

    def guide(self, scale: float, step: int | None = None) -> None:
        """Change the guidance scale where changes act, as a panel does."""
        where = self.session.turn_step if step is None else step
        held = effective(self.session.scene, where or 0)[0]
        self.session.change(change_sampling(self.session.scene, replace(held, guidance=scale), where), "Guidance")


@pytest.fixture(autouse=True)
def dark(qapp: QApplication) -> None:
    apply_theme(qapp, "dark")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[Session, Actions, FakeLive]]:
    """A session of a model without a network, and what acts on it."""
    main, session = MainThread(), Session()
    live = FakeLive(session, main)
    workers = Workers.make(main, fail)
    actions = Actions(session, live, workers, Preferences(hint_seen=True), tmp_path)
    session.model_changed.disconnect(actions._measure_directions)  # there is no network to measure
    yield session, actions, live
    actions.motion.stop()
    for each in (live, workers.jobs, workers.loader, workers.background, main):
        each.close()


@pytest.fixture
def bench(qtbot: QtBot, parts: tuple[Session, Actions, FakeLive]) -> Bench:
    """The workspace in sight, with a model open whose run has not begun."""
    session, actions, live = parts
    denoise = Denoise(Desk(session, actions, live))
    qtbot.addWidget(denoise)
    denoise.resize(840, 660)
    denoise.show()
    session.open_model(made_model())
    QApplication.processEvents()
    return Bench(session, actions, live, denoise)


@pytest.fixture
def window(qtbot: QtBot, parts: tuple[Session, Actions, FakeLive], tmp_path: Path) -> Iterator[Window]:
    session, actions, live = parts
    window = Window(Desk(session, actions, live), tmp_path / "cache")
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    session.open_model(made_model())
    yield window
    window.close()


# --- a run as it arrives ---


def test_steps_of_the_run_before_stand_in_until_the_new_ones_arrive() -> None:
    run = Run()
    for step in made_steps(seed_scene(1)):
        run.take(step)
    fresh = made_steps(seed_scene(2))[0]
    run.take(fresh)
    assert (run.steps[0], run.made, run.steps[5] is not None) == (fresh, 1, True)


def test_a_run_of_another_length_begins_empty() -> None:
    run = Run()
    for step in made_steps(seed_scene(1), 8):
        run.take(step)
    run.take(made_steps(seed_scene(1), 5)[0])
    assert (run.total, run.reach()) == (5, 0)


def test_a_step_that_becomes_clearer_replaces_itself() -> None:
    run, steps = Run(), made_steps(seed_scene(1))
    for step in steps:
        run.take(step)
    clearer = replace(steps[3], is_decoded=True)
    assert not run.take(clearer)
    assert run.steps[3] is clearer
    assert run.is_complete()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_pictures_of_one_size(view: str) -> None:
    run = Run()
    for step in made_steps(seed_scene(1)):
        run.take(step)
    shapes = {pixels.shape for index in range(TOTAL) if (pixels := seen(run, index, view)) is not None}
    assert shapes == {(SIDE, SIDE, 1)}


def test_nothing_is_missing_of_the_final_picture_at_the_last_step() -> None:
    run = Run()
    for step in made_steps(seed_scene(1)):
        run.take(step)
    final = seen(run, TOTAL - 1, "to_final")
    assert final is not None
    assert set(np.unique(final)) == {128}


def test_a_difference_to_a_step_that_is_not_there_is_not_there() -> None:
    run = Run()
    run.take(made_steps(seed_scene(1))[0])
    assert seen(run, 0, "to_final") is None


def test_equal_signal_and_noise_are_zero_decibels() -> None:
    step = replace(made_steps(seed_scene(1))[0], alpha=0.6, sigma=0.6)
    assert decibels(step) == pytest.approx(0.0)
    assert decibels(replace(step, alpha=1.0, sigma=0.1)) == pytest.approx(20.0)


# --- playing ---


@pytest.fixture
def playback(qapp: QApplication) -> Playback:
    """A run of sixteen steps with the playhead at the first one, and no clock."""
    playback = Playback()
    for step in made_steps(seed_scene(1)):
        playback.take(step)
    playback.go_to(0)
    return playback


def play(playback: Playback, rate: int = 1) -> None:
    """Play without the timer: the test says how time goes."""
    for _ in range(rate):
        playback.forward()
    playback._timer.stop()


def test_a_first_run_is_shown_as_far_as_it_is_made(qapp: QApplication) -> None:
    playback, shown = Playback(), []
    for step in made_steps(seed_scene(1))[:4]:
        playback.take(step)
        shown.append(playback.shown())
    assert shown == [0, 1, 2, 3]


def test_playing_shows_twelve_steps_a_second(playback: Playback) -> None:
    play(playback)
    playback.advance(0.5)
    assert playback.position() == 6


def test_speed_and_repeated_forward_multiply(playback: Playback) -> None:
    playback.speed = 0.5
    play(playback, 2)
    playback.advance(0.5)
    assert (playback.rate(), playback.position()) == (2, 6)


def test_a_loop_goes_round_between_the_marks(playback: Playback) -> None:
    playback.go_to(4)
    playback.toggle_in()
    playback.go_to(7)
    playback.toggle_out()
    playback.go_to(4)
    play(playback)
    places = []
    for _ in range(6):
        playback.advance(1 / 12 + 1e-6)
        places.append(playback.position())
    assert places == [5, 6, 7, 4, 5, 6]


def test_without_a_loop_it_stops_at_the_last_step(playback: Playback) -> None:
    playback.loop = False
    play(playback)
    playback.advance(10)
    assert (playback.position(), playback.is_playing()) == (TOTAL - 1, False)


def test_backwards_it_stops_at_the_first_step(playback: Playback) -> None:
    playback.loop = False
    playback.go_to(5)
    playback.backward()
    playback.advance(10)
    assert (playback.position(), playback.is_playing()) == (0, False)


def test_playing_waits_for_a_step_that_is_still_to_be_made(qapp: QApplication) -> None:
    playback = Playback()
    for step in made_steps(seed_scene(1))[:5]:
        playback.take(step)
    playback.go_to(0)
    play(playback)
    playback.advance(1.0)
    assert playback.position() == 4


def test_the_playhead_stays_at_its_step_while_the_run_is_made_again(playback: Playback) -> None:
    playback.go_to(6)
    for step in made_steps(seed_scene(2)):
        playback.take(step)
    assert playback.position() == 6


def test_a_run_of_another_length_keeps_the_playhead_at_the_same_part(playback: Playback) -> None:
    playback.go_to(5)
    playback.take(made_steps(seed_scene(1), 31)[0])
    assert playback.position() == 10


def test_end_goes_to_the_mark_first_and_then_to_the_last_step(playback: Playback) -> None:
    playback.go_to(9)
    playback.toggle_out()
    playback.go_to(2)
    ends = []
    for _ in range(2):
        playback.go_to_end()
        ends.append(playback.position())
    assert ends == [9, TOTAL - 1]


# --- places and curves ---


@pytest.mark.parametrize("width", [360, 820])
@pytest.mark.parametrize("total", [1, 4, 16, 50, 1000])
def test_every_step_is_found_where_it_lies(width: int, total: int) -> None:
    places = StepPlaces(width, total, offset=StepPlaces(width, total).revealing(total - 1))
    assert all(places.index_at(places.x(index)) == index for index in places.seen())
    assert total - 1 in places.seen()


def test_fractions_and_places_are_inverse() -> None:
    places = StepPlaces(700, 20)
    assert places.fraction_at(places.fraction_x(0.37)) == pytest.approx(0.37)


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("curve", [(), ((0.0, 1.0), (1.0, 5.0)), ((0.3, 2.0), (0.6, 7.0)), ((0.5, 4.0),)])
@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.25, 0.75)])
def test_the_curve_drawn_is_the_curve_run(
    fraction: float, curve: tuple[tuple[float, float], ...], interval: tuple[float, float]
) -> None:
    from explorer.diffusion import scale_at as true_scale

    sampling = Sampling(guidance=3.0, curve=curve, interval=interval)
    assert scale_at(sampling, fraction) == pytest.approx(true_scale(fraction, 3.0, curve, interval))


@pytest.mark.parametrize("curve", [(), ((0.3, 2.0), (0.6, 7.0))])
def test_the_points_to_drag_are_the_curve_from_the_turn_on(curve: tuple[tuple[float, float], ...]) -> None:
    sampling = Sampling(guidance=3.0, curve=curve)
    bent = replace(sampling, curve=handles(sampling, 0.4))
    for fraction in (0.4, 0.5, 0.6, 0.8, 1.0):
        assert scale_at(bent, fraction) == pytest.approx(scale_at(sampling, fraction))


def test_a_point_stays_between_its_neighbours_and_above_zero() -> None:
    points = ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))
    assert moved(points, 1, 2.0, -4.0)[1] == (0.995, 0.0)
    assert moved(points, 0, 0.7, 2.0)[0] == (0.0, 2.0)


def test_points_are_added_and_removed_but_not_at_the_ends() -> None:
    points = ((0.0, 1.0), (1.0, 3.0))
    assert added(points, 0.5, 2.0) == ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))
    assert removed(added(points, 0.5, 2.0), 1) == points
    assert removed(points, 0) == points


def test_guidance_only_in_the_middle_is_an_interval_without_a_curve() -> None:
    assert preset("middle", 4.0) == ((), (0.2, 0.8))


@pytest.mark.parametrize("guidance", [0.0, 3.0, 7.5, 15.0, 90.0, 91.0, 1000.0, 1e6])
def test_the_axis_has_room_for_any_scale(guidance: float) -> None:
    edge = top(Sampling(guidance=guidance))
    assert edge > guidance
    assert 2 <= len(grid(edge)) <= 5


# --- words ---


def test_the_header_says_step_time_noise_and_scale() -> None:
    step = replace(made_steps(seed_scene(1))[9], time=640.0, alpha=1.0, sigma=10 ** (-2.1 / 20), guidance=3.0)
    assert " · ".join(step_words(step, True)) == "step 10 of 16 · t 640 · SNR 2.1 dB · s 3.0"


def test_a_branch_says_what_differs() -> None:
    facts, base = made_model().facts, seed_scene(1)
    bent = change_sampling(base, Sampling(guidance=5.0), 6)
    assert change_words(bent, base, 6, facts) == "guidance 3 → 5"
    asked = replace(base, condition=Condition(((8, 1.0),)))
    assert change_words(asked, base, 0, facts) == "T-shirt → Bag"


def test_the_header_says_what_is_a_preview_and_which_steps_are_left_out() -> None:
    step = made_steps(seed_scene(1), 15)[2]
    assert step_words(step, False, is_preview=True)[-1] == "(preview)"
    assert step_words(step, False, skipped=10)[0] == "step 3 of 15 (13 of 25)"


def test_memory_is_told_in_megabytes() -> None:
    step = replace(made_steps(seed_scene(1))[0], run_bytes=1 << 20)
    assert memory_words(step, 3) == "run kept: 16 steps × 3 branches · 1.0 of 256 MB"


# --- branches ---


@pytest.fixture
def branching(parts: tuple[Session, Actions, FakeLive]) -> tuple[Session, Branching]:
    session, *_ = parts
    branching = Branching(session)
    session.open_model(made_model())
    return session, branching


def guide(session: Session, scale: float) -> None:
    held = effective(session.scene, session.turn_step or 0)[0]
    scene = change_sampling(session.scene, replace(held, guidance=scale), session.turn_step)
    session.change(scene, "Guidance")


def test_branching_keeps_the_run_and_changes_act_from_there(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    whole = session.scene
    verbs.branch_here(6)
    guide(session, 5.0)
    first, second = session.branches
    assert (first, session.turn_step) == (Branch("A", whole), 6)
    assert (second.parent, second.step, second.scene) == ("A", 6, session.scene)


def test_going_to_a_branch_is_a_step_of_undo_and_loses_nothing(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    bent = session.scene
    verbs.go_to("A")
    whole = session.scene
    session.undo()
    current = verbs.current()
    assert (whole.denoising.turns, session.scene, current and current.name) == ((), bent, "B")
    assert [branch.name for branch in session.branches] == ["A", "B"]


def test_a_branch_on_which_nothing_was_done_goes_when_one_leaves_it(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    verbs.go_to("A")
    assert [branch.name for branch in session.branches] == ["A"]


def test_a_change_of_the_whole_run_leaves_kept_branches_as_they_are(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    kept = session.branches
    session.change_latent(Latent(((Seed(77), 1.0),)), "Seed 77")
    assert (session.branches, verbs.current()) == (kept, None)


def test_a_drag_writes_the_branch_only_when_it_is_settled(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    before = session.branches
    session.change(change_sampling(session.scene, Sampling(guidance=4.0), 6), settled=False)
    verbs.follow()
    assert session.branches == before
    session.settle("Guidance")
    assert session.branches[1].scene == session.scene


def test_deleting_a_branch_hands_its_children_to_the_one_it_left(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    verbs.branch_here(9)
    guide(session, 2.0)
    verbs.delete("B")
    assert [(branch.name, branch.parent, branch.step) for branch in session.branches] == [("A", "", 0), ("C", "A", 6)]


def test_a_renamed_branch_stays_the_parent_of_its_children(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    verbs.rename("A", "plain")
    verbs.rename("B", "plain")
    assert [(branch.name, branch.parent) for branch in session.branches] == [("plain", ""), ("B", "plain")]


def test_the_way_back_has_changes_act_on_the_whole_run(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    verbs.change_whole_run()
    assert session.turn_step is None


def test_a_deleted_branch_is_brought_back_with_its_children_below_it(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    verbs.branch_here(9)
    guide(session, 2.0)
    verbs.go_to("B")
    before, scene = session.branches, session.scene
    verbs.delete("B")
    verbs.bring_back()
    current = verbs.current()
    assert (session.branches, session.scene, current and current.name, session.turn_step) == (before, scene, "B", 6)
    assert verbs.deleted is None


def test_a_branch_whose_name_was_taken_meanwhile_comes_back_under_another(
    branching: tuple[Session, Branching],
) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    verbs.delete("B")
    verbs.branch_here(3)
    guide(session, 4.0)
    verbs.bring_back()
    assert [(branch.name, branch.step) for branch in session.branches] == [("A", 0), ("C", 6), ("B", 3)]


def test_a_scene_that_turns_from_elsewhere_is_changed_from_its_turn_on(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    turned = change_sampling(seed_scene(5), Sampling(guidance=5.0), 6)
    session.change(turned, "Recipe")
    opened = session.turn_step
    session.change(seed_scene(8), "Seed 8")
    plain = session.turn_step
    session.undo()
    undone = session.turn_step
    assert (opened, plain, undone, verbs.current()) == (6, None, 6, None)


def test_a_scene_of_another_model_is_changed_from_its_turn_on(branching: tuple[Session, Branching]) -> None:
    session, _ = branching
    session.change(change_sampling(session.scene, Sampling(guidance=5.0), 6), "Recipe")
    session.open_model(replace_digest(made_model(), "1" * 64))
    elsewhere = session.turn_step
    session.open_model(made_model())
    assert (elsewhere, session.turn_step) == (None, 6)


def test_changes_of_the_whole_run_stay_that_while_one_makes_them(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    guide(session, 5.0)
    verbs.change_whole_run()
    guide(session, 2.0)
    guide(session, 1.0)
    assert (session.turn_step, session.scene.denoising.sampling.guidance) == (None, 1.0)


def test_a_branch_on_which_nothing_was_done_is_there_again_with_its_model(branching: tuple[Session, Branching]) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    session.open_model(replace_digest(made_model(), "1" * 64))
    session.open_model(made_model())
    switched = verbs.current(), session.turn_step
    other = Session()
    other_verbs = Branching(other)
    other.restore(session.snapshot(), made_model())
    branch = session.branches[1]
    assert (branch.name, switched, (other_verbs.current(), other.turn_step)) == ("B", (branch, 6), (branch, 6))


def test_without_its_paint_a_painted_branch_is_still_the_branch_one_is_on(
    branching: tuple[Session, Branching],
) -> None:
    session, verbs = branching
    verbs.paint(ImageFile("/some.png"), 6)
    verbs.paint(None, 6)
    current = verbs.current()
    assert (current, session.turn_step) == (Branch("B", session.branches[0].scene, "A", 6), 6)


@pytest.mark.parametrize("guidance", [None, 5.0])
def test_a_scene_without_turns_is_changed_all_the_way(
    branching: tuple[Session, Branching], guidance: float | None
) -> None:
    session, verbs = branching
    verbs.branch_here(6)
    if guidance is not None:
        guide(session, guidance)
    session.change(replace(seed_scene(3), denoising=Denoising(Sampling(guidance=1.0))), "Its noise")
    assert (verbs.current(), session.turn_step) == (None, None)


def test_names_go_through_the_alphabet_and_on() -> None:
    branches: tuple[Branch, ...] = ()
    for _ in range(28):
        branches = (*branches, Branch(next_name(branches), Scene()))
    assert [branch.name for branch in branches][-3:] == ["Z", "AA", "AB"]


def test_the_tree_lists_every_branch_once_below_the_one_it_left() -> None:
    branches = (
        Branch("A", Scene()),
        Branch("C", Scene(), "B", 8),
        Branch("B", Scene(), "A", 4),
        Branch("X", Scene(), "gone"),
    )
    assert [(branch.name, depth) for branch, depth in tree(branches)] == [("A", 0), ("B", 1), ("C", 2), ("X", 0)]


# --- the workspace ---


def test_scrubbing_asks_the_render_thread_nothing(bench: Bench) -> None:
    bench.run()
    before = bench.live.shows, len(bench.live.runs), len(bench.live.asked)
    strip = bench.denoise.track.strip
    QTest.mousePress(strip, LEFT, NONE, strip.stepRect(2).center().toPoint())
    for index in range(3, 12):
        move(strip, strip.stepRect(index).center())
        QApplication.processEvents()
    QTest.mouseRelease(strip, LEFT, NONE, strip.stepRect(11).center().toPoint())
    assert bench.playback.position() == 11
    assert (bench.live.shows, len(bench.live.runs), len(bench.live.asked)) == before


def test_the_playhead_runs_through_strip_and_curve_at_one_place(bench: Bench) -> None:
    bench.run()
    bench.playback.go_to(9)
    track = bench.denoise.track
    x = track.places().x(9)
    amber = QColor("#ffb454")
    curve = track.curve.grab().toImage()
    assert track.strip.stepRect(9).center().x() == pytest.approx(x, abs=1)
    assert curve.pixelColor(round(x), 4) == amber


@pytest.mark.parametrize("size", [(390, 365), (420, 640), (840, 660), (1400, 900)])
def test_the_workspace_fits_into_its_window(bench: Bench, size: tuple[int, int]) -> None:
    bench.run()
    bench.denoise.branch_here()
    bench.denoise.resize(*size)
    QApplication.processEvents()
    layout = bench.denoise.layout()
    assert layout is not None
    smallest = layout.minimumSize()
    assert smallest.width() <= size[0]
    assert smallest.height() <= size[1]


def test_keys_step_play_mark_and_branch(bench: Bench, qtbot: QtBot) -> None:
    bench.run()
    bench.denoise.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is bench.denoise)
    strip = bench.denoise.track.strip
    strip.setFocus()
    told = []
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_I, Qt.Key.Key_End, Qt.Key.Key_Left):
        QTest.keyClick(strip, key)
        told.append(bench.playback.position())
    QTest.keyClick(strip, Qt.Key.Key_L)
    QTest.keyClick(strip, Qt.Key.Key_L)
    rate = bench.playback.rate()
    QTest.keyClick(strip, Qt.Key.Key_K)
    QTest.keyClick(strip, Qt.Key.Key_B)
    assert told == [0, 1, 2, 2, TOTAL - 1, TOTAL - 2]
    assert (bench.playback.mark_in, rate, bench.playback.is_playing(), len(bench.session.branches)) == (2, 2, False, 2)


def test_dragging_a_point_of_the_curve_bends_the_guidance_from_the_turn_on(bench: Bench) -> None:
    bench.run()
    bench.playback.go_to(8)
    bench.denoise.branch_here()
    curve = bench.denoise.track.curve
    start = curve.pointPlace(1)
    QTest.mousePress(curve, LEFT, NONE, start.toPoint())
    move(curve, QPointF(start.x(), 2))
    held = bench.session.scene != bench.session.history.entry.scene
    QTest.mouseRelease(curve, LEFT, NONE, QPoint(round(start.x()), 2))
    (turn,) = bench.session.scene.denoising.turns
    assert held
    assert turn.step == 8
    assert turn.sampling is not None
    assert turn.sampling.curve[0] == (8 / (TOTAL - 1), 3.0)
    assert turn.sampling.curve[-1][1] > 5
    assert bench.session.history.entry.label == "Guidance curve"


def test_a_double_click_adds_a_point_and_another_takes_it_away(bench: Bench) -> None:
    bench.run()
    curve = bench.denoise.track.curve
    place = QPoint(curve.width() // 2, curve.height() // 3)
    QTest.mouseDClick(curve, LEFT, NONE, place)
    count = len(bench.session.scene.denoising.sampling.curve)
    QTest.mouseDClick(curve, LEFT, NONE, curve.pointPlace(1).toPoint())
    assert (count, len(bench.session.scene.denoising.sampling.curve)) == (3, 2)


def test_a_model_that_cannot_be_guided_has_no_curve(bench: Bench) -> None:
    bench.session.open_model(made_model(can_guide=False))
    bench.run()
    assert bench.denoise.track.curve.isHidden()


def test_comparing_asks_for_the_other_run_and_shows_it_behind_the_divider(bench: Bench) -> None:
    bench.run(40)
    bench.playback.go_to(TOTAL - 1)
    bench.playback.go_to(6)
    bench.denoise.branch_here()
    bench.guide(5.0)
    bench.run(220)
    bench.denoise.comparing.toggle()
    lane, scene, show = bench.live.runs[-1]
    for step in made_steps(scene, picture=np.full((SIDE, SIDE, 1), 40, np.uint8)):
        show(step)
    bench.playback.go_to(TOTAL - 1)
    canvas = bench.denoise.canvas
    rect, image = canvas.screen_rect(), canvas.grab().toImage()
    colours = [
        image.pixelColor(round(rect.left() + part * rect.width()), round(rect.bottom() - 9)).red()
        for part in (0.1, 0.9)
    ]
    assert (lane, scene, colours) == ("branch", bench.session.branches[0].scene, [220, 40])


def test_the_divider_is_dragged(bench: Bench) -> None:
    test_comparing_asks_for_the_other_run_and_shows_it_behind_the_divider(bench)
    canvas = bench.denoise.canvas
    rect = canvas.screen_rect()
    QTest.mousePress(canvas, LEFT, NONE, rect.center().toPoint())
    move(canvas, QPointF(rect.left() + 0.25 * rect.width(), rect.center().y()))
    QTest.mouseRelease(canvas, LEFT, NONE, rect.center().toPoint())
    assert canvas.divider() == pytest.approx(0.25, abs=0.01)


def test_a_stroke_paints_a_branch_from_its_step_on(bench: Bench, qtbot: QtBot) -> None:
    bench.run()
    bench.playback.go_to(5)
    bench.denoise.brush_button.setChecked(True)
    canvas = bench.denoise.canvas
    rect = canvas.screen_rect()
    QTest.mousePress(canvas, LEFT, NONE, rect.center().toPoint())
    move(canvas, rect.center() + QPointF(40, 0))
    QTest.mouseRelease(canvas, LEFT, NONE, rect.center().toPoint())
    qtbot.waitUntil(lambda: paint_at(bench.session.scene, 5) is not None)
    paint = paint_at(bench.session.scene, 5)
    assert paint is not None
    image = read_image(Path(paint.path))
    assert (image.mode, image.size, image.getpixel((SIDE // 2, SIDE // 2))) == ("RGBA", (SIDE, SIDE), (255,) * 4)
    assert [branch.name for branch in bench.session.branches] == ["A", "B"]


def test_a_mask_is_painted_white_on_black_where_there_is_a_start_picture(bench: Bench, qtbot: QtBot) -> None:
    scene = replace(bench.session.scene, denoising=Denoising(start=Start(ImageFile("/some.png"), 0.8)))
    bench.session.change(scene, "Start")
    bench.run()
    bench.denoise.brush_button.setChecked(True)
    bench.denoise.brush.what.button("mask").click()
    bench.denoise.canvas.stroked.emit(QPointF(16, 16), QPointF(16, 16))
    bench.denoise.canvas.stroke_ended.emit()
    qtbot.waitUntil(lambda: bench.session.scene.denoising.start.mask is not None)
    mask = bench.session.scene.denoising.start.mask
    assert mask is not None
    image = read_image(Path(mask.path))
    assert (image.mode, image.getpixel((16, 16)), image.getpixel((0, 0))) == ("L", 255, 0)


def test_overlapping_paint_of_one_stroke_counts_once_and_the_eraser_takes_it_away() -> None:
    blank = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    blank.fill(Qt.GlobalColor.transparent)
    stroke = QImage(blank)
    stroke.fill(QColor("white"))
    half = painted(blank, stroke, 0.5, erases=False)
    assert half.pixelColor(0, 0).alpha() == pytest.approx(128, abs=1)
    assert painted(half, stroke, 1.0, erases=True).pixelColor(0, 0).alpha() == 0


def test_equal_paintings_are_one_file(tmp_path: Path) -> None:
    image = QImage(4, 4, QImage.Format.Format_ARGB32)
    image.fill(QColor("red"))
    files = {keep_png(tmp_path, png_of(image, is_mask=False)) for _ in range(2)}
    assert len(files) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_the_eraser_is_put_away_with_the_brush(bench: Bench) -> None:
    bench.run()
    bench.denoise.brush_button.setChecked(True)
    bench.denoise.actions_by_name["run-eraser"].trigger()
    was_out = bench.denoise.brush.eraser.isChecked()
    bench.denoise.brush_button.setChecked(False)
    bench.denoise.actions_by_name["run-eraser"].trigger()
    assert (was_out, bench.denoise.brush.eraser.isChecked()) == (True, False)


@pytest.mark.parametrize("erases", [True, False])
def test_a_stroke_that_changes_nothing_makes_no_branch(bench: Bench, erases: bool) -> None:
    bench.run()
    bench.playback.go_to(5)
    bench.denoise.brush_button.setChecked(True)
    bench.denoise.brush.eraser.setChecked(erases)
    place = QPointF(16, 16) if erases else QPointF(-40, -40)
    bench.denoise.canvas.stroked.emit(place, place)
    bench.denoise.canvas.stroke_ended.emit()
    assert not bench.actions.workers.background.states()
    assert bench.session.branches == ()


def test_the_list_brings_a_deleted_branch_back_and_a_message_says_so(bench: Bench) -> None:
    told: list[str] = []
    bench.actions.told.connect(lambda message: told.append(message.text))
    bench.run()
    bench.playback.go_to(6)
    bench.denoise.branch_here()
    bench.guide(5.0)
    bench.denoise.branches.rows()[1].deleted.emit("B")
    back = bench.denoise.branches.back
    offered = (back.isVisible(), back.text())
    QTest.mouseClick(back, LEFT)
    assert (told, offered, back.isHidden()) == (["Branch B is deleted."], (True, "Bring back B"), True)
    assert [branch.name for branch in bench.session.branches] == ["A", "B"]


def test_a_run_that_is_not_kept_is_kept_by_its_row(bench: Bench) -> None:
    bench.run()
    bench.denoise.branching.keep_run()
    bench.session.change(seed_scene(9), "Seed 9")
    row = bench.denoise.branches.rows()[0]
    QTest.mouseClick(row.keep, LEFT)
    assert bench.session.branches[1] == Branch("B", seed_scene(9))
    assert bench.session.turn_step is None


def test_the_comparison_names_both_runs(bench: Bench) -> None:
    test_comparing_asks_for_the_other_run_and_shows_it_behind_the_divider(bench)
    assert bench.denoise.branches.pair.text() == "B | A"


def test_the_tools_stay_where_they_are_in_runs_of_any_length(bench: Bench) -> None:
    places = set()
    for total in (25, 15, 4):
        bench.run(total=total)
        QApplication.processEvents()
        places.add((bench.denoise.transport.y(), bench.denoise.track.height()))
    assert len(places) == 1


def test_the_name_of_the_curve_lies_above_it(bench: Bench) -> None:
    bench.run()
    bench.guide(1000.0)
    curve = bench.denoise.track.curve
    QTest.mouseDClick(curve, LEFT, NONE, QPoint(curve.width() // 2, 0))  # as high as it goes
    assert min(curve.pointPlace(index).y() for index in range(3)) >= 16


@pytest.mark.parametrize("is_complete", [False, True])
def test_the_header_calls_latents_a_preview(bench: Bench, is_complete: bool) -> None:
    model = made_model()
    assert model.facts.denoising is not None
    own = replace(model.facts.denoising, has_autoencoder=True)
    bench.session.open_model(replace(replace_digest(model, "1" * 64), facts=replace(model.facts, denoising=own)))
    for step in made_steps(bench.session.scene):
        bench.live.step_shown.emit(replace(step, is_decoded=is_complete, is_complete=is_complete))
    said = {}
    for view in ("clean", "noisy", "noise", "both"):
        bench.denoise.choose_view(view)
        said[view] = bench.denoise.title.text().endswith("(preview)")
    is_preview = not is_complete
    assert said == {"clean": is_preview, "noisy": is_preview, "noise": True, "both": is_preview}


def test_the_header_counts_from_pure_noise_where_a_run_starts_from_a_picture(bench: Bench) -> None:
    start = Start(ImageFile("/some.png"), 0.5)
    bench.session.change(replace(bench.session.scene, denoising=Denoising(start=start)), "Start")
    bench.run(total=8)
    bench.playback.go_to(2)
    assert bench.denoise.title.text().startswith("step 3 of 8 (11 of 16)")


def test_pictures_of_branches_are_asked_for_when_a_session_comes_back(bench: Bench) -> None:
    kept = (Branch("A", seed_scene(1)), Branch("B", seed_scene(2)))
    bench.denoise.hide()
    saved = replace(bench.session.snapshot(), branches=kept)
    bench.session.restore(saved, made_model())
    bench.live.asked.clear()
    bench.denoise.show()
    first = [(lane, scenes) for lane, scenes, _ in bench.live.asked]
    bench.denoise.hide()
    bench.denoise.show()  # they did not arrive
    assert ("branches", [seed_scene(1), seed_scene(2)]) in first
    assert bench.live.asked[-1][:2] == ("branches", [seed_scene(1), seed_scene(2)])


def test_branches_that_were_not_run_get_pictures_of_their_own(bench: Bench) -> None:
    bench.run()
    bench.playback.go_to(6)
    bench.denoise.branch_here()
    bench.guide(5.0)
    bench.session.set_branches((*bench.session.branches, Branch("Z", seed_scene(9))))
    lane, scenes, _ = bench.live.asked[-1]
    assert (lane, scenes) == ("branches", [seed_scene(9)])


def test_a_failed_first_run_says_so(bench: Bench) -> None:
    from explorer.actions import Message

    bench.actions.told.emit(Message("This sampler does not suit the model."))
    assert "could not be made" in bench.denoise.canvas._message


# --- writing ---


def frames(count: int = 5) -> list[np.ndarray]:
    return [np.full((8, 8, 1), 40 * index, np.uint8) for index in range(count)]


def test_the_strip_is_one_picture_with_the_recipe_inside(tmp_path: Path) -> None:
    path = tmp_path / "steps.png"
    write_strip(path, frames(), {"scene": 1})
    assert (read_image(path).size, read_recipe(path)) == ((5 * 64 + 4 * 4, 64), {"scene": 1})


def test_the_run_becomes_a_film_of_its_steps(tmp_path: Path) -> None:
    told: list[str] = []
    count = write_run(tmp_path / "run.gif", frames(), 12, {}, 64, lambda done, total, note: told.append(note))
    assert (count, told[-1]) == (5, "step 5 of 5")


def test_two_views_are_written_side_by_side() -> None:
    assert beside(*frames(2)).shape == (8, 17, 1)


def test_what_is_exported_is_the_view_that_is_shown(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    bench.run(180)
    bench.playback.go_to(3)
    path = tmp_path / "step.png"
    with qtbot.waitSignal(bench.actions.exported):
        bench.denoise.exports.export_step(path)
    step = bench.playback.run.steps[3]
    assert isinstance(step, StepPictures)
    assert np.array_equal(np.asarray(read_image(path)), step.clean[..., 0])


# --- in the window ---


def test_denoise_is_there_only_for_models_that_denoise(window: Window) -> None:
    shown = [window._tabs.isTabVisible(1)]
    window.desk.session.open_model(replace_digest(made_model(denoises=False), "1" * 64))
    shown.append(window._tabs.isTabVisible(1))
    assert shown == [True, False]


def test_control_and_a_number_switch_the_workspace_and_the_view_remembers_it(window: Window) -> None:
    names = []
    for key in (Qt.Key.Key_2, Qt.Key.Key_1, Qt.Key.Key_2):
        QTest.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        names.append((window.desk.session.view.workspace, window._centre.currentWidget() is window.denoise))
    assert names == [("denoise", True), ("explore", False), ("denoise", True)]


def test_keys_of_the_run_are_no_keys_of_explore_while_it_is_shown(window: Window) -> None:
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    taken = {key for _, keys, _ in RUN_SHORTCUTS for key in keys}
    kept = {key.toString() for verb in window.verbs.values() for key in verb.shortcuts()}
    assert not kept & taken
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert [key.toString() for key in window.verbs["walk"].shortcuts()] == ["Space"]


def test_without_keyframes_the_timeline_is_a_title_row_in_denoise(window: Window, qtbot: QtBot) -> None:
    session, timeline = window.desk.session, window.timeline
    window.resize(1000, 600)
    told = []

    def look() -> None:
        QApplication.processEvents()
        told.append((timeline.is_folded(), timeline.height() > 100))

    look()
    window.choose_workspace(1)
    look()
    qtbot.waitUntil(lambda: window.denoise.canvas.height() >= 260)
    session.change_film(through((session.scene,)))
    look()
    session.change_film(Film())
    window.choose_workspace(0)
    look()
    assert told == [(False, True), (True, False), (False, True), (False, True)]


def test_hints_name_the_keys_of_the_workspace_that_is_shown(window: Window) -> None:
    keys = []
    for index in (0, 1):
        window.choose_workspace(index)
        keys.append((window.timeline._add.toolTip()[-8:].split("(")[-1], "P paints" in window._hint_words.text()))
    assert keys == [("K).", False), ("Ctrl+K).", True)]


def test_a_model_that_does_not_denoise_shows_explore_and_the_next_one_denoise_again(window: Window) -> None:
    session = window.desk.session
    session.set_view(replace(session.view, workspace="denoise"))
    session.open_model(replace_digest(made_model(denoises=False), "1" * 64))
    first = window._centre.currentWidget()
    session.open_model(made_model())
    assert (first, window._centre.currentWidget()) == (window.explore, window.denoise)


def replace_digest(model: object, digest: str) -> object:
    from explorer.session import Model

    assert isinstance(model, Model)
    return replace(model, digest=digest)


def test_an_export_waits_for_the_real_pictures(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    steps = made_steps(bench.session.scene)
    for step in steps:
        bench.live.step_shown.emit(replace(step, is_decoded=False))
    path = tmp_path / "steps.png"
    bench.denoise.exports.export_strip(path)
    with qtbot.waitSignal(bench.actions.exported):
        for step in steps:
            bench.live.step_shown.emit(step)
    assert path.exists()


def test_images_are_made_once_while_the_pixels_are_the_same(bench: Bench) -> None:
    bench.run()
    frames, run = bench.denoise._frames, bench.playback.run
    before = frames.image(run, 4, "clean")
    step = run.steps[4]
    assert step is not None
    bench.live.step_shown.emit(replace(step, reused=9))
    assert frames.image(run, 4, "clean") is before
