"""What the panels of a denoising run share: what holds where changes act, and how a change is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.runs import change_condition, change_sampling, effective
from explorer.scene import Condition, Sampling, Scene
from explorer.session import Session
from explorer.ui.panel import Desk

if TYPE_CHECKING:
    from explorer.facts import DenoisingFacts

__all__ = [
    "conditioned",
    "denoising",
    "filled",
    "from_turn",
    "go",
    "held",
    "plain",
    "sampled",
    "skipped",
    "steps_of",
    "turn_words",
]


def denoising(session: Session) -> DenoisingFacts | None:
    """What is known of how the open model denoises; None where it does not, or none is open."""
    return session.model.facts.denoising if session.model is not None else None


def held(session: Session) -> tuple[Sampling, Condition]:
    """The sampling and the condition where changes act: at the step they begin at, or of the whole run."""
    if session.turn_step is None:
        return session.scene.denoising.sampling, session.scene.condition
    return effective(session.scene, session.turn_step)


def filled(sampling: Sampling, facts: DenoisingFacts) -> Sampling:
    """The sampling with what it leaves to the model taken from there."""
    own = facts.sampling
    return replace(
        sampling,
        sampler=sampling.sampler or own.sampler,
        steps=sampling.steps or own.steps,
        guidance=own.guidance if sampling.guidance is None else sampling.guidance,
        spacing=sampling.spacing or own.spacing,
    )


def plain(sampling: Sampling, facts: DenoisingFacts) -> Sampling:
    """The sampling with what is as the model has it left to the model: equal runs are equal scenes."""
    own = facts.sampling
    return replace(
        sampling,
        sampler="" if sampling.sampler == own.sampler else sampling.sampler,
        steps=0 if sampling.steps == own.steps else sampling.steps,
        guidance=None if sampling.guidance == own.guidance else sampling.guidance,
        spacing="" if sampling.spacing == own.spacing else sampling.spacing,
    )


def steps_of(session: Session) -> int:
    """How many steps lead from pure noise to a picture; 1 where the model does not denoise."""
    facts = denoising(session)
    return 1 if facts is None else max(session.scene.denoising.sampling.steps or facts.sampling.steps, 1)


def skipped(session: Session) -> int:
    """How many of them the run leaves out, because it starts from a picture that is not all noise."""
    start, steps = session.scene.denoising.start, steps_of(session)
    return min(round((1.0 - start.strength) * steps), steps - 1) if start.picture is not None else 0


def sampled(session: Session, sampling: Sampling) -> Scene:
    """The scene sampled like this where changes act."""
    facts = denoising(session)
    return change_sampling(session.scene, sampling if facts is None else plain(sampling, facts), session.turn_step)


def conditioned(session: Session, condition: Condition) -> Scene:
    """The scene with this condition where changes act."""
    return change_condition(session.scene, condition, session.turn_step)


def go(desk: Desk, scene: Scene, label: str = "") -> None:
    """Go to a scene, as a step of undo where it has a label; a walk or film that plays stops first."""
    session = desk.session
    if session.model is not None and scene != session.scene:
        desk.actions.motion.stop()
        session.change(scene, label, settled=bool(label))


def turn_words(step: int) -> str:
    """Where changes begin to act, for the end of a sentence; steps are counted from 1 for people."""
    return f"from step {step + 1} on"


def from_turn(session: Session, words: str) -> str:
    """The state of a panel, after the step that its changes act from where they do not act all the way."""
    begins = f"from step {session.turn_step + 1}" if session.turn_step is not None else ""
    return " · ".join(part for part in (begins, words) if part)
