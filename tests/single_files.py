"""Stable Diffusion in one file, written with the names of its first authors, out of networks of diffusers."""

from __future__ import annotations

import re
from typing import Final

import torch
from torch import Tensor

__all__ = ["clip_names", "open_clip_names", "unet_names", "vae_names"]

Tensors = dict[str, Tensor]

RESNET: Final = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
UNET: Final = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0", "conv_out": "out.2", "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2", "mid_block.attentions.0": "middle_block.1",
}  # fmt: skip
ATTENTION: Final = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP: Final = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "encoder.layers.": "transformer.resblocks.",
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn": "attn",
    "final_layer_norm": "ln_final",
}  # fmt: skip


def unet_names(weights: Tensors, layers: int) -> Tensors:
    """A UNet2DConditionModel with ``layers`` residual blocks in every block."""
    attended = {found[1] for name in weights if (found := re.match(r"up_blocks\.(\d+)\.attentions", name))}
    return {f"model.diffusion_model.{_unet_name(name, layers, attended)}": value for name, value in weights.items()}


def _unet_name(name: str, layers: int, attended: set[str]) -> str:
    found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name)
    if found:
        way, block, kind, layer, rest = found.groups()
        place = int(block) * (layers + 1) + (int(layer) if "samplers" not in kind else layers)
        base = f"input_blocks.{place + 1}" if way == "down" else f"output_blocks.{place}"
        match kind:
            case "resnets":
                return f"{base}.0.{_resnet(rest)}"
            case "attentions":
                return f"{base}.1.{rest}"
            case "downsamplers":
                return f"{base}.0.{rest.replace('conv', 'op')}"
            case _:
                return f"{base}.{2 if block in attended else 1}.{rest}"
    found = re.match(r"mid_block\.resnets\.(\d)\.(.*)", name)
    if found:
        return f"middle_block.{2 * int(found[1])}.{_resnet(found[2])}"
    return next(name.replace(new, old) for new, old in UNET.items() if name.startswith(new + "."))


def _resnet(rest: str) -> str:
    head, _, tail = rest.partition(".")
    return f"{RESNET[head]}.{tail}"


def vae_names(weights: Tensors, blocks: int) -> Tensors:
    """An AutoencoderKL of so many blocks; its attention is stored as convolutions."""
    made: Tensors = {}
    for name, value in weights.items():
        old = name
        old = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{blocks - 1 - int(found[1])}", old)
        old = re.sub(r"down_blocks\.(\d+)", r"down.\1", old)
        old = re.sub(r"((?:up|down)\.\d+)\.resnets", r"\1.block", old)
        old = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", old)
        old = old.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
        old = old.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if "mid_block.attentions.0" in old:
            old = old.replace("mid_block.attentions.0", "mid.attn_1")
            for new, before in ATTENTION.items():
                old = old.replace(f".{new}.", f".{before}.")
            value = value[:, :, None, None] if value.ndim == 2 else value
        made[f"first_stage_model.{old}"] = value
    return made


def clip_names(weights: Tensors, prefix: str = "cond_stage_model.transformer.") -> Tensors:
    """A text encoder of OpenAI."""
    return {f"{prefix}text_model.{name.removeprefix('text_model.')}": value for name, value in weights.items()}


def open_clip_names(weights: Tensors, prefix: str = "cond_stage_model.model.") -> Tensors:
    """A text encoder of OpenCLIP, which keeps the three matrices of attention in one."""
    made: Tensors = {}
    for name, value in weights.items():
        old = name.removeprefix("text_model.")
        for new, before in OPEN_CLIP.items():
            old = old.replace(new, before)
        if "q_proj" in old:
            three = [weights[name.replace("q_proj", each)] for each in ("q_proj", "k_proj", "v_proj")]
            old, value = old.replace(".q_proj.", ".in_proj_"), torch.cat(three)
        elif "k_proj" in old or "v_proj" in old:
            continue
        if old == "text_projection.weight":
            old, value = "text_projection", value.T.contiguous()
        made[prefix + old] = value
    return made
