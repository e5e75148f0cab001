"""The keyboard of the Compare workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from explorer.ui.shortcuts import COMPARE_SHORTCUTS

if TYPE_CHECKING:
    from explorer.ui.compare.workspace import Compare

__all__ = ["bind_keys"]

HELD = "compare-hold"  # acts as long as it is down, which no shortcut can


def bind_keys(workspace: Compare) -> dict[str, QAction]:
    """Give the workspace its keys; they act only while it is shown."""
    slots: dict[str, Callable[[], object]] = {
        "compare-way": workspace.next_mode,
        "compare-by": workspace.next_by,
        "compare-swap": workspace.pairing.swap,
        "compare-other": workspace.choose_other,
        "compare-add": workspace.add_tile.show_menu,
        "compare-measure": workspace.measure_desk.ask,
    }
    made = {}
    for name, keys, words in COMPARE_SHORTCUTS:
        if name != HELD:
            action = QAction(words, workspace)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.triggered.connect(slots[name])
            workspace.addAction(action)
            made[name] = action
    return made
