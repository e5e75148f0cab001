"""Promises about the way from a changed scene to the picture on screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import CPU, make_vae
from hands import Program, running, seed_scene
from pytestqt.qtbot import QtBot
from torch import Tensor

from explorer.facts import describe
from explorer.generators import VAEGenerator
from explorer.live import Tile, plane
from explorer.scene import Direction, Scene
from explorer.session import Model


class Flat(VAEGenerator):
    """Every picture is of one shade, and none is finished before the gate is open."""

    shade = 0.0
    gate: threading.Event

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        assert self.gate.wait(20)
        return super().decode(latents) * 0.0 + self.shade


def flat_model(shade: float, *, is_open: bool = True) -> Model:
    """A model whose pictures are all of one shade, -1 to 1."""
    generator = Flat.build(make_vae().checkpoint(), CPU)
    generator.shade, generator.gate = shade, threading.Event()
    facts = describe(make_vae())
    if is_open:
        generator.gate.set()
    return Model(Path(f"{shade}.safetensors"), f"{shade}", generator, facts)


def open_gate(model: Model) -> None:
    assert isinstance(model.generator, Flat)
    model.generator.gate.set()


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The window with nothing open."""
    with running(qtbot, tmp_path / "home", monkeypatch) as program:
        yield program


def test_no_picture_of_a_model_is_shown_after_it_was_left(program: Program) -> None:
    black, white = flat_model(-1.0, is_open=False), flat_model(1.0)
    shades: list[int] = []
    program.session.picture_shown.connect(lambda shown: shades.append(int(shown.pixels[0, 0, 0])))
    program.session.open_model(black)
    for number in range(50):
        program.session.change(seed_scene(number), "Seed")
    program.session.open_model(white)
    open_gate(black)
    program.rest()
    assert set(shades) == {255}


def test_no_small_picture_of_a_model_is_shown_after_it_was_left(program: Program) -> None:
    black, white = flat_model(-1.0, is_open=False), flat_model(1.0)
    tiles: list[Tile] = []
    program.session.open_model(black)
    program.live.tiles("film", [seed_scene(number) for number in range(20)], tiles.append)
    program.session.open_model(white)
    open_gate(black)
    program.rest()
    assert tiles == []


def test_small_pictures_arrive_in_order_and_are_those_of_their_scenes(program: Program) -> None:
    model = flat_model(0.5)
    program.session.open_model(model)
    program.rest()
    tiles: list[Tile] = []
    program.live.tiles("film", [seed_scene(number) for number in range(20)], tiles.append)
    program.wait(lambda: len(tiles) == 20)
    assert [tile.index for tile in tiles] == list(range(20))


def test_the_picture_asked_for_last_is_the_one_left_on_screen(program: Program) -> None:
    model = flat_model(0.0, is_open=False)
    program.session.open_model(model)
    for number in range(50):
        program.session.change(seed_scene(number), "Seed")
    open_gate(model)
    program.rest()
    assert program.session.pictured == seed_scene(49)


def test_what_was_finished_meanwhile_is_shown_and_what_was_not_begun_is_skipped(program: Program) -> None:
    model = flat_model(0.0)
    program.session.open_model(model)
    program.rest()
    shown: list[Scene] = []
    program.session.picture_shown.connect(lambda picture: shown.append(program.session.pictured))
    for number in range(1, 200):
        program.session.change(seed_scene(number), settled=False)
    program.rest()
    assert shown[-1] == seed_scene(199)
    assert len(shown) < 100


def test_the_latency_is_unknown_while_nothing_has_moved(program: Program) -> None:
    assert program.live.latency() is None
    program.session.open_model(flat_model(0.0))
    program.rest()
    assert program.live.latency() is None


def test_the_latency_is_known_while_things_move_and_forgotten_with_the_model(program: Program) -> None:
    program.session.open_model(flat_model(0.0))
    program.rest()
    painted: list[None] = []
    program.canvas.painted.connect(lambda: painted.append(None))
    for number in range(1, 6):
        before = len(painted)
        program.session.change(seed_scene(number), settled=False)
        program.wait(lambda before=before: len(painted) > before)
    known = program.live.latency()
    assert known is not None
    rate, p50, p95 = known
    assert rate > 0
    assert 0 < p50 <= p95
    program.session.open_model(flat_model(0.1))
    assert program.live.latency() is None
    program.rest()


def test_rested_tells_that_nothing_newer_is_on_its_way(program: Program) -> None:
    program.session.open_model(flat_model(0.0))
    rests: list[Scene] = []
    program.live.rested.connect(lambda: rests.append(program.session.pictured))
    for number in range(20):
        program.session.change(seed_scene(number), settled=False)
    program.rest()
    assert set(rests) == {seed_scene(19)}


def test_the_plane_has_its_scene_in_the_middle_and_its_rows_from_the_top() -> None:
    across, up = Direction("axis", 0), Direction("axis", 1)
    scenes = plane(seed_scene(7), across, up, 2.0, 5)
    assert scenes[12] == seed_scene(7)
    corners = [(scenes[i].latent.amount(across), scenes[i].latent.amount(up)) for i in (0, 4, 20, 24)]
    assert corners == [(-2.0, 2.0), (2.0, 2.0), (-2.0, -2.0), (2.0, -2.0)]
