"""Ways from noise to a picture: each sampler is one free function that makes one step.

All of them work on x_t = alpha x_0 + sigma eps and a prediction of both, so they suit every kind of schedule. With a
perfect prediction of a single picture each step would be alpha_s x_0 + sigma_s eps; they differ in how they make up
for the prediction changing on the way. ``denoise`` yields the steps of a run: counting them is progress, stopping is
cancelling, and a kept step is all that is needed to go on from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from explorer.diffusion.levels import Level, Schedule
from explorer.diffusion.predictions import from_clean
from explorer.diffusion.step import Advance, Predict, Step

__all__ = ["SAMPLERS", "Sampler", "denoise", "samplers_for"]

NEARLY_NOISE: Final = 100.0  # sigma / alpha, beyond what any schedule starts a run from that Heun was made for
TIME_SCALING: Final = 10.0  # Luo et al. 2023, section 4.1, as all latent consistency models were distilled with
SIGMA_DATA: Final = 0.5
SIGMA_MIN: Final = 0.002  # epsilon of Song et al. 2023


@dataclass(frozen=True, slots=True)
class Sampler:
    """A way to make steps: ``calls`` of the network for each, at most, and the kinds of schedules that it suits.

    A stochastic sampler adds fresh noise; where it ``uses_eta``, only with eta > 0.
    """

    name: str
    title: str
    paper: str
    advance: Advance
    kinds: tuple[str, ...] = ("vp", "ve", "flow")
    is_stochastic: bool = False
    calls: int = 1
    uses_eta: bool = False


def denoise(
    predict: Predict,
    noisy: Tensor,
    levels: Sequence[Level],
    sampler: str = "ddim",
    eta: float = 0.0,
    fresh: Callable[[int], Tensor] | None = None,
    before: Step | None = None,
    first: int = 0,
    last: int | None = None,
) -> Iterator[Step]:
    """The steps from ``levels[first]`` to ``levels[last]`` (the end, if None), each made when it is asked for.

    ``noisy`` is at the level ``first``; ``before`` is the step that led there. ``levels`` are those of the whole run,
    as a schedule gives them. ``fresh`` gives standard normal noise for a step by its index; it is called only where
    the sampler adds some, so that a step has the same noise in every run.
    """
    chosen = SAMPLERS[sampler]
    wants_noise = chosen.is_stochastic and (eta > 0 or not chosen.uses_eta)
    assert fresh is not None or not wants_noise, f"{sampler} needs fresh noise"
    for index in range(first, len(levels) - 1 if last is None else last):
        here, there = levels[index], levels[index + 1]
        added = fresh(index) if fresh is not None and wants_noise else None
        before = chosen.advance(predict, noisy, here, there, before, added, eta, index)
        noisy = before.result
        yield before


def samplers_for(schedule: Schedule) -> tuple[str, ...]:
    """The names of the samplers that suit a schedule."""
    return tuple(name for name, sampler in SAMPLERS.items() if schedule.kind in sampler.kinds)


@torch.no_grad()
def ddim(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """DDIM (Song et al. 2021, eq. 12): x_s = alpha_s x_0 + sqrt(sigma_s^2 - v) eps + sqrt(v) z.

    v is eta^2 times the variance of the true step back (eq. 16); eta 1 is ancestral sampling. It alone follows a
    schedule that ends with a little noise.
    """
    prediction = predict(noisy, here)
    added = min(eta * math.sqrt(_posterior_variance(here, there)), there.sigma)
    kept = math.sqrt(there.sigma**2 - added**2)
    result = there.alpha * prediction.clean + kept * prediction.noise
    if added > 0 and fresh is not None:
        result = result + added * fresh
    return Step(index, here, there, noisy, prediction, result)


@torch.no_grad()
def ddpm(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """Ancestral sampling: a draw from q(x_s | x_t, x_0) (Ho et al. 2020, eq. 6 and 7), for any two levels (Kingma et
    al. 2021, eq. 25 and 26)."""
    there = _clean_end(there)
    prediction = predict(noisy, here)
    ratio = here.alpha / there.alpha
    of_clean = there.alpha * max(1 - (ratio * there.sigma / here.sigma) ** 2, 0.0)
    of_noisy = ratio * (there.sigma / here.sigma) ** 2
    result = of_clean * prediction.clean + of_noisy * noisy
    if fresh is not None:
        result = result + math.sqrt(_posterior_variance(here, there)) * fresh
    return Step(index, here, there, noisy, prediction, result)


@torch.no_grad()
def euler(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """Euler's method on the probability flow of x / alpha over sigma / alpha (Karras et al. 2022, algorithm 1 without
    its second half).

    Written as x_s = alpha_s x_0 + sigma_s eps, eps being what x_0 leaves of x_t; that has no quotient that can grow
    beyond bounds.
    """
    there = _clean_end(there)
    prediction = predict(noisy, here)
    noise = from_clean(prediction.clean, noisy, here).noise
    return Step(index, here, there, noisy, prediction, there.alpha * prediction.clean + there.sigma * noise)


@torch.no_grad()
def heun(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """Heun's method (Karras et al. 2022, algorithm 1): the slope is the mean of those at both ends of an Euler step.

    The slope of x / alpha over sigma / alpha is eps. Where almost no signal is left that coordinate runs to infinity,
    and the same method is used on x / sigma over alpha / sigma, whose slope is x_0.
    """
    there = _clean_end(there)
    step = euler(predict, noisy, here, there, before, fresh, eta, index)
    if there.sigma <= 0:
        return step
    after = predict(step.result, there)
    if here.ratio > NEARLY_NOISE:
        clean = (step.clean + after.clean) / 2
        scale = there.sigma / here.sigma
        return replace(step, result=scale * noisy + (there.alpha - here.alpha * scale) * clean)
    ends = (from_clean(step.clean, noisy, here), from_clean(after.clean, step.result, there))
    scale = there.alpha / here.alpha
    slope = (ends[0].noise + ends[1].noise) / 2
    return replace(step, result=scale * noisy + (there.sigma - here.sigma * scale) * slope)


@torch.no_grad()
def dpm_solver_2m(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """DPM-Solver++ 2M (Lu et al. 2022, algorithm 2): x_0 is extrapolated from the step before, over lambda.

    The first and the last step have no second point or an infinite length, and are of first order (eq. 9).
    """
    there = _clean_end(there)
    prediction = predict(noisy, here)
    clean = prediction.clean
    width = there.log_snr - here.log_snr
    behind = here.log_snr - before.here.log_snr if before is not None else math.inf
    if before is not None and math.isfinite(width) and math.isfinite(behind):
        clean = clean + width / (2 * behind) * (clean - before.clean)
    scale = there.sigma / here.sigma
    result = scale * noisy + (there.alpha - here.alpha * scale) * clean
    return Step(index, here, there, noisy, prediction, result)


@torch.no_grad()
def lcm(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """Multistep latent consistency sampling (Luo et al. 2023, algorithm 3): to the end, and back with fresh noise.

    The picture at the end is c_skip x + c_out x_0, which is x itself at time 0 (eq. 8 and appendix C).
    """
    there = _clean_end(there)
    prediction = predict(noisy, here)
    time = here.time * TIME_SCALING
    skip, out = SIGMA_DATA**2 / (time**2 + SIGMA_DATA**2), time / math.hypot(time, SIGMA_DATA)
    prediction = replace(prediction, clean=skip * noisy + out * prediction.clean)
    result = there.alpha * prediction.clean
    if there.sigma > 0 and fresh is not None:
        result = result + there.sigma * fresh
    return Step(index, here, there, noisy, prediction, result)


@torch.no_grad()
def consistency(
    predict: Predict,
    noisy: Tensor,
    here: Level,
    there: Level,
    before: Step | None,
    fresh: Tensor | None,
    eta: float,
    index: int,
) -> Step:
    """Multistep consistency sampling (Song et al. 2023, algorithm 1): x + sqrt(tau^2 - epsilon^2) z.

    The prediction is the consistency function itself, whose pictures have noise epsilon.
    """
    there = _clean_end(there)
    prediction = predict(noisy, here)
    result = there.alpha * prediction.clean
    added = math.sqrt(max(there.sigma**2 - (there.alpha * SIGMA_MIN) ** 2, 0.0))
    if added > 0 and fresh is not None:
        result = result + added * fresh
    return Step(index, here, there, noisy, prediction, result)


def _clean_end(there: Level) -> Level:
    """The level, but without the little noise that some schedules end with: that is DDIM's alone."""
    return Level(there.time, 1.0, 0.0) if there.is_end else there


def _posterior_variance(here: Level, there: Level) -> float:
    """The variance of q(x_s | x_t, x_0): Ho et al. 2020, eq. 7, for any two levels (Kingma et al. 2021, eq. 26)."""
    ratio = (here.alpha / there.alpha) * (there.sigma / here.sigma)
    return there.sigma**2 * max(1 - ratio**2, 0.0)


SAMPLERS: Final[dict[str, Sampler]] = {
    sampler.name: sampler
    for sampler in (
        Sampler("ddim", "DDIM", "Song et al. 2021", ddim, is_stochastic=True, uses_eta=True),
        Sampler("ddpm", "DDPM ancestral", "Ho et al. 2020", ddpm, is_stochastic=True),
        Sampler("euler", "Euler", "Karras et al. 2022", euler, kinds=("vp", "ve")),
        Sampler("heun", "Heun", "Karras et al. 2022", heun, calls=2),
        Sampler("dpm++2m", "DPM-Solver++ 2M", "Lu et al. 2022", dpm_solver_2m),
        Sampler("lcm", "Latent consistency", "Luo et al. 2023", lcm, kinds=("vp",), is_stochastic=True),
        Sampler("consistency", "Consistency", "Song et al. 2023", consistency, kinds=("ve",), is_stochastic=True),
        Sampler("flow_euler", "Flow matching Euler", "Lipman et al. 2023", euler, kinds=("flow",)),
    )
}
