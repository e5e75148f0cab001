"""Flows are bijections whose log-determinant is that of their Jacobian, and generators that keep their word."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
import torch
from examples import CPU, noise_pictures
from flow_examples import make_glow, make_realnvp, randomised, tiny_glow, tiny_realnvp
from torch import Tensor

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint
from explorer.generators import Encodes, HasLevels, HasLikelihood, HasLikelihoodParts
from explorer.generators.flow import FlowGenerator, GlowGenerator
from explorer.generators.flow_directions import strengths_along
from explorer.imaging import from_pixels
from explorer.latents import draw
from explorer.nets.dequantised import dequantised, log_likelihood_parts
from explorer.nets.flow_layers import (
    ActNorm,
    ChannelCoupling,
    CheckerboardCoupling,
    Invertible,
    InvertibleConv,
    Squeeze,
    Swap,
)
from explorer.nets.glow import Glow, GlowShape
from explorer.nets.multiscale import MultiscaleFlow
from explorer.nets.realnvp import RealNVP, RealNVPShape
from explorer.scene import Direction

FLOWS: Final[dict[str, Callable[[], MultiscaleFlow]]] = {
    "affine glow": tiny_glow,
    "affine glow with sigmoid scales": lambda: tiny_glow(scale="sigmoid"),
    "additive glow": lambda: tiny_glow("additive"),
    "colour glow": lambda: tiny_glow(channels=3),
    "realnvp": tiny_realnvp,
    "colour realnvp": lambda: tiny_realnvp(channels=3),
}
SMALL_FLOWS: Final[dict[str, Callable[[], MultiscaleFlow]]] = {
    "affine glow": lambda: tiny_glow(size=4, levels=2),
    "affine glow with sigmoid scales": lambda: tiny_glow(scale="sigmoid", size=4, levels=2),
    "additive glow": lambda: tiny_glow("additive", size=4, levels=2),
    "glow of one level": lambda: tiny_glow(size=4, levels=1, channels=3),
    "realnvp": lambda: tiny_realnvp(size=4),
}
LAYERS: Final[dict[str, Callable[[], Invertible]]] = {
    "squeeze": Squeeze,
    "swap": Swap,
    "actnorm": lambda: ActNorm(4),
    "convolution": lambda: InvertibleConv(4),
    "affine coupling": lambda: ChannelCoupling(4, 8, "tanh"),
    "affine coupling with sigmoid": lambda: ChannelCoupling(4, 8, "sigmoid"),
    "additive coupling": lambda: ChannelCoupling(4, 8, None),
    "checkerboard": lambda: CheckerboardCoupling(4, 8, "tanh", 0),
    "other checkerboard": lambda: CheckerboardCoupling(4, 8, "tanh", 1),
}
GENERATORS: Final[dict[str, Callable[[], FlowGenerator]]] = {"glow": make_glow, "realnvp": make_realnvp}


@pytest.fixture(params=GENERATORS)
def generator(request: pytest.FixtureRequest) -> FlowGenerator:
    return GENERATORS[request.param]()


# --- layers and networks ---


@pytest.mark.parametrize("name", LAYERS)
def test_the_log_determinant_of_a_layer_is_that_of_its_jacobian(name: str) -> None:
    layer = filled(LAYERS[name]())
    values = draw(3, (1, 4, 4, 4)).double()
    expected = log_determinant(lambda x: layer(x)[0], values)
    assert float(layer(values)[1].detach().sum()) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_undone_by_its_inverse(name: str) -> None:
    layer = filled(LAYERS[name]())
    values = draw(3, (2, 4, 4, 4)).double()
    torch.testing.assert_close(layer.inverse(layer(values)[0]), values, atol=1e-10, rtol=0)


@pytest.mark.parametrize("colour", [0, 1])
def test_a_checkerboard_leaves_the_pixels_of_its_colour(colour: int) -> None:
    layer = filled(CheckerboardCoupling(1, 8, "tanh", colour))
    values = draw(3, (1, 1, 4, 4)).double()
    changed = (layer(values)[0] - values)[0, 0] != 0
    assert changed.tolist() == [[(row + column) % 2 != colour for column in range(4)] for row in range(4)]


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_the_log_determinant_of_a_flow_is_that_of_its_jacobian(name: str) -> None:
    net = SMALL_FLOWS[name]().double()
    pictures = draw(3, (1, net.shape.channels, 4, 4)).double() / 4  # type: ignore[union-attr]  # both have a shape
    coded = net(pictures)
    # The prior's own scaling turns z into the standardised latents; without it the change is that of x to z.
    scaled = sum(coded.priors) - sum(standard_normal(part) for part in coded.latents)
    expected = log_determinant(lambda x: net(x).points, pictures)
    assert float((coded.log_determinant + scaled).detach()) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", FLOWS)
def test_a_picture_comes_back_exactly(name: str) -> None:
    net = FLOWS[name]()
    pictures = torch.from_numpy(np.array(from_pixels(noise_pictures(4, net.shape.channels)))) / 2  # type: ignore[union-attr]
    with torch.no_grad():
        torch.testing.assert_close(net.inverse(net(pictures).points), pictures, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", FLOWS)
def test_a_point_comes_back_exactly(name: str) -> None:
    net = FLOWS[name]()
    points = draw(1, (4, sum(math.prod(shape) for shape in net.shapes)))
    with torch.no_grad():
        torch.testing.assert_close(net(net.inverse(points)).points, points, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", FLOWS)
def test_gradients_reach_every_parameter(name: str) -> None:
    net = FLOWS[name]()
    net(draw(0, (2, net.shape.channels, 16, 16)) / 4).log_density.sum().backward()  # type: ignore[union-attr,no-untyped-call]
    idle = [name for name, each in net.named_parameters() if each.grad is None or not bool(each.grad.isfinite().all())]
    assert idle == []


def test_the_density_of_all_pictures_sums_to_one() -> None:
    """By importance sampling: pictures of 2 x 2 grey values from a wider normal distribution."""
    net = randomised(lambda: Glow(GlowShape(2, 1, (2,), (8,), "affine", "tanh"))).double()
    drawn = torch.randn(50_000, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 1.5
    density = net(drawn.view(-1, 1, 2, 2)).log_density.detach()
    proposal = standard_normal(drawn / 1.5) - 4 * math.log(1.5)
    assert float((density - proposal).exp().mean()) == pytest.approx(1.0, abs=0.03)


def test_matrices_that_are_kept_change_nothing() -> None:
    net, kept = tiny_glow(), tiny_glow()
    kept.keep_matrices()
    pictures = draw(0, (2, 1, 16, 16)) / 4
    with torch.no_grad():
        torch.testing.assert_close(kept(pictures).points, net(pictures).points, atol=1e-4, rtol=1e-4)
    assert kept.state_dict().keys() == net.state_dict().keys()


def test_the_data_dependent_start_normalises_what_leaves_every_actnorm() -> None:
    layer = ActNorm(3)
    values = draw(0, (8, 3, 4, 4)) * torch.tensor([0.1, 5.0, 2.0]).view(1, 3, 1, 1) + 7.0
    layer.initialise(values)
    made = layer(values)[0]
    torch.testing.assert_close(made.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(made.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)


def test_the_start_makes_any_picture_likely() -> None:
    net = Glow(GlowShape(16, 1, (4, 4), (8, 8), "affine", "tanh"))
    torch.manual_seed(0)
    net.randomise()
    values = 3.0 + draw(0, (32, 1, 16, 16)) / 100
    net.initialise(values)
    assert float(net(values).points.detach().std()) == pytest.approx(1.0, abs=0.05)


def test_a_coupling_without_training_changes_nothing() -> None:
    values = draw(0, (1, 4, 4, 4))
    assert torch.equal(ChannelCoupling(4, 8, "tanh")(values)[0], values)


# --- pictures of whole numbers ---


@pytest.mark.parametrize("bits", [8, 5, 1])
def test_values_without_noise_are_the_lower_edges_of_the_grid(bits: int) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = torch.from_numpy(np.array(from_pixels(pixels)))
    found = dequantised(images, torch.zeros_like(images), bits).flatten()
    expected = torch.arange(256) // (1 << (8 - bits)) / (1 << bits) - 0.5
    torch.testing.assert_close(found, expected)


def test_noise_stays_within_its_cell() -> None:
    images = torch.from_numpy(np.array(from_pixels(noise_pictures(2))))
    low, high = (dequantised(images, torch.full_like(images, u), 8) for u in (0.0, 0.999))
    assert float((high - low).max()) < 1 / 256
    assert float(low.min()) >= -0.5
    assert float(high.max()) < 0.5


def test_a_flow_that_does_nothing_has_the_likelihood_of_noise_under_its_prior() -> None:
    net = Glow(GlowShape(2, 1, (1,), (4,), "additive"))  # all layers begin as the identity, up to the order of values
    images = torch.full((1, 1, 2, 2), -1.0)
    values = dequantised(images, torch.rand((1, 2, 2), generator=torch.Generator().manual_seed(0)), 8)
    expected = float(standard_normal(values)) - 4 * 8 * math.log(2)
    assert float(sum(log_likelihood_parts(net, images, 8))) == pytest.approx(expected, abs=1e-4)


# --- generators ---


def test_a_flow_offers_what_flows_can_do(generator: FlowGenerator) -> None:
    for protocol in (Encodes, HasLikelihood, HasLikelihoodParts, HasLevels):
        assert isinstance(generator, protocol)


def test_encoding_is_the_inverse_of_decoding(generator: FlowGenerator) -> None:
    points = draw(1, (3, *generator.latent_shape)) * 0.7
    torch.testing.assert_close(generator.encode(generator.decode(points)), points, atol=1e-3, rtol=1e-4)
    images = some_pictures(3)
    torch.testing.assert_close(generator.decode(generator.encode(images)), images, atol=1e-4, rtol=0)


def test_the_parts_add_up_to_the_likelihood(generator: FlowGenerator) -> None:
    images = some_pictures(3)
    parts = generator.likelihood_parts(images)
    torch.testing.assert_close(torch.stack(list(parts.values())).sum(0), generator.log_likelihood(images))


def test_the_parts_are_named_by_the_size_of_their_features() -> None:
    names = list(make_glow().likelihood_parts(some_pictures(1)))
    assert names == ["log p(z), 2 x 2", "log p(z), 4 x 4", "log p(z), 8 x 8", "log-determinant", "8-bit grid"]


def test_the_same_picture_is_always_as_likely(generator: FlowGenerator) -> None:
    images = some_pictures(2)
    assert torch.equal(generator.log_likelihood(images), generator.log_likelihood(images))


def test_the_levels_divide_the_point_from_coarse_to_fine() -> None:
    levels = make_glow().levels
    assert [(level.name, level.first, level.end, level.resolution) for level in levels] == [
        ("coarse 2 x 2", 0, 64, 2),
        ("4 x 4", 64, 128, 4),
        ("fine 8 x 8", 128, 256, 8),
    ]


def test_the_coarse_level_decides_the_whole_picture_and_the_fine_one_details(generator: FlowGenerator) -> None:
    assert [level.first for level in generator.levels] == [0, *(level.end for level in generator.levels[:-1])]
    assert generator.levels[-1].end == generator.latent_shape[0]
    assert [level.resolution for level in generator.levels] == sorted(level.resolution for level in generator.levels)


def test_latents_of_samples_are_standard_normal_at_every_level() -> None:
    """Standardised latents are drawn as N(0, 1) by definition; encoding pictures made of them gives them back."""
    generator = make_glow()
    points = draw(0, (64, *generator.latent_shape))
    again = generator.encode(generator.decode(points))
    for level in generator.levels:
        assert float(again[:, level.first : level.end].std()) == pytest.approx(1.0, abs=0.03)


def test_what_is_usual_is_carried(generator: FlowGenerator) -> None:
    usual = generator.usual_likelihood()
    assert usual is None or usual.shape == (101,)
    assert (usual is None) == (generator.family == "realnvp")


def test_directions_of_the_data_come_first_where_they_are_known() -> None:
    assert make_glow().direction_kinds == ("data", "decoder", "axis")
    assert make_realnvp().direction_kinds == ("decoder", "axis")


def test_directions_of_the_data_are_as_long_as_the_data_is_spread() -> None:
    found = make_glow().directions("data")
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.tensor([2.0, 1.5, 1.0]))
    assert found.strengths.shape == (3,)
    assert bool((found.strengths > 0).all())


@pytest.mark.slow
def test_directions_of_the_decoder_are_orthonormal_and_the_strongest_first(generator: FlowGenerator) -> None:
    found = generator.directions("decoder")
    assert found.vectors.shape == (64, 256)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(64), atol=1e-5, rtol=0)
    assert bool((found.strengths[:-1] >= found.strengths[1:]).all())


@pytest.mark.slow
def test_the_strongest_direction_of_the_decoder_changes_more_than_axes_do() -> None:
    generator = make_glow()
    axes = strengths_along(generator.decode, torch.eye(256), CPU)
    assert float(generator.directions("decoder").strengths[0]) > float(axes.quantile(0.95))  # of a net without order
    torch.testing.assert_close(generator.directions("axis").strengths, axes, atol=0, rtol=0.5)  # that one is rough


@pytest.mark.slow
def test_a_strength_is_what_a_small_step_changes() -> None:
    generator = make_glow()
    found = generator.directions("decoder")
    places = draw(7, (4, 256)) * 0.7  # where it was measured
    moved = generator.decode(places + 1e-3 * found.vectors[0]) - generator.decode(places - 1e-3 * found.vectors[0])
    expected = float((moved.flatten(1).norm(dim=1) / 2e-3).square().mean().sqrt())
    assert float(found.strengths[0]) == pytest.approx(expected, rel=0.02)


def test_every_axis_can_be_moved_along() -> None:
    vector = make_glow().direction(Direction("axis", 255))
    assert vector.nonzero().flatten().tolist() == [255]


@pytest.mark.parametrize("kind", ["data", "axis", "sideways"])
def test_a_direction_that_is_not_there_is_one_sentence(kind: str) -> None:
    with pytest.raises(SceneError, match=r"directions"):
        make_glow().direction(Direction(kind, 256))


def test_many_threads_at_once_get_what_one_gets(generator: FlowGenerator) -> None:
    points = [draw(seed, (2, *generator.latent_shape)) for seed in range(4)]
    expected = [generator.encode(generator.decode(each)) for each in points]
    found: dict[int, Tensor] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: generator.encode(generator.decode(points[n]))}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[n], each) for n, each in enumerate(expected))


@pytest.mark.parametrize("make", [lambda: tiny_glow("additive"), lambda: tiny_glow(scale="sigmoid")])
def test_all_kinds_of_coupling_are_read_back(make: Callable[[], Glow]) -> None:
    net = make()
    told = {"family": "glow", "architecture": net.shape.to_json()}
    built = GlowGenerator.build(Checkpoint(told, dict(net.state_dict())), CPU)
    points = draw(0, (1, 256))
    with torch.no_grad():
        torch.testing.assert_close(built.decode(points), 2 * net.inverse(points), atol=1e-4, rtol=1e-4)


# --- damaged files ---


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"size": 18}, "size should be"),
        ({"size": "16 "}, None),
        ({"channels": 2}, "channels should be 1 or 3"),
        ({"steps": []}, "levels"),
        ({"steps": 2}, "lists of whole numbers"),
        ({"steps": [2, 2, 10**9]}, "steps should be"),
        ({"widths": [8, 8]}, "an entry for every level"),
        ({"widths": [8, 8, 10**9]}, "widths should be"),
        ({"widths": [8, 8, 9]}, "does not fit its own description"),
        ({"coupling": "quadratic"}, "affine or additive"),
        ({"coupling": "additive"}, "does not fit its own description"),
        ({"scale": "none"}, "sigmoid or tanh"),
        ({"bits": 9}, "bits should be"),
    ],
)
def test_an_impossible_architecture_is_one_sentence(change: dict[str, Any], what: str | None) -> None:
    checkpoint = make_glow().checkpoint()
    config = {**checkpoint.config, "architecture": {**checkpoint.config["architecture"], **change}}
    if what is None:
        assert GlowGenerator.build(Checkpoint(config, checkpoint.weights), CPU).image_shape == (1, 16, 16)
        return
    with pytest.raises(CheckpointError, match=what):
        GlowGenerator.build(Checkpoint(config, checkpoint.weights), CPU)


@pytest.mark.parametrize("name", ["levels.0.layers.1.sign", "levels.0.layers.2.permutation", "levels.0.layers.2.sign"])
def test_what_is_never_learned_may_not_be_damaged(name: str) -> None:
    checkpoint = make_glow().checkpoint()
    weights = {**checkpoint.weights, name: checkpoint.weights[name] * 0.5}
    with pytest.raises(CheckpointError, match="is damaged: its layers do not keep every picture"):
        GlowGenerator.build(Checkpoint(checkpoint.config, weights), CPU)


@pytest.mark.parametrize("name", ["statistics.directions", "statistics.deviations", "statistics.likelihood"])
def test_statistics_of_the_wrong_shape_are_left_out(name: str) -> None:
    checkpoint = make_glow().checkpoint()
    weights = {**checkpoint.weights, name: torch.ones(7)}
    model = GlowGenerator.build(Checkpoint(checkpoint.config, weights), CPU)
    assert ("data" in model.direction_kinds) == (name == "statistics.likelihood")
    assert (model.usual_likelihood() is None) == (name == "statistics.likelihood")


@pytest.mark.parametrize("shape", [GlowShape.of(32, 3, 3, 8, 48), RealNVPShape.of(32, 1, 2, 3, 32)])
def test_a_shape_survives_json(shape: GlowShape | RealNVPShape) -> None:
    assert type(shape).from_json(shape.to_json()) == shape


def test_the_networks_of_usual_shapes_can_be_made() -> None:
    with torch.device("meta"):
        assert sum(each.numel() for each in Glow(GlowShape.of(64, 3, 4, 32, 128)).parameters()) > 1_000_000
        assert sum(each.numel() for each in RealNVP(RealNVPShape.of(64, 3, 4, 3, 32)).parameters()) > 100_000


def some_pictures(count: int) -> Tensor:
    return torch.from_numpy(np.array(from_pixels(noise_pictures(count))))


def standard_normal(values: Tensor) -> Tensor:
    return (-0.5 * (values.square() + math.log(2 * math.pi))).flatten(1).sum(1)


def log_determinant(function: Callable[[Tensor], Tensor], values: Tensor) -> float:
    """log |det| of the Jacobian by automatic differentiation and elimination."""
    jacobian = torch.autograd.functional.jacobian(function, values)  # type: ignore[no-untyped-call]
    return float(torch.linalg.slogdet(jacobian.reshape(values.numel(), values.numel()))[1])


def filled(layer: Invertible) -> Invertible:
    """A layer in double precision with random weights everywhere."""
    generator = torch.Generator().manual_seed(1)
    if isinstance(layer, InvertibleConv):
        torch.manual_seed(0)
        layer.randomise()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return layer.double()
