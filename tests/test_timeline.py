"""The promises of the timeline: what a person asks for on it, and what it shows of the session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from explorer.actions import Actions, Workers
from explorer.animation import Film, Keyframe, Sound, duration, through
from explorer.animation.easing import Easing, ease
from explorer.imaging import Picture
from explorer.live import Live, Tile
from explorer.preferences import Preferences
from explorer.scene import Latent, Scene, Seed
from explorer.session import Model, Session
from explorer.ui.panel import Desk
from explorer.ui.theme import DARK, apply_theme
from explorer.ui.timeline import Timeline, film_size, reduced
from explorer.ui.timeline.curve_editor import CURVES, CurvePad
from explorer.ui.timeline.moves import Snap, keyframe_times, moved, snapped
from explorer.ui.timeline.paint import HEIGHT, MIDDLE, RULER, SOUND_HEIGHT, SPEED_HEIGHT
from explorer.ui.timeline.places import FULL_SIDE, Places, fitting_scale
from explorer.ui.timeline.track import TimelineTrack
from explorer.ui.timeline.track_menu import EASING_WORDS
from explorer.workers import MainThread

LEFT = Qt.MouseButton.LeftButton
PLAIN, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
Key = Qt.Key


def scene(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


SCENES = tuple(scene(number) for number in range(4))
FILM = through(SCENES)  # keyframes at 0, 2, 4 and 6 seconds


@pytest.fixture(autouse=True)
def dark(qapp: QApplication) -> None:
    apply_theme(qapp, "dark")


class FakeLive(Live):
    """Notes which pictures are asked for, and hands them over when told to."""

    def __init__(self, session: Session, main: MainThread) -> None:
        super().__init__(session, main, fail)
        self.asked: list[tuple[str, list[Scene], Callable[[Tile], None]]] = []

    def show_scene(self) -> None:
        """No model, no picture."""

    def tiles(self, lane: str, scenes: list[Scene], show: Callable[[Tile], None]) -> None:
        self.asked.append((lane, scenes, show))

    def answer(self, request: int = -1, value: int = 200) -> None:
        _, scenes, show = self.asked[request]
        for index in range(len(scenes)):
            show(Tile(index, Picture(np.full((8, 8, 3), value, np.uint8))))


@dataclass
class Bench:
    """A timeline with everything behind it but a model."""

    session: Session
    actions: Actions
    live: FakeLive
    timeline: Timeline
    qtbot: QtBot

    @property
    def track(self) -> TimelineTrack:
        return self.timeline.track

    @property
    def film(self) -> Film:
        return self.session.film

    @property
    def times(self) -> list[float]:
        return [round(seconds, 3) for seconds in keyframe_times(self.film)]

    def show(self, film: Film = FILM) -> None:
        self.session.change_film(film, "Start")
        QApplication.processEvents()

    def middle(self, index: int) -> QPoint:
        return self.track.keyframeRect(index).center()

    def at(self, seconds: float, y: int = MIDDLE) -> QPoint:
        return QPoint(round(self.track.places().x_at(seconds)), y)

    def click(self, index: int, held: Qt.KeyboardModifier = PLAIN) -> None:
        self.qtbot.mouseClick(self.track, LEFT, held, self.middle(index))

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = PLAIN) -> None:
        self.qtbot.keyClick(self.track, key, held)

    def drag(self, *points: QPoint, held: Qt.KeyboardModifier = PLAIN) -> None:
        drag(self.qtbot, self.track, *points, held=held)

    def undo_labels(self) -> list[str]:
        """What undo takes back one by one, newest first, down to the start."""
        labels: list[str] = []
        while (label := self.session.undo_label()) is not None and label != "Start":
            labels.append(label)
            self.session.undo()
        return labels


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    main, session = MainThread(), Session()
    live = FakeLive(session, main)
    workers = Workers.make(main, fail)
    actions = Actions(session, live, workers, Preferences(), tmp_path)
    timeline = Timeline(Desk(session, actions, live))
    shown(qtbot, timeline, 1024, timeline.sizeHint().height())
    yield Bench(session, actions, live, timeline, qtbot)
    actions.motion.stop()
    live.asked.clear()  # what waits for an answer holds the timeline, and it the session: a circle
    for each in (live, workers.jobs, workers.loader, workers.background, main):
        each.close()


def fail(error: BaseException) -> None:
    raise error


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    widget.activateWindow()
    QApplication.processEvents()


def heard(signal: Any) -> list[tuple[Any, ...]]:
    """Everything a signal says from now on."""
    calls: list[tuple[Any, ...]] = []

    def keep(*values: Any) -> None:
        calls.append(values)

    signal.connect(keep)
    return calls


def move(widget: QWidget, point: QPoint, held: Qt.KeyboardModifier = PLAIN) -> None:
    here, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, here, widget.mapToGlobal(here), none, LEFT, held)
    QApplication.sendEvent(widget, event)


def drag(qtbot: QtBot, widget: QWidget, *points: QPoint, held: Qt.KeyboardModifier = PLAIN) -> None:
    qtbot.mousePress(widget, LEFT, held, points[0])
    for start, end in pairwise(points):
        for part in (0.3, 0.7, 1.0):
            move(widget, QPoint(round(start.x() + part * (end.x() - start.x())), end.y()), held)
    qtbot.mouseRelease(widget, LEFT, held, points[-1])


def wheel(widget: QWidget, x: float, notches: int, held: Qt.KeyboardModifier = PLAIN) -> None:
    here, turned = QPointF(x, MIDDLE), QPoint(0, 120 * notches)
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(here, widget.mapToGlobal(here), QPoint(), turned, none, held, phase, False)
    QApplication.sendEvent(widget, event)


def painted(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def evenly(count: int, seconds: float, width: int = 1000) -> Places:
    times = tuple(seconds * index / max(count - 1, 1) for index in range(count))
    return Places(width, times, seconds, fitting_scale(width, seconds))


# --- places ---


@pytest.mark.parametrize("width", [600, 1024, 2500])
@pytest.mark.parametrize("count", [2, 3, 40, 200, 5000])
def test_every_keyframe_of_any_film_is_found_where_it_lies(width: int, count: int) -> None:
    places = evenly(count, 2.0 * count, width)
    assert [places.keyframe_at(places.keyframe_x(index)) for index in range(count)] == list(range(count))


@pytest.mark.parametrize("width", [600, 2500])
@pytest.mark.parametrize("count", [2, 200])
def test_thumbnails_of_a_film_that_fits_stay_inside_the_track(width: int, count: int) -> None:
    places = evenly(count, 2.0 * count, width)
    assert places.keyframe_x(0) - FULL_SIDE / 2 >= 0
    assert places.keyframe_x(count - 1) + FULL_SIDE / 2 <= width


def test_seconds_and_places_are_inverse() -> None:
    places = replace(evenly(5, 8.0), offset=1.5)
    assert places.seconds_at(places.x_at(3.3)) == pytest.approx(3.3)


def test_moments_are_kept_within_the_film() -> None:
    places = evenly(5, 8.0)
    assert (places.within(-50), places.within(2000)) == (0.0, 8.0)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 8.0, 90.0, 3600.0])
def test_marks_of_the_ruler_never_touch(seconds: float) -> None:
    marks = [x for x, _ in evenly(2, seconds, 600).marks()]
    assert min(np.diff(marks), default=100) > 50


def test_keyframes_closer_than_eight_pixels_are_bars() -> None:
    places = Places(1000, (0.0, 0.07, 1.0), 1.0, 100.0)
    assert [places.side(index) > 0 for index in range(3)] == [False, False, True]


def test_the_way_under_a_place_is_named_by_its_keyframe() -> None:
    places = evenly(5, 8.0)
    assert [places.way_at(places.x_at(t)) for t in (-0.5, 0.1, 3.9, 7.0, 8.5)] == [-1, 0, 1, 3, -1]


# --- moving in time, as arithmetic ---


def test_a_moved_keyframe_leaves_its_neighbours_where_they_are() -> None:
    assert keyframe_times(moved(FILM, {1}, 0.5).film) == pytest.approx((0, 2.5, 4, 6))


def test_with_ripple_all_later_keyframes_come_along() -> None:
    assert keyframe_times(moved(FILM, {1}, 0.5, ripple=True).film) == pytest.approx((0, 2.5, 4.5, 6.5))


def test_a_keyframe_moved_past_another_changes_the_order() -> None:
    done = moved(FILM, {1}, 3.0)
    assert done.film.scenes == (scene(0), scene(2), scene(1), scene(3))
    assert keyframe_times(done.film) == pytest.approx((0, 4, 5, 6))
    assert done.chosen == {2}


def test_a_film_begins_at_its_first_keyframe_wherever_that_is_moved_to() -> None:
    done = moved(FILM, {0}, 0.5)
    assert (keyframe_times(done.film), done.shift) == (pytest.approx((0, 1.5, 3.5, 5.5)), 0.5)


def test_a_loop_keeps_its_end_while_a_keyframe_is_moved() -> None:
    assert duration(moved(replace(FILM, loop=True), {3}, 1.0).film) == pytest.approx(8.0)


def test_measured_changes_stay_with_ways_that_lead_to_the_same_keyframe() -> None:
    film = replace(FILM, keyframes=tuple(replace(each, changes=(0.0, 1.0)) for each in FILM.keyframes))
    kept = [bool(each.changes) for each in moved(film, {1}, 0.5).film.keyframes]
    reordered = [bool(each.changes) for each in moved(film, {1}, 3.0).film.keyframes]
    assert (kept, reordered) == ([True] * 4, [False, False, False, True])


def test_keyframes_never_fall_on_each_other() -> None:
    times = keyframe_times(moved(FILM, {1, 2, 3}, -100.0).film)
    assert min(np.diff(times)) >= 0.02 - 1e-9


def test_keyframes_pressed_against_their_neighbours_anywhere_make_a_film() -> None:
    film = through(tuple(scene(index % 50) for index in range(2000)), seconds=0.05)
    for index in range(1, 1999, 37):
        assert len(moved(film, {index}, 0.05 - 1e-6).film.keyframes) == 2000


@pytest.mark.parametrize(
    ("seconds", "reach", "result"),
    [(1.97, 0.1, (2.0, 2.0)), (1.51, 0.1, (1.53, 1.53)), (1.31, 0.1, (1.3, None)), (1.97, 0.0, (2.0, None))],
)
def test_moments_are_pulled_to_seconds_targets_or_frames(
    seconds: float, reach: float, result: tuple[float, float | None]
) -> None:
    moment, pull = snapped(seconds, Snap(10, (0.5, 1.53), reach))
    assert (pytest.approx(moment), pull) == result


# --- dragging ---


def test_a_drag_moves_a_keyframe_in_time_as_one_step_of_undo(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.middle(1), bench.at(2.6), bench.at(3.0))
    assert bench.times == [0, 3, 4, 6]
    assert bench.undo_labels() == ["Move keyframes"]
    assert bench.film == FILM


def test_a_drag_with_shift_takes_all_later_keyframes_along(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.middle(1), bench.at(3.0), held=SHIFT)
    assert bench.times == [0, 3, 5, 7]


def test_a_drag_past_a_neighbour_changes_the_order(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.middle(1), bench.at(5.0))
    assert bench.film.scenes == tuple(scene(number) for number in (0, 2, 1, 3))
    assert bench.track.selection() == (2,)


def test_the_first_keyframe_follows_the_mouse_while_it_is_dragged(bench: Bench) -> None:
    bench.show()
    aim = bench.at(1.0)
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.middle(0))
    move(bench.track, aim)
    assert abs(bench.middle(0).x() - aim.x()) <= 1
    bench.qtbot.mouseRelease(bench.track, LEFT, pos=aim)
    assert bench.times == [0, 1, 3, 5]


def test_the_last_keyframe_can_be_dragged_to_make_the_film_longer(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.middle(3), bench.at(6.5))
    assert bench.times == [0, 2, 4, 6.5]


def test_escape_takes_a_drag_back(bench: Bench) -> None:
    bench.show()
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.middle(1))
    move(bench.track, bench.at(3.0))
    assert bench.film != FILM
    bench.key(Key.Key_Escape)
    bench.qtbot.mouseRelease(bench.track, LEFT, pos=bench.at(3.0))
    assert bench.film == FILM
    assert bench.undo_labels() == []


def test_selected_keyframes_are_dragged_together(bench: Bench) -> None:
    bench.show()
    bench.click(1)
    bench.click(2, CTRL)
    bench.drag(bench.middle(1), bench.at(2.5))
    assert bench.times == [0, 2.5, 4.5, 6]
    assert bench.track.selection() == (1, 2)


def test_the_handle_at_the_end_stretches_the_whole_film(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.at(6.0, RULER - 5) + QPoint(3, 0), bench.at(3.0, RULER - 5) + QPoint(3, 0))
    assert bench.times == [0, 1, 2, 3]
    assert bench.undo_labels() == ["Stretch the film"]


def test_undo_in_the_middle_of_a_drag_forgets_the_drag(bench: Bench) -> None:
    bench.show()
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.middle(1))
    move(bench.track, bench.at(3.0))
    bench.session.undo()
    bench.qtbot.mouseRelease(bench.track, LEFT, pos=bench.at(3.0))
    assert bench.film == FILM


# --- snapping ---


def test_a_whole_second_pulls_from_five_pixels_and_shows_a_line(bench: Bench) -> None:
    bench.show()
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.middle(1))
    move(bench.track, bench.at(3.0) + QPoint(5, 0))
    assert (bench.times[1], bench.track._guide) == (3.0, 3.0)
    bench.qtbot.mouseRelease(bench.track, LEFT, pos=bench.at(3.0))
    assert bench.track._guide is None


def test_beats_and_the_playhead_pull_too(bench: Bench) -> None:
    film = replace(FILM, sound=Sound("a.wav", "", (2.47,), 6.0))
    bench.show(film)
    bench.drag(bench.middle(1), bench.at(2.47) + QPoint(4, 0))
    assert bench.times[1] == 2.47
    bench.actions.motion.scrub(3.53)
    bench.drag(bench.middle(1), bench.at(3.53) - QPoint(4, 0))
    assert bench.times[1] == 3.53


def test_without_the_magnet_keyframes_keep_to_frames(bench: Bench) -> None:
    bench.show()
    bench.key(Key.Key_S)
    assert not bench.timeline._snapping.isChecked()
    bench.drag(bench.middle(1), bench.at(3.0) + QPoint(4, 0))
    assert bench.times[1] != 3.0
    assert bench.times[1] * 30 == pytest.approx(round(bench.times[1] * 30), abs=0.02)


# --- selecting ---


def test_a_click_goes_to_a_keyframe_as_one_step_of_undo(bench: Bench) -> None:
    bench.show()
    bench.click(2)
    assert (bench.session.scene, bench.session.history.entry.label) == (scene(2), "Keyframe 3")
    assert bench.track.position() == pytest.approx(4.0)


def test_clicks_with_control_and_shift_select_more(bench: Bench) -> None:
    bench.show()
    bench.click(0)
    bench.click(2, CTRL)
    several = bench.track.selection()
    bench.click(2, CTRL)
    fewer = bench.track.selection()
    bench.click(3, SHIFT)
    assert (several, fewer, bench.track.selection()) == ((0, 2), (0,), (2, 3))


def test_a_drag_from_an_empty_place_selects_what_it_spans(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.at(1.0), bench.at(4.5))
    assert (bench.track.selection(), bench.film) == ((1, 2), FILM)


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        ([Key.Key_Right], 0),
        ([Key.Key_Right, Key.Key_Right], 1),
        ([Key.Key_End, Key.Key_Right], 3),
        ([Key.Key_End, Key.Key_Left], 2),
        ([Key.Key_End, Key.Key_Home, Key.Key_Left], 0),
    ],
)
def test_arrows_select_keyframes(bench: Bench, keys: list[Qt.Key], selected: int) -> None:
    bench.show()
    for key in keys:
        bench.key(key)
    assert bench.track.selection() == (selected,)


def test_shift_and_arrows_select_more_and_less(bench: Bench) -> None:
    bench.show()
    bench.key(Key.Key_Home)
    for key in (Key.Key_Right, Key.Key_Right, Key.Key_Left):
        bench.key(key, SHIFT)
    assert bench.track.selection() == (0, 1)


def test_alt_and_arrows_move_by_one_frame(bench: Bench) -> None:
    bench.show()
    bench.track.select((1,), 1)
    bench.key(Key.Key_Right, ALT)
    once = bench.times[1]
    bench.key(Key.Key_Left, ALT)
    assert (once, bench.times[1]) == (pytest.approx(2 + 1 / 30, abs=1e-3), 2.0)


def test_control_shift_and_arrows_change_the_order(bench: Bench) -> None:
    bench.show()
    bench.key(Key.Key_End)
    bench.key(Key.Key_Left, CTRL | SHIFT)
    assert (bench.film.scenes[2], bench.times) == (scene(3), [0, 2, 4, 6])


def test_return_goes_to_the_selected_keyframe(bench: Bench) -> None:
    bench.show()
    bench.key(Key.Key_End)
    bench.key(Key.Key_Return)
    assert bench.session.scene == scene(3)


@pytest.mark.parametrize("key", [Key.Key_Delete, Key.Key_Backspace])
def test_delete_removes_everything_that_is_selected(bench: Bench, key: Qt.Key) -> None:
    bench.show()
    bench.click(1)
    bench.click(3, CTRL)
    bench.key(key)
    assert bench.film.scenes == (scene(0), scene(2))
    assert bench.undo_labels()[0] == "Remove keyframes"


def test_delete_takes_nothing_that_was_selected_before_scrubbing(bench: Bench) -> None:
    bench.show()
    bench.click(1)
    bench.qtbot.mouseClick(bench.track, LEFT, pos=bench.at(5.0, 5))
    bench.key(Key.Key_Delete)
    assert (bench.track.selection(), bench.film) == ((), FILM)


def test_scrubbing_onto_a_keyframe_selects_it_for_delete(bench: Bench) -> None:
    bench.show()
    bench.click(1)
    bench.qtbot.mouseClick(bench.track, LEFT, pos=bench.at(4.0, 5))
    bench.key(Key.Key_Delete)
    assert bench.film.scenes == (scene(0), scene(1), scene(3))


def test_what_is_selected_can_be_seen_without_focus(bench: Bench) -> None:
    bench.show()
    bench.timeline._export.setFocus()
    plain = painted(bench.track)
    bench.track.select((1,), 1)
    assert painted(bench.track) != plain


def test_selected_keyframes_that_go_elsewhere_are_selected_no_longer(bench: Bench) -> None:
    bench.show()
    bench.track.select((1, 3), 3)
    bench.session.change_film(through((scene(5), scene(1), scene(2))), "Other")
    assert (bench.track.selection(), bench.track.current()) == ((1,), 1)


def test_control_d_puts_copies_behind_and_selects_them(bench: Bench) -> None:
    bench.show()
    bench.track.select((0, 2), 2)
    bench.key(Key.Key_D, CTRL)
    assert bench.film.scenes == tuple(scene(number) for number in (0, 0, 1, 2, 2, 3))
    assert bench.track.selection() == (1, 4)


# --- zooming and scrolling ---


def test_control_and_the_wheel_zoom_about_the_mouse(bench: Bench) -> None:
    bench.show()
    x = bench.track.places().x_at(3.0)
    wheel(bench.track, x, 4, CTRL)
    places = bench.track.places()
    assert (places.x_at(3.0), bench.track._bar.isVisible()) == (pytest.approx(x), True)
    assert places.scale == pytest.approx(fitting_scale(bench.track.width(), 6.0) * 1.25**4)


def test_the_wheel_scrolls_a_film_that_is_zoomed(bench: Bench) -> None:
    bench.show()
    bench.track.zoom(4.0, bench.at(3.0).x())
    before = bench.track.places().offset
    wheel(bench.track, 300, -1)
    assert bench.track.places().offset > before
    bench.track._bar.setValue(0)
    assert bench.track.places().offset == 0.0


@pytest.mark.parametrize("way", ["double click", "key", "button"])
def test_there_are_three_ways_to_see_the_whole_film_again(bench: Bench, way: str) -> None:
    bench.show()
    bench.track.zoomIn()
    assert bench.track.isZoomed()
    if way == "double click":
        bench.qtbot.mouseDClick(bench.track, LEFT, pos=QPoint(300, 5))
    elif way == "key":
        bench.key(Key.Key_0)
    else:
        bench.timeline._fit.click()
    assert not bench.track.isZoomed()
    assert not bench.track._bar.isVisible()


def test_playing_keeps_the_playhead_in_view(bench: Bench) -> None:
    bench.show()
    bench.track.zoom(8.0, 0.0)
    bench.track.setPosition(5.0, follow=True)
    assert 0 <= bench.track.places().x_at(5.0) <= bench.track.width()


def test_a_drag_keeps_the_scale_of_a_zoomed_film(bench: Bench) -> None:
    bench.show()
    bench.track.zoom(2.0, 0.0)
    scale = bench.track.places().scale
    bench.drag(bench.middle(1), bench.at(2.5))
    assert (bench.track.places().scale, bench.times[1]) == (pytest.approx(scale), 2.5)


# --- the part that loops ---


def test_a_drag_with_shift_in_the_ruler_chooses_a_part(bench: Bench) -> None:
    bench.show()
    bench.drag(bench.at(1.0, 6), bench.at(3.0, 6), held=SHIFT)
    assert bench.film.region == (1.0, 3.0)
    assert bench.undo_labels() == ["Part of the film"]


def test_the_ends_of_the_part_can_be_dragged(bench: Bench) -> None:
    bench.show(replace(FILM, region=(1.0, 3.0)))
    bench.drag(bench.at(3.0, RULER - 3), bench.at(5.0, RULER - 3))
    bench.drag(bench.at(1.0, RULER - 3), bench.at(2.0, RULER - 3))
    assert bench.film.region == (2.0, 5.0)


def test_a_click_on_the_strip_plays_the_whole_film_again(bench: Bench) -> None:
    bench.show(replace(FILM, region=(1.0, 3.0)))
    bench.qtbot.mouseClick(bench.track, LEFT, pos=bench.at(2.0, RULER - 3))
    assert bench.film.region is None


def test_i_and_o_set_the_ends_of_the_part_at_the_playhead(bench: Bench) -> None:
    bench.show()
    for seconds, key in ((1.0, Key.Key_I), (3.0, Key.Key_O)):
        bench.actions.motion.scrub(seconds)
        bench.key(key)
        bench.actions.motion.scrub(seconds)
    assert bench.film.region == (1.0, 3.0)


def test_a_part_beyond_the_end_of_a_shorter_film_is_cut(bench: Bench) -> None:
    bench.show(replace(FILM, region=(1.0, 6.0)))
    bench.track.select((3,), 3)
    bench.key(Key.Key_Delete)
    assert bench.film.region == (1.0, 4.0)


# --- scrubbing ---


def test_a_press_on_the_ruler_scrubs_there(bench: Bench) -> None:
    bench.show()
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.at(4.0, 5))
    assert (bench.session.scene, bench.track.position()) == (scene(2), pytest.approx(4.0))


def test_a_drag_in_the_ruler_scrubs_all_the_way(bench: Bench) -> None:
    bench.show()
    said = heard(bench.track.scrubbed)
    bench.drag(bench.at(1.0, 5), bench.at(4.0, 5), QPoint(5000, 5))
    assert (said[0][0], said[-1][0]) == (pytest.approx(1.0), 6.0)


def test_the_playhead_is_amber_where_it_was_put(bench: Bench) -> None:
    bench.show()
    bench.track.setPosition(3.0)
    image, ratio = painted(bench.track), bench.track.devicePixelRatioF()
    assert image.pixelColor(bench.at(3.0, HEIGHT - 4) * ratio) == QColor(DARK.amber)


def test_setting_the_position_says_nothing(bench: Bench) -> None:
    bench.show()
    said = heard(bench.track.scrubbed)
    bench.track.setPosition(3.0)
    assert said == []


def test_the_playhead_goes_when_the_scene_leaves_the_film(bench: Bench) -> None:
    bench.show()
    bench.click(2)
    bench.session.change(scene(77), "Seed 77")
    assert bench.track.position() is None


def test_a_single_keyframe_can_be_clicked_but_time_cannot(bench: Bench) -> None:
    bench.show(through(SCENES[:1]))
    said = heard(bench.track.scrubbed)
    bench.click(0)
    bench.qtbot.mouseClick(bench.track, LEFT, pos=QPoint(500, 5))
    assert (bench.session.scene, said) == (scene(0), [])


# --- inserting, and the menu ---


def test_a_double_click_in_the_track_inserts_the_current_point_there(bench: Bench) -> None:
    bench.show()
    bench.session.model = cast(Model, SimpleNamespace())  # a point of some model
    bench.session.change(scene(9), "Seed 9")
    for click in (bench.qtbot.mouseClick, bench.qtbot.mouseDClick):
        click(bench.track, LEFT, pos=bench.at(3.0))
    bench.session.model = None
    assert (bench.film.scenes, bench.times[2]) == ((*SCENES[:2], scene(9), *SCENES[2:]), pytest.approx(3.0, abs=0.02))
    assert bench.track.selection() == (2,)


def test_the_menu_goes_to_replaces_duplicates_and_removes(bench: Bench) -> None:
    bench.show()
    bench.session.change(scene(9), "Seed 9")
    actions = {action.text().split("\t")[0]: action for action in bench.track.menu().actions()}
    bench.track.select((1,), 1)
    actions["Replace with the current point"].trigger()
    assert bench.film.scenes == (scene(0), scene(9), scene(2), scene(3))
    actions["Duplicate"].trigger()
    assert bench.film.scenes == (scene(0), scene(9), scene(9), scene(2), scene(3))
    actions["Remove"].trigger()
    actions["Go to keyframe"].trigger()
    assert (bench.film.scenes[1], bench.session.scene) == (scene(9), scene(2))


@pytest.mark.parametrize("easing", list(EASING_WORDS))
def test_the_menu_gives_the_selected_ways_another_easing(bench: Bench, easing: str) -> None:
    bench.show(through(SCENES, easing=(0.1, 0.2, 0.3, 0.4)))
    bench.track.select((1, 2), 1)
    menu = bench.track.menu()
    next(each for each in menu.easing.actions() if each.text() == EASING_WORDS[easing][0]).trigger()
    assert [each.easing == easing for each in bench.film.keyframes] == [False, True, True, False]
    menu.follow()
    assert [each.text() for each in menu.easing.actions() if each.isChecked()] == [EASING_WORDS[easing][0]]


def test_a_right_click_on_a_way_selects_the_keyframe_it_starts_from(bench: Bench) -> None:
    bench.show()
    asked = heard(bench.track.menu().aboutToShow)
    place = bench.at(3.0)
    from PySide6.QtGui import QContextMenuEvent

    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(bench.track, QContextMenuEvent(reason, place, bench.track.mapToGlobal(place)))
    bench.track.menu().close()
    assert (len(asked), bench.track.selection()) == (1, (1,))


# --- the curve ---


@pytest.mark.parametrize("name", ["linear", "ease", "ease-in", "ease-out"])
def test_named_easings_open_as_the_curve_they_are(name: str) -> None:
    places = np.linspace(0, 1, 21)
    named = [ease(name, float(place)) for place in places]
    assert [ease(CURVES[name], float(place)) for place in places] == pytest.approx(named, abs=1e-9)


def test_a_handle_follows_the_mouse_and_the_way_the_handle(bench: Bench) -> None:
    bench.show()
    bench.track.select((1,), 1)
    editor = bench.timeline.curve_editor
    editor.open_for_selection()
    start = editor.pad.handle(0).toPoint()
    drag(bench.qtbot, editor.pad, start, QPoint(editor.pad.width() // 2, editor.pad.height() // 2))
    curve = bench.film.keyframes[1].easing
    assert curve == (pytest.approx(0.5, abs=0.01), pytest.approx(0.5, abs=0.01), pytest.approx(2 / 3), 1.0)
    editor.close()
    assert bench.undo_labels() == ["Easing"]
    assert bench.film == FILM


def test_the_curve_can_be_drawn_with_keys_and_taken_back(bench: Bench) -> None:
    bench.show()
    bench.track.select((0, 2), 0)
    editor = bench.timeline.curve_editor
    editor.open_for_selection()
    for key, held in ((Key.Key_Up, SHIFT), (Key.Key_2, PLAIN), (Key.Key_Down, PLAIN), (Key.Key_Left, PLAIN)):
        bench.qtbot.keyClick(editor.pad, key, held)
    expected = pytest.approx((1 / 3, 0.1, 2 / 3 - 0.01, 0.99), abs=1e-3)
    assert [bench.film.keyframes[index].easing for index in (0, 2)] == [expected] * 2
    bench.qtbot.keyClick(editor.pad, Key.Key_Escape)
    assert (bench.film, editor.isVisible(), bench.undo_labels()) == (FILM, False, [])


def test_handles_stay_in_the_square(qtbot: QtBot) -> None:
    pad = CurvePad()
    shown(qtbot, pad, 200, 200)
    drag(qtbot, pad, pad.handle(1).toPoint(), QPoint(-400, 900))
    assert pad.curve()[2:] == (0.0, 0.0)


# --- painting ---


@pytest.mark.parametrize("easing", ["linear", "ease-in", "ease-out", "hold", (0.9, 0.1, 0.1, 0.9)])
def test_every_easing_paints_a_way_of_its_own(bench: Bench, easing: Easing) -> None:
    bench.show(through(SCENES))
    before = painted(bench.track)
    bench.show(through(SCENES, easing=easing))
    assert painted(bench.track) != before


def test_an_empty_track_paints_a_sentence(bench: Bench) -> None:
    empty = painted(bench.track)
    bench.show(through(SCENES[:1]))
    assert empty != painted(bench.track)


def test_rows_below_are_there_only_where_they_have_something_to_show(bench: Bench) -> None:
    bench.show()
    heights = [bench.track.sizeHint().height()]
    bench.track.set_rows((np.linspace(0, 6, 50), np.ones(50)), None)
    heights.append(bench.track.sizeHint().height())
    bench.show(replace(FILM, sound=Sound("a.wav", "", (1.0, 2.0), 6.0)))
    bench.track.set_rows((np.linspace(0, 6, 50), np.ones(50)), np.ones(100, np.float32))
    heights.append(bench.track.sizeHint().height())
    assert not painted(bench.track).isNull()
    assert heights == [HEIGHT, HEIGHT + SPEED_HEIGHT, HEIGHT + SPEED_HEIGHT + SOUND_HEIGHT]


def test_five_thousand_keyframes_stay_fluid(bench: Bench) -> None:
    bench.show(through(tuple(scene(index % 50) for index in range(5000)), seconds=0.05))
    painted(bench.track)
    start = time.perf_counter()
    for _ in range(5):
        painted(bench.track)
    paint = (time.perf_counter() - start) / 5
    bench.track.zoom(100.0, 300.0)
    places = bench.track.places()
    index = places.between(300, 300)[0]
    bench.qtbot.mousePress(bench.track, LEFT, pos=bench.middle(index))
    start = time.perf_counter()
    for step in range(5):
        move(bench.track, bench.middle(index) + QPoint(5 + step, 0))
    following = (time.perf_counter() - start) / 5
    bench.qtbot.mouseRelease(bench.track, LEFT, pos=bench.middle(index))
    assert paint < 0.1  # 0.01 s or so where nothing else runs
    assert following < 0.25


# --- thumbnails ---


def test_thumbnails_are_asked_once_for_each_scene(bench: Bench) -> None:
    bench.show(through((scene(1), scene(2), scene(1))))
    bench.timeline._pictures.ask()
    bench.live.answer()
    bench.show(through((scene(1), scene(2), scene(1), scene(3))))
    bench.timeline._pictures.ask()
    assert [(lane, scenes) for lane, scenes, _ in bench.live.asked] == [
        ("film", [scene(1), scene(2)]),
        ("film", [scene(3)]),
    ]


def test_only_keyframes_in_view_are_asked_for(bench: Bench) -> None:
    bench.show(through(tuple(scene(index) for index in range(1000)), seconds=1.0))
    bench.timeline._pictures.ask()
    assert bench.live.asked == []  # all of them are bars
    bench.track.zoom(100.0, 500.0)
    bench.timeline._pictures.ask()
    asked = bench.live.asked[0][1]
    assert 5 <= len(asked) <= 30
    assert set(asked) >= {scene(index) for index in bench.track.visible()}


def test_a_late_thumbnail_lands_on_its_keyframe_after_a_reorder(bench: Bench) -> None:
    bench.show(through((scene(1), scene(2))))
    bench.timeline._pictures.ask()
    bench.show(through((scene(3), scene(1))))
    bench.live.answer(request=0, value=77)
    image, ratio = painted(bench.track), bench.track.devicePixelRatioF()
    colours = [image.pixelColor(bench.middle(index) * ratio) for index in (0, 1)]
    assert [colour == QColor(77, 77, 77) for colour in colours] == [False, True]


def test_another_model_has_its_thumbnails_asked_anew(bench: Bench) -> None:
    bench.show()
    bench.timeline._pictures.ask()
    bench.live.answer()
    bench.session.model_changed.emit()
    assert [scenes for _, scenes, _ in bench.live.asked] == [list(SCENES)] * 2


# --- the header ---


def test_the_words_say_how_many_frames_there_are(bench: Bench) -> None:
    bench.show()
    assert bench.timeline._state.text() == "4 keyframes · 180 frames"


def test_the_controls_change_the_film(bench: Bench) -> None:
    bench.show()
    timeline = bench.timeline
    timeline._loop.click()
    for combo, words in ((timeline._rate, "60 fps"), (timeline._path, "Spline path")):
        combo.setCurrentText(words)
        combo.activated.emit(combo.currentIndex())
    assert (bench.film.loop, bench.film.frames_per_second, bench.film.path) == (True, 60, "spline")
    assert bench.undo_labels() == ["Path of the film", "Frames per second", "Loop"]


def test_another_length_stretches_the_film(bench: Bench) -> None:
    bench.show()
    bench.timeline._length.setValue(3.0)
    assert bench.times == [0, 1, 2, 3]


def test_showing_a_film_changes_nothing_of_it(bench: Bench) -> None:
    odd = Film((Keyframe(scene(1), 1.23456), Keyframe(scene(2), 0.777)), 13, True, "slerp")
    bench.show(odd)
    assert (bench.film, bench.undo_labels()) == (odd, [])


class FakeFilming:
    """What takes a while for films, done at once or noted."""

    def __init__(self, actions: Actions) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.changed = actions.told  # any signal

    def presets(self) -> tuple[SimpleNamespace, ...]:
        return (SimpleNamespace(name="Circle", sentence="Goes around."),)

    def waveform(self) -> None:
        return None

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return lambda *values: self.asked.append((verb, *values))


def test_menus_ask_for_motions_sounds_and_beats(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    verbs = FakeFilming(bench.actions)
    monkeypatch.setattr(bench.actions, "filming", verbs, raising=False)
    bench.show(replace(FILM, sound=Sound("a.wav", "", (1.0, 2.0), 6.0)))
    motions, sound = (cast(Any, button.menu()) for button in (bench.timeline._motions, bench.timeline._sound))
    motions.fill()
    sound.follow()
    motions.actions()[0].trigger()
    for action in sound.actions():
        if action.text().startswith(("Keyframes", "Remove")):
            action.trigger()
    bench.timeline._even.click()
    assert [action.text() for action in sound.actions()][1] == "Remove a.wav"
    assert verbs.asked == [
        ("add_preset", "Circle"),
        ("drop_sound",),
        *(("on_beats", every) for every in (1, 2, 4, 8)),
        ("set_even", True),
    ]


@pytest.mark.parametrize("width", [1076, 700])
def test_what_has_no_room_in_the_header_is_in_its_menu(bench: Bench, width: int) -> None:
    bench.show()
    bench.timeline.resize(width, bench.timeline.height())
    QApplication.processEvents()
    header = bench.timeline._header
    for part in header._parts:
        if part.widget.isVisible() and part.widget is not bench.timeline._state:
            assert part.widget.geometry().right() <= header.width()
            assert part.widget.width() >= part.widget.minimumSizeHint().width()
    hidden = header.hidden()
    header.fill_menu()
    words = [action.text() for action in header.menu().actions()]
    assert "Snap" in words
    assert len(words) >= len(hidden)
    assert (bench.timeline._path in hidden) == (width == 700)
    assert ("Path" in words) == (width == 700)


def test_the_header_fits_into_a_narrow_window(bench: Bench) -> None:
    bench.show(replace(through(tuple(scene(number) for number in range(100)), seconds=22.22), loop=True))
    assert bench.timeline.minimumSizeHint().width() <= 640


def test_the_timeline_is_low_without_rows(bench: Bench) -> None:
    bench.show()
    assert bench.timeline.sizeHint().height() <= 140
    assert bench.timeline.maximumHeight() == bench.timeline.sizeHint().height()


def test_everything_has_a_name_and_a_sentence(bench: Bench) -> None:
    bench.show()
    for part in bench.timeline._header._parts:
        if part.widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert part.widget.toolTip().endswith((".", ")."))
            assert part.widget.accessibleName() or part.widget is bench.timeline._export


# --- playing ---


def test_play_becomes_pause_and_back(bench: Bench) -> None:
    bench.show()
    names = []
    for _ in range(2):
        bench.timeline._play.click()
        names.append((bench.actions.motion.playing(), bench.timeline._play.accessibleName()))
    assert names == [("film", "Pause the film"), ("", "Play the film")]


def test_the_playhead_follows_the_film(qtbot: QtBot, bench: Bench) -> None:
    bench.show()
    bench.actions.motion.toggle_film()
    qtbot.waitUntil(lambda: (bench.track.position() or 0) > 0)
    assert bench.track.position() == bench.actions.motion.film_moment()


def test_playing_goes_on_from_where_it_was_paused(bench: Bench) -> None:
    bench.show()
    bench.actions.motion.scrub(3.0)
    bench.actions.motion.toggle_film()
    bench.actions.motion.player._tick()
    assert 3.0 <= (bench.actions.motion.film_moment() or 0) < 4.0


def test_a_film_that_loses_its_keyframes_stops(bench: Bench) -> None:
    bench.show()
    bench.actions.motion.toggle_film()
    bench.show(through(SCENES[:1]))
    assert bench.actions.motion.playing() == ""


def test_motion_is_told_for_walks_and_films(bench: Bench) -> None:
    bench.show()
    said: list[str] = []
    bench.actions.motion.changed.connect(lambda: said.append(bench.actions.motion.playing()))
    for verb in (bench.actions.motion.toggle_walk, bench.actions.motion.toggle_film, bench.actions.motion.stop):
        verb()
    assert said == ["walk", "", "film", ""]


def test_a_film_of_fewer_than_two_keyframes_cannot_be_played_or_exported(bench: Bench) -> None:
    bench.show(through(SCENES[:1]))
    assert not bench.timeline._play.isEnabled()
    assert not bench.timeline._export.isEnabled()


def test_in_other_workspaces_an_empty_timeline_is_a_title_row(bench: Bench) -> None:
    told = []
    for workspace, film in (("explore", Film()), ("denoise", Film()), ("denoise", FILM), ("explore", FILM)):
        bench.timeline.set_workspace(workspace)
        bench.session.change_film(film)
        told.append(bench.timeline.is_folded())
    assert told == [False, True, False, False]


# --- sizes ---


@pytest.mark.parametrize(
    ("shape", "size", "result"),
    [((1, 28, 28), 256, (280, 280, 10)), ((3, 64, 32), 512, (512, 1024, 16)), ((3, 1024, 1024), 256, (1024, 1024, 1))],
)
def test_films_are_enlarged_by_whole_numbers(
    shape: tuple[int, int, int], size: int, result: tuple[int, int, int]
) -> None:
    assert film_size(shape, size) == result


def test_a_large_picture_is_kept_small() -> None:
    assert reduced(np.zeros((1024, 512, 3), np.uint8)).shape == (256, 128, 3)


def test_a_small_picture_is_kept_as_it_is() -> None:
    pixels = np.zeros((64, 64, 1), np.uint8)
    assert reduced(pixels) is pixels
