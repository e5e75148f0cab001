"""How fast the picture changes along a film, out of what was measured along its ways."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from explorer.animation.film import Film, duration, position_at

__all__ = ["speed_curve"]

Floats = npt.NDArray[np.float64]


def speed_curve(film: Film, count: int) -> tuple[Floats, Floats]:
    """``count`` seconds of a film, evenly spaced, and the change of the picture per second there.

    The film has a way; ways that are not measured have no change. The unit is that of ``Keyframe.changes``.
    """
    edges = np.linspace(0.0, duration(film), count + 1)
    changed = np.array([_changed(film, float(t)) for t in edges])
    return (edges[:-1] + edges[1:]) / 2, np.diff(changed) / np.diff(edges)


def _changed(film: Film, t: float) -> float:
    """How much the picture has changed from the start of the film to ``t`` seconds."""
    way, part = position_at(film, t)
    before = sum(keyframe.changes[-1] for keyframe in film.keyframes[:way] if keyframe.changes)
    changes = film.keyframes[way].changes
    if not changes:
        return before
    return before + float(np.interp(part, np.linspace(0.0, 1.0, len(changes)), changes))
