"""Directions of a latent space, sorted by how much they change the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.latents.seeds import draw

__all__ = ["Directions", "axis_directions", "decoder_metric", "principal_directions"]


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Vectors (k, *latent), each one standard deviation long, and ``strengths`` (k,): the root mean square change of
    the picture, summed over its channel values in units of the [-1, 1] range, per standard deviation moved."""

    vectors: Tensor
    strengths: Tensor


def decoder_metric(
    decode: Callable[[Tensor], Tensor], latent_shape: tuple[int, ...], device: torch.device, samples: int = 256
) -> Tensor:
    """E[J^T J] of the decoder's Jacobian J = d picture / d latent under the prior: (d, d) float64 on the CPU.

    Estimated without ever forming J: for r ~ N(0, 1) in picture space, J^T r (one backward pass for a whole batch) has
    covariance J^T J. The seeds are fixed, so that the same weights give the same metric.
    """
    with torch.enable_grad():
        rows = []
        for start in range(0, samples, 64):
            latents = draw(start, (min(64, samples - start), *latent_shape)).to(device).requires_grad_()
            images = decode(latents)
            probes = draw(start + 1, tuple(images.shape)).to(device)
            (row,) = torch.autograd.grad((images * probes).sum(), latents)
            rows.append(row.detach().flatten(1).double().cpu())
    gradients = torch.cat(rows)
    return gradients.T @ gradients / len(gradients)


def axis_directions(metric: Tensor, latent_shape: tuple[int, ...]) -> Directions:
    """One direction per coordinate, in coordinate order."""
    vectors = torch.eye(len(metric)).view(-1, *latent_shape)
    return Directions(vectors, metric.diagonal().clamp(min=0).sqrt().float())


def principal_directions(covariance: Tensor, metric: Tensor, latent_shape: tuple[int, ...], unit: bool) -> Directions:
    """The eigenvectors of a symmetric matrix (d, d), largest eigenvalue first.

    They have length 1 where ``unit`` (one standard deviation of the prior), otherwise the square root of their
    eigenvalue (one standard deviation of the data). The sign is chosen so that the largest component is positive.
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1).T
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    scaled = vectors * signs * (1.0 if unit else values.sqrt()[:, None])
    strengths = torch.einsum("ki,ij,kj->k", scaled, metric, scaled).clamp(min=0).sqrt()
    return Directions(scaled.float().view(-1, *latent_shape), strengths.float())
