"""Asking for files, without ever blocking the event loop: the one place where file dialogs are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

__all__ = ["ask_folder", "ask_open", "ask_save"]


def ask_open(parent: QWidget, title: str, folder: str, filters: str, then: Callable[[Path], None]) -> QFileDialog:
    """Let the person choose an existing file; ``then`` gets it, and is not called when they cancel."""
    dialog = QFileDialog(parent, title, folder, filters)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return _ask(dialog, then)


def ask_folder(parent: QWidget, title: str, folder: str, then: Callable[[Path], None]) -> QFileDialog:
    """Let the person choose an existing folder; ``then`` gets it, and is not called when they cancel."""
    dialog = QFileDialog(parent, title, folder)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return _ask(dialog, then)


def ask_save(parent: QWidget, title: str, suggestion: Path, filters: str, then: Callable[[Path], None]) -> QFileDialog:
    """Let the person choose where to write; asks before replacing a file. The suffix is that of the chosen filter."""
    dialog = QFileDialog(parent, title, str(suggestion.parent), filters)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suggestion.suffix.removeprefix("."))
    dialog.selectFile(suggestion.name)
    return _ask(dialog, then)


def _ask(dialog: QFileDialog, then: Callable[[Path], None]) -> QFileDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))  # the dialog outlives nothing it calls
    dialog.open()
    return dialog
