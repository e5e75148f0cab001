"""Prompts as a diffusion model reads them: tokens, text encoders, and blends of several prompts."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.errors import CheckpointError, SceneError
from explorer.generators.capabilities import Embedding
from explorer.preloading import IMPORTING

__all__ = ["TextReader", "Tokens", "check_encoders"]

LONGEST_CLIP: Final = 77  # tokens
LONGEST_T5: Final = 256
NO_WORDS: Final = "Put the files of its folder 'tokenizer' (vocab.json and merges.txt) where the model is."
# What of a tokenizer's settings decides its tokens. The rest may name code or files elsewhere.
SETTINGS: Final = (
    "bos_token", "eos_token", "unk_token", "pad_token", "additional_special_tokens", "add_prefix_space",
    "do_lower_case", "model_max_length", "errors", "extra_ids",
)  # fmt: skip
NEEDS_TEXT: Final = 'Install the text encoders with: pip install "latent-explorer[text]"'


class Tokens:
    """Numbers of words, by a tokenizer whose files are given as bytes. Thread-safe."""

    def __init__(
        self, where: str, kind: str, files: Mapping[str, Tensor], empty: tuple[int, int, int] | None = None
    ) -> None:
        self.where = where
        self._empty = empty  # first, last and padding: the empty prompt needs no words
        self.is_t5 = kind.startswith("T5")
        self._files = {name: bytes(value.to(torch.uint8).numpy().tobytes()) for name, value in files.items()}
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokens (n, 77) or, for T5, (n, 256), padded and cut off.

        Raises:
            SceneError: the model came without the files of its tokenizer.
        """
        longest = LONGEST_T5 if self.is_t5 else LONGEST_CLIP
        if self._empty is not None and not self._files and not any(texts):
            first, last, padding = self._empty
            return torch.tensor([[first, last, *[padding] * (longest - 2)]] * len(texts))
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._open()
            given = {"padding": "max_length", "max_length": longest, "truncation": True, "return_tensors": "pt"}
            tokens: Tensor = self._tokenizer(list(texts), **given).input_ids
        return tokens

    def _open(self) -> Any:
        if not {"tokenizer.json", "vocab.json", "spiece.model"} & self._files.keys():
            raise SceneError(f"{self.where} cannot read prompts: the words of its tokenizer are missing.", NO_WORDS)
        try:
            with IMPORTING:
                import transformers

                libraries: Any = transformers  # its names differ between versions
                words = getattr(libraries, "T5TokenizerFast", libraries.T5Tokenizer)
                known: Any = words if self.is_t5 else libraries.CLIPTokenizer
        except ImportError as error:
            raise SceneError(
                f"{self.where} reads text, and what it needs for that is not installed.", NEEDS_TEXT
            ) from error
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, data in self._files.items():
                (folder / file).write_bytes(_harmless(data) if file == "tokenizer_config.json" else data)
            try:
                return known.from_pretrained(str(folder), local_files_only=True)
            except Exception as error:  # it reads what files say in ways of its own
                raise SceneError(f"{self.where} cannot read prompts: its tokenizer is damaged.", NO_WORDS) from error


class TextReader:
    """What a network is told of prompts: the states of one text encoder (Stable Diffusion 1 and 2), of two with their
    summaries and the size of the picture (XL), or of two and T5 (SD3)."""

    def __init__(
        self,
        kind: str,
        network: nn.Module,
        encoders: Sequence[tuple[Tokens, nn.Module]],
        size: tuple[int, int],
        zeros: bool,
    ) -> None:
        self.kind, self.encoders, self.size, self.zeros = kind, encoders, size, zeros
        self.config: Mapping[str, Any] = getattr(network, "config", {})
        self.is_xl = self.config.get("addition_embed_type") == "text_time"
        self.is_sd3 = kind == "SD3Transformer2DModel"
        self.device = next(network.parameters()).device

    @property
    def zeroes_nothing(self) -> bool:
        """Whether an empty negative prompt is told as zeros, as XL was trained."""
        return self.is_xl and self.zeros

    def blended(self, prompts: Sequence[tuple[str, float]]) -> Embedding:
        """The weighted mean of the embeddings of prompts, (1, ...) each; without any, that of the empty one."""
        weighted = [(text, weight) for text, weight in prompts if weight] or [("", 1.0)]
        read = self._read([text for text, _ in weighted])
        weights = torch.tensor([weight for _, weight in weighted], device=self.device)
        total = weights.sum()
        shares = weights / total if abs(float(total)) > 1e-6 else weights
        return {name: torch.einsum("n,n...->...", shares.to(value), value)[None] for name, value in read.items()}

    def empty(self, negative: str) -> Embedding:
        """What guidance leads away from, (1, ...) each."""
        read = self.blended(((negative, 1.0),))
        if negative or not self.zeroes_nothing:
            return read
        return {name: torch.zeros_like(value) if name != "time_ids" else value for name, value in read.items()}

    def _read(self, texts: Sequence[str]) -> Embedding:
        if self.is_sd3:
            return self._read_sd3(texts)
        if not self.is_xl:
            return {"text": self._states(0, texts, -1)[0]}
        states, summaries = zip(*(self._states(index, texts, -2) for index in range(len(self.encoders))), strict=True)
        height, width = self.size
        ids = torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32, device=self.device)
        return {"text": torch.cat(states, -1), "text_embeds": summaries[-1], "time_ids": ids.expand(len(texts), -1)}

    def _read_sd3(self, texts: Sequence[str]) -> Embedding:
        """Both CLIP states side by side, padded to the width of T5's, which follow (Esser et al. 2024, figure 2)."""
        clips = [index for index, (tokens, _) in enumerate(self.encoders) if not tokens.is_t5]
        states, summaries = zip(*(self._states(index, texts, -2) for index in clips), strict=True)
        width = int(self.config["joint_attention_dim"])
        clip = torch.cat(states, -1)
        clip = F.pad(clip, (0, width - clip.shape[-1]))
        long = next((index for index, (tokens, _) in enumerate(self.encoders) if tokens.is_t5), None)
        if long is None:
            after = clip.new_zeros(len(texts), LONGEST_T5, width)
        else:
            tokens, net = self.encoders[long]
            after = net(tokens(texts).to(self.device))[0].to(clip)
        return {"text": torch.cat([clip, after], 1), "text_embeds": torch.cat(summaries, -1)}

    def _states(self, index: int, texts: Sequence[str], layer: int) -> tuple[Tensor, Tensor]:
        """Hidden states (n, 77, d) and the summary (n, p) that a CLIP encoder gives; layer -1 is its normed output."""
        tokens, net = self.encoders[index]
        given = net(tokens(texts).to(self.device), output_hidden_states=True)
        states = given.last_hidden_state if layer == -1 else given.hidden_states[layer]
        summary = getattr(given, "text_embeds", None)
        return states.float(), (given.pooler_output if summary is None else summary).float()


def check_encoders(where: str, kind: str, config: Mapping[str, Any], widths: Sequence[int]) -> None:
    """Refuse text encoders whose states a network cannot take. Raises CheckpointError."""
    is_sd3 = kind == "SD3Transformer2DModel"
    if not (len(widths) >= 2 if is_sd3 else sum(widths) == config.get("cross_attention_dim")):
        raise CheckpointError(f"{where} has text encoders that do not fit its network.")


def _harmless(data: bytes) -> bytes:
    """The settings of a tokenizer without anything that names code."""
    try:
        settings = json.loads(data)
    except (ValueError, RecursionError):
        return b"{}"
    kept = {name: settings[name] for name in SETTINGS if name in settings} if isinstance(settings, dict) else {}
    return json.dumps(kept).encode()
