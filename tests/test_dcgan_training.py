"""Training a DCGAN: both games, the gradient penalty, and the commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import CPU, toy_pictures
from torch import Tensor, nn

from explorer.cli import app
from explorer.cli.train_dcgan import train_dcgan, train_wgan_gp
from explorer.formats import read_checkpoint
from explorer.generators.dcgan import DCGANGenerator
from explorer.nets.dcgan import DCGANShape
from explorer.training import Settings, train
from explorer.training.dcgan import NON_SATURATING, WASSERSTEIN, DCGANRecipe, Game, gradient_penalty
from explorer.training.loop import descend

IMAGES = toy_pictures(40)
HELD_OUT = toy_pictures(16)
SHAPE = DCGANShape.of(16, 1, 8, 8)
GAMES = {"non-saturating": NON_SATURATING, "wasserstein": replace(WASSERSTEIN, critic_steps=2)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "gan.safetensors", images=64, batch=8, learning_rate=1e-3, precision="float32")


@pytest.fixture(params=GAMES)
def game(request: pytest.FixtureRequest) -> Game:
    return GAMES[request.param]


def weights(path: Path) -> dict[str, Tensor]:
    return dict(read_checkpoint(path).weights)


def test_both_players_learn(settings: Settings, game: Game) -> None:
    taught = DCGANRecipe(SHAPE, game)
    before = {name: value.clone() for name, value in taught.net.state_dict().items()}
    list(train(taught, IMAGES, HELD_OUT, settings, resume=False))
    still = {name for name, value in taught.net.named_parameters() if torch.equal(before[name], value)}
    # A Wasserstein critic's last number cancels out of its loss, and so it rests.
    assert still == ({"critic.main.5.bias"} if game.penalty else set())


def test_a_resumed_run_equals_one_that_never_stopped(settings: Settings, game: Game, tmp_path: Path) -> None:
    list(train(DCGANRecipe(SHAPE, game), IMAGES, HELD_OUT, settings, resume=False))
    stopped = replace(settings, out=tmp_path / "stopped.safetensors")
    reports = train(DCGANRecipe(SHAPE, game), IMAGES, HELD_OUT, replace(stopped, save_seconds=0.0), resume=False)
    for report in reports:
        if report.images >= 24:
            break
    reports.close()
    list(train(DCGANRecipe(SHAPE, game), IMAGES, HELD_OUT, stopped, resume=True))
    whole, pieces = weights(settings.out), weights(stopped.out)
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


def test_the_checkpoint_opens_and_says_which_game_it_was(settings: Settings, game: Game) -> None:
    list(train(DCGANRecipe(SHAPE, game), IMAGES, HELD_OUT, settings, resume=False))
    checkpoint = read_checkpoint(settings.out)
    model = DCGANGenerator.build(checkpoint, CPU)
    assert model.image_shape == (1, 16, 16)
    assert checkpoint.config["training"]["loss"] == game.name


def test_the_checkpoint_has_statistics_of_the_averaged_weights(settings: Settings) -> None:
    """Its first features have the mean and variance that its batch norm says."""
    list(train(DCGANRecipe(SHAPE, NON_SATURATING), IMAGES, HELD_OUT, settings, resume=False))
    net = DCGANGenerator.build(read_checkpoint(settings.out), CPU).net
    points = torch.randn(8_000, 8, generator=torch.Generator().manual_seed(9))
    features = net.main[0](points[:, :, None, None])
    torch.testing.assert_close(net.main[1].running_var, features.var((0, 2, 3)), rtol=0.15, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
def test_samples_come_closer_to_the_data(settings: Settings, name: str) -> None:
    taught = DCGANRecipe(SHAPE, GAMES[name])
    before = taught.measure(taught.averaged(taught.net), HELD_OUT)["distance"]
    list(train(taught, IMAGES, HELD_OUT, replace(settings, images=2_400, average=0.9), resume=False))
    after = read_checkpoint(settings.out).config["training"]["held_out"]["distance"]
    assert after < 0.6 * before


def test_the_penalty_of_a_linear_critic_is_that_of_its_slope() -> None:
    """For D(x) = <a, x> the gradient is a everywhere, so the penalty is (|a| - 1)^2 (Gulrajani et al. 2017, eq. 3)."""
    slope = torch.randn(1, 16, 16)
    real, fake = torch.randn(4, 1, 16, 16), torch.randn(4, 1, 16, 16)
    found = gradient_penalty(lambda x: (x * slope).sum((1, 2, 3)), real, fake, torch.Generator().manual_seed(0))
    assert float(found) == pytest.approx((float(slope.norm()) - 1) ** 2, rel=1e-5)


def test_the_penalty_is_taken_between_real_and_generated_pictures() -> None:
    """For D(x) = |x|^2 / 2 the gradient is x itself, whose length lies between those of both."""
    real, fake = torch.full((64, 1, 2, 2), 1.0), torch.full((64, 1, 2, 2), 2.0)
    lengths: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        lengths.append(x.detach().flatten(1).norm(dim=1))
        return x.square().sum((1, 2, 3)) / 2

    found = gradient_penalty(critic, real, fake, torch.Generator().manual_seed(0))
    assert 2.0 <= float(lengths[0].min()) < 2.2 < 3.8 < float(lengths[0].max()) <= 4.0
    assert float(found.detach()) == pytest.approx(float((lengths[0] - 1).square().mean()), rel=1e-5)


def test_the_penalty_teaches_the_critic() -> None:
    scale = torch.tensor(3.0, requires_grad=True)
    images = torch.ones(2, 1, 1, 1)
    found = gradient_penalty(lambda x: (scale * x).sum((1, 2, 3)), images, images, torch.Generator())
    (slope,) = torch.autograd.grad(found, scale)
    assert float(slope) == pytest.approx(2 * (3.0 - 1.0))


@pytest.mark.slow
def test_the_loss_of_the_critic_is_the_distance_of_two_known_distributions() -> None:
    """The Wasserstein distance of a distribution and the same moved by m is |m|.

    A penalty of weight w lets the slope s rise above 1 until s |m| - w (s - 1)^2 is greatest: s = 1 + |m| / (2 w).
    """
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(critic.parameters(), 5e-3, betas=WASSERSTEIN.betas)
    draws = torch.Generator().manual_seed(0)
    found = []
    for step in range(800):
        real, fake = (0.3 * torch.randn(128, 2, 1, 1, generator=draws) for _ in range(2))
        fake = fake + torch.tensor([1.2, 1.6])[:, None, None]
        distance = -WASSERSTEIN.critic_loss(critic(real), critic(fake))
        descend(WASSERSTEIN.penalty * gradient_penalty(critic, real, fake, draws) - distance, optimizer)
        found += [float(distance.detach())] if step >= 600 else []
    assert np.mean(found) == pytest.approx(2.0 * (1 + 2.0 / (2 * WASSERSTEIN.penalty)), rel=0.03)


def test_the_non_saturating_losses_are_those_of_the_paper() -> None:
    """-log D(x) - log(1 - D(G(z))) and -log D(G(z)) with D = sigmoid of the score (Goodfellow et al. 2014)."""
    real, fake = torch.tensor([0.3, -1.0]), torch.tensor([0.7, 2.0])
    chance = torch.sigmoid
    expected = -chance(real).log().mean() - (1 - chance(fake)).log().mean()
    assert float(NON_SATURATING.critic_loss(real, fake)) == pytest.approx(float(expected), rel=1e-5)
    assert float(NON_SATURATING.generator_loss(fake)) == pytest.approx(float(-chance(fake).log().mean()), rel=1e-5)


def test_the_game_of_wasserstein_is_that_of_algorithm_1() -> None:
    assert (WASSERSTEIN.penalty, WASSERSTEIN.critic_steps, WASSERSTEIN.betas) == (10.0, 5, (0.0, 0.9))
    assert WASSERSTEIN.norm != "batch"


def test_a_rate_far_too_large_says_so(settings: Settings, game: Game) -> None:
    from explorer.errors import TrainingError

    with pytest.raises(TrainingError, match="has diverged at"):
        list(train(DCGANRecipe(SHAPE, game), IMAGES, HELD_OUT, replace(settings, learning_rate=1e30), resume=False))


# --- the commands ---


def ask(*arguments: str) -> int:
    """Run a command as the command line does, also where it is not among the program's yet."""
    import typer
    from typer.main import get_command

    from explorer.cli.telling import guarded

    alone = typer.Typer()
    alone.command("dcgan")(guarded(train_dcgan))
    alone.command("wgan-gp")(guarded(train_wgan_gp))
    assert app is not None
    try:
        get_command(alone).main(args=list(arguments), obj=arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize("command", ["dcgan", "wgan-gp"])
def test_the_commands_train_and_resume(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "data.npy", IMAGES)
    out = tmp_path / "mine.safetensors"
    options = ["--latent", "8", "--width", "8", "--batch", "8", "--images", "16", "-o", str(out)]
    assert ask(command, str(tmp_path / "data.npy"), *options) == 0
    assert DCGANGenerator.build(read_checkpoint(out), CPU).image_shape == (1, 16, 16)
    assert ask(command, str(tmp_path / "data.npy"), *options, "--resume") == 1
    assert "nothing to resume" in capsys.readouterr().err


def test_an_impossible_size_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "data.npy", IMAGES)
    out = str(tmp_path / "a.safetensors")
    assert ask("dcgan", str(tmp_path / "data.npy"), "--size", "48", "-o", out) == 2
    assert "size should be 16, 32, 64 or 128" in capsys.readouterr().err
