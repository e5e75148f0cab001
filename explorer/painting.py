"""What is painted by hand over a picture, kept as a file that scenes can name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from explorer.files import write_atomically
from explorer.scene import ImageFile
from explorer.workers import Jobs, Report

__all__ = ["keep_painting", "start_keeping"]


def keep_painting(folder: Path, png: bytes) -> ImageFile:
    """Write an encoded picture into ``folder``, named after its content, so that equal paintings are one file.

    Raises ExportError where the file cannot be written.
    """
    digest = hashlib.sha256(png).hexdigest()
    path = folder / f"{digest[:32]}.png"
    if not path.exists():
        with write_atomically(path) as temporary:
            temporary.write_bytes(png)
    return ImageFile(str(path), digest)


def start_keeping(jobs: Jobs, folder: Path, encode: Callable[[], bytes], then: Callable[[ImageFile], None]) -> None:
    """Encode and write a painting on a worker; ``then`` gets its file on the main thread."""

    def work(report: Report) -> ImageFile:
        return keep_painting(folder, encode())

    jobs.start("Keep the painting", work, then)
