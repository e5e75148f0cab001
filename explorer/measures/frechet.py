"""The Frechet distance between two clouds of features, each taken for a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Gaussian", "frechet_distance", "gaussian_distance", "gaussian_of"]

Gaussian = tuple[Tensor, Tensor]  # mean (d,) and covariance (d, d), float64


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """That of features (n, d) and (m, d); smaller clouds give larger distances, so compare equal numbers."""
    return gaussian_distance(gaussian_of(one), gaussian_of(other))


def gaussian_of(features: Tensor) -> Gaussian:
    """Mean and covariance of features (n, d), n at least 2."""
    assert features.ndim == 2, "features should be (n, d)"
    assert len(features) >= 2, "features should be of at least 2 pictures"
    features = features.double()
    return features.mean(0), torch.cov(features.T).reshape(features.shape[1], -1)


def gaussian_distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al. 2017, eq. 6).

    The trace of the root is that of (C1^(1/2) C2 C1^(1/2))^(1/2), which is symmetric: its eigenvalues are real.
    """
    (mean, covariance), (other_mean, other_covariance) = one, other
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    inner = root @ other_covariance @ root
    cross = torch.linalg.eigvalsh((inner + inner.T) / 2).clamp(min=0).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return max(float(apart + covariance.trace() + other_covariance.trace() - 2 * cross), 0.0)
