"""Branches of a run as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explorer.runs import (
    change_condition,
    change_paint,
    change_sampling,
    common_steps,
    effective,
    paint_at,
    without_turn,
)
from explorer.scene import Condition, Denoising, ImageFile, Latent, Sampling, Scene, Seed, Turn

WHOLE = Scene(denoising=Denoising(Sampling("ddim", 10, guidance=2.0)))
STRONGER = Sampling("ddim", 10, guidance=5.0)
BAG = Condition(((8, 1.0),))


def test_without_a_step_the_whole_run_changes() -> None:
    assert change_sampling(WHOLE, STRONGER, None) == Scene(denoising=Denoising(STRONGER))
    assert change_condition(WHOLE, BAG, None) == replace(WHOLE, condition=BAG)


@pytest.mark.parametrize(("step", "guidance"), [(0, 2.0), (3, 2.0), (4, 5.0), (9, 5.0)])
def test_a_change_holds_from_its_step_on(step: int, guidance: float) -> None:
    branch = change_sampling(WHOLE, STRONGER, 4)
    assert effective(branch, step)[0].guidance == guidance


def test_a_later_turn_keeps_what_it_does_not_name() -> None:
    branch = change_condition(change_sampling(WHOLE, STRONGER, 4), BAG, 6)
    assert effective(branch, 5) == (STRONGER, Condition())
    assert effective(branch, 8) == (STRONGER, BAG)


def test_turns_are_kept_in_their_order() -> None:
    branch = change_condition(change_sampling(WHOLE, STRONGER, 6), BAG, 2)
    assert [turn.step for turn in branch.denoising.turns] == [2, 6]


def test_the_number_of_steps_is_that_of_the_whole_run() -> None:
    branch = change_sampling(WHOLE, replace(STRONGER, steps=50, spacing="karras"), 4)
    sampling, _ = effective(branch, 9)
    assert (sampling.steps, sampling.spacing) == (10, "")


def test_two_changes_at_one_step_are_one_turn() -> None:
    branch = change_condition(change_sampling(WHOLE, STRONGER, 4), BAG, 4)
    assert branch.denoising.turns == (Turn(4, STRONGER, BAG),)


def test_paint_is_of_its_step_alone() -> None:
    paint = ImageFile("paint.png", "0" * 64)
    branch = change_paint(WHOLE, paint, 5)
    assert [paint_at(branch, step) for step in (4, 5, 6)] == [None, paint, None]


def test_taking_all_paint_away_leaves_no_turn() -> None:
    branch = change_paint(WHOLE, ImageFile("paint.png"), 5)
    assert change_paint(branch, None, 5) == WHOLE


def test_a_turn_can_be_taken_out() -> None:
    assert without_turn(change_sampling(WHOLE, STRONGER, 4), 4) == WHOLE


@pytest.mark.parametrize("step", [0, 1, 4, 9])
def test_a_branch_shares_the_steps_before_it(step: int) -> None:
    assert common_steps(WHOLE, change_sampling(WHOLE, STRONGER, step), 10) == step


def test_equal_runs_share_all_steps() -> None:
    assert common_steps(WHOLE, WHOLE, 10) == 10


def test_runs_of_other_noise_share_nothing() -> None:
    other = replace(WHOLE, latent=Latent(((Seed(1), 1.0),)))
    assert common_steps(WHOLE, other, 10) == 0


def test_runs_of_another_number_of_steps_share_nothing() -> None:
    assert common_steps(WHOLE, change_sampling(WHOLE, replace(STRONGER, steps=20), None), 10) == 0


def test_paint_divides_runs_at_its_step() -> None:
    assert common_steps(WHOLE, change_paint(WHOLE, ImageFile("paint.png"), 3), 10) == 3
