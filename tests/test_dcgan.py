"""DCGAN: its shapes, and its picture computed another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples import CPU
from gan_examples import dcgan_weights, make_dcgan

from explorer.errors import CheckpointError
from explorer.formats import Checkpoint
from explorer.generators.dcgan import DCGANGenerator
from explorer.latents import draw
from explorer.nets.dcgan import DCGAN, Critic, DCGANShape, Layer


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_pictures_have_the_size_that_was_asked_for(size: int) -> None:
    shape = DCGANShape.of(size, 3, 10, 2)
    assert DCGAN(shape).eval()(torch.randn(2, 10)).shape == (2, 3, size, size)
    assert shape.size == size


def test_the_networks_of_the_paper_have_its_widths() -> None:
    """Radford et al. 2016, figure 1, with the 512 to 64 channels of PyTorch's example."""
    assert DCGANShape.of(64, 3, 100, 64).widths == (512, 256, 128, 64)
    names = DCGAN(DCGANShape.of(64, 3, 100, 4)).state_dict()
    assert {"main.0.weight", "main.1.running_var", "main.12.weight"} <= names.keys()
    assert "main.12.bias" not in names


def test_a_picture_is_what_scattering_and_normalising_by_hand_gives() -> None:
    weights = {name: value.double().numpy() for name, value in dcgan_weights().items()}
    latent = draw(3, (8,))
    features = latent.double().numpy()[:, None, None]
    for index, (stride, padding) in enumerate(((1, 0), (2, 1), (2, 1))):
        features = scattered(features, weights[f"main.{3 * index}.weight"], stride, padding)
        if index < 2:
            gain, shift, mean, variance = (
                weights[f"main.{3 * index + 1}.{part}"][:, None, None]
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            features = np.maximum((features - mean) / np.sqrt(variance + 1e-5) * gain + shift, 0)
    found = make_dcgan().decode(latent[None])[0].numpy()
    np.testing.assert_allclose(found, np.tanh(features), atol=1e-5)


def test_settled_statistics_normalise_what_they_were_taken_from() -> None:
    net = DCGAN(DCGANShape.of(16, 1, 8, 8)).requires_grad_(False)
    points = draw(0, (500, 8))
    net.eval().settle(points)
    first = net.main[1](net.main[0](points[:, :, None, None]))
    spread = (first - net.main[1].bias[:, None, None]) / net.main[1].weight[:, None, None]  # type: ignore[index]
    assert float(spread.mean((0, 2, 3)).abs().max()) < 1e-4
    assert float((spread.var((0, 2, 3)) - 1).abs().max()) < 0.1


def test_the_critic_of_a_penalty_judges_every_picture_by_itself() -> None:
    critic, images = Critic(16, 1, (8, 16), "layer"), torch.randn(4, 1, 16, 16)
    alone = torch.cat([critic(image[None]) for image in images])
    torch.testing.assert_close(critic(images), alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_a_critic_gives_one_number_for_a_picture(norm: str) -> None:
    assert Critic(32, 3, (4, 8, 16), norm)(torch.randn(5, 3, 32, 32)).shape == (5,)


def test_the_description_survives_json() -> None:
    shape = DCGANShape(5, (Layer(8, 7, 1, 0), Layer(4), Layer(1, 5, 2, 2, 1)), bias=True)
    assert DCGANShape.from_json(shape.to_json()) == shape
    assert shape.size == 28


@pytest.mark.parametrize(
    "change",
    [
        {"latent": 0},
        {"layers": []},
        {"layers": [[8, 4, 1, 0], [2, 4, 2, 1]]},
        {"layers": [[8, 4, 1, 0], [1, 4, 9, 1]]},
        {"layers": [[8, 4, 1, 0], [1, 400, 2, 1]]},
        {"layers": [[8, 1, 1, 0], [1, 2, 2, 0]]},
        {"layers": 7},
        {"latent": "many"},
        {"latent": 10**400},
    ],
)
def test_an_impossible_description_is_one_sentence(change: dict[str, object]) -> None:
    model = make_dcgan()
    config = {**model.config, "architecture": {**model.config["architecture"], **change}}
    with pytest.raises(CheckpointError, match="impossible DCGAN"):
        DCGANGenerator.build(Checkpoint(config, model.checkpoint().weights), CPU)


def test_weights_of_another_size_are_one_sentence() -> None:
    model = make_dcgan()
    weights = {**model.checkpoint().weights, "main.0.weight": torch.zeros(8, 16, 3, 3)}
    with pytest.raises(CheckpointError, match=r"main\.0\.weight is 8 x 16 x 3 x 3, not 8 x 16 x 4 x 4"):
        DCGANGenerator.build(Checkpoint(model.config, weights), CPU)


def scattered(features: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """A transposed convolution: every value lays down its kernel, times itself."""
    _, height, width = features.shape
    kernel = weight.shape[2]
    out = np.zeros((weight.shape[1], (height - 1) * stride + kernel, (width - 1) * stride + kernel))
    for y in range(height):
        for x in range(width):
            part = np.tensordot(features[:, y, x], weight, 1)
            out[:, y * stride : y * stride + kernel, x * stride : x * stride + kernel] += part
    return out[:, padding : out.shape[1] - padding, padding : out.shape[2] - padding]
