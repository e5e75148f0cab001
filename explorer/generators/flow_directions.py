"""Directions of large latent spaces by what they change in the picture, without a matrix of all dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explorer.latents import Directions, draw

__all__ = ["decoder_directions", "strengths_along", "strengths_of_axes"]

MOST: Final = 64  # directions that are looked for
SPARE: Final = 16  # more than that are tried, since the last ones found are rough
PLACES: Final = 4  # latent points at which the decoder is looked at
TEMPERATURE: Final = 0.7  # of these points: flows make better pictures nearer to the middle
TOGETHER: Final = 500_000  # channel values of the pictures that are computed at once
SEED: Final = 7

Decode = Callable[[Tensor], Tensor]


def decoder_directions(decode: Decode, dimensions: int, device: torch.device) -> Directions:
    """Up to 64 orthonormal directions (k, d) that change the picture most, by a randomised search of their subspace.

    The eigenvectors of the mean of J^T J over a few points, J = d picture / d latent, as far as they lie in the span of
    J^T r for random r (Halko, Martinsson and Tropp 2011, algorithms 4.1 and 5.3). The seeds are fixed. The signs are
    such that the largest component is positive.
    """
    wanted = min(MOST + SPARE, dimensions)
    gradients = _gradients(decode, dimensions, device, -(-2 * wanted // PLACES))
    _, _, basis = torch.linalg.svd(gradients, full_matrices=False)
    basis = basis[:wanted] if len(basis) >= wanted else torch.linalg.qr(gradients.T)[0].T
    changes = _changes(decode, basis.float(), device)  # (places, k, pixels)
    gram = torch.einsum("pki,pli->kl", changes, changes) / len(changes)
    values, turned = torch.linalg.eigh(gram)
    count = min(MOST, len(basis))
    vectors = turned.flip(1)[:, :count].T @ basis
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return Directions((vectors * signs).float(), values.flip(0)[:count].clamp(min=0).sqrt().float())


def strengths_along(decode: Decode, vectors: Tensor, device: torch.device) -> Tensor:
    """The root mean square change (k,) of the picture along vectors (k, d), summed over its values."""
    return _changes(decode, vectors, device).square().sum(2).mean(0).sqrt().float()


def strengths_of_axes(decode: Decode, dimensions: int, device: torch.device) -> Tensor:
    """Roughly the strengths (d,) of all axes: for r ~ N(0, 1), the squares of J^T r are those of J's columns."""
    return _gradients(decode, dimensions, device, 16).square().mean(0).sqrt().float()


def _gradients(decode: Decode, dimensions: int, device: torch.device, probes: int) -> Tensor:
    """J^T r, (places * probes, d) float64 on the CPU, of random r ~ N(0, 1), at a few points."""
    rows: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        for place, point in enumerate(_places(dimensions)):
            latents = point.expand(probes, -1).to(device)
            for part in torch.split(latents, _batch(decode, point, device)):
                needed = part.clone().requires_grad_()
                images = decode(needed)
                noise = draw(SEED + 1000 * place + len(rows), tuple(images.shape)).to(device)
                (row,) = torch.autograd.grad((images * noise).sum(), needed)
                rows.append(row.detach().cpu().double())
    return torch.nan_to_num(torch.cat(rows), 0.0, 0.0, 0.0)  # a flow in training may have places without numbers


def _changes(decode: Decode, vectors: Tensor, device: torch.device) -> Tensor:
    """J v, (places, k, pixels) float64 on the CPU, of vectors (k, d)."""
    found = []
    with torch.inference_mode(False), torch.enable_grad():
        for point in _places(vectors.shape[1]):
            parts = []
            for part in torch.split(vectors, _batch(decode, point, device)):
                points, moved = point.repeat(len(part), 1).to(device), part.clone().to(device)
                _, change = torch.autograd.functional.jvp(decode, points, moved)  # type: ignore[no-untyped-call]
                parts.append(change.detach().flatten(1).cpu().double())
            found.append(torch.cat(parts))
    return torch.stack(found)


def _places(dimensions: int) -> Tensor:
    return draw(SEED, (PLACES, dimensions)) * TEMPERATURE


def _batch(decode: Decode, point: Tensor, device: torch.device) -> int:
    return max(TOGETHER // math.prod(point.shape), 1)  # a flow's picture has as many values as its point
