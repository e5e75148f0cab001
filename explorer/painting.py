"""What is painted by hand over a picture, kept as a file that scenes can name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from explorer.kept_files import keep_png
from explorer.scene import ImageFile
from explorer.workers import Jobs, Report

__all__ = ["start_keeping"]


def start_keeping(jobs: Jobs, folder: Path, encode: Callable[[], bytes], then: Callable[[ImageFile], None]) -> None:
    """Encode and write a painting on a worker; ``then`` gets its file on the main thread."""

    def work(report: Report) -> ImageFile:
        return keep_png(folder, encode())

    jobs.start("Keep the painting", work, then)
