"""Whose program wrote a file of PyTorch or a pickle, and what is said when nobody known did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from explorer.errors import CheckpointError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.course_models import course_draft, state_dicts
from explorer.formats.drafts import NO_AVERAGE, Draft, finish, weight_of
from explorer.formats.nvidia import nvidia_draft
from explorer.formats.opcodes import Refusal, shown
from explorer.formats.records import ArrayData, Record, TensorData
from explorer.formats.rosinality import rosinality_draft
from explorer.formats.rosinality_glow import rosinality_glow_draft
from explorer.formats.single_file import is_single_tree, read_single_config, read_single_file
from explorer.formats.stylegan_shapes import Traits, stylegan2_architecture
from explorer.formats.tensorflow import tensorflow_draft
from explorer.formats.trees import DAMAGED, Tree, read_tree, refused
from explorer.formats.unknown_models import describe_unknown

__all__ = ["DIALECTS", "read_foreign", "read_foreign_config"]


KNOWN: Final = (
    "Generators of StyleGAN2-ADA, StyleGAN3, rosinality's and TensorFlow's StyleGAN2, Glow, DCGAN and the usual "
    "convolutional VAE can be opened."
)


def plain_draft(tree: Tree) -> Draft | None:
    """A StyleGAN2 saved as nothing but its weights, under NVIDIA's names."""
    root = tree.root
    inner = [root.get(key) for key in ("g_ema", "G_ema", "state_dict")] if isinstance(root, dict) else []
    for where in (*inner, root):
        if isinstance(where, dict) and "synthesis.b4.const" in where and "mapping.fc0.weight" in where:
            weights = {
                name: weight_of(value)
                for name, value in where.items()
                if isinstance(name, str)
                and isinstance(value, TensorData)
                and not name.endswith("conv1.resample_filter")
            }
            shapes = {name: weight.shape for name, weight in weights.items()}
            architecture = stylegan2_architecture(shapes, Traits())
            warnings = [
                "What is not in the weights was taken to be as in StyleGAN2: activation, learning rate, limits."
            ]
            if "mapping.w_avg" not in weights:
                architecture["estimate_average"] = True
                warnings.append(NO_AVERAGE)
            config = {"family": "stylegan2", "name": tree.path.stem, "architecture": architecture}
            return Draft("weights", config, weights, tuple(warnings))
    return None


# Each recognises what one family of programs writes, and describes the network in it.
DIALECTS: Final[tuple[Callable[[Tree], Draft | None], ...]] = (
    nvidia_draft,
    rosinality_draft,
    rosinality_glow_draft,
    tensorflow_draft,
    plain_draft,
    course_draft,
)


def read_foreign(path: Path) -> Checkpoint:
    """Read a pickle or a file of PyTorch, whoever wrote it.

    Raises:
        CheckpointError: with one sentence on what is wrong with the file, or what it holds instead of a known model.
    """
    tree = read_tree(path)
    if is_single_tree(tree.root):
        return read_single_file(path)
    return finish(tree, _draft(tree))


def read_foreign_config(path: Path) -> dict[str, Any]:
    """The configuration alone. The file is read for it, but not the numbers of its weights.

    Raises:
        CheckpointError: as ``read_foreign``.
    """
    tree = read_tree(path)
    if is_single_tree(tree.root):
        return read_single_config(path)
    return dict(_draft(tree).config)


def _draft(tree: Tree) -> Draft:
    for dialect in DIALECTS:
        try:
            draft = dialect(tree)
        except Refusal as refusal:
            raise refused(tree.path, tree.kind, refusal, f"{KNOWN} {DAMAGED}") from refusal
        if draft is not None:
            return draft
    what, hint = _content(tree.root), KNOWN
    tensors = next(state_dicts(tree.root), {})
    if tensors:
        what, hint = describe_unknown({name: tensor.shape for name, tensor in tensors.items()})
    raise CheckpointError(
        f"{tree.path.name} is a {tree.kind} without a model that is known here: it holds {what}.", hint
    )


def _content(root: object) -> str:
    """What is in a file, in a few words."""
    match root:
        case dict() if root:
            names = [shown(name) for name in root]
            tensors = [name for name, value in zip(names, root.values(), strict=True) if isinstance(value, TensorData)]
            if len(tensors) * 2 > len(names):
                return f"{len(tensors)} tensors ({_some(tensors)})"
            return f"{_some(names)}"
        case list() | tuple() if root:
            return f"a list of {len(root)} things"
        case Record():
            return f"an object of the class {shown(root.name)}"
        case TensorData() | ArrayData():
            return "a single tensor"
        case dict() | list() | tuple() | None:
            return "nothing"
    return "a single value"


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (" and more" if len(names) > 4 else "")
