"""The tables of noise levels that discrete diffusion models are trained with, as tuples of floats."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

__all__ = [
    "cosine_alphas_cumprod",
    "cumulative",
    "linear_betas",
    "rescale_betas_zero_snr",
    "scaled_linear_betas",
    "sigmoid_alphas_cumprod",
    "sigmoid_betas",
]


def linear_betas(start: float = 1e-4, end: float = 0.02, count: int = 1000) -> tuple[float, ...]:
    """The variances beta_t of the noise added by each step, in a straight line (Ho et al. 2020, section 4)."""
    return tuple(start + (end - start) * i / max(count - 1, 1) for i in range(count))


def scaled_linear_betas(start: float = 0.00085, end: float = 0.012, count: int = 1000) -> tuple[float, ...]:
    """Variances whose square roots are a straight line, as latent diffusion has them (Rombach et al. 2022)."""
    return tuple(beta**2 for beta in linear_betas(math.sqrt(start), math.sqrt(end), count))


def sigmoid_betas(start: float = 1e-4, end: float = 0.02, count: int = 1000) -> tuple[float, ...]:
    """Variances along a logistic curve from -6 to 6, as GeoDiff has them (Xu et al. 2022)."""
    return tuple(start + (end - start) * _logistic(x) for x in linear_betas(-6.0, 6.0, count))


def cumulative(betas: Sequence[float]) -> tuple[float, ...]:
    """The share of signal variance left after each step: abar_t, the product of all 1 - beta up to t."""
    return tuple(itertools.accumulate((1.0 - beta for beta in betas), lambda share, alpha: share * alpha))


def cosine_alphas_cumprod(count: int = 1000, largest_beta: float = 0.999) -> tuple[float, ...]:
    """The cosine table (Nichol and Dhariwal 2021, eq. 17), ``squaredcos_cap_v2`` elsewhere."""

    def share(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    return cumulative([min(1 - share((i + 1) / count) / share(i / count), largest_beta) for i in range(count)])


def sigmoid_alphas_cumprod(
    count: int = 1000, first: float = -3.0, last: float = 3.0, tau: float = 1.0, largest_beta: float = 0.999
) -> tuple[float, ...]:
    """The table along a logistic curve (Jabri et al. 2022, algorithm 1)."""
    low, high = _logistic(first / tau), _logistic(last / tau)

    def share(t: float) -> float:
        return (high - _logistic((first + t * (last - first)) / tau)) / (high - low)

    return cumulative([min(1 - share((i + 1) / count) / share(i / count), largest_beta) for i in range(count)])


def rescale_betas_zero_snr(betas: Sequence[float]) -> tuple[float, ...]:
    """The same variances changed so that nothing of the signal is left at the last step (Lin et al. 2023, algorithm 1).

    sqrt(abar) is shifted to end at 0 and stretched to begin where it did.
    """
    roots = [math.sqrt(share) for share in cumulative(betas)]
    first, last = roots[0], roots[-1]
    shares = [((root - last) * first / (first - last)) ** 2 for root in roots]
    return tuple(1 - share / before for before, share in itertools.pairwise([1.0, *shares]))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
