"""Pickles of StyleGAN2-ADA-PyTorch and StyleGAN3 (and of programs derived from them)."""

from __future__ import annotations

from typing import Any, Final

import torch

from explorer.formats.drafts import NO_AVERAGE, Draft, Weight, changed, weight_of
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.persistence import Module, attribute, module_of, tensors_of, walk
from explorer.formats.stylegan3 import stylegan3_architecture
from explorer.formats.stylegan_shapes import Traits, stylegan2_architecture
from explorer.formats.trees import Tree

__all__ = ["nvidia_draft"]

# Networks that come in the same container and are something else.
OTHERS: Final = {
    "TriPlaneGenerator": "a network of EG3D, which makes three-dimensional scenes",
    "SuperresGenerator": "a network of StyleGAN-XL",
    "EDMPrecond": "a diffusion network of EDM",
    "VPPrecond": "a diffusion network of EDM",
    "VEPrecond": "a diffusion network of EDM",
    "iDDPMPrecond": "a diffusion network of EDM",
    "Precond": "a diffusion network of EDM2",
}
IGNORED: Final = {
    "G": "Its generator G was ignored in favour of the averaged one, G_ema.",
    "D": "Its discriminator D was ignored.",
    "augment_pipe": "Its augmentation augment_pipe was ignored.",
    "training_set_kwargs": "",  # where the training pictures were: nothing of the model
    "G_ema": "",
}


def nvidia_draft(tree: Tree) -> Draft | None:
    """The generator of such a pickle, or None if the file is something else.

    Raises:
        Refusal: it holds another kind of network, or a damaged one.
    """
    root = tree.root
    if not isinstance(root, dict):
        return None
    found = {key: module for key in ("G_ema", "ema", "G", "D") if (module := module_of(root.get(key))) is not None}
    if not found:
        return None
    key = next(iter(found))
    if key == "D":
        raise Refusal("it holds a discriminator and no generator")
    warnings = [
        IGNORED.get(name, f"Its part {shown(name)} was ignored.") for name in root if root[name] and name != key
    ]
    if key == "G":
        warnings.insert(0, "This file holds no averaged generator (G_ema); the generator G was opened instead.")
    warnings.append("The source text in it was not run.")
    family, architecture, weights = _network(found[key])
    if "mapping.w_avg" not in weights:
        architecture["estimate_average"] = True
        warnings.append(NO_AVERAGE)
    config = {"family": family, "name": tree.path.stem, "architecture": architecture}
    return Draft("nvidia", config, weights, tuple(warning for warning in warnings if warning))


def _network(generator: Module) -> tuple[str, dict[str, Any], dict[str, Weight]]:
    mapping, synthesis = generator.child("mapping"), generator.child("synthesis")
    layers = synthesis.parts("_modules") if synthesis else {}
    is_known = mapping is not None and mapping.child("fc0") is not None and mapping.child("embed_proj") is None
    if generator.kind in OTHERS or not is_known or not ("b4" in layers or "input" in layers):
        what = OTHERS.get(generator.kind)
        if what is None and mapping is not None and mapping.child("embed_proj") is not None:
            what = "a network of StyleGAN-XL"
        what = what or f"a network of the class {shown(generator.kind)}, which is neither StyleGAN2 nor StyleGAN3"
        raise Refusal(f"it holds {what}")
    assert synthesis is not None
    weights = {name: weight_of(tensor) for name, tensor in tensors_of(generator).items()}
    first = mapping.child("fc0") if mapping else None
    multiplier = attribute(first, "bias_gain", 0.01) or 0.01
    activation = _word(first, "activation")
    if "b4" not in layers:
        traits = Traits(multiplier, activation)
        return "stylegan3", stylegan3_architecture(synthesis, _shapes(weights), traits), weights
    weights = {name: _square(name, weight) for name, weight in weights.items() if not _is_unused(name)}
    traits = Traits(multiplier, activation, *_layer_traits(synthesis))
    return "stylegan2", stylegan2_architecture(_shapes(weights), traits), weights


def _layer_traits(synthesis: Module) -> tuple[str, float | None]:
    """The activation and the limit that all layers of a StyleGAN2 share."""
    activations, clamps = set(), set()
    for name, layer in walk(synthesis):
        if name.endswith((".conv0.", ".conv1.")):
            activations.add(_word(layer, "activation"))
        if name.endswith((".conv0.", ".conv1.", ".torgb.")):
            clamps.add(attribute(layer, "conv_clamp", None))
    if len(activations) != 1 or len(clamps) != 1:
        raise Refusal("its layers differ in their activation or its limit, which StyleGAN2's do not")
    return activations.pop(), clamps.pop()


def _word(module: Module | None, name: str) -> str:
    value = None if module is None else module.state.get(name, "lrelu")
    if not isinstance(value, str):
        raise Refusal(f"its setting {shown(name)} is not a word")
    return value


def _shapes(weights: dict[str, Weight]) -> dict[str, tuple[int, ...]]:
    return {name: weight.shape for name, weight in weights.items()}


def _is_unused(name: str) -> bool:
    """Whether it is a filter of a layer that does not change the size."""
    return name.endswith(".conv1.resample_filter")


def _square(name: str, weight: Weight) -> Weight:
    """A filter of one line, as long ones are stored, as the square it stands for."""
    if not name.endswith("resample_filter") or len(weight.shape) != 1 or weight.shape[0] > 64:
        return weight
    return changed(weight, lambda line: torch.outer(line, line), weight.shape * 2)
