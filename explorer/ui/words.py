"""How the window words what models and scenes are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from explorer.kept_files import given_name
from explorer.scene import (
    ALL_LAYERS,
    AnyDirection,
    Condition,
    Denoising,
    Examples,
    ImageFile,
    Sampling,
    Scene,
    Seed,
    Source,
    StoredPoint,
)

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = [
    "KINDS",
    "direction_name",
    "kind_title",
    "layers_name",
    "model_details",
    "prompt_title",
    "run_title",
    "sampling_title",
    "scene_title",
    "source_name",
]

LONGEST: Final = 32  # letters of a prompt in a title
SAMPLERS: Final = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "euler": "Euler",
    "heun": "Heun",
    "dpm++2m": "DPM++ 2M",
    "lcm": "LCM",
    "consistency": "Consistency",
    "flow_euler": "Euler",
}

# Kinds of direction: their title, and what one of them is called.
KINDS = {
    "decoder": ("Effects", "Effect", "principal directions of what the decoder does to the picture"),
    "data": ("Components", "PC", "principal components of the encoded training data"),
    "ganspace": ("GANSpace", "PC", "principal components of the styles W (Härkönen et al. 2020)"),
    "sefa": ("SeFa", "SeFa", "directions that the layers respond to most (Shen and Zhou 2021)"),
    "pattern": ("Waves", "Wave", "waves across the starting noise, the slowest first"),
    "axis": ("Dimensions", "z", "the coordinates of the latent space, one by one"),
}


def kind_title(kind: str) -> str:
    return KINDS[kind][0]


def direction_name(direction: AnyDirection) -> str:
    """Counted from 1, but for coordinates, which keep the number they have in the network."""
    layers = layers_name(direction.first, direction.end)
    if isinstance(direction, Examples):
        return direction.name + (f" · {layers}" if layers else "")
    number = direction.index if direction.kind == "axis" else direction.index + 1
    return f"{KINDS[direction.kind][1]} {number}" + (f" · {layers}" if layers else "")


def layers_name(first: int, end: int) -> str:
    """A range of layers, counted from 1; nothing for all of them."""
    if end == ALL_LAYERS:
        return f"layers from {first + 1}" if first else ""
    return f"layer {end}" if end == first + 1 else f"layers {first + 1}–{end}"


def source_name(source: Source) -> str:
    match source:
        case Seed(number):
            return f"Seed {number}"
        case StoredPoint(path, _, picture):
            return Path(picture or path).name
        case ImageFile(path):
            return given_name(path)


def scene_title(scene: Scene) -> str:
    """What a scene is made of, in a few words."""
    sources = scene.latent.sources
    names = " + ".join(source_name(source) for source, _ in sources[:2])
    more = f" + {len(sources) - 2} more" if len(sources) > 2 else ""
    moves = len(scene.latent.moves)
    parts = [names + more, f"{moves} move{'s' if moves > 1 else ''}" if moves else ""]
    parts += [prompt_title(scene.condition), run_title(scene.denoising)]
    return " · ".join(part for part in parts if part)


def prompt_title(condition: Condition) -> str:
    """The text that there is most of, shortened, and how many others; nothing without any."""
    texts = sorted((pair for pair in condition.prompts if pair[0].strip()), key=lambda pair: -pair[1])
    if not texts:
        return ""
    text = " ".join(texts[0][0].split())
    short = text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
    return f"“{short}”" + (f" + {len(texts) - 1} more" if len(texts) > 1 else "")


def run_title(denoising: Denoising) -> str:
    """What is special about a run: the picture it starts from, its steps and guidance, and where it turns."""
    sampling, start = denoising.sampling, denoising.start
    parts = [f"from {source_name(start.picture)}" if start.picture is not None else ""]
    parts.append(sampling_title(sampling))
    turns = [str(turn.step + 1) for turn in denoising.turns]
    parts.append(f"turns at step{'s' if len(turns) > 1 else ''} {', '.join(turns)}" if turns else "")
    return " · ".join(part for part in parts if part)


def sampling_title(sampling: Sampling) -> str:
    """What a sampling says that it does not leave to the model."""
    guided = f"s {sampling.guidance:g}" if sampling.guidance is not None else ""
    parts = (
        SAMPLERS.get(sampling.sampler, sampling.sampler),
        f"{sampling.steps} step{'s' if sampling.steps > 1 else ''}" if sampling.steps else "",
        "s follows a curve" if sampling.curve else guided,
        f"η {sampling.eta:g}" if sampling.eta else "",
    )
    return " · ".join(part for part in parts if part)


def model_details(facts: ModelFacts) -> str:
    """Size, parameters and latents of a model."""
    _, height, width = facts.image_shape
    millions = f"{facts.parameters / 1e6:.1f} M" if facts.parameters >= 1e5 else f"{facts.parameters:,}"
    return f"{width}×{height} · {millions} parameters · {facts.dimensions} latents"
