"""Codebooks as moving averages of what their codes stand for (van den Oord et al. 2017, appendix A.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from explorer.nets.vqvae import VQVAE

__all__ = ["Codebooks", "averaged", "smoothed", "tally"]

DECAY: Final = 0.99
SMOOTHING: Final = 1e-5  # epsilon of the Laplace smoothing
DEAD: Final = 0.1  # a code is dead that is used less than this share of an even use


class Codebooks(nn.Module):
    """A network with the averages that its codebooks follow from: how often, and the sum of what takes each code."""

    def __init__(self, model: VQVAE) -> None:
        super().__init__()
        self.model = model
        for level, codes in enumerate(model.shape.codes):
            self.register_buffer(f"counts{level}", torch.zeros(codes))
            self.register_buffer(f"sums{level}", torch.zeros(codes, model.shape.code_width))

    @torch.no_grad()
    def follow(
        self,
        embeddings: Sequence[Tensor],
        codes: Sequence[Tensor],
        generator: torch.Generator,
        revive: bool,
    ) -> None:
        """Move every codebook towards the embeddings (n, d, h, w) that took its codes (n, h, w).

        With ``revive``, codes that next to nothing takes are put where embeddings of this batch are, chosen by
        ``generator`` (Dhariwal et al. 2020, section 3.1); in the first step that is all of them.
        """
        for level, (part, chosen) in enumerate(zip(embeddings, codes, strict=True)):
            rows = part.permute(0, 2, 3, 1).flatten(0, 2).float()
            counts, sums = self.get_buffer(f"counts{level}"), self.get_buffer(f"sums{level}")
            fresh_counts, fresh_sums = tally(rows, chosen.flatten(), len(counts))
            counts.copy_(averaged(counts, fresh_counts))
            sums.copy_(averaged(sums, fresh_sums))
            if revive:
                even = counts.sum() / len(counts)
                dead = counts < DEAD * even
                places = torch.randint(len(rows), (len(counts),), generator=generator, device=rows.device)
                counts.copy_(torch.where(dead, even, counts))
                sums.copy_(torch.where(dead[:, None], even * rows[places], sums))
            self.model.codebooks[level].copy_(sums / smoothed(counts)[:, None])


def tally(rows: Tensor, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """How many rows (n, d) took each of ``count`` codes (n,), (count,), and their sums (count, d): n_i and sum z_ij."""
    counts = torch.bincount(codes, minlength=count).float()
    return counts, rows.new_zeros(count, rows.shape[1]).index_add_(0, codes, rows)


def averaged(old: Tensor, fresh: Tensor, decay: float = DECAY) -> Tensor:
    """gamma old + (1 - gamma) fresh (equations 6 and 7)."""
    return decay * old + (1.0 - decay) * fresh


def smoothed(counts: Tensor, epsilon: float = SMOOTHING) -> Tensor:
    """Counts (k,) of the same sum, none of which is 0: (N_i + e) / (N + k e) N."""
    total = counts.sum()
    return (counts + epsilon) / (total + len(counts) * epsilon) * total
