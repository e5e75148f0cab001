"""How the Denoise workspace words steps, and what makes one run differ from another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from explorer.runs import StepPictures, decibels, effective, paint_at
from explorer.scene import Condition, Sampling, Scene
from explorer.ui.runs import filled

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["VIEW_NAMES", "change_words", "memory_words", "step_words"]

# Views of a step: their key, the words of the button, shorter ones, and what they show.
VIEW_NAMES: Final = (
    ("noisy", "x_t", "x_t", "The noisy picture x_t that the step begins with."),
    ("clean", "predicted x\N{SUBSCRIPT ZERO}", "x\N{SUBSCRIPT ZERO}", "The clean picture the model predicts here."),
    ("noise", "noise", "ε", "The noise ε that the model predicts; grey is none of it."),
    ("to_final", "Δ final", "Δ fin", "What the predicted picture still lacks of the final one: grey is nothing."),
    ("to_previous", "Δ previous", "Δ prev", "What the step has changed of the picture, doubled: grey is nothing."),
    ("both", "both", "both", "The noisy picture and the predicted one side by side."),
)  # fmt: skip


def step_words(step: StepPictures, is_guided: bool, is_preview: bool = False, skipped: int = 0) -> tuple[str, ...]:
    """Which step it is, how the network is told its time, how noisy it is, and the guidance scale there.

    Where a run starts from a picture, so many first steps of the way from pure noise are ``skipped``.
    """
    ratio = decibels(step)
    if math.isinf(ratio):
        noisiness = "no noise" if ratio > 0 else "no signal"
    else:
        noisiness = f"SNR {ratio:.1f} dB".replace("-", "\N{MINUS SIGN}")
    place = f"step {step.index + 1} of {step.total}"
    place += f" ({step.index + 1 + skipped} of {step.total + skipped})" if skipped else ""
    words = [place, f"t {_time(step.time)}", noisiness]
    words += [f"s {step.guidance:.1f}"] if is_guided else []
    return tuple([*words, "(preview)"] if is_preview else words)


def change_words(scene: Scene, parent: Scene, step: int, facts: ModelFacts | None) -> str:
    """How a run differs from the one it left at a step (0: a run of its own), in a few words."""
    if facts is None or facts.denoising is None:
        return ""
    own = facts.denoising
    (sampling, condition), (before, asked) = (effective(each, 1 << 30) for each in (scene, parent))
    said = _sampling_words(filled(before, own), filled(sampling, own))
    if condition != asked:
        said += _condition_words(asked, condition, facts.class_names)
    if any(turn.paint is not None and turn.paint != paint_at(parent, turn.step) for turn in scene.denoising.turns):
        said.append("painted")
    if not step and scene.latent != parent.latent:
        said.append("other noise")
    if not step and scene.denoising.start != parent.denoising.start:
        said.append("another start")
    return ", ".join(said)


def memory_words(step: StepPictures | None, branches: int) -> str:
    """How much is kept of the runs, and of how much room."""
    if step is None:
        return ""
    steps = f"{step.total} step{'s' if step.total != 1 else ''}"
    runs = f"{steps} × {branches} branches" if branches > 1 else steps
    if not step.budget_bytes:
        return f"run kept: {runs}"
    return f"run kept: {runs} · {_megabytes(step.run_bytes)} of {step.budget_bytes / (1 << 20):.0f} MB"


def _sampling_words(before: Sampling, after: Sampling) -> list[str]:
    said = []
    if after.sampler != before.sampler:
        said.append(f"{before.sampler} → {after.sampler}")
    if after.steps != before.steps:
        said.append(f"{before.steps} → {after.steps} steps")
    if after.curve != before.curve:
        said.append("guidance curve" if after.curve else f"guidance {after.guidance or 0.0:g}")
    elif after.guidance != before.guidance:
        said.append(f"guidance {before.guidance or 0.0:g} → {after.guidance or 0.0:g}")
    if after.interval != before.interval:
        said.append("guidance in other steps" if after.interval != (0.0, 1.0) else "guidance in all steps")
    if after.rescale != before.rescale:
        said.append(f"rescale {before.rescale:g} → {after.rescale:g}")
    if after.eta != before.eta:
        said.append(f"eta {before.eta:g} → {after.eta:g}")
    if after.seed != before.seed:
        said.append(f"fresh noise {after.seed}")
    if after.spacing != before.spacing:
        said.append(f"{after.spacing} spacing")
    return said


def _condition_words(before: Condition, after: Condition, names: tuple[str, ...]) -> list[str]:
    said = []
    if after.classes != before.classes:
        said.append(f"{_classes(before, names)} → {_classes(after, names)}")
    if after.prompts != before.prompts:
        said.append(f"“{_short(after.prompts[0][0])}”" if after.prompts else "no prompt")
    if after.negative != before.negative:
        said.append("another negative prompt")
    return said


def _classes(condition: Condition, names: tuple[str, ...]) -> str:
    held = [index for index, weight in condition.classes if weight] or [0]
    told = [names[index] if index < len(names) else f"class {index}" for index in held]
    return told[0] if len(told) == 1 else f"mix of {len(told)}"


def _short(text: str, length: int = 24) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _time(time: float) -> str:
    return f"{time:.0f}" if abs(time) >= 10 or time == int(time) else f"{time:.3g}"


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):.1f}" if count < 10 << 20 else f"{count / (1 << 20):.0f}"
