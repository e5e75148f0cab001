"""Training a StyleGAN2: the two players, what they are told to watch for, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import toy_pictures

from explorer.cli import main
from explorer.errors import TrainingError
from explorer.generators import open_generator
from explorer.nets.discriminator import Discriminator
from explorer.nets.style_mapping import MappingShape
from explorer.nets.stylegan2 import StyleGAN2Shape
from explorer.training import Settings, StyleGAN2Recipe, train
from explorer.training.augment import AdaptiveAugmentation
from explorer.training.gan_measures import compare, frechet_distance

IMAGES = toy_pictures(40)
HELD_OUT = toy_pictures(16)
LABELS = np.arange(40) % 2
SHAPE = StyleGAN2Shape(8, 8, 2, 1, 16, (16, 8, 8), MappingShape((8, 8), 8, 0.1), noise=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "gan.safetensors", images=64, batch=8, learning_rate=0.0025, precision="float32")


def recipe(**changes: object) -> StyleGAN2Recipe:
    return StyleGAN2Recipe(replace(SHAPE), LABELS, **changes)  # type: ignore[arg-type]


def weights(path: Path) -> dict[str, torch.Tensor]:
    from explorer.formats import read_checkpoint

    return dict(read_checkpoint(path).weights)


@pytest.mark.slow
def test_samples_come_closer_to_the_data(settings: Settings) -> None:
    taught = recipe()
    before = taught.measure(taught.averaged(taught.net), HELD_OUT)["distance"]
    list(train(taught, IMAGES, HELD_OUT, replace(settings, images=1_200, average=0.9), resume=False))
    generator = open_generator(settings.out, "cpu")
    after = generator.config["training"]["held_out"]["distance"]
    assert after < 0.8 * before


def test_a_resumed_run_equals_one_that_never_stopped(settings: Settings, tmp_path: Path) -> None:
    list(train(recipe(is_adaptive=True), IMAGES, HELD_OUT, settings, resume=False))
    stopped = replace(settings, out=tmp_path / "stopped.safetensors")
    reports = train(recipe(is_adaptive=True), IMAGES, HELD_OUT, replace(stopped, save_seconds=0.0), resume=False)
    for report in reports:
        if report.images >= 32:
            break
    reports.close()
    list(train(recipe(is_adaptive=True), IMAGES, HELD_OUT, stopped, resume=True))
    whole, pieces = weights(settings.out), weights(stopped.out)
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


def test_the_checkpoint_opens_with_classes_and_its_mean_style(settings: Settings) -> None:
    list(train(recipe(about={"class_names": ["low", "high"]}), IMAGES, HELD_OUT, settings, resume=False))
    generator = open_generator(settings.out, "cpu")
    assert generator.class_names == ("low", "high")
    assert float(weights(settings.out)["mapping.w_avg"].abs().sum()) > 0


@pytest.mark.parametrize("path_weight", [0.0, 2.0])
def test_both_players_learn(settings: Settings, path_weight: float) -> None:
    taught = recipe(path_weight=path_weight)
    before = {name: value.clone() for name, value in taught.net.state_dict().items()}
    list(train(taught, IMAGES, HELD_OUT, settings, resume=False))
    still = {name for name, value in taught.net.named_parameters() if torch.equal(before[name], value)}
    assert still == set()


def test_a_lost_game_says_so_and_keeps_the_checkpoint(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="has diverged at"):
        list(train(recipe(), IMAGES, HELD_OUT, replace(settings, learning_rate=10.0, images=4_000), resume=False))


def test_the_r1_penalty_is_the_squared_gradient() -> None:
    """For D(x) = <a, x> the gradient is a, whatever x is (Mescheder et al. 2018, eq. 9)."""
    taught = recipe(gamma=2.0)
    slope = torch.randn(1, 16, 16)
    taught.net.discriminator.forward = lambda images, condition: (images * slope).sum((1, 2, 3))  # type: ignore[union-attr,method-assign]
    penalty = taught._r1(taught.net, torch.randn(4, 1, 16, 16), None, torch.Generator())  # type: ignore[arg-type]
    assert float(penalty) == pytest.approx(float(slope.square().sum()), rel=1e-5)


def test_the_discriminator_judges_every_group_of_four_on_its_own() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = Discriminator(1, (16, 8, 8), 0)
    images = torch.randn(8, 1, 16, 16)
    together = critic(images)
    assert torch.allclose(together[:4], critic(images[:4]), atol=1e-5)


def test_augmentation_rises_while_the_discriminator_is_sure_and_falls_again() -> None:
    augment = AdaptiveAugmentation(True)
    for _ in range(200):
        augment.follow(torch.ones(32))
    risen = float(augment.p)
    for _ in range(400):
        augment.follow(torch.randn(32))
    assert 0 < risen <= 0.8
    assert float(augment.p) < risen


def test_without_augmentation_pictures_stay_as_they_are() -> None:
    images = torch.randn(4, 3, 16, 16)
    assert AdaptiveAugmentation(False)(images, torch.Generator()) is images


def test_full_augmentation_changes_every_picture_and_keeps_its_size() -> None:
    augment = AdaptiveAugmentation(True)
    augment.p.fill_(1.0)
    images = torch.rand(4, 3, 16, 16)
    changed = augment(images, torch.Generator().manual_seed(0))
    assert changed.shape == images.shape
    assert bool(((changed - images).abs().amax((1, 2, 3)) > 0.05).all())


def test_the_frechet_distance_of_two_gaussians_is_known() -> None:
    """|m1 - m2|^2 + sum (s1 - s2)^2 for independent features (Dowson and Landau 1982)."""
    generator = torch.Generator().manual_seed(0)
    one = torch.randn(40_000, 3, generator=generator, dtype=torch.float64)
    other = 2 * torch.randn(40_000, 3, generator=generator, dtype=torch.float64) + torch.tensor([1.0, 0.0, 0.0])
    assert frechet_distance(one, other) == pytest.approx(1.0 + 3.0, rel=0.03)
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-9)


def test_a_generator_that_repeats_itself_is_seen() -> None:
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (200, 16, 16, 1), np.uint8)
    collapsed = compare(np.repeat(real[:2], 100, axis=0), real)
    varied = compare(rng.permutation(real), real)
    assert collapsed["diversity"] < 0.6 < 0.95 < varied["diversity"]
    assert collapsed["coverage"] < 0.5 < varied["coverage"]


def test_the_command_trains_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "data.npz", images=IMAGES, labels=LABELS)
    out = tmp_path / "mine.safetensors"
    options = ["--latent", "8", "--widths", "16,8,8", "--batch", "8", "--images", "16", "-o", str(out)]
    assert main(["train", "stylegan2", str(tmp_path / "data.npz"), *options]) == 0
    assert open_generator(out, "cpu").classes == 2
    assert main(["train", "stylegan2", str(tmp_path / "data.npz"), *options, "--resume"]) == 1
    assert "nothing to resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--batch", "6"], "multiple of 4"), (["--widths", "16,8"], "impossible"), (["--widths", "a"], "impossible")],
)
def test_impossible_options_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    np.save(tmp_path / "data.npy", IMAGES)
    assert (
        main(["train", "stylegan2", str(tmp_path / "data.npy"), "-o", str(tmp_path / "a.safetensors"), *options]) == 2
    )
    assert words in capsys.readouterr().err
