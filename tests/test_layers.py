"""Promises of the features of layers, and of the panel that shows them in the real window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import make_stylegan2, make_stylegan3, make_vae, save_model
from hands import CONTROL, LEFT, NONE, Program, seed_scene
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget
from torch.nn.functional import avg_pool2d

from explorer import activations as module
from explorer.activations import SIDE, Activations, activations, layer_names, watch
from explorer.errors import SceneError
from explorer.generators import Look, Resume, StyleGenerator
from explorer.points import mix
from explorer.render import render
from explorer.scene import Noise, Scene, Transform
from explorer.ui.channel_grid import SIDES, ChannelGrid
from explorer.ui.channel_view import ChannelView
from explorer.ui.grey import fitting, grey
from explorer.ui.panels.layers import ASKING_MILLISECONDS, LayersPanel
from explorer.ui.segments import Segments


@torch.inference_mode()
def features(generator: StyleGenerator, scene: Scene, layer: int) -> np.ndarray:
    """Features (c, h, w) after a layer, by running the steps by hand."""
    state: Any = None
    steps = generator.layer_steps(Look(scene.noise, scene.transform), 1)
    styles = mix(generator, scene)[None]
    for step in steps[: layer + 1]:
        state = step.run(state, styles[:, step.row])
    found = steps[layer].sketch
    if found is not None:
        return found(state)[0].numpy()
    return (state if isinstance(state, torch.Tensor) else state.x)[0].numpy()


def both() -> list[StyleGenerator]:
    return [make_stylegan2(), make_stylegan3()]


# --- the features ---


@pytest.mark.parametrize("generator", both(), ids=["StyleGAN2", "StyleGAN3"])
def test_every_layer_gives_the_features_of_its_step(generator: StyleGenerator) -> None:
    scene = seed_scene(3)
    for layer, name in enumerate(layer_names(generator)):
        found, expected = activations(generator, scene, layer), features(generator, scene, layer)
        assert found.name == name
        assert found.shape == expected.shape
        assert np.array_equal(found.values, expected)
        assert np.array_equal(found.numbers, np.arange(len(expected)))


def test_the_numbers_are_those_of_the_features() -> None:
    generator, scene = make_stylegan2(), seed_scene(3)
    found, expected = activations(generator, scene, 2), features(generator, scene, 2)
    assert np.allclose(found.lows, expected.min((1, 2)))
    assert np.allclose(found.means, expected.mean((1, 2)), atol=1e-6)
    assert np.allclose(found.highs, expected.max((1, 2)))
    assert np.allclose(found.strengths, np.sqrt(np.square(expected).mean((1, 2))))
    assert np.allclose(found.limits, (expected.min(), expected.max()))
    assert found.limits[0] <= found.span[0] < found.span[1] <= found.limits[1]


def test_the_last_layer_of_both_families_gives_the_picture() -> None:
    for generator in both():
        found = activations(generator, seed_scene(1), len(layer_names(generator)) - 1)
        assert found.shape == generator.image_shape


def test_noise_and_transform_are_those_of_the_scene() -> None:
    noisy, moved = replace(seed_scene(1), noise=Noise("random", 7)), replace(seed_scene(1), transform=Transform(0.25))
    for generator, scene in ((make_stylegan2(), noisy), (make_stylegan3(), moved)):
        found = activations(generator, scene, 1).values
        assert np.array_equal(found, features(generator, scene, 1))
        assert not np.array_equal(found, activations(generator, seed_scene(1), 1).values)


@pytest.mark.parametrize("generator", both(), ids=["StyleGAN2", "StyleGAN3"])
def test_what_the_last_picture_left_is_taken_and_gives_the_same(generator: StyleGenerator) -> None:
    scene, resume = seed_scene(3), Resume()
    list(render(generator, scene, resume))
    for layer in range(len(layer_names(generator))):
        steps = list(watch(generator, scene, layer, resume=resume))
        assert steps[0] is not None, "no layer should be computed again"
        assert np.array_equal(steps[0].values, features(generator, scene, layer))


def test_another_scene_is_not_mistaken_for_that_of_the_last_picture() -> None:
    generator, resume = make_stylegan2(), Resume()
    list(render(generator, seed_scene(3), resume))
    found = activations(generator, seed_scene(4), 3, resume=resume)
    assert np.array_equal(found.values, features(generator, seed_scene(4), 3))


def test_looking_leaves_alone_what_the_next_picture_starts_from() -> None:
    generator, resume = make_stylegan2(), Resume()
    list(render(generator, seed_scene(3), resume))
    activations(generator, seed_scene(4), 3, resume=resume)
    *_, picture = render(generator, seed_scene(3), resume)
    assert picture.restarted == layer_names(generator)[-1]


def test_large_channels_are_averaged_and_one_is_given_in_more_detail() -> None:
    large = torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(0))
    found = module._measured("large", large, 1)
    assert found.values.shape == (3, SIDE, SIDE)
    assert np.allclose(found.values, avg_pool2d(large, 2).numpy(), atol=1e-6)
    assert found.lows[0] == large[0].min()
    assert np.array_equal(found.large, large[1].numpy())


def test_of_very_many_channels_the_strongest_are_kept_in_their_order() -> None:
    strengths = torch.linspace(1, 2, 600).flip(0)
    found = module._measured("many", strengths[:, None, None] * torch.ones(600, 4, 4), 599)
    assert found.shape == (600, 4, 4)
    assert np.array_equal(found.numbers, np.arange(512))
    assert found.chosen == 599
    assert found.large.shape == (4, 4)


@pytest.mark.parametrize("layer", [-1, 100])
def test_a_layer_that_there_is_not_is_an_error_in_words(layer: int) -> None:
    with pytest.raises(SceneError, match="and none with the number"):
        activations(make_stylegan2(), seed_scene(0), layer)


def test_a_model_without_styles_has_no_layers_to_look_at() -> None:
    assert layer_names(make_vae()) == ()
    with pytest.raises(SceneError, match="not made of layers"):
        activations(make_vae(), Scene(), 0)


def test_grey_levels_use_the_whole_scale() -> None:
    values = np.array([[-1.0, 0.0], [1.0, 3.0]], np.float32)
    assert grey(values).tolist() == [[0, 64], [128, 255]]
    assert grey(values, (0.0, 2.0)).tolist() == [[0, 0], [128, 255]]
    assert grey(np.zeros((2, 2), np.float32)).tolist() == [[128, 128], [128, 128]]
    assert grey(np.stack([values, 2 * values])).tolist() == [grey(values).tolist()] * 2


def test_tiles_smaller_than_their_channel_are_averaged() -> None:
    values = np.arange(128, dtype=np.float32).reshape(2, 8, 8)
    assert np.array_equal(fitting(values, 4), avg_pool2d(torch.from_numpy(values), 2).numpy())
    assert np.array_equal(fitting(values, 5), values)


# --- the panel ---


@pytest.fixture
def styled(program: Program, tmp_path: Path) -> Program:
    """The window with a StyleGAN2 open."""
    program.open(save_model(tmp_path / "styled.safetensors", make_stylegan2()))
    return program


def panel(program: Program) -> LayersPanel:
    found = program.window.panels.panel("Layers")
    assert isinstance(found, LayersPanel)
    return found


def grid(program: Program) -> ChannelGrid:
    found = panel(program).findChild(ChannelGrid)
    assert isinstance(found, ChannelGrid)
    return found


def view(program: Program) -> ChannelView:
    found = panel(program).findChild(ChannelView)
    assert isinstance(found, ChannelView)
    return found


def combo(program: Program) -> QComboBox:
    found = panel(program).findChild(QComboBox)
    assert isinstance(found, QComboBox)
    return found


def segments(program: Program, name: str) -> Segments:
    return next(each for each in panel(program).findChildren(Segments) if each.accessibleName() == name)


def shown(program: Program) -> Activations:
    found = panel(program)._found
    assert found is not None
    return found


def unfold(program: Program) -> None:
    """Open the panel and wait for the features of the scene."""
    program.window.panels.card("Layers").setCollapsed(False)
    program.window.panels.ensureWidgetVisible(panel(program))
    settle(program)


def settle(program: Program) -> None:
    """Wait until the features shown are those of the scene."""
    program.rest()
    program.wait(lambda: not panel(program)._asking.isActive() and program.live.is_idle())
    program.wait(lambda: panel(program)._found is not None)


def expected(program: Program) -> np.ndarray:
    generator = program.model().generator
    assert isinstance(generator, StyleGenerator)
    return features(generator, program.session.scene, combo(program).currentIndex())


@pytest.fixture
def asked(styled: Program, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The layers that were asked for of the render thread."""
    layers: list[int] = []
    ask = styled.live.layer

    def note(layer: int, channel: int, show: Any) -> None:
        layers.append(layer)
        ask(layer, channel, show)

    monkeypatch.setattr(styled.live, "layer", note)
    return layers


def test_the_panel_starts_folded_and_asks_for_nothing(
    styled: Program, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = []
    monkeypatch.setattr(LayersPanel, "follow", lambda self: follow.append(1))
    assert styled.window.panels.card("Layers").isCollapsed()
    styled.drag_slider()
    styled.actions.set_seed(5)
    styled.rest()
    assert asked == []
    assert follow == [], "nothing of the panel should run when the scene changes"
    assert panel(styled)._found is None


def test_the_grid_shows_the_features_of_the_layer(styled: Program) -> None:
    unfold(styled)
    assert np.array_equal(shown(styled).values, expected(styled))
    assert grid(styled).count() == len(shown(styled).numbers)
    count, height, width = shown(styled).shape
    assert styled.window.panels.card("Layers").state() == f"{count} × {height} × {width}"


def test_another_point_shows_its_features_once_the_hand_rests(styled: Program) -> None:
    unfold(styled)
    styled.actions.set_seed(9)
    settle(styled)
    assert np.array_equal(shown(styled).values, expected(styled))


def test_another_layer_shows_its_features(styled: Program) -> None:
    unfold(styled)
    combo(styled).setCurrentIndex(combo(styled).count() - 1)
    settle(styled)
    assert shown(styled).name == combo(styled).currentText() == "16x16 torgb"
    assert np.array_equal(shown(styled).values, expected(styled))


def test_while_dragging_it_asks_at_most_ten_times_a_second(
    styled: Program, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    unfold(styled)
    asked.clear()
    for amount in range(30):
        scene = styled.session.scene
        latent = replace(scene.latent, truncation=1 - amount / 100)
        styled.session.change(replace(scene, latent=latent), settled=False)
        styled.session.scene_seen.emit()
    assert len(asked) <= 1
    settle(styled)
    assert len(asked) <= 2
    assert np.array_equal(shown(styled).values, expected(styled))
    assert panel(styled)._asking.interval() == ASKING_MILLISECONDS == 100


def test_folding_ends_everything(styled: Program, asked: list[int]) -> None:
    unfold(styled)
    styled.window.panels.card("Layers").setCollapsed(True)
    asked.clear()
    styled.actions.set_seed(9)
    styled.rest()
    assert asked == []
    assert panel(styled)._found is None
    assert grid(styled).count() == 0


def test_folded_again_and_opened_it_shows_the_scene_as_it_is(styled: Program) -> None:
    unfold(styled)
    styled.window.panels.card("Layers").setCollapsed(True)
    styled.actions.set_seed(9)
    unfold(styled)
    assert np.array_equal(shown(styled).values, expected(styled))


def test_tiles_are_sorted_by_strength_or_by_number(styled: Program) -> None:
    unfold(styled)
    strengths = shown(styled).strengths
    assert grid(styled)._order.tolist() == np.argsort(-strengths, kind="stable").tolist()
    QTest.mouseClick(segments(styled, "Order").button("number"), LEFT)
    assert grid(styled)._order.tolist() == list(range(len(strengths)))


def test_tiles_keep_their_places_while_the_hand_moves(styled: Program) -> None:
    unfold(styled)
    before = grid(styled)._order.tolist()
    other = seed_scene(12)
    styled.session.change(other, settled=False)
    settle(styled)
    assert grid(styled)._order.tolist() == before
    styled.session.settle("Seed 12")
    assert grid(styled)._order.tolist() == np.argsort(-shown(styled).strengths, kind="stable").tolist()


def test_a_tile_is_painted_in_the_grey_levels_of_its_channel(styled: Program) -> None:
    unfold(styled)
    image = grid(styled).viewport().grab().toImage()
    place = 1
    rect = grid(styled).tileRect(place)
    levels = grey(shown(styled).values[grid(styled)._order[place]])
    height, width = levels.shape
    for row in range(height):
        for column in range(width):
            x = rect.left() + int((column + 0.5) * rect.width() / width)
            y = rect.top() + int((row + 0.5) * rect.height() / height)
            assert image.pixelColor(x, y).red() == levels[row, column]


def test_the_mouse_over_a_tile_tells_its_numbers(styled: Program) -> None:
    unfold(styled)
    hover(grid(styled).viewport(), grid(styled).tileRect(2).center())
    number = int(shown(styled).numbers[grid(styled)._order[2]])
    words = panel(styled)._words.text()
    assert words.startswith(f"channel {number}: ")
    assert f"mean {shown(styled).means[number]:.2f}".replace("-", "\N{MINUS SIGN}") in words


def test_a_click_shows_a_channel_large_and_a_second_one_lets_it_go(styled: Program) -> None:
    unfold(styled)
    click(grid(styled).viewport(), grid(styled).tileRect(2).center())
    number = int(shown(styled).numbers[grid(styled)._order[2]])
    settle(styled)
    assert view(styled).isVisible()
    assert shown(styled).chosen == number
    assert np.array_equal(shown(styled).large, expected(styled)[number])
    click(grid(styled).viewport(), grid(styled).tileRect(2).center())
    assert view(styled).isHidden()


def test_the_keys_choose_a_channel(styled: Program) -> None:
    unfold(styled)
    grid(styled).setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Return):
        QTest.keyClick(grid(styled), key)
    assert panel(styled)._chosen == int(shown(styled).numbers[grid(styled)._order[1]])


def test_keys_and_the_wheel_with_control_change_the_size_of_tiles(styled: Program) -> None:
    unfold(styled)
    grid(styled).setFocus()
    before = grid(styled).tileRect(0).width()
    QTest.keyClick(grid(styled), Qt.Key.Key_Plus)
    assert grid(styled).tileRect(0).width() > before
    place = QPointF(20, 20)
    wheel = QWheelEvent(
        place, grid(styled).viewport().mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, CONTROL,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(grid(styled).viewport(), wheel)
    assert grid(styled).side() == SIDES[4]
    assert segments(styled, "Size").value() == SIDES[4]


def test_one_scale_for_all_uses_the_span_of_the_layer(styled: Program) -> None:
    unfold(styled)
    QTest.mouseClick(segments(styled, "Contrast").button("alike"), LEFT)
    place, found = 1, shown(styled)
    image = grid(styled).viewport().grab().toImage()
    levels = grey(found.values[grid(styled)._order[place]], found.span)
    corner = grid(styled).tileRect(place).topLeft() + QPoint(1, 1)
    assert image.pixelColor(corner).red() == levels[0, 0]


def test_another_model_shows_its_own_layers(styled: Program, tmp_path: Path) -> None:
    unfold(styled)
    styled.open(save_model(tmp_path / "other.safetensors", make_stylegan3()))
    settle(styled)
    assert tuple(combo(styled).itemText(i) for i in range(combo(styled).count())) == styled.model().facts.layers
    assert np.array_equal(shown(styled).values, expected(styled))


def test_a_model_without_styles_has_no_panel_and_asks_for_nothing(styled: Program, asked: list[int]) -> None:
    styled.window.panels.card("Layers").setCollapsed(False)
    settle(styled)
    asked.clear()
    styled.open(save_model(styled.home / "vae.safetensors"))
    assert styled.window.panels.card("Layers").isHidden()
    styled.actions.set_seed(3)
    styled.rest()
    assert asked == []


def test_the_panel_stays_as_it_was_left(styled: Program) -> None:
    unfold(styled)
    order, folded = styled.window.panels.arrangement()
    assert "Layers" not in folded
    styled.window.panels.arrange(order, folded)
    assert not styled.window.panels.card("Layers").isCollapsed()


def click(widget: QWidget, place: QPoint) -> None:
    QTest.mouseClick(widget, LEFT, NONE, place)


def hover(widget: QWidget, place: QPoint) -> None:
    """Move the mouse over a widget without a button."""
    point, none = QPointF(place), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, point, QPointF(widget.mapToGlobal(place)), none, none, NONE)
    QApplication.sendEvent(widget, event)
