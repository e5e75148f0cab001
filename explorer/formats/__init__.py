"""Files to ``Checkpoint``s, safely: one reader per container, nothing in a file is ever executed."""

from __future__ import annotations

from explorer.formats.checkpoint import Checkpoint, find_bad_values
from explorer.formats.native import read_native, write_native
from explorer.formats.open import FORMATS, read_checkpoint, read_config

__all__ = [
    "FORMATS",
    "Checkpoint",
    "find_bad_values",
    "read_checkpoint",
    "read_config",
    "read_native",
    "write_native",
]
