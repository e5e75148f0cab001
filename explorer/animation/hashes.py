"""Proof that a film was made again exactly: the SHA-256 of every frame."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

import numpy as np

from explorer.animation.reel import Pixels
from explorer.errors import SceneError

__all__ = ["first_difference", "frame_hash", "read_hashes"]

LARGEST: Final = 64 << 20  # bytes of a list


def frame_hash(pixels: Pixels) -> str:
    """The SHA-256 of a frame's shape and pixels (h, w, c), uint8, as it was rendered."""
    shape = ",".join(map(str, pixels.shape)).encode("ascii")
    return hashlib.sha256(shape + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def read_hashes(path: Path) -> tuple[str, ...]:
    """A list of hashes, one on each line; raises SceneError where it is none."""
    try:
        lines = path.read_text("ascii").split() if path.stat().st_size <= LARGEST else [""]
    except (OSError, UnicodeDecodeError) as error:
        raise SceneError(f"{path} cannot be read as a list of hashes.") from error
    if not lines or not all(re.fullmatch(r"[0-9a-f]{64}", line) for line in lines):
        raise SceneError(f"{path} is not a list of SHA-256 hashes, one for every frame.")
    return tuple(lines)


def first_difference(expected: Sequence[str], seen: Sequence[str]) -> str:
    """A sentence that names the first frame that differs; empty where none does."""
    for number, (wanted, found) in enumerate(zip_longest(expected, seen), start=1):
        if wanted != found:
            missing = "is missing" if found is None else "is not in the list" if wanted is None else "differs"
            return f"Frame {number} {missing}: this is not the same film."
    return ""
