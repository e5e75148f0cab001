"""Networks of diffusers and transformers, built without their numbers and then given those of a file.

Every class is named here; what a file says is only looked up in these lists. Neither library is asked to load
anything itself: they would fill missing weights with random numbers, and look for files on the network.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from explorer.errors import CheckpointError
from explorer.formats.diffusers_checks import ENCODERS
from explorer.formats.folders import OTHER_COPY, told
from explorer.preloading import IMPORTING

__all__ = ["Sizes", "build_empty", "fill", "match_names", "sizes_of"]

Sizes = dict[str, tuple[int, ...]]

# Settings of the text encoders that shape the network; all others are for training, or name code.
CLIP_SETTINGS: Final = (
    "vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads",
    "max_position_embeddings", "hidden_act", "layer_norm_eps", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip
T5_SETTINGS: Final = (
    "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads", "relative_attention_num_buckets",
    "relative_attention_max_distance", "layer_norm_epsilon", "feed_forward_proj", "pad_token_id", "eos_token_id",
)  # fmt: skip
NEEDS_TEXT: Final = 'Install the text encoders with: pip install "latent-explorer[text]"'
# How attention was named before (diffusers < 0.17).
OLD_NAMES: Final = ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn."))
# Tables and parts that some files hold beside the weights.
QUIET: Final = ("position_ids", "logit_scale", "num_batches_tracked")


def build_empty(where: str, kind: str, config: Mapping[str, Any]) -> nn.Module:
    """The network of a class and its settings, without memory for its weights.

    Raises:
        CheckpointError: the settings do not fit together, or the text encoders are not installed.
    """
    try:
        with _WithoutNumbers():
            return _text_encoder(where, kind, config) if kind in ENCODERS else _network(kind, config)
    except (CheckpointError, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever the settings make the libraries do, building is all that was tried
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{where} describes an impossible network: {first[:200]}", OTHER_COPY) from error


def sizes_of(net: nn.Module) -> Sizes:
    """The shapes of all weights by their names."""
    return {name: tuple(value.shape) for name, value in net.state_dict().items()}


def match_names(where: str, expected: Sizes, stored: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, str], list[str]]:
    """For every weight that a network has, the name it is stored under, and the stored names that are left over.

    Raises:
        CheckpointError: a weight is missing or has another shape.
    """
    names: dict[str, str] = {}
    for name, shape in expected.items():
        found = next((each for each in _other_names(name) if each in stored), None)
        if found is None:
            raise CheckpointError(f"{where} is incomplete: its weights {told(name)} are missing.", OTHER_COPY)
        if stored[found] != shape and _squeezed(stored[found]) != shape:
            raise CheckpointError(
                f"{where} does not fit its own description: {told(name)} is {_size(stored[found])}, "
                f"not {_size(shape)}.",
                OTHER_COPY,
            )
        names[name] = found
    used = set(names.values())
    return names, [name for name in stored if name not in used and not name.endswith(QUIET)]


def fill(where: str, net: nn.Module, weights: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> None:
    """Give a network built by ``build_empty`` its weights; floating-point numbers take ``dtype``.

    Raises:
        CheckpointError: a weight is missing or has another shape.
    """
    expected = sizes_of(net)
    names, _ = match_names(where, expected, {name: tuple(value.shape) for name, value in weights.items()})
    typed: dict[str, Tensor] = {}
    for name, stored in names.items():
        value = weights[stored].reshape(expected[name])
        typed[name] = value.to(dtype) if value.is_floating_point() else value
    net.load_state_dict(typed, assign=True)
    if any(value.is_meta for value in _all_tensors(net)):
        raise CheckpointError(f"{where} describes a network with parts that no file holds.")
    for value in net.buffers():  # tables that are computed, such as positions
        if value.is_floating_point():
            value.data = value.data.to(dtype)


def _network(kind: str, config: Mapping[str, Any]) -> nn.Module:
    with IMPORTING:
        import diffusers

    networks: dict[str, Callable[[], Any]] = {  # imported one by one, and only partly typed
        "UNet2DModel": lambda: diffusers.UNet2DModel,
        "UNet2DConditionModel": lambda: diffusers.UNet2DConditionModel,
        "DiTTransformer2DModel": lambda: diffusers.DiTTransformer2DModel,
        "Transformer2DModel": lambda: diffusers.DiTTransformer2DModel,  # as older files call it
        "SD3Transformer2DModel": lambda: diffusers.SD3Transformer2DModel,
        "AutoencoderKL": lambda: diffusers.AutoencoderKL,
        "AutoencoderTiny": lambda: diffusers.AutoencoderTiny,
        "VQModel": lambda: diffusers.VQModel,
    }
    with IMPORTING:
        made = networks[kind]()
    known = inspect.signature(made.__init__).parameters
    settings = {name: value for name, value in config.items() if name in known and not name.startswith("_")}
    net: nn.Module = made(**settings)
    return net


def _text_encoder(where: str, kind: str, config: Mapping[str, Any]) -> nn.Module:
    kinds = ("T5EncoderModel", "T5Config") if kind == "T5EncoderModel" else (kind, "CLIPTextConfig")
    try:
        with IMPORTING:
            import transformers

            libraries: Any = transformers  # its parts are imported one by one, and only partly typed
            encoder, settings_of = (getattr(libraries, name) for name in kinds)
    except ImportError as error:
        raise CheckpointError(
            f"{where} reads text, and what it needs for that is not installed.", NEEDS_TEXT
        ) from error
    names = T5_SETTINGS if kind == "T5EncoderModel" else CLIP_SETTINGS
    settings = {name: config[name] for name in names if config.get(name) is not None}
    net: nn.Module = encoder(settings_of(**settings))
    return net


def _other_names(name: str) -> Iterable[str]:
    """The names that a weight may be stored under, its own first."""
    yield name
    yield name.removeprefix("text_model.") if name.startswith("text_model.") else f"text_model.{name}"
    for new, old in OLD_NAMES:
        if new in name:
            yield name.replace(new, old)
    if name == "encoder.embed_tokens.weight":  # of T5, which stores it once
        yield "shared.weight"


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Attention was once stored as convolutions of 1 x 1."""
    return shape[:2] if shape[2:] == (1, 1) else shape


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _all_tensors(net: nn.Module) -> Iterable[Tensor]:
    yield from net.parameters()
    yield from net.buffers()


class _WithoutNumbers(TorchFunctionMode):
    """In this thread, memory that layers ask for is not given; tables that are computed are real."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)
