"""Models whose point has levels, and models of codes: what a scene says of either, on models known by heart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.facts import describe
from explorer.formats import Checkpoint
from explorer.generators import CodeLevel, Generator, HasCodes, HasLevels, LatentLevel, capabilities
from explorer.points import locate, mix
from explorer.reading import read_codes
from explorer.render import render_images
from explorer.scene import Codes, Direction, Latent, Scene, Seed, StyleRow, Styles, between, from_json, moved, to_json

CPU = torch.device("cpu")


class ToyLevels(Generator):
    """Its picture of 2 x 4 pixels is its point: the upper row is the coarse level, the lower one the fine one."""

    family, family_title = "toy", "Toy"
    levels = (LatentLevel("coarse", 0, 4, 2), LatentLevel("fine", 4, 8, 4))

    def __init__(self) -> None:
        super().__init__({"family": "toy", "name": "levels"}, nn.Identity(), CPU)
        self.image_shape, self.latent_shape = (1, 2, 4), (8,)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> ToyLevels:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.config, {})

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return latents.view(-1, 1, 2, 4)


class ToyCodes(Generator):
    """Two code maps, of 1 x 1 and of 2 x 2 cells with four codes each; a pixel is the sum of its codes, in eighths."""

    family, family_title = "toy", "Toy"
    code_levels = (CodeLevel("top", 1, 1, 4), CodeLevel("bottom", 2, 2, 4))

    def __init__(self) -> None:
        super().__init__({"family": "toy", "name": "codes"}, nn.Identity(), CPU)
        self.image_shape, self.latent_shape = (1, 2, 2), (5,)

    @classmethod
    def build(cls, checkpoint: Checkpoint, device: torch.device) -> ToyCodes:
        return cls()

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.config, {})

    def draw(self, seed: int) -> Tensor:
        return torch.tensor([1.0, 0.0, 1.0, 2.0, 3.0])

    def codes(self, latents: Tensor) -> tuple[Tensor, ...]:
        found = latents.round().long().clamp(0, 3)
        return found[:, :1].view(-1, 1, 1), found[:, 1:].view(-1, 2, 2)

    def decode_codes(self, codes: Sequence[Tensor]) -> Tensor:
        return (codes[0] + codes[1])[:, None].float() / 8

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.decode_codes(self.codes(latents))

    def code_usage(self) -> tuple[Tensor, ...] | None:
        return torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.full((4,), 0.25)


def seed_latent(number: int, **parts: object) -> Latent:
    return replace(Latent(((Seed(number), 1.0),)), **parts)  # type: ignore[arg-type]  # of the right kinds


@pytest.fixture
def model() -> ToyLevels:
    return ToyLevels()


# --- levels ---


def test_what_levels_and_codes_there_are_is_told(model: ToyLevels) -> None:
    assert isinstance(model, HasLevels)
    assert isinstance(ToyCodes(), HasCodes)
    assert "levels" in capabilities(model)
    assert "codes" in capabilities(ToyCodes())
    assert describe(model).mixable == (("coarse", 2), ("fine", 4))
    assert describe(ToyCodes()).code_levels == (("top", 1, 1, 4), ("bottom", 2, 2, 4))


def test_temperatures_scale_single_levels_on_top_of_the_truncation(model: ToyLevels) -> None:
    plain, heated = seed_latent(1), seed_latent(1, truncation=0.5, temperatures=((1, 0.2), (9, 3.0)))
    expected = locate(model, plain) * torch.tensor([0.5] * 4 + [0.1] * 4)
    assert torch.allclose(locate(model, heated), expected)


def test_a_level_is_taken_from_another_point(model: ToyLevels) -> None:
    scene = Scene(seed_latent(1), Styles((StyleRow(seed_latent(2), ((1, 1.0),)),)))
    assert torch.equal(mix(model, scene)[:4], model.draw(1)[:4])
    assert torch.equal(mix(model, scene)[4:], model.draw(2)[4:])


def test_a_level_between_two_points_keeps_their_norm(model: ToyLevels) -> None:
    scene = Scene(seed_latent(1), Styles((StyleRow(seed_latent(2), ((0, 0.5),)),)))
    norms = [model.draw(seed)[:4].norm() for seed in (1, 2)]
    assert torch.allclose(mix(model, scene)[:4].norm(), (norms[0] + norms[1]) / 2, atol=1e-5)
    assert torch.equal(mix(model, scene)[4:], model.draw(1)[4:])


def test_other_points_are_as_hot_as_the_scene(model: ToyLevels) -> None:
    scene = Scene(
        seed_latent(1, truncation=0.5, temperatures=((1, 0.5),)), Styles((StyleRow(seed_latent(2), ((1, 1.0),)),))
    )
    assert torch.allclose(mix(model, scene)[4:], model.draw(2)[4:] / 4)


def test_a_move_keeps_to_its_levels(model: ToyLevels) -> None:
    for index, is_moved in ((0, False), (6, True)):
        scene = moved(Scene(seed_latent(1)), Direction("axis", index, 1, 2), 2.0)
        assert bool((mix(model, scene) != model.draw(1)).any()) == is_moved


def test_scenes_of_levels_and_codes_survive_json() -> None:
    scene = Scene(seed_latent(1, temperatures=((0, 0.5), (2, 0.0))), codes=Codes(((0, 0, 0, 3), (1, 1, 0, 2))))
    assert from_json(json.loads(json.dumps(to_json(scene)))) == scene


@pytest.mark.parametrize("cells", [[[0, 0, 0]], [[0, 0, 0, -1]], [[0, 0, 0, 0.5]], 7, [7]])
def test_damaged_codes_are_no_scene(cells: object) -> None:
    from explorer.errors import SceneError

    with pytest.raises(SceneError):
        from_json({**to_json(Scene()), "codes": cells})


def test_between_two_temperatures_lie_others() -> None:
    start, end = Scene(seed_latent(1, temperatures=((0, 0.5),))), Scene(seed_latent(2, temperatures=((1, 0.0),)))
    assert between(start, end, 0.5).latent.temperatures == ((0, 0.75), (1, 0.5))


# --- codes ---


def test_what_is_painted_over_a_map_is_what_is_drawn() -> None:
    model = ToyCodes()
    plain = render_images(model, [Scene()])[0, 0] * 8
    assert plain.tolist() == [[1, 2], [3, 4]]
    painted = render_images(model, [Scene(codes=Codes(((0, 0, 0, 3), (1, 0, 1, 0))))])[0, 0] * 8
    assert painted.tolist() == [[3, 3], [5, 6]]


def test_what_lies_outside_of_the_maps_paints_nothing() -> None:
    strange = Scene(codes=Codes(((0, 5, 0, 3), (1, 0, 0, 9), (7, 0, 0, 0))))
    assert np.array_equal(render_images(ToyCodes(), [strange]), render_images(ToyCodes(), [Scene()]))


def test_maps_are_told_with_and_without_what_is_painted() -> None:
    maps = read_codes(ToyCodes(), Scene(codes=Codes(((1, 0, 1, 3),))))
    assert maps.own[1].tolist() == [[0, 1], [2, 3]]
    assert maps.maps[1].tolist() == [[0, 3], [2, 3]]
    assert maps.usage is not None
    assert maps.usage[0].argmax() == 3
    assert [each.shape for each in maps.swatches] == [(4, 2, 2, 1), (4, 1, 1, 1)]
    shades = [[int(swatch.mean()) for swatch in each] for each in maps.swatches]
    assert all(shade == sorted(set(shade)) for shade in shades)  # each code is brighter than the one before
