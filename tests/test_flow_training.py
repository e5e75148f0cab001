"""Flows learn, go on where they were stopped, and their checkpoints carry what is known of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import CPU, toy_pictures
from typer.testing import CliRunner

from explorer.formats import read_checkpoint
from explorer.generators.flow import FlowGenerator, GlowGenerator, RealNVPGenerator
from explorer.nets.glow import Glow, GlowShape
from explorer.nets.realnvp import RealNVPShape
from explorer.scene import from_json
from explorer.training import Report, Settings, train
from explorer.training.flows import FlowRecipe, principal_codes

GLOW = GlowShape(16, 1, (1, 1), (8, 8), "affine", "tanh")
REALNVP = RealNVPShape(16, 1, (2,), (8,))
PICTURES = toy_pictures(24)
HELD_OUT = toy_pictures(6)[::-1].copy()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Six steps of eight pictures, saved and reported after every one of them."""
    return Settings(tmp_path / "model.safetensors", 48, 8, precision="float32", save_seconds=-1.0)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [GLOW, REALNVP])
def test_training_makes_pictures_it_has_not_seen_more_probable(
    settings: Settings, shape: GlowShape | RealNVPShape
) -> None:
    recipe = FlowRecipe(shape)
    before = recipe.measure(recipe.net, HELD_OUT)["bits_per_dimension"]
    longer = replace(settings, images=8 * 60, learning_rate=1e-2, average=0.9, save_seconds=1e9)
    *_, last = train(recipe, PICTURES, HELD_OUT, longer, False)
    assert last.measures["bits_per_dimension"] < min(before, 8.0)  # what it takes to know nothing


@pytest.mark.slow
@pytest.mark.parametrize("shape", [GLOW, REALNVP])
def test_a_resumed_run_equals_one_that_never_stopped(
    settings: Settings, tmp_path: Path, shape: GlowShape | RealNVPShape
) -> None:
    other = replace(settings, out=tmp_path / "whole.safetensors")
    run(other, shape)
    stopped = start(settings, shape)
    for _ in range(3):
        next(stopped)
    stopped.close()  # type: ignore[attr-defined]  # it is a generator
    list(train(FlowRecipe(shape), PICTURES, HELD_OUT, settings, True))
    assert settings.out.read_bytes() == other.out.read_bytes()


def test_the_first_step_normalises_the_layers_and_no_later_one_does(settings: Settings) -> None:
    recipe = FlowRecipe(GLOW)
    next(train(recipe, PICTURES, HELD_OUT, replace(settings, learning_rate=1e-8), False))
    assert isinstance(recipe.net, Glow)
    first = recipe.net.levels[0].layers[1].shift.detach().clone()  # type: ignore[union-attr, index]  # an actnorm
    assert float(first.abs().max()) > 0.01
    again = FlowRecipe(GLOW)
    list(train(again, PICTURES, HELD_OUT, replace(settings, learning_rate=1e-8), False))
    torch.testing.assert_close(again.net.levels[0].layers[1].shift.detach(), first, atol=1e-5, rtol=0)  # type: ignore[union-attr, index]


def test_a_checkpoint_opens_and_carries_directions_and_likelihoods(settings: Settings) -> None:
    run(settings, GLOW)
    model = opened(settings.out)
    usual = model.usual_likelihood()
    assert usual is not None
    assert bool((usual[1:] >= usual[:-1]).all())
    assert model.direction_kinds == ("data", "decoder", "axis")
    assert len(model.statistics["directions"]) == 24  # as many as pictures


def test_usual_likelihoods_are_those_of_the_held_out_pictures(settings: Settings) -> None:
    run(settings, GLOW)
    model, usual = opened(settings.out), opened(settings.out).usual_likelihood()
    assert usual is not None
    images = torch.from_numpy(HELD_OUT).permute(0, 3, 1, 2).float() / 127.5 - 1
    nats = model.log_likelihood(images)
    torch.testing.assert_close(torch.stack([nats.min(), nats.max()]), usual[[0, 100]], atol=0.1, rtol=1e-4)


def test_the_measure_is_in_the_checkpoint(settings: Settings) -> None:
    reports = run(settings, GLOW)
    told = read_checkpoint(settings.out).config["training"]["held_out"]
    assert told == reports[-1].measures
    nats = told["log_likelihood_nats"]
    assert told["bits_per_dimension"] == pytest.approx(-nats / 256 / np.log(2), abs=1e-3)


def test_a_model_opens_at_a_temperature_below_one(settings: Settings) -> None:
    run(settings, GLOW)
    assert from_json(read_checkpoint(settings.out).config["start"]).latent.truncation == 0.7


def test_a_checkpoint_in_half_precision_is_still_exactly_invertible(settings: Settings) -> None:
    run(replace(settings, half=True), GLOW)
    model = opened(settings.out)
    images = torch.from_numpy(PICTURES[:4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    torch.testing.assert_close(model.decode(model.encode(images)), images, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [5, 40])
def test_principal_codes_are_the_axes_of_a_stretched_cloud(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(count, 20, generator=generator) * 0.01
    codes[:, 3] += torch.linspace(-5, 5, count)
    directions, deviations = principal_codes(codes)
    assert int(directions[0].argmax()) == 3
    assert float(directions[0, 3]) == pytest.approx(1.0, abs=1e-2)
    assert float(deviations[0]) == pytest.approx(float(codes[:, 3].std(correction=0)), rel=1e-3)
    torch.testing.assert_close(directions @ directions.T, torch.eye(len(directions)), atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["glow", "realnvp"])
def test_a_flow_is_trained_by_its_command(tmp_path: Path, command: str) -> None:
    import typer

    from explorer.cli.train_glow import train_glow, train_realnvp

    np.save(tmp_path / "bars.npy", toy_pictures(12)[..., 0])
    app = typer.Typer()
    app.command("glow")(train_glow)
    app.command("realnvp")(train_realnvp)
    out = tmp_path / "flow.safetensors"
    told = ["--size", "16", "--levels", "2", "--steps", "1,1", "--width", "8", "--images", "8", "--batch", "4"]
    result = CliRunner().invoke(app, [command, str(tmp_path / "bars.npy"), *told, "--threads", "1", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert opened(out).image_shape == (1, 16, 16)


@pytest.mark.parametrize("steps", ["0", "1,2", "many", "1,2,3,4"])
def test_steps_that_do_not_fit_the_levels_are_refused(steps: str) -> None:
    import typer

    from explorer.cli.train_glow import _per_level

    with pytest.raises(typer.BadParameter, match="a number, or 3"):
        _per_level(steps, 3, 1, "--steps")


def start(settings: Settings, shape: GlowShape | RealNVPShape) -> Iterator[Report]:
    return train(FlowRecipe(shape), PICTURES, HELD_OUT, settings, False)


def run(settings: Settings, shape: GlowShape | RealNVPShape) -> list[Report]:
    return list(start(settings, shape))


def opened(path: Path) -> FlowGenerator:
    checkpoint: Any = read_checkpoint(path)
    family = {"glow": GlowGenerator, "realnvp": RealNVPGenerator}[checkpoint.config["family"]]
    return family.build(checkpoint, CPU)
