"""A denoising run as plain values: what is seen of its steps, and where branches lead it elsewhere."""

from __future__ import annotations

from explorer.runs.branches import (
    Branch,
    change_condition,
    change_paint,
    change_sampling,
    common_steps,
    effective,
    paint_at,
    without_turn,
)
from explorer.runs.deleted import DeletedBranch, with_branch, without_branch
from explorer.runs.run import VIEWS, Run, decibels, seen
from explorer.runs.steps import StepPictures

__all__ = [
    "VIEWS",
    "Branch",
    "DeletedBranch",
    "Run",
    "StepPictures",
    "change_condition",
    "change_paint",
    "change_sampling",
    "common_steps",
    "decibels",
    "effective",
    "paint_at",
    "seen",
    "with_branch",
    "without_branch",
    "without_turn",
]
