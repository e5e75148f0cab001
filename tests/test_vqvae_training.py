"""Training a VQ-VAE learns codes, then a prior, and can be stopped in either part as if it had never been."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import CPU, noise_pictures, toy_pictures

from explorer.errors import TrainingError
from explorer.files import resources_folder
from explorer.formats import read_checkpoint
from explorer.generators.vqvae import VQVAEGenerator
from explorer.nets.vqvae import VQVAE, VQVAEShape
from explorer.training import Report, Settings, train
from explorer.training.codebooks import DEAD, DECAY, Codebooks, averaged, smoothed, tally
from explorer.training.state import state_path
from explorer.training.vqvae import VQVAERecipe, principal

ONE = VQVAEShape(16, 1, (8, 8), (7,), 3, 1, 16, 2)
TWO = VQVAEShape(16, 1, (8,), (5, 9), 3, 1, 16, 2)
PICTURES = toy_pictures(24)
HELD_OUT = toy_pictures(6)[::-1].copy()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Six steps of eight pictures, saved and reported after every one of them: three of each part."""
    return Settings(tmp_path / "model.safetensors", 48, 8, precision="float32", save_seconds=-1.0)


# --- the codebook ---


def test_a_tally_counts_and_sums_what_takes_each_code() -> None:
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    counts, sums = tally(rows, torch.tensor([2, 0, 2]), 4)
    assert counts.tolist() == [1.0, 0.0, 2.0, 0.0]
    assert sums.tolist() == [[3.0, 4.0], [0.0, 0.0], [6.0, 8.0], [0.0, 0.0]]


def test_a_moving_average_of_a_constant_follows_its_closed_form() -> None:
    value, steps = torch.zeros(1), 50
    for _ in range(steps):
        value = averaged(value, torch.full((1,), 3.0))
    assert float(value) == pytest.approx(3.0 * (1 - DECAY**steps), rel=1e-5)


def test_smoothing_keeps_the_sum_and_leaves_nothing_at_zero() -> None:
    counts = torch.tensor([0.0, 1.0, 5.0])
    found = smoothed(counts, 0.5)
    assert found.tolist() == pytest.approx([0.5 / 7.5 * 6, 1.5 / 7.5 * 6, 5.5 / 7.5 * 6])
    assert float(found.sum()) == pytest.approx(6.0)


def test_a_codebook_follows_the_weighted_mean_of_its_past() -> None:
    books = codebooks()
    batches = [torch.full((4, 3, 4, 4), float(step)) for step in range(1, 6)]
    chosen = torch.zeros(4, 4, 4, dtype=torch.int64)
    for batch in batches:
        books.follow([batch], [chosen], torch.Generator(), False)
    weights = [DECAY ** (4 - index) for index in range(5)]
    expected = sum(w * (index + 1) for index, w in enumerate(weights)) / sum(weights)
    torch.testing.assert_close(books.model.codebooks[0][0], torch.full((3,), expected), atol=1e-3, rtol=1e-3)


def test_dead_codes_come_back_where_embeddings_are() -> None:
    books = codebooks()
    batch = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    books.follow([batch], [torch.zeros(4, 4, 4, dtype=torch.int64)], torch.Generator().manual_seed(0), True)
    rows = batch.permute(0, 2, 3, 1).reshape(-1, 3)
    distances = torch.cdist(books.model.codebooks[0][1:].data, rows).amin(1)
    assert float(distances.max()) < 1e-3
    counts = books.get_buffer("counts0")
    assert bool((counts >= DEAD * counts.sum() / len(counts)).all())


def test_codes_in_use_are_not_moved_by_reviving() -> None:
    first, second = codebooks(), codebooks()
    batch = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    chosen = torch.arange(64).view(4, 4, 4) % 7
    for books, revive in ((first, False), (second, True)):
        books.follow([batch], [chosen], torch.Generator().manual_seed(0), revive)
    assert torch.equal(first.model.codebooks[0], second.model.codebooks[0])


def test_no_gradient_reaches_a_codebook_or_misses_another_weight(settings: Settings) -> None:
    recipe = VQVAERecipe(TWO)
    before = {name: value.clone() for name, value in recipe.net.named_parameters()}
    list(train(recipe, PICTURES, HELD_OUT, replace(settings, images=80, save_seconds=1e9), False))
    net = recipe.net
    assert all(value.grad is None for name, value in net.named_parameters() if "codebooks" in name)
    still = [name for name, value in net.named_parameters() if torch.equal(value, before[name])]
    assert still == []


# --- directions ---


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_principal_directions_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    points = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    directions, deviations = principal(points, 4)
    _, singular, vectors = torch.linalg.svd(points, full_matrices=False)
    torch.testing.assert_close(deviations, singular[:4] / math.sqrt(len(points)))
    torch.testing.assert_close((directions * vectors[:4]).sum(1).abs(), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(directions @ directions.T, torch.eye(4, dtype=torch.float64))


def test_there_are_no_more_directions_than_the_points_spread() -> None:
    points = torch.zeros(5, 8, dtype=torch.float64)
    points[:, 2] = torch.linspace(-1, 1, 5)
    directions, deviations = principal(points, 4)
    assert directions.shape == (1, 8)
    assert len(deviations) == 1


# --- runs ---


@pytest.mark.parametrize("shape", [ONE, TWO])
@pytest.mark.parametrize("after", [2, 4])  # in the part of the codes, and in that of the prior
def test_a_resumed_run_equals_one_that_never_stopped(
    settings: Settings, tmp_path: Path, shape: VQVAEShape, after: int
) -> None:
    other = replace(settings, out=tmp_path / "whole.safetensors")
    list(start(other, shape))
    stop(start(settings, shape), after)
    list(start(settings, shape, resume=True))
    assert settings.out.read_bytes() == other.out.read_bytes()


@pytest.mark.parametrize("shape", [ONE, TWO, replace(ONE, prior_layers=0), replace(ONE, channels=3)])
def test_a_stopped_run_leaves_a_checkpoint_that_opens(settings: Settings, shape: VQVAEShape) -> None:
    images = noise_pictures(8, shape.channels)
    stop(train(VQVAERecipe(shape), images, images, settings, False), 2)
    model = opened(settings)
    assert model.image_shape == (shape.channels, 16, 16)
    assert model.code_usage() is not None
    assert torch.isfinite(model.decode(model.draw(0)[None])).all()
    assert settings.out.with_suffix(".samples.png").exists()
    assert state_path(settings.out).exists()


def test_the_codes_are_fixed_while_the_prior_learns(settings: Settings) -> None:
    recipe = VQVAERecipe(TWO)
    reports = start(settings, TWO, recipe=recipe)
    for _ in range(3):
        next(reports)
    before = {name: value.clone() for name, value in recipe.net.state_dict().items()}
    list(reports)
    changed = {name for name, value in recipe.net.state_dict().items() if not torch.equal(before[name], value)}
    assert changed == {name for name in before if name.startswith("model.prior.")}


def test_the_state_of_another_architecture_is_one_sentence(settings: Settings) -> None:
    stop(start(settings, ONE), 2)
    with pytest.raises(TrainingError, match="is damaged or of a run with other"):
        list(start(settings, TWO, resume=True))


def test_measures_and_the_use_of_codes_are_in_the_checkpoint(settings: Settings) -> None:
    list(start(settings, TWO))
    model = opened(settings)
    measures = model.config["training"]["held_out"]
    assert {"reconstruction_rms", "perplexity_top", "perplexity_bottom", "nats_per_code"} <= measures.keys()
    assert 1.0 <= measures["perplexity_top"] <= 5.0
    told = model.code_perplexity()
    assert told is not None
    assert model.config["perplexity"] == pytest.approx(told, abs=0.01)
    assert model.direction_kinds == ("data", "axis")


def test_the_mean_of_the_training_data_is_the_origin(settings: Settings) -> None:
    list(start(settings, TWO))
    model = opened(settings)
    from explorer.training.loop import images_to_tensor

    points = model.encode(images_to_tensor(PICTURES))
    torch.testing.assert_close(points.mean(0), torch.zeros(model.latent_shape), atol=1e-4, rtol=0)
    assert float(points.norm(dim=1).mean()) == pytest.approx(model.shell.mean, rel=1e-4)


def test_a_temperature_is_kept_in_the_checkpoint(settings: Settings) -> None:
    list(train(VQVAERecipe(ONE, temperature=0.7), PICTURES, HELD_OUT, settings, False))
    assert opened(settings).temperature == 0.7


def test_a_checkpoint_in_half_precision_opens(settings: Settings) -> None:
    list(start(replace(settings, half=True), TWO))
    model = opened(settings)
    assert {parameter.dtype for parameter in model.net.parameters()} == {torch.float32}
    assert model.decode(model.draw(0)[None]).dtype == torch.float32


@pytest.mark.slow
def test_clothes_are_reconstructed_better_after_a_short_training(settings: Settings) -> None:
    from explorer.datasets import load_all, open_dataset
    from explorer.imaging import Preparation

    folder = resources_folder() / "fashion-mnist-test"
    dataset = open_dataset(folder / "t10k-images-idx3-ubyte.gz")
    images = load_all(dataset, (1, 16, 16), Preparation(14))[:2_000]
    shape = VQVAEShape.of(16, 1, (32, 32), 16, 1, 32)
    recipe = VQVAERecipe(shape, 0.7)
    before = recipe.measure(recipe.averaged(recipe.net), images[-200:])
    longer = replace(settings, images=2_400, batch=16, learning_rate=3e-3, average=0.9, save_seconds=1e9)
    *_, last = train(recipe, images[:-200], images[-200:], longer, False)
    assert last.measures["reconstruction_rms"] < 0.5 * before["reconstruction_rms"]
    assert last.measures["reconstruction_rms"] < 0.6 * float(np.std(images / 127.5))  # better than one grey picture
    assert last.measures["nats_per_code"] < math.log(32) - 0.1  # better than knowing nothing of the codes
    assert last.measures["perplexity_bottom"] > 4.0


def start(
    settings: Settings, shape: VQVAEShape, resume: bool = False, recipe: VQVAERecipe | None = None
) -> Generator[Report, None, None]:
    return train(recipe or VQVAERecipe(shape), PICTURES, HELD_OUT, settings, resume)


def stop(reports: Generator[Report, None, None], after: int) -> None:
    for _ in range(after):
        next(reports)
    reports.close()


def opened(settings: Settings) -> VQVAEGenerator:
    return VQVAEGenerator.build(read_checkpoint(settings.out), CPU)


def codebooks() -> Codebooks:
    return Codebooks(VQVAE(ONE))
