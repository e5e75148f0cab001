"""The film of a track and what of it is selected, with the edits that the selected keyframes get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from explorer.animation import Film
from explorer.animation.easing import Easing
from explorer.animation.editing import duplicated, eased, removed, reordered
from explorer.ui.timeline.drags import KEYS, LABELS, REGION
from explorer.ui.timeline.moves import Moved, moved
from explorer.ui.timeline.view import TimeView

__all__ = ["SelectingView", "followed"]


class SelectingView(TimeView):
    """Keyframes of which some are selected: what is seen as selected is what every verb acts on."""

    keyframeChosen = Signal(int)
    edited = Signal(object, str, bool)  # Film, what was done, and whether that is a step of undo now
    replaceAsked = Signal(int)  # the scene of a keyframe by the current point
    selectionChanged = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selected: frozenset[int] = frozenset()
        self._current, self._anchor = -1, -1  # the keyframe that arrows move from, and where Shift began
        self._is_editing = False

    def setFilm(self, film: Film) -> None:
        """Show a film. Keyframes that are still in their place stay selected."""
        before = self._film
        if film is before:
            return
        self._take_film(film)
        if not self._is_editing and film.keyframes is not before.keyframes:
            self.forget_hand()
            stays = {index for index in self._selected if _is_same(before, film, index)}
            self.select(stays, self._current if self._current in stays else max(stays, default=-1))
        if not self.is_held():
            self._look(self._scale, self._offset)
        self.update()

    def is_held(self) -> bool:
        """Whether a drag goes on."""
        return False

    def forget_hand(self) -> None:
        """Let go of what is dragged or hovered: it is another film."""

    def selection(self) -> tuple[int, ...]:
        """The keyframes that are seen as selected, in order."""
        return tuple(sorted(self._selected))

    def is_selected(self, index: int) -> bool:
        return index in self._selected

    def selected_set(self) -> frozenset[int]:
        return self._selected

    def current(self) -> int:
        """The keyframe that the arrows move from, or -1."""
        return self._current

    def select(self, indices: Iterable[int], current: int = -1) -> None:
        """Select these keyframes and no others."""
        chosen = frozenset(indices)
        self._current = self._anchor = current
        if chosen != self._selected:
            self._selected = chosen
            self.selectionChanged.emit()
        self.update()

    def select_to(self, index: int) -> None:
        """Select everything from where the selection began to a keyframe."""
        anchor = self._anchor if self._anchor >= 0 else index
        self.select(range(min(anchor, index), max(anchor, index) + 1), index)
        self._anchor = anchor

    def toggle(self, index: int) -> None:
        """Select one keyframe more, or one less."""
        self.select(self._selected ^ {index}, index)

    @Slot()
    def select_all(self) -> None:
        self.select(range(len(self._film.keyframes)), max(self._current, 0))

    # --- edits ---

    @Slot()
    def go_to_current(self) -> None:
        if self._current >= 0:
            self.keyframeChosen.emit(self._current)

    @Slot()
    def replace_current(self) -> None:
        if self._current >= 0:
            self.replaceAsked.emit(self._current)

    @Slot()
    def remove_selected(self) -> None:
        """Remove the keyframes that are seen as selected; the one after them is selected then."""
        if self._selected:
            film = removed(self._film, self._selected)
            left = min(min(self._selected), len(film.keyframes) - 1)
            self._edit(film, "Remove keyframes", frozenset({left} - {-1}), left)

    @Slot()
    def duplicate_selected(self) -> None:
        """Put a copy behind each of the selected keyframes, and select the copies."""
        if self._selected:
            copies = [index + place + 1 for place, index in enumerate(self.selection())]
            self._edit(duplicated(self._film, self._selected), "Duplicate keyframes", frozenset(copies), copies[0])

    def ease_selected(self, easing: Easing, settled: bool = True) -> None:
        """Give the ways that start at the selected keyframes another easing."""
        if self._selected:
            film = eased(self._film, self._selected, easing)
            self._edit(film, "Easing" if settled else "", self._selected, self._current, settled)

    def show_again(self, film: Film) -> None:
        """Take back what is not a step of undo yet."""
        self._edit(film, "", self._selected, self._current, settled=False)

    def move_selected(self, frames: int, ripple: bool = False) -> None:
        """Move the selected keyframes by some frames; with ``ripple`` all later ones come along."""
        if self._selected:
            done = moved(self._film, self._selected, frames / self._film.frames_per_second, ripple)
            self._edit(done.film, LABELS[KEYS], done.chosen, followed(done, self._selected, self._current))

    def reorder_current(self, step: int) -> None:
        """Change places with a neighbour; the times stay as they are."""
        to = self._current + step
        if self._current >= 0 and 0 <= to < len(self._film.keyframes):
            self._edit(reordered(self._film, self._current, to), "Change the order", frozenset({to}), to)

    def set_region(self, region: tuple[float, float] | None) -> None:
        """Loop a part of the film, or all of it again."""
        if region is None or region[1] - region[0] >= 1 / self._film.frames_per_second - 1e-9:
            self._edit(replace(self._film, region=region), LABELS[REGION], self._selected, self._current)

    @Slot()
    def clear_region(self) -> None:
        self.set_region(None)

    def _edit(self, film: Film, label: str, chosen: frozenset[int], current: int, settled: bool = True) -> None:
        """Ask for another film, in which ``chosen`` are selected."""
        self._is_editing = True
        try:
            self.edited.emit(film, label, settled)
        finally:
            self._is_editing = False
        self.select(chosen, current)


def followed(done: Moved, before: frozenset[int], index: int) -> int:
    """Where a keyframe is after some were moved: those moved keep their order."""
    return sorted(done.chosen)[sorted(before).index(index)] if index in before else -1


def _is_same(before: Film, after: Film, index: int) -> bool:
    """Whether a keyframe is still where it was in the order."""
    if index >= min(len(before.keyframes), len(after.keyframes)):
        return False
    return before.keyframes[index].scene == after.keyframes[index].scene
