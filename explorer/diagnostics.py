"""What is wrong with a variational autoencoder, if anything: unused latents, and draws that fit worse than codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from explorer.errors import SceneError
from explorer.generators import Encodes, Generator, HasPosterior, VAEGenerator, leave_a_core
from explorer.imaging import FloatArray, Pixels
from explorer.points import to_images

__all__ = ["ACTIVE", "Diagnosis", "PictureDiagnosis", "diagnose", "diagnose_pictures", "gaussian_kl"]

ACTIVE: Final = 0.01  # variance of the posterior mean above which a unit is active (Burda et al. 2016, section 5)
FEW: Final = 0.1  # share of active latents up to which most have collapsed
ENOUGH: Final = 10  # pictures per dimension from which a covariance is estimated in full
MOST_FULL: Final = 2048  # dimensions up to which it may be
LEAST: Final = 1e-9  # variance; below, numbers are too coarse to tell
BATCH: Final = 16
MOST_DRAWS: Final = 500
COMPARED: Final = 32  # pixels along a side when distances between pictures are taken
EQUAL: Final = 0.1  # relative difference of distances up to which they are called the same
FIRST_SEED: Final = 1_000_000  # of the draws, away from those that people look at


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """How the latents of a model with a posterior are used over its data.

    Attributes:
        kl: mean KL(q(z_i|x) || p(z_i)) in nats, (d,).
        variance: Var_x(E_q[z_i]) (d,), which is near 0 for a latent that ignores the picture.
        gap: KL in nats of the Gaussian fitted to the latents of all data from the prior N(0, 1); None if not known. As
            no distribution of that mean and covariance is nearer to N(0, 1), the prior misses them by at least this.
        beta: the weight of the KL term in training, where the checkpoint tells.
        words: what a person should know of this, in one or two sentences.
    """

    kl: FloatArray
    variance: FloatArray
    gap: float | None
    beta: float | None
    words: str

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which latents are active (d,): their posterior mean varies over the data (Burda et al. 2016, section 5)."""
        return np.asarray(self.variance > ACTIVE)

    @property
    def used(self) -> int:
        """How many latents are active."""
        return int(self.active.sum())

    @property
    def collapsed(self) -> tuple[int, ...]:
        """The numbers of the latents that are not."""
        return tuple(np.flatnonzero(~self.active).tolist())

    @property
    def nats(self) -> float:
        """The KL of all latents together, in nats."""
        return float(self.kl.sum())


@dataclass(frozen=True, slots=True, eq=False)
class PictureDiagnosis:
    """Reconstruction against sampling, over given pictures. Errors and distances are root mean squares, range [-1, 1].

    Attributes:
        reconstruction_error: of the pictures from what is decoded of their codes.
        distance: of a reconstruction from the nearest picture other than its own; on average, at 32 x 32 pixels.
        draw_distance: of a draw from the nearest picture. If draws were like reconstructions, both would be the same.
        latents: how the latents are used over these pictures; None for a model without a posterior.
        words: what a person should know of this.
    """

    pictures: int
    draws: int
    reconstruction_error: float
    distance: float
    draw_distance: float
    latents: Diagnosis | None
    words: str

    @property
    def ratio(self) -> float:
        """How much farther draws lie from the pictures than reconstructions do; 1 is as far."""
        return self.draw_distance / max(self.distance, 1e-12)


def diagnose(generator: Generator) -> Diagnosis | None:
    """How the latents are used over the training data, from what the checkpoint carries; None where it does not.

    The variance of the posterior mean follows from the mean KL K of a latent and from the mean m and the variance v of
    its draws over all data. K = E[mu^2 + s - 1 - log s] / 2, with E[mu^2 + s] = v + m^2, tells E[log s] of the
    posterior variance s; and Var(mu) = v - E[s] <= v - exp E[log s], with equality where s is the same for all
    pictures, as it is in a linear VAE. Where m and v are not known, they are those of the prior, 0 and 1.
    """
    if not isinstance(generator, HasPosterior):
        return None
    usual = generator.usual_kl_per_dimension()
    if usual is None:
        return None
    kl = usual.detach().double().cpu()
    covariance, mean = generator.data_covariance(), _data_mean(generator)
    m, v = torch.zeros_like(kl), torch.ones_like(kl)
    gap = None
    if covariance is not None:
        covariance = covariance.double().cpu()
        found = torch.zeros_like(kl) if mean is None else mean.double().cpu()
        gap = gaussian_kl(found, covariance)
        if not _has_learned_prior(generator):  # where points are the codes that the posterior is of
            m, v = found, covariance.diagonal()
    variance = (v - torch.exp(v + m.square() - 1.0 - 2.0 * kl)).clamp(min=0)
    return _diagnosis(generator, kl, variance, gap)


@torch.inference_mode()
def diagnose_pictures(generator: Generator, images: Pixels, draws: int = MOST_DRAWS) -> PictureDiagnosis:
    """Reconstruction against sampling over pictures uint8 (n, h, w, c) of the model's size, at least two.

    At most ``draws`` draws are made, and no more than there are pictures.

    Raises:
        SceneError: the model cannot encode, or the pictures do not fit it.
    """
    if not isinstance(generator, Encodes):
        raise SceneError(f"{generator.name} cannot encode pictures, so it has no reconstructions.")
    channels, height, width = generator.image_shape
    if images.ndim != 4 or images.shape[1:] != (height, width, channels) or len(images) < 2:
        raise SceneError(
            f"{generator.name} needs at least two pictures of {width} x {height} with {channels} channels.",
        )
    leave_a_core()
    squares, small, rebuilt = 0.0, [], []
    for batch in _batches(generator, images):
        made = generator.decode(generator.encode(batch)).clamp(-1, 1)
        squares += float((made - batch).double().square().sum())
        small.append(_small(batch))
        rebuilt.append(_small(made))
    count = min(draws, len(images))
    drawn = []
    for first in range(0, count, BATCH):
        seeds = range(FIRST_SEED + first, FIRST_SEED + min(first + BATCH, count))
        points = torch.stack([generator.draw(seed) for seed in seeds]).to(generator.device)
        drawn.append(_small(generator.decode(points).clamp(-1, 1)))
    real = torch.cat(small)
    distance = _nearest(torch.cat(rebuilt)[:count], real, leave_out=True)
    draw_distance = _nearest(torch.cat(drawn), real, leave_out=False)
    error = math.sqrt(squares / images.size)
    latents = _diagnose_latents(generator, images) if isinstance(generator, HasPosterior) else None
    words = _comparison(error, distance, draw_distance, latents)
    return PictureDiagnosis(len(images), count, error, distance, draw_distance, latents, words)


def gaussian_kl(mean: Tensor, covariance: Tensor) -> float:
    """KL(N(mean, covariance) || N(0, 1)) in nats; ``covariance`` is (d, d), or its diagonal (d,)."""
    variances = covariance if covariance.ndim == 1 else torch.linalg.eigvalsh((covariance + covariance.T) / 2)
    variances = variances.clamp(min=LEAST)
    return max(float(0.5 * (variances - 1.0 - variances.log()).sum() + 0.5 * mean.square().sum()), 0.0)


def _diagnose_latents(generator: Generator, images: Pixels) -> Diagnosis:
    """As ``diagnose``, measured over pictures: nothing of it is estimated but the gap."""
    assert isinstance(generator, HasPosterior)
    parts = [generator.posterior(batch) for batch in _batches(generator, images)]
    mean = torch.cat([each.double().cpu() for each, _ in parts])
    spread = torch.cat([each.double().cpu() for _, each in parts])
    kl = torch.cat([generator.kl_per_dimension(batch).double().cpu() for batch in _batches(generator, images)]).mean(0)
    count, size = mean.shape
    full = size <= MOST_FULL and count >= ENOUGH * size
    if _has_learned_prior(generator):
        assert isinstance(generator, VAEGenerator)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
        codes = (mean + spread.sqrt() * noise).float().to(generator.device)
        points = generator.net.points(codes).double().cpu()
        covariance = torch.cov(points.T, correction=0).reshape(size, size) if full else points.var(0, correction=0)
        gap = gaussian_kl(points.mean(0), covariance)
    elif full:
        covariance = torch.cov(mean.T, correction=0).reshape(size, size) + spread.mean(0).diag()
        gap = gaussian_kl(mean.mean(0), covariance)
    else:  # the variances alone: leaving out correlations can only make the gap smaller
        gap = gaussian_kl(mean.mean(0), mean.var(0, correction=0) + spread.mean(0))
    return _diagnosis(generator, kl, mean.var(0, correction=0), gap)


def _diagnosis(generator: Generator, kl: Tensor, variance: Tensor, gap: float | None) -> Diagnosis:
    beta = _beta(generator)
    used = int((variance > ACTIVE).sum())
    words = f"{_usage(used, len(kl), float(kl.sum()))} {_effect(beta, _has_learned_prior(generator))}".strip()
    return Diagnosis(kl.float().numpy(), variance.float().numpy(), gap, beta, words)


def _usage(used: int, size: int, nats: float) -> str:
    total = f"{nats:,.1f} nats in all"
    if used == 0:
        return (
            f"None of the {size} latents is used ({total}): the posterior has collapsed, and every picture is rebuilt "
            "alike."
        )
    if used == size:
        return f"All {size} latents are used ({total})."
    told = f"{used} of {size} latents {'is' if used == 1 else 'are'} used ({total})"
    if used <= FEW * size:
        return f"Only {told}: most of the posterior has collapsed, and little of a picture reaches its code."
    return f"{told}; {size - used} collapsed to the prior."


def _effect(beta: float | None, learned: bool) -> str:
    match beta:
        case None:
            return ""
        case 0.0:
            return "Trained with beta 0: nothing drew its latents to the prior, so draws need not look like its data."
        case 1.0:
            return "Trained with beta 1, which is the likelihood bound itself."
        case _ if beta > 1:
            effect = "fewer nats in its latents and softer reconstructions than with 1, and draws that fit them better"
        case _ if learned:
            effect = "sharper reconstructions than with 1, and latents that a learned prior has to fit"
        case _:
            effect = "sharper reconstructions than with 1, and draws that fit them less well"
    return f"Trained with beta {beta:g}: {effect}."


def _comparison(error: float, distance: float, draw_distance: float, latents: Diagnosis | None) -> str:
    ratio = draw_distance / max(distance, 1e-12)
    told = f"Its reconstructions are off by {error / 2:.1%} of the range from black to white"
    if ratio > 1 + EQUAL:
        told += f", and its draws lie {ratio:.2f} times as far from real pictures: it rebuilds better than it draws."
    elif ratio < 1 - EQUAL:
        told += f", and its draws lie {ratio:.2f} times as far from real pictures: they vary less than its data."
    else:
        told += ", and its draws lie as near to real pictures."
    if latents is not None and latents.gap is not None:
        told += f" The codes of these pictures miss the prior by at least {latents.gap:,.1f} nats."
    return told


def _beta(generator: Generator) -> float | None:
    training = generator.config.get("training")
    beta = training.get("beta") if isinstance(training, dict) else None
    good = isinstance(beta, (int, float)) and not isinstance(beta, bool) and math.isfinite(beta) and beta >= 0
    return float(beta) if good and beta is not None else None


def _data_mean(generator: Generator) -> Tensor | None:
    return generator.statistics.get("mean") if isinstance(generator, VAEGenerator) else None


def _has_learned_prior(generator: Generator) -> bool:
    return isinstance(generator, VAEGenerator) and generator.net.prior is not None


def _batches(generator: Generator, images: Pixels) -> Iterator[Tensor]:
    return (to_images(images[first : first + BATCH], generator.device) for first in range(0, len(images), BATCH))


def _small(images: Tensor) -> Tensor:
    """Pictures (n, d) on the CPU, averaged down to 32 x 32 pixels where they are larger."""
    height, width = (min(side, COMPARED) for side in images.shape[2:])
    return adaptive_avg_pool2d(images.float(), (height, width)).flatten(1).cpu()


def _nearest(pictures: Tensor, real: Tensor, leave_out: bool) -> float:
    """The mean over ``pictures`` (n, d) of the root mean square distance from the nearest of ``real`` (m, d); with
    ``leave_out``, the one of the same number does not count."""
    distances = torch.cdist(pictures, real)
    if leave_out:
        distances[torch.arange(len(pictures)), torch.arange(len(pictures))] = torch.inf
    return float(distances.min(1).values.mean()) / math.sqrt(real.shape[1])
