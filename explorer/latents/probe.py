"""A direction out of examples: points that have something, and points that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

__all__ = ["Probe", "mean_difference", "separate"]

RIDGE: Final = 1.0  # relative to the mean variance of the points


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """``vector`` (d,) points from the points without to those with it, one standard deviation of all points long.

    ``accuracy`` is the share of points that a rule found without them puts on the right side (leave-one-out
    cross-validation); 0.5 is chance.
    """

    vector: Tensor
    accuracy: float


def separate(having: Tensor, lacking: Tensor) -> Probe:
    """Fit a ridge regression of +1 and -1 on points (n, d) and (m, d), each group with the same weight in all.

    Leave-one-out residuals follow from the hat matrix H of the whole fit, e_i = r_i / (1 - H_ii) (Allen 1974).
    With a single point on a side there is nothing to leave out, and ``accuracy`` is 0.5.
    """
    points = torch.cat([having, lacking]).double()
    targets = torch.cat([torch.ones(len(having)), -torch.ones(len(lacking))]).double()
    balance = torch.cat(
        [torch.full((len(having),), 0.5 / len(having)), torch.full((len(lacking),), 0.5 / len(lacking))]
    ).double()
    root = (balance * len(points)).sqrt()
    centre = balance @ points
    spread = points - centre
    ridge = RIDGE * float(spread.square().sum(1).mean()) + 1e-12
    design = torch.cat([spread, torch.full((len(points), 1), ridge**0.5 * 1e3, dtype=torch.float64)], 1) * root[:, None]
    gram = design @ design.T  # the dual: there are fewer examples than dimensions
    hat = gram @ torch.linalg.inv(gram + ridge * torch.eye(len(points), dtype=torch.float64))
    fitted = hat @ (targets * root)
    left_out = targets * root - (targets * root - fitted) / (1 - hat.diagonal()).clamp(min=1e-12)
    accuracy = 0.5 if min(len(having), len(lacking)) < 2 else float((left_out * targets > 0).double().mean())
    weights = torch.linalg.solve(gram + ridge * torch.eye(len(points), dtype=torch.float64), targets * root)
    return Probe(_scaled((design.T @ weights)[:-1], spread), accuracy)


def mean_difference(having: Tensor, lacking: Tensor) -> Probe:
    """The way from the mean of points (m, d) to the mean of points (n, d), as long as ``Probe`` says.

    A point is on the side of the nearer mean, its own mean being that of the others on its side. With a single point
    on a side there is nothing to leave out, and ``accuracy`` is 0.5.
    """
    groups = having.double(), lacking.double()
    means = [group.mean(0) for group in groups]
    points = torch.cat(groups)
    accuracy = 0.5
    if min(len(having), len(lacking)) >= 2:
        right = 0
        for own, group in enumerate(groups):
            others = (means[own] * len(group) - group) / (len(group) - 1)  # (n, d): the mean without each point
            right += int(((group - others).norm(dim=1) < (group - means[1 - own]).norm(dim=1)).sum())
        accuracy = right / len(points)
    return Probe(_scaled(means[0] - means[1], points - (means[0] + means[1]) / 2), accuracy)


def _scaled(vector: Tensor, spread: Tensor) -> Tensor:
    """A direction (d,) made one standard deviation of the points (n, d) long, as far as they spread along it."""
    vector = vector / vector.norm().clamp(min=1e-12)
    return (vector * (spread @ vector).std(correction=0).clamp(min=1e-6)).float()
