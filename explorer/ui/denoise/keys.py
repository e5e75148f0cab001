"""The keyboard of the Denoise workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QApplication

from explorer.ui.shortcuts import RUN_SHORTCUTS

if TYPE_CHECKING:
    from explorer.ui.denoise.workspace import Denoise

__all__ = ["bind_keys"]

NEAR = ("run-back", "run-on", "run-start", "run-end")  # keys that sliders and lists outside of the workspace need too


def bind_keys(workspace: Denoise) -> dict[str, QAction]:
    """Give the workspace its keys; they act only while it is shown, arrows only while it has the focus."""
    playback = workspace.playback

    def play_or_press() -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            focus.click()
        else:
            playback.toggle()

    slots: dict[str, Callable[[], object]] = {
        "run-play": play_or_press,
        "run-backward": playback.backward,
        "run-pause": playback.pause,
        "run-forward": playback.forward,
        "run-back": playback.step_back,
        "run-on": playback.step_on,
        "run-start": playback.go_to_start,
        "run-end": playback.go_to_end,
        "run-in": playback.toggle_in,
        "run-out": playback.toggle_out,
        "run-branch": workspace.branch_here,
        "run-wipe": workspace.comparing.toggle,
        "run-view": workspace.next_view,
        "run-brush": workspace.brush_button.toggle,
        "run-eraser": workspace.brush.toggle_eraser,
    }
    made = {}
    for name, keys, words in RUN_SHORTCUTS:
        action = QAction(words, workspace)
        action.setShortcuts([QKeySequence(key) for key in keys])
        if name in NEAR:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(slots[name])
        workspace.addAction(action)
        made[name] = action
    return made
