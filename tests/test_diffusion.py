"""The maths of diffusion, without networks: Gaussian data have a perfect denoiser, a solved flow, a known density."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.diffusion import (
    PREDICTION_TYPES,
    SAMPLERS,
    CosineSchedule,
    DiscreteSchedule,
    FlowSchedule,
    KarrasSchedule,
    Level,
    Predict,
    Prediction,
    Schedule,
    Step,
    boundary_scalings,
    clipped,
    cosine_alphas_cumprod,
    cumulative,
    decibels,
    denoise,
    edm_scalings,
    guide,
    invert,
    linear_betas,
    log_likelihood,
    noised,
    rescale_betas_zero_snr,
    samplers_for,
    scale_at,
    scaled_linear_betas,
    sigmoid_alphas_cumprod,
    sigmoid_betas,
)
from explorer.errors import SceneError

GOLDEN: Final = Path(__file__).resolve().parents[2] / "shared" / "goldens" / "diffusers_ddpm_tiny"
MEAN, DEVIATION = 0.4, 0.5  # of the Gaussian data

LINEAR = DiscreteSchedule(cumulative(linear_betas()))
STABLE = DiscreteSchedule(cumulative(scaled_linear_betas()), "leading", 1, set_alpha_to_one=False)
COSINE = DiscreteSchedule(cosine_alphas_cumprod(), "trailing")
ZERO_SNR = DiscreteSchedule(cumulative(rescale_betas_zero_snr(scaled_linear_betas())), "trailing")
SCHEDULES: Final[dict[str, Schedule]] = {
    "linear": LINEAR,
    "stable": STABLE,
    "cosine": COSINE,
    "zero snr": ZERO_SNR,
    "continuous cosine": CosineSchedule(),
    "karras": KarrasSchedule(),
    "flow": FlowSchedule(),
    "shifted flow": FlowSchedule(3.0),
}
ALL_SCHEDULES = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
EVERY_RUN = [(s, sampler) for s in SCHEDULES for sampler in samplers_for(SCHEDULES[s])]


def ideal(noisy: Tensor, level: Level) -> Prediction:
    """The mean of x_0 given x_t, for data N(MEAN, DEVIATION^2)."""
    variance = (level.alpha * DEVIATION) ** 2 + level.sigma**2
    apart = noisy - level.alpha * MEAN
    clean = MEAN + level.alpha * DEVIATION**2 / variance * apart
    return Prediction(clean, level.sigma / variance * apart)


def spread(level: Level) -> float:
    return math.hypot(level.alpha * DEVIATION, level.sigma)


def solution(noisy: Tensor, here: Level, there: Level = Level(0, 1, 0)) -> Tensor:  # noqa: B008, a frozen value
    """Where the probability flow carries x_t: it keeps the distance from the mean in standard deviations."""
    return there.alpha * MEAN + spread(there) * (noisy - here.alpha * MEAN) / spread(here)


def start(schedule: Schedule, count: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 4, 4, dtype=torch.float64, generator=generator) * schedule.start_scale


def fresh_like(noisy: Tensor) -> Callable[[int], Tensor]:
    def fresh(index: int) -> Tensor:
        generator = torch.Generator().manual_seed(1000 + index)
        return torch.randn(noisy.shape, dtype=noisy.dtype, generator=generator)

    return fresh


def last(steps: Iterator[Step]) -> Tensor:
    *_, step = steps
    return step.result


def error(schedule: Schedule, sampler: str, steps: int, spacing: str) -> float:
    """At the last level with noise: how much a table has there does not fall with the steps."""
    levels, noisy = schedule.levels(steps, spacing), start(schedule)
    result = last(denoise(ideal, noisy, levels, sampler, last=steps - 1))
    return float((result - solution(noisy, levels[0], levels[-2])).abs().max())


# --- tables and schedules ---


@pytest.mark.slow
def test_the_tables_are_those_of_diffusers() -> None:
    from diffusers import DDPMScheduler

    kinds = {
        "linear": (1e-4, 0.02, cumulative(linear_betas(1e-4, 0.02))),
        "scaled_linear": (0.00085, 0.012, cumulative(scaled_linear_betas(0.00085, 0.012))),
        "squaredcos_cap_v2": (1e-4, 0.02, cosine_alphas_cumprod()),
        "sigmoid": (1e-4, 0.02, cumulative(sigmoid_betas(1e-4, 0.02))),
    }
    for kind, (first, end, ours) in kinds.items():
        theirs = DDPMScheduler(beta_start=first, beta_end=end, beta_schedule=kind).alphas_cumprod
        torch.testing.assert_close(torch.tensor(ours), theirs, atol=1e-6, rtol=0, msg=kind)


def test_rescaling_leaves_no_signal_at_the_end_and_is_that_of_diffusers() -> None:
    from diffusers import DDPMScheduler

    betas = scaled_linear_betas(0.00085, 0.012)
    ours = cumulative(rescale_betas_zero_snr(betas))
    theirs = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    ).alphas_cumprod
    assert ours[-1] == 0.0
    assert ours[0] == pytest.approx(1 - betas[0])
    torch.testing.assert_close(torch.tensor(ours), theirs, atol=1e-6, rtol=0)


def test_a_sigmoid_table_falls_from_all_of_the_signal_to_none() -> None:
    table = sigmoid_alphas_cumprod()
    assert table[0] > 0.99
    assert table[-1] < 1e-3
    assert all(after < before for before, after in itertools.pairwise(table))


@pytest.mark.parametrize("steps", [2, 7, 8, 20, 30, 50, 999])
@pytest.mark.parametrize(("spacing", "offset"), [("leading", 0), ("leading", 1), ("trailing", 0), ("linspace", 0)])
def test_the_times_of_a_run_are_those_of_diffusers(spacing: str, offset: int, steps: int) -> None:
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(timestep_spacing=spacing, steps_offset=offset)
    theirs.set_timesteps(steps)
    ours = DiscreteSchedule(LINEAR.alphas_cumprod, spacing, offset).times(steps)
    assert list(ours) == theirs.timesteps.tolist()


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 50])
def test_the_times_of_a_latent_consistency_model_are_those_of_diffusers(steps: int) -> None:
    from diffusers import LCMScheduler

    theirs = LCMScheduler(original_inference_steps=50)
    theirs.set_timesteps(steps)
    assert list(DiscreteSchedule(STABLE.alphas_cumprod, "lcm").times(steps)) == theirs.timesteps.tolist()


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace", "lcm"])
def test_a_single_step_starts_from_the_most_noise(spacing: str) -> None:
    assert DiscreteSchedule(LINEAR.alphas_cumprod, spacing).times(1) == (999,)


@pytest.mark.parametrize(("schedule", "most"), [(LINEAR, 1000), (DiscreteSchedule(LINEAR.alphas_cumprod, "lcm"), 50)])
def test_more_steps_than_a_model_has_levels_are_refused(schedule: DiscreteSchedule, most: int) -> None:
    with pytest.raises(SceneError, match=f"Choose 1 to {most} steps"):
        schedule.levels(most + 1)


@pytest.mark.parametrize("spacing", ["", "uniform", "karras"])
@pytest.mark.parametrize("steps", [1, 2, 10, 40])
@ALL_SCHEDULES
def test_the_levels_of_a_run_lose_noise_and_end_without(schedule: Schedule, steps: int, spacing: str) -> None:
    levels = schedule.levels(steps, spacing)
    assert len(levels) == steps + 1
    assert all(after.ratio < before.ratio for before, after in itertools.pairwise(levels))
    assert (levels[-1].alpha, levels[-1].sigma) == (1.0, 0.0) or levels[-1].is_end
    assert all(math.isfinite(number) for level in levels for number in (level.time, level.alpha, level.sigma))


@ALL_SCHEDULES
def test_levels_are_of_the_kind_of_their_schedule(schedule: Schedule) -> None:
    first, end = schedule.time_range
    for part in (0.0, 0.1234, 0.5, 0.9, 1.0):
        level = schedule.level(first + part * (end - first))
        sum_of = {
            "vp": math.hypot(level.alpha, level.sigma),
            "ve": level.alpha,
            "flow": level.alpha + level.sigma,
        }
        assert sum_of[schedule.kind] == pytest.approx(1, abs=1e-12)


@ALL_SCHEDULES
def test_a_level_is_found_again_by_its_noise(schedule: Schedule) -> None:
    first, end = schedule.time_range
    for part in (0.001, 0.1234, 0.5, 0.9, 0.9995, 1.0):
        level = schedule.level(first + part * (end - first))
        found = schedule.level_of_sigma(level.ratio)
        assert found.time == pytest.approx(level.time, abs=1e-6 * abs(first))
        assert found.ratio == pytest.approx(level.ratio, rel=1e-6)


@ALL_SCHEDULES
def test_noise_beyond_a_schedule_is_its_own_end(schedule: Schedule) -> None:
    first, end = (schedule.level(time) for time in schedule.time_range)
    assert schedule.level_of_sigma(1e12).ratio == pytest.approx(first.ratio) or first.alpha == 0
    assert schedule.level_of_sigma(math.inf).sigma == pytest.approx(first.sigma)
    assert schedule.level_of_sigma(0.0).ratio == pytest.approx(end.ratio)


def test_between_two_times_the_log_of_the_ratio_is_a_straight_line() -> None:
    before, after = LINEAR.level(500), LINEAR.level(501)
    assert LINEAR.level(500.25).log_snr == pytest.approx(0.75 * before.log_snr + 0.25 * after.log_snr)


def test_next_to_pure_noise_levels_are_finite_and_in_order() -> None:
    ratios = [ZERO_SNR.level(time).ratio for time in (998.0, 998.25, 998.75, 999.0)]
    assert ratios == sorted(ratios)
    assert ratios[-1] == math.inf


def test_karras_levels_are_those_of_the_paper() -> None:
    levels = KarrasSchedule().levels(18)
    steps = np.arange(18) / 17
    expected = (80 ** (1 / 7) + steps * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose([level.sigma for level in levels], [*expected, 0.0], rtol=1e-12)
    np.testing.assert_allclose([level.time for level in levels[:-1]], np.log(expected) / 4, rtol=1e-9)


@pytest.mark.parametrize(("time", "told"), [("sigma", 2.0), ("log_half", 0.0), ("scaled_quarter_log", 173.2868)])
def test_a_network_is_told_the_noise_in_its_own_unit(time: str, told: float) -> None:
    schedule = KarrasSchedule(time=time)
    assert schedule.level_of_sigma(2.0).time == pytest.approx(told)
    assert schedule.level(told).sigma == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("steps", [1, 4, 28])
def test_the_times_of_flow_matching_are_those_of_diffusers(shift: float, steps: int) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    theirs.set_timesteps(steps)
    levels = FlowSchedule(shift).levels(steps)
    np.testing.assert_allclose([level.sigma for level in levels], theirs.sigmas, atol=1e-6)
    np.testing.assert_allclose([level.time for level in levels[:-1]], theirs.timesteps, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 4, 40])
def test_the_levels_of_a_consistency_model_are_those_of_diffusers(steps: int) -> None:
    from diffusers import CMStochasticIterativeScheduler

    theirs = CMStochasticIterativeScheduler()
    theirs.set_timesteps(steps)
    levels = KarrasSchedule(time="scaled_quarter_log", train_steps=40).levels(steps)[:-1]
    np.testing.assert_allclose([level.sigma for level in levels], theirs.sigmas[:-1], rtol=1e-5)
    np.testing.assert_allclose([level.time for level in levels], theirs.timesteps, rtol=1e-5)


@ALL_SCHEDULES
def test_a_run_starts_with_the_spread_of_noisy_data(schedule: Schedule) -> None:
    for spacing in ("", "karras"):
        assert schedule.start_scale == pytest.approx(spread(schedule.levels(20, spacing)[0]), rel=0.02)


# --- predictions ---


@pytest.mark.parametrize("level", [COSINE.level(0), COSINE.level(500), FlowSchedule().level(300), Level(1, 1, 7.0)])
@pytest.mark.parametrize("kind", PREDICTION_TYPES)
def test_every_prediction_gives_the_picture_and_the_noise_back(kind: str, level: Level) -> None:
    clean, noise = start(LINEAR, seed=1), start(LINEAR, seed=2)
    raw = {
        "epsilon": noise,
        "sample": clean,
        "v_prediction": level.alpha * noise - level.sigma * clean,
        "flow": noise - clean,
        "edm": clean,
    }[kind]
    prediction = PREDICTION_TYPES[kind](raw, noised(clean, noise, level), level)
    torch.testing.assert_close(prediction.clean, clean)
    torch.testing.assert_close(prediction.noise, noise)


@pytest.mark.parametrize("level", [Level(0, 0, 1), Level(0, 1, 0)], ids=["only noise", "no noise"])
@pytest.mark.parametrize("kind", PREDICTION_TYPES)
def test_predictions_are_finite_at_both_ends(kind: str, level: Level) -> None:
    prediction = PREDICTION_TYPES[kind](start(LINEAR, seed=1), start(LINEAR, seed=2), level)
    assert prediction.clean.isfinite().all()
    assert prediction.noise.isfinite().all()


def test_preconditioning_keeps_the_variances_at_one() -> None:
    """Karras et al. 2022, section 5: of the network's input, and of its target."""
    for sigma in (0.002, 0.5, 80.0):
        skip, out, into, told = edm_scalings(sigma, 0.5)
        assert into**2 * (sigma**2 + 0.25) == pytest.approx(1)
        assert ((1 - skip) ** 2 * 0.25 + skip**2 * sigma**2) / out**2 == pytest.approx(1)
        assert told == pytest.approx(math.log(sigma) / 4)


def test_a_consistency_function_leaves_a_nearly_clean_picture_as_it_is() -> None:
    assert boundary_scalings(0.002) == (1.0, 0.0)


def test_clipping_keeps_the_noise_unless_it_is_asked_to_fit() -> None:
    level, noisy = COSINE.level(400), 3 * start(COSINE)
    prediction = ideal(noisy, level)
    kept, fitted = clipped(prediction, noisy, level), clipped(prediction, noisy, level, recompute_noise=True)
    assert float(kept.clean.abs().max()) == 1.0
    assert torch.equal(kept.noise, prediction.noise)
    torch.testing.assert_close(noised(fitted.clean, fitted.noise, level), noisy)


# --- samplers, by theory ---


@pytest.mark.parametrize(
    ("sampler", "order"), [("ddim", 1), ("euler", 1), ("flow_euler", 1), ("heun", 2), ("dpm++2m", 2)]
)
@pytest.mark.parametrize(
    ("schedule", "spacing"),
    [
        (COSINE, "karras"),
        (STABLE, "karras"),
        (CosineSchedule(), "uniform"),
        (KarrasSchedule(), "karras"),
        (FlowSchedule(), "uniform"),
        (FlowSchedule(), "karras"),
    ],
    ids=["table", "stable", "cosine", "karras", "flow", "flow spaced by karras"],
)
def test_the_error_of_a_sampler_falls_by_its_order(schedule: Schedule, spacing: str, sampler: str, order: int) -> None:
    if sampler not in samplers_for(schedule):
        pytest.skip(f"{sampler} is not for this kind of schedule")
    few, more, many = (error(schedule, sampler, steps, spacing) for steps in (160, 320, 640))
    found = min(math.log2(few / more), math.log2(more / many))
    assert found > order - 0.4
    assert found < 1.4 or order == 2  # an error that changes its sign falls faster on the way


@pytest.mark.parametrize(("name", "sampler"), EVERY_RUN)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_every_run_is_finite_keeps_float64_and_ends_at_its_last_prediction(name: str, sampler: str, steps: int) -> None:
    schedule = SCHEDULES[name]
    noisy = start(schedule)
    *_, end = denoise(ideal, noisy, schedule.levels(steps), sampler, fresh=fresh_like(noisy))
    assert end.index == steps - 1
    assert end.result.isfinite().all()
    assert end.result.dtype == torch.float64
    if end.there.sigma == 0:
        torch.testing.assert_close(end.result, end.clean)
    else:
        assert (sampler, name) == ("ddim", "stable")


@pytest.mark.parametrize(("name", "sampler"), EVERY_RUN)
def test_a_batch_is_its_pictures_one_by_one(name: str, sampler: str) -> None:
    schedule = SCHEDULES[name]
    noisy, levels = start(schedule), schedule.levels(6)
    fresh = fresh_like(noisy)
    whole = last(denoise(ideal, noisy, levels, sampler, fresh=fresh))
    for i in range(len(noisy)):

        def own(index: int, i: int = i) -> Tensor:
            return fresh(index)[i : i + 1]

        torch.testing.assert_close(last(denoise(ideal, noisy[i : i + 1], levels, sampler, fresh=own)), whole[i : i + 1])


@pytest.mark.parametrize(("name", "sampler"), EVERY_RUN)
def test_a_run_goes_on_from_a_kept_step_as_if_it_had_not_stopped(name: str, sampler: str) -> None:
    schedule = SCHEDULES[name]
    noisy, levels = start(schedule), schedule.levels(8)
    fresh = fresh_like(noisy)
    whole = list(denoise(ideal, noisy, levels, sampler, fresh=fresh))
    kept = whole[3]
    rest = list(denoise(ideal, kept.result, levels, sampler, fresh=fresh, before=kept, first=4))
    assert [step.index for step in rest] == [4, 5, 6, 7]
    assert torch.equal(rest[-1].result, whole[-1].result)


def test_a_run_can_end_early() -> None:
    noisy, levels = start(COSINE), COSINE.levels(8)
    assert [step.index for step in denoise(ideal, noisy, levels, first=2, last=5)] == [2, 3, 4]


def test_steps_are_made_when_they_are_asked_for() -> None:
    asked: list[float] = []

    def predict(noisy: Tensor, level: Level) -> Prediction:
        asked.append(level.time)
        return ideal(noisy, level)

    steps = denoise(predict, start(COSINE), COSINE.levels(50))
    next(steps)
    next(steps)
    assert len(asked) == 2


@pytest.mark.parametrize(("name", "sampler"), EVERY_RUN)
def test_a_step_calls_the_network_as_often_as_its_sampler_says(name: str, sampler: str) -> None:
    calls = 0

    def predict(noisy: Tensor, level: Level) -> Prediction:
        nonlocal calls
        calls += 1
        assert level.sigma > 0  # no network knows a level without noise
        return ideal(noisy, level)

    noisy, levels = start(SCHEDULES[name]), SCHEDULES[name].levels(5)
    last(denoise(predict, noisy, levels, sampler, fresh=fresh_like(noisy)))
    assert calls == 5 * SAMPLERS[sampler].calls - (SAMPLERS[sampler].calls - 1)


@pytest.mark.parametrize(("sampler", "eta"), [("ddpm", 0.0), ("ddim", 1.0)])
@pytest.mark.parametrize("name", ["linear", "zero snr", "continuous cosine", "karras", "flow"])
def test_ancestral_sampling_gives_the_variance_of_the_data(name: str, sampler: str, eta: float) -> None:
    """That which follows from its steps, each a normal distribution, and in many steps nearly that of the data."""
    schedule = SCHEDULES[name]
    levels = schedule.levels(200, "" if schedule.kind == "vp" else "karras")
    variance = spread(levels[0]) ** 2
    for here, there in itertools.pairwise(levels):
        ratio = here.alpha / there.alpha
        left = (there.sigma / here.sigma) ** 2  # Kingma et al. 2021, eq. 26
        slope = there.alpha * (1 - ratio**2 * left) * here.alpha * DEVIATION**2 / spread(here) ** 2 + ratio * left
        variance = slope**2 * variance + there.sigma**2 * (1 - ratio**2 * left)
    noisy = levels[0].alpha * MEAN + start(schedule, 2000, seed=3) / schedule.start_scale * spread(levels[0])
    result = last(denoise(ideal, noisy, levels, sampler, eta, fresh=fresh_like(noisy)))
    assert float(result.mean()) == pytest.approx(MEAN, abs=0.01)
    assert float(result.std()) == pytest.approx(math.sqrt(variance), rel=0.015)
    assert float(result.std()) == pytest.approx(DEVIATION, rel=0.05)


@pytest.mark.parametrize("name", ["linear", "zero snr", "karras", "flow"])
def test_ddim_with_eta_one_is_ancestral_sampling(name: str) -> None:
    schedule = SCHEDULES[name]
    noisy, levels = start(schedule), schedule.levels(10)
    ours = last(denoise(ideal, noisy, levels, "ddim", 1.0, fresh=fresh_like(noisy)))
    torch.testing.assert_close(ours, last(denoise(ideal, noisy, levels, "ddpm", fresh=fresh_like(noisy))))


@pytest.mark.parametrize("name", ["linear", "flow", "karras"])
def test_eta_leaves_the_variance_of_noisy_data_alone(name: str) -> None:
    """Song et al. 2021, lemma 1: with the true picture and noise, every eta gives alpha x_0 + sigma eps."""
    schedule = SCHEDULES[name]
    here, there = schedule.levels(10)[3:5]
    clean, noise = torch.zeros(1, 1, 400, 400), torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(1))

    def told(noisy: Tensor, level: Level) -> Prediction:
        return Prediction(clean, noise)

    for eta in (0.0, 0.5, 1.0):
        fresh = fresh_like(clean)
        *_, step = denoise(told, noised(clean, noise, here), (here, there), "ddim", eta, fresh)
        assert float(step.result.std()) == pytest.approx(there.sigma, rel=0.01)


def test_the_little_noise_at_the_end_of_a_run_is_ddims_alone() -> None:
    noisy, levels = start(STABLE), STABLE.levels(5)
    *_, ddim = denoise(ideal, noisy, levels, "ddim")
    *_, euler = denoise(ideal, noisy, levels, "euler")
    assert ddim.there == levels[-1]
    assert euler.there.sigma == 0


def test_euler_fits_the_noise_to_a_changed_picture() -> None:
    def painted(noisy: Tensor, level: Level) -> Prediction:
        return replace(ideal(noisy, level), clean=torch.ones_like(noisy))

    here, there = COSINE.levels(10)[4:6]
    noisy = start(COSINE)
    *_, step = denoise(painted, noisy, (here, there), "euler")
    noise = (noisy - here.alpha) / here.sigma
    torch.testing.assert_close(step.result, there.alpha + there.sigma * noise)


def test_every_sampler_is_under_its_own_name_and_names_its_paper() -> None:
    assert all(sampler.name == name and sampler.title and sampler.paper for name, sampler in SAMPLERS.items())


def test_a_schedule_is_offered_the_samplers_of_its_kind() -> None:
    assert samplers_for(COSINE) == ("ddim", "ddpm", "euler", "heun", "dpm++2m", "lcm")
    assert samplers_for(KarrasSchedule()) == ("ddim", "ddpm", "euler", "heun", "dpm++2m", "consistency")
    assert samplers_for(FlowSchedule()) == ("ddim", "ddpm", "heun", "dpm++2m", "flow_euler")


# --- samplers, against diffusers ---

# diffusers reads its tables in a way that numpy 2 finds outdated
OLD_NUMPY = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
TABLE: Final[dict[str, Any]] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def toy(noisy: Tensor, time: float) -> Tensor:
    """Something smooth and wrong: what a sampler does with it says which sampler it is."""
    return torch.sin(noisy * 1.3 + 0.002 * time) * 0.8 + 0.1 * noisy


def toy_predict(kind: str = "epsilon") -> Predict:
    def predict(noisy: Tensor, level: Level) -> Prediction:
        return PREDICTION_TYPES[kind](toy(noisy, level.time), noisy, level)

    return predict


def noise32(seed: int = 0) -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def their_steps(scheduler: Any, noisy: Tensor, **options: Any) -> list[Tensor]:
    """x after every step of a scheduler of diffusers."""
    found = []
    for time in scheduler.timesteps:
        raw = toy(scheduler.scale_model_input(noisy, time), float(time))
        noisy = scheduler.step(raw, time, noisy, return_dict=False, **options)[0]
        found.append(noisy)
    return found


def assert_steps_equal(ours: Iterator[Step], theirs: list[Tensor], atol: float = 1e-4) -> None:
    for step, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(step.result, expected, atol=atol, rtol=1e-4)


def sequence(seed: int, like: Tensor) -> Callable[[int], Tensor]:
    """The noise that a generator of this seed gives, in turn, as diffusers draws it."""
    generator = torch.Generator().manual_seed(seed)
    drawn: list[Tensor] = []

    def fresh(index: int) -> Tensor:
        while len(drawn) <= index:
            drawn.append(torch.randn(like.shape, generator=generator))
        return drawn[index]

    return fresh


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_ddim_is_that_of_diffusers(kind: str, eta: float) -> None:
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(**TABLE, prediction_type=kind, steps_offset=1, clip_sample=False, set_alpha_to_one=False)
    theirs.set_timesteps(20)
    noisy = noise32()
    steps = their_steps(theirs, noisy, eta=eta, generator=torch.Generator().manual_seed(5))
    ours = denoise(toy_predict(kind), noisy, STABLE.levels(20), "ddim", eta, sequence(5, noisy))
    assert_steps_equal(ours, steps)


def test_ddim_without_signal_at_the_start_is_that_of_diffusers() -> None:
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(
        **TABLE,
        prediction_type="v_prediction",
        clip_sample=False,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    theirs.set_timesteps(20)
    noisy = noise32()
    ours = denoise(toy_predict("v_prediction"), noisy, ZERO_SNR.levels(20), "ddim")
    assert_steps_equal(ours, their_steps(theirs, noisy))


@pytest.mark.parametrize("clip", [False, True])
def test_ancestral_sampling_is_that_of_diffusers(clip: bool) -> None:
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(clip_sample=clip, variance_type="fixed_small")
    theirs.set_timesteps(20)
    noisy = noise32()

    def predict(x: Tensor, level: Level) -> Prediction:
        prediction = toy_predict()(x, level)
        return clipped(prediction, x, level) if clip else prediction

    ours = denoise(predict, noisy, LINEAR.levels(20), "ddpm", fresh=sequence(5, noisy))
    # diffusers draws no noise for time 0, as we add none
    assert_steps_equal(ours, their_steps(theirs, noisy, generator=torch.Generator().manual_seed(5)), atol=5e-4)


@OLD_NUMPY
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(("spacing", "offset"), [("leading", 1), ("trailing", 0)])
def test_euler_is_that_of_diffusers(kind: str, spacing: str, offset: int) -> None:
    from diffusers import EulerDiscreteScheduler

    theirs = EulerDiscreteScheduler(**TABLE, prediction_type=kind, timestep_spacing=spacing, steps_offset=offset)
    theirs.set_timesteps(20)
    levels = replace(STABLE, timestep_spacing=spacing, steps_offset=offset).levels(20)
    noisy = noise32()
    steps = their_steps(theirs, noisy / levels[0].alpha)  # diffusers has x / alpha here
    ours = denoise(toy_predict(kind), noisy, levels, "euler")
    ends = [*(level.alpha for level in levels[1:-1]), 1.0]
    assert_steps_equal(ours, [x * alpha for x, alpha in zip(steps, ends, strict=True)])


@OLD_NUMPY
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_heun_is_that_of_diffusers(kind: str) -> None:
    from diffusers import HeunDiscreteScheduler

    theirs = HeunDiscreteScheduler(**TABLE, prediction_type=kind, timestep_spacing="trailing")
    theirs.set_timesteps(12)
    levels = replace(STABLE, timestep_spacing="trailing").levels(12)
    noisy = noise32()
    halves = their_steps(theirs, noisy / levels[0].alpha)
    steps = [x * level.alpha for x, level in zip(halves[1::2], levels[1:], strict=False)] + halves[-1:]
    assert_steps_equal(denoise(toy_predict(kind), noisy, levels, "heun"), steps)


@OLD_NUMPY
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("steps", [8, 20])
def test_dpm_solver_is_that_of_diffusers(kind: str, steps: int) -> None:
    """At the same times: for "leading" and "linspace" diffusers has other ones for this solver than for the rest."""
    from diffusers import DPMSolverMultistepScheduler

    theirs = DPMSolverMultistepScheduler(**TABLE, prediction_type=kind, timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    levels = replace(STABLE, timestep_spacing="trailing").levels(steps)
    noisy = noise32()
    assert_steps_equal(denoise(toy_predict(kind), noisy, levels, "dpm++2m"), their_steps(theirs, noisy))


def test_latent_consistency_sampling_is_that_of_diffusers() -> None:
    from diffusers import LCMScheduler

    theirs = LCMScheduler(**TABLE)
    theirs.set_timesteps(4)
    noisy = noise32()
    steps = their_steps(theirs, noisy, generator=torch.Generator().manual_seed(5))
    levels = replace(STABLE, timestep_spacing="lcm").levels(4)
    assert_steps_equal(denoise(toy_predict(), noisy, levels, "lcm", fresh=sequence(5, noisy)), steps)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_consistency_sampling_is_that_of_diffusers(steps: int) -> None:
    from diffusers import CMStochasticIterativeScheduler

    theirs = CMStochasticIterativeScheduler()
    theirs.set_timesteps(steps)
    schedule = KarrasSchedule(time="scaled_quarter_log", train_steps=40)

    def predict(noisy: Tensor, level: Level) -> Prediction:
        skip, out = boundary_scalings(level.sigma)
        raw = toy(noisy * edm_scalings(level.sigma)[2], level.time)
        prediction = PREDICTION_TYPES["edm"](skip * noisy + out * raw, noisy, level)
        return clipped(prediction, noisy, level)

    noisy = noise32() * schedule.start_scale
    expected = their_steps(theirs, noisy, generator=torch.Generator().manual_seed(5))
    assert_steps_equal(
        denoise(predict, noisy, schedule.levels(steps), "consistency", fresh=sequence(5, noisy)), expected
    )


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_matching_is_that_of_diffusers(shift: float) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    theirs.set_timesteps(12)
    noisy, found = noise32(), []
    x = noisy
    for time in theirs.timesteps:
        x = theirs.step(toy(x, float(time)), time, x, return_dict=False)[0]
        found.append(x)
    assert_steps_equal(denoise(toy_predict("flow"), noisy, FlowSchedule(shift).levels(12), "flow_euler"), found)


@pytest.mark.slow
@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference data are not on this machine")
def test_eight_steps_of_a_stored_model_give_the_stored_pictures() -> None:
    from diffusers import UNet2DModel

    network = UNet2DModel.from_pretrained(GOLDEN, subfolder="unet").eval()
    config = json.loads((GOLDEN / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    expected = np.load(GOLDEN / "expected.npz")
    table = cumulative(linear_betas(config["beta_start"], config["beta_end"], config["num_train_timesteps"]))
    schedule = DiscreteSchedule(table, config["timestep_spacing"], config["steps_offset"])

    def predict(noisy: Tensor, level: Level) -> Prediction:
        raw = network(noisy, torch.tensor(level.time)).sample
        return clipped(PREDICTION_TYPES[config["prediction_type"]](raw, noisy, level), noisy, level)

    steps = list(denoise(predict, torch.from_numpy(expected["x"]), schedule.levels(8), "ddim"))
    assert [step.here.time for step in steps] == expected["ddim8_timesteps"].tolist()
    np.testing.assert_allclose(steps[-1].result, expected["ddim8_from_x"], atol=1e-3)


# --- guidance ---


def two_predictions(level: Level) -> tuple[Tensor, Prediction, Prediction]:
    noisy = start(COSINE, seed=1)
    raws = start(COSINE, seed=2), start(COSINE, seed=3)
    conditional, unconditional = (PREDICTION_TYPES["v_prediction"](raw, noisy, level) for raw in raws)
    return noisy, conditional, unconditional


def test_scale_one_is_the_condition_and_zero_is_without() -> None:
    level = COSINE.level(600)
    noisy, conditional, unconditional = two_predictions(level)
    for scale, expected in ((1.0, conditional), (0.0, unconditional)):
        guided = guide(conditional, unconditional, noisy, level, scale)
        torch.testing.assert_close(guided.clean, expected.clean)
        torch.testing.assert_close(guided.noise, expected.noise)
        assert guided.conditional is conditional.noise
        assert guided.unconditional is unconditional.noise


def test_guidance_is_a_straight_line_through_both_noises() -> None:
    level = COSINE.level(600)
    noisy, conditional, unconditional = two_predictions(level)
    guided = guide(conditional, unconditional, noisy, level, 3.5)
    torch.testing.assert_close(guided.noise, 3.5 * conditional.noise - 2.5 * unconditional.noise)
    torch.testing.assert_close(noised(guided.clean, guided.noise, level), noisy)


@pytest.mark.parametrize("rescale", [0.0, 0.7])
def test_guidance_works_where_no_signal_is_left(rescale: float) -> None:
    level = Level(999, 0.0, 1.0)
    noisy, conditional, unconditional = two_predictions(level)
    guided = guide(conditional, unconditional, noisy, level, 3.0, rescale)
    assert not torch.allclose(guided.clean, conditional.clean)
    assert guided.clean.isfinite().all()
    torch.testing.assert_close(guided.noise, noisy)


@pytest.mark.parametrize("level", [COSINE.level(600), KarrasSchedule().level_of_sigma(3.0), FlowSchedule().level(500)])
def test_rescaling_gives_guidance_the_deviation_of_the_condition(level: Level) -> None:
    """Of v = alpha eps - sigma x_0 (Lin et al. 2023, eq. 15 and 16)."""

    def v(prediction: Prediction) -> Tensor:
        return level.alpha * prediction.noise - level.sigma * prediction.clean

    noisy, conditional, unconditional = two_predictions(level)
    plain, full, half = (guide(conditional, unconditional, noisy, level, 5.0, phi) for phi in (0.0, 1.0, 0.5))
    torch.testing.assert_close(v(full).flatten(1).std(1), v(conditional).flatten(1).std(1))
    torch.testing.assert_close(v(half), (v(full) + v(plain)) / 2)
    torch.testing.assert_close(noised(half.clean, half.noise, level), noisy)


def test_rescaling_is_that_of_diffusers_for_networks_that_predict_v() -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    level, noisy = COSINE.level(600), start(COSINE, seed=1)
    raws = start(COSINE, seed=2), start(COSINE, seed=3)
    both = [PREDICTION_TYPES["v_prediction"](raw, noisy, level) for raw in raws]
    raw = rescale_noise_cfg(raws[1] + 4 * (raws[0] - raws[1]), raws[0], guidance_rescale=0.7)
    expected = PREDICTION_TYPES["v_prediction"](raw, noisy, level)
    torch.testing.assert_close(guide(both[0], both[1], noisy, level, 4.0, 0.7).clean, expected.clean, atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.0, 2.0), (0.2, 2.0), (0.35, 4.0), (0.5, 6.0), (0.75, 3.5), (1.0, 1.0)]
)
def test_a_curve_is_straight_between_its_points_and_level_outside(fraction: float, expected: float) -> None:
    curve = ((0.5, 6.0), (0.2, 2.0), (1.0, 1.0))
    assert scale_at(fraction, 7.0, curve) == pytest.approx(expected)


def test_without_a_curve_the_guidance_is_the_same_everywhere() -> None:
    assert {scale_at(i / 10, 7.0) for i in range(11)} == {7.0}


def test_outside_its_interval_there_is_no_guidance() -> None:
    scales = [scale_at(i / 10, 7.0, (), (0.2, 0.7)) for i in range(11)]
    assert scales == [1.0, 1.0, *[7.0] * 6, 1.0, 1.0, 1.0]


# --- inversion ---


@pytest.mark.parametrize("name", ["linear", "stable", "cosine", "zero snr", "continuous cosine", "karras", "flow"])
def test_a_picture_comes_back_from_its_noise_the_closer_the_more_steps(name: str) -> None:
    schedule = SCHEDULES[name]
    pictures = MEAN + DEVIATION * start(LINEAR)

    def lost(steps: int) -> float:
        levels = schedule.levels(steps)
        noise = last(invert(ideal, pictures, levels[::-1]))
        return float((last(denoise(ideal, noise, levels)) - pictures).abs().max())

    few, many = lost(25), lost(100)
    assert many < few / 2
    assert many < 0.1


@pytest.mark.parametrize("name", ["linear", "stable", "karras"])
def test_inversion_in_rounds_is_the_exact_reverse(name: str) -> None:
    schedule = SCHEDULES[name]
    levels = schedule.levels(25)
    pictures = MEAN + DEVIATION * start(LINEAR)
    noise = last(invert(ideal, pictures, levels[::-1], rounds=40))
    torch.testing.assert_close(last(denoise(ideal, noise, levels)), pictures, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["linear", "zero snr", "karras", "flow"])
def test_the_noise_of_a_picture_is_where_the_flow_carries_it(name: str) -> None:
    schedule = SCHEDULES[name]
    levels = schedule.levels(400, "karras")
    pictures = MEAN + DEVIATION * start(LINEAR)
    noise = last(invert(ideal, pictures, levels[::-1]))
    torch.testing.assert_close(solution(noise, levels[0]), pictures, atol=0.05, rtol=0)


# --- likelihood ---


def gaussian(pictures: Tensor, schedule: Schedule) -> Tensor:
    """The log-density in nats of N(MEAN, DEVIATION^2) with the least noise of the schedule."""
    deviation = math.hypot(DEVIATION, schedule.level(schedule.time_range[1]).ratio)
    far = ((pictures - MEAN) / deviation).flatten(1).square().sum(1)
    return -far / 2 - pictures[0].numel() * math.log(deviation * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("name", ["linear", "cosine", "zero snr", "continuous cosine", "karras", "flow"])
def test_the_likelihood_of_gaussian_pictures_is_their_density(name: str) -> None:
    pictures = MEAN + DEVIATION * start(LINEAR)
    ours = log_likelihood(ideal, pictures, SCHEDULES[name], 120, torch.Generator().manual_seed(1))
    # the noisiest level of "karras" still has 0.02 nats of the data's mean, which the prior does not know
    torch.testing.assert_close(ours, gaussian(pictures, SCHEDULES[name]), atol=0.03, rtol=0)


def test_the_likelihood_holds_in_single_precision() -> None:
    pictures = MEAN + DEVIATION * start(LINEAR)
    ours = log_likelihood(ideal, pictures.float(), COSINE, 120, torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours, gaussian(pictures, COSINE), atol=0.05, rtol=0)


def test_the_likelihood_of_a_picture_does_not_depend_on_its_neighbours() -> None:
    pictures = start(LINEAR)
    whole = log_likelihood(mixing, pictures, COSINE, 10, torch.Generator().manual_seed(1))
    one = log_likelihood(mixing, pictures[2:3], COSINE, 10, torch.Generator().manual_seed(1))
    torch.testing.assert_close(whole[2:3], one)


@pytest.mark.slow
def test_the_estimate_of_the_likelihood_has_the_true_mean() -> None:
    """Pictures whose pixels depend on each other: the estimate scatters, and its mean is the density."""
    pictures = torch.randn(1, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    normal = torch.distributions.MultivariateNormal(torch.zeros(4, dtype=torch.float64), COVARIANCE)
    exact = float(normal.log_prob(pictures.flatten()))
    seeds = range(30)
    estimates = torch.cat(
        [log_likelihood(mixing, pictures, COSINE, 80, torch.Generator().manual_seed(seed)) for seed in seeds]
    )
    scatter = float(estimates.std()) / math.sqrt(len(seeds))
    assert scatter > 1e-3
    assert float(estimates.mean()) == pytest.approx(exact, abs=0.03 + 3 * scatter)


COVARIANCE: Final = 0.2 * torch.eye(4, dtype=torch.float64) + 0.3  # all pixels share something


def mixing(noisy: Tensor, level: Level) -> Prediction:
    """The ideal denoiser for pictures of N(0, COVARIANCE) in blocks of four pixels."""
    shared = COVARIANCE @ torch.linalg.inv(level.alpha**2 * COVARIANCE + level.sigma**2 * torch.eye(4).double())
    clean = level.alpha * (noisy.reshape(len(noisy), -1, 4) @ shared).reshape(noisy.shape)
    return PREDICTION_TYPES["sample"](clean, noisy, level)


# --- the way into noise ---


def test_noisy_pictures_have_the_share_of_noise_of_their_level() -> None:
    level = COSINE.level(300)
    clean, noise = start(COSINE, seed=1), start(COSINE, seed=2)
    torch.testing.assert_close(noised(clean, noise, level), level.alpha * clean + level.sigma * noise)


@pytest.mark.parametrize(
    ("level", "expected"), [(Level(0, 1, 1), 0.0), (Level(0, 1, 0.1), 20.0), (Level(0, 0, 1), -math.inf)]
)
def test_the_signal_is_measured_in_decibels(level: Level, expected: float) -> None:
    assert decibels(level) == pytest.approx(expected)
    assert level.snr == pytest.approx(10 ** (expected / 10))
