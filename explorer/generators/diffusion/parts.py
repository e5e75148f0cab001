"""The parts of a diffusion model behind one face each: networks that predict, and autoencoders.

The networks themselves are those of diffusers; here is only what their inputs and outputs mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from explorer.diffusion import PREDICTION_TYPES, Level, Prediction, boundary_scalings, clipped
from explorer.errors import CheckpointError
from explorer.generators.capabilities import Embedding
from explorer.generators.diffusion.schedules import SchedulePlan

__all__ = ["Autoencoder", "Network", "WeightedClasses", "class_count", "weigh_classes"]

ASSUMED_SIDE: Final = 64  # of latents, where a network does not say
INPAINTING: Final = 9  # input channels: noise, mask and masked picture


class WeightedClasses(nn.Module):
    """An embedding that takes weights (n, classes) instead of a class; 1 for one class is that class."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.weight = table.weight

    def forward(self, weights: Tensor) -> Tensor:
        return weights.to(self.weight.dtype) @ self.weight


def weigh_classes(net: nn.Module) -> None:
    """Have a network take weights of classes. Its parameters keep their names."""
    for _, module in list(net.named_modules()):
        for name in ("class_embedding", "embedding_table"):
            table = getattr(module, name, None)
            if isinstance(table, nn.Embedding):
                setattr(module, name, WeightedClasses(table))


def class_count(kind: str, config: Mapping[str, Any]) -> int:
    """How many classes the embedding of a network holds, with the one that means none; 0 where it has none."""
    if kind in ("DiTTransformer2DModel", "Transformer2DModel"):
        return int(config.get("num_embeds_ada_norm") or 0) + 1
    if kind == "UNet2DModel":
        return int(config.get("num_class_embeds") or 0)
    return 0


class Network:
    """Predicts the clean picture and the noise of x_t, whatever the network behind it is told and gives."""

    def __init__(self, where: str, kind: str, config: Mapping[str, Any], net: nn.Module, plan: SchedulePlan) -> None:
        self.kind, self.config, self.net, self.plan = kind, config, net, plan
        own = getattr(net, "config", {})
        self.channels = int(own.get("in_channels", 0))
        self.out = int(own.get("out_channels") or self.channels)
        _check_kind(where, kind, own)
        if self.out not in (self.channels, 2 * self.channels):
            raise CheckpointError(
                _mismatch(where, self.channels, self.out), "Such models cannot start from noise alone."
            )

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of x_t that the network was trained with."""
        size = getattr(self.net, "config", {}).get("sample_size")
        if isinstance(size, (list, tuple)) and len(size) == 2:
            return int(size[0]), int(size[1])
        side = size if isinstance(size, int) else ASSUMED_SIDE
        return side, side

    def fits(self, height: int, width: int) -> bool:
        """Whether every halving of the sides (or division into patches) comes out even."""
        blocks = self.config.get("block_out_channels")
        step = self.config.get("patch_size", 2 ** (len(blocks) - 1) if isinstance(blocks, (list, tuple)) else 1)
        return min(height, width) > 0 and height % step == 0 and width % step == 0

    def predict(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        """The prediction of x_t (n, c, h, w), by one call of the network, in single precision."""
        if self.plan.prediction == "consistency":
            return self._consistent(noisy, level, embedding)
        raw = self._call(noisy, level.time, embedding)
        prediction = PREDICTION_TYPES[self.plan.prediction](raw, noisy, level)
        return clipped(prediction, noisy, level, self.plan.limit) if self.plan.limit else prediction

    def _consistent(self, noisy: Tensor, level: Level, embedding: Embedding) -> Prediction:
        """f(x, sigma) = c_skip x + c_out F(c_in x) (Song et al. 2023, eq. 5 and appendix C)."""
        data = getattr(self.plan.schedule, "sigma_data", 0.5)
        least = getattr(self.plan.schedule, "sigma_min", 0.002)
        skip, out = boundary_scalings(level.sigma, data, least)
        raw = self._call(noisy / (level.sigma**2 + data**2) ** 0.5, level.time, embedding)
        clean = skip * noisy + out * raw
        clean = clean.clamp(-self.plan.limit, self.plan.limit) if self.plan.limit else clean
        return PREDICTION_TYPES["sample"](clean, noisy, level)

    def _call(self, noisy: Tensor, time: float, embedding: Embedding) -> Tensor:
        """What the network itself gives, (n, c, h, w) float32 (float64 for float64): the mean where it gives more."""
        net, dtype = self.net, next(self.net.parameters()).dtype
        given = noisy.to(dtype)
        times = torch.full((len(noisy),), time, device=noisy.device, dtype=torch.float32)
        known = {name: value.to(dtype) for name, value in embedding.items()}
        match self.kind:
            case "UNet2DModel":
                if self.config.get("time_embedding_type") == "learned":
                    times = times.round().long()
                raw = net(given, times, class_labels=known.get("classes"), return_dict=False)[0]
            case "UNet2DConditionModel":
                added = {name: known[name] for name in ("text_embeds", "time_ids") if name in known}
                raw = net(
                    given,
                    times,
                    encoder_hidden_states=known["text"],
                    timestep_cond=known.get("guidance"),
                    added_cond_kwargs=added or None,
                    return_dict=False,
                )[0]
            case "SD3Transformer2DModel":
                raw = net(
                    hidden_states=given,
                    timestep=times,
                    encoder_hidden_states=known["text"],
                    pooled_projections=known["text_embeds"],
                    return_dict=False,
                )[0]
            case _:  # DiT
                raw = net(given, timestep=times, class_labels=known["classes"], return_dict=False)[0]
        mean: Tensor = raw[:, : noisy.shape[1]].to(noisy.dtype)
        return mean


class Autoencoder:
    """Between clean latents, as the network has them, and pictures. Without a net both are the same."""

    def __init__(self, kind: str, net: nn.Module | None) -> None:
        self.kind, self.net = kind, net
        self.config: Mapping[str, Any] = getattr(net, "config", {})

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of the latents and of the pictures."""
        latent = self.config.get("latent_channels", 0)
        if self.kind == "VQModel":
            latent = self.config.get("vq_embed_dim") or latent
        return int(latent), int(self.config.get("out_channels", 3))

    @property
    def factor(self) -> int:
        """How many pixels a side of a latent stands for."""
        blocks = self.config.get(
            "decoder_block_out_channels" if self.kind == "AutoencoderTiny" else "block_out_channels"
        )
        return int(2 ** (len(blocks or (0,)) - 1))

    def is_sound(self) -> bool:
        """Whether what the settings say of the size of codes are numbers that can be used."""
        try:
            scale, shift = self.statistics(torch.zeros(1, self.channels[0], 1, 1))
            finite = torch.isfinite(scale).all() and torch.isfinite(shift).all() and (scale != 0).all()
            return bool(finite) and all(value.numel() in (1, self.channels[0]) for value in (scale, shift))
        except (TypeError, ValueError, RuntimeError):
            return False

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (n, C, H, W) of clean latents (n, c, h, w)."""
        net: Any = self.net
        if net is None:
            return latents
        scale, shift = self.statistics(latents)
        images: Tensor = net.decode((latents * scale + shift).to(_dtype(net)), return_dict=False)[0]
        return images.to(latents.dtype)

    def encode(self, images: Tensor) -> Tensor:
        """Clean latents (n, c, h, w) of pictures in [-1, 1]: the mean of the posterior."""
        net: Any = self.net
        if net is None:
            return images
        given = images.to(_dtype(net))
        match self.kind:
            case "AutoencoderKL":
                codes = net.encode(given, return_dict=False)[0].mode()
            case _:
                codes = net.encode(given, return_dict=False)[0]
        codes = codes.to(images.dtype)
        scale, shift = self.statistics(codes)
        latents: Tensor = (codes - shift) / scale
        return latents

    def statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """What codes are divided by, after the second was taken off; per channel where the settings say so."""
        factor = float(self.config.get("scaling_factor") or 1.0)
        mean, deviation = self.config.get("latents_mean"), self.config.get("latents_std")
        shift = torch.tensor(float(self.config.get("shift_factor") or 0.0), device=like.device, dtype=like.dtype)
        scale = torch.tensor(1 / factor, device=like.device, dtype=like.dtype)
        if mean and deviation:
            shape = (1, -1, 1, 1)
            shift = torch.tensor(mean, device=like.device, dtype=like.dtype).reshape(shape)
            scale = torch.tensor(deviation, device=like.device, dtype=like.dtype).reshape(shape) / factor
        return scale, shift


def _check_kind(where: str, kind: str, config: Mapping[str, Any]) -> None:
    """Refuse networks that want more than noise, time, classes and text."""
    if kind == "UNet2DModel" and (
        config.get("class_embed_type") is not None or config.get("time_embedding_type") == "fourier"
    ):
        raise CheckpointError(f"{where} has a network with a conditioning that is not known here.")
    if kind != "UNet2DConditionModel":
        return
    wanted = (config.get("class_embed_type"), config.get("encoder_hid_dim_type"), config.get("num_class_embeds"))
    if any(each is not None for each in wanted) or config.get("addition_embed_type") not in (None, "text_time"):
        raise CheckpointError(f"{where} has a network with a conditioning that is not known here.")


def _mismatch(where: str, channels: int, out: int) -> str:
    if channels == INPAINTING:
        return f"{where} is made for filling in parts of a picture, and cannot be used without one."
    return f"{where} needs a picture beside the noise: it reads {channels} channels and predicts {out}."


def _dtype(net: nn.Module) -> torch.dtype:
    return next(net.parameters()).dtype
