"""Glow as rosinality/glow-pytorch writes it: nothing but weights, of which the network has to be inferred."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explorer.formats.drafts import Draft, Weight, changed, reshaped, weight_of
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import TensorData
from explorer.formats.trees import Tree

__all__ = ["rosinality_glow_draft"]

SIGN: Final = "blocks.0.flows.0.actnorm.loc"
PREFIXES: Final = ("module.", "")  # the first is of training on several devices, as that program always does
NAME: Final = re.compile(r"blocks\.(\d{1,2})\.(?:flows\.(\d{1,3})\.(actnorm|invconv|coupling)|(prior))\.([\w.]{1,40})")
BITS: Final = 5  # what that program quantises pictures to unless it is told otherwise
SMALLEST: Final = 4  # the side of the coarsest features of a usual network
UNUSED: Final = ("initialized", "l_mask", "u_mask", "l_eye")
LAYERS: Final = ("actnorm", "invconv", "coupling")
RENAMED: Final = {
    "net.0.weight": "net.0.weight", "net.0.bias": "net.0.bias", "net.2.weight": "net.2.weight",
    "net.2.bias": "net.2.bias", "net.4.conv.weight": "net.4.conv.weight", "net.4.conv.bias": "net.4.conv.bias",
    "net.4.scale": "net.4.scale", "conv.weight": "conv.weight", "conv.bias": "conv.bias", "scale": "scale",
    "w_p": "permutation", "w_l": "lower", "w_u": "upper", "w_s": "log_diagonal", "s_sign": "sign",
}  # fmt: skip


def rosinality_glow_draft(tree: Tree) -> Draft | None:
    """The Glow of such a file, or None if it is something else.

    Raises:
        Refusal: it is damaged, or was never trained.
    """
    root = tree.root
    if not isinstance(root, dict):
        return None
    inner = [root.get(key) for key in ("state_dict", "model", "glow")]
    for where in (*inner, root):
        prefix = next((p for p in PREFIXES if isinstance(where, dict) and p + SIGN in where), None)
        if prefix is not None:
            assert isinstance(where, dict)
            tensors = {
                key.removeprefix(prefix): value
                for key, value in where.items()
                if isinstance(key, str) and isinstance(value, TensorData)
            }
            return _draft(tree, tensors)
    return None


def _draft(tree: Tree, tensors: dict[str, TensorData]) -> Draft:
    _refuse_untrained(tensors)
    weights: dict[str, Weight] = {}
    for name, tensor in tensors.items():
        weights |= _renamed(name, weight_of(tensor))
    blocks = [_flows(tensors, block) for block in range(_count(tensors, r"blocks\.(\d+)\."))]
    widths = [_shape(tensors, f"blocks.{block}.flows.0.coupling.net.0.weight")[0] for block in range(len(blocks))]
    channels = _shape(tensors, SIGN)[1] if len(_shape(tensors, SIGN)) == 4 else 0
    out = _shape(tensors, "blocks.0.flows.0.coupling.net.4.conv.weight")[0]
    size = SMALLEST << len(blocks)
    architecture = {
        "size": size,
        "channels": channels // 4,
        "steps": blocks,
        "widths": widths,
        "coupling": "affine" if out == channels else "additive",
        "scale": "sigmoid",
        "bits": BITS,
    }
    warnings = (
        f"This file does not say how large its pictures are. {size} x {size} was taken, as is usual for "
        f"{len(blocks)} levels.",
        f"It does not say how finely their values were quantised either: {BITS} bits were taken, the default of "
        "its program. Likelihoods are those of pictures with as many bits.",
    )
    config = {"family": "glow", "name": tree.path.stem, "architecture": architecture}
    return Draft("rosinality", config, weights, warnings)


def _refuse_untrained(tensors: dict[str, TensorData]) -> None:
    for name, tensor in tensors.items():
        if name.endswith("actnorm.initialized") and tensor.count == 1 and not bool(tensor.read().item()):
            raise Refusal("it was saved before its training began, and holds no model yet")


def _count(tensors: dict[str, TensorData], pattern: str) -> int:
    """One more than the largest number at this place of the names."""
    found = (re.match(pattern, name) for name in tensors)
    return 1 + max((int(match[1]) for match in found if match and len(match[1]) < 4), default=-1)


def _flows(tensors: dict[str, TensorData], block: int) -> int:
    return _count(tensors, rf"blocks\.{block}\.flows\.(\d+)\.")


def _shape(tensors: dict[str, TensorData], name: str) -> tuple[int, ...]:
    if name not in tensors or not tensors[name].shape:
        raise Refusal(f"its weights {shown(name)} are missing")
    return tensors[name].shape


def _renamed(name: str, weight: Weight) -> dict[str, Weight]:
    """A tensor of the file under the names that it has here: none, one, or several that are computed of it."""
    match = NAME.fullmatch(name)
    if match is None:
        raise Refusal(f"its weights {shown(name)} are none of a Glow's")
    block, flow, layer, _, rest = match.groups()
    if rest in UNUSED:
        return {}
    if layer is None:
        place = f"levels.{int(block)}.prior"
    else:
        place = f"levels.{int(block)}.layers.{1 + 3 * int(flow) + LAYERS.index(layer)}"  # the first one squeezes
    if layer == "actnorm":
        made = _actnorm(rest, weight)
    elif layer == "invconv" and rest == "weight":
        made = _factors(weight)
    else:
        made = {RENAMED[rest]: _flat(weight) if rest.endswith("scale") else weight} if rest in RENAMED else None
    if made is None:
        raise Refusal(f"its weights {shown(name)} are none of a Glow's")
    return {f"{place}.{key}": value for key, value in made.items()}


def _actnorm(kind: str, weight: Weight) -> dict[str, Weight] | None:
    flat = _flat(weight)
    if kind == "loc":
        return {"shift": flat}
    if kind == "scale":
        return {"log_scale": changed(flat, lambda t: t.double().abs().log().float()), "sign": changed(flat, torch.sign)}
    return None


def _factors(weight: Weight) -> dict[str, Weight] | None:
    """A rotation saved as one matrix (c, c, 1, 1), as the factors that it is the product of."""
    if len(weight.shape) != 4 or weight.shape[0] != weight.shape[1] or weight.shape[2:] != (1, 1):
        return None
    channels = weight.shape[0]
    parts: dict[str, tuple[Callable[[tuple[Tensor, Tensor, Tensor]], Tensor], tuple[int, ...]]] = {
        "permutation": (lambda plu: plu[0], (channels, channels)),
        "lower": (lambda plu: plu[1].tril(-1), (channels, channels)),
        "upper": (lambda plu: plu[2].triu(1), (channels, channels)),
        "log_diagonal": (lambda plu: plu[2].diagonal().abs().log(), (channels,)),
        "sign": (lambda plu: plu[2].diagonal().sign(), (channels,)),
    }

    def factor(take: Callable[[tuple[Tensor, Tensor, Tensor]], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda tensor: take(torch.linalg.lu(tensor[:, :, 0, 0].double())).float()

    return {name: changed(weight, factor(take), shape) for name, (take, shape) in parts.items()}


def _flat(weight: Weight) -> Weight:
    """(1, c, 1, 1) as (c,)."""
    shape = weight.shape
    is_flat = len(shape) == 4 and shape[0] == shape[2] == shape[3] == 1
    return reshaped(weight, shape[1:2]) if is_flat else weight
