"""Loading the shared libraries of a large package before it is imported, without stopping the other threads.

``import`` holds Python's lock while the system loads libraries: 0.2 s for torch, in which the window would not answer.
A foreign function call does not hold it, so the libraries are loaded by calling the system's ``dlopen``; the import
that follows finds them there.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import Final

__all__ = ["IMPORTING", "preload"]

IMPORTING: Final = threading.RLock()  # held while a library imports itself piece by piece, which two threads break


def preload(package: str, pattern: str) -> None:
    """Load the libraries of ``package`` that match ``pattern`` in its folder, and what they need. Any thread.

    Does nothing on Windows, for a package that is imported already, and where anything is not as expected: then the
    import itself does the work or says what is wrong.
    """
    if sys.platform == "win32" or package in sys.modules:
        return
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return
    try:
        load = ctypes.CDLL(None).dlopen
    except (OSError, AttributeError):
        return
    load.argtypes, load.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    for library in sorted(Path(spec.origin).parent.glob(pattern)):
        load(os.fsencode(library), os.RTLD_NOW)
