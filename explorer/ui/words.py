"""How the window words what models and scenes are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from explorer.scene import ALL_LAYERS, AnyDirection, Examples, ImageFile, Scene, Seed, Source, StoredPoint

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["KINDS", "direction_name", "kind_title", "layers_name", "model_details", "scene_title", "source_name"]

# Kinds of direction: their title, and what one of them is called.
KINDS = {
    "decoder": ("Effects", "Effect", "principal directions of what the decoder does to the picture"),
    "data": ("Components", "PC", "principal components of the encoded training data"),
    "ganspace": ("GANSpace", "PC", "principal components of the styles W (Härkönen et al. 2020)"),
    "sefa": ("SeFa", "SeFa", "directions that the layers respond to most (Shen and Zhou 2021)"),
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
            return Path(path).name


def scene_title(scene: Scene) -> str:
    """What a scene is made of, in a few words."""
    sources = scene.latent.sources
    names = " + ".join(source_name(source) for source, _ in sources[:2])
    more = f" + {len(sources) - 2} more" if len(sources) > 2 else ""
    moves = len(scene.latent.moves)
    return names + more + (f" · {moves} move{'s' if moves > 1 else ''}" if moves else "")


def model_details(facts: ModelFacts) -> str:
    """Size, parameters and latents of a model."""
    _, height, width = facts.image_shape
    millions = f"{facts.parameters / 1e6:.1f} M" if facts.parameters >= 1e5 else f"{facts.parameters:,}"
    return f"{width}×{height} · {millions} parameters · {facts.dimensions} latents"
