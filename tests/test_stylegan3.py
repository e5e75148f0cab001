"""StyleGAN3: against the reference data, against its definition, and the equivariance that it was made for."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.formats import read_checkpoint
from explorer.nets import alias_free
from explorer.nets.alias_free import filtered_lrelu, jinc_filter, sinc_filter
from explorer.nets.stylegan3 import StyleGAN3, StyleGAN3Shape, transform_matrix

GOLDEN = Path(__file__).parents[2] / "shared" / "goldens" / "sg3t_64"
needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="the reference data is not beside the repository")
both = pytest.mark.parametrize("rotation", [False, True], ids=["T", "R"])


# --- the reference ---


@needs_golden
@torch.no_grad()
def test_the_reference_gets_its_styles() -> None:
    net, expected = reference()
    styles = net.broadcast(net.styles(expected["z"]))
    average = net.mapping.w_avg
    near(styles, expected["w_psi1"])
    near(average, expected["w_avg"])
    near(average + 0.7 * (styles - average), expected["w_psi07"])


@needs_golden
@torch.no_grad()
def test_the_reference_gets_its_waves() -> None:
    net, expected = reference()
    near(net.synthesis.begin(expected["w_psi1"][:, 0]), expected["fourier_input_w0"])


@needs_golden
@pytest.mark.parametrize(
    ("styles", "picture"),
    [("w_psi1", "img_psi1_const"), ("w_psi07", "img_psi07_const"), ("wplus_mix", "img_mix_const")],
)
@torch.no_grad()
def test_the_reference_gets_its_pictures(styles: str, picture: str) -> None:
    net, expected = reference()
    near(net.synthesis(expected[styles]), expected[picture])


@needs_golden
@torch.no_grad()
def test_the_reference_gets_its_moved_and_turned_pictures() -> None:
    net, expected = reference()
    x, y = expected["translate"].tolist()
    transform = transform_matrix(x, y, float(expected["rotate_deg"]))
    near(transform, expected["transform_buffer_inv_m"])
    near(net.synthesis(expected["w_psi07"], transform), expected["img_psi07_transformed"])
    near(net.synthesis(expected["w_psi07"], transform.expand(3, 3, 3)), expected["img_psi07_transformed"])


@needs_golden
def test_the_parameters_of_the_paper_give_the_layers_and_filters_of_the_reference() -> None:
    found = reference()[0]
    shape = StyleGAN3Shape.of(64, z=64, channel_base=1024, channel_max=32)
    plain = tuple(replace(layer, in_band=None, out_band=None) for layer in shape.layers)
    assert replace(shape, layers=plain) == found.shape
    made = StyleGAN3(shape).state_dict()
    for name, weights in found.state_dict().items():
        if name.endswith("_filter"):
            near(made[name], weights, 1e-7)


# --- filters and the nonlinearity ---


@pytest.mark.parametrize("design", [sinc_filter, jinc_filter])
@pytest.mark.parametrize("taps", [12, 13, 24])
def test_a_filter_leaves_constants_and_is_the_same_in_a_mirror(design: Any, taps: int) -> None:
    values = design(taps, 10.0, 8.0, 64.0)
    assert float(values.sum()) == pytest.approx(1.0, abs=1e-6)
    assert values.isfinite().all()
    near(values, values.flip(0), 1e-7)
    near(values, values.T if values.ndim == 2 else values, 1e-7)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0), (math.sqrt(0.5), math.sqrt(0.5)), (0.6, -0.8)])
def test_the_jinc_filter_stops_the_same_waves_in_every_direction(direction: tuple[float, float]) -> None:
    values = jinc_filter(24, 10.0, 6.0, 64.0).double()
    places = (torch.arange(24, dtype=torch.float64) - 11.5) / 64.0
    across = direction[0] * places + direction[1] * places[:, None]

    def response(frequency: float) -> float:
        return float((values * (2 * math.pi * frequency * across).cos()).sum())

    assert response(3.0) == pytest.approx(1.0, abs=0.02)
    assert response(10.0) == pytest.approx(0.5, abs=0.1)
    assert abs(response(18.0)) < 0.01


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 2), (4, 2), (2, 1), (2, 3)])
@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("tile", [0, 3000, 10**9])
@pytest.mark.parametrize("padding", [(-3, -4), (0, 0), (3, 2)])
def test_the_nonlinearity_is_its_definition(
    up: int, down: int, ndim: int, tile: int, padding: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alias_free, "TILE", tile)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 19, 17, 19, dtype=torch.float64, generator=generator)
    rising = torch.randn(6, dtype=torch.float64, generator=generator)  # not symmetric, so that turning it would show
    falling = torch.randn((5,) * ndim, dtype=torch.float64, generator=generator)
    near(
        filtered_lrelu(x, rising, falling, up, down, padding, 2.0),
        defined(x, rising, falling, up, down, padding, 2.0),
        1e-9,
    )


def test_the_nonlinearity_passes_gradients_through_its_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alias_free, "TILE", 500)
    monkeypatch.setattr(alias_free, "TILE_CHANNELS", 1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 9, 9, dtype=torch.float64, generator=generator, requires_grad=True)
    line = torch.randn(6, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda x: filtered_lrelu(x, line, line[:4], 2, 2, (3, 2), 2.0), (x,))


# --- layers ---


@pytest.mark.parametrize("index", [0, 3])
@both
@torch.no_grad()
def test_a_layer_is_its_definition(rotation: bool, index: int) -> None:
    layer = tiny(rotation).synthesis.layer(index)
    shape = layer.shape
    x, styles = noise(3, shape.in_channels, shape.in_size, shape.in_size), noise(3, 16)
    scaled = layer.weight * layer.affine(styles)[:, None, :, None, None]  # (n, out, in, k, k)
    scaled = scaled * scaled.square().sum((2, 3, 4), keepdim=True).rsqrt() * layer.magnitude_ema.rsqrt()
    pads = shape.kernel - 1
    rows = [F.conv2d(x[i : i + 1], scaled[i], layer.bias, padding=pads) for i in range(3)]
    expected = defined(
        torch.cat(rows), layer.up_filter, layer.down_filter, shape.up, shape.down, shape.padding[:2], 256.0
    )
    near(layer(x, styles), expected, 1e-5)


@torch.no_grad()
def test_the_strength_of_a_style_does_not_matter_before_the_last_layer() -> None:
    layer = tiny(False).synthesis.layer(1)
    x, styles = noise(2, layer.shape.in_channels, 36, 36), noise(2, 16)
    before = layer(x, styles)
    for parameter in layer.affine.parameters():
        parameter.mul_(7.0)
    near(layer(x, styles), before, 1e-5)


@torch.no_grad()
def test_styles_of_nothing_do_not_break_the_picture() -> None:
    layer = tiny(False).synthesis.layer(1)
    for parameter in layer.affine.parameters():
        parameter.zero_()
    assert layer(noise(1, layer.shape.in_channels, 36, 36), noise(1, 16)).isfinite().all()


@torch.no_grad()
def test_the_style_of_the_input_moves_and_turns_the_waves() -> None:
    first = tiny(False).synthesis.input
    degrees, x, y = 30.0, 0.1, -0.2
    still = first(torch.zeros(1, 16), transform_matrix(0, 0, degrees) @ transform_matrix(x, y, 0))
    turn = math.radians(degrees)
    first.affine.bias.copy_(3 * torch.tensor([math.cos(turn), math.sin(turn), x, y]))
    near(first(torch.zeros(1, 16), torch.eye(3)), still, 1e-5)


# --- the picture ---


@both
@torch.no_grad()
def test_a_shifted_picture_is_the_picture_shifted(rotation: bool) -> None:
    base = picture(rotation, 0, 0, 0)
    assert likeness(picture(rotation, 5 / 32, 0, 0)[..., 5:], base[..., :-5]) > 80
    assert likeness(picture(rotation, 0, -3 / 32, 0)[..., :-3, :], base[..., 3:, :]) > 80


@both
@torch.no_grad()
def test_a_picture_shifted_by_half_a_pixel_is_the_picture_interpolated(rotation: bool) -> None:
    taps = torch.arange(-8, 9, dtype=torch.float64) - 0.5
    line = (torch.sinc(taps) * torch.from_numpy(np.kaiser(17, 6))).float()
    base = picture(rotation, 0, 0, 0)
    expected = F.conv2d(base.transpose(0, 1), (line / line.sum()).flip(0).view(1, 1, 1, -1), padding=(0, 8))
    moved = picture(rotation, 0.5 / 32, 0, 0).transpose(0, 1)
    assert likeness(moved[..., 10:-10, 10:-10], expected[..., 10:-10, 10:-10]) > 60


@torch.no_grad()
def test_configuration_R_turns_by_right_angles_exactly_and_T_does_not() -> None:
    assert likeness(picture(True, 0, 0, 90), torch.rot90(picture(True, 0, 0, 0), 1, (2, 3))) > 95
    assert likeness(picture(False, 0, 0, 90), torch.rot90(picture(False, 0, 0, 0), 1, (2, 3))) < 30


@torch.no_grad()
def test_a_picture_is_turned_before_it_is_moved() -> None:
    turned = torch.rot90(picture(True, 0, 0, 0), 1, (2, 3))
    assert likeness(picture(True, 4 / 32, 0, 90)[..., 4:], turned[..., :-4]) > 80


@both
@torch.no_grad()
def test_every_picture_is_its_own_whatever_the_batch(rotation: bool) -> None:
    net = tiny(rotation)
    styles = noise(4, net.shape.num_ws, 16)
    transforms = torch.stack([transform_matrix(0.1 * i, 0, 10.0 * i) for i in range(4)])
    together = net.synthesis(styles, transforms)
    alone = [net.synthesis(styles[i : i + 1], transforms[i : i + 1]) for i in range(4)]
    near(together, torch.cat(alone), 1e-5)
    assert float(together.std(0).mean()) > 0.01


@both
@torch.no_grad()
def test_single_precision_is_near_double(rotation: bool) -> None:
    net = tiny(rotation)
    styles = noise(1, net.shape.num_ws, 16)
    found = net.synthesis(styles)
    near(found, net.double().synthesis(styles.double()), 1e-5)


@torch.no_grad()
def test_a_picture_can_be_made_step_by_step_and_frozen() -> None:
    net = tiny(True)
    styles, transform = noise(2, net.shape.num_ws, 16), transform_matrix(0.1, 0.2, 30)
    x = net.synthesis.begin(styles[:, 0], transform)
    for index, step in enumerate(net.synthesis.steps[1:]):
        x = step(x, styles[:, index + 1])
    near(net.synthesis.finish(x), net.synthesis(styles, transform), 0)
    before = net.synthesis(styles, transform)
    net.synthesis.freeze()
    near(net.synthesis(styles, transform), before, 1e-5)


@both
def test_gradients_reach_the_style_of_every_layer_and_every_parameter(rotation: bool) -> None:
    net = tiny(rotation)
    styles = noise(2, net.shape.num_ws, 16).requires_grad_()
    net.synthesis(styles).square().sum().backward()
    assert styles.grad is not None
    assert bool((styles.grad.abs().amax(2) > 0).all())
    for name, parameter in net.synthesis.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert bool(parameter.grad.any()), name


def test_weights_are_named_as_in_the_checkpoints_of_the_paper() -> None:
    net = StyleGAN3(StyleGAN3Shape.of(32, z=16, classes=3, channel_base=256, channel_max=8, layers=4))
    names = set(net.state_dict())
    assert {"mapping.fc0.weight", "mapping.fc1.bias", "mapping.embed.weight", "mapping.w_avg"} <= names
    assert {f"synthesis.input.{n}" for n in ("weight", "affine.weight", "freqs", "phases", "transform")} <= names
    first, last = (f"synthesis.{net.shape.layers[i].name}." for i in (0, -1))
    plain = {"weight", "bias", "affine.weight", "affine.bias", "magnitude_ema"}
    assert {n.removeprefix(first) for n in names if n.startswith(first)} == plain | {"up_filter", "down_filter"}
    assert {n.removeprefix(last) for n in names if n.startswith(last)} == plain


# --- the architecture ---


@pytest.mark.parametrize("resolution", [32, 128, 256, 512, 1024])
@both
def test_every_resolution_has_a_network_of_its_own_shape(rotation: bool, resolution: int) -> None:
    shape = StyleGAN3Shape.of(resolution, rotation=rotation)
    assert shape.num_ws == 16
    assert [layer.radial for layer in shape.layers[-3:]] == [False] * 3
    assert any(layer.radial for layer in shape.layers) == rotation
    with torch.device("meta"):
        net = StyleGAN3(shape)
    assert net.synthesis.input.weight.shape == (1024 if rotation else 512,) * 2


@pytest.mark.parametrize("layers", [3, 5, 9])
@torch.no_grad()
def test_any_number_of_layers_makes_pictures_of_the_size(layers: int) -> None:
    shape = StyleGAN3Shape.of(40, 1, 8, channel_base=128, channel_max=8, layers=layers, critical=1, margin=4)
    net = StyleGAN3(shape)
    assert net.synthesis(net.broadcast(net.styles(torch.ones(2, 8)))).shape == (2, 1, 40, 40)


@both
def test_an_architecture_comes_back_from_json_as_it_was(rotation: bool) -> None:
    shape = StyleGAN3Shape.of(256, classes=10, rotation=rotation)
    assert StyleGAN3Shape.from_json(json.loads(json.dumps(shape.to_json()))) == shape


@both
def test_the_filters_follow_from_the_weights_and_else_from_the_padding(rotation: bool) -> None:
    shape = StyleGAN3Shape.of(128, rotation=rotation)
    data = shape.to_json()
    for layer in data["layers"]:
        for name in ("up_taps", "down_taps", "radial", "in_band", "out_band"):
            del layer[name]
        layer["in_size"] = [layer["in_size"]] * 2  # as NVIDIA's files have it
    with torch.device("meta"):
        sizes = {name: tuple(value.shape) for name, value in StyleGAN3(shape).state_dict().items()}
    plain = tuple(replace(layer, in_band=None, out_band=None) for layer in shape.layers)
    assert StyleGAN3Shape.from_json(data, sizes) == replace(shape, layers=plain)
    guessed = StyleGAN3Shape.from_json(data)
    assert [(layer.up_taps, layer.down_taps) for layer in guessed.layers] == [
        (layer.up_taps, layer.down_taps) for layer in shape.layers
    ]


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"resolution": 64}, "pictures of the resolution"),
        ({"resolution": 2}, "resolution should be"),
        ({"z": -1}, "z and w"),
        ({"image_channels": 9}, "from 1 to 4 channels"),
        ({"layers": []}, "layers"),
        ({"output_scale": math.nan}, "scale of the output"),
        ({"input": {"channels": 8, "size": 36, "sampling_rate": 16, "bandwidth": 9}}, "bandwidth"),
        ({"input": {"channels": 9, "size": 36, "sampling_rate": 16, "bandwidth": 2}}, "fit what comes before"),
        ({"layer": {"name": "forward"}}, "named"),
        ({"layer": {"name": "L0_36_8.x"}}, "named"),
        ({"layer": {"out_channels": 10**9}}, "channels"),
        ({"layer": {"out_size": 10**6}}, "sides"),
        ({"layer": {"out_size": 35}}, "should make 35 pixels"),
        ({"layer": {"kernel": 2}}, "odd kernel"),
        ({"layer": {"up": 0}}, "change the rate"),
        ({"layer": {"up": 1}}, "no filter"),
        ({"layer": {"up_taps": 10**6}}, "impossible filters"),
        ({"layer": {"in_band": [-1.0, 0.0]}}, "impossible filters"),
        ({"layer": {"padding": [50, 50, 50, 50]}}, "too much padding"),
        ({"layer": {"padding": [9, 8, 8, 9]}}, "square"),
        ({"layer": {"in_size": [36, 40]}}, "square"),
        ({"layer": {"clamp": -1.0}}, "limit"),
        ({"layer": {"in_rate": math.inf}}, "rate"),
        ({"layer": {"is_torgb": True}}, "makes the picture"),
    ],
)
def test_impossible_architectures_are_refused_with_the_reason(change: dict[str, Any], phrase: str) -> None:
    data = StyleGAN3Shape.of(32, z=16, channel_base=256, channel_max=8, layers=4).to_json()
    data["layers"][0] |= change.get("layer", {})
    data |= {name: value for name, value in change.items() if name != "layer"}
    with pytest.raises(ValueError, match=phrase):
        StyleGAN3Shape.from_json(data)


# --- helpers ---


@cache
def reference() -> tuple[StyleGAN3, dict[str, Tensor]]:
    """The reference network and what it should make."""
    checkpoint = read_checkpoint(GOLDEN / "network-snapshot-000100.pkl")
    sizes = {name: tuple(value.shape) for name, value in checkpoint.weights.items()}
    net = StyleGAN3(StyleGAN3Shape.from_json(checkpoint.config["architecture"], sizes))
    net.load_state_dict(dict(checkpoint.weights))
    arrays = np.load(GOLDEN / "expected.npz", allow_pickle=False)
    return net.eval(), {k: torch.from_numpy(v) for k, v in arrays.items() if v.dtype.kind in "fi"}


def tiny(rotation: bool) -> StyleGAN3:
    """A network for 32 x 32 pictures with random weights everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        shape = StyleGAN3Shape.of(32, z=16, rotation=rotation, channel_base=512, channel_max=16, layers=6)
        net = StyleGAN3(shape)
        for layer in map(net.synthesis.layer, range(len(shape.layers))):
            torch.nn.init.normal_(layer.bias, std=0.1)
            layer.magnitude_ema.fill_(0.7)
        torch.nn.init.normal_(net.synthesis.input.affine.weight, std=0.1)
    return net.eval()


@cache
def picture(rotation: bool, x: float, y: float, degrees: float) -> Tensor:
    net = tiny(rotation)
    return net.synthesis(net.broadcast(net.styles(noise(1, 16))), transform_matrix(x, y, degrees))


def noise(*size: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(2))


def likeness(found: Tensor, expected: Tensor) -> float:
    """The peak signal to noise ratio in decibels, as EQ-T and EQ-R are measured (section 2.2 of the paper).

    The peak is four standard deviations, as pictures of random weights do not fill [-1, 1].
    """
    error = (found - expected).square().mean().clamp(min=1e-30)
    return 10 * float(torch.log10((4 * expected.std()).square() / error))


def near(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(found.double(), expected.double(), atol=tolerance, rtol=0)


def defined(
    x: Tensor, rising: Tensor, falling: Tensor, up: int, down: int, padding: tuple[int, int], clamp: float
) -> Tensor:
    """The filtered nonlinearity word for word: zeros, padding, convolution, leaky ReLU, convolution, decimation."""
    n, c, h, w = x.shape
    high = x.new_zeros(n, c, h * up, w * up)
    high[:, :, ::up, ::up] = x
    high = F.pad(high, (*padding, *padding))
    high = convolved(high, torch.outer(rising, rising) * up**2)
    high = (F.leaky_relu(high, 0.2) * math.sqrt(2)).clamp(-clamp, clamp)
    return convolved(high, falling if falling.ndim == 2 else torch.outer(falling, falling))[:, :, ::down, ::down]


def convolved(x: Tensor, kernel: Tensor) -> Tensor:
    planes = F.conv2d(x.flatten(0, 1)[:, None], kernel.flip((0, 1))[None, None])
    return planes[:, 0].unflatten(0, x.shape[:2])
