"""Promises of the handles over the picture and of the panel beside them, in the real window."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import make_stylegan2, make_stylegan3, save_model
from hands import LEFT, NONE, Program, seed_scene
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from explorer.animation import duration
from explorer.render import render_many
from explorer.scene import Transform
from explorer.ui.controls import SliderRow
from explorer.ui.frame import Frame, moved_by, turned_by
from explorer.ui.handles import Handles
from explorer.ui.panels.transform import TransformPanel

QUARTER = 4  # of the pictures' 16 pixels
SHIFT = Qt.KeyboardModifier.ShiftModifier
PICTURE, ROOM = QRectF(100, 50, 400, 400), QRectF(0, 0, 600, 460)


@pytest.fixture
def moving(program: Program, tmp_path: Path) -> Program:
    """The window with a StyleGAN3, which moves and turns exactly, open."""
    program.open(save_model(tmp_path / "moving.safetensors", make_stylegan3(rotation=True)))
    return program


def handles(program: Program) -> Handles:
    return program.window.explore.handles


def frame(program: Program) -> Frame:
    found = handles(program).frame()
    assert found is not None
    return found


def panel(program: Program) -> TransformPanel:
    found = program.window.panels.panel("Transform")
    assert isinstance(found, TransformPanel)
    return found


def row(program: Program, label: str) -> SliderRow:
    return next(each for each in panel(program).findChildren(SliderRow) if each.label() == label)


def hover(program: Program, place: QPointF) -> None:
    """Move the mouse over the canvas without a button."""
    send(program, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NONE)


def send(
    program: Program,
    kind: QEvent.Type,
    place: QPointF,
    button: Qt.MouseButton,
    held: Qt.MouseButton,
    modifier: Qt.KeyboardModifier,
) -> None:
    canvas = program.canvas
    event = QMouseEvent(kind, place, canvas.mapToGlobal(place), button, held, modifier)
    QApplication.sendEvent(canvas, event)


def drag(program: Program, *places: QPointF, modifier: Qt.KeyboardModifier = NONE, release: bool = True) -> None:
    """Press the left button on the canvas, move through places, and let go."""
    send(program, QEvent.Type.MouseButtonPress, places[0], LEFT, LEFT, modifier)
    for place in places[1:]:
        send(program, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, LEFT, modifier)
    if release:
        send(program, QEvent.Type.MouseButtonRelease, places[-1], LEFT, Qt.MouseButton.NoButton, modifier)


def drag_cross(program: Program, across: float, down: float = 0.0, release: bool = True) -> None:
    """Drag the cross by parts of the picture's width."""
    now = frame(program)
    width = now.picture.width()
    steps = [now.cross + QPointF(across, down) * width * part for part in (0.0, 0.4, 1.0)]
    drag(program, *steps, release=release)


def drag_circle(program: Program, degrees: float, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Drag the circle counterclockwise about the cross."""
    now = frame(program)
    arm = now.circle - now.cross
    steps = []
    for part in (0.0, 0.5, 1.0):
        angle = math.radians(-degrees * part)  # screens count downwards
        cos, sin = math.cos(angle), math.sin(angle)
        steps.append(now.cross + QPointF(arm.x() * cos - arm.y() * sin, arm.x() * sin + arm.y() * cos))
    drag(program, *steps, modifier=modifier)


def steps(program: Program) -> int:
    return len(program.session.history.entries)


# --- what the handles do to the picture ---


def test_dragging_the_cross_by_a_quarter_moves_the_content_by_a_quarter(moving: Program) -> None:
    before = moving.pixels()
    drag_cross(moving, 0.25)
    after = moving.pixels()
    assert np.array_equal(after[:, QUARTER:], before[:, :-QUARTER])
    assert not np.array_equal(after, before)


def test_dragging_the_cross_down_moves_the_content_down(moving: Program) -> None:
    before = moving.pixels()
    drag_cross(moving, 0.0, 0.25)
    assert np.array_equal(moving.pixels()[QUARTER:], before[:-QUARTER])


def test_turning_by_a_quarter_turns_the_content_the_way_the_hand_went(moving: Program) -> None:
    before = moving.pixels()
    drag_circle(moving, 90.0)
    assert moving.session.scene.transform.degrees == pytest.approx(90.0, abs=0.01)
    moving.session.change(replace(moving.session.scene, transform=Transform(degrees=90.0)))
    assert np.array_equal(moving.pixels(), np.rot90(before))


def test_what_is_turned_still_follows_the_cross(moving: Program) -> None:
    moving.session.change(replace(moving.session.scene, transform=Transform(degrees=90.0)))
    before = moving.pixels()
    drag_cross(moving, 0.25)
    assert np.array_equal(moving.pixels()[:, QUARTER:], before[:, :-QUARTER])


def test_the_handles_stay_under_the_pointer(moving: Program) -> None:
    start = frame(moving)
    target = start.cross + QPointF(37, -22)
    drag(moving, start.cross, target, release=False)
    assert (frame(moving).cross - target).manhattanLength() < 0.01
    send(moving, QEvent.Type.MouseButtonRelease, target, LEFT, Qt.MouseButton.NoButton, NONE)


def test_shift_turns_in_steps_of_fifteen_degrees(moving: Program) -> None:
    drag_circle(moving, 40.0, SHIFT)
    assert moving.session.scene.transform == Transform(degrees=45.0)


def test_a_whole_drag_is_one_step_of_undo(moving: Program) -> None:
    before, count = moving.pixels(), steps(moving)
    drag_cross(moving, 0.25, 0.125)
    drag_circle(moving, 30.0)
    assert [entry.label for entry in moving.session.history.entries[count:]] == ["Move", "Turn"]
    moving.actions.undo()
    assert moving.session.scene.transform == Transform(0.25, 0.125)
    moving.actions.undo()
    assert np.array_equal(moving.pixels(), before)


def test_nothing_is_settled_before_the_button_is_let_go(moving: Program) -> None:
    count = steps(moving)
    drag_cross(moving, 0.25, release=False)
    assert moving.session.scene.transform == Transform(0.25)
    assert steps(moving) == count
    send(moving, QEvent.Type.MouseButtonRelease, frame(moving).cross, LEFT, Qt.MouseButton.NoButton, NONE)
    assert steps(moving) == count + 1


def test_a_release_that_went_elsewhere_ends_the_drag_at_the_next_move(moving: Program) -> None:
    count = steps(moving)
    drag_cross(moving, 0.25, release=False)
    hover(moving, frame(moving).cross + QPointF(50, 50))
    assert moving.session.scene.transform == Transform(0.25)
    assert steps(moving) == count + 1


def test_another_view_in_the_middle_of_a_drag_keeps_what_was_moved(moving: Program) -> None:
    drag_cross(moving, 0.25, release=False)
    moving.window.explore.set_mode("grid")
    assert moving.session.history.entry.scene.transform == Transform(0.25)


def test_a_press_without_a_move_changes_nothing(moving: Program) -> None:
    before = moving.session.history
    drag(moving, frame(moving).cross)
    assert moving.session.history is before


@pytest.mark.parametrize(("handle", "left"), [("cross", Transform(degrees=30.0)), ("circle", Transform(0.125, 0.0625))])
def test_a_double_click_on_a_handle_resets_what_it_moves(moving: Program, handle: str, left: Transform) -> None:
    moving.session.change(replace(moving.session.scene, transform=Transform(0.125, 0.0625, 30.0)), "Move")
    moving.rest()
    place = getattr(frame(moving), handle)
    drag(moving, place)
    send(moving, QEvent.Type.MouseButtonDblClick, place, LEFT, LEFT, NONE)
    send(moving, QEvent.Type.MouseButtonRelease, place, LEFT, Qt.MouseButton.NoButton, NONE)
    assert moving.session.scene.transform == left
    assert moving.canvas.is_fitting(), "the canvas should not have taken the double click"


def test_a_film_goes_from_one_place_to_another(moving: Program) -> None:
    moving.actions.add_keyframe()
    drag_cross(moving, 0.25)
    moving.actions.add_keyframe()
    film = moving.actions.motion.film()
    assert film is not None
    moving.actions.motion.scrub(duration(film) / 4)
    assert 0.0 < moving.session.scene.transform.x < 0.25


# --- when they are there ---


def test_the_handles_are_seen_while_the_mouse_is_over_the_picture(moving: Program) -> None:
    assert not handles(moving).isVisible()
    hover(moving, frame(moving).picture.center() + QPointF(60, 40))
    assert handles(moving).isVisible()
    QApplication.sendEvent(moving.canvas, QEvent(QEvent.Type.Leave))
    assert not handles(moving).isVisible()


def test_the_handles_are_seen_while_the_panel_has_the_keyboard(moving: Program) -> None:
    row(moving, "Right").setFocus()
    assert handles(moving).isVisible()
    moving.canvas.setFocus()
    assert not handles(moving).isVisible()


def test_other_models_have_neither_handles_nor_panel(program: Program, tmp_path: Path) -> None:
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2()))
    hover(program, QPointF(program.canvas.rect().center()))
    assert handles(program).frame() is None
    assert not handles(program).isVisible()
    assert program.window.panels.card("Transform").isHidden()


def test_a_grid_has_no_handles(moving: Program) -> None:
    moving.window.explore.set_mode("grid")
    hover(moving, QPointF(moving.canvas.rect().center()))
    assert handles(moving).frame() is None
    moving.window.explore.set_mode("picture")
    assert handles(moving).frame() is not None


# --- what is left to the canvas ---


def test_a_drag_beside_the_handles_pans_what_is_zoomed(moving: Program) -> None:
    middle = QPointF(moving.canvas.rect().center())
    for _ in range(8):
        wheel = QWheelEvent(
            middle, moving.canvas.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NONE,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(moving.canvas, wheel)
    before, place = frame(moving), middle + QPointF(80, 60)
    assert before.picture.width() > moving.canvas.width()
    assert before.handle_at(place) == ""
    drag(moving, place, place + QPointF(20, 0), place + QPointF(40, 10))
    assert frame(moving).picture.topLeft() - before.picture.topLeft() == QPointF(40, 10)
    assert moving.session.scene.transform == Transform()


def test_a_double_click_beside_the_handles_still_shows_the_true_size(moving: Program) -> None:
    place = frame(moving).cross + QPointF(60, 60)
    QTest.mouseDClick(moving.canvas, LEFT, NONE, place.toPoint())
    assert moving.canvas.scale() == 1.0


# --- the panel ---


def test_a_slider_moves_the_picture_and_says_where_it_is(moving: Program) -> None:
    before = moving.pixels()
    right = row(moving, "Right")
    right.setFocus()
    for _ in range(25):
        QTest.keyClick(right, Qt.Key.Key_Right)
    assert moving.session.scene.transform == Transform(0.25)
    assert moving.session.history.entry.label == "Move"
    assert moving.window.panels.card("Transform").state() == "+0.25, +0.00 widths"
    assert np.array_equal(moving.pixels()[:, QUARTER:], before[:, :-QUARTER])


def test_the_sliders_follow_the_handles(moving: Program) -> None:
    drag_cross(moving, -0.125, 0.25)
    assert (row(moving, "Right").value(), row(moving, "Down").value()) == (-0.125, 0.25)


def test_reset_puts_the_picture_back_as_one_step(moving: Program) -> None:
    before, reset = moving.pixels(), next(iter(panel(moving).findChildren(QPushButton)))
    assert not reset.isEnabled()
    drag_cross(moving, 0.25)
    QTest.mouseClick(reset, LEFT)
    assert np.array_equal(moving.pixels(), before)
    moving.actions.undo()
    assert moving.session.scene.transform == Transform(0.25)


def test_every_control_of_the_panel_says_what_it_does(moving: Program) -> None:
    for control in (*panel(moving).findChildren(SliderRow), *panel(moving).findChildren(QPushButton)):
        assert control.toolTip().endswith("."), control
        assert control.accessibleName() or control.text(), control


# --- without a window ---


def test_the_circle_is_outside_of_the_content() -> None:
    at_rest = Frame(PICTURE, ROOM, Transform())
    assert at_rest.circle == QPointF(300, 34)
    assert at_rest.cross == QPointF(300, 250)


@pytest.mark.parametrize("x", [-1.5, -0.5, 0.0, 0.5, 1.5])
@pytest.mark.parametrize("y", [-1.5, -0.5, 0.0, 0.5, 1.5])
@pytest.mark.parametrize("degrees", [-135.0, 0.0, 30.0, 90.0, 180.0])
@pytest.mark.parametrize("picture", [PICTURE, QRectF(-900, -700, 2400, 2400)], ids=["fitted", "zoomed"])
def test_both_handles_can_always_be_grabbed(x: float, y: float, degrees: float, picture: QRectF) -> None:
    found = Frame(picture, ROOM, Transform(x, y, degrees))
    assert ROOM.contains(found.cross)
    assert ROOM.contains(found.circle)
    assert found.handle_at(found.cross) == "Move"
    assert found.handle_at(found.circle) == "Turn"


@pytest.mark.parametrize(
    ("start", "by", "snap", "end"),
    [(170.0, 20.0, False, -170.0), (-170.0, -20.0, False, 170.0), (0.0, 187.0, True, -180.0), (0.0, 8.0, True, 15.0)],
)
def test_turns_stay_between_half_turns(start: float, by: float, snap: bool, end: float) -> None:
    turned = turned_by(Transform(degrees=start), by, snap).degrees
    assert turned == end or abs(turned) == abs(end) == 180.0


def test_moves_add_up() -> None:
    assert moved_by(Transform(0.25, -0.5, 30.0), -0.25, 0.125) == Transform(0.0, -0.375, 30.0)


def test_the_two_configurations_follow_a_move_exactly() -> None:
    for rotation in (False, True):
        scene = seed_scene(1)
        moved = replace(scene, transform=Transform(0.25))
        first, second = render_many(make_stylegan3(rotation), (scene, moved), 1)
        assert np.array_equal(second.pixels[:, QUARTER:], first.pixels[:, :-QUARTER])
