"""Files of pictures and masks that a run starts from: asking for them, looking at them, putting them into the scene."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import ImageOps
from PySide6.QtWidgets import QWidget

from explorer.imaging import read_image
from explorer.kept_files import keep_file, keep_png
from explorer.scene import ImageFile, Start
from explorer.ui.dialogs import ask_open
from explorer.ui.panel import Desk
from explorer.ui.panels.posterior import PICTURES
from explorer.ui.runs import go
from explorer.workers import Report

__all__ = ["ask_picture", "change_start", "inverted", "keep_picture", "kept_folder"]


def kept_folder(desk: Desk) -> Path:
    """Where pictures and masks are kept, beside what is painted."""
    return desk.actions.autosave_path.parent / "paint"


def ask_picture(desk: Desk, widget: QWidget, title: str, then: Callable[[Path], None]) -> None:
    """Let the person choose a picture file; ``then`` gets it."""
    ask_open(widget.window(), title, desk.actions.preferences.last_folder, PICTURES, then)


def keep_picture(desk: Desk, path: Path, take: Callable[[ImageFile], None]) -> None:
    """Have a file looked at and copied on a worker, so that the scene does not need the original any more.

    ``take`` gets the copy as scenes name it, unless another model is open by then.
    """
    model, folder = desk.session.model, kept_folder(desk)

    def work(report: Report) -> ImageFile:
        read_image(path)  # says what is wrong with it
        return keep_file(folder, path)

    def take_it(file: ImageFile) -> None:
        if desk.session.model is model:
            take(file)

    desk.actions.workers.background.start(f"Read {path.name}", work, take_it)


def change_start(desk: Desk, start: Start, label: str = "") -> None:
    """Start the run of the scene in another way, as a step of undo where it has a label."""
    scene = desk.session.scene
    go(desk, replace(scene, denoising=replace(scene.denoising, start=start)), label)


def inverted(mask: ImageFile, folder: Path) -> ImageFile:
    """A mask with black and white exchanged, kept in ``folder``; for a worker.

    Raises ImageError where the mask cannot be read, ExportError where the new one cannot be written.
    """
    written = io.BytesIO()
    ImageOps.invert(read_image(Path(mask.path)).convert("L")).save(written, format="PNG")
    return keep_png(folder, written.getvalue())
