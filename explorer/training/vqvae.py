"""Training a VQ-VAE: first its codes, then, with those fixed, the prior that samples are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.formats import write_native
from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.nets.vqvae import VQVAE, VQVAEShape, perplexity, straight_through
from explorer.training.codebooks import Codebooks
from explorer.training.loop import Images, Moment, descend, images_to_tensor

__all__ = ["VQVAERecipe", "principal"]

COMMITMENT: Final = 0.25  # beta of the paper
WARM_UP: Final = 200  # steps over which the learning rate rises
PRIOR_RATE: Final = 2.0  # the learning rate of the prior in units of that of the codes
SETTLING: Final = 0.75  # after this share of the first part, dead codes stay dead, so that the average settles
MEASURED: Final = 500  # held-out pictures a measurement uses at most
COUNTED: Final = 2_000  # training pictures that the use of codes is counted over
DIRECTIONS: Final = 64


@dataclass
class VQVAERecipe:
    """|x - x'|_1 + |x - x'|^2 + beta |z - sg(e)|^2 (van den Oord et al. 2017, eq. 3, with a learned codebook that
    follows its codes), then -log p(codes) of the prior.

    The first ``codes_share`` of the run is for the codes, the rest for the prior. A recipe has no memory of its own:
    which part a step belongs to follows from where it is in the run, so that it can be resumed anywhere.
    """

    write = staticmethod(write_native)
    shape: VQVAEShape
    codes_share: float = 0.5
    temperature: float = 1.0  # of draws
    about: dict[str, Any] = field(default_factory=dict)  # name, preparation, data, licence, training
    seed: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net: nn.Module = Codebooks(VQVAE(self.shape))
        self.split = self.codes_share if self.shape.prior_layers else 1.0

    def averaged(self, net: nn.Module) -> nn.Module:
        assert isinstance(net, Codebooks)
        return net.model

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        """One for what makes the codes, and one for the prior where there is one."""
        assert isinstance(net, Codebooks)
        prior = [] if net.model.prior is None else list(net.model.prior.parameters())
        others = [p for name, p in net.model.named_parameters() if not name.startswith(("prior.", "codebooks."))]
        groups = [others, prior] if prior else [others]
        return tuple(torch.optim.AdamW(group, rate, betas=(0.9, 0.99), weight_decay=0.01) for group in groups)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step of the part that the run is in; the learning rate of each rises, then falls along a cosine."""
        assert isinstance(net, Codebooks)
        first = moment.done < self.split
        part = moment.done / self.split if first else (moment.done - self.split) / (1.0 - self.split)
        # How many steps of this part are done: none are before the first of a run.
        step = moment.step if first or not moment.done else moment.step * (1.0 - self.split / moment.done)
        optimizer = optimizers[0 if first else 1]
        for group in optimizer.param_groups:
            group["lr"] = (
                (1.0 if first else PRIOR_RATE)
                * moment.rate
                * min((step + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * part))
            )
        return (
            self._learn_codes(net, optimizer, images, part, moment)
            if first
            else _learn_prior(net, optimizer, images, moment)
        )

    def _learn_codes(
        self, net: Codebooks, optimizer: torch.optim.Optimizer, images: Tensor, part: float, moment: Moment
    ) -> dict[str, Tensor]:
        model = net.model
        with moment.autocast():
            embeddings, codes = model.encode(images)
            vectors = model.embeddings(codes)
            decoded = model.picture([straight_through(z, e) for z, e in zip(embeddings, vectors, strict=True)]).float()
        error = decoded - images
        absolute, squared = error.abs().mean(), error.square().mean()
        commitment = torch.stack([(z - e).square().mean() for z, e in zip(embeddings, vectors, strict=True)]).sum()
        loss = absolute + squared + COMMITMENT * commitment
        descend(loss, optimizer, 1.0)
        net.follow([z.detach() for z in embeddings], codes, moment.generator, part < SETTLING)
        return {"loss": loss, "squared": squared, "commitment": commitment}

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """How far held-out pictures are from their reconstructions, how varied their codes and how probable."""
        assert isinstance(net, VQVAE)
        count, error, nats = min(len(held_out), MEASURED), 0.0, 0.0
        uses = [torch.zeros(codes, dtype=torch.float64) for codes in self.shape.codes]
        for images in _batches(held_out[:count], net):
            codes = net.encode(images)[1]
            error += float((net.decode(codes).clamp(-1, 1) - images).double().square().mean((1, 2, 3)).sum())
            nats -= 0.0 if net.prior is None else float(net.prior.log_likelihood(codes).double().sum())
            for use, maps in zip(uses, codes, strict=True):
                use += torch.bincount(maps.flatten().cpu(), minlength=len(use))
        mean = error / max(count, 1)
        cells = sum(side * side for side in self.shape.sides)
        measures = {
            "images": count,
            "reconstruction_rms": round(math.sqrt(mean), 4),
            "reconstruction_psnr_db": round(-10 * math.log10(max(mean / 4, 1e-12)), 2),
        }
        for name, use in zip(_names(self.shape), uses, strict=True):
            measures[f"perplexity{name}"] = round(perplexity(use), 1)
        if net.prior is not None:
            measures["nats_per_code"] = round(nats / max(count, 1) / cells, 4)
        return measures

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint with what is known of the codes of the training data: use, mean, spread and directions."""
        assert isinstance(net, VQVAE)
        chosen = np.random.default_rng(0).permutation(len(images))[:COUNTED]
        parts = [net.encode(batch)[1] for batch in _batches(images[chosen], net)]
        codes = [torch.cat(maps) for maps in zip(*parts, strict=True)]
        usage = [
            torch.bincount(maps.flatten(), minlength=count).double() / maps.numel()
            for maps, count in zip(codes, self.shape.codes, strict=True)
        ]
        vectors = [part.flatten(1).double() for part in net.embeddings(codes)]
        means = [part.mean(0) for part in vectors]
        scales = [
            (part - mean).square().mean().sqrt().clamp(min=1e-6) for part, mean in zip(vectors, means, strict=True)
        ]
        points = torch.cat([(p - m) / s for p, m, s in zip(vectors, means, scales, strict=True)], 1)
        directions, deviations = principal(points, DIRECTIONS)
        norms = points.norm(dim=1)
        statistics = {
            "mean": torch.cat(means),
            "scale": torch.stack(scales),
            "norm": torch.stack([norms.mean(), norms.std(correction=0)]).clamp(min=1e-6),
            "directions": directions,
            "deviations": deviations,
            **{f"usage.{level}": shares for level, shares in enumerate(usage)},
        }
        config = {
            "family": "vqvae",
            "version": 1,
            "architecture": self.shape.to_json(),
            "preparation": Preparation().to_json(),
            "temperature": self.temperature,
            "perplexity": [round(perplexity(shares), 2) for shares in usage],
            "dead_codes": [int((shares == 0).sum()) for shares in usage],
            **self.about,
            "training": {"codes_share": self.codes_share, **self.about.get("training", {})},
        }
        weights = {name: value.detach().cpu() for name, value in net.state_dict().items()}
        return config, weights | {f"statistics.{name}": value.float().cpu() for name, value in statistics.items()}

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Two rows of held-out pictures, each above its reconstructions, then four rows of samples from the prior."""
        assert isinstance(net, VQVAE)
        device = next(net.parameters()).device
        real = np.stack([held_out[i % len(held_out)] for i in range(32)])
        made = [net.decode(net.encode(images_to_tensor(real, device))[1])]
        if net.prior is not None:
            cells = sum(side * side for side in self.shape.sides)
            chances = torch.rand(64, cells, generator=torch.Generator().manual_seed(1)).to(device)
            made.append(net.decode(net.prior.sample(chances, self.temperature)))
        rebuilt = to_pixels(torch.cat(made).float().cpu().numpy())
        rows = (real[:16], rebuilt[:16], real[16:], rebuilt[16:32], rebuilt[32:])
        return contact_sheet(np.concatenate(rows), 16, gap=2)


def principal(points: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Orthonormal principal directions (k, d) of points (n, d) around 0, and their deviations (k,), largest first.

    k is at most ``most``; directions without spread are left out. Never makes a matrix larger than n x n or d x d,
    whichever is smaller. The sign is chosen so that the largest component is positive.
    """
    n, d = points.shape
    if d <= n:
        values, vectors = torch.linalg.eigh(points.T @ points / n)
        vectors = vectors.T
    else:  # the dual: eigenvectors of the products of all points with each other
        values, shares = torch.linalg.eigh(points @ points.T / n)
        vectors = shares.T @ points
    spread = values.flip(0)[:most]
    vectors = vectors.flip(0)[:most][spread > 1e-9 * spread[0].clamp(min=1e-12)]
    vectors = nn.functional.normalize(vectors, dim=1)
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return vectors * signs, spread[: len(vectors)].clamp(min=0).sqrt()


def _learn_prior(net: Codebooks, optimizer: torch.optim.Optimizer, images: Tensor, moment: Moment) -> dict[str, Tensor]:
    prior = net.model.prior
    assert prior is not None
    with moment.autocast():
        with torch.no_grad():
            codes = net.model.encode(images)[1]
        nats = -prior.log_likelihood(codes).mean() / sum(maps[0].numel() for maps in codes)
    descend(nats, optimizer, 1.0)
    return {"loss": nats}


def _names(shape: VQVAEShape) -> tuple[str, ...]:
    return ("",) if len(shape.codes) == 1 else ("_top", "_bottom")


def _batches(images: Images, net: nn.Module, size: int = 250) -> Iterator[Tensor]:
    device = next(net.parameters()).device
    for start in range(0, len(images), size):
        yield images_to_tensor(images[start : start + size], device)
