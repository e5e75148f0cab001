"""The keyboard of the Atlas workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from explorer.ui.shortcuts import ATLAS_SHORTCUTS

if TYPE_CHECKING:
    from explorer.ui.atlas.workspace import Atlas

__all__ = ["bind_keys"]


def bind_keys(workspace: Atlas) -> dict[str, QAction]:
    """Give the workspace its keys; they act only while it is shown."""
    slots: dict[str, Callable[[], object]] = {
        "atlas-lasso": workspace.lasso.click,
        "atlas-box": workspace.box.click,
        "atlas-next": workspace.next_flagged,
        "atlas-previous": workspace.previous_flagged,
        "atlas-odd": workspace.inspector.mark_odd,
        "atlas-normal": workspace.inspector.mark_normal,
        "atlas-explore": workspace.open_current,
        "atlas-repair": workspace.inspector.test_repair,
        "atlas-thumbnails": workspace.toggle_thumbnails,
        "atlas-clear": workspace.clear_selection,
    }
    made = {}
    for name, keys, words in ATLAS_SHORTCUTS:
        action = QAction(words, workspace)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(slots[name])
        workspace.addAction(action)
        made[name] = action
    return made
