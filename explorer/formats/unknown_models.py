"""What an unknown file of weights looks like, by the names and shapes in it, and what it would take to use it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from explorer.formats.opcodes import shown

__all__ = ["describe_unknown"]

Shapes = Mapping[str, tuple[int, ...]]

GENERATOR: Final = "Save the weights of the generator beside it, and open those."
WHOLE: Final = "Open the folder or the file of the whole model, with its other networks."
NO_PICTURES: Final = "It draws no pictures. Models that make pictures from a point or from noise can be opened."
OTHER: Final = (
    "Weights alone do not say how they are used. Of files of weights, a DCGAN, a VAE named as in PyTorch-VAE and a "
    "StyleGAN2 can be opened; other models as a folder of diffusers."
)
UNET: Final = re.compile(
    r"(^|\.)(down_blocks|downs|input_blocks|time_embed|time_mlp|time_embedding|middle_block|mid_block)\."
)
HEAD: Final = re.compile(r"(^|\.)(fc|fc\d|head|heads\.head|classifier(\.\d+)?|linear|logits|out)\.weight$")
ATTENTION: Final = re.compile(r"\b(attn|attention|self_attn|qkv|q_proj|query)\b|in_proj_weight")
WORDS: Final = 5_000  # rows of a table from here on are words


def describe_unknown(shapes: Shapes) -> tuple[str, str]:
    """What a file with tensors of these names and shapes holds, as the end of "it holds ...", and a hint.

    It is a guess by what is usual, and says so where several things look alike.
    """
    names = list(shapes)
    if not names:
        return "no weights at all", OTHER
    text = "\n".join(names)
    tables = {name: shape for name, shape in shapes.items() if name.endswith("weight") and len(shape) == 2}
    pictures = {name: shape for name, shape in shapes.items() if name.endswith("weight") and len(shape) == 4}
    if "lora_" in text or "lora." in text or "hada_w" in text:
        return "changes to a model (a LoRA), and not the model they change", WHOLE
    if "shared.weight" in shapes and re.search(r"(^|\n)blocks\.0\.0\.", text):
        return "the generator of a BigGAN, in the form of its authors' own program", (
            "The folder of the same model for Hugging Face (config.json and pytorch_model.bin) can be opened."
        )
    if UNET.search(text):
        what = "a network that removes noise (a U-Net)" if pictures else "a network that removes noise"
        return f"{what}, without its noise schedule{_size(shapes)}", (
            "What it predicts, and of which noise, is not in the weights. A folder of diffusers says it, and opens."
        )
    if any(name.startswith(("quant_conv.", "post_quant_conv.", "encoder.down.", "decoder.up.")) for name in names):
        return f"an autoencoder of pictures, whose codes another model draws{_size(shapes)}", WHOLE
    sorts = _classifier(tables, pictures, text)
    if sorts is not None:
        return sorts, NO_PICTURES
    rows = max((shape[0] for name, shape in tables.items() if "embed" in name or "wte" in name), default=0)
    if rows >= WORDS and ATTENTION.search(text):
        return f"a model of text with {rows:,} words", NO_PICTURES
    found = _halves(shapes, pictures) or _dense(tables, shapes, pictures)
    if found is not None:
        return found
    first = ", ".join(shown(name) for name in names[:3])
    more = " and more" if len(names) > 3 else ""
    count = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
    return f"{count} of an architecture that is not known here ({first}{more})", OTHER


def _classifier(tables: Shapes, pictures: Shapes, text: str) -> str | None:
    """A network whose last matrix gives scores."""
    if not tables or re.search(r"fc_mu|fc_var|logvar|decoder", text):
        return None
    last, shape = list(tables.items())[-1]
    looks_at_pictures = bool(pictures) and next(iter(pictures.values()))[1] in (1, 3)
    if not HEAD.search(last) or shape[0] < 2 or not looks_at_pictures:
        return None
    kind = "a transformer that sorts pictures" if "patch_embed" in text or "cls_token" in text else "a classifier"
    return f"{kind} ({shown(last)} {shape[0]} x {shape[1]})"


def _halves(shapes: Shapes, pictures: Shapes) -> tuple[str, str] | None:
    """One half of a GAN or of a VAE, by the row of its convolutions."""
    rows = list(pictures.values())
    if not rows:
        return None
    encodes = [name for name in shapes if re.search(r"(^|\.)(encoder|enc|fc_mu|mu|mean)\.", name)]
    decodes = [name for name in shapes if re.search(r"(^|\.)(decoder|dec|decoder_input|final_layer)\.", name)]
    if encodes and decodes:
        return f"an encoder and a decoder of an unknown kind (as of a VAE){_size(shapes)}", OTHER
    if encodes:
        return "an encoder without a decoder, which draws no pictures", "Save the weights of the decoder with it."
    if decodes:
        return f"a decoder without a description of it{_size(shapes)}", OTHER
    narrows = rows[0][1] in (1, 3, 4, 6) and all(one[0] == two[1] for one, two in pairwise(rows))
    last_table = next((shape for name, shape in reversed(list(shapes.items())) if len(shape) == 2), None)
    judges = rows[-1][0] == 1 or (last_table is not None and last_table[0] == 1)
    if narrows and judges:
        return f"only a discriminator, the half of a GAN that judges pictures{_size(shapes)}", GENERATOR
    kernels = rows[0][2:], rows[-1][2:]
    if kernels == ((7, 7), (7, 7)) and rows[0][1] == rows[-1][0] == 3:
        return "a network that turns one picture into another (as of CycleGAN)", (
            "Models that make pictures from a point or from noise can be opened."
        )
    if rows[-1][1] in (1, 3) and rows[-1][0] > 3:
        return f"a generator of transposed convolutions that differs from a DCGAN{_size(shapes)}", OTHER
    if rows[-1][0] in (1, 3) and rows[-1][1] > 3:
        return f"a generator of convolutions of an unknown kind{_size(shapes)}", OTHER
    return None


def _dense(tables: Shapes, shapes: Shapes, pictures: Shapes) -> tuple[str, str] | None:
    """Networks of fully connected layers."""
    if not tables or pictures or any(len(shape) > 2 for shape in shapes.values()):
        return None
    first, *_, last = (*tables.values(), *tables.values())
    if last[0] == 1:
        return "only a discriminator of fully connected layers, or another network that gives one number", GENERATOR
    text = "\n".join(shapes)
    if re.search(r"(^|\n|\.)(mu|mean|fc_mu|fc21|logvar|log_var|fc_var)\b", text) and re.search(r"fc3|dec", text):
        return f"a VAE of fully connected layers{_side(last[0])}", OTHER
    if last[0] > first[1]:
        return f"a generator of fully connected layers, {first[1]} to {last[0]} numbers{_side(last[0])}", OTHER
    return f"a network of fully connected layers, {first[1]} to {last[0]} numbers", NO_PICTURES


def _side(values: int) -> str:
    """What square picture so many values are."""
    for channels, colour in ((1, "grey"), (3, "in colour")):
        side = math.isqrt(values // channels) if values % channels == 0 else 0
        if side >= 8 and side * side * channels == values:
            return f" (pictures of {side} x {side} pixels, {colour})"
    return ""


def _size(shapes: Shapes) -> str:
    count = sum(math.prod(shape) for shape in shapes.values())
    return f", {count / 1e6:.1f} million numbers" if count >= 100_000 else ""
