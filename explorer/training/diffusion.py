"""Training diffusion and flow matching, in pixels or in the latent space of an autoencoder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.imaging import Preparation, contact_sheet
from explorer.training.autoencoder import trapezoid
from explorer.training.folders import write_folder
from explorer.training.gan_measures import compare
from explorer.training.loop import Images, Moment, descend
from explorer.training.processes import Flow, Process, VariancePreserving
from explorer.training.unets import Classes, Space, batches, make_pictures, make_unet, stratified

__all__ = ["DiffusionRecipe", "sample_grid", "weights_of"]

UNTOLD: Final = 0.1  # how often the class is kept from the network (Ho and Salimans 2022, algorithm 1)
MEASURED: Final = 200  # samples, and held-out pictures, a measurement uses at most


@dataclass
class DiffusionRecipe:
    """E |f(x_t, t) - target|^2, with t spread evenly in a batch (Ho et al. 2020, eq. 14; Lipman et al. 2023, eq. 9).

    ``latents`` are the pictures of the dataset in ``space``, in its order, or None where that is pictures themselves;
    ``classes`` are theirs, or None.
    """

    space: Space
    latents: Tensor | None
    widths: tuple[int, ...]
    classes: Classes | None = None
    process: Process = field(default_factory=VariancePreserving.cosine)
    steps: int = 25  # when pictures are made
    guidance: float = 2.0
    about: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.net: nn.Module = make_unet(self.space.shape, self.widths, self.classes.count if self.classes else 0)

    def averaged(self, net: nn.Module) -> nn.Module:
        return net

    def optimizers(self, net: nn.Module, rate: float) -> tuple[torch.optim.Optimizer, ...]:
        return (torch.optim.AdamW(net.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01),)

    def update(
        self,
        net: nn.Module,
        optimizers: tuple[torch.optim.Optimizer, ...],
        images: Tensor,
        chosen: npt.NDArray[np.int64],
        moment: Moment,
    ) -> dict[str, Tensor]:
        """One step on the latents of the pictures."""
        for group in optimizers[0].param_groups:
            group["lr"] = moment.rate * trapezoid(moment.step, moment.done)
        clean = images if self.latents is None else self.latents[torch.from_numpy(chosen)].to(moment.device)
        told = None
        if self.classes is not None:
            told = self.classes.of(chosen, moment.device)
            untold = torch.rand(len(told), generator=moment.generator, device=moment.device) < UNTOLD
            told = torch.where(untold, self.classes.count, told)
        with moment.autocast():
            loss = self._loss(net, clean, told, moment.generator)
        descend(loss, optimizers[0], 1.0)
        return {"loss": loss}

    def _loss(self, net: nn.Module, clean: Tensor, told: Tensor | None, generator: torch.Generator) -> Tensor:
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        moments = stratified(len(clean), generator, clean.device)
        noisy, time, target = self.process.noised(clean, noise, moments)
        said = net(noisy, time, told).sample.float()
        return nn.functional.mse_loss(said, target)

    @torch.no_grad()
    def measure(self, net: nn.Module, held_out: Images) -> dict[str, float]:
        """The loss without a class on held-out pictures at fixed times and noise, and how samples compare with them."""
        device = next(net.parameters()).device
        real = held_out[:MEASURED]
        generator = torch.Generator(device).manual_seed(0)
        total = 0.0
        for (clean,) in batches(self.space.encode(real).to(device)):
            told = torch.full((len(clean),), self.classes.count, device=device) if self.classes else None
            total += float(self._loss(net, clean, told, generator)) * len(clean)
        told = self.classes.spread(len(real), device) if self.classes else None
        noise = torch.randn(len(real), *self.space.shape, generator=torch.Generator().manual_seed(2)).to(device)
        made = make_pictures(net, self.space, self.process, told, noise, self.steps, self.guidance)
        return {**compare(made, real), "loss_without_class": round(total / max(len(real), 1), 4)}

    def finish(self, net: nn.Module, images: Images) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The checkpoint; of the autoencoder the weights are copied."""
        is_flow = isinstance(self.process, Flow)
        config = {
            "family": "diffusion",
            "version": 1,
            "preparation": Preparation().to_json(),
            **({"classes": self.classes.count} if self.classes else {}),
            "sampling": {
                "sampler": "flow_euler" if is_flow else "ddim",
                "steps": self.steps,
                "guidance": self.guidance if self.classes else 1.0,
            },
            **self.about,
        }
        return config, weights_of(net, self.space)

    def write(self, out: Path, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """A folder that diffusers opens part by part."""
        parts: dict[str, Any] = {"unet": self.net, "scheduler": self.process.scheduler()}
        if self.space.autoencoder is not None:
            parts["vae"] = self.space.autoencoder
        write_folder(out, config, parts, weights, "DiffusionPipeline")

    def samples(self, net: nn.Module, held_out: Images) -> Images:
        """Rows of ten samples, a class for every column where there are classes."""

        def make(classes: Tensor | None, noise: Tensor) -> Images:
            return make_pictures(net, self.space, self.process, classes, noise, self.steps, self.guidance)

        return sample_grid(net, self.space, self.classes, make)


def sample_grid(net: nn.Module, space: Space, classes: Classes | None, make: Any) -> Images:
    """Six rows of ten pictures that ``make(classes, noise)`` gives, the classes in turn along every row."""
    device = next(net.parameters()).device
    noise = torch.randn(60, *space.shape, generator=torch.Generator().manual_seed(1)).to(device)
    told = torch.arange(60, device=device) % 10 % classes.count if classes else None
    return contact_sheet(make(told, noise), 10, gap=2)


def weights_of(net: nn.Module, space: Space) -> dict[str, Tensor]:
    """The tensors of the network and of its autoencoder, named by their part of the folder."""
    weights = {f"unet.{name}": value.detach().cpu() for name, value in net.state_dict().items()}
    if space.autoencoder is not None:
        weights |= {f"vae.{name}": value.detach().cpu() for name, value in space.autoencoder.state_dict().items()}
    return weights
