"""The network of a diffusion model, and drawing pictures with it while it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explorer.imaging import to_pixels
from explorer.training.autoencoder import encode_all, picture
from explorer.training.folders import library
from explorer.training.loop import Images, images_to_tensor
from explorer.training.processes import Process, walk

__all__ = ["DEFAULT_WIDTHS", "Classes", "Space", "guided", "make_pictures", "make_unet"]

# Channels per level by the side of what is denoised; the last level is 4x4, where attention is cheap.
DEFAULT_WIDTHS: Final = {
    4: (128,),
    8: (64, 128),
    16: (32, 96, 128),
    32: (16, 32, 96, 128),
    64: (16, 32, 64, 96, 128),
    128: (16, 16, 32, 64, 96, 128),
    256: (16, 16, 32, 32, 64, 96, 128),
}
GROUPS: Final = 8
HEAD: Final = 32  # channels per head of attention


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where noise is added: pictures themselves, or the normalised latents of an autoencoder."""

    shape: tuple[int, int, int]
    autoencoder: nn.Module | None = None

    @staticmethod
    def of(image_shape: tuple[int, int, int], autoencoder: nn.Module | None) -> Space:
        """Raises ValueError where the autoencoder is one for other pictures."""
        if autoencoder is None:
            return Space(image_shape)
        config: Any = autoencoder.config
        channels, side, _ = image_shape
        if (config.in_channels, config.sample_size) != (channels, side):
            raise ValueError(f"it is for pictures of {config.sample_size} pixels and {config.in_channels} channels")
        if config.latents_mean is None or config.latents_std is None:
            raise ValueError("it does not say how its latents are distributed")
        smaller = side // 2 ** (len(config.block_out_channels) - 1)
        return Space((config.latent_channels, smaller, smaller), autoencoder.eval().requires_grad_(False))

    def encode(self, images: Images) -> Tensor:
        """Pictures (n, H, W, C) as (n, *shape)."""
        return images_to_tensor(images) if self.autoencoder is None else encode_all(self.autoencoder, images)

    def decode(self, latents: Tensor) -> Images:
        """What ``encode`` gives, as pictures (n, H, W, C)."""
        parts = torch.split(latents, 100)
        images = parts if self.autoencoder is None else [picture(self.autoencoder, part) for part in parts]
        return np.concatenate([to_pixels(part.float().cpu().numpy()) for part in images])


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The class of every picture of the dataset, in its order. The number after the last class means: none."""

    labels: npt.NDArray[np.int64]
    count: int

    def of(self, chosen: npt.NDArray[np.int64], device: torch.device) -> Tensor:
        """The classes (n,) of pictures."""
        return torch.from_numpy(self.labels[chosen]).to(device)

    def spread(self, count: int, device: torch.device) -> Tensor:
        """The classes of pictures spread evenly over the dataset."""
        return self.of(np.linspace(0, len(self.labels) - 1, count).astype(np.int64), device)


def make_unet(shape: tuple[int, int, int], widths: tuple[int, ...], classes: int) -> nn.Module:
    """A U-Net (Ho et al. 2020, appendix B) with attention in its smallest level and time and class as scale and shift.

    ``classes`` counts the classes, without the one that means none; 0: it is told no class. It begins by saying 0.
    """
    smallest = len(widths) - 1
    net: nn.Module = library().UNet2DModel(
        sample_size=shape[1],
        in_channels=shape[0],
        out_channels=shape[0],
        block_out_channels=widths,
        down_block_types=("DownBlock2D",) * smallest + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * smallest,
        layers_per_block=1,
        norm_num_groups=GROUPS,
        attention_head_dim=HEAD,
        num_class_embeds=classes + 1 if classes else None,
        resnet_time_scale_shift="scale_shift",
    )
    for name, module in net.named_modules():
        if name.endswith(("conv2", "to_out.0", "conv_out")):  # every branch begins as nothing
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    return net


def guided(net: nn.Module, noisy: Tensor, time: Tensor, classes: Tensor | None, scale: float) -> Tensor:
    """What the network says, away from what it says without a class (Ho and Salimans 2022, eq. 6): u + s (c - u)."""
    if classes is None:
        said: Tensor = net(noisy, time).sample
        return said
    if scale == 1:
        said = net(noisy, time, classes).sample
        return said
    config: Any = net.config
    none = torch.full_like(classes, config.num_class_embeds - 1)
    both = net(torch.cat([noisy, noisy]), torch.cat([time, time]), torch.cat([classes, none])).sample
    told, untold = both.chunk(2)
    said = untold + scale * (told - untold)
    return said


@torch.no_grad()
def make_pictures(
    net: nn.Module,
    space: Space,
    process: Process,
    classes: Tensor | None,
    noise: Tensor,
    steps: int,
    scale: float,
) -> Images:
    """Pictures (n, H, W, C) of noise (n, *space.shape)."""
    parts = []
    for start in range(0, len(noise), 100):
        here = slice(start, start + 100)
        said = partial(guided, net, classes=None if classes is None else classes[here], scale=scale)
        *_, clean = walk(process, said, noise[here], steps)
        parts.append(clean)
    return space.decode(torch.cat(parts))


def stratified(count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Moments (n,) in [0, 1), one in every n-th part, in random order (Kingma et al. 2021, appendix I.1)."""
    spread = torch.arange(count, device=device) + torch.rand(count, generator=generator, device=device)
    return spread / count


def batches(*tensors: Tensor, size: int = 250) -> Iterator[tuple[Tensor, ...]]:
    """The same parts of several tensors."""
    return zip(*(torch.split(tensor, size) for tensor in tensors), strict=True)
