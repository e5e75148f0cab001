"""Tiny diffusion models with random weights, written to folders by diffusers and transformers themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

__all__ = ["FOLDERS", "TEXT_FOLDERS", "clip_files", "ldm_folder", "own_folder", "pixel_folder", "write_index"]

SIDE: Final = 8
WORDS: Final = (
    *"abcdet",
    *(f"{letter}</w>" for letter in "abcdet"),
    "ca",
    "cat</w>",
    "<|startoftext|>",
    "<|endoftext|>",
)


def pixel_folder(folder: Path, scheduler: str = "DDPMScheduler", classes: int | None = None, **settings: Any) -> Path:
    """Colour pictures of 8 x 8 pixels, and perhaps classes without one that means none."""
    save(folder, {"unet": unet(3, classes), "scheduler": made_scheduler(scheduler, **settings)})
    return folder


def ldm_folder(folder: Path, kind: str = "AutoencoderKL", classes: int | None = None) -> Path:
    """Latents of 8 x 8, pictures of 16 x 16."""
    name = "vqvae" if kind == "VQModel" else "vae"
    save(
        folder,
        {
            "unet": unet(4, classes),
            name: autoencoder(kind),
            "scheduler": made_scheduler("DDIMScheduler", clip_sample=False),
        },
    )
    return folder


def own_folder(folder: Path, latent: bool = True, **own: Any) -> Path:
    """A model of three classes as our training writes it; the last place of its classes means none."""
    parts: dict[str, Any] = {"unet": unet(4 if latent else 1, 4)}
    if latent:
        parts["vae"] = autoencoder(
            "AutoencoderKL", 1, latents_mean=[0.1, 0.2, 0.3, 0.4], latents_std=[1.5, 0.5, 1.0, 2.0]
        )
    parts["scheduler"] = made_scheduler(
        "DDIMScheduler",
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
    )
    save(folder, parts)
    told = {
        "family": "diffusion",
        "version": 1,
        "name": "tiny shoes",
        "classes": 3,
        "class_names": ["boot", "clog", "pump"],
        "preparation": {"content": 6, "background": [0, 0, 0]},
        "sampling": {"sampler": "ddim", "steps": 6, "guidance": 2.5},
        **own,
    }
    (folder / "latent-explorer.json").write_text(json.dumps(told))
    return folder


def flow_folder(folder: Path) -> Path:
    save(folder, {"unet": unet(1, None), "scheduler": made_scheduler("FlowMatchEulerDiscreteScheduler", shift=3.0)})
    return folder


def consistency_folder(folder: Path) -> Path:
    save(folder, {"unet": unet(3, None), "scheduler": made_scheduler("CMStochasticIterativeScheduler")})
    return folder


def dit_folder(folder: Path) -> Path:
    """DiT of 5 classes with learned variances."""
    from diffusers import DiTTransformer2DModel

    net = randomised(
        lambda: DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=4,
            out_channels=8,
            num_layers=2,
            sample_size=SIDE,
            num_embeds_ada_norm=5,
            norm_num_groups=4,
        )
    )
    save(
        folder, {"transformer": net, "vae": autoencoder("AutoencoderKL"), "scheduler": made_scheduler("DDIMScheduler")}
    )
    labels = {str(index): word for index, word in enumerate(("ant", "bee", "cow", "dog", "eel"))}
    write_index(folder, id2label=labels)
    return folder


def sd_folder(folder: Path, **settings: Any) -> Path:
    """Stable Diffusion 1: one text encoder."""
    save(
        folder,
        {
            "unet": text_unet(**settings),
            "vae": autoencoder("AutoencoderKL"),
            "text_encoder": clip(16),
            "scheduler": made_scheduler(
                "PNDMScheduler", skip_prk_steps=True, steps_offset=1, beta_schedule="scaled_linear"
            ),
        },
    )
    clip_files(folder / "tokenizer")
    write_index(
        folder,
        tokenizer=["transformers", "CLIPTokenizer"],
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=[None, None],
    )
    return folder


def lcm_folder(folder: Path) -> Path:
    """A latent consistency model of text, which is told its guidance."""
    sd_folder(folder, time_cond_proj_dim=8)
    made_scheduler("LCMScheduler").save_pretrained(folder / "scheduler")
    write_index(folder, scheduler=["diffusers", "LCMScheduler"])
    return folder


def xl_folder(folder: Path) -> Path:
    """Stable Diffusion XL: two text encoders, a summary, and sizes."""
    net = text_unet(
        cross_attention_dim=40,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=24 + 6 * 4,
    )
    save(
        folder,
        {
            "unet": net,
            "vae": autoencoder("AutoencoderTiny"),
            "text_encoder": clip(16),
            "text_encoder_2": clip(24, projected=True),
            "scheduler": made_scheduler("EulerDiscreteScheduler"),
        },
    )
    for name in ("tokenizer", "tokenizer_2"):
        clip_files(folder / name)
    tokenizer = ["transformers", "CLIPTokenizer"]
    write_index(folder, tokenizer=tokenizer, tokenizer_2=tokenizer, force_zeros_for_empty_prompt=True)
    return folder


def sd3_folder(folder: Path) -> Path:
    """Stable Diffusion 3 without T5."""
    from diffusers import SD3Transformer2DModel

    net = randomised(
        lambda: SD3Transformer2DModel(
            sample_size=SIDE,
            patch_size=2,
            in_channels=4,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=48,
            caption_projection_dim=16,
            pooled_projection_dim=40,
            out_channels=4,
            pos_embed_max_size=8,
        )
    )
    save(
        folder,
        {
            "transformer": net,
            "vae": autoencoder("AutoencoderKL", shift_factor=0.06),
            "text_encoder": clip(16, projected=True),
            "text_encoder_2": clip(24, projected=True),
            "scheduler": made_scheduler("FlowMatchEulerDiscreteScheduler", shift=3.0),
        },
    )
    for name in ("tokenizer", "tokenizer_2"):
        clip_files(folder / name)
    tokenizer = ["transformers", "CLIPTokenizer"]
    nothing = [None, None]
    write_index(folder, tokenizer=tokenizer, tokenizer_2=tokenizer, text_encoder_3=nothing, tokenizer_3=nothing)
    return folder


TEXT_FOLDERS: Final[dict[str, Callable[[Path], Path]]] = {
    "sd": sd_folder,
    "lcm": lcm_folder,
    "xl": xl_folder,
    "sd3": sd3_folder,
}
FOLDERS: Final[dict[str, Callable[[Path], Path]]] = {
    "pixels": pixel_folder,
    "foreign classes": lambda folder: pixel_folder(folder, classes=3),
    "kl": ldm_folder,
    "vq": lambda folder: ldm_folder(folder, "VQModel"),
    "tiny": lambda folder: ldm_folder(folder, "AutoencoderTiny"),
    "own": own_folder,
    "own pixels": lambda folder: own_folder(folder, latent=False),
    "flow": flow_folder,
    "consistency": consistency_folder,
    "dit": dit_folder,
    **TEXT_FOLDERS,
}


# --- parts ---


def unet(channels: int, classes: int | None) -> nn.Module:
    from diffusers import UNet2DModel

    return randomised(
        lambda: UNet2DModel(
            sample_size=SIDE,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
            num_class_embeds=classes,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )
    )


def text_unet(**changes: Any) -> nn.Module:
    from diffusers import UNet2DConditionModel

    settings: dict[str, Any] = {
        "sample_size": SIDE,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 16,
        **changes,
    }
    return randomised(lambda: UNet2DConditionModel(**settings))


def autoencoder(kind: str, colours: int = 3, **settings: Any) -> nn.Module:
    import diffusers

    plain = {"in_channels": colours, "out_channels": colours, "latent_channels": 4}
    blocks = {
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
    }
    tiny = {
        "encoder_block_out_channels": (8, 8),
        "decoder_block_out_channels": (8, 8),
        "num_encoder_blocks": (1, 1),
        "num_decoder_blocks": (1, 1),
    }
    more = {"AutoencoderKL": blocks, "VQModel": {**blocks, "num_vq_embeddings": 16}, "AutoencoderTiny": tiny}[kind]
    return randomised(lambda: getattr(diffusers, kind)(**{**plain, **more, **settings}))


def clip(width: int, projected: bool = False) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(WORDS),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=len(WORDS) - 2,
        eos_token_id=len(WORDS) - 1,
        pad_token_id=len(WORDS) - 1,
    )
    return randomised(lambda: (CLIPTextModelWithProjection if projected else CLIPTextModel)(config))


def clip_files(folder: Path) -> None:
    """A tokenizer that knows single letters, and one word."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(WORDS)}))
    (folder / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "auto_map": {"AutoTokenizer": ["x.py", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def made_scheduler(kind: str, **settings: Any) -> Any:
    import diffusers

    return getattr(diffusers, kind)(**settings)


def randomised(make: Callable[[], nn.Module]) -> nn.Module:
    """A network with noise in every weight, also in those that start at zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = make().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    return net


def save(folder: Path, parts: dict[str, Any]) -> None:
    """Every part by its own ``save_pretrained``, and an index of them."""
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    libraries = {
        name: ["transformers" if name.startswith("text") else "diffusers", type(part).__name__]
        for name, part in parts.items()
    }
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "DiffusionPipeline", **libraries}))
    (folder / "latent-explorer.json").write_text('{"sampling": {"steps": 3}}')  # so that tests are quick


def write_index(folder: Path, **changes: Any) -> None:
    """Change entries of the index; "gone" removes one."""
    path = folder / "model_index.json"
    index = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in index.items() if value != "gone"}))
