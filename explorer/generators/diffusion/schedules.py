"""What a scheduler's settings say: the noise levels, what the network predicts, and how to sample it well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from explorer.diffusion import (
    DiscreteSchedule,
    FlowSchedule,
    KarrasSchedule,
    Schedule,
    cosine_alphas_cumprod,
    cumulative,
    linear_betas,
    rescale_betas_zero_snr,
    samplers_for,
    scaled_linear_betas,
    sigmoid_betas,
)
from explorer.errors import CheckpointError
from explorer.formats.diffusers_checks import CONSISTENCY
from explorer.scene import Sampling

__all__ = ["SchedulePlan", "plan_of", "told_sampling"]

MOST_TRAINED: Final = 10_000  # steps
MOST_STEPS: Final = 1000
LARGEST_GUIDANCE: Final = 100
DISTILLED: Final = ("lcm", "consistency")
TIMES: Final = ("leading", "trailing", "linspace")
LEADING: Final = ("DDPM", "DDIM", "PNDM", "LCM")  # the schedulers that space their times so unless told otherwise

# How each scheduler of diffusers that adds noise by a table samples: our sampler, and as many steps as are usual.
TABLES: Final[Mapping[str, tuple[str, int]]] = {
    "DDPMScheduler": ("ddim", 50),  # its own sampler needs 1000 steps for the same
    "DDPMParallelScheduler": ("ddim", 50),
    "DDIMScheduler": ("ddim", 50),
    "DDIMParallelScheduler": ("ddim", 50),
    "PNDMScheduler": ("dpm++2m", 25),
    "LMSDiscreteScheduler": ("dpm++2m", 25),
    "DEISMultistepScheduler": ("dpm++2m", 25),
    "UniPCMultistepScheduler": ("dpm++2m", 25),
    "DPMSolverMultistepScheduler": ("dpm++2m", 25),
    "DPMSolverSinglestepScheduler": ("dpm++2m", 25),
    "DPMSolverSDEScheduler": ("dpm++2m", 25),
    "EulerDiscreteScheduler": ("euler", 30),
    "EulerAncestralDiscreteScheduler": ("ddpm", 30),
    "HeunDiscreteScheduler": ("heun", 20),
    "KDPM2DiscreteScheduler": ("heun", 20),
    "KDPM2AncestralDiscreteScheduler": ("heun", 20),
    "LCMScheduler": ("lcm", 4),
}
FLOWS: Final = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler")


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """How a network is to be used. ``prediction`` names one of ``explorer.diffusion.PREDICTION_TYPES``, or
    "consistency"; ``limit`` clips predicted pictures, 0 does not."""

    schedule: Schedule
    prediction: str
    suggested: Sampling
    samplers: tuple[str, ...]
    limit: float = 0.0
    warnings: tuple[str, ...] = ()


def plan_of(where: str, config: Mapping[str, Any]) -> SchedulePlan:
    """The plan that the settings of a scheduler describe; its guidance is left open.

    Raises:
        CheckpointError: the scheduler is unknown, or its numbers are impossible.
    """
    kind = config.get("_class_name")
    try:
        if kind in TABLES:
            return _table(str(kind), config)
        if kind in FLOWS:
            return _flow(config)
        if kind == CONSISTENCY:
            return _consistency(config)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise CheckpointError(f"{where} describes an impossible noise schedule: {error}.") from error
    name = kind[:60] if isinstance(kind, str) and kind.isprintable() else "unnamed"
    raise CheckpointError(
        f"{where} has a noise schedule that is not known here: {name}.",
        "Known are the schedules of DDPM, DDIM, PNDM, Euler, Heun, DPM-Solver, UniPC, LCM, flow matching and "
        "consistency models.",
    )


def told_sampling(plan: SchedulePlan, told: object, guidance: float) -> Sampling:
    """What a checkpoint of ours suggests in its "sampling", where that is possible, else what the plan does."""
    values: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    name, steps, scale = values.get("sampler"), values.get("steps"), values.get("guidance", guidance)
    return replace(
        plan.suggested,
        sampler=name if name in plan.samplers else plan.suggested.sampler,
        steps=steps if type(steps) is int and 1 <= steps <= MOST_STEPS else plan.suggested.steps,
        guidance=float(scale) if type(scale) in (int, float) and 0 <= scale <= LARGEST_GUIDANCE else guidance,
    )


def _table(kind: str, config: Mapping[str, Any]) -> SchedulePlan:
    count = _count(config.get("num_train_timesteps", 1000))
    shares = _shares(config, count)
    spacing = config.get("timestep_spacing", "leading" if kind.startswith(LEADING) else "linspace")
    if spacing not in TIMES:
        raise ValueError(f"its spacing of steps is {str(spacing)[:40]!r}")
    is_lcm = kind == "LCMScheduler"
    original = _count(config.get("original_inference_steps", 50)) if is_lcm else 50
    # The samplers of Euler's and Heun's kind end without noise; so do the others unless they say otherwise.
    ends_clean = bool(config.get("set_alpha_to_one", kind != "PNDMScheduler"))
    schedule = DiscreteSchedule(
        shares,
        "lcm" if is_lcm else str(spacing),
        _number(config.get("steps_offset", 0), 0, count - 1),
        ends_clean,
        min(original, count),
    )
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "sample", "v_prediction"):
        raise ValueError(f"its network predicts {str(prediction)[:40]!r}")
    sampler, steps = TABLES[kind]
    is_karras = config.get("use_karras_sigmas") is True
    # DDPM and DDIM clip unless told not to, the others never do.
    clips = config.get("clip_sample", kind.startswith(("DDPM", "DDIM"))) is True
    limit = float(config.get("clip_sample_range") or 1.0) if clips else 0.0
    thresholds = config.get("thresholding") is True
    return SchedulePlan(
        schedule,
        str(prediction),
        Sampling(sampler, min(steps, original if is_lcm else count), spacing="karras" if is_karras else ""),
        _fitting(schedule, ("lcm",) if is_lcm else ()),
        limit,
        ("Its dynamic thresholding is not done.",) if thresholds else (),
    )


def _shares(config: Mapping[str, Any], count: int) -> tuple[float, ...]:
    """The table of alpha-bar."""
    usual = (0.00085, 0.012, "scaled_linear") if config["_class_name"] == "LCMScheduler" else (1e-4, 0.02, "linear")
    start, end = float(config.get("beta_start", usual[0])), float(config.get("beta_end", usual[1]))
    trained, name = config.get("trained_betas"), config.get("beta_schedule", usual[2])
    if trained is not None:
        betas = tuple(float(beta) for beta in trained)
        if len(betas) != count:
            raise ValueError(f"it has {len(betas)} variances for {count} steps")
    elif name == "squaredcos_cap_v2":
        shares = cosine_alphas_cumprod(count)
        betas = tuple(1 - after / before for before, after in zip((1.0, *shares), shares, strict=False))
    elif name in ("linear", "scaled_linear", "sigmoid"):
        made = {"linear": linear_betas, "scaled_linear": scaled_linear_betas, "sigmoid": sigmoid_betas}[name]
        betas = made(start, end, count)
    else:
        raise ValueError(f"its variances follow {str(name)[:40]!r}")
    if not all(0 < beta < 1 for beta in betas):
        raise ValueError("its variances are not between 0 and 1")
    if config.get("rescale_betas_zero_snr") is True:
        betas = rescale_betas_zero_snr(betas)
    return tuple(max(share, 0.0) for share in cumulative(betas))


def _flow(config: Mapping[str, Any]) -> SchedulePlan:
    shift = float(config.get("shift", 1.0) or 1.0)
    if not 0 < shift <= 100:
        raise ValueError(f"its shift is {shift}")
    schedule = FlowSchedule(shift, _count(config.get("num_train_timesteps", 1000)))
    dynamic = config.get("use_dynamic_shifting") is True
    return SchedulePlan(
        schedule,
        "flow",
        Sampling("flow_euler", 28),
        _fitting(schedule),
        warnings=("Its shift of times by the size of the picture is not done.",) if dynamic else (),
    )


def _consistency(config: Mapping[str, Any]) -> SchedulePlan:
    low, high = float(config.get("sigma_min", 0.002)), float(config.get("sigma_max", 80.0))
    rho, data = float(config.get("rho", 7.0)), float(config.get("sigma_data", 0.5))
    if not 0 < low < high <= 1e6 or not 0 < rho <= 100 or not 0 < data <= 1e3:
        raise ValueError(f"its noise levels are {low} to {high}")
    count = _count(config.get("num_train_timesteps", 40))
    schedule = KarrasSchedule(low, high, rho, data, "scaled_quarter_log", count)
    limit = 1.0 if config.get("clip_denoised", True) else 0.0
    return SchedulePlan(schedule, "consistency", Sampling("consistency", min(2, count)), ("consistency",), limit)


def _fitting(schedule: Schedule, distilled: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The samplers that suit a schedule; those for distilled networks only where the network is one."""
    others = [name for name in samplers_for(schedule) if name not in DISTILLED]
    return (*distilled, *others)


def _count(value: object) -> int:
    return _number(value, 1, MOST_TRAINED)


def _number(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{str(value)[:40]} is not a number from {least} to {most}")
    return value
