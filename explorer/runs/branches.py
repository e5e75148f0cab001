"""Branches of a denoising run as plain functions: what holds at a step, and how it is led elsewhere from there on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from explorer.scene import Condition, ImageFile, Sampling, Scene, Turn

__all__ = [
    "Branch",
    "change_condition",
    "change_paint",
    "change_sampling",
    "common_steps",
    "effective",
    "paint_at",
    "without_turn",
]

NO_TURN: Final = -1  # a step at which nothing turns


@dataclass(frozen=True, slots=True)
class Branch:
    """A run worth keeping: ``scene`` left the run called ``parent`` at ``step``; a whole run has no parent."""

    name: str
    scene: Scene
    parent: str = ""
    step: int = 0


def effective(scene: Scene, step: int) -> tuple[Sampling, Condition]:
    """The sampling and the condition that hold at a step: those of the whole run, or of the last turn before it."""
    sampling, condition = scene.denoising.sampling, scene.condition
    for turn in scene.denoising.turns:
        if turn.step <= step:
            sampling = sampling if turn.sampling is None else replace(turn.sampling, steps=sampling.steps)
            condition = condition if turn.condition is None else turn.condition
    return sampling, condition


def paint_at(scene: Scene, step: int) -> ImageFile | None:
    """What is painted over the predicted picture of a step."""
    return next((turn.paint for turn in scene.denoising.turns if turn.step == step), None)


def change_sampling(scene: Scene, sampling: Sampling, step: int | None) -> Scene:
    """The scene sampled like this from ``step`` on, or all the way where it is None.

    The number of steps, and where their noise levels lie, are always those of the whole run.
    """
    whole = scene.denoising.sampling
    if step is None:
        return replace(scene, denoising=replace(scene.denoising, sampling=sampling))
    return _turned(scene, step, sampling=replace(sampling, steps=whole.steps, spacing=whole.spacing))


def change_condition(scene: Scene, condition: Condition, step: int | None) -> Scene:
    """The scene with this condition from ``step`` on, or all the way where it is None."""
    return replace(scene, condition=condition) if step is None else _turned(scene, step, condition=condition)


def change_paint(scene: Scene, paint: ImageFile | None, step: int) -> Scene:
    """The scene with a picture laid over the predicted one of ``step``."""
    return _turned(scene, step, paint=paint)


def without_turn(scene: Scene, step: int) -> Scene:
    """The scene that does not turn at ``step``."""
    kept = tuple(turn for turn in scene.denoising.turns if turn.step != step)
    return replace(scene, denoising=replace(scene.denoising, turns=kept))


def common_steps(one: Scene, other: Scene, total: int) -> int:
    """How many first steps the runs of two scenes of ``total`` steps share."""
    if _begun(one) != _begun(other):
        return 0
    shared = 0
    while shared < total and _at(one, shared) == _at(other, shared):
        shared += 1
    return shared


def _at(scene: Scene, step: int) -> tuple[Sampling, Condition, ImageFile | None]:
    return (*effective(scene, step), paint_at(scene, step))


def _begun(scene: Scene) -> Scene:
    """The part of a scene that decides where its run starts."""
    sampling = scene.denoising.sampling
    plain = Sampling(steps=sampling.steps, spacing=sampling.spacing)
    denoising = replace(scene.denoising, sampling=plain, turns=())
    return replace(scene, condition=Condition(), denoising=denoising)


def _turned(
    scene: Scene,
    step: int,
    sampling: Sampling | None = None,
    condition: Condition | None = None,
    paint: ImageFile | int | None = NO_TURN,
) -> Scene:
    turns = {turn.step: turn for turn in scene.denoising.turns}
    turn = turns.get(step, Turn(step))
    turn = turn if sampling is None else replace(turn, sampling=sampling)
    turn = turn if condition is None else replace(turn, condition=condition)
    turn = turn if isinstance(paint, int) else replace(turn, paint=paint)
    turns[step] = turn
    kept = tuple(turns[key] for key in sorted(turns) if turns[key] != Turn(key))
    return replace(scene, denoising=replace(scene.denoising, turns=kept))
