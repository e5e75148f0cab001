"""Checkpoints as folders in the layout of diffusers: one subfolder per network, and our own configuration beside."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safetensors.torch import save_file
from torch import Tensor

__all__ = ["CONFIG_NAME", "library", "write_folder"]

CONFIG_NAME: Final = "latent-explorer.json"  # what other checkpoints keep in their metadata
WEIGHTS_NAME: Final = "diffusion_pytorch_model.safetensors"


def write_folder(
    out: Path, config: Mapping[str, Any], parts: Mapping[str, Any], weights: Mapping[str, Tensor], whole: str
) -> None:
    """Write the folder ``out`` so that diffusers opens every part with ``from_pretrained(out, subfolder=part)``.

    ``parts`` are networks and schedulers by the name of their subfolder, ``weights`` tensors named "part.tensor", and
    ``whole`` the pipeline that ``model_index.json`` names. All is written to a folder beside and then renamed, so
    that ``out`` is never half written; what was there before is replaced.
    """
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        index: dict[str, Any] = {"_class_name": whole, "_diffusers_version": library().__version__}
        for name, part in parts.items():
            index[name] = ["diffusers", type(part).__name__]
            part.save_config(temporary / name)
            own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
            if own:
                plain = {key: value.detach().cpu().contiguous() for key, value in own.items()}
                save_file(plain, temporary / name / WEIGHTS_NAME, {"format": "pt"})
        _write_json(temporary / "model_index.json", index)
        _write_json(temporary / CONFIG_NAME, config)
        _swap(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def library() -> Any:
    """The library whose networks, schedulers and folders these are; importing it takes seconds, and it has no types."""
    import diffusers

    return diffusers


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(dict(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _swap(temporary: Path, out: Path) -> None:
    """Put ``temporary`` in the place of ``out``: a folder that is not empty cannot be replaced in one rename."""
    old = temporary.with_name(f"{temporary.name}.old")
    if out.exists():
        out.rename(old)
    try:
        temporary.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
