"""The promises of the timeline: what a person asks for on it, and what it shows of the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from explorer.actions import Actions, Workers
from explorer.imaging import Picture
from explorer.live import Live, Tile
from explorer.preferences import Preferences
from explorer.saved import FilmSettings
from explorer.scene import Latent, Scene, Seed
from explorer.session import Session
from explorer.ui.panel import Desk
from explorer.ui.theme import DARK, apply_theme
from explorer.ui.timeline import Timeline, film_size, reduced
from explorer.ui.timeline_paint import HEIGHT, MIDDLE
from explorer.ui.timeline_places import Places
from explorer.ui.timeline_track import TimelineTrack
from explorer.workers import MainThread

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


def scene(number: int) -> Scene:
    return Scene(Latent(((Seed(number), 1.0),)))


SCENES = tuple(scene(number) for number in range(4))


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

    @property
    def track(self) -> TimelineTrack:
        return self.timeline.track

    def click(self, qtbot: QtBot, index: int) -> None:
        qtbot.mouseClick(self.track, LEFT, pos=self.track.keyframeRect(index).center())


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    main, session = MainThread(), Session()
    live = FakeLive(session, main)
    workers = Workers.make(main, fail)
    actions = Actions(session, live, workers, Preferences(), tmp_path)
    timeline = Timeline(Desk(session, actions, live))
    shown(qtbot, timeline, 1024, 132)
    yield Bench(session, actions, live, timeline)
    actions.motion.stop()
    for each in (live, workers.jobs, workers.loader, workers.background, main):
        each.close()


@pytest.fixture
def track(qtbot: QtBot) -> TimelineTrack:
    """Five keyframes over eight seconds."""
    track = TimelineTrack()
    shown(qtbot, track, 900, HEIGHT)
    track.setFilm(range(5), [None] * 5, 8.0, "ease", False)
    return track


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


def move(widget: QWidget, point: QPoint) -> None:
    here, none = QPointF(point), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, here, widget.mapToGlobal(here), none, LEFT, Qt.KeyboardModifier(0))
    QApplication.sendEvent(widget, event)


def drag(qtbot: QtBot, widget: QWidget, *points: QPoint) -> None:
    qtbot.mousePress(widget, LEFT, pos=points[0])
    for point in points[1:]:
        move(widget, point)
    qtbot.mouseRelease(widget, LEFT, pos=points[-1])


def painted(widget: QWidget) -> QImage:
    return widget.grab().toImage()


# --- places ---


@pytest.mark.parametrize("width", [600, 1024, 2500])
@pytest.mark.parametrize("count", [2, 3, 40, 200])
def test_every_keyframe_of_any_film_is_found_where_it_lies(width: int, count: int) -> None:
    places = Places(width, count, count - 1, 2.0 * count)
    assert [places.keyframe_at(places.keyframe_x(index)) for index in range(count)] == list(range(count))


@pytest.mark.parametrize("width", [600, 2500])
@pytest.mark.parametrize("count", [1, 2, 200])
def test_thumbnails_stay_inside_the_track(width: int, count: int) -> None:
    places = Places(width, count, count - 1, 2.0 * count)
    assert places.keyframe_x(0) - places.side / 2 >= 0
    assert places.keyframe_x(count - 1) + places.side / 2 <= width


def test_seconds_and_places_are_inverse() -> None:
    places = Places(1000, 5, 4, 8.0)
    assert places.seconds_at(places.x_at(3.3)) == pytest.approx(3.3)


def test_places_beyond_the_ends_are_the_first_and_last_moment() -> None:
    places = Places(1000, 5, 4, 8.0)
    assert (places.seconds_at(-50), places.seconds_at(2000)) == (0.0, 8.0)


@pytest.mark.parametrize("seconds", [0.1, 1.0, 8.0, 90.0, 3600.0])
def test_marks_of_the_ruler_never_touch(seconds: float) -> None:
    marks = [x for x, _ in Places(600, 2, 1, seconds).marks()]
    assert min(np.diff(marks), default=100) > 50


def test_the_ruler_of_eight_seconds_ends_at_eight() -> None:
    assert Places(1440, 5, 4, 8.0).marks()[-1][1] == "8.0 s"


# --- the track ---


def test_an_empty_track_paints_a_sentence(qtbot: QtBot) -> None:
    track = TimelineTrack()
    shown(qtbot, track, 600, HEIGHT)
    empty = painted(track)
    track.setFilm([1], [None], 1.0, "ease", False)
    assert empty != painted(track)


@pytest.mark.parametrize("easing", ["linear", "ease", "ease-in", "ease-out", "hold"])
def test_every_easing_paints_a_curve_of_its_own(track: TimelineTrack, easing: str) -> None:
    track.setFilm(range(5), [None] * 5, 8.0, "ease-in" if easing != "ease-in" else "ease", False)
    before = painted(track)
    track.setFilm(range(5), [None] * 5, 8.0, easing, False)
    assert painted(track) != before


def test_a_press_on_the_ruler_scrubs_there(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.scrubbed)
    qtbot.mousePress(track, LEFT, pos=QPoint(round(track.places().x_at(4.0)), 5))
    assert said == [(pytest.approx(4.0, abs=0.01),)]


def test_a_drag_between_keyframes_scrubs_all_the_way(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.scrubbed)
    x = track.places().x_at
    drag(qtbot, track, QPoint(round(x(1.0)), MIDDLE), QPoint(round(x(4.0)), MIDDLE), QPoint(5000, MIDDLE))
    assert [round(seconds, 1) for (seconds,) in said] == [1.0, 4.0, 8.0]


def test_the_playhead_is_amber_where_it_was_put(track: TimelineTrack) -> None:
    track.setPosition(3.0)
    image, ratio = painted(track), track.devicePixelRatioF()
    x = round(track.places().x_at(3.0) * ratio)
    assert image.pixelColor(x, round((HEIGHT - 4) * ratio)) == QColor(DARK.amber)


def test_setting_the_position_says_nothing(track: TimelineTrack) -> None:
    said = heard(track.scrubbed)
    track.setPosition(3.0)
    assert said == []


def test_a_click_chooses_and_selects_a_keyframe(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.keyframeChosen)
    qtbot.mouseClick(track, LEFT, pos=track.keyframeRect(3).center())
    assert (said, track.selected()) == ([(3,)], 3)


def test_a_dragged_keyframe_asks_for_its_new_place(qtbot: QtBot, track: TimelineTrack) -> None:
    moved, chosen = heard(track.keyframeMoved), heard(track.keyframeChosen)
    drag(qtbot, track, *(track.keyframeRect(index).center() for index in (1, 2, 4)))
    assert (moved, chosen, track.selected()) == ([(1, 4)], [], 4)


def test_escape_ends_a_drag_without_moving(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.keyframeMoved)
    qtbot.mousePress(track, LEFT, pos=track.keyframeRect(1).center())
    move(track, track.keyframeRect(3).center())
    qtbot.keyClick(track, Qt.Key.Key_Escape)
    qtbot.mouseRelease(track, LEFT, pos=track.keyframeRect(3).center())
    assert said == []


def test_a_single_keyframe_can_be_clicked_but_time_cannot(qtbot: QtBot, track: TimelineTrack) -> None:
    track.setFilm([0], [None], 1.0, "ease", False)
    chosen, scrubbed = heard(track.keyframeChosen), heard(track.scrubbed)
    qtbot.mouseClick(track, LEFT, pos=track.keyframeRect(0).center())
    qtbot.mouseClick(track, LEFT, pos=QPoint(500, 5))
    assert (chosen, scrubbed) == ([(0,)], [])


@pytest.mark.parametrize(
    ("keys", "selected"),
    [
        ([Qt.Key.Key_Right], 0),
        ([Qt.Key.Key_Right, Qt.Key.Key_Right], 1),
        ([Qt.Key.Key_End, Qt.Key.Key_Right], 4),
        ([Qt.Key.Key_End, Qt.Key.Key_Left], 3),
        ([Qt.Key.Key_End, Qt.Key.Key_Home, Qt.Key.Key_Left], 0),
    ],
)
def test_arrows_select_keyframes(qtbot: QtBot, track: TimelineTrack, keys: list[Qt.Key], selected: int) -> None:
    for key in keys:
        qtbot.keyClick(track, key)
    assert track.selected() == selected


def test_return_goes_to_the_selected_keyframe(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.keyframeChosen)
    qtbot.keyClick(track, Qt.Key.Key_End)
    qtbot.keyClick(track, Qt.Key.Key_Return)
    assert said == [(4,)]


def test_shift_and_arrows_reorder_up_to_the_ends(qtbot: QtBot, track: TimelineTrack) -> None:
    said = heard(track.keyframeMoved)
    qtbot.keyClick(track, Qt.Key.Key_End)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right):
        qtbot.keyClick(track, key, SHIFT)
    assert said == [(4, 3), (3, 2), (2, 3)]


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_delete_removes_the_selected_keyframe(qtbot: QtBot, track: TimelineTrack, key: Qt.Key) -> None:
    said = heard(track.keyframeRemoved)
    qtbot.keyClick(track, key)
    qtbot.keyClick(track, Qt.Key.Key_Home)
    qtbot.keyClick(track, key)
    assert said == [(0,)]


def test_the_menu_acts_on_the_selected_keyframe(qtbot: QtBot, track: TimelineTrack) -> None:
    said = [heard(signal) for signal in (track.keyframeChosen, track.keyframeMoved, track.keyframeRemoved)]
    for action in [action for action in track.menu().actions() if not action.isSeparator()]:
        qtbot.mousePress(track, LEFT, pos=track.keyframeRect(2).center())
        action.trigger()
    assert said == [[(2,)], [(2, 1), (2, 3)], [(2,)]]


def test_the_selection_stays_within_a_shorter_film(qtbot: QtBot, track: TimelineTrack) -> None:
    qtbot.keyClick(track, Qt.Key.Key_End)
    track.setFilm([0, 1], [None, None], 2.0, "ease", False)
    assert track.selected() == 1


def test_a_loop_closes_with_a_step_more(track: TimelineTrack) -> None:
    track.setFilm(range(5), [None] * 5, 10.0, "ease", True)
    assert track.places().steps == 5


def test_a_loop_that_ends_where_it_began_has_no_step_more(track: TimelineTrack) -> None:
    track.setFilm([0, 1, 2, 0], [None] * 4, 8.0, "ease", True)
    assert track.places().steps == 3


def test_a_thumbnail_is_painted_when_it_arrives(track: TimelineTrack) -> None:
    track.setThumbnail(1, np.full((16, 16, 3), (10, 200, 30), np.uint8))
    middle = track.keyframeRect(1).center() * track.devicePixelRatioF()
    assert painted(track).pixelColor(middle) == QColor(10, 200, 30)


@pytest.mark.parametrize("width", [600, 2500])
def test_two_hundred_keyframes_can_be_painted(track: TimelineTrack, width: int) -> None:
    track.resize(width, HEIGHT)
    track.setFilm(range(200), [np.zeros((4, 4, 1), np.uint8)] * 200, 400.0, "ease", True)
    track.setPosition(100.0)
    assert not painted(track).isNull()


# --- the timeline ---


def test_keyframes_of_the_session_are_shown(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    assert bench.track.places().count == 4


def test_the_words_say_how_long_the_film_is(bench: Bench) -> None:
    bench.session.set_keyframes((*SCENES, scene(9)))
    assert bench.timeline._state.text() == "8.0 s · 30 fps · 240 frames"


def test_thumbnails_are_asked_once_for_each_scene(bench: Bench) -> None:
    bench.session.set_keyframes((scene(1), scene(2), scene(1)))
    bench.live.answer()
    bench.session.set_keyframes((scene(1), scene(2), scene(1), scene(3)))
    assert [(lane, scenes) for lane, scenes, _ in bench.live.asked] == [
        ("film", [scene(1), scene(2)]),
        ("film", [scene(3)]),
    ]


def test_a_late_thumbnail_lands_on_its_keyframe_after_a_reorder(bench: Bench) -> None:
    bench.session.set_keyframes((scene(1), scene(2)))
    bench.session.set_keyframes((scene(3), scene(1)))
    bench.live.answer(request=0, value=77)
    images = [painted(bench.track).pixelColor(bench.track.keyframeRect(index).center()) for index in (0, 1)]
    assert [image == QColor(77, 77, 77) for image in images] == [False, True]


def test_another_model_has_its_thumbnails_asked_anew(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.live.answer()
    bench.session.model_changed.emit()
    assert [scenes for _, scenes, _ in bench.live.asked] == [list(SCENES)] * 2


def test_a_click_on_a_keyframe_is_one_step_of_undo(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.click(qtbot, 2)
    assert (bench.session.scene, bench.session.history.entry.label) == (scene(2), "Keyframe 3")


def test_the_playhead_stands_at_the_chosen_keyframe(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.click(qtbot, 2)
    assert bench.track.position() == pytest.approx(4.0)


def test_the_playhead_goes_when_the_scene_leaves_the_film(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.click(qtbot, 2)
    bench.session.change(scene(77), "Seed 77")
    assert bench.track.position() is None


def test_scrubbing_shows_the_film_at_that_moment(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.track.scrubbed.emit(6.0)
    assert (bench.session.scene, bench.track.position()) == (scene(3), 6.0)


def test_a_dragged_keyframe_changes_the_order_of_the_session(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    drag(qtbot, bench.track, *(bench.track.keyframeRect(index).center() for index in (0, 1, 2)))
    assert bench.session.keyframes == tuple(scene(number) for number in (1, 2, 0, 3))


def test_delete_removes_the_keyframe_from_the_session(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.click(qtbot, 1)
    qtbot.keyClick(bench.track, Qt.Key.Key_Delete)
    assert bench.session.keyframes == (scene(0), scene(2), scene(3))


def test_the_controls_change_the_settings_of_the_film(qtbot: QtBot, bench: Bench) -> None:
    timeline = bench.timeline
    qtbot.mouseClick(timeline._loop, LEFT)
    timeline._pace.setValue(1.5)
    for combo, words in ((timeline._rate, "60 fps"), (timeline._easing, "hold"), (timeline._size, "1024 px")):
        combo.setCurrentText(words)
        combo.activated.emit(combo.currentIndex())
    assert bench.session.film == FilmSettings(1.5, 60, "hold", True, 1024)


def test_showing_settings_changes_none(bench: Bench) -> None:
    odd = FilmSettings(1.23456, 13, "ease-out", True, 777)
    bench.session.set_film(odd)
    bench.timeline.change_film()
    assert bench.session.film == odd


def test_play_becomes_pause_and_back(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    names = []
    for _ in range(2):
        qtbot.mouseClick(bench.timeline._play, LEFT)
        names.append((bench.actions.motion.playing(), bench.timeline._play.accessibleName()))
    assert names == [("film", "Pause the film"), ("", "Play the film")]


def test_the_playhead_follows_the_film(qtbot: QtBot, bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.actions.motion.toggle_film()
    qtbot.waitUntil(lambda: (bench.track.position() or 0) > 0)
    assert bench.track.position() == bench.actions.motion.film_moment()


def test_playing_goes_on_from_where_it_was_paused(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.actions.motion.scrub(3.0)
    bench.actions.motion.toggle_film()
    bench.actions.motion.player._tick()
    assert 3.0 <= (bench.actions.motion.film_moment() or 0) < 4.0


def test_a_film_made_slower_plays_on_from_the_same_part(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.actions.motion.scrub(3.0)
    bench.actions.motion.toggle_film()
    bench.actions.motion.player._tick()
    bench.session.set_film(FilmSettings(pace=4.0))
    bench.actions.motion.player._tick()
    assert 6.0 <= (bench.actions.motion.film_moment() or 0) < 7.0


def test_a_film_that_loses_its_keyframes_stops(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    bench.actions.motion.toggle_film()
    bench.session.set_keyframes(SCENES[:1])
    assert bench.actions.motion.playing() == ""


def test_the_slowest_film_of_many_keyframes_lasts_an_hour(bench: Bench) -> None:
    bench.session.set_film(FilmSettings(pace=60.0))
    bench.session.set_keyframes(tuple(scene(number) for number in range(200)))
    film = bench.actions.motion.film()
    assert film is not None
    assert 3500 < film.seconds <= 3600


def test_motion_is_told_for_walks_and_films(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES)
    said: list[str] = []
    bench.actions.motion.changed.connect(lambda: said.append(bench.actions.motion.playing()))
    for verb in (bench.actions.motion.toggle_walk, bench.actions.motion.toggle_film, bench.actions.motion.stop):
        verb()
    assert said == ["walk", "", "film", ""]


def test_a_film_of_fewer_than_two_keyframes_cannot_be_played_or_exported(bench: Bench) -> None:
    bench.session.set_keyframes(SCENES[:1])
    assert not bench.timeline._play.isEnabled()
    assert not bench.timeline._export.isEnabled()


def test_the_header_fits_into_a_thousand_pixels(bench: Bench) -> None:
    bench.session.set_film(FilmSettings(pace=22.22, size=1024, easing="ease-out", loop=True))
    bench.session.set_keyframes(tuple(scene(number) for number in range(100)))
    assert bench.timeline.minimumSizeHint().width() <= 1000


# --- sizes ---


@pytest.mark.parametrize(
    ("shape", "size", "result"),
    [((1, 28, 28), 256, (280, 280, 10)), ((3, 64, 32), 512, (512, 1024, 16)), ((3, 1024, 1024), 256, (1024, 1024, 1))],
)
def test_films_are_enlarged_by_whole_numbers(
    shape: tuple[int, int, int], size: int, result: tuple[int, int, int]
) -> None:
    assert film_size(shape, size) == result


@pytest.mark.slow  # imports torch
@pytest.mark.parametrize("size", [64, 256])
def test_the_size_told_is_the_size_exported(size: int) -> None:
    from explorer.export import enlargement

    assert film_size((3, 28, 40), size)[2] == enlargement((3, 28, 40), size)


def test_a_large_picture_is_kept_small() -> None:
    assert reduced(np.zeros((1024, 512, 3), np.uint8)).shape == (256, 128, 3)


def test_a_small_picture_is_kept_as_it_is() -> None:
    pixels = np.zeros((64, 64, 1), np.uint8)
    assert reduced(pixels) is pixels
