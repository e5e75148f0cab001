"""Functions compiled to machine code by numba, kept on the disk so that only the first start pays for it.

Compiled functions let go of the interpreter lock and run on one thread: numba's own threads must not be used by two
threads at a time, and the window has several.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

__all__ = ["beside", "compiled", "plain", "shares"]

F = TypeVar("F", bound=Callable[..., object])
S = TypeVar("S", bound=np.generic)
MOST_SHARES: Final = 4


def compiled(function: F) -> F:
    """The function in machine code, made at its first call with arrays of a type, or read from the disk."""
    _choose_folder()
    import numba

    return cast(F, numba.njit(function, nogil=True, cache=True))


def plain(array: npt.NDArray[S]) -> npt.NDArray[S]:
    """The array in one piece of writable memory, copied if need be: numba compiles anew for any other kind."""
    whole = np.ascontiguousarray(array)
    if type(whole) is not np.ndarray:  # such as a map of a file
        whole = whole.view(np.ndarray)
    return whole if whole.flags.writeable else whole.copy()


def shares(count: int, least: int) -> list[int]:
    """The edges of as many even shares of ``count`` as there are cores, none much smaller than ``least``."""
    number = max(1, min(os.cpu_count() or 1, MOST_SHARES, count // least))
    return [count * share // number for share in range(number + 1)]


def beside(work: Callable[..., object], arguments: Sequence[tuple[int, ...]]) -> None:
    """Do ``work`` for all arguments beside each other; its threads end with this call."""
    if len(arguments) == 1:
        work(*arguments[0])
        return
    with ThreadPoolExecutor(len(arguments) - 1) as pool:
        others = [pool.submit(work, *given) for given in arguments[1:]]
        work(*arguments[0])
        for other in others:
            other.result()


def _choose_folder() -> None:
    """Keep machine code in the program's cache, where the folder of the program cannot be written to."""
    if "NUMBA_CACHE_DIR" not in os.environ and not os.access(Path(__file__).parent, os.W_OK):
        import platformdirs

        os.environ["NUMBA_CACHE_DIR"] = str(platformdirs.user_cache_path("latent-explorer") / "compiled")
