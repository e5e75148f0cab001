"""BigGAN: its folder, its picture computed another way, its truncation and its classes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import CPU
from gan_examples import BIGGAN_CONFIG, biggan_weights, make_biggan, write_biggan_folder
from torch import Tensor
from torch.nn import functional as F

from explorer.errors import CheckpointError
from explorer.formats.biggan_folder import is_biggan_folder, read_biggan_folder, read_biggan_folder_config
from explorer.generators.biggan import BigGANGenerator
from explorer.latents import draw
from explorer.nets.biggan import BigGANShape

WEIGHTS = biggan_weights()


@pytest.mark.parametrize("legacy", [True, False])
def test_a_folder_opens(tmp_path: Path, legacy: bool) -> None:
    folder = write_biggan_folder(tmp_path / "biggan", legacy=legacy)
    assert is_biggan_folder(folder)
    model = BigGANGenerator.build(read_biggan_folder(folder), CPU)
    assert (model.image_shape, model.latent_shape, model.classes, model.name) == ((3, 32, 32), (6,), 5, "biggan")
    assert model.decode(draw(0, (2, 6))).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("truncation", [1.0, 0.4, 0.37, 0.02])
def test_a_picture_is_what_the_formulas_give_in_double_precision(tmp_path: Path, truncation: float) -> None:
    model = BigGANGenerator.build(read_biggan_folder(write_biggan_folder(tmp_path / "biggan")), CPU)
    points = torch.stack([model.draw(seed) for seed in range(3)]) * truncation
    classes = torch.tensor([[0, 1, 0, 0, 0], [0.2, 0, 0.8, 0, 0], [0, 0, 0, 0, 1]], dtype=torch.float32)
    expected = torch.stack([reference(*each, truncation) for each in zip(points, classes, strict=True)])
    torch.testing.assert_close(
        model.decode_truncated(points, classes, (truncation,)).double(), expected, atol=2e-5, rtol=0
    )


def test_truncation_changes_the_statistics_and_not_only_the_point() -> None:
    model, points = make_biggan(), draw(0, (1, 6))
    assert (
        float((model.decode_truncated(points, None, (1.0,)) - model.decode_truncated(points, None, (0.5,))).abs().max())
        > 1e-2
    )


def test_pictures_of_different_truncations_are_as_if_alone() -> None:
    model, points = make_biggan(), draw(0, (3, 6))
    alone = torch.cat(
        [model.decode_truncated(point[None], None, (psi,)) for point, psi in zip(points, (1.0, 0.5, 0.37), strict=True)]
    )
    torch.testing.assert_close(model.decode_truncated(points, None, (1.0, 0.5, 0.37)), alone, atol=1e-5, rtol=0)


def test_truncation_beyond_one_and_below_zero_takes_the_last_and_first_statistics() -> None:
    model, points = make_biggan(), draw(0, (1, 6))
    assert torch.equal(model.decode_truncated(points, None, (1.5,)), model.decode_truncated(points, None, (1.0,)))
    assert torch.equal(model.decode_truncated(points, None, (-1.0,)), model.decode_truncated(points, None, (0.0,)))


def test_a_blend_of_classes_is_between_their_embeddings() -> None:
    model = make_biggan()
    both = torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]])
    found = model.net.embeddings(both)[0]
    torch.testing.assert_close(found, model.net.embeddings.weight[:, :2].mean(1))


def test_without_a_class_the_first_is_drawn() -> None:
    model, points = make_biggan(), draw(0, (2, 6))
    first = torch.eye(5)[[0, 0]]
    assert torch.equal(model.decode(points), model.decode(points, first))


def test_draws_are_cut_at_two_deviations_and_have_the_variance_of_that() -> None:
    """Var = 1 - 4 phi(2) / (2 Phi(2) - 1) for the cut at 2."""
    model = make_biggan()
    draws = torch.cat([model.draw(seed) for seed in range(2_000)])
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    assert float(draws.abs().max()) <= 2
    assert float(draws.var()) == pytest.approx(1 - 4 * density / math.erf(math.sqrt(2)), rel=0.03)
    assert model.shell.mean == pytest.approx(float(draws.view(-1, 6).norm(dim=1).mean()), rel=0.03)


def test_a_seed_is_the_point_that_scipy_draws() -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.truncnorm.rvs(-2, 2, size=(1, 6), random_state=np.random.RandomState(7))[0]
    np.testing.assert_allclose(make_biggan().draw(7).numpy(), expected, atol=1e-6)


def test_seeds_beyond_those_of_numpy_are_points_too() -> None:
    model = make_biggan()
    assert model.draw(1 << 40).shape == (6,)
    assert not torch.equal(model.draw(1 << 40), model.draw((1 << 40) + 1))


def test_names_of_classes_come_from_the_folder(tmp_path: Path) -> None:
    names = ["ant", "bee", "cat", "dog", "elk"]
    folder = write_biggan_folder(tmp_path / "biggan")
    (folder / "latent-explorer.json").write_text(json.dumps({"name": "Zoo", "class_names": names}))
    model = BigGANGenerator.build(read_biggan_folder(folder), CPU)
    assert (model.name, model.class_names) == ("Zoo", tuple(names))


def test_a_folder_of_something_else_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DModel"}))
    assert not is_biggan_folder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert not is_biggan_folder(tmp_path)
    assert not is_biggan_folder(tmp_path / "missing")


@pytest.mark.parametrize(
    "change",
    [
        {"layers": []},
        {"layers": [[True, 16, 5], [True, 5, 1]]},
        {"layers": [[True, 16, 8], [True, 4, 2], [True, 2, 1]]},
        {"layers": [[True, 8, 4], [True, 4, 2], [True, 2, 1]]},
        {"layers": [[True, 16, 16]]},
        {"channel_width": 0},
        {"n_stats": 1},
        {"eps": 0},
        {"attention_layer_position": 40},
        {"z_dim": "six"},
        {"num_classes": None},
    ],
)
def test_an_impossible_description_is_one_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    folder = write_biggan_folder(tmp_path / "biggan", {**BIGGAN_CONFIG, **change})
    with pytest.raises(CheckpointError, match="impossible BigGAN"):
        BigGANGenerator.build(read_biggan_folder(folder), CPU)


def test_what_a_description_leaves_out_is_said(tmp_path: Path) -> None:
    config = {key: value for key, value in BIGGAN_CONFIG.items() if key != "layers"}
    folder = write_biggan_folder(tmp_path / "biggan", config)
    with pytest.raises(CheckpointError, match="does not say 'layers'"):
        read_biggan_folder_config(folder)


@pytest.mark.parametrize("missing", ["generator.gen_z.weight_u", "generator.layers.0.conv_1.weight_v"])
def test_a_missing_norm_is_one_sentence(tmp_path: Path, missing: str) -> None:
    folder = write_biggan_folder(tmp_path / "biggan")
    torch.save({name: value for name, value in WEIGHTS.items() if name != missing}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="spectral norm of its weights"):
        read_biggan_folder(folder)


def test_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    folder = write_biggan_folder(tmp_path / "biggan")
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match="weights of its biggan are missing"):
        read_biggan_folder(folder)


def test_the_model_of_128_pixels_has_that_size() -> None:
    """BigGAN-deep at 128 (Brock et al. 2019, table 7)."""
    steps = [(False, 16, 16), (True, 16, 16), (False, 16, 16), (True, 16, 8), (False, 8, 8), (True, 8, 4),
             (False, 4, 4), (True, 4, 2), (False, 2, 2), (True, 2, 1)]  # fmt: skip
    assert BigGANShape(128, 128, 1000, tuple(steps), 8).size == 128


# --- the formulas, one picture at a time ---


def matrix(name: str) -> Tensor:
    """W / (u^T W v)."""
    weight, left, right = (WEIGHTS[f"{name}.weight_{part}"].double() for part in ("orig", "u", "v"))
    sigma = torch.einsum("i,ij,j->", left, weight.reshape(len(left), -1), right)
    return weight / sigma


def bias(name: str) -> Tensor:
    return WEIGHTS[f"{name}.bias"].double()


def convolved(x: Tensor, name: str, has_bias: bool = True) -> Tensor:
    kernel = matrix(name)
    made = F.unfold(x[None], kernel.shape[2], padding=kernel.shape[2] // 2)[0]
    flat = kernel.reshape(len(kernel), -1) @ made
    return (flat + bias(name)[:, None] if has_bias else flat).reshape(-1, *x.shape[1:])


def normalised(x: Tensor, name: str, truncation: float) -> Tensor:
    fraction, index = math.modf(truncation / (1.0 / 50))
    rows = [WEIGHTS[f"{name}.running_{kind}"].double() for kind in ("means", "vars")]
    one, two = ([r[int(index)], r[min(int(index) + 1, 50)]] for r in rows)
    mean, variance = (pair[0] * fraction + pair[1] * (1 - fraction) if fraction else pair[0] for pair in (one, two))
    return (x - mean.reshape(-1, 1, 1)) * (variance.reshape(-1, 1, 1) + 1e-4) ** -0.5


def conditioned(x: Tensor, name: str, truncation: float, condition: Tensor) -> Tensor:
    gain = 1 + matrix(f"{name}.scale") @ condition
    shift = matrix(f"{name}.offset") @ condition
    return torch.clamp(torch.einsum("c,chw->chw", gain, normalised(x, name, truncation)) + shift[:, None, None], min=0)


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 1).repeat_interleave(2, 2)


def attended(x: Tensor, name: str) -> Tensor:
    def halved(y: Tensor) -> Tensor:
        count, height, width = y.shape
        return y.reshape(count, height // 2, 2, width // 2, 2).amax((2, 4))

    questions = convolved(x, f"{name}.snconv1x1_theta", False)
    keys = halved(convolved(x, f"{name}.snconv1x1_phi", False))
    values = halved(convolved(x, f"{name}.snconv1x1_g", False))
    shares = torch.einsum("chw,cyx->hwyx", questions, keys).flatten(2).softmax(2)
    shares = shares.reshape(*x.shape[1:], *keys.shape[1:])
    seen = torch.einsum("hwyx,cyx->chw", shares, values)
    return x + WEIGHTS[f"{name}.gamma"].double() * convolved(seen, f"{name}.snconv1x1_o_conv", False)


def reference(point: Tensor, classes: Tensor, truncation: float) -> Tensor:
    embedded = WEIGHTS["embeddings.weight"].double() @ classes.double()
    condition = torch.cat([point.double(), embedded])
    x = (matrix("generator.gen_z") @ condition + bias("generator.gen_z")).reshape(4, 4, -1).permute(2, 0, 1)
    names = iter(f"generator.layers.{index}" for index in range(6))
    for position, (enlarges, before, after) in enumerate(BIGGAN_CONFIG["layers"]):
        if position == BIGGAN_CONFIG["attention_layer_position"]:
            x = attended(x, next(names))
        name = next(names)
        y = convolved(conditioned(x, f"{name}.bn_0", truncation, condition), f"{name}.conv_0")
        y = conditioned(y, f"{name}.bn_1", truncation, condition)
        y = convolved(doubled(y) if enlarges else y, f"{name}.conv_1")
        y = convolved(conditioned(y, f"{name}.bn_2", truncation, condition), f"{name}.conv_2")
        y = convolved(conditioned(y, f"{name}.bn_3", truncation, condition), f"{name}.conv_3")
        x = x if before == after else x[: len(x) // 2]
        x = y + (doubled(x) if enlarges else x)
    gain, shift = (WEIGHTS[f"generator.bn.{kind}"].double()[:, None, None] for kind in ("weight", "bias"))
    x = torch.clamp(normalised(x, "generator.bn", truncation) * gain + shift, min=0)
    return torch.tanh(convolved(x, "generator.conv_to_rgb"))[:3]
