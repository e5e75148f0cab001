"""The keyboard of the track, written down once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from explorer.ui.timeline.track import TimelineTrack

__all__ = ["KEYS_HELP", "is_key", "press_key"]

Key, Modifier = Qt.Key, Qt.KeyboardModifier
NONE: Final = Modifier.NoModifier
CTRL: Final = Modifier.ControlModifier
SHIFT: Final = Modifier.ShiftModifier
ALT: Final = Modifier.AltModifier
STEPS: Final = {Key.Key_Left: -1, Key.Key_Right: 1}
PLAIN: Final = (
    *(Key.Key_Left, Key.Key_Right, Key.Key_Home, Key.Key_End, Key.Key_Return, Key.Key_Enter),
    *(Key.Key_Delete, Key.Key_Backspace, Key.Key_Insert, Key.Key_I, Key.Key_O, Key.Key_S, Key.Key_0),
    *(Key.Key_Plus, Key.Key_Minus, Key.Key_Equal, Key.Key_Escape),
)
KEYS_HELP: Final = (
    "Left and Right select, with Shift more of them, with Alt they move keyframes by a frame, with Alt and Shift "
    "everything after them too, with Control and Shift they change the order. Return goes to a keyframe, Insert adds "
    "the current point at the playhead, Control D duplicates, Delete removes. I and O choose the part to loop, S "
    "switches the magnet; plus, minus and 0 zoom."
)


def is_key(event: QKeyEvent) -> bool:
    """Whether a key is for the track, so that no shortcut of the window takes it."""
    key, held = Key(event.key()), event.modifiers() & ~Modifier.KeypadModifier
    if key in STEPS:
        return held in (NONE, SHIFT, ALT, ALT | SHIFT, CTRL | SHIFT)
    if key in (Key.Key_Home, Key.Key_End, Key.Key_Plus):
        return held in (NONE, SHIFT)
    return (held == NONE and key in PLAIN) or (held == CTRL and key in (Key.Key_D, Key.Key_A))


def press_key(track: TimelineTrack, event: QKeyEvent) -> bool:
    """Do what a key stands for; False where it stands for nothing here."""
    if not is_key(event) or not track.film().keyframes:
        return False
    key, held = Key(event.key()), event.modifiers() & ~Modifier.KeypadModifier
    if key in STEPS and held & ALT:
        track.move_selected(STEPS[key], ripple=bool(held & SHIFT))
    elif key in STEPS and held & CTRL:
        track.reorder_current(STEPS[key])
    elif key in (*STEPS, Key.Key_Home, Key.Key_End):
        _go_along(track, key, bool(held & SHIFT))
    elif key in (Key.Key_I, Key.Key_O):
        _cut(track, key == Key.Key_I)
    elif key == Key.Key_Escape:
        if not track.selection():
            return False  # the window may have a message to close
        track.select(())
    else:
        {
            Key.Key_Return: track.go_to_current,
            Key.Key_Enter: track.go_to_current,
            Key.Key_Delete: track.remove_selected,
            Key.Key_Backspace: track.remove_selected,
            Key.Key_Insert: track.insert_at_playhead,
            Key.Key_D: track.duplicate_selected,
            Key.Key_A: track.select_all,
            Key.Key_S: track.toggle_snapping,
            Key.Key_0: track.fit,
            Key.Key_Plus: track.zoomIn,
            Key.Key_Equal: track.zoomIn,
            Key.Key_Minus: track.zoomOut,
        }[key]()
    return True


def _go_along(track: TimelineTrack, key: Qt.Key, extends: bool) -> None:
    last, now = len(track.film().keyframes) - 1, track.current()
    to = {Key.Key_Home: 0, Key.Key_End: last}.get(key, now + STEPS.get(key, 0))
    to = min(max(to, 0), last)
    if extends:
        track.select_to(to)
    else:
        track.select((to,), to)
    track.scrollTo(track.places().times[to])


def _cut(track: TimelineTrack, is_start: bool) -> None:
    """Let the part that is looped start, or end, at the playhead."""
    film, places, moment = track.film(), track.places(), track.moment()
    if not film.is_playable or moment is None:
        return
    start, end = film.region or (0.0, places.seconds)
    start, end = (moment, end if end > moment else places.seconds) if is_start else (start, moment)
    track.set_region((start if start < end else 0.0, end))
