"""Training a StyleGAN2 (Karras et al. 2020; adaptive augmentation: Karras et al. 2020b)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.formats import write_native
from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.nets.discriminator import Discriminator
from explorer.nets.stylegan2 import StyleGAN2, StyleGAN2Shape, random_noise
from explorer.training.augment import AdaptiveAugmentation
from explorer.training.gan_measures import compare
from explorer.training.loop import Diverged, Images, Moment, descend

__all__ = ["StyleGAN2Recipe"]

LAZY_R1: Final = 16  # steps between two penalties (Karras et al. 2020, section 3.1)
LAZY_PATH: Final = 4
PATH_DECAY: Final = 0.01
MIXED: Final = 0.5  # how often two points share a picture (style mixing, Karras et al. 2019, section 3.1)
MEASURED: Final = 2_000  # pictures a measurement uses at most
AVERAGED: Final = 10_000  # draws for the mean style
LOST: Final = 30.0  # a discriminator's logit beyond this means that the game is over


class Players(nn.Module):
    """Both networks, and what the run remembers beside their weights."""

    path_mean: Tensor

    def __init__(self, shape: StyleGAN2Shape, is_adaptive: bool) -> None:
        super().__init__()
        self.generator = StyleGAN2(shape)
        self.discriminator = Discriminator(shape.image_channels, shape.channels, shape.classes)
        self.augment = AdaptiveAugmentation(is_adaptive)
        self.register_buffer("path_mean", torch.zeros(()))


@dataclass
class StyleGAN2Recipe:
    """The non-saturating loss (Goodfellow et al. 2014) with lazy R1 (Mescheder et al. 2018) and an optional path
    length penalty (Karras et al. 2020, eq. 4).

    ``labels`` are the classes (n,) of the pictures in the order of the dataset, or None. ``gamma`` weighs R1.
    """

    write = staticmethod(write_native)
    shape: StyleGAN2Shape
    labels: npt.NDArray[np.int64] | None = None
    gamma: float = 0.3
    path_weight: float = 0.0
    is_adaptive: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net: nn.Module = Players(self.shape, self.is_adaptive)

    def averaged(self, net: nn.Module) -> nn.Module:
        assert isinstance(net, Players)
        return net.generator

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        """Adam for each player; its steps are shortened by as much as lazy penalties add to them."""
        assert isinstance(net, Players)
        share = LAZY_R1 / (LAZY_R1 + 1)
        return (
            torch.optim.Adam(net.generator.parameters(), rate, betas=(0.0, 0.99)),
            torch.optim.Adam(net.discriminator.parameters(), rate * share, betas=(0.0, 0.99**share)),
        )

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step of both players on the same generated pictures."""
        assert isinstance(net, Players)
        condition = self._classes(chosen, moment.device)
        critic, draws = net.discriminator, moment.generator
        both = None if condition is None else torch.cat([condition, condition])
        with moment.autocast():
            styles, made = self._generate(net.generator, condition, len(images), moment)
            shown = net.augment(torch.cat([made.detach(), images]), draws)
            fake, real = critic(shown, both).chunk(2)
            loss = F.softplus(fake).mean() + F.softplus(-real).mean()
        net.augment.follow(real)
        losses = {"discriminator": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
        if not float(torch.stack([losses["real"], losses["fake"]]).abs().max()) < LOST:
            raise Diverged("the discriminator tells all pictures apart, and the generator learns nothing from it")
        if self.gamma > 0 and moment.step % LAZY_R1 == 0:
            penalty = self._r1(net, images, condition, draws)
            loss = loss + penalty * LAZY_R1
        descend(loss, optimizers[1])
        critic.requires_grad_(False)
        try:
            with moment.autocast():
                judged = critic(net.augment(made, draws), condition)
                loss = F.softplus(-judged).mean()
            losses |= {"loss": loss.detach()}
            if self.path_weight > 0 and moment.step % LAZY_PATH == 0:
                loss = loss + self.path_weight * LAZY_PATH * self._path_length(net, styles, made)
            descend(loss, optimizers[0])
        finally:
            critic.requires_grad_(True)
        return losses | ({"augmentation": net.augment.p} if self.is_adaptive else {})

    def _generate(self, net: StyleGAN2, condition: Tensor | None, count: int, moment: Moment) -> tuple[Tensor, Tensor]:
        """Styles (n, layers, w) and pictures of fresh points, some with the fine styles of others."""
        device, draws = moment.device, moment.generator
        latents = torch.randn(2 * count, self.shape.z, generator=draws, device=device)
        both = None if condition is None else torch.cat([condition, condition])
        one, other = net.styles(latents, both).float().chunk(2)
        rows = torch.arange(self.shape.layers, device=device)
        cut = torch.randint(1, self.shape.layers, (count, 1), generator=draws, device=device)
        cut = torch.where(torch.rand(count, 1, generator=draws, device=device) < MIXED, cut, self.shape.layers)
        styles = torch.where((rows < cut)[:, :, None], one[:, None], other[:, None])
        noise = random_noise(count, draws) if self.shape.noise else None
        return styles, net.synthesis(styles, noise).float()

    def _r1(self, net: Players, images: Tensor, condition: Tensor | None, draws: torch.Generator) -> Tensor:
        """gamma / 2 E |grad D(real)|^2, in full precision: its gradient is a second derivative."""
        seen = net.augment(images, draws).detach().requires_grad_()
        logits = net.discriminator(seen, condition)
        (gradient,) = torch.autograd.grad(logits.sum(), seen, create_graph=True)
        penalty: Tensor = self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()
        return penalty

    def _path_length(self, net: Players, styles: Tensor, made: Tensor) -> Tensor:
        """E (|J^T y| - a)^2 with a the running mean of the lengths (Karras et al. 2020, eq. 4)."""
        pixels = made.shape[2] * made.shape[3]
        probe = torch.randn_like(made) / pixels**0.5
        (gradient,) = torch.autograd.grad((made * probe).sum(), styles, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()
        net.path_mean.lerp_(lengths.detach().mean(), PATH_DECAY)
        return (lengths - net.path_mean).square().mean()

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """How far, how varied and how complete samples are, beside real pictures; see ``compare``."""
        assert isinstance(net, StyleGAN2)
        count = min(len(held_out), MEASURED)
        return compare(self._draw(net, count, seed=2), held_out[:count])

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint, with the mean style of 10,000 draws."""
        assert isinstance(net, StyleGAN2)
        device = next(net.parameters()).device
        latents = torch.randn(AVERAGED, self.shape.z, generator=torch.Generator().manual_seed(0)).to(device)
        condition = self._some_classes(AVERAGED, device)
        net.mapping.w_avg.copy_(net.styles(latents, condition).float().mean(0))
        config = {
            "family": "stylegan2",
            "version": 1,
            "architecture": self.shape.to_json(),
            "preparation": Preparation().to_json(),
            **self.about,
            "training": {
                "gamma": self.gamma,
                "path_length_weight": self.path_weight,
                "adaptive_augmentation": self.is_adaptive,
                **self.about.get("training", {}),
            },
        }
        return config, {name: value.detach().cpu() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Rows of ten samples, a class for every column where there are classes."""
        assert isinstance(net, StyleGAN2)
        return contact_sheet(self._draw(net, 100, seed=1, columns=10), 10, gap=2)

    def _draw(self, net: StyleGAN2, count: int, seed: int, columns: int = 0) -> Images:
        """Pictures (count, h, w, c) without truncation; classes as in the data, or in turn over ``columns``."""
        device = next(net.parameters()).device
        latents = torch.randn(count, self.shape.z, generator=torch.Generator().manual_seed(seed)).to(device)
        condition = self._some_classes(count, device)
        if columns and condition is not None:
            order = torch.arange(count, device=device) % columns % self.shape.classes
            condition = F.one_hot(order, self.shape.classes).float()
        parts = []
        for start in range(0, count, 100):
            here = slice(start, min(start + 100, count))
            styles = net.styles(latents[here], None if condition is None else condition[here])
            made = net.synthesis(net.broadcast(styles), None)
            parts.append(to_pixels(made.float().cpu().numpy()))
        return np.concatenate(parts)

    def _classes(self, chosen: npt.NDArray[np.int64], device: torch.device) -> Tensor | None:
        """Class weights (n, classes) of pictures of the dataset."""
        if self.labels is None or not self.shape.classes:
            return None
        return F.one_hot(torch.from_numpy(self.labels[chosen]).to(device), self.shape.classes).float()

    def _some_classes(self, count: int, device: torch.device) -> Tensor | None:
        """Class weights (n, classes) of pictures spread evenly over the dataset."""
        if self.labels is None:
            return None
        return self._classes(np.linspace(0, len(self.labels) - 1, count).astype(np.int64), device)
