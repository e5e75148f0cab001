"""The promises of the map and what is around it: what is under the mouse, what is selected, what is let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("PySide6.QtWidgets")
pytest.importorskip("pytestqt")

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from explorer.atlas.point_index import index_points, nearest
from explorer.ui.atlas.binning import binned, counted, heights
from explorer.ui.atlas.brush_row import BARS, BrushRow
from explorer.ui.atlas.chip_row import ChipRow
from explorer.ui.atlas.colours import group_colour, group_colours, number_colours, ramp
from explorer.ui.atlas.filter_column import FilterColumn
from explorer.ui.atlas.filters import AT_ONCE, Filters
from explorer.ui.atlas.histogram import Histogram
from explorer.ui.atlas.legend import Legend
from explorer.ui.atlas.map_canvas import MARGIN, MapCanvas
from explorer.ui.atlas.map_frame import FEW, spaced
from explorer.ui.atlas.map_ground import contours
from explorer.ui.atlas.map_tools import mode_of, tool_for
from explorer.ui.atlas.map_view import MapView, fitted, is_near
from explorer.ui.atlas.picture_wall import PictureWall
from explorer.ui.theme import DARK, LIGHT, apply_theme
from explorer.workers import MainThread

LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT, ALT, CONTROL = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
)
CORNERS = np.array([(0, 0), (4, 0), (4, 3), (0, 3), (2, 1.5)], np.float32)


@pytest.fixture(autouse=True)
def dark(qapp: QApplication) -> Iterator[None]:
    apply_theme(qapp, "dark")
    yield
    apply_theme(qapp, "dark")


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[MapCanvas]:
    """A map of 400 by 300 pixels with five points: four corners and the middle."""
    errors: list[BaseException] = []
    main = MainThread()
    widget = MapCanvas(main, errors.append)
    widget.set_points(CORNERS)
    shown(qtbot, widget, 400, 300)
    settle(qtbot, widget)
    yield widget
    widget.close_threads()
    main.close()
    assert not errors


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    widget.activateWindow()
    QApplication.processEvents()


def settle(qtbot: QtBot, canvas: MapCanvas) -> None:
    """Wait until the map shows what it was asked for last."""
    qtbot.waitUntil(canvas.is_settled, timeout=30_000)
    QApplication.processEvents()


def heard(signal: Any) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []
    signal.connect(lambda *values: calls.append(values))
    return calls


def mouse(widget: QWidget, kind: QEvent.Type, at: QPointF, button: Any, held: Any, keys: Any = PLAIN) -> None:
    QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), button, held, keys))


def hover(widget: QWidget, at: QPointF) -> None:
    mouse(widget, QEvent.Type.MouseMove, at, NO_BUTTON, NO_BUTTON)


def drag(widget: QWidget, *points: tuple[float, float], keys: Any = PLAIN) -> None:
    places = [QPointF(x, y) for x, y in points]
    mouse(widget, QEvent.Type.MouseButtonPress, places[0], LEFT, LEFT, keys)
    for place in places[1:]:
        mouse(widget, QEvent.Type.MouseMove, place, NO_BUTTON, LEFT, keys)
    mouse(widget, QEvent.Type.MouseButtonRelease, places[-1], LEFT, NO_BUTTON, keys)


def turn_wheel(widget: QWidget, at: QPointF, angle: int) -> None:
    none = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at, widget.mapToGlobal(at), QPoint(), QPoint(0, angle), NO_BUTTON, none, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(widget, event)


def screen(canvas: MapCanvas, row: int) -> QPointF:
    x, y = canvas.view().to_screen(CORNERS[row]).tolist()
    return QPointF(x, y)


def grabbed(widget: QWidget) -> npt.NDArray[np.uint8]:
    """What a widget looks like, (h, w, 3)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return pixels[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def channels(colour: str) -> list[int]:
    return [QColor(colour).red(), QColor(colour).green(), QColor(colour).blue()]


# --- views ---


def test_a_fitted_view_has_all_points_inside_its_margin() -> None:
    view = fitted(CORNERS, 400, 300, MARGIN)
    places = view.to_screen(CORNERS)
    assert places.min() >= MARGIN - 1e-6
    assert (places.max(0) <= np.array((400, 300)) - MARGIN + 1e-6).all()
    assert np.isclose(places[:4, 0].max() - places[:4, 0].min(), 304) or np.isclose(np.ptp(places[:4, 1]), 228)


def test_a_point_very_far_away_does_not_shrink_the_others_to_a_dot() -> None:
    cloud = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    cloud[0] = (1e6, 1e6)
    view = fitted(cloud, 400, 300, MARGIN)
    assert np.ptp(view.to_screen(cloud[1:])[:, 1]) > 80


def test_zooming_keeps_what_is_under_the_mouse_where_it_is() -> None:
    view = MapView(-3.0, 7.0, 11.0)
    assert view.zoomed(97.0, 120, 45).to_map(120, 45) == pytest.approx(view.to_map(120, 45))


def test_a_view_stays_exact_a_hundred_thousand_times_closer() -> None:
    """Single precision would be off by whole pixels."""
    view = fitted(CORNERS, 400, 300, MARGIN)
    x, y = view.to_screen(np.array((4.0, 3.0))).tolist()
    near = view.zoomed(view.scale * 1e5, x, y)
    assert near.to_screen(np.array((4.0, 3.0))).tolist() == pytest.approx([x, y], abs=1e-3)


def test_views_that_differ_by_a_little_are_near() -> None:
    view = MapView(0.0, 0.0, 10.0)
    assert is_near(view, MapView(0.1, 0.0, 10.2), 400, 300, 0.12)
    assert not is_near(view, MapView(0.0, 0.0, 13.0), 400, 300, 0.12)
    assert not is_near(view, MapView(20.0, 0.0, 10.0), 400, 300, 0.12)


# --- finding points ---


def test_the_nearest_point_is_the_one_a_full_search_finds() -> None:
    random = np.random.default_rng(1)
    cloud = random.normal(size=(20_000, 2)).astype(np.float32)
    index = index_points(cloud)
    for x, y in random.normal(size=(50, 2)):
        apart = np.hypot(cloud[:, 0] - x, cloud[:, 1] - y)
        expected = int(apart.argmin()) if apart.min() <= 0.05 else -1
        assert nearest(index, x, y, 0.05) == expected


def test_the_rows_of_a_rectangle_are_those_inside_it() -> None:
    cloud = np.random.default_rng(2).uniform(size=(5000, 2)).astype(np.float32)
    found = index_points(cloud).rows_in(0.2, 0.3, 0.5, 0.9)
    x, y = cloud.T
    assert sorted(found) == np.flatnonzero((x >= 0.2) & (x <= 0.5) & (y >= 0.3) & (y <= 0.9)).tolist()


def test_points_at_one_place_can_be_indexed() -> None:
    index = index_points(np.ones((10, 2), np.float32))
    assert nearest(index, 1.0, 1.0, 0.1) >= 0
    assert nearest(index_points(np.zeros((0, 2), np.float32)), 0.0, 0.0, 1.0) == -1


def test_spaced_points_do_not_come_closer_than_their_room_and_the_first_is_kept() -> None:
    cloud = np.random.default_rng(3).uniform(size=(2000, 2))
    scale, room = 100.0, 20.0
    kept = cloud[spaced(cloud, scale, room)] * scale
    apart = np.abs(kept[:, None] - kept[None]).max(-1) + 1e9 * np.eye(len(kept))
    assert apart.min() >= room
    assert spaced(cloud, scale, room)[0] == 0


def test_which_points_are_spaced_hangs_on_the_map_not_on_where_it_was_moved() -> None:
    cloud = np.random.default_rng(4).uniform(size=(500, 2))
    assert spaced(cloud, 100.0, 20.0).tolist() == spaced(cloud, 105.0, 20.0).tolist()


# --- tools ---


@pytest.mark.parametrize(
    ("keys", "mode"),
    [(PLAIN, "set"), (SHIFT, "add"), (ALT, "subtract"), (CONTROL, "subtract"), (SHIFT | ALT, "intersect")],
)
def test_the_keys_held_say_how_a_selection_grows(keys: Any, mode: str) -> None:
    assert mode_of(keys) == mode


def test_shift_makes_a_drag_a_lasso_where_no_tool_was_chosen() -> None:
    assert tool_for("", SHIFT) == "lasso"
    assert tool_for("", PLAIN) == ""
    assert tool_for("box", SHIFT) == "box"


# --- the canvas ---


def test_the_map_shows_points_where_they_lie_in_their_colours(canvas: MapCanvas, qtbot: QtBot) -> None:
    tints = np.array([(255, 0, 255)] * 4 + [(0, 255, 0)], np.uint8)
    canvas.set_colours(tints)
    settle(qtbot, canvas)
    pixels = grabbed(canvas).astype(int)
    for row in range(5):
        at = screen(canvas, row)
        assert np.abs(pixels[round(at.y() - 0.5), round(at.x() - 0.5)] - tints[row]).max() < 60, row
    assert pixels[30, 200].tolist() == channels(DARK.background)


def test_points_that_are_not_selected_are_grey(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_colours(np.array([(255, 0, 255)] * 5, np.uint8))
    canvas.set_selected(np.array([True, False, False, False, False]))
    settle(qtbot, canvas)
    pixels = grabbed(canvas).astype(int)
    spreads = [np.ptp(pixels[round(at.y() - 0.5), round(at.x() - 0.5)]) for at in map(canvas_at(canvas), range(2))]
    assert spreads[0] > 100 > 40 > spreads[1]


def canvas_at(canvas: MapCanvas) -> Callable[[int], QPointF]:
    return lambda row: screen(canvas, row)


def test_flagged_points_have_a_red_ring(canvas: MapCanvas, qtbot: QtBot) -> None:
    def reds() -> int:
        pixels = grabbed(canvas).astype(int)
        return int((np.abs(pixels - channels(DARK.red)).max(-1) < 40).sum())

    assert reds() == 0
    canvas.set_flagged(np.array([True, False, False, False, False]))
    settle(qtbot, canvas)
    one = reds()
    canvas.set_flagged(np.array([True, True, False, False, False]))
    settle(qtbot, canvas)
    assert reds() == pytest.approx(2 * one, rel=0.3)
    assert one > 10


def test_hovering_tells_the_row_and_shows_its_picture_and_words(canvas: MapCanvas, qtbot: QtBot) -> None:
    said = heard(canvas.hovered)
    canvas.set_thumbnails(np.zeros((5, 8, 8, 1), np.uint8))
    canvas.set_shows_thumbnails(False)
    canvas.set_describe(lambda row: f"row {row}\nodd")
    settle(qtbot, canvas)
    hover(canvas, screen(canvas, 4) + QPointF(4, 3))
    assert said == [(4,)]
    assert canvas._tip.words() == "row 4\nodd"
    qtbot.waitUntil(canvas._tip.has_picture)
    hover(canvas, screen(canvas, 4) + QPointF(40, 3))
    assert said == [(4,), (-1,)]
    assert not canvas._tip.isVisible()


def test_empty_space_tells_its_place_in_the_map(canvas: MapCanvas) -> None:
    said = heard(canvas.place_hovered)
    hover(canvas, screen(canvas, 4) + QPointF(50, -40))
    scale = canvas.view().scale
    assert said[-1][0] == pytest.approx((2 + 50 / scale, 1.5 - 40 / scale))
    hover(canvas, screen(canvas, 4))
    assert said[-1] == (None,)


def test_what_would_be_at_an_empty_place_is_shown_only_while_the_mouse_is_there(canvas: MapCanvas) -> None:
    hover(canvas, screen(canvas, 4) + QPointF(50, -40))
    canvas.show_place(np.zeros((8, 8, 3), np.uint8), "nothing lies here")
    assert canvas._tip.isVisible()
    hover(canvas, screen(canvas, 4))
    canvas.show_place(np.zeros((8, 8, 3), np.uint8), "too late")
    assert canvas._tip.words() != "too late"


def test_a_click_picks_a_point_and_a_double_click_opens_it(canvas: MapCanvas, qtbot: QtBot) -> None:
    picked, opened = heard(canvas.picked), heard(canvas.opened)
    at = screen(canvas, 2).toPoint()
    qtbot.mouseClick(canvas, LEFT, pos=at)
    assert picked == [(2,)]
    qtbot.mouseDClick(canvas, LEFT, pos=at)
    assert opened == [(2,)]


def test_a_drag_moves_the_map_and_picks_nothing(canvas: MapCanvas) -> None:
    picked, before = heard(canvas.picked), canvas.view()
    at = screen(canvas, 4)
    drag(canvas, (at.x(), at.y()), (at.x() + 20, at.y()), (at.x() + 50, at.y() + 30))
    assert canvas.view() == before.moved(50, 30)
    assert not picked


def test_the_wheel_zooms_about_the_mouse_within_limits(canvas: MapCanvas) -> None:
    at, before = QPointF(100, 80), canvas.view()
    turn_wheel(canvas, at, 120)
    after = canvas.view()
    assert after.scale == pytest.approx(1.25 * before.scale)
    assert after.to_map(100, 80) == pytest.approx(before.to_map(100, 80))
    for _ in range(40):
        turn_wheel(canvas, at, -480)
    assert canvas.view().scale >= 0.3 * before.scale


def test_the_wheel_turns_while_the_map_is_held(canvas: MapCanvas) -> None:
    mouse(canvas, QEvent.Type.MouseButtonPress, QPointF(200, 100), LEFT, LEFT)
    mouse(canvas, QEvent.Type.MouseMove, QPointF(220, 100), NO_BUTTON, LEFT)
    turn_wheel(canvas, QPointF(220, 100), 120)
    zoomed = canvas.view()
    mouse(canvas, QEvent.Type.MouseMove, QPointF(230, 105), NO_BUTTON, LEFT)
    assert canvas.view() == zoomed.moved(10, 5)
    mouse(canvas, QEvent.Type.MouseButtonRelease, QPointF(230, 105), LEFT, NO_BUTTON)


def test_flagged_pictures_have_a_red_edge_instead_of_a_ring(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_thumbnails(np.zeros((5, 8, 8, 3), np.uint8))
    canvas.set_flagged(np.array([False, False, False, False, True]))
    settle(qtbot, canvas)
    frame = canvas.frame()
    assert frame is not None
    assert frame.thumbs is not None
    assert len(frame.rings) == 0
    at = screen(canvas, 4)
    left = round(at.x() - frame.thumbs.side / 2)
    assert grabbed(canvas)[round(at.y()), left].tolist() == channels(DARK.red)


def test_keys_pan_zoom_and_fit(canvas: MapCanvas, qtbot: QtBot) -> None:
    whole = canvas.view()
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.view().left > whole.left
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.view().scale > whole.scale
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.view() == whole


def test_keys_of_the_map_are_no_shortcuts_of_the_window_while_it_has_the_focus(canvas: MapCanvas) -> None:
    def is_kept(key: Qt.Key) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, PLAIN)
        event.ignore()
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    assert is_kept(Qt.Key.Key_0)
    assert is_kept(Qt.Key.Key_Left)
    assert not is_kept(Qt.Key.Key_L)
    assert not is_kept(Qt.Key.Key_Escape)


def test_a_lasso_gives_its_polygon_in_positions_of_the_map(canvas: MapCanvas) -> None:
    said, before = heard(canvas.lassoed), canvas.view()
    canvas.set_tool("lasso")
    drag(canvas, (100, 100), (200, 100), (200, 180), (100, 180), keys=SHIFT)
    ((polygon, mode),) = said
    assert mode == "add"
    assert before.to_screen(polygon) == pytest.approx(np.array([(100, 100), (200, 100), (200, 180), (100, 180)]))
    assert canvas.view() == before


def test_a_box_gives_its_four_corners(canvas: MapCanvas) -> None:
    said = heard(canvas.lassoed)
    canvas.set_tool("box")
    drag(canvas, (100, 100), (150, 120), (200, 180))
    ((polygon, mode),) = said
    assert mode == "set"
    assert canvas.view().to_screen(polygon) == pytest.approx(np.array([(100, 100), (200, 100), (200, 180), (100, 180)]))


def test_with_a_tool_a_click_still_picks(canvas: MapCanvas, qtbot: QtBot) -> None:
    picked, said = heard(canvas.picked), heard(canvas.lassoed)
    canvas.set_tool("lasso")
    qtbot.mouseClick(canvas, LEFT, pos=screen(canvas, 1).toPoint())
    assert (picked, said) == ([(1,)], [])


def test_escape_gives_up_a_lasso(canvas: MapCanvas) -> None:
    said = heard(canvas.lassoed)
    canvas.set_tool("lasso")
    mouse(canvas, QEvent.Type.MouseButtonPress, QPointF(100, 100), LEFT, LEFT)
    mouse(canvas, QEvent.Type.MouseMove, QPointF(180, 100), NO_BUTTON, LEFT)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    mouse(canvas, QEvent.Type.MouseButtonRelease, QPointF(180, 180), LEFT, NO_BUTTON)
    assert not said


def test_moving_points_keep_a_view_that_was_chosen_while_any_is_in_it(canvas: MapCanvas) -> None:
    turn_wheel(canvas, screen(canvas, 0), 240)
    chosen = canvas.view()
    canvas.set_points(CORNERS + np.float32(0.1), keep_view=True)
    assert canvas.view() == chosen
    canvas.set_points(CORNERS + np.float32(100), keep_view=True)
    assert canvas.view() != chosen


def test_points_of_another_map_are_all_shown(canvas: MapCanvas) -> None:
    turn_wheel(canvas, screen(canvas, 0), 240)
    canvas.set_points(CORNERS * 3)
    assert canvas.view() == fitted(CORNERS * 3, 400, 300, 0.08 * 300)


def test_a_fitting_view_follows_moving_points_without_trembling(canvas: MapCanvas) -> None:
    before = canvas.view()
    canvas.set_points(CORNERS * np.float32(1.02), keep_view=True)
    assert canvas.view() == before
    canvas.set_points(CORNERS * np.float32(2), keep_view=True)
    assert canvas.view().scale == pytest.approx(before.scale / 2)


def test_few_points_show_their_pictures_and_many_do_not(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_thumbnails(np.full((5, 8, 8, 3), (0, 0, 255), np.uint8))
    settle(qtbot, canvas)
    frame = canvas.frame()
    assert frame is not None
    assert frame.thumbs is not None
    assert sorted(frame.thumbs.rows) == [0, 1, 2, 3, 4]
    at = screen(canvas, 4)
    assert grabbed(canvas)[round(at.y()) + 12, round(at.x()) + 12].tolist() == [0, 0, 255]
    assert canvas.row_at(at + QPointF(frame.thumbs.side / 2 - 2, 0)) == 4
    canvas.set_shows_thumbnails(False)
    settle(qtbot, canvas)
    frame = canvas.frame()
    assert frame is not None
    assert frame.thumbs is None
    canvas.set_shows_thumbnails(True)
    canvas.set_points(np.random.default_rng(0).uniform(size=(FEW + 1, 2)).astype(np.float32))
    canvas.set_thumbnails(np.zeros((FEW + 1, 4, 4, 1), np.uint8))
    settle(qtbot, canvas)
    frame = canvas.frame()
    assert frame is not None
    assert frame.thumbs is None


def test_until_a_new_image_arrives_the_last_one_is_shown_where_it_belongs(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_colours(np.full((5, 3), (255, 0, 255), np.uint8))
    settle(qtbot, canvas)
    before = canvas.frame()
    canvas.set_view(canvas.view().moved(30, 20))
    pixels, at = grabbed(canvas).astype(int), screen(canvas, 4)
    assert canvas.frame() is before
    assert np.abs(pixels[round(at.y() - 0.5), round(at.x() - 0.5)] - (255, 0, 255)).max() < 60


def test_colours_and_masks_of_another_dataset_are_not_used(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_selected(np.zeros(5, np.bool_))
    canvas.set_points(np.zeros((3, 2), np.float32))
    settle(qtbot, canvas)
    frame = canvas.frame()
    assert frame is not None
    assert frame.visible == 3


def test_an_empty_map_says_its_message(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_points(np.zeros((0, 2), np.float32))
    settle(qtbot, canvas)
    blank = grabbed(canvas)
    canvas.set_message("Drop a folder here")
    assert (grabbed(canvas) != blank).any()


def test_a_picked_picture_out_of_sight_is_brought_into_it(canvas: MapCanvas) -> None:
    at = screen(canvas, 0)
    canvas.set_view(canvas.view().zoomed(canvas.view().scale * 20, at.x(), at.y()))
    canvas.set_current(2)
    assert screen(canvas, 2).toPoint() == QPoint(200, 150)


def test_a_change_of_theme_asks_for_other_colours(canvas: MapCanvas, qapp: QApplication, qtbot: QtBot) -> None:
    said = heard(canvas.recolour_asked)
    apply_theme(qapp, "light")
    assert said
    settle(qtbot, canvas)
    assert grabbed(canvas)[30, 200].tolist() == channels(LIGHT.background)


def test_a_ground_of_pictures_lies_below_the_points(canvas: MapCanvas, qtbot: QtBot) -> None:
    canvas.set_background(np.full((4, 4, 3), 255, np.uint8), (0.0, 0.0, 4.0, 3.0))
    settle(qtbot, canvas)
    pixels, at = grabbed(canvas), screen(canvas, 4)
    assert pixels[round(at.y()), round(at.x()) + 40].min() > 100
    assert pixels[5, 200].tolist() == channels(DARK.background)


def test_lines_of_density_run_where_it_is_a_half_a_quarter_an_eighth() -> None:
    """A Gaussian of deviation s falls to 2^-k at a distance of s sqrt(2 k ln 2)."""
    axis = (np.arange(160) + 0.5) / 20 - 4
    density = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / 2).astype(np.float32)
    levels = [2.0**-line for line in range(1, 7)]
    pieces = contours(density, (-4.0, -4.0, 8.0, 8.0), levels)
    radii = np.hypot(pieces[..., 0], pieces[..., 1])
    expected = np.sqrt(2 * np.arange(1, 7) * np.log(2))
    apart = np.abs(radii[..., None] - expected)
    assert apart.min(-1).max() < 0.003
    lengths = np.hypot(*(pieces[:, 1] - pieces[:, 0]).T)
    around = [lengths[apart[:, 0].argmin(-1) == line].sum() for line in range(6)]
    assert around == pytest.approx((2 * np.pi * expected).tolist(), rel=0.01)


def test_a_flat_or_tiny_density_has_no_lines() -> None:
    assert len(contours(np.zeros((4, 4), np.float32), (0, 0, 1, 1), [0.5])) == 0
    assert len(contours(np.ones((1, 9), np.float32), (0, 0, 1, 1), [0.5])) == 0


def test_lines_of_density_are_drawn_below_the_points(canvas: MapCanvas, qtbot: QtBot) -> None:
    blank = grabbed(canvas)
    density = np.zeros((8, 8), np.float32)
    density[3:5, 3:5] = 1
    canvas.set_contours(density, (0.0, 0.0, 4.0, 3.0))
    settle(qtbot, canvas)
    assert (grabbed(canvas) != blank).any(-1).sum() > 100
    canvas.set_contours(None)
    settle(qtbot, canvas)
    assert (grabbed(canvas) == blank).all()


# --- the wall ---


def wall_of(qtbot: QtBot, rows: int, width: int = 500, height: int = 80) -> PictureWall:
    wall = PictureWall()
    wall.set_thumbnails(np.broadcast_to(np.full((1, 8, 8, 1), 200, np.uint8), (rows, 8, 8, 1)))
    shown(qtbot, wall, width, height)
    wall.set_rows(np.arange(rows)[::-1])
    return wall


def test_a_wall_of_a_million_pictures_reads_only_what_is_in_sight(qtbot: QtBot) -> None:
    wall = wall_of(qtbot, 1_000_000)
    first, end = wall.places_in_sight()
    assert first == 0
    assert 5 <= end <= 10
    wall.set_current(0)  # the last one
    first, end = wall.places_in_sight()
    assert end == 1_000_000
    grabbed(wall)
    assert len(wall._images) < 40


def test_a_click_on_the_wall_picks_a_row_and_keys_go_on_from_there(qtbot: QtBot) -> None:
    wall = wall_of(qtbot, 30)
    picked, opened = heard(wall.picked), heard(wall.opened)
    qtbot.mouseClick(wall.viewport(), LEFT, pos=wall.item_rect(2).center())
    qtbot.keyClick(wall, Qt.Key.Key_Right)
    qtbot.keyClick(wall, Qt.Key.Key_End)
    qtbot.keyClick(wall, Qt.Key.Key_Home)
    qtbot.keyClick(wall, Qt.Key.Key_Return)
    assert picked == [(27,), (26,), (0,), (29,)]
    assert opened == [(29,)]


def test_a_high_wall_has_several_rows_and_scrolls_down(qtbot: QtBot) -> None:
    wall = wall_of(qtbot, 200, 500, 300)
    assert wall.item_rect(1).top() == wall.item_rect(0).top()
    below = next(place for place in range(200) if wall.item_rect(place).top() > wall.item_rect(0).top())
    assert 5 <= below <= 9
    assert wall.verticalScrollBar().maximum() > 0 == wall.horizontalScrollBar().maximum()
    picked = heard(wall.picked)
    qtbot.mouseClick(wall.viewport(), LEFT, pos=wall.item_rect(below + 1).center())
    qtbot.keyClick(wall, Qt.Key.Key_Down)
    assert picked == [(199 - below - 1,), (199 - 2 * below - 1,)]


def test_a_row_picked_elsewhere_is_scrolled_into_sight(qtbot: QtBot) -> None:
    wall = wall_of(qtbot, 1000)
    wall.set_current(3)
    first, end = wall.places_in_sight()
    assert first <= 996 < end
    assert wall.viewport().rect().contains(wall.item_rect(996))


def test_other_rows_are_shown_from_their_beginning(qtbot: QtBot) -> None:
    wall = wall_of(qtbot, 1000)
    wall.set_current(3)
    wall.set_current(-1)
    wall.set_rows(np.arange(500, 600))
    assert wall.places_in_sight()[0] == 0
    wall.set_rows(np.zeros(0, np.int64))
    assert grabbed(wall).shape[0] == 80


# --- counts ---


def test_bins_count_every_number_once_and_leave_out_what_is_none() -> None:
    values = np.array([0.0, 0.1, 0.9, 1.0, np.nan, np.inf], np.float32)
    bins = binned(values, 10)
    assert counted(bins).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins.edge(0), bins.edge(10)) == (0.0, 1.0)
    assert counted(bins, np.array([True, False, True, False, True, False])).sum() == 2


def test_equal_numbers_and_no_numbers_have_bins_too() -> None:
    assert counted(binned(np.full(7, 3.0), 4)).sum() == 7
    assert counted(binned(np.zeros(0), 4)).tolist() == [0, 0, 0, 0]


def test_bars_have_logarithmic_heights() -> None:
    assert heights(np.array([0, 9, 99]), 99).tolist() == pytest.approx([0, 0.5, 1])


def histogram(qtbot: QtBot) -> Histogram:
    widget = Histogram("Score")
    widget.setValues(np.linspace(0, 10, 1000))
    shown(qtbot, widget, 312, 76)
    return widget


def test_dragging_the_line_tells_numbers_and_settles_once(qtbot: QtBot) -> None:
    widget = histogram(qtbot)
    changed, settled = heard(widget.thresholdChanged), heard(widget.thresholdSettled)
    drag(widget, (widget.xOf(2), 20), (widget.xOf(4), 20), (widget.xOf(6), 20))
    assert [value for (value,) in changed] == pytest.approx([2, 4, 6], abs=0.02)
    assert [value for (value,) in settled] == pytest.approx([6], abs=0.02)


def test_setting_the_threshold_tells_nothing(qtbot: QtBot) -> None:
    widget = histogram(qtbot)
    changed = heard(widget.thresholdChanged)
    widget.setThreshold(3.0)
    assert widget.threshold() == 3.0
    assert not changed


def test_keys_move_the_threshold_and_settle_when_they_are_let_go(qtbot: QtBot) -> None:
    widget = histogram(qtbot)
    widget.setThreshold(5.0)
    settled = heard(widget.thresholdSettled)
    qtbot.keyClick(widget, Qt.Key.Key_Right)
    assert settled[-1][0] == pytest.approx(5 + 10 / 52 / 2, abs=0.01)
    qtbot.keyClick(widget, Qt.Key.Key_Home)
    assert settled[-1][0] == 0.0


def test_bars_are_red_from_the_threshold_on(qtbot: QtBot) -> None:
    widget = histogram(qtbot)
    widget.setThreshold(5.0)
    line = grabbed(widget)[60].astype(int)
    blue = np.flatnonzero(np.abs(line - channels(DARK.accent)).max(-1) < 8)
    red = np.flatnonzero(np.abs(line - channels(DARK.red)).max(-1) < 8)
    assert blue.max() < widget.xOf(5.0) < red.min()
    assert len(blue) == pytest.approx(len(red), rel=0.1)


# --- filters ---


def columns(count: int = 1000) -> list[FilterColumn]:
    random = np.random.default_rng(0)
    return [
        FilterColumn("a", "Brightness", np.linspace(0, 1, count).astype(np.float32)),
        FilterColumn("b", "Contrast", random.uniform(size=count).astype(np.float32)),
        FilterColumn("c", "Label", np.arange(count) % 3, ("bag", "boot", "coat")),
    ]


def filters_of(qtbot: QtBot, count: int = 1000) -> Filters:
    widget = Filters()
    shown(qtbot, widget, 306, 400)
    widget.set_columns(columns(count), ("a", "c"))
    qtbot.waitUntil(widget.is_settled)
    return widget


def test_filters_let_through_what_all_of_them_do(qtbot: QtBot) -> None:
    widget = filters_of(qtbot)
    said = heard(widget.mask_changed)
    brush, chips = widget.row("a"), widget.row("c")
    assert isinstance(brush, BrushRow)
    assert isinstance(chips, ChipRow)
    assert widget.let_through() is None
    brush.set_range(0, BARS // 2)
    chips.press(1)
    mask = widget.let_through()
    assert mask is not None
    assert np.flatnonzero(mask).tolist() == [row for row in range(500) if row % 3 == 1]
    assert (said[-1][0] == mask).all()
    widget.clear()
    assert widget.let_through() is None
    assert said[-1] == (None,)


def test_a_filter_counts_what_the_others_let_through_and_not_what_it_does(qtbot: QtBot) -> None:
    widget = filters_of(qtbot)
    brush, chips = widget.row("a"), widget.row("c")
    assert isinstance(brush, BrushRow)
    assert isinstance(chips, ChipRow)
    brush.set_range(0, BARS // 2)
    chips.press(1)
    qtbot.waitUntil(widget.is_settled)
    assert chips.passing().tolist() == [167, 167, 166]
    assert brush.passing().sum() == 333


def test_filters_come_and_go(qtbot: QtBot) -> None:
    widget = filters_of(qtbot)
    assert widget.keys() == ("a", "c")
    widget.add_filter("b")
    assert widget.keys() == ("a", "c", "b")
    chips = widget.row("c")
    assert isinstance(chips, ChipRow)
    chips.press(0)
    widget.remove_filter("c")
    assert widget.keys() == ("a", "b")
    assert widget.let_through() is None


def test_filters_of_another_dataset_are_gone_and_the_same_columns_stay(qtbot: QtBot) -> None:
    widget = Filters()
    shown(qtbot, widget, 306, 400)
    first = columns()
    widget.set_columns(first, ("a",))
    brush = widget.row("a")
    assert isinstance(brush, BrushRow)
    brush.set_range(0, 10)
    widget.set_columns([*first, FilterColumn("d", "Score", np.zeros(1000))], ("a",))
    assert widget.row("a") is brush
    widget.set_columns(columns(30), ("c",))
    assert widget.keys() == ("c",)
    assert widget.let_through() is None


def test_other_numbers_of_a_column_leave_its_brush_where_it_was_and_say_who_passes_now(qtbot: QtBot) -> None:
    widget = Filters()
    shown(qtbot, widget, 306, 400)
    widget.set_columns([FilterColumn("a", "Score", np.linspace(0, BARS, 1000))], ("a",))
    brush = widget.row("a")
    assert isinstance(brush, BrushRow)
    brush.set_range(BARS // 2, BARS)
    said = heard(widget.mask_changed)
    widget.set_columns([FilterColumn("a", "Score", np.linspace(0, 2 * BARS, 1000))], ("a",))
    assert brush.range()[0] == pytest.approx(BARS / 2, abs=2)
    assert said[-1][0].sum() == pytest.approx(250, abs=25)


def test_many_rows_are_filtered_when_the_brush_is_let_go(qtbot: QtBot) -> None:
    widget = filters_of(qtbot, AT_ONCE + 1)
    said = heard(widget.mask_changed)
    brush = widget.row("a")
    assert isinstance(brush, BrushRow)
    mouse(brush, QEvent.Type.MouseButtonPress, QPointF(20, 40), LEFT, LEFT)
    mouse(brush, QEvent.Type.MouseMove, QPointF(90, 40), NO_BUTTON, LEFT)
    assert not said
    mouse(brush, QEvent.Type.MouseButtonRelease, QPointF(90, 40), LEFT, NO_BUTTON)
    assert len(said) == 1


def test_a_brush_is_drawn_moved_resized_and_taken_away(qtbot: QtBot) -> None:
    brush = BrushRow(columns()[0])
    shown(qtbot, brush, 440, 54)
    drag(brush, (105, 40), (150, 40), (195, 40))
    assert brush.range() == pytest.approx((10 / BARS, 20 / BARS))
    drag(brush, (150, 40), (170, 40), (200, 40))
    assert brush.range() == pytest.approx((15 / BARS, 25 / BARS))
    drag(brush, (250, 40), (280, 40), (305, 40))
    assert brush.range() == pytest.approx((15 / BARS, 31 / BARS))
    qtbot.keyClick(brush, Qt.Key.Key_Left)
    qtbot.keyClick(brush, Qt.Key.Key_Right, SHIFT)
    assert brush.range() == pytest.approx((16 / BARS, 30 / BARS))
    qtbot.mouseDClick(brush, LEFT, pos=QPoint(200, 40))
    assert brush.let_through() is None


def test_chips_are_pressed_by_mouse_and_keys_and_keep_their_places(qtbot: QtBot) -> None:
    chips = ChipRow(columns()[2])
    shown(qtbot, chips, 306, 60)
    before = chips.chip_rects()
    qtbot.mouseClick(chips, LEFT, pos=before[1].center())
    assert chips.pressed() == {1}
    qtbot.keyClick(chips, Qt.Key.Key_Right)
    qtbot.keyClick(chips, Qt.Key.Key_Space)
    assert chips.pressed() == {1, 2}
    chips.count_passing(np.zeros(1000, np.bool_))
    assert chips.chip_rects() == before
    qtbot.keyClick(chips, Qt.Key.Key_Delete)
    assert chips.let_through() is None


def test_rows_without_a_word_pass_no_chip(qtbot: QtBot) -> None:
    chips = ChipRow(FilterColumn("c", "Label", np.array([-1, 0, 1, -1]), ("bag", "boot")))
    qtbot.addWidget(chips)
    chips.press(0)
    mask = chips.let_through()
    assert mask is not None
    assert mask.tolist() == [False, True, False, False]


# --- colours and legend ---


@pytest.mark.parametrize("look", ["dark", "light"])
def test_group_colours_differ_and_stand_out_and_none_is_the_red_of_flags(qapp: QApplication, look: str) -> None:
    palette = apply_theme(qapp, look)
    tints = group_colours(np.arange(12)).astype(int)
    apart = np.abs(tints[:, None] - tints[None]).sum(-1) + 999 * np.eye(12, dtype=int)
    assert apart.min() > 40
    for ground in (palette.background, palette.red):
        assert np.abs(tints - channels(ground)).sum(-1).min() > 90


def test_rows_of_no_group_are_grey_and_groups_have_the_colour_of_the_legend() -> None:
    tints = group_colours(np.array([-1, 3, 40]))
    assert tints.tolist() == [channels(DARK.dim), channels(group_colour(3)), channels(group_colour(40))]


@pytest.mark.parametrize("look", ["dark", "light"])
def test_larger_numbers_stand_out_more(qapp: QApplication, look: str) -> None:
    apply_theme(qapp, look)
    lightness = ramp(64).astype(float) @ (0.2126, 0.7152, 0.0722)
    steps = np.diff(lightness) if look == "dark" else -np.diff(lightness)
    assert steps.min() > -0.5
    assert abs(lightness[-1] - lightness[0]) > 90


def test_numbers_beyond_the_ends_have_the_colours_of_the_ends_and_none_is_grey() -> None:
    tints = number_colours(np.array([-9, 0, 1, 9, np.nan], np.float32), (0.0, 1.0))
    both = ramp(256)[[0, -1]].tolist()
    assert tints.tolist() == [both[0], both[0], both[1], both[1], channels(DARK.dim)]


def test_a_click_on_a_group_of_the_legend_asks_for_it(qtbot: QtBot) -> None:
    legend = Legend()
    shown(qtbot, legend, 500, 20)
    legend.set_groups(("bag", "boot", "coat"))
    said = heard(legend.group_clicked)
    qtbot.mouseClick(legend, LEFT, pos=QPoint(4, 10))
    assert said == [(0,)]
    assert legend.group_at(QPointF(490, 10)) == -1


def test_a_legend_without_room_counts_what_it_leaves_out(qtbot: QtBot) -> None:
    legend = Legend()
    shown(qtbot, legend, 300, 20)
    legend.set_groups([f"a group named {number}" for number in range(30)])
    assert 0 < len(legend._chips()) < 30
    legend.set_numbers((0.0, 4.0), "-log10 p")
    assert "0 to 4" in legend.accessibleDescription()
    legend.clear()
    assert not legend.isVisible()
