"""Which layers of a style-based model a move changes: the range a person has chosen, and ranges worth choosing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.mixing import bands
from explorer.scene import ALL_LAYERS
from explorer.session import Session

if TYPE_CHECKING:
    from explorer.facts import ModelFacts

__all__ = ["chosen_layers", "layer_groups", "whole"]


def whole(first: int, end: int, count: int) -> tuple[int, int]:
    """A range of ``count`` layers as moves name it: all layers have the same name in every model."""
    if not count or first >= count or (first == 0 and end >= count):
        return 0, ALL_LAYERS
    return first, min(end, count)


def chosen_layers(session: Session) -> tuple[int, int]:
    """The layers that moves are made in: the first one, and the one after the last."""
    count = len(session.model.facts.mixable) if session.model is not None else 0
    return whole(*session.view.layers, count)


def layer_groups(facts: ModelFacts) -> dict[str, tuple[int, int]]:
    """The ranges of coarse, middle and fine layers that there are."""
    return {band.name: (band.first, band.end) for band in bands([side for _, side in facts.mixable])}
