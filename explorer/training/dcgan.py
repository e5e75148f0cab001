"""Training a DCGAN with either of two games: the first one of GANs, or that of Wasserstein with a gradient penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.formats import write_native
from explorer.imaging import Preparation, contact_sheet, to_pixels
from explorer.nets.dcgan import DCGAN, Critic, DCGANShape
from explorer.training.gan_measures import compare
from explorer.training.loop import Images, Moment, descend

__all__ = ["NON_SATURATING", "WASSERSTEIN", "DCGANRecipe", "Game", "gradient_penalty"]

MEASURED: Final = 2_000  # pictures a measurement uses at most
SETTLED: Final = 2_000  # draws for the statistics of the averaged generator


@dataclass(frozen=True, slots=True)
class Game:
    """What the two players are told to make small, and how they play.

    ``critic_loss`` takes the scores (n,) of real and of generated pictures, ``generator_loss`` those of generated
    ones. ``norm`` is that of the critic, ``betas`` are Adam's, ``critic_steps`` the critic's steps for each of the
    generator's, ``penalty`` the weight of the gradient penalty.
    """

    name: str
    critic_loss: Callable[[Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor], Tensor]
    norm: str
    betas: tuple[float, float]
    critic_steps: int = 1
    penalty: float = 0.0


def _tell_apart(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _pass_for_real(fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def _pull_apart(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _come_closer(fake: Tensor) -> Tensor:
    return -fake.mean()


# Goodfellow et al. 2014, section 3, with the generator's loss that does not saturate; Radford et al. 2016.
NON_SATURATING: Final = Game("non-saturating", _tell_apart, _pass_for_real, "batch", (0.5, 0.999))
# Gulrajani et al. 2017, algorithm 1.
WASSERSTEIN: Final = Game("wasserstein", _pull_apart, _come_closer, "layer", (0.0, 0.9), 5, 10.0)


class Players(nn.Module):
    """Both networks."""

    def __init__(self, shape: DCGANShape, widths: tuple[int, ...], norm: str) -> None:
        super().__init__()
        self.generator = DCGAN(shape)
        self.critic = Critic(shape.size, shape.channels, widths, norm)


@dataclass
class DCGANRecipe:
    """One step is one of the critic; the generator takes its own after ``game.critic_steps`` of them."""

    write = staticmethod(write_native)
    shape: DCGANShape
    game: Game = NON_SATURATING
    about: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net: nn.Module = Players(self.shape, self.shape.widths[::-1], self.game.norm)

    def averaged(self, net: nn.Module) -> nn.Module:
        assert isinstance(net, Players)
        return net.generator

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        """Adam for each player."""
        assert isinstance(net, Players)
        players = (net.generator, net.critic)
        return tuple(torch.optim.Adam(player.parameters(), rate, betas=self.game.betas) for player in players)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step of the critic, and one of the generator when its turn has come."""
        assert isinstance(net, Players)
        game, critic = self.game, net.critic
        with moment.autocast():
            with torch.no_grad():
                made = self._generate(net, len(images), moment)
            real, fake = critic(images).float(), critic(made).float()
            loss = game.critic_loss(real, fake)
        losses = {"loss": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
        if game.penalty > 0:
            penalty = gradient_penalty(critic, images, made.float(), moment.generator)
            loss = loss + game.penalty * penalty
            losses |= {"penalty": penalty.detach()}
        descend(loss, optimizers[1])
        if (moment.step + 1) % game.critic_steps == 0:
            critic.requires_grad_(False)
            try:
                with moment.autocast():
                    judged = critic(self._generate(net, len(images), moment)).float()
                descend(game.generator_loss(judged), optimizers[0])
            finally:
                critic.requires_grad_(True)
        return losses

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """How far, how varied and how complete samples are, beside real pictures; see ``compare``."""
        count = min(len(held_out), MEASURED)
        return compare(self._draw(net, count, seed=2), held_out[:count])

    @torch.no_grad()
    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint, with statistics of the averaged generator's own features."""
        self._settle(net)
        game = {"loss": self.game.name, "critic_steps": self.game.critic_steps, "penalty": self.game.penalty}
        config = {
            "family": "dcgan",
            "version": 1,
            "architecture": self.shape.to_json(),
            "preparation": Preparation().to_json(),
            **self.about,
            "training": {**game, **self.about.get("training", {})},
        }
        weights = {name: value.detach().cpu() for name, value in net.state_dict().items()}
        return config, {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}

    @torch.no_grad()
    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Ten rows of ten samples."""
        return contact_sheet(self._draw(net, 100, seed=1), 10, gap=2)

    def _generate(self, net: Players, count: int, moment: Moment) -> Tensor:
        latents = torch.randn(count, self.shape.latent, generator=moment.generator, device=moment.device)
        made: Tensor = net.generator(latents)
        return made

    def _settle(self, net: nn.Module) -> DCGAN:
        assert isinstance(net, DCGAN)
        latents = torch.randn(SETTLED, self.shape.latent, generator=torch.Generator().manual_seed(0))
        net.settle(latents.to(next(net.parameters()).device))
        return net

    def _draw(self, net: nn.Module, count: int, seed: int) -> Images:
        """Pictures (count, h, w, c)."""
        settled = self._settle(net)
        device = next(net.parameters()).device
        latents = torch.randn(count, self.shape.latent, generator=torch.Generator().manual_seed(seed)).to(device)
        return np.concatenate([to_pixels(settled(part).float().cpu().numpy()) for part in torch.split(latents, 100)])


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, draws: torch.Generator) -> Tensor:
    """E (|grad D(x)| - 1)^2 at points between real and generated pictures (Gulrajani et al. 2017, eq. 3), in full
    precision: its gradient is a second derivative."""
    share = torch.rand(len(real), 1, 1, 1, generator=draws, device=real.device)
    between = torch.lerp(fake.detach(), real, share).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty: Tensor = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return penalty
