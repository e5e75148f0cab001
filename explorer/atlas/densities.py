"""How dense known points lie around others: mixtures of normal distributions, and the distance to the nearest points.

Fits are the same for the same points and seed; ``report`` is called between steps and may raise to stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from explorer.atlas.values import Bools, Floats

__all__ = ["BLOCK", "Mixture", "fit_mixture", "ledoit_wolf", "mean_distance"]

Doubles = npt.NDArray[np.float64]
Report = Callable[..., object]

BLOCK: Final = 8192  # points at a time, so that memory stays bounded and work can be stopped
STEPS: Final = 60  # of expectation and maximisation, at most
ENOUGH: Final = 1e-3  # nats per point; a step that gains less is the last
LLOYD_STEPS: Final = 8
LOG_TAU: Final = math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A mixture of K normal distributions in d dimensions, each with a covariance of its own.

    Attributes:
        log_weights: (K,), less half the log-determinants of the covariances.
        means: (K, d).
        whitening: float32 (K, d, d); (x - mean) @ whitening has unit covariance.
    """

    log_weights: Doubles
    means: Floats
    whitening: Floats

    def oddness(self, values: npt.NDArray[Any]) -> Floats:
        """- log density of points (n, d) in nats, float32 (n,): higher is odder."""
        found = np.empty(len(values), np.float32)
        for start in range(0, len(values), BLOCK):
            part = np.asarray(values[start : start + BLOCK], np.float32)
            found[start : start + len(part)] = -_log_sum(self._log_joint(part))
        return found

    def _log_joint(self, values: Floats) -> Doubles:
        """log (weight density) of every component, (n, K)."""
        dimensions = values.shape[1]
        joint = np.empty((len(values), len(self.means)), np.float64)
        for place, (mean, whitening) in enumerate(zip(self.means, self.whitening, strict=True)):
            white = (values - mean) @ whitening
            joint[:, place] = -0.5 * np.einsum("nd,nd->n", white, white)
        joint += self.log_weights - 0.5 * dimensions * LOG_TAU
        return joint


def fit_mixture(
    values: npt.NDArray[Any], count: int, seed: int = 0, ridge: float = 1e-3, report: Report | None = None
) -> Mixture:
    """A mixture of ``count`` normal distributions for points (n, d), by expectation and maximisation.

    ``ridge`` is added to all variances. A single one is fitted with the shrinkage of Ledoit and Wolf 2004, so that
    few points suffice.
    """
    points = np.ascontiguousarray(values, np.float32)
    assert len(points) > 0, "there should be points to fit"
    if count == 1 or len(points) < 2 * count:
        mean = points.mean(0, dtype=np.float64)
        covariance = ledoit_wolf(points - mean)
        covariance[np.diag_indices_from(covariance)] += ridge
        return _mixture(np.ones(1), mean[None], covariance[None])
    tell = report or _silent
    shares = np.zeros((len(points), count), np.float64)
    shares[np.arange(len(points)), _clusters(points, count, np.random.default_rng(seed), tell)] = 1.0
    before = -math.inf
    for step in range(STEPS):
        mixture = _maximise(points, shares, ridge)
        joint = mixture._log_joint(points)
        total = _log_sum(joint)
        tell(step, STEPS)
        now = float(total.mean())
        if now - before < ENOUGH:
            break
        before = now
        shares = np.exp(joint - total[:, None])
    return mixture


def ledoit_wolf(centred: npt.NDArray[Any]) -> Doubles:
    """The covariance (d, d) of centred points (n, d), drawn towards a multiple of the identity.

    Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", section 3.2.
    """
    points = np.asarray(centred, np.float64)
    count, dimensions = points.shape
    sample = points.T @ points / count
    scale = float(np.trace(sample)) / dimensions
    distance = float(np.square(sample).sum()) / dimensions - scale**2  # ||S - m I||^2, norms divided by d
    lengths = np.square(points).sum(1)
    spread = (float(np.square(lengths).sum()) / count - float(np.square(sample).sum())) / (dimensions * count)
    shrink = min(max(spread / distance, 0.0), 1.0) if distance > 0 else 1.0
    covariance: Doubles = (1.0 - shrink) * sample
    covariance[np.diag_indices(dimensions)] += shrink * scale
    return covariance


def mean_distance(
    bank: Floats, queries: npt.NDArray[Any], k: int, in_bank: Bools | None = None, report: Report | None = None
) -> Floats:
    """The mean distance of queries (n, d) to their k nearest points of a bank (b, d), float32 (n,).

    ``in_bank`` (n,) says which queries are points of the bank themselves: those do not count as their own neighbours.
    """
    import torch

    tell = report or _silent
    points = torch.from_numpy(np.ascontiguousarray(bank, np.float32))
    middle = points.mean(0)
    points = points - middle  # keeps the difference of large squares exact
    squares = points.square().sum(1)
    count = min(k + 1, len(points))
    found = np.empty(len(queries), np.float32)
    for start in range(0, len(queries), BLOCK // 8):
        part = torch.from_numpy(np.array(queries[start : start + BLOCK // 8], np.float32)) - middle
        apart = torch.addmm(squares, part, points.T, alpha=-2.0).add_(part.square().sum(1, keepdim=True))
        nearest = apart.topk(count, largest=False).values.clamp_(min=0.0).sqrt_()
        outside, inside = nearest[:, : min(k, count)].mean(1), nearest[:, 1:].mean(1) if count > 1 else nearest[:, 0]
        if in_bank is None:
            chosen = outside
        else:
            chosen = torch.where(torch.from_numpy(in_bank[start : start + len(part)].copy()), inside, outside)
        found[start : start + len(part)] = chosen.numpy()
        tell(start + len(part), len(queries))
    return found


def _maximise(points: Floats, shares: Doubles, ridge: float) -> Mixture:
    """The mixture that suits the shares (n, K) that components have in points."""
    weights = shares.sum(0) + 1e-6
    means = (shares.T.astype(np.float32) @ points).astype(np.float64) / weights[:, None]
    covariances = np.empty((len(weights), points.shape[1], points.shape[1]), np.float64)
    for place, mean in enumerate(means):
        share = shares[:, place]
        near = np.flatnonzero(share > 1e-8)  # most points belong to few components
        centred = (points[near] - mean.astype(np.float32)) * np.sqrt(share[near]).astype(np.float32)[:, None]
        covariances[place] = centred.T @ centred
        covariances[place] /= weights[place]
        covariances[place][np.diag_indices(points.shape[1])] += ridge
    return _mixture(weights / weights.sum(), means, covariances)


def _mixture(weights: Doubles, means: Doubles, covariances: Doubles) -> Mixture:
    whitening = np.empty(covariances.shape, np.float64)
    halves = np.empty(len(weights), np.float64)
    for place, covariance in enumerate(covariances):
        factor = np.linalg.cholesky(covariance)
        whitening[place] = np.linalg.solve(factor, np.eye(len(factor))).T
        halves[place] = np.log(np.diag(factor)).sum()
    return Mixture(np.log(weights) - halves, means.astype(np.float32), whitening.astype(np.float32))


def _clusters(points: Floats, count: int, random: np.random.Generator, tell: Report) -> npt.NDArray[np.int64]:
    """Which of ``count`` clusters each point is in: k-means, started as by Arthur and Vassilvitskii 2007."""
    squares = np.square(points).sum(1)

    def to(centres: Floats) -> Floats:
        distances: Floats = squares[:, None] - 2.0 * (points @ centres.T) + np.square(centres).sum(1)
        return distances.clip(min=0.0)

    centres = points[random.integers(len(points))][None]
    nearest = to(centres)[:, 0].astype(np.float64)
    for _ in range(count - 1):
        total = nearest.sum()
        chance = nearest / total if total > 0 else None
        centre = points[random.choice(len(points), p=chance)][None]
        centres = np.concatenate([centres, centre])
        nearest = np.minimum(nearest, to(centre)[:, 0])
    found = to(centres).argmin(1)
    for step in range(LLOYD_STEPS):
        tell(step, LLOYD_STEPS)
        centres = np.stack(
            [points[found == place].mean(0) if (found == place).any() else centres[place] for place in range(count)]
        )
        found = to(centres).argmin(1)
    clusters: npt.NDArray[np.int64] = found
    return clusters


def _log_sum(joint: Doubles) -> Doubles:
    """log of the sum of the exponentials of (n, K), (n,)."""
    largest = joint.max(1)
    total: Doubles = largest + np.log(np.exp(joint - largest[:, None]).sum(1))
    return total


def _silent(done: float, total: float, note: str = "") -> None:
    """Tell nobody."""
