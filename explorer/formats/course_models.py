"""Small models of courses and examples, saved as nothing but their weights: known by the shapes of those.

A DCGAN is a row of transposed convolutions with batch norms between, whatever it is called; a VanillaVAE is called as
in the collection PyTorch-VAE.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

from torch import Tensor

from explorer.formats.drafts import Draft, Weight, changed, weight_of
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import Record, TensorData
from explorer.formats.trees import Tree

__all__ = ["course_draft", "state_dicts"]

Tensors: TypeAlias = dict[str, TensorData]
Steps: TypeAlias = tuple[int, int, int]

# Where programs put the weights of a generator, averaged ones first, and what they put before their names.
INNER: Final = (
    "g_ema", "G_ema", "netG_ema", "ema", "params_ema", "generator", "generator_state_dict", "netG", "netG_state_dict",
    "G", "G_state_dict", "gen", "gen_state_dict", "state_dict", "model_state_dict", "model", "net", "params",
)  # fmt: skip
PREFIXES: Final = ("_orig_mod.", "module.", "model.", "net.")
PLAYERS: Final = ("generator.", "netG.", "G.", "gen.")
OTHERS: Final = re.compile(r"(discriminator|critic|netD|D|disc)\.")
COUNTER: Final = "num_batches_tracked"
NORM: Final = ("weight", "bias", "running_mean", "running_var")
MOST_TENSORS: Final = 1_000
EXAMPLE: Final = re.compile(r"main\.\d+\.\w+")
ASSUMED: Final = "What is not in the weights was taken to be as in a DCGAN: strides, rectifiers, values from -1 to 1."

# How layers enlarge, by their kernels: stride, padding and rows added. The kernel of the first layer is its side.
FIRST: Final = (1, 0, 0)
DOUBLING: Final = {2: (2, 0, 0), 3: (2, 1, 1), 4: (2, 1, 0), 5: (2, 2, 1), 6: (2, 2, 0)}
# Networks of courses that enlarge otherwise, by their kernels.
KNOWN: Final[dict[tuple[int, ...], tuple[Steps, ...]]] = {
    (3, 4, 3, 4): ((2, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 0))
}  # 3, 6, 13 and 28 pixels
SMALLEST, LARGEST = 8, 1024  # sides of pictures


def course_draft(tree: Tree) -> Draft | None:
    """The generator or VAE of such a file, or None if it is something else.

    Raises:
        Refusal: it is damaged.
    """
    for tensors in state_dicts(tree.root):
        for recognise in (_dcgan, _vanilla_vae):
            draft = recognise(tree, tensors)
            if draft is not None:
                return draft
    return None


def state_dicts(root: object) -> Iterator[Tensors]:
    """The dictionaries of tensors in a file, without what programs put before their names, the likeliest first."""
    if not isinstance(root, dict):
        return
    for where in (*(root.get(key) for key in INNER), root):
        where = where.items if isinstance(where, Record) else where
        if not isinstance(where, dict):
            continue
        tensors = {key: value for key, value in where.items() if isinstance(key, str) and isinstance(value, TensorData)}
        if 0 < len(tensors) <= MOST_TENSORS:
            yield _unwrapped(tensors)


def _unwrapped(tensors: Tensors) -> Tensors:
    for player in PLAYERS:  # a file with both players, as Lightning writes it
        mine = {name.removeprefix(player): value for name, value in tensors.items() if name.startswith(player)}
        if mine and all(name.startswith(player) or OTHERS.match(name) for name in tensors):
            return _unwrapped(mine)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _unwrapped({name.removeprefix(prefix): value for name, value in tensors.items()})
    return tensors


# --- DCGAN ---


def _dcgan(tree: Tree, tensors: Tensors) -> Draft | None:
    modules: dict[str, dict[str, TensorData]] = {}
    for name, tensor in tensors.items():
        module, _, last = name.rpartition(".")
        if last != COUNTER:
            modules.setdefault(module, {})[last] = tensor
    convolutions = [each for each in modules.values() if set(each) <= {"weight", "bias"} and _rank(each) == 4]
    norms = [each for each in modules.values() if set(each) == set(NORM) and _rank(each) == 1]
    if len(convolutions) + len(norms) != len(modules) or len(norms) != len(convolutions) - 1 or not norms:
        return None
    shapes = [each["weight"].shape for each in convolutions]
    layers = _layers([shape[1] for shape in shapes], [shape[2:] for shape in shapes])
    # Convolutions of a discriminator have their outputs first, so their row only fits the other way round.
    if layers is None or any(one[1] != two[0] for one, two in pairwise(shapes)) or shapes[-1][1] not in (1, 3):
        return None
    weights: dict[str, Weight] = {}
    for index, convolution in enumerate(convolutions):
        weights[f"main.{3 * index}.weight"] = weight_of(convolution["weight"])
        bias = convolution.get("bias")
        if bias is not None and bias.shape != shapes[index][1:2]:
            return None
        if index == len(norms):
            if bias is not None:
                weights[f"main.{3 * index}.bias"] = weight_of(bias)
            continue
        norm = norms[index]
        if any(norm[part].shape != shapes[index][1:2] for part in NORM):
            return None
        weights |= {f"main.{3 * index + 1}.{part}": weight_of(norm[part]) for part in NORM}
        if bias is not None:  # adding it before a mean is subtracted is the same as a smaller mean
            mean = f"main.{3 * index + 1}.running_mean"
            weights[mean] = changed(weights[mean], _less(bias))
    architecture = {
        "latent": shapes[0][0],
        "layers": layers,
        "bias": f"main.{3 * len(norms)}.bias" in weights,
    }
    is_example = all(EXAMPLE.fullmatch(name) for name in tensors) and {shape[2:] for shape in shapes} == {(4, 4)}
    config = {"family": "dcgan", "name": tree.path.stem, "architecture": architecture}
    return Draft("weights", config, weights, () if is_example else (ASSUMED,))


def _rank(module: Mapping[str, TensorData]) -> int:
    return len(module["weight"].shape) if "weight" in module else 0


def _layers(channels: list[int], kernels: list[tuple[int, ...]]) -> list[list[int]] | None:
    """Channels, kernel, stride, padding and rows added of every layer, or None where they make no picture."""
    if any(high != wide for high, wide in kernels):
        return None
    sides = tuple(kernel for kernel, _ in kernels)
    steps = KNOWN.get(sides) or (FIRST, *(DOUBLING.get(side, (0, 0, 0)) for side in sides[1:]))
    side = 1
    for kernel, (stride, padding, extra) in zip(sides, steps, strict=True):
        side = (side - 1) * stride - 2 * padding + kernel + extra
        if not stride or not 1 <= side <= LARGEST:
            return None
    if side < SMALLEST:
        return None
    return [[count, kernel, *step] for count, kernel, step in zip(channels, sides, steps, strict=True)]


def _less(bias: TensorData) -> Callable[[Tensor], Tensor]:
    return lambda mean: mean - bias.read().float()


# --- VanillaVAE ---


def _vanilla_vae(tree: Tree, tensors: Tensors) -> Draft | None:
    signs = ("encoder.0.0.weight", "fc_mu.weight", "fc_var.weight", "decoder_input.weight", "final_layer.3.weight")
    if any(sign not in tensors for sign in signs):
        return None
    first, mean, last = (tensors[sign].shape for sign in (signs[0], signs[1], signs[4]))
    widths: list[int] = []
    while (step := tensors.get(f"encoder.{len(widths)}.0.weight")) is not None:
        widths += step.shape[:1]
    if len(first) != 4 or len(mean) != 2 or len(last) != 4 or first[1] != last[0] or not widths[-1]:
        raise Refusal("its encoder and its decoder are not of one VAE")
    start = math.isqrt(mean[1] // widths[-1])
    if start * start * widths[-1] != mean[1]:
        raise Refusal("the last layer of its encoder makes no square")
    weights = {name: weight_of(value) for name, value in tensors.items() if not name.endswith(COUNTER)}
    known = re.compile(r"(encoder|decoder)\.\d{1,2}\.[01]\.\w+|(fc_mu|fc_var|decoder_input|final_layer\.[013])\.\w+")
    odd = next((name for name in weights if not known.fullmatch(name)), None)
    if odd is not None:
        raise Refusal(f"its weights {shown(odd)} are none of a VAE of this kind")
    architecture: dict[str, Any] = {"latent": mean[0], "channels": last[0], "widths": widths, "start": start}
    config = {"family": "vanilla-vae", "name": tree.path.stem, "architecture": architecture}
    return Draft("weights", config, weights)
