"""The VQ-VAE against theory: nearest codes, moving averages, the use of codes, a prior that only looks back."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import CPU, noise_pictures
from torch import Tensor
from vqvae_examples import ONE, TWO, make_vqvae, tiny_prior, tiny_vqvae, two_level_vqvae

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint, read_checkpoint, write_native
from explorer.generators.vqvae import VQVAEGenerator
from explorer.imaging import from_pixels
from explorer.nets.code_prior import CodePrior
from explorer.nets.vqvae import VQVAE, VQVAEShape, nearest, perplexity, straight_through
from explorer.scene import Direction

SHAPES = [ONE, TWO]
WITHOUT_PRIOR = replace(ONE, prior_layers=0)


# --- quantisation ---


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 8, 1, 1), (3, 1, 2, 2)])
def test_a_cell_takes_the_nearest_code(shape: tuple[int, int, int, int]) -> None:
    embeddings, codebook = random(shape, 0), random((11, shape[1]), 1)
    rows = embeddings.double().permute(0, 2, 3, 1).reshape(-1, 1, shape[1])
    brute = (rows - codebook.double()).square().sum(-1).argmin(1)
    assert torch.equal(nearest(embeddings, codebook).flatten(), brute)


def test_many_cells_are_quantised_in_parts_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, codebook = random((5, 3, 4, 4), 0), random((7, 3), 1)
    whole = nearest(embeddings, codebook)
    monkeypatch.setattr("explorer.nets.vqvae.AT_ONCE", 50)
    assert torch.equal(nearest(embeddings, codebook), whole)


def test_a_code_takes_itself() -> None:
    net = tiny_vqvae(TWO)
    codes = random_codes(net, 2)
    assert all(torch.equal(a, b) for a, b in zip(net.quantise(net.embeddings(codes)), codes, strict=True))


def test_gradients_pass_quantisation_as_if_it_were_not_there() -> None:
    embeddings = random((2, 3, 4, 4), 0).requires_grad_()
    vectors = random((2, 3, 4, 4), 1).requires_grad_()
    through = straight_through(embeddings, vectors)
    torch.testing.assert_close(through, vectors)
    (through * random((2, 3, 4, 4), 2)).sum().backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    assert torch.equal(embeddings.grad, random((2, 3, 4, 4), 2))  # type: ignore[arg-type]  # it is there
    assert vectors.grad is None


def test_the_fine_map_depends_on_the_coarse_one() -> None:
    net = tiny_vqvae(TWO)
    images = pictures(2, 3)
    before = net.encode(images)[0][1]
    with torch.no_grad():
        net.codebooks[0].add_(1.0)
        assert float((net.encode(images)[0][1] - before).abs().max()) > 1e-3


# --- the use of codes ---


@pytest.mark.parametrize("codes", [1, 2, 128])
def test_the_perplexity_of_uniform_use_is_the_number_of_codes(codes: int) -> None:
    assert perplexity(torch.full((codes,), 3.0)) == pytest.approx(codes)


def test_the_perplexity_counts_no_dead_codes() -> None:
    assert perplexity(torch.tensor([0.5, 0.0, 0.5, 0.0])) == pytest.approx(2.0)


def test_the_perplexity_of_uneven_use_is_that_of_its_entropy() -> None:
    shares = [0.5, 0.25, 0.25]
    assert perplexity(torch.tensor(shares)) == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))


def test_the_use_of_codes_adds_up_and_tells_dead_codes() -> None:
    usage = two_level_vqvae().code_usage()
    assert usage is not None
    assert [len(shares) for shares in usage] == [5, 9]
    assert all(float(shares.sum()) == pytest.approx(1.0) and float(shares[0]) == 0.0 for shares in usage)


def test_a_model_may_not_know_the_use_of_its_codes() -> None:
    model = make_vqvae(statistics=False)
    assert model.code_usage() is None
    assert model.code_perplexity() is None


# --- the prior ---


LEVELS = [((2, 5), (4, 7)), ((4, 6),)]


@pytest.mark.parametrize("levels", LEVELS)
def test_the_probabilities_of_all_codes_of_a_cell_sum_to_one(levels: tuple[tuple[int, int], ...]) -> None:
    for logs in tiny_prior(levels).log_probabilities(codes_of(levels, 3)):
        torch.testing.assert_close(logs.logsumexp(-1), torch.zeros(logs.shape[:-1]), atol=1e-5, rtol=0)


def test_the_probabilities_of_all_maps_sum_to_one() -> None:
    prior = tiny_prior(((1, 2), (2, 2)))
    every = torch.cartesian_prod(*[torch.arange(2)] * 5)
    nats = prior.log_likelihood((every[:, :1].view(-1, 1, 1), every[:, 1:].reshape(-1, 2, 2)))
    assert float(nats.exp().sum()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("levels", LEVELS)
def test_a_code_changes_no_probability_up_to_its_own(levels: tuple[tuple[int, int], ...]) -> None:
    prior = tiny_prior(levels)
    codes = codes_of(levels, 1)
    before = flat(prior, codes)
    for changed in range(sum(side * side for side, _ in levels)):
        after = flat(prior, with_change(levels, codes, changed))
        assert all(torch.equal(a, b) for a, b in zip(before[: changed + 1], after[: changed + 1], strict=True))


@pytest.mark.parametrize("levels", LEVELS)
def test_a_code_changes_the_probabilities_of_every_later_cell(levels: tuple[tuple[int, int], ...]) -> None:
    prior = tiny_prior(levels)
    codes = codes_of(levels, 1)
    before, after = flat(prior, codes), flat(prior, with_change(levels, codes, 0))
    assert all(float((a - b).abs().max()) > 1e-7 for a, b in zip(before[1:], after[1:], strict=True))


@pytest.mark.parametrize("levels", LEVELS)
def test_drawing_follows_the_probabilities(levels: tuple[tuple[int, int], ...]) -> None:
    prior, cells = tiny_prior(levels), sum(side * side for side, _ in levels)
    chances = torch.rand(6, cells, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    codes = prior.sample(chances)
    place = 0
    for logs, maps in zip(prior.log_probabilities(codes), codes, strict=True):
        cumulated = logs.double().exp().cumsum(-1).flatten(1, 2)
        for cell, chosen in enumerate(maps.flatten(1).T):
            chance = chances[:, place]
            upper = cumulated[:, cell].gather(1, chosen[:, None])[:, 0]
            lower = upper - logs.double().exp().flatten(1, 2)[:, cell].gather(1, chosen[:, None])[:, 0]
            assert bool((lower <= chance + 1e-5).all())
            assert bool((chance <= upper + 1e-5).all())
            place += 1


def test_drawing_cold_takes_the_most_probable_code() -> None:
    prior = tiny_prior()
    codes = prior.sample(torch.full((1, 20), 0.5, dtype=torch.float64), 1e-4)
    for logs, maps in zip(prior.log_probabilities(codes), codes, strict=True):
        assert torch.equal(logs.argmax(-1), maps)


@pytest.mark.slow
def test_the_prior_learns_maps_that_are_not_by_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 6, (64, 4, 1), generator=generator).expand(-1, -1, 4)  # every row is of one code
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        prior = CodePrior(((4, 6),), 16, 1, 2)
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(100):
        loss = -prior.log_likelihood((rows,)).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()
    assert float(loss.detach()) < 4 * math.log(6) + 1.0  # one free choice per row
    (drawn,) = prior.sample(torch.rand(20, 16, generator=generator))
    assert float((drawn == drawn[:, :, :1]).float().mean()) > 0.9


# --- the generator ---


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_is_decoded_by_its_codes(shape: VQVAEShape) -> None:
    model = make_vqvae(shape)
    latents = random((3, *model.latent_shape), 0)
    assert torch.equal(model.decode(latents), model.decode_codes(model.codes(latents)))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_encoded_picture_has_the_codes_of_the_network(shape: VQVAEShape) -> None:
    model = make_vqvae(shape)
    images = pictures(3, shape.channels)
    expected = model.net.encode(images)[1]
    assert all(torch.equal(a, b) for a, b in zip(model.codes(model.encode(images)), expected, strict=True))


def test_levels_are_told_coarse_first() -> None:
    levels = two_level_vqvae().code_levels
    assert [(x.name, x.rows, x.columns, x.codes) for x in levels] == [("top", 4, 4, 5), ("bottom", 8, 8, 9)]


def test_one_map_has_a_point_of_its_own_shape_and_two_a_flat_one() -> None:
    assert make_vqvae().latent_shape == (3, 4, 4)
    assert two_level_vqvae().latent_shape == (3 * 16 + 3 * 64,)


@pytest.mark.parametrize("shape", [*SHAPES, WITHOUT_PRIOR])
def test_a_seed_draws_the_same_point_in_two_threads_at_once(shape: VQVAEShape) -> None:
    expected = [make_vqvae(shape).draw(seed) for seed in range(6)]
    model, start, found = make_vqvae(shape), threading.Barrier(2), dict[int, Tensor]()

    def draw(seeds: range) -> None:
        start.wait()
        for seed in seeds:
            found[seed] = model.draw(seed)

    threads = [threading.Thread(target=draw, args=(range(first, 6, 2),)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(found[seed], point) for seed, point in enumerate(expected))
    assert not torch.equal(expected[0], expected[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_draw_is_a_point_on_codes(shape: VQVAEShape) -> None:
    model = make_vqvae(shape)
    point = model.draw(3)
    assert point.shape == model.latent_shape
    torch.testing.assert_close(model.latents(model.codes(point[None]))[0], point)


def test_a_model_without_a_prior_draws_codes_by_their_use() -> None:
    model = make_vqvae(WITHOUT_PRIOR)
    counts = torch.zeros(7)
    for seed in range(200):
        counts += torch.bincount(model.codes(model._draw(seed)[None])[0].flatten(), minlength=7)
    usage = model.code_usage()
    assert usage is not None
    expected = usage[0] * 200 * 16
    deviation = (expected * (1 - usage[0])).sqrt()
    assert bool(((counts - expected).abs() <= 5 * deviation + 1e-6).all())
    assert float(counts[0]) == 0


def test_the_likelihood_of_codes_is_that_of_the_prior() -> None:
    model = two_level_vqvae()
    images = pictures(3, 3)
    assert model.net.prior is not None
    nats = model.code_log_likelihood(images)
    assert nats is not None
    torch.testing.assert_close(nats, model.net.prior.log_likelihood(model.codes(model.encode(images))))
    assert make_vqvae(WITHOUT_PRIOR).code_log_likelihood(pictures(1)) is None


def test_the_origin_is_the_mean_embedding() -> None:
    model = make_vqvae()
    assert torch.equal(model._embeddings(torch.zeros(1, *model.latent_shape))[0].flatten(), model.statistics["mean"])


def test_directions_of_the_data_are_one_deviation_long_and_ordered() -> None:
    model = two_level_vqvae()
    lengths = model.directions("data").vectors.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.linspace(6.0, 3.0, 6))


def test_a_model_that_knows_no_data_has_axes_only() -> None:
    model = make_vqvae(statistics=False)
    assert model.direction_kinds == ("axis",)
    with pytest.raises(SceneError, match="no directions of the kind 'data'"):
        model.direction(Direction("data", 0))


def test_large_points_are_not_offered_as_axes() -> None:
    shape = replace(ONE, size=32, widths=(8, 8), code_width=128)
    assert make_vqvae(shape).direction_kinds == ("data",)
    assert make_vqvae(shape, statistics=False).directions("axis").vectors.shape == (1024, 128, 8, 8)


# --- files ---


@pytest.mark.parametrize("shape", SHAPES)
def test_a_saved_model_draws_and_decodes_the_same_bits(shape: VQVAEShape, tmp_path: Path) -> None:
    model = make_vqvae(shape)
    checkpoint = model.checkpoint()
    write_native(tmp_path / "model.safetensors", checkpoint.config, checkpoint.weights)
    loaded = VQVAEGenerator.build(read_checkpoint(tmp_path / "model.safetensors"), CPU)
    points = torch.stack([loaded.draw(seed) for seed in range(3)])
    assert torch.equal(points, torch.stack([model.draw(seed) for seed in range(3)]))
    assert torch.equal(loaded.decode(points), model.decode(points))


@pytest.mark.parametrize(
    "change",
    [
        {"size": 17},
        {"size": 512},
        {"channels": 2},
        {"widths": []},
        {"widths": [8, 8, 8]},
        {"widths": [9, 8]},
        {"codes": []},
        {"codes": [4, 4, 4]},
        {"codes": [1]},
        {"codes": [10**12]},
        {"codes": None},
        {"code_width": 0},
        {"prior_layers": -1},
        {"prior_layers": 10**9},
        {"prior_heads": 3},
        {"prior_width": 1e400},
        {"prior_width": "many"},
    ],
)
def test_an_impossible_architecture_is_one_sentence(change: dict[str, Any]) -> None:
    checkpoint = make_vqvae().checkpoint()
    config = {**checkpoint.config, "architecture": {**ONE.to_json(), **change}}
    with pytest.raises(CheckpointError, match="describes an impossible VQ-VAE"):
        VQVAEGenerator.build(Checkpoint(config, checkpoint.weights), CPU)


@pytest.mark.parametrize("architecture", [None, [], "large", {}, {"size": 16}])
def test_a_missing_architecture_is_one_sentence(architecture: object) -> None:
    checkpoint = make_vqvae().checkpoint()
    config = {**checkpoint.config, "architecture": architecture}
    with pytest.raises(CheckpointError, match="describes an impossible VQ-VAE"):
        VQVAEGenerator.build(Checkpoint(config, checkpoint.weights), CPU)


@pytest.mark.parametrize("temperature", [0, -1, 11, "warm", None, float("nan")])
def test_an_impossible_temperature_is_one_sentence(temperature: object) -> None:
    with pytest.raises(CheckpointError, match="describes an impossible VQ-VAE"):
        make_vqvae(temperature=temperature)


@pytest.mark.parametrize("name", ["codebooks.0", "decoder.0.weight", "prior.positions", "statistics.mean"])
def test_a_weight_of_the_wrong_shape_is_one_sentence(name: str) -> None:
    checkpoint = make_vqvae().checkpoint()
    weights = {**checkpoint.weights, name: torch.zeros(3)}
    with pytest.raises(CheckpointError, match=f"does not fit its own description: {name} is 3, not"):
        VQVAEGenerator.build(Checkpoint(checkpoint.config, weights), CPU)


@pytest.mark.parametrize("name", ["codebooks.0", "prior.blocks.0.mix_in.weight"])
def test_a_missing_weight_is_one_sentence(name: str) -> None:
    checkpoint = make_vqvae().checkpoint()
    weights = {key: value for key, value in checkpoint.weights.items() if key != name}
    with pytest.raises(CheckpointError, match=f"{name} is absent"):
        VQVAEGenerator.build(Checkpoint(checkpoint.config, weights), CPU)


def test_a_superfluous_weight_is_one_sentence() -> None:
    checkpoint = make_vqvae().checkpoint()
    for name in ("extra", "statistics.extra"):
        with pytest.raises(CheckpointError, match=f"{name} is 2, not absent"):
            VQVAEGenerator.build(Checkpoint(checkpoint.config, {**checkpoint.weights, name: torch.zeros(2)}), CPU)


@pytest.mark.parametrize(
    ("name", "value"),
    [("scale", torch.zeros(1)), ("norm", torch.tensor([1.0, 0.0])), ("usage.0", torch.full((7,), -1.0))],
)
def test_impossible_statistics_are_one_sentence(name: str, value: Tensor) -> None:
    checkpoint = make_vqvae().checkpoint()
    with pytest.raises(CheckpointError, match="is damaged"):
        VQVAEGenerator.build(Checkpoint(checkpoint.config, {**checkpoint.weights, f"statistics.{name}": value}), CPU)


def test_directions_without_deviations_are_one_sentence() -> None:
    checkpoint = make_vqvae().checkpoint()
    weights = {name: value for name, value in checkpoint.weights.items() if name != "statistics.deviations"}
    with pytest.raises(CheckpointError, match=r"statistics\.directions"):
        VQVAEGenerator.build(Checkpoint(checkpoint.config, weights), CPU)


# --- the network ---


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("codes", [(16,), (16, 32)])
def test_every_size_of_picture_has_a_network_of_its_own_shape(size: int, channels: int, codes: tuple[int, ...]) -> None:
    shape = VQVAEShape.of(size, channels, codes, width=8, prior_layers=1, prior_width=32)
    with torch.device("meta"):
        net = VQVAE(shape)
        images = torch.empty(2, channels, size, size)
        embeddings, maps = net.encode(images)
        assert tuple(part.shape[1:] for part in embeddings) == tuple((8, side, side) for side in shape.sides)
        assert net.decode(maps).shape == images.shape


def test_an_architecture_comes_back_from_json_as_it_was() -> None:
    shape = VQVAEShape.of(64, 3, (64, 128))
    assert VQVAEShape.from_json(shape.to_json()) == shape


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_codes(net: VQVAE, count: int) -> tuple[Tensor, ...]:
    return codes_of(tuple(zip(net.shape.sides, net.shape.codes, strict=True)), count)


def codes_of(levels: tuple[tuple[int, int], ...], count: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randint(0, codes, (count, side, side), generator=generator) for side, codes in levels)


def flat(prior: CodePrior, codes: tuple[Tensor, ...]) -> list[Tensor]:
    """The log-probabilities of every cell of the first maps, in the order in which they are drawn."""
    return [cell for logs in prior.log_probabilities(codes) for cell in logs[0].flatten(0, 1)]


def with_change(levels: tuple[tuple[int, int], ...], codes: tuple[Tensor, ...], place: int) -> tuple[Tensor, ...]:
    """The same maps with another code in one cell."""
    changed = [maps.clone() for maps in codes]
    for (side, count), maps in zip(levels, changed, strict=True):
        if place < side * side:
            maps.view(len(maps), -1)[:, place] = (maps.view(len(maps), -1)[:, place] + 1) % count
            return tuple(changed)
        place -= side * side
    raise AssertionError("the cell should exist")


def pictures(count: int, channels: int = 1) -> Tensor:
    return torch.from_numpy(np.array(from_pixels(noise_pictures(count, channels))))
