"""Training learns, can be stopped at any moment, and goes on as if it had never stopped."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import noise_pictures, toy_pictures

from explorer.errors import TrainingError
from explorer.formats import read_checkpoint
from explorer.generators import HasPosterior, open_generator
from explorer.imaging import Preparation
from explorer.nets.vae import VAEShape
from explorer.training import Report, Settings, VAERecipe, train
from explorer.training.loop import _choose
from explorer.training.state import state_path

SHAPE = VAEShape(16, 1, 3, (8, 8))
PICTURES = toy_pictures(24)
HELD_OUT = toy_pictures(6)[::-1].copy()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Six steps of eight pictures, saved and reported after every one of them."""
    return Settings(tmp_path / "model.safetensors", 48, 8, precision="float32", save_seconds=-1.0)


@pytest.mark.slow
def test_training_makes_pictures_it_has_not_seen_more_probable(settings: Settings) -> None:
    recipe = VAERecipe(SHAPE)
    before = recipe.measure(recipe.net, HELD_OUT)["elbo_nats"]
    longer = replace(settings, images=8 * 60, learning_rate=1e-2, average=0.9, save_seconds=1e9)
    *_, last = train(recipe, PICTURES, HELD_OUT, longer, False)
    assert last.measures["elbo_nats"] > before
    assert last.measures["bits_per_dimension_at_most"] < 8.0  # what it takes to know nothing


@pytest.mark.slow
def test_the_loss_goes_down(settings: Settings) -> None:
    losses = [report.losses["loss"] for report in run(replace(settings, images=8 * 24, learning_rate=1e-2))]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])


@pytest.mark.parametrize("couplings", [0, 2])
def test_a_resumed_run_equals_one_that_never_stopped(settings: Settings, tmp_path: Path, couplings: int) -> None:
    shape = replace(SHAPE, couplings=couplings, prior_width=8)
    other = replace(settings, out=tmp_path / "whole.safetensors")
    run(other, shape=shape)
    stop(start(settings, shape=shape), after=3)
    run(settings, resume=True, shape=shape)
    whole, resumed = read_checkpoint(other.out), read_checkpoint(settings.out)
    assert resumed.config == whole.config
    assert all(torch.equal(resumed.weights[name], value) for name, value in whole.weights.items())


def test_a_run_stopped_twice_equals_one_that_never_stopped(settings: Settings, tmp_path: Path) -> None:
    other = replace(settings, out=tmp_path / "whole.safetensors")
    run(other)
    stop(start(settings), after=1)
    stop(start(settings, resume=True), after=2)
    run(settings, resume=True)
    assert settings.out.read_bytes() == other.out.read_bytes()


@pytest.mark.slow
def test_stopping_between_two_saves_keeps_everything(settings: Settings) -> None:
    waiting = replace(settings, images=8 * 4000, save_seconds=1e9)
    iterator = start(waiting)
    first = next(iterator)  # about a second of steps
    iterator.close()
    assert state_path(settings.out).exists()
    assert read_checkpoint(settings.out).config["training"]["images_seen"] == first.images


def test_a_stopped_run_leaves_a_checkpoint_that_opens(settings: Settings) -> None:
    stop(start(settings), after=2)
    assert open_generator(settings.out, "cpu").image_shape == (1, 16, 16)
    assert settings.out.with_suffix(".samples.png").exists()
    assert state_path(settings.out).exists()


def test_a_finished_run_leaves_nothing_to_resume(settings: Settings) -> None:
    run(settings)
    assert not state_path(settings.out).exists()


def test_a_run_that_never_began_leaves_nothing(settings: Settings) -> None:
    start(settings).close()
    assert not settings.out.exists()


def test_the_same_seed_trains_the_same_model(settings: Settings, tmp_path: Path) -> None:
    again = replace(settings, out=tmp_path / "again.safetensors")
    run(settings)
    run(again)
    assert settings.out.read_bytes() == again.out.read_bytes()


def test_reports_count_up_to_the_total(settings: Settings) -> None:
    reports = run(replace(settings, images=45))
    assert [report.images for report in reports] == [8, 16, 24, 32, 40, 45]
    assert {report.total for report in reports} == {45}
    assert reports[-1].seconds_left == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers beyond all bounds
@pytest.mark.parametrize("couplings", [0, 2])
def test_a_run_that_diverges_says_so_and_keeps_the_last_checkpoint(settings: Settings, couplings: int) -> None:
    shape = replace(SHAPE, couplings=couplings, prior_width=8)
    stop(start(settings, shape=shape), after=2)
    kept = settings.out.read_bytes()
    wild = replace(settings, images=8 * 400, learning_rate=1e30, save_seconds=1e9)
    with pytest.raises(TrainingError, match=r"model\.safetensors has diverged"):
        run(wild, resume=True, shape=shape)
    assert settings.out.read_bytes() == kept


def test_nothing_to_resume_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="nothing to resume"):
        run(settings, resume=True)


@pytest.mark.parametrize("damage", [b"", b"nothing", b"\0" * 100])
def test_a_damaged_state_is_one_sentence(settings: Settings, damage: bytes) -> None:
    stop(start(settings), after=2)
    state_path(settings.out).write_bytes(damage)
    with pytest.raises(TrainingError, match="is damaged or of a run with other"):
        run(settings, resume=True)


def test_a_truncated_state_is_one_sentence(settings: Settings) -> None:
    stop(start(settings), after=2)
    state = state_path(settings.out)
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(TrainingError, match="is damaged or of a run with other"):
        run(settings, resume=True)


def test_the_state_of_another_architecture_is_one_sentence(settings: Settings) -> None:
    stop(start(settings), after=2)
    with pytest.raises(TrainingError, match="is damaged or of a run with other"):
        run(settings, resume=True, shape=replace(SHAPE, latent=4))


def test_measures_on_held_out_pictures_are_in_the_checkpoint(settings: Settings) -> None:
    reports = run(settings)
    training = read_checkpoint(settings.out).config["training"]
    assert training["held_out"] == {"images": len(HELD_OUT), **reports[-1].measures}
    assert training["images_seen"] == 48
    assert training["images"] == len(PICTURES)
    assert all(math.isfinite(value) for value in training["held_out"].values())


def test_the_checkpoint_carries_what_is_known_of_the_training_data(settings: Settings) -> None:
    run(settings)
    model = open_generator(settings.out, "cpu")
    covariance = model.data_covariance()
    assert covariance is not None
    assert float(torch.linalg.eigvalsh(covariance.double())[0]) > 0
    assert isinstance(model, HasPosterior)
    assert model.usual_kl_per_dimension() is not None


def test_what_is_told_about_the_model_is_in_the_checkpoint(settings: Settings) -> None:
    about: dict[str, object] = {"name": "Bars", "licence": "CC0", "preparation": Preparation(12, (1, 2, 3)).to_json()}
    run(settings, about=about)
    model = open_generator(settings.out, "cpu")
    assert model.name == "Bars"
    assert model.preparation == Preparation(12, (1, 2, 3))


def test_one_picture_is_enough_to_train_on(settings: Settings) -> None:
    list(train(VAERecipe(SHAPE), PICTURES[:1], PICTURES[:1], settings, False))
    assert open_generator(settings.out, "cpu").data_covariance() is not None


def test_colour_can_be_trained(settings: Settings) -> None:
    shape = replace(SHAPE, channels=3)
    list(train(VAERecipe(shape), noise_pictures(8, 3), noise_pictures(4, 3), settings, False))
    assert open_generator(settings.out, "cpu").image_shape == (3, 16, 16)


def test_a_checkpoint_in_half_precision_opens_and_is_smaller(settings: Settings, tmp_path: Path) -> None:
    half = replace(settings, out=tmp_path / "half.safetensors", half=True)
    run(settings)
    run(half)
    assert half.out.stat().st_size < 0.6 * settings.out.stat().st_size
    assert open_generator(half.out, "cpu").image_shape == (1, 16, 16)


@pytest.mark.parametrize("count", [1, 5, 8, 24, 25])
def test_every_epoch_visits_each_picture_once(settings: Settings, count: int) -> None:
    steps = 3 * count
    seen = np.concatenate([_choose(count, settings, step) for step in range(steps)])
    for epoch in seen[: len(seen) // count * count].reshape(-1, count):
        assert sorted(epoch) == list(range(count))


def test_every_epoch_has_an_order_of_its_own(settings: Settings) -> None:
    order = [_choose(24, settings, step).tolist() for step in range(6)]
    assert order[:3] != order[3:]


def start(
    settings: Settings, resume: bool = False, shape: VAEShape = SHAPE, about: dict[str, object] | None = None
) -> Generator[Report, None, None]:
    return train(VAERecipe(shape, about=about or {}), PICTURES, HELD_OUT, settings, resume)


def run(
    settings: Settings, resume: bool = False, shape: VAEShape = SHAPE, about: dict[str, object] | None = None
) -> list[Report]:
    return list(start(settings, resume, shape, about))


def stop(reports: Generator[Report, None, None], after: int) -> None:
    """Take some reports, then close the run in the middle."""
    for _ in range(after):
        next(reports)
    reports.close()
