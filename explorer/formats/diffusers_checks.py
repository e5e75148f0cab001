"""What a folder of diffusers may consist of, and how large the networks in it may be said to be.

Nothing is built before its numbers have passed here: a network of a billion layers would be built for hours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from explorer.errors import CheckpointError
from explorer.formats.folders import OTHER_COPY, told

__all__ = [
    "AUTOENCODERS",
    "CONSISTENCY",
    "ENCODERS",
    "NETWORKS",
    "PARTS",
    "TOKENIZERS",
    "check_config",
    "check_part",
    "kind_of_part",
]

NETWORKS: Final = frozenset(
    ("UNet2DModel", "UNet2DConditionModel", "DiTTransformer2DModel", "Transformer2DModel", "SD3Transformer2DModel")
)
AUTOENCODERS: Final = frozenset(("AutoencoderKL", "AutoencoderTiny", "VQModel"))
ENCODERS: Final = frozenset(("CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel"))
TOKENIZERS: Final = frozenset(("CLIPTokenizer", "CLIPTokenizerFast", "T5Tokenizer", "T5TokenizerFast"))
# The parts of a pipeline by the names they have there, and what each may be.
PARTS: Final[Mapping[str, frozenset[str]]] = {
    "unet": NETWORKS,
    "transformer": NETWORKS,
    "vae": AUTOENCODERS,
    "vqvae": AUTOENCODERS,
    "text_encoder": ENCODERS,
    "text_encoder_2": ENCODERS,
    "text_encoder_3": ENCODERS,
}
CONSISTENCY: Final = "CMStochasticIterativeScheduler"  # the one of networks that jump to the end
# Parts of known pipelines that are not needed to make pictures.
UNUSED: Final = frozenset(("safety_checker", "feature_extractor", "image_encoder", "watermark", "image_processor"))
LIBRARIES: Final = ("diffusers", "transformers")

MOST_PLACES: Final = 64  # of a list
MOST_LAYERS: Final = 1024  # of a whole network
MOST_POSITIONS: Final = 1 << 28  # numbers in a table of positions
LARGEST: Final = 1 << 14  # channels, and whatever is not named here
LIMITS: Final = {
    **dict.fromkeys(("layers_per_block", "transformer_layers_per_block", "patch_size", "norm_num_groups"), 64),
    **dict.fromkeys(("num_encoder_blocks", "num_decoder_blocks"), 64),
    **dict.fromkeys(("num_layers", "num_hidden_layers", "num_decoder_layers"), 128),
    **dict.fromkeys(("sample_size", "pos_embed_max_size"), 4096),
    **dict.fromkeys(("num_vq_embeddings", "num_class_embeds", "num_embeds_ada_norm", "num_train_timesteps"), 1 << 18),
    **dict.fromkeys(("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"), 1 << 20),
    **dict.fromkeys(("d_ff", "intermediate_size"), 1 << 16),
    "norm_num_groups": 1024,
}
LAYERS: Final = ("layers_per_block", "transformer_layers_per_block", "num_layers", "num_hidden_layers")


def kind_of_part(where: str, name: str, value: object) -> tuple[str, str] | None:
    """The library and class of an entry of ``model_index.json``, or None where the part is absent or not needed.

    Raises:
        CheckpointError: it names code that is not of a known library.
    """
    if name.startswith("_") or not isinstance(value, list):
        return None  # settings of the pipeline
    if len(value) != 2 or value == [None, None] or name in UNUSED:
        return None
    library, kind = value
    if library not in LIBRARIES or not isinstance(kind, str):
        raise CheckpointError(
            f"{where} was not opened, because its part {told(name)} is code of its own: {told(library)}.",
            "Nothing in it was run. Only the networks of diffusers and transformers can be opened.",
        )
    return str(library), kind


def check_part(where: str, name: str, kind: str, known: frozenset[str], config: Mapping[str, Any]) -> None:
    """Refuse a part of an unknown class, or whose own description names another one or custom code.

    Raises:
        CheckpointError: see above.
    """
    if "auto_map" in config or "custom_pipelines" in config:
        raise CheckpointError(
            f"{where} was not opened, because its part {told(name)} is code of its own.", "Nothing in it was run."
        )
    if kind not in known:
        raise CheckpointError(
            f"{where} holds a network that is not known here: its {name} is a {told(kind)}.",
            f"Known are {', '.join(sorted(known))}.",
        )
    own = config.get("_class_name", kind)
    if own != kind and {own, kind} != {"Transformer2DModel", "DiTTransformer2DModel"}:
        raise CheckpointError(
            f"{where} contradicts itself: its {name} is a {told(kind)} and a {told(own)}.", OTHER_COPY
        )


def check_config(where: str, config: Mapping[str, Any]) -> None:
    """Refuse the description of a network with numbers that no network has.

    Raises:
        CheckpointError: the first such number by its name.
    """
    for name, value in config.items():
        largest = LIMITS.get(name, LARGEST)
        for number in _numbers(where, name, value):
            if not math.isfinite(number) or abs(number) > largest:
                raise CheckpointError(
                    f"{where} describes an impossible network: its {name} is {told(number)}, and at most {largest} "
                    "are possible.",
                    OTHER_COPY,
                )
    layers = math.prod(max([1, *map(abs, map(int, _numbers(where, name, config.get(name))))]) for name in LAYERS)
    blocks = config.get("block_out_channels")
    if layers * (len(blocks) if isinstance(blocks, list) else 1) > MOST_LAYERS:
        raise CheckpointError(
            f"{where} describes an impossible network: it has more than {MOST_LAYERS} layers.", OTHER_COPY
        )
    _check_positions(where, config)


def _check_positions(where: str, config: Mapping[str, Any]) -> None:
    """Tables of positions are computed, not read, and would fill the memory."""
    patch, heads = config.get("patch_size"), config.get("num_attention_heads")
    if not isinstance(patch, int) or not isinstance(heads, int):
        return
    width, sides = config.get("attention_head_dim"), (config.get("sample_size"), config.get("pos_embed_max_size"))
    side = max((side for side in sides if isinstance(side, int)), default=0)
    if patch < 1 or not isinstance(width, int) or (side // patch) ** 2 * heads * width > MOST_POSITIONS:
        raise CheckpointError(f"{where} describes an impossible network: its pictures are too large.", OTHER_COPY)


def _numbers(where: str, name: str, value: object, depth: int = 0) -> list[float]:
    """All numbers in a setting: one, a list, or a list of lists."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, (int, float)):
        return [value]
    if isinstance(value, list) and len(value) <= MOST_PLACES and depth < 3:
        return [number for each in value for number in _numbers(where, name, each, depth + 1)]
    if isinstance(value, dict):
        return []  # settings of other programs, which are not used
    raise CheckpointError(f"{where} describes an impossible network: its {name} is too long.", OTHER_COPY)
